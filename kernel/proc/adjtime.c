/*
 * adjtimex and clock_adjtime: what the kernel knows of the quality of its clock, as Linux's kernel/time/ntp.c tells it.
 *
 * Kept are the figures that a daemon leaves for others: status, errors, constant, the distance to atomic time. The real time may be moved by an amount.
 * The speed of the clock is fixed (time/clock.c), so what would change it, a slow correction or a leap second, is -EOPNOTSUPP rather than accepted and forgotten.
 *
 * The maximal error grows by 500 us a second, which is what a clock may be off by; at 16 s nobody calls it synchronised any more. That is done when
 * somebody asks.
 */
#include "proc_priv.h"

#include "abi/time.h"
#include "core/spinlock.h"
#include "lib/string.h"
#include "sched/smp.h"
#include "syscalls_gen.h"
#include "time/time.h"
#include "usermode/uaccess.h"

enum {
	ADJ_OFFSET = 1, ADJ_FREQUENCY = 2, ADJ_MAXERROR = 4, ADJ_ESTERROR = 8, ADJ_STATUS = 0x10, ADJ_TIMECONST = 0x20, ADJ_TAI = 0x80,
	ADJ_SETOFFSET = 0x100, ADJ_MICRO = 0x1000, ADJ_NANO = 0x2000, ADJ_TICK = 0x4000,
	ADJ_ADJTIME = 0x8000,  /* with ADJ_OFFSET: the old adjtime(3) */
	ADJ_READONLY = 0x2000, /* with those two: only ask */
};
enum { STA_PLL = 1, STA_LEAP = 0x30, STA_UNSYNC = 0x40, STA_CLOCKERR = 0x1000, STA_NANO = 0x2000, STA_READ_ONLY = 0xff00 };
enum { TIME_OK = 0, TIME_ERROR = 5 };

#define FREQ_SCALE 65536000l       /* units of a frequency, 2^-16 ppm, in one of 2^-32 ns/s */
#define FREQ_TOLERANCE 32768000l   /* 500 ppm */
#define TICK_US 10000
#define ERROR_LIMIT 16000000l
#define ERROR_GROWTH 500l          /* us in a second */
#define CONSTANT_MAX 10
#define TAI_MAX 100000

struct abi_timex {
	u32 modes, pad0;
	s64 offset, freq, maxerror, esterror;
	s32 status, pad1;
	s64 constant, precision, tolerance;
	struct abi_timeval time;
	s64 tick, ppsfreq, jitter;
	s32 shift, pad2;
	s64 stabil, jitcnt, calcnt, errcnt, stbcnt;
	s32 tai, pad3[11];
};
_Static_assert(sizeof(struct abi_timex) == 208, "struct timex");

static struct spinlock lock = SPINLOCK_INIT("clock quality", RANK_NONE);
static struct {
	s64 maxerror, esterror, constant;
	u64 since; /* second since boot up to which maxerror has grown */
	s32 status, tai;
} state = { .maxerror = ERROR_LIMIT, .esterror = ERROR_LIMIT, .constant = 2, .status = STA_UNSYNC }; /* lock; tai is read without */

s32 clock_tai_offset(void)
{
	return READ_ONCE(state.tai);
}

static void follow(void *arg __unused) { timers_follow_realtime(); }

void clock_was_set(void)
{
	spin_lock(&lock);
	state.status |= STA_UNSYNC;
	state.maxerror = state.esterror = ERROR_LIMIT;
	spin_unlock(&lock);
	smp_call(smp_online_mask(), follow, NULL);
	NOTIFIER_CALL(realtime_set);
}

/* What is asked for in itself: 0, -EINVAL, -EPERM, in Linux's order. */
static int check(const struct abi_timex *t)
{
	bool allowed = capable(CAP_SYS_TIME);

	if (t->modes & ADJ_ADJTIME) {
		if (!(t->modes & ADJ_OFFSET))
			return -EINVAL;
		if (!(t->modes & ADJ_READONLY) && !allowed)
			return -EPERM;
	} else {
		if (t->modes && !allowed)
			return -EPERM;
		if (t->modes & ADJ_TICK && (t->tick < TICK_US * 9 / 10 || t->tick > TICK_US * 11 / 10))
			return -EINVAL;
	}
	if (t->modes & ADJ_SETOFFSET) {
		if (!allowed)
			return -EPERM;
		if (t->time.usec < 0 || t->time.usec >= (t->modes & ADJ_NANO ? (s64)NSEC_PER_SEC : 1000000))
			return -EINVAL;
	}
	if (t->modes & ADJ_FREQUENCY && (t->freq < INT64_MIN / FREQ_SCALE || t->freq > INT64_MAX / FREQ_SCALE))
		return -EINVAL;
	return 0;
}

/* Lock held. Does it want another speed? */
static bool wants_speed(const struct abi_timex *t)
{
	s32 status = t->modes & ADJ_STATUS ? t->status : state.status;

	if (t->modes & ADJ_ADJTIME)
		return !(t->modes & ADJ_READONLY) && t->offset;
	return (t->modes & ADJ_FREQUENCY && t->freq) || (t->modes & ADJ_TICK && t->tick != TICK_US) ||
	       (t->modes & ADJ_OFFSET && t->offset && status & STA_PLL) || (t->modes & ADJ_STATUS && t->status & STA_LEAP);
}

static int move_clock(const struct abi_timex *t)
{
	s64 ns = t->time.usec * (t->modes & ADJ_NANO ? 1 : (s64)NSEC_PER_USEC);

	if (t->time.sec > INT64_MAX / (s64)NSEC_PER_SEC - 1 || t->time.sec < INT64_MIN / (s64)NSEC_PER_SEC + 1)
		return -EINVAL;
	return time_move_realtime(t->time.sec * (s64)NSEC_PER_SEC + ns);
}

/* Lock held. */
static void set(const struct abi_timex *t)
{
	if (t->modes & ADJ_STATUS) {
		if (state.status & STA_PLL && !(t->status & STA_PLL))
			state.status = STA_UNSYNC;
		state.status = (state.status & STA_READ_ONLY) | (t->status & ~STA_READ_ONLY);
	}
	if (t->modes & ADJ_NANO)
		state.status |= STA_NANO;
	if (t->modes & ADJ_MICRO)
		state.status &= ~STA_NANO;
	if (t->modes & ADJ_MAXERROR)
		state.maxerror = MAX(MIN(t->maxerror, ERROR_LIMIT), 0);
	if (t->modes & ADJ_ESTERROR)
		state.esterror = MAX(MIN(t->esterror, ERROR_LIMIT), 0);
	if (t->modes & ADJ_TIMECONST) {
		s64 c = MAX(MIN(t->constant, CONSTANT_MAX), 0) + (state.status & STA_NANO ? 0 : 4);
		state.constant = MIN(c, CONSTANT_MAX);
	}
	if (t->modes & ADJ_TAI && t->constant >= 0 && t->constant <= TAI_MAX)
		WRITE_ONCE(state.tai, (s32)t->constant);
}

/* Lock held. */
static void grow_error(u64 second)
{
	if (second > state.since)
		state.maxerror += ERROR_GROWTH * (s64)MIN(second - state.since, (u64)(2 * ERROR_LIMIT / ERROR_GROWTH));
	if (state.maxerror > ERROR_LIMIT && second != state.since) {
		state.maxerror = ERROR_LIMIT;
		state.status |= STA_UNSYNC;
	}
	state.since = second;
}

/* TIME_OK or TIME_ERROR, *t filled in; or -errno, *t as it was. */
static int adjust(struct abi_timex *t)
{
	int err = check(t);
	bool speed;
	u64 now;

	if (err)
		return err;
	spin_lock(&lock);
	speed = wants_speed(t);
	spin_unlock(&lock);
	if (speed)
		return -EOPNOTSUPP;
	if (t->modes & ADJ_SETOFFSET) {
		err = move_clock(t);
		if (err)
			return err;
		clock_was_set();
	}
	now = time_realtime_ns();
	spin_lock(&lock);
	grow_error(time_ns() / NSEC_PER_SEC);
	if (!(t->modes & ADJ_ADJTIME))
		set(t);
	t->offset = t->freq = 0;
	t->maxerror = state.maxerror;
	t->esterror = state.esterror;
	t->status = state.status;
	t->constant = state.constant;
	t->tai = state.tai;
	spin_unlock(&lock);
	t->precision = 1;
	t->tolerance = FREQ_TOLERANCE;
	t->tick = TICK_US;
	t->ppsfreq = t->jitter = t->shift = t->stabil = t->jitcnt = t->calcnt = t->errcnt = t->stbcnt = 0;
	t->time.sec = now / NSEC_PER_SEC;
	t->time.usec = now % NSEC_PER_SEC / (t->status & STA_NANO ? 1 : NSEC_PER_USEC);
	return t->status & (STA_UNSYNC | STA_CLOCKERR) ? TIME_ERROR : TIME_OK;
}

long sys_adjtimex(void __user *buf)
{
	struct abi_timex t;
	int result;

	if (copy_from_user(&t, buf, sizeof(t)))
		return -EFAULT;
	result = adjust(&t);
	return copy_to_user(buf, &t, sizeof(t)) ? -EFAULT : result;
}

long sys_clock_adjtime(int clock, void __user *buf)
{
	struct abi_timex t;
	int result;

	if (copy_from_user(&t, buf, sizeof(t)))
		return -EFAULT;
	/* Only one clock is adjusted. Of a negative number the low bits say whether it is a device's (3), of which there are none, or a program's. */
	if (clock < 0)
		return (clock & 7) == 3 ? -EINVAL : -EOPNOTSUPP;
	if (clock != CLOCK_REALTIME)
		return clock > CLOCK_TAI || clock == CLOCK_BOOTTIME_ALARM + 1 ? -EINVAL : -EOPNOTSUPP;
	result = adjust(&t);
	return result >= 0 && copy_to_user(buf, &t, sizeof(t)) ? -EFAULT : result;
}
