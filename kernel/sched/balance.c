/*
 * On which CPU a thread runs: placement at wake-up, pulling work when idle or out of balance, affinity.
 *
 * An interrupt to another CPU and that one's way out of its halt cost as much as hundreds of switches, more still where CPUs are threads of a busy host. So a
 * woken thread goes to another CPU only if there is something to gain from running beside its waker: both mostly run for long before they sleep
 * (a pair that hands work to and fro stays together), or others wait here already. What was misjudged is set right by the tick: a CPU with threads that wait
 * asks an idle one to pull. A CPU that falls idle pulls at once only from a queue of two or more: one that was just woken is about to run where it is.
 */
#include "rq_priv.h"

#include "abi/errno.h"
#include "sched/events.h"
#include "sched/smp.h"

u64 sched_idle_mask;

#define WORTH_MOVING (4 * NSEC_PER_MSEC)

/* Another CPU is idle: should t, which this CPU wakes, run here all the same? */
static bool stays_here(const struct thread *t)
{
	struct runqueue *rq = this_rq();

	if (current == rq->idle)
		return true;
	return !rq->queued && (current->burst_ns < WORTH_MOVING || t->burst_ns < WORTH_MOVING);
}

static u32 choose_cpu(struct thread *t)
{
	u64 allowed = t->affinity & smp_online_mask();
	u64 idle = atomic_load_relaxed(&sched_idle_mask) & allowed;
	u32 here = cpu_id(), last = t->cpu;

	if (!allowed)
		return last; /* cannot be: affinity always names an online CPU */
	if (idle) {
		if (allowed >> here & 1 && stays_here(t))
			return here;
		if (idle >> last & 1)
			return last;
		if (idle >> here & 1)
			return here;
		return __builtin_ctzl(idle);
	}
	u32 best = allowed >> last & 1 ? last : (u32)__builtin_ctzl(allowed);
	u32 shortest = READ_ONCE(rq_of(best)->queued);
	for (u64 left = allowed; left && shortest; left &= left - 1) {
		u32 cpu = __builtin_ctzl(left);
		u32 queued = READ_ONCE(rq_of(cpu)->queued);
		/* Moving costs a cold cache: only for a clearly shorter queue. */
		if (queued + 1 < shortest) {
			best = cpu;
			shortest = queued;
		}
	}
	return best;
}

void sched_place(struct thread *t, enum enqueue_reason why)
{
	u64 flags = irq_save();
	for (;;) {
		u32 from = t->cpu; /* nobody else moves it while `migrating` is set */
		u32 to = choose_cpu(t);
		struct runqueue *rq;

		if (to != from) {
			rq = rq_of(from);
			spin_lock(&rq->lock);
			if (why != ENQUEUE_NEW)
				t->vruntime -= rq->min_vruntime - rq_of(to)->min_vruntime;
			t->cpu = to;
			spin_unlock(&rq->lock);
		}
		rq = rq_of(to);
		spin_lock(&rq->lock);
		if (unlikely(!(t->affinity >> to & 1) && (t->affinity & smp_online_mask()))) {
			spin_unlock(&rq->lock);
			continue;
		}
		t->migrating = false;
		/* Not idle any more: who comes right behind goes elsewhere. */
		if (atomic_load_relaxed(&sched_idle_mask) >> to & 1)
			atomic_fetch_and(&sched_idle_mask, ~(1ul << to));
		event(EVENT_WAKE, t->tid, why, to, 0);
		rq_enqueue(rq, t, why);
		bool kick = rq_beats_current(rq, t);
		spin_unlock(&rq->lock);
		/* Without the lock: whom it interrupts wants it first of all. */
		if (kick)
			rq_request_resched(rq);
		break;
	}
	irq_restore(flags);
	/* With interrupts on, what was asked for can happen at once. */
	if ((flags & RFLAGS_IF) && this_cpu()->need_resched) {
		preempt_disable();
		preempt_enable();
	}
}

/* A queued fair thread of `from` that may run on CPU `to`: the one that will wait longest. from->lock held. */
static struct thread *movable(struct runqueue *from, u32 to)
{
	unsigned tries = 8;
	for (struct rbnode *n = rb_last(&from->fair); n && tries; n = rb_prev(n), tries--) {
		struct thread *t = container_of(n, struct thread, rq_node);
		if (t->affinity >> to & 1)
			return t;
	}
	for (unsigned w = 0; w < 2; w++) {
		if (!from->rt_bits[w])
			continue;
		struct thread *t = list_first(&from->rt[w * 64 + __builtin_ctzl(from->rt_bits[w])], struct thread, rq_link);
		if (t->affinity >> to & 1)
			return t;
	}
	return NULL;
}

bool sched_pull(void)
{
	struct runqueue *rq = this_rq(), *busiest = NULL;
	bool idle = rq->running == rq->idle;
	u32 most = idle ? !atomic_xchg(&rq->asked_to_pull, false) : rq->queued + 1;

	for (u64 left = smp_online_mask() & ~(1ul << rq->cpu); left; left &= left - 1) {
		struct runqueue *other = rq_of(__builtin_ctzl(left));
		u32 queued = READ_ONCE(other->queued);
		if (queued > most) {
			most = queued;
			busiest = other;
		}
	}
	if (!busiest)
		return false;

	struct runqueue *first = busiest->cpu < rq->cpu ? busiest : rq, *second = first == rq ? busiest : rq;
	spin_lock(&first->lock);
	while (!spin_trylock(&second->lock)) /* of equal rank: the order of CPU numbers makes it safe */
		cpu_relax();
	struct thread *t = busiest->queued > (idle ? 0 : rq->queued) ? movable(busiest, rq->cpu) : NULL;
	if (t) {
		rq_dequeue(busiest, t);
		t->vruntime += rq->min_vruntime - busiest->min_vruntime;
		t->cpu = rq->cpu;
		rq_enqueue(rq, t, ENQUEUE_MOVED);
	}
	spin_unlock(&second->lock);
	spin_unlock(&first->lock);
	return t != NULL;
}

/* --- attributes ---------------------------------------------------------------------------------------------------- */

/* Takes t out of its queue for a change of what orders it, and puts it back. */
#define WITH_THREAD_OUT(t, statement) do { \
	u64 flags_; \
	struct runqueue *rq_ = rq_lock_thread((t), &flags_); \
	bool queued_ = (t)->on_rq; \
	if (queued_) \
		rq_dequeue(rq_, (t)); \
	if (rq_->running == (t)) \
		rq_charge(rq_, time_ns()); \
	statement; \
	if (queued_) { \
		rq_enqueue(rq_, (t), ENQUEUE_MOVED); \
		if (rq_beats_current(rq_, (t))) \
			rq_request_resched(rq_); \
	} else if (rq_->running == (t) && rq_->queued) { \
		rq_request_resched(rq_); \
	} \
	spin_unlock_irqrestore(&rq_->lock, flags_); \
} while (0)

void thread_set_nice(struct thread *t, int nice)
{
	WITH_THREAD_OUT(t, t->nice = MAX(-20, MIN(19, nice)));
}

void thread_set_policy(struct thread *t, u8 policy, u8 rt_priority)
{
	WITH_THREAD_OUT(t, {
		/* A thread that comes back from a real-time class must not bring an old virtual time. */
		if (policy_is_rt(t->policy) && !policy_is_rt(policy))
			t->vruntime = rq_->min_vruntime;
		t->policy = policy;
		t->rt_priority = rt_priority;
	});
	NOTIFIER_CALL(thread_policy_changed, t);
}

void thread_boost(struct thread *t, u8 rt_priority)
{
	if (t->boost == rt_priority)
		return;
	WITH_THREAD_OUT(t, {
		bool was = thread_is_rt(t);
		t->boost = rt_priority;
		if (was && !thread_is_rt(t)) {
			t->vruntime = rq_->min_vruntime;
			t->slice_end = 0;
		}
	});
}

int thread_set_affinity(struct thread *t, u64 mask)
{
	u64 flags;
	bool move = false, self = t == current;
	struct runqueue *rq;

	if (!(mask & smp_online_mask()))
		return -EINVAL;
	rq = rq_lock_thread(t, &flags);
	t->affinity = mask;
	if (!(mask >> rq->cpu & 1)) {
		if (t->on_rq) {
			rq_dequeue(rq, t);
			t->migrating = move = true;
		} else if (rq->running == t && !self) {
			rq_request_resched(rq); /* rq_put_back sends it away */
		}
	}
	spin_unlock_irqrestore(&rq->lock, flags);
	if (move)
		sched_place(t, ENQUEUE_MOVED);
	/* The caller may rely on being elsewhere when this returns. */
	if (self && !(mask >> cpu_id() & 1))
		schedule();
	return 0;
}
