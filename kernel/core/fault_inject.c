/*
 * Fault injection. Two counters, independent of each other:
 *
 *   fault=KIND:N[:persist|every]   counts the operations of one kind by all user threads together, those of the wire (tx, rx) whoever does them; the Nth fails,
 *                              and with `persist` all after it, with `every` each further Nth
 *   fail-nth of a thread       counts that thread's operations of any kind down from N; the one that brings it to 0 fails. A test loops N = 1, 2, ... until
 *                              its call succeeds with the counter not yet at 0. Of the wire it counts nothing: who sends does not hear of a loss.
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
	[FAULT_KMALLOC] = "kmalloc", [FAULT_PAGE] = "page", [FAULT_COPYUSER] = "copyuser", [FAULT_BREAD] = "bread", [FAULT_BWRITE] = "bwrite", [FAULT_LOST] = "lost",
	[FAULT_TX] = "tx", [FAULT_RX] = "rx",
};
/* Which fails; set before there are others. */
static struct fault_plan {
	u64 nth; /* 0: none */
	enum { ONCE, PERSIST, EVERY } after;
} plans[FAULT_KINDS];
static const char *const afters[] = { [ONCE] = "", [PERSIST] = ":persist", [EVERY] = ":every" };
static u64 seen[FAULT_KINDS]; /* atomic */
u32 *(*fault_inject_thread_hook)(void);

CMDLINE_PARAM(fault, "fault");

static bool planned(enum fault_kind kind)
{
	const struct fault_plan *plan = &plans[kind];
	u64 n;

	if (likely(!plan->nth))
		return false;
	n = atomic_add_return(&seen[kind], 1);
	return plan->after == EVERY ? n % plan->nth == 0 : n == plan->nth || (plan->after == PERSIST && n > plan->nth);
}

bool fault_inject(enum fault_kind kind)
{
	u32 *thread;

	if (kind == FAULT_TX || kind == FAULT_RX)
		return planned(kind);
	thread = in_irq() || !fault_inject_thread_hook ? NULL : fault_inject_thread_hook();
	if (!thread)
		return false;
	return planned(kind) || (unlikely(*thread) && --*thread == 0);
}

static int fault_init(void)
{
	char text[64];

	if (cmdline_get("fault", text, sizeof(text)) < 0)
		return 0;
	for (int k = 0; k < FAULT_KINDS; k++) {
		size_t n = strlen(names[k]);
		const char *end;
		u64 nth;

		if (strncmp(text, names[k], n) != 0 || text[n] != ':')
			continue;
		nth = parse_u64(text + n + 1, &end, 10);
		for (size_t i = 0; nth && i < ARRAY_SIZE(afters); i++)
			if (strcmp(end, afters[i]) == 0) {
				plans[k] = (struct fault_plan){ nth, (int)i };
				return 0;
			}
	}
	pr_warn("fault=%s is not understood\n", text);
	return 0;
}
SUBSYSTEM(fault_inject, .needs = "", .init = fault_init, .stage = "01-boot");
#endif
