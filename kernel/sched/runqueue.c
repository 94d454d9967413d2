/*
 * The queues themselves: order, charge, preemption rules.
 *
 * Fair threads are ordered by virtual run time: time on the CPU, scaled by 1024 / weight, where each step of nice changes the weight by a factor of 5/4.
 * The one that had least goes next. A thread that slept is placed a little before the queue's minimum: it gets the CPU soon, but cannot save up hours.
 * Virtual times are compared by their difference, so that wrapping does no harm; they are relative to their queue (rq_move rebases).
 */
#include "rq_priv.h"

#include "irq/irq.h"

PERCPU(struct runqueue, runqueue_template);

#define WEIGHT_NICE_0 1024u
#define WEIGHT_IDLE 3u
#define WAKE_CREDIT (3 * NSEC_PER_MSEC)     /* how far before the minimum a sleeper may be placed */
#define WAKE_GRANULARITY (1 * NSEC_PER_MSEC) /* lead that a woken thread needs to preempt */
#define RR_SLICE (100 * NSEC_PER_MSEC)

/* Weight of nice 0 … ±20, by the factor 5/4. */
static u32 nice_weight(int nice)
{
	u32 w = WEIGHT_NICE_0;
	for (; nice < 0; nice++)
		w += w / 4;
	for (; nice > 0; nice--)
		w = w * 4 / 5;
	return w;
}

u32 thread_weight(const struct thread *t)
{
	if (t->policy == POLICY_IDLE)
		return WEIGHT_IDLE;
	return likely(t->nice == 0) ? WEIGHT_NICE_0 : nice_weight(t->nice);
}

static u64 to_virtual(const struct thread *t, u64 ns)
{
	u32 w = thread_weight(t);
	return likely(w == WEIGHT_NICE_0) ? ns : ns * WEIGHT_NICE_0 / w;
}

static inline struct thread *fair_thread(struct rbnode *n) { return container_of(n, struct thread, rq_node); }

struct runqueue *rq_lock_thread(struct thread *t, u64 *flags)
{
	for (;;) {
		u32 cpu = READ_ONCE(t->cpu);
		struct runqueue *rq = rq_of(cpu);
		*flags = spin_lock_irqsave(&rq->lock);
		if (likely(READ_ONCE(t->cpu) == cpu))
			return rq;
		spin_unlock_irqrestore(&rq->lock, *flags);
	}
}

/* --- the tree and the lists ---------------------------------------------------------------------------------------- */

static void fair_insert(struct runqueue *rq, struct thread *t)
{
	struct rbnode **link = &rq->fair.root, *parent = NULL;
	bool first = true;
	while (*link) {
		parent = *link;
		if ((s64)(t->vruntime - fair_thread(parent)->vruntime) < 0) {
			link = &parent->left;
		} else {
			link = &parent->right;
			first = false;
		}
	}
	rb_insert(&rq->fair, &t->rq_node, parent, link);
	if (first)
		rq->fair_first = &t->rq_node;
}

static void fair_remove(struct runqueue *rq, struct thread *t)
{
	if (rq->fair_first == &t->rq_node)
		rq->fair_first = rb_next(&t->rq_node);
	rb_erase(&rq->fair, &t->rq_node);
}

u8 thread_urgency(const struct thread *t)
{
	u8 own = policy_is_rt(t->policy) ? t->rt_priority : 0;
	return MAX(own, t->boost);
}

static unsigned rt_index(const struct thread *t) { return RT_PRIORITIES - 1 - MIN(thread_urgency(t), (u8)(RT_PRIORITIES - 1)); }

/* The lowest index whose list is not empty, or RT_PRIORITIES. */
static unsigned rt_first(const struct runqueue *rq)
{
	if (rq->rt_bits[0])
		return __builtin_ctzl(rq->rt_bits[0]);
	return rq->rt_bits[1] ? 64 + __builtin_ctzl(rq->rt_bits[1]) : RT_PRIORITIES;
}

static void update_min_vruntime(struct runqueue *rq)
{
	u64 v = rq->min_vruntime;
	struct thread *cur = rq->running;
	bool have = false;
	if (cur && cur != rq->idle && !thread_is_rt(cur)) {
		v = cur->vruntime;
		have = true;
	}
	if (rq->fair_first) {
		u64 first = fair_thread(rq->fair_first)->vruntime;
		if (!have || (s64)(first - v) < 0)
			v = first;
	}
	if ((s64)(v - rq->min_vruntime) > 0)
		rq->min_vruntime = v;
}

void rq_enqueue(struct runqueue *rq, struct thread *t, enum enqueue_reason why)
{
	if (thread_is_rt(t)) {
		unsigned i = rt_index(t);
		/* Who was preempted within its slice stays in front. */
		if (why == ENQUEUE_PREEMPTED && (t->policy != POLICY_RR ? t->slice_end != 0 : time_ns() < t->slice_end))
			list_add(&rq->rt[i], &t->rq_link);
		else
			list_add_tail(&rq->rt[i], &t->rq_link);
		rq->rt_bits[i / 64] |= 1ul << (i % 64);
	} else {
		u64 floor = rq->min_vruntime - (why == ENQUEUE_WAKE ? WAKE_CREDIT : 0);
		if (why == ENQUEUE_NEW || (why == ENQUEUE_WAKE && (s64)(t->vruntime - floor) < 0))
			t->vruntime = floor;
		fair_insert(rq, t);
	}
	t->on_rq = true;
	rq->queued++;
}

void rq_dequeue(struct runqueue *rq, struct thread *t)
{
	if (thread_is_rt(t)) {
		unsigned i = rt_index(t);
		list_del(&t->rq_link);
		if (list_empty(&rq->rt[i]))
			rq->rt_bits[i / 64] &= ~(1ul << (i % 64));
	} else {
		fair_remove(rq, t);
	}
	t->on_rq = false;
	rq->queued--;
}

struct thread *rq_pick(struct runqueue *rq)
{
	struct thread *t;
	unsigned i = rt_first(rq);
	if (unlikely(i < RT_PRIORITIES))
		t = list_first(&rq->rt[i], struct thread, rq_link);
	else if (rq->fair_first)
		t = chaos_on ? chaos_pick(rq) : fair_thread(rq->fair_first);
	else
		return rq->idle;
	rq_dequeue(rq, t);
	return t;
}

void rq_put_back(struct runqueue *rq, struct thread *t)
{
	if (unlikely(!(t->affinity >> rq->cpu & 1))) {
		t->migrating = true;
		rq->migrate = t;
		return;
	}
	rq_enqueue(rq, t, ENQUEUE_PREEMPTED);
}

void rq_yield(struct runqueue *rq, struct thread *t)
{
	t->slice_end = 0;
	if (thread_is_rt(t))
		return;
	struct rbnode *last = rb_last(&rq->fair);
	if (last && (s64)(fair_thread(last)->vruntime - t->vruntime) >= 0)
		t->vruntime = fair_thread(last)->vruntime + 1;
}

/* --- time ---------------------------------------------------------------------------------------------------------- */

void rq_charge(struct runqueue *rq, u64 now)
{
	struct thread *t = rq->running;
	s64 delta = now - t->exec_start;
	if (delta <= 0)
		return;
	t->exec_start = now;
	if (t == rq->idle) {
		rq->idle_ns += delta;
		return;
	}
	t->runtime_ns += delta;
	if (t->sampled_user) {
		t->user_ns += delta;
		if (t->nice > 0)
			rq->nice_ns += delta;
		else
			rq->user_ns += delta;
	} else {
		t->system_ns += delta;
		rq->system_ns += delta;
	}
	if (!thread_is_rt(t)) {
		t->vruntime += to_virtual(t, delta);
		update_min_vruntime(rq);
	}
}

void rq_begin(struct runqueue *rq, struct thread *next, u64 now)
{
	rq->running = next;
	next->on_cpu = true;
	next->exec_start = now;
	if (next->policy == POLICY_FIFO || (unlikely(next->boost) && next->policy != POLICY_RR))
		next->slice_end = TIME_NEVER;
	else if (next->policy != POLICY_RR)
		next->slice_end = now + time_tick_ns;
	else if (next->slice_end <= now || next->slice_end == TIME_NEVER)
		next->slice_end = now + RR_SLICE;
	rq->switches++;
}

bool rq_beats_current(struct runqueue *rq, struct thread *t)
{
	struct thread *cur = rq->running;
	if (cur == rq->idle)
		return true;
	bool cur_rt = thread_is_rt(cur);
	if (thread_is_rt(t))
		return !cur_rt || thread_urgency(t) > thread_urgency(cur);
	if (cur_rt || t->policy == POLICY_BATCH || (t->policy == POLICY_IDLE && cur->policy != POLICY_IDLE))
		return false;
	if (cur->policy == POLICY_IDLE && t->policy != POLICY_IDLE)
		return true;
	/* The runner's virtual time as of now, without charging it. */
	u64 now = time_ns();
	u64 cur_v = cur->vruntime + (now > cur->exec_start ? to_virtual(cur, now - cur->exec_start) : 0);
	return (s64)(cur_v - t->vruntime) > (s64)WAKE_GRANULARITY;
}

bool rq_slice_over(struct runqueue *rq, u64 now)
{
	struct thread *cur = rq->running;
	if (!rq->queued || cur == rq->idle || now < cur->slice_end)
		return false;
	unsigned best = rt_first(rq);
	if (thread_is_rt(cur))
		return best <= rt_index(cur);
	if (best < RT_PRIORITIES)
		return true;
	if (chaos_on) {
		chaos_slice_over(cur);
		return true;
	}
	return (s64)(cur->vruntime - fair_thread(rq->fair_first)->vruntime) > 0;
}

void rq_note_sleep(struct runqueue *rq, struct thread *t)
{
	if (t->state == THREAD_UNINTERRUPTIBLE)
		rq->uninterruptible++;
	t->voluntary_switches++;
	t->burst_ns = t->burst_ns - t->burst_ns / 4 + (t->runtime_ns - t->burst_start) / 4;
	t->burst_start = t->runtime_ns;
}

void rq_request_resched(struct runqueue *rq)
{
	struct cpu *c = cpus[rq->cpu];
	if (c == this_cpu()) {
		c->need_resched = 1;
		return;
	}
	/* An idle CPU tests the flag with interrupts off before it halts, so the interrupt that follows ends the halt. */
	if (!atomic_xchg(&c->need_resched, 1u))
		ipi_send(c->id, VECTOR_RESCHEDULE);
}
