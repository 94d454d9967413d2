/*
 * Fault injection. Two counters, independent of each other:
 *
 *   fault=KIND:N[:persist]     counts the operations of one kind by all user threads together; the Nth fails, and with
 *                              `persist` all after it
 *   fail-nth of a thread       counts that thread's operations of any kind down from N; the one that brings it to 0 fails. A test loops N = 1, 2, ... until
 *                              its call succeeds with the counter not yet at 0.
 */
#include "core/fault_inject.h"

#if DEBUG
#include "core/atomic.h"
#include "core/cmdline.h"
#include "core/percpu.h"
#include "core/printk.h"
#include "core/registry.h"
#include "lib/string.h"

static const char *const names[FAULT_KINDS] = {
	[FAULT_KMALLOC] = "kmalloc", [FAULT_PAGE] = "page", [FAULT_COPYUSER] = "copyuser", [FAULT_BREAD] = "bread", [FAULT_BWRITE] = "bwrite", [FAULT_TX] = "tx", [FAULT_LOST] = "lost",
};
static s64 left[FAULT_KINDS];     /* atomic: operations until one fails; 0: off */
static bool persist[FAULT_KINDS];
u32 *(*fault_inject_thread_hook)(void);

CMDLINE_PARAM(fault, "fault");

bool fault_inject(enum fault_kind kind)
{
	u32 *thread = in_irq() || !fault_inject_thread_hook ? NULL : fault_inject_thread_hook();

	if (!thread)
		return false;
	if (unlikely(atomic_load_relaxed(&left[kind]) > 0)) {
		s64 now = atomic_sub_return(&left[kind], 1);
		if (now == 0) {
			if (persist[kind])
				atomic_store(&left[kind], 1);
			return true;
		}
	}
	return unlikely(*thread) && --*thread == 0;
}

static int fault_init(void)
{
	char text[64];

	if (cmdline_get("fault", text, sizeof(text)) < 0)
		return 0;
	for (int k = 0; k < FAULT_KINDS; k++) {
		size_t n = strlen(names[k]);
		const char *end;
		if (strncmp(text, names[k], n) != 0 || text[n] != ':')
			continue;
		left[k] = (s64)parse_u64(text + n + 1, &end, 10);
		persist[k] = strcmp(end, ":persist") == 0;
		return 0;
	}
	pr_warn("fault=%s is not understood\n", text);
	return 0;
}
SUBSYSTEM(fault_inject, .needs = "", .init = fault_init, .stage = "01-boot");
#endif
