/*
 * CUBIC (RFC 9438): after a loss the window is a cubic function of the time since then, not of how often the peer acknowledges, so that long paths fill too.
 *
 *     cwnd                                      ╱
 *       │ w_max ╴ ╴ ╴ ╴ ╴ ╴ ╴ ╴ ╴____________╱        W(t) = C (t - K)³ + w_max,   K = ∛((w_max - cwnd) / C)
 *       │ ╲                   ╱      K
 *       │  ╲              ╱                           first fast, flat where the loss was, then looking for more
 *       │   ╲_________╱
 *       └────────────────────────────────────► t
 *
 * C is 0.4 segments per second cubed, and a loss leaves 0.7 of the window. Where Reno would have more (w_est), that is taken (section 4.3). Times are in
 * milliseconds, windows in bytes; the cube is in 1/1024 of a segment.
 */
#include "tcp_priv.h"

#include "time/time.h"

#define SPAN_MS 200000 /* the curve is followed so far from K at most: three million segments above */

/* The largest n with n³ <= v. */
static u64 cube_root(u64 v)
{
	u64 n = 0;

	for (int bit = 20; bit >= 0; bit--) {
		u64 more = n | 1ul << bit;
		if (more * more * more <= v)
			n = more;
	}
	return n;
}

static void cubic_idle(struct tcp_sock *t)
{
	t->cubic.epoch_ns = 0; /* section 5.8: time in which the window was not asked for does not count */
}

/* Section 4.6; 4.7: a flow that has less than before lets go of some, for others. */
static u32 cubic_threshold(struct tcp_sock *t)
{
	u32 flight = t->snd_max - t->snd_una;

	t->cubic.epoch_ns = 0;
	t->cubic.w_max = t->cwnd < t->cubic.w_max ? (u32)((u64)t->cwnd * 85 / 100) : t->cwnd;
	t->cubic.before = t->cwnd;
	return MAX((u32)((u64)MIN(flight, t->cwnd) * 7 / 10), 2 * t->mss);
}

static void begin_epoch(struct tcp_sock *t, u64 now)
{
	u32 below = t->cwnd < t->cubic.w_max ? t->cubic.w_max - t->cwnd : 0;

	t->cubic.epoch_ns = now;
	t->cubic.k_ms = cube_root((u64)below * 2500000000ul / t->mss); /* section 4.2, seconds and segments: 1 / C = 2.5 */
	t->cubic.origin = t->cwnd + below;
	t->cubic.w_est = t->cwnd;
	t->cubic.credit = 0;
}

/* W at so many milliseconds after the epoch began. */
static u64 curve(const struct tcp_sock *t, u64 ms)
{
	s64 d = (s64)MIN(ms, 1ul << 40) - (s64)t->cubic.k_ms;

	d = MIN(MAX(d, -SPAN_MS), SPAN_MS);
	s64 parts = d * d * d / 2500000 * 1024 / 1000; /* of 1/1024 segment */
	s64 w = (s64)t->cubic.origin + parts * (s64)t->mss / 1024;
	return w < 0 ? 0 : (u64)w;
}

/* Section 4.3: what Reno would have, if it too left 0.7. */
static void estimate_reno(struct tcp_sock *t, u32 acked)
{
	u64 alpha = t->cubic.w_est >= t->cubic.before ? 1000 : 529; /* 3 (1 - 0.7) / (1 + 0.7) */

	t->cubic.w_est = MIN(t->cubic.w_est + (u32)((u64)t->mss * acked / t->cwnd * alpha / 1000), TCP_WINDOW_MAX);
}

static void cubic_avoid(struct tcp_sock *t, u32 acked)
{
	u64 now = time_ns();

	if (!t->cubic.epoch_ns)
		begin_epoch(t, now);
	estimate_reno(t, acked);
	u64 ms = (now - t->cubic.epoch_ns) / NSEC_PER_MSEC, target = curve(t, ms + t->srtt / NSEC_PER_MSEC);
	if (curve(t, ms) < t->cubic.w_est) {
		t->cwnd = MAX(t->cwnd, t->cubic.w_est);
		return;
	}
	/* Section 4.4: a round trip later it is to be there; section 4.2: at most half as much again. */
	target = MIN(target, (u64)t->cwnd * 3 / 2);
	if (target <= t->cwnd)
		return;
	t->cubic.credit += (target - t->cwnd) * acked;
	t->cwnd += (u32)(t->cubic.credit / t->cwnd);
	t->cubic.credit %= t->cwnd;
}

const struct tcp_congestion tcp_cubic = { .name = "cubic", .threshold = cubic_threshold, .avoid = cubic_avoid, .idle = cubic_idle };
