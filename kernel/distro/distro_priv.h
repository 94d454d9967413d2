/* Inside distro/. */
#ifndef DISTRO_PRIV_H
#define DISTRO_PRIV_H

#include "core/compiler.h"
#include "lib/list.h"
#include "sched/wait.h"

/* --- file locks ---------------------------------------------------------------------------------------------------- */

enum lock_kind { LOCK_KIND_FLOCK, LOCK_KIND_POSIX, LOCK_KIND_OFD };
enum lock_type { LOCK_READ, LOCK_WRITE, LOCK_NONE }; /* as F_RDLCK, F_WRLCK, F_UNLCK */
#define LOCK_END INT64_MAX

struct file_lock {
	struct list link;     /* flock_state->locks, by start */
	const void *owner;    /* struct file (flock, OFD) or struct files (POSIX): with the kind it says whose it is */
	u8 kind, type;
	u64 start, end;       /* bytes, both within; flock: 0 … LOCK_END */
	int pid;              /* for F_GETLK; -1: of an open file */
};
/* What is locked of one inode: there while there are locks or waiters. */
struct flock_state {
	struct list locks;    /* lock_table_lock */
	u32 waiters;          /* lock_table_lock */
	struct wait_queue wait;
	struct list all;      /* for /proc/locks */
	struct inode *inode;
};

/*
 * Student's (distro/flock.c); lock_table_lock is held.
 */
/* The first lock that `want` cannot stand beside; NULL: none. */
struct file_lock *lock_find_conflict(struct flock_state *s, const struct file_lock *want);
/*
 * Makes the owner's locks as `want` says (LOCK_NONE: unlocks): its other locks of that kind are cut, split or merged. New records come from `spare` (at
 * least two; none, when the whole range is unlocked: nothing is cut in two then), and those that are not needed any more go there. True if something became free.
 */
bool lock_apply(struct flock_state *s, const struct file_lock *want, struct list *spare);

/* --- vDSO ---------------------------------------------------------------------------------------------------------- */

int vdso_init(void);

#endif
