/*
 * The chaos scheduler of a checking kernel: `sched=chaos,seed=N` looks for races by choosing schedules that a fair scheduler never would, and the same again for
 * the same seed (with one CPU, under a clock that counts instructions).
 *
 * Probabilistic concurrency testing: every thread has a random priority, and the highest that can run, runs. At change points (a lock is taken or let go, a
 * thread is woken, preemption is on again) the running thread gets, by chance, a new priority, mostly a low one: then it is stopped right there, for as long as
 * others can run. A thread that uses up its slice in user mode, where there are no change points, changes too.
 *
 * Some changes open a starvation window as well: until so many change points have gone by, the thread runs only if nobody else can.
 *
 * `sched=chaos,seed=N,trace` writes each choice to the verdict channel, so that two runs can be compared byte for byte. A panic tells the seed.
 *
 * Source: Burckhardt et al., A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs, ASPLOS 2010.
 */
#include "sched/thread.h"

#if DEBUG
#include "core/cmdline.h"
#include "core/node.h"
#include "core/panic.h"
#include "core/printk.h"
#include "core/registry.h"
#include "core/verdict.h"
#include "lib/string.h"
#include "rq_priv.h"

#define CHANGE_ONE_IN 24
#define STARVE_ONE_IN 8   /* changes */
#define STARVE_MOST 400u /* change points */

bool chaos_on;
static bool tell;
static u64 chaos_seed, state, points, changes, windows, trace; /* with one CPU; with more they are only roughly right, and not repeatable */

CMDLINE_PARAM(sched, "sched");

static u32 next_random(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (u32)(state >> 16);
}

static void change(struct thread *t)
{
	/* Low, but never all the same. */
	t->chaos_priority = 1 + next_random() % (next_random() % 4 ? 1024 : 1u << 30);
	changes++;
	if (next_random() % STARVE_ONE_IN == 0) {
		t->chaos_starved_until = points + next_random() % STARVE_MOST;
		windows++;
	}
}

/* A change point. Any context; the switch itself comes at the next chance to preempt. */
static void point(void)
{
	struct thread *t = current;

	points++;
	if (!t || in_irq() || next_random() % CHANGE_ONE_IN)
		return;
	change(t);
	this_cpu()->need_resched = 1;
}

struct thread *chaos_pick(struct runqueue *rq)
{
	struct thread *best = NULL;
	bool best_starves = false;

	for (struct rbnode *n = rq->fair_first; n; n = rb_next(n)) {
		struct thread *t = container_of(n, struct thread, rq_node);
		if (!t->chaos_priority)
			t->chaos_priority = 1 + (next_random() >> 2);
		bool starves = t->chaos_starved_until > points;
		if (!best || (starves == best_starves ? t->chaos_priority > best->chaos_priority : best_starves)) {
			best = t;
			best_starves = starves;
		}
	}
	/* FNV-1a over who ran: two runs with the same schedule have the same. */
	trace = (trace ^ (u64)(best ? best->tid : 0)) * 0x100000001b3ul;
	if (tell)
		verdict("chaos %lu: %u of %u%s\n", points, best ? (u32)best->tid : 0, rq->queued, best_starves ? ", starving" : "");
	return best;
}

void chaos_slice_over(struct thread *t) { change(t); }

void chaos_report(void)
{
	verdict("chaos seed %lu points %lu changes %lu windows %lu trace %lx\n", chaos_seed, points, changes, windows, trace);
}

/* A line of every panic's report: with it the failure can be had again. */
static void tell_seed(void)
{
	panic_note("The schedule was chaos, seed %lu: sched=chaos,seed=%lu shows it again on one CPU whose clock counts instructions.\n", chaos_seed, chaos_seed);
}

static int show_chaos(struct seq *s)
{
	seq_printf(s, "seed %lu\npoints %lu\nchanges %lu\nwindows %lu\ntrace %lx\n", chaos_seed, points, changes, windows, trace);
	return 0;
}
NODE(chaos, .path = "chaos", .show = show_chaos);

static int chaos_init(void)
{
	char text[64];
	const char *seed;

	if (cmdline_get("sched", text, sizeof(text)) < 0 || !str_starts(text, "chaos"))
		return 0;
	seed = strstr(text, "seed=");
	u64 n = seed ? parse_u64(seed + 5, NULL, 10) : 1;
	chaos_seed = n;
	tell = strstr(text, ",trace") != NULL;
	panic_note_hook = tell_seed;
	state = (n + 1) * 0x9e3779b97f4a7c15ul;
	trace = 0xcbf29ce484222325ul;
	chaos_on = true;
	lock_check_point_hook = point;
	printk("sched: chaos, seed %lu\n", n);
	return 0;
}
SUBSYSTEM(chaos, .needs = "sched", .init = chaos_init, .stage = "04-threads");
#endif
