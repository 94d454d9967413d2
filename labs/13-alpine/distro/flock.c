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

struct file_lock *lock_find_conflict(struct flock_state *s, const struct file_lock *want)
{
	TODO("13-alpine");
}

bool lock_apply(struct flock_state *s, const struct file_lock *want, struct list *spare)
{
	TODO("13-alpine");
}
