/* Locks whose waiters sleep. Not in interrupt context, not under a spinlock. */
#ifndef SCHED_MUTEX_H
#define SCHED_MUTEX_H

#include "sched/wait.h"

struct mutex {
	struct thread *owner; /* NULL: free; wait.lock guards it in the slow path */
	struct wait_queue wait;
	u8 rank;
	const char *name;
};
#define MUTEX(n, r) struct mutex n = { .wait = { .lock = SPINLOCK_INIT(#n, RANK_WAITQUEUE), .entries = LIST_INIT(n.wait.entries) }, .rank = (r), .name = #n }
/* Student's (sched/mutex.c). */
void mutex_init(struct mutex *m, const char *name, enum lock_rank rank);
void mutex_lock(struct mutex *m);
int mutex_lock_interruptible(struct mutex *m); /* 0, or -ERESTARTSYS */
bool mutex_trylock(struct mutex *m);
void mutex_unlock(struct mutex *m);
bool mutex_is_held(const struct mutex *m); /* by current */

/* Given (sched/rwlock.c): many readers or one writer; writers are not starved. */
struct rwlock {
	s32 readers;          /* atomic; -1: a writer */
	u32 writers_waiting;  /* atomic; not 0 keeps new readers out, except … */
	u32 readers_waiting;  /* atomic */
	u32 reader_turns;     /* … this many that waited while a writer was in (atomic) */
	struct thread *owner; /* the writer */
	struct wait_queue wait;
	u8 rank;
	const char *name;
};
void rwlock_init(struct rwlock *l, const char *name, enum lock_rank rank);
void rwlock_read(struct rwlock *l);
bool rwlock_try_read(struct rwlock *l);
void rwlock_read_done(struct rwlock *l);
void rwlock_write(struct rwlock *l);
int rwlock_write_killable(struct rwlock *l); /* 0, or -EINTR when the thread is being killed */
void rwlock_write_done(struct rwlock *l);
void rwlock_downgrade(struct rwlock *l); /* writer becomes reader */

#endif
