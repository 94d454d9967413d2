/*
 * A flight recorder: each CPU has a ring of its own, written with interrupts off, so recording takes no lock and CPUs never wait for each other.
 *
 *   event_rings[cpu].records ──► | 0 | 1 | 2 | … | EVENTS_KEPT-1 |        record n stands at n % EVENTS_KEPT
 *                   .count       how many were ever written; the newest is count - 1
 *
 * Records of one CPU are in the order of time; those of several CPUs are put in order by their reader. `make trace` reads event_rings out of the machine's
 * memory from outside, which works for a kernel that hangs or has panicked as well; /proc/events prints the newest records as text.
 */
#include "sched/events.h"

#include "core/cmdline.h"
#include "core/err.h"
#include "core/node.h"
#include "core/printk.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "sched/mutex.h"
#include "sched/thread.h"

#define SHOWN 2000u /* of each CPU, in /proc/events */

bool events_on; /* written under events_lock */

static struct {
	struct event *records; /* set once, under events_lock */
	u64 count;             /* written by its CPU alone, interrupts off */
} event_rings[MAX_CPUS];
static MUTEX(events_lock, RANK_SUBSYS_MUTEX);
CMDLINE_PARAM(events, "events");

void event_record(enum event_kind kind, s32 tid, u32 detail, u64 a, u64 b)
{
	u64 flags = irq_save();
	u32 cpu = cpu_id();
	struct event *records = READ_ONCE(event_rings[cpu].records);

	if (records) {
		records[event_rings[cpu].count % EVENTS_KEPT] =
			(struct event){ .ns = time_ns(), .tid = tid, .kind = (u8)kind, .cpu = (u8)cpu, .detail = (u16)detail, .data = { a, b } };
		WRITE_ONCE(event_rings[cpu].count, event_rings[cpu].count + 1);
	}
	irq_restore(flags);
}

static void thread_switched(struct thread *prev, struct thread *next)
{
	u64 name[2];

	if (likely(!READ_ONCE(events_on)))
		return;
	memcpy(name, next->name, sizeof(name));
	event_record(EVENT_SWITCH, next->tid, prev->state, name[0], name[1]);
}
NOTIFIER(thread_switch, thread_switched);

void event_name(struct thread *t)
{
	u64 name[2];

	memcpy(name, t->name, sizeof(name));
	event(EVENT_NAME, t->tid, 0, name[0], name[1]);
}
_Static_assert(sizeof(((struct thread *)0)->name) == sizeof(((struct event *)0)->data), "a name is the data of a switch");

/* 0 or -ENOMEM. Rings stay for good: a CPU may be writing into one at any time. */
static int events_switch(bool on)
{
	int err = 0;

	mutex_lock(&events_lock);
	for (u32 i = 0; on && !err && i < cpu_count; i++) {
		if (event_rings[i].records)
			continue;
		struct event *records = kzalloc(EVENTS_KEPT * sizeof(struct event), 0);
		if (records)
			WRITE_ONCE(event_rings[i].records, records);
		else
			err = -ENOMEM;
	}
	WRITE_ONCE(events_on, on && !err);
	NOTIFIER_CALL(events_switched, on && !err);
	mutex_unlock(&events_lock);
	return err;
}

void events_init(void)
{
	if (cmdline_u64("events", 0) && events_switch(true))
		pr_warn("events: no memory for the records\n");
}

/*
 * /proc/events: `on` or `off`, then a line `ring CPU COUNT` for each CPU, then the records, a CPU after the other, oldest first:
 *   NS CPU KIND TID DETAIL DATA0 DATA1       (the last three hexadecimal)
 */
static int show_events(struct seq *s)
{
	seq_printf(s, "%s\n", READ_ONCE(events_on) ? "on" : "off");
	for (u32 cpu = 0; cpu < cpu_count; cpu++)
		seq_printf(s, "ring %u %lu\n", cpu, READ_ONCE(event_rings[cpu].count));
	for (u32 cpu = 0; cpu < cpu_count; cpu++) {
		u64 end = READ_ONCE(event_rings[cpu].count);

		for (u64 i = end > SHOWN ? end - SHOWN : 0; i < end; i++) {
			struct event e = event_rings[cpu].records[i % EVENTS_KEPT];
			seq_printf(s, "%lu %u %u %d %x %lx %lx\n", e.ns, e.cpu, e.kind, e.tid, e.detail, e.data[0], e.data[1]);
		}
	}
	return 0;
}

static ssize_t store_events(const char *text, size_t len)
{
	if (text[0] != '0' && text[0] != '1')
		return -EINVAL;
	int err = events_switch(text[0] == '1');
	return err ? err : (ssize_t)len;
}
NODE(events, .path = "events", .mode = 0600, .show = show_events, .store = store_events);
