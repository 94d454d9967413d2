/* The start of the Linux layer: the boot option, the switch of the router, /proc/syscalls. */
#include "core/cmdline.h"
#include "core/printk.h"
#include "core/registry.h"
#include "lib/format.h"
#include "lib/string.h"
#include "linux/linux.h"
#include "linux_priv.h"
#include "proc/cred.h"
#include "sched/events.h"

static bool count_all;

static void choose_route(void)
{
	bool all = linux_mode.restricted || count_all;

	WRITE_ONCE(syscall_route_all, all);
	/* Calls are recorded by the dispatcher, which the short way leaves out. */
	fast_call_switch(!all && !READ_ONCE(events_on));
}

static void events_were_switched(bool on __unused)
{
	choose_route();
}
NOTIFIER(events_switched, events_were_switched);

/* Says what is wrong with a mode: a list's first word that is no list by itself, else the mode. */
static void complain(const char *text)
{
	static struct linux_mode scratch;
	static const char custom[] = "custom:";
	char word[sizeof(linux_mode.text) + sizeof(custom)];
	const char *list = str_starts(text, custom) ? text + strlen(custom) : NULL;
	while (list && *list) {
		const char *comma = strchr(list, ',');
		size_t len = comma ? (size_t)(comma - list) : strlen(list);
		ksnprintf(word, sizeof(word), "%s%.*s", custom, (int)len, list);
		if (linux_mode_parse(&scratch, word)) {
			pr_err("linux=%s: `%s' is none of +CATEGORY -CATEGORY +CALL -CALL +all -all; full is used\n", text, word + strlen(custom));
			return;
		}
		list += len + (comma != NULL);
	}
	pr_err("linux=%s: must be full, minimal or custom:LIST; full is used\n", text);
}

static int linux_init(void)
{
	char text[sizeof(linux_mode.text)];
	if (cmdline_get("linux", text, sizeof(text)) < 0)
		strlcpy(text, "full", sizeof(text));
	if (linux_mode_parse(&linux_mode, text)) {
		complain(text);
		linux_mode_parse(&linux_mode, "full");
	}
	syscall_router = linux_route;
	fast_call_init();
	choose_route();
	trace_init();
	return 0;
}
long linux_denied(u32 nr)
{
	static bool told[SYSCALL_COUNT];
	if (!atomic_xchg(&told[nr], true))
		printk("system call %u (%s) is denied by linux=%s: asked for by %s (%d)\n", nr, syscall_infos[nr].name, linux_mode.text, current->name, current->tid);
	return -ENOSYS;
}

SUBSYSTEM(linux, .needs = "usermode proc", .init = linux_init, .stage = "12-linux");
CMDLINE_PARAM(linux, "linux");
CMDLINE_PARAM(trace, "trace");

/*
 * /proc/syscalls: the mode, then each call that was made, then sums by category. Calls that went straight to their subsystem are counted by
 * usermode's dispatcher; those that were routed have errors and times as well. Writing `on` routes all calls, `off` only those that must be.
 */
static int show_syscalls(struct seq *s)
{
	struct linux_count by_category[SYSCALL_CATEGORIES] = { 0 };
	seq_printf(s, "mode %s, counting %s\n\n", linux_mode.text, syscall_route_all ? "all" : "calls only");
	seq_printf(s, "%4s %-20s %-8s %12s %10s %8s %14s\n", "nr", "name", "category", "calls", "errors", "denied", "microseconds");
	for (u32 nr = 0; nr < SYSCALL_COUNT; nr++) {
		const struct syscall_info *info = &syscall_infos[nr];
		if (!info->name)
			continue;
		struct linux_count c = linux_count_of(nr), *sum = &by_category[info->category];
		c.calls += syscall_direct_count(nr);
		sum->calls += c.calls;
		sum->errors += c.errors;
		sum->denied += c.denied;
		sum->ns += c.ns;
		if (c.calls)
			seq_printf(s, "%4u %-20s %-8s %12lu %10lu %8lu %14lu\n", nr, info->name, syscall_category_names[info->category], c.calls, c.errors, c.denied,
				   c.ns / 1000);
	}
	seq_puts(s, "\n");
	for (u32 i = 0; i < SYSCALL_CATEGORIES; i++)
		seq_printf(s, "%-25s %-8s %12lu %10lu %8lu %14lu\n", "category", syscall_category_names[i], by_category[i].calls, by_category[i].errors,
			   by_category[i].denied, by_category[i].ns / 1000);
	return 0;
}

static ssize_t store_syscalls(const char *text, size_t len)
{
	char word[sizeof(linux_mode.text)];
	strlcpy(word, text, sizeof(word));
	char *end = strchr(word, '\n');
	if (end)
		*end = '\0';
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (strcmp(word, "on") == 0 || strcmp(word, "off") == 0)
		count_all = word[1] == 'n';
	else if (linux_mode_parse(&linux_mode, word))
		return -EINVAL;
	choose_route();
	return (ssize_t)len;
}
NODE(syscalls, .path = "syscalls", .mode = 0644, .show = show_syscalls, .store = store_syscalls);
