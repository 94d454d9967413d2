/*
 * Events: a record in memory of what the scheduler, system calls and page faults did and when (sched/events.c). Off unless asked for, by `events=1` on the
 * command line or by writing 1 to /proc/events; then each CPU keeps its newest EVENTS_KEPT records.
 */
#ifndef SCHED_EVENTS_H
#define SCHED_EVENTS_H

#include "core/compiler.h"
#include "core/notifier.h"

#define EVENTS_KEPT 65536u /* of each CPU; a power of two */

/* kernel/tools/trace.py reads these records from outside: what changes here changes there. */
enum event_kind {
	EVENT_NONE,
	EVENT_SWITCH,    /* tid came onto the CPU; data: its name; detail: enum thread_state of who left */
	EVENT_WAKE,      /* tid was made runnable; data[0]: the CPU whose queue has it */
	EVENT_CALL,      /* tid began system call `detail`; data: its first two arguments */
	EVENT_CALL_END,  /* … came back; data[0]: the result */
	EVENT_FAULT,     /* tid took a page fault with error code `detail`; data: the address, and the instruction's */
	EVENT_FAULT_END, /* … which is over; data[0]: 1 if it was dealt with */
	EVENT_NAME,      /* tid is called `data` from now on */
};
struct event {
	u64 ns;   /* time_ns() */
	s32 tid;  /* 0: an idle thread */
	u8 kind, cpu;
	u16 detail;
	u64 data[2];
};
_Static_assert(sizeof(struct event) == 32, "kernel/tools/trace.py");

extern bool events_on;
/* They were switched: for an upper layer that knows a way round the places that record. May sleep. */
NOTIFIER_DECLARE(events_switched, bool on);

/* Records one event of this CPU. Any context but NMI. */
void event_record(enum event_kind kind, s32 tid, u32 detail, u64 a, u64 b);
static inline void event(enum event_kind kind, s32 tid, u32 detail, u64 a, u64 b)
{
	if (unlikely(READ_ONCE(events_on)))
		event_record(kind, tid, detail, a, b);
}

/* Records what t is called now. */
struct thread;
void event_name(struct thread *t);

void events_init(void); /* once all CPUs are up */

#endif
