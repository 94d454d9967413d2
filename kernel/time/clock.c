/*
 * The clocks: time since boot by the TSC, real time as an offset to it.
 *
 *   time_ns() = base_ns + ((rdtsc() - base_tsc) * mult >> shift)
 *
 * The TSCs of all CPUs start together and run at one speed, so nothing is corrected later and time_ns needs no lock. Only the offset of the real time
 * changes: readers of both (here and in the vDSO) use the seqlock.
 */
#include "time/time.h"

#include "abi/errno.h"
#include "core/atomic.h"
#include "core/boot_clock.h"
#include "core/cpu.h"
#include "core/spinlock.h"
#include "time_priv.h"

#define SHIFT 32

u64 tsc_hz;
struct clock_params clock_params;
static struct spinlock realtime_lock = SPINLOCK_INIT("real time", RANK_NONE);

u64 time_ns(void)
{
	u64 d = rdtsc() - clock_params.base_tsc;

	if (unlikely((s64)d < 0))
		d = 0; /* another CPU's TSC is a hair behind the one that the base was read from */
	return clock_params.base_ns + (u64)((unsigned __int128)d * clock_params.mult >> SHIFT);
}

void clock_start(u64 hz)
{
	u64 now = boot_clock_ns();

	tsc_hz = hz;
	clock_params.shift = SHIFT;
	clock_params.mult = (NSEC_PER_SEC << SHIFT) / hz;
	clock_params.base_tsc = rdtsc();
	clock_params.base_ns = now; /* goes on from where the rough clock is: stamps of the log never step back */
	boot_clock_hook = time_ns;
	time_set_realtime(rtc_seconds() * NSEC_PER_SEC);
}

u64 time_boot_realtime_ns(void)
{
	u32 seq;
	u64 offset;

	do {
		while ((seq = atomic_load_acquire(&clock_params.seq)) & 1)
			cpu_relax();
		offset = READ_ONCE(clock_params.realtime_offset_ns);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while (atomic_load_relaxed(&clock_params.seq) != seq);
	return offset;
}

u64 time_realtime_ns(void)
{
	return time_boot_realtime_ns() + time_ns();
}

u64 time_coarse_ns(void)
{
	u64 ns = time_ns();

	return ns - ns % TIME_COARSE_NS;
}

u64 time_realtime_coarse_ns(void)
{
	return time_boot_realtime_ns() + time_coarse_ns();
}

u64 time_due(u64 point)
{
	if (likely(!(point & TIME_REAL)) || point == TIME_NEVER)
		return point;
	u64 start = time_boot_realtime_ns(), ns = point & ~TIME_REAL;
	return ns > start ? ns - start : 0;
}

/* Lock held. */
static void set_offset(u64 offset)
{
	WRITE_ONCE(clock_params.seq, clock_params.seq + 1);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	WRITE_ONCE(clock_params.realtime_offset_ns, offset);
	atomic_store_release(&clock_params.seq, clock_params.seq + 1);
	NOTIFIER_CALL(clock_changed, &clock_params);
}

void time_set_realtime(u64 ns)
{
	u64 flags = spin_lock_irqsave(&realtime_lock);

	set_offset(ns - time_ns());
	spin_unlock_irqrestore(&realtime_lock, flags);
}

int time_move_realtime(s64 ns)
{
	u64 flags = spin_lock_irqsave(&realtime_lock);
	s64 offset;
	bool ok = !__builtin_add_overflow((s64)clock_params.realtime_offset_ns, ns, &offset) && offset >= 0 && offset <= INT64_MAX - (s64)time_ns();

	if (ok)
		set_offset(offset);
	spin_unlock_irqrestore(&realtime_lock, flags);
	return ok ? 0 : -EINVAL;
}

void time_delay_us(u64 us)
{
	u64 end = time_ns() + us * NSEC_PER_USEC;

	while (time_ns() < end) {
		cpu_relax();
		cpu_spin(200); /* some 100 ns */
	}
}
