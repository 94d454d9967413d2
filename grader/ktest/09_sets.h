/* What the tests of semaphores share: a set, and checks of which only the first that fails is told. */
#ifndef KTEST_09_SETS_H
#define KTEST_09_SETS_H

#include "core/ktest.h"
#include "ipc/semaphore_priv.h"
#include "lib/string.h"
#include "sched/thread.h"

enum { COUNT = 3, OWN_PID = 70, MILLISECOND = 1000000 };

static struct sem_set set;
static struct sem sems[COUNT];
static bool wrong;

#define CHECK(cond) do { if (!wrong && !KEXPECT(cond)) wrong = true; } while (0)
#define CHECK_EQ(got, wanted) do { if (!wrong && !KEXPECT_EQ(got, wanted)) wrong = true; } while (0)

static inline void lock(void) { spin_lock(&set.object.lock); }
static inline void unlock(void) { spin_unlock(&set.object.lock); }

static inline void set_begin(void)
{
	memset(&set, 0, sizeof(set));
	memset(sems, 0, sizeof(sems));
	wrong = false;
	spin_init(&set.object.lock, "ktest set", RANK_IPC_OBJECT);
	set.sems = sems;
	set.count = COUNT;
	list_init(&set.waiting);
	list_init(&set.undos);
}

/* How many requests wait. */
static inline u32 waiting(void)
{
	struct sem_request *r;
	u32 n = 0;

	lock();
	list_for_each(r, &set.waiting, link)
		n++;
	unlock();
	return n;
}

#endif
