/*
 * Running the subsystems in an order in which each comes after what it needs.
 *
 * The set is small, so the order is found by rounds: start whatever has all its needs up, until a round starts nothing. Among those that could start, the
 * order of the link decides, so a boot is the same every time. What is left after that needs something that is absent, failed or needs it back in a circle.
 */
#include "core/registry.h"
#include "core/boot_clock.h"
#include "core/node.h"
#include "core/printk.h"
#include "core/verdict.h"
#include "lib/string.h"

static struct subsystem *find(const char *name, size_t len)
{
	LINKER_SET_FOREACH(subsystems, it)
		if (strlen((*it)->name) == len && strncmp((*it)->name, name, len) == 0)
			return *it;
	return NULL;
}

/* The next word of *list; 0 at the end. */
static size_t next_need(const char **list, const char **word)
{
	const char *p = *list;

	while (*p == ' ')
		p++;
	*word = p;
	while (*p && *p != ' ')
		p++;
	*list = p;
	return (size_t)(p - *word);
}

/* PENDING: some need has not run yet. OK: all are up. OFF: one never will be (s->missing names it). */
static enum subsystem_state needs_state(struct subsystem *s)
{
	const char *list = s->needs ? s->needs : "", *word;
	enum subsystem_state result = SUBSYSTEM_OK;
	size_t len;

	while ((len = next_need(&list, &word)) > 0) {
		struct subsystem *n = find(word, len);
		if (!n || n->state == SUBSYSTEM_FAILED || n->state == SUBSYSTEM_OFF) {
			s->missing = word;
			return SUBSYSTEM_OFF;
		}
		if (n->state == SUBSYSTEM_PENDING) {
			s->missing = word;
			result = SUBSYSTEM_PENDING;
		}
	}
	return result;
}

static int missing_len(const struct subsystem *s)
{
	const char *list = s->missing, *word;

	return (int)next_need(&list, &word);
}

static void run(struct subsystem *s)
{
	u64 start = boot_clock_ns();

	s->missing = NULL;
	s->error = s->init ? s->init() : 0;
	s->micros = (u32)((boot_clock_ns() - start) / 1000);
	s->state = s->error ? SUBSYSTEM_FAILED : SUBSYSTEM_OK;
	if (s->error)
		pr_err("  %-14s failed (%d)\n", s->name, s->error);
	else
		printk("  %-14s ok %10u us\n", s->name, s->micros);
	verdict("SUBSYSTEM %s %s %d\n", s->name, s->error ? "failed" : "ok", s->error);
}

static void turn_off(struct subsystem *s)
{
	s->state = SUBSYSTEM_OFF;
	pr_warn("  %-14s off (needs %.*s)\n", s->name, missing_len(s), s->missing);
	verdict("SUBSYSTEM %s off 0\n", s->name);
}

void registry_run(void)
{
	bool progress = true;

	while (progress) {
		progress = false;
		LINKER_SET_FOREACH(subsystems, it) {
			struct subsystem *s = *it;
			enum subsystem_state needs;
			if (s->state != SUBSYSTEM_PENDING || (needs = needs_state(s)) == SUBSYSTEM_PENDING)
				continue;
			if (needs == SUBSYSTEM_OK)
				run(s);
			else
				turn_off(s);
			progress = true;
		}
	}
	LINKER_SET_FOREACH(subsystems, it)
		if ((*it)->state == SUBSYSTEM_PENDING)
			turn_off(*it);
}

enum subsystem_state registry_state(const char *name)
{
	struct subsystem *s = find(name, strlen(name));

	return s ? s->state : SUBSYSTEM_OFF;
}

static int show_subsystems(struct seq *q)
{
	static const char *const names[] = { "pending", "ok", "failed", "off" };

	LINKER_SET_FOREACH(subsystems, it) {
		struct subsystem *s = *it;
		seq_printf(q, "%-14s %-8s %-12s %8u us", s->name, names[s->state], s->stage ? s->stage : "", s->micros);
		if (s->state == SUBSYSTEM_FAILED)
			seq_printf(q, "  error %d", s->error);
		if (s->state == SUBSYSTEM_OFF && s->missing)
			seq_printf(q, "  needs %.*s", missing_len(s), s->missing);
		seq_puts(q, "\n");
	}
	return 0;
}
NODE(subsystems, .path = "subsystems", .show = show_subsystems);
