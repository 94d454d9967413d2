/*
 * Limits that hold to the last one, and cost the CPUs nothing in common as long as they are far.
 *
 *     in use  =  handed_in  +  the CPUs' parts          a part is -BATCH … BATCH, and goes into handed_in when it is more
 *
 * Far from the limit nobody needs the sum: each CPU counts in its own part. Near to it, so near that the parts could matter, who takes counts all under the
 * lock. `Near` begins one batch earlier than it must: a CPU that looked just before counts in its part yet.
 */
#include "mm/limit.h"
#include "abi/errno.h"
#include "core/percpu.h"
#include "mm/slab.h"

#define BATCH 32

struct limit_part {
	s64 n; /* atomic; emptied under the lock, so that what left it is in handed_in then */
} __aligned(64);

int limit_init(struct limit *l, u64 max)
{
	spin_init(&l->lock, "limit", RANK_LIMIT);
	l->max = max;
	l->handed_in = 0;
	l->parts = kzalloc(cpu_count * sizeof(*l->parts), 0);
	return l->parts ? 0 : -ENOMEM;
}

void limit_destroy(struct limit *l)
{
	kfree(l->parts);
}

/* The lock is held. */
static s64 gather(struct limit *l)
{
	for (u32 i = 0; i < cpu_count; i++)
		l->handed_in += atomic_xchg(&l->parts[i].n, 0l);
	return l->handed_in;
}

static void count(struct limit *l, s64 n)
{
	struct limit_part *part = &l->parts[cpu_id()];
	s64 now = atomic_add_return(&part->n, n);

	if (unlikely(now > BATCH || now < -BATCH)) {
		spin_lock(&l->lock);
		WRITE_ONCE(l->handed_in, l->handed_in + atomic_xchg(&part->n, 0l));
		spin_unlock(&l->lock);
	}
}

static s64 max_of(const struct limit *l)
{
	return (s64)MIN(READ_ONCE(l->max), (u64)INT64_MAX);
}

/* So far away that what the CPUs have in their parts does not matter. */
static bool is_far(const struct limit *l, u64 n)
{
	return n <= BATCH && max_of(l) - READ_ONCE(l->handed_in) - 2l * BATCH * cpu_count >= (s64)n;
}

int limit_take(struct limit *l, u64 n)
{
	int err = 0;

	if (likely(is_far(l, n))) {
		count(l, (s64)n);
		return 0;
	}
	spin_lock(&l->lock);
	if (n > INT64_MAX || gather(l) > max_of(l) - (s64)n)
		err = -ENOSPC;
	else
		WRITE_ONCE(l->handed_in, l->handed_in + (s64)n);
	spin_unlock(&l->lock);
	return err;
}

void limit_take_beyond(struct limit *l, u64 n)
{
	count(l, (s64)n);
}

void limit_give(struct limit *l, u64 n)
{
	count(l, -(s64)n);
}

u64 limit_used(struct limit *l)
{
	s64 used;

	spin_lock(&l->lock);
	used = gather(l);
	spin_unlock(&l->lock);
	return used > 0 ? (u64)used : 0;
}

bool limit_has_room(struct limit *l, u64 n)
{
	return likely(is_far(l, n)) || (n <= INT64_MAX && (s64)limit_used(l) <= max_of(l) - (s64)n);
}
