/* Clocks and timers. Times are nanoseconds in u64/s64. */
#ifndef TIME_TIME_H
#define TIME_TIME_H

#include "core/compiler.h"
#include "core/notifier.h"
#include "lib/rbtree.h"

#define NSEC_PER_SEC 1000000000ul
#define NSEC_PER_MSEC 1000000ul
#define NSEC_PER_USEC 1000ul
#define TIME_NEVER UINT64_MAX

u64 time_ns(void);            /* since boot; monotonic on all CPUs; any context */
u64 time_realtime_ns(void);   /* since 1970 */
/* The same two in steps of TIME_COARSE_NS since boot, as a clock that only ticks would show them: what changes twice within a step has one time. */
#define TIME_COARSE_NS (4 * NSEC_PER_MSEC)
u64 time_coarse_ns(void);
u64 time_realtime_coarse_ns(void);
void time_set_realtime(u64 ns);
int time_move_realtime(s64 ns);  /* by an amount; -EINVAL: it would be before the boot was at 0, or beyond what can be said */
u64 time_boot_realtime_ns(void); /* the real time at which time_ns() was 0 (moves with settimeofday) */
void time_delay_us(u64 us);   /* spins */
/*
 * A point of time to wait for: nanoseconds of time_ns() (below 2^63), TIME_NEVER, or nanoseconds of the real time with TIME_REAL set. One of the last kind
 * comes sooner or later when the real time is set.
 */
#define TIME_REAL (1ul << 63)
static inline u64 time_real_point(u64 ns) { return ns >= INT64_MAX ? TIME_NEVER : TIME_REAL | ns; }
u64 time_due(u64 point);      /* where it lies on time_ns(), as the clocks stand now */
extern u64 tsc_hz;
/* time_ns() = base_ns + ((rdtsc() - base_tsc) * mult >> shift): for the vDSO. Changed under the seqlock `seq` (odd while it changes). */
struct clock_params {
	u32 seq;
	u32 shift;
	u64 mult, base_tsc, base_ns, realtime_offset_ns;
};
extern struct clock_params clock_params;
/* The real time was set: under the clock's own lock, interrupts off. For the copy that the vDSO shows. */
NOTIFIER_DECLARE(clock_changed, const struct clock_params *p);
/* A program has set the real time, and all timers follow it. May sleep. */
NOTIFIER_DECLARE(realtime_set, void);

/* The battery-backed clock (time/rtc.c), in UTC. The machine has one pair of ports for it: callers keep each other out. */
struct rtc_date {
	u32 second, minute, hour, day, month, year; /* day and month from 1 */
};
u64 rtc_seconds(void);                                     /* since 1970; 0: it shows no date */
void rtc_set(const struct rtc_date *d);                    /* a date that is one, of the years 1970 to 9999 */
u64 rtc_date_seconds(const struct rtc_date *d);            /* since 1970 */
void rtc_seconds_date(u64 seconds, struct rtc_date *d);

/* Timers: on the CPU that started them, by a one-shot APIC timer. fn runs in interrupt context with interrupts off. */
struct timer {
	struct rbnode node;
	u64 deadline; /* time_ns() */
	u64 point;    /* what it was started for */
	void (*fn)(struct timer *t);
	void *arg;
	s32 cpu;      /* queue it is in; -1: not queued (atomic) */
};
void timer_init(struct timer *t, void (*fn)(struct timer *t), void *arg);
/* Queues it for a point of time, or moves it if queued. From fn itself too. Any context. */
void timer_start(struct timer *t, u64 point);
/* The real time was set: moves this CPU's timers that wait for a point of it. Interrupts off. */
void timers_follow_realtime(void);
/* Takes it out; true if it was queued. Does not wait for a fn that runs now. */
bool timer_cancel(struct timer *t);
/* As timer_cancel, and waits until fn does not run on any CPU. Not from fn. */
bool timer_cancel_sync(struct timer *t);

/* Student's (time/apic_timer.c, lab 03): measures the APIC timer against a clock and programs it. */
int apic_timer_calibrate(void);             /* against time_ns(); 0 or -ENODEV */
extern u64 apic_timer_hz;                    /* what it found */
void apic_timer_set(u64 deadline);           /* one interrupt at deadline (at once if past); TIME_NEVER stops */
void timer_interrupt(void *arg);             /* the vector's handler: runs what is due, sets the next */
/* Given (time/timer.c). */
u64 timer_run_due(u64 now);                  /* runs due timers of this CPU; the next deadline */
void timer_cpu_init(void);                   /* each CPU */

extern u64 time_tick_ns; /* length of a scheduling slice check: 4 ms */

#endif
