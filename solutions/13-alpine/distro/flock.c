/*
 * Who has locked what of a file.
 *
 * flock(2) locks a file as a whole, for an open file. fcntl(2) locks ranges of bytes, for a process (POSIX) or an open file (OFD). One rule serves all: a
 * lock is a range with an owner and a type, and two locks stand beside each other if they have the same owner, do not overlap, or both only read. The two
 * families, flock and fcntl, do not see each other.
 *
 * An owner's locks of one kind never overlap, and neighbours of one type are one lock. So setting a range means cutting it out of what is there:
 *
 *   there       |rrrrrrrrrrrrrrrrrrrr|        want  |WWWWW|        gives  |rrrrrr|WWWWW|rrrrrrr|      one lock became three
 *   there       |rrrrr|     |rrrrr|           want  |rrrrrrr|      gives  |rrrrrrrrrrrrrrr|           three became one
 *
 * A LOCK_NONE cuts and puts nothing in its place.
 */
#include "distro_priv.h"

#include "core/todo.h"

#ifdef SOLUTION
static bool same_owner(const struct file_lock *a, const struct file_lock *b)
{
	return a->kind == b->kind && a->owner == b->owner;
}

static bool same_family(const struct file_lock *a, const struct file_lock *b)
{
	return (a->kind == LOCK_KIND_FLOCK) == (b->kind == LOCK_KIND_FLOCK);
}

static bool overlap(const struct file_lock *a, const struct file_lock *b)
{
	return a->start <= b->end && b->start <= a->end;
}

/* Overlapping, or side by side. */
static bool touch(const struct file_lock *l, u64 start, u64 end)
{
	return l->start <= end + 1 && start <= l->end + 1;
}

struct file_lock *lock_find_conflict(struct flock_state *s, const struct file_lock *want)
{
	struct file_lock *l;

	list_for_each(l, &s->locks, link)
		if (same_family(l, want) && !same_owner(l, want) && overlap(l, want) && (l->type == LOCK_WRITE || want->type == LOCK_WRITE))
			return l;
	return NULL;
}

static void insert(struct flock_state *s, struct file_lock *new)
{
	struct file_lock *l;

	list_for_each(l, &s->locks, link)
		if (l->start > new->start)
			break;
	list_add_tail(&l->link, &new->link);
}

static struct file_lock *take_spare(struct list *spare)
{
	struct file_lock *l = list_first(spare, struct file_lock, link);

	list_del(&l->link);
	return l;
}

static void give_spare(struct list *spare, struct file_lock *l)
{
	list_del(&l->link);
	list_add(spare, &l->link);
}

/* Takes want's range out of l, which overlaps it. */
static void cut(struct flock_state *s, struct file_lock *l, const struct file_lock *want, struct list *spare)
{
	bool left = l->start < want->start, right = l->end > want->end;

	if (left && right) {
		struct file_lock *rest = take_spare(spare);
		*rest = *l;
		rest->start = want->end + 1;
		l->end = want->start - 1;
		insert(s, rest);
	} else if (left) {
		l->end = want->start - 1;
	} else if (right) {
		/* Its start moves: so may its place. */
		list_del(&l->link);
		l->start = want->end + 1;
		insert(s, l);
	} else {
		give_spare(spare, l);
	}
}

bool lock_apply(struct flock_state *s, const struct file_lock *want, struct list *spare)
{
	struct file_lock *l, *next;
	u64 start = want->start, end = want->end;
	bool freed = false;

	list_for_each_safe(l, next, &s->locks, link) {
		if (!same_owner(l, want))
			continue;
		if (l->type == want->type && touch(l, want->start, want->end)) {
			start = MIN(start, l->start);
			end = MAX(end, l->end);
			give_spare(spare, l);
		} else if (l->type != want->type && overlap(l, want)) {
			freed |= l->type == LOCK_WRITE || want->type == LOCK_NONE;
			cut(s, l, want, spare);
		}
	}
	if (want->type != LOCK_NONE) {
		struct file_lock *new = take_spare(spare);
		*new = *want;
		new->start = start;
		new->end = end;
		insert(s, new);
	}
	return freed;
}
#else
struct file_lock *lock_find_conflict(struct flock_state *s, const struct file_lock *want)
{
	TODO("13-alpine");
}

bool lock_apply(struct flock_state *s, const struct file_lock *want, struct list *spare)
{
	TODO("13-alpine");
}
#endif
