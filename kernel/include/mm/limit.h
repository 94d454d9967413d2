/* How much of something is in use, where all CPUs take and give all the time: limit.c. */
#ifndef MM_LIMIT_H
#define MM_LIMIT_H

#include "core/spinlock.h"

#define LIMIT_NONE UINT64_MAX

struct limit {
	struct spinlock lock;
	u64 max;                  /* may be changed at any time: what is in use beyond it stays */
	s64 handed_in;            /* changed under lock */
	struct limit_part *parts; /* one for each CPU */
};
/* When all CPUs run. -ENOMEM; destroy is allowed then too. */
int limit_init(struct limit *l, u64 max);
void limit_destroy(struct limit *l);
/* 0 or -ENOSPC: exact to the last one, whoever else takes and gives meanwhile. Does not sleep; not in interrupts. */
int limit_take(struct limit *l, u64 n);
void limit_take_beyond(struct limit *l, u64 n); /* whatever the limit says */
void limit_give(struct limit *l, u64 n);
bool limit_has_room(struct limit *l, u64 n);    /* would limit_take succeed now? */
u64 limit_used(struct limit *l);

#endif
