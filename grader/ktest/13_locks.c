/* Stage 13: ranges of locks are cut, split and merged; and random sequences of them against a model that knows each byte. */
#include "core/ktest.h"

#include "distro/distro_priv.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "time/time.h"

#define BYTES 48
static struct flock_state state;
static struct list spare;
static int owners[4]; /* their addresses are the owners */

static unsigned made; /* locks for the spare list, since fresh() */

static void fresh(void)
{
	made = 0;
	memset(&state, 0, sizeof(state));
	list_init(&state.locks);
	list_init(&spare);
}

static void more_spare(void)
{
	for (int i = 0; i < 2; i++) {
		struct file_lock *l = kzalloc(sizeof(*l), 0);
		if (!l)
			continue;
		list_add(&spare, &l->link);
		made++;
	}
}

static struct file_lock wanted(unsigned owner, enum lock_kind kind, enum lock_type type, u64 start, u64 end)
{
	return (struct file_lock){ .owner = &owners[owner], .kind = kind, .type = type, .start = start, .end = end, .pid = owner + 1 };
}

static bool set(unsigned owner, enum lock_kind kind, enum lock_type type, u64 start, u64 end)
{
	struct file_lock want = wanted(owner, kind, type, start, end);

	more_spare();
	return lock_apply(&state, &want, &spare);
}

static struct file_lock *conflict(unsigned owner, enum lock_kind kind, enum lock_type type, u64 start, u64 end)
{
	struct file_lock want = wanted(owner, kind, type, start, end);
	return lock_find_conflict(&state, &want);
}

static unsigned count(void)
{
	struct file_lock *l;
	unsigned n = 0;

	list_for_each(l, &state.locks, link)
		n++;
	return n;
}

/* The type of the owner's lock on one byte. */
static enum lock_type type_at(unsigned owner, enum lock_kind kind, u64 byte)
{
	struct file_lock *l;

	list_for_each(l, &state.locks, link)
		if (l->owner == &owners[owner] && l->kind == kind && l->start <= byte && byte <= l->end)
			return l->type;
	return LOCK_NONE;
}

/* With nothing locked each one that was made is spare again. */
static void clear(void)
{
	unsigned left = 0;

	for (unsigned o = 0; o < 4; o++)
		for (unsigned k = LOCK_KIND_FLOCK; k <= LOCK_KIND_OFD; k++)
			set(o, k, LOCK_NONE, 0, LOCK_END);
	KEXPECT_EQ(count(), 0);
	while (!list_empty(&spare)) {
		struct file_lock *l = list_first(&spare, struct file_lock, link);
		list_del(&l->link);
		kfree(l);
		left++;
	}
	KEXPECT_EQ(left, made);
}

KTEST(13, a_range_in_the_middle_makes_three)
{
	fresh();
	set(0, LOCK_KIND_POSIX, LOCK_READ, 0, 99);
	KEXPECT(set(0, LOCK_KIND_POSIX, LOCK_WRITE, 40, 59) == false);
	KEXPECT_EQ(count(), 3);
	KEXPECT_EQ(type_at(0, LOCK_KIND_POSIX, 39), LOCK_READ);
	KEXPECT_EQ(type_at(0, LOCK_KIND_POSIX, 40), LOCK_WRITE);
	KEXPECT_EQ(type_at(0, LOCK_KIND_POSIX, 59), LOCK_WRITE);
	KEXPECT_EQ(type_at(0, LOCK_KIND_POSIX, 60), LOCK_READ);
	KEXPECT(set(0, LOCK_KIND_POSIX, LOCK_READ, 30, 70));
	KEXPECT_EQ(count(), 1);
	KEXPECT(set(0, LOCK_KIND_POSIX, LOCK_NONE, 50, LOCK_END));
	KEXPECT_EQ(type_at(0, LOCK_KIND_POSIX, 49), LOCK_READ);
	KEXPECT_EQ(type_at(0, LOCK_KIND_POSIX, 50), LOCK_NONE);
	set(0, LOCK_KIND_POSIX, LOCK_READ, 50, LOCK_END); /* side by side: one again, up to the very end */
	KEXPECT_EQ(count(), 1);
	clear();
}

KTEST(13, who_stands_beside_whom)
{
	fresh();
	set(0, LOCK_KIND_POSIX, LOCK_READ, 10, 19);
	KEXPECT(conflict(1, LOCK_KIND_POSIX, LOCK_READ, 10, 19) == NULL);
	KEXPECT(conflict(1, LOCK_KIND_POSIX, LOCK_WRITE, 0, 9) == NULL);
	KEXPECT(conflict(1, LOCK_KIND_POSIX, LOCK_WRITE, 20, LOCK_END) == NULL);
	KEXPECT(conflict(1, LOCK_KIND_POSIX, LOCK_WRITE, 19, 19) != NULL);
	KEXPECT(conflict(0, LOCK_KIND_POSIX, LOCK_WRITE, 0, LOCK_END) == NULL); /* one's own */
	KEXPECT(conflict(1, LOCK_KIND_OFD, LOCK_WRITE, 10, 10) != NULL);        /* both are fcntl's */
	KEXPECT(conflict(0, LOCK_KIND_OFD, LOCK_WRITE, 10, 10) != NULL);        /* an open file is not the process */
	KEXPECT(conflict(1, LOCK_KIND_FLOCK, LOCK_WRITE, 0, LOCK_END) == NULL); /* flock does not see them */
	set(2, LOCK_KIND_FLOCK, LOCK_READ, 0, LOCK_END);
	KEXPECT(conflict(3, LOCK_KIND_FLOCK, LOCK_READ, 0, LOCK_END) == NULL);
	KEXPECT(conflict(3, LOCK_KIND_FLOCK, LOCK_WRITE, 0, LOCK_END) != NULL);
	KEXPECT(conflict(3, LOCK_KIND_POSIX, LOCK_WRITE, 0, 9) == NULL);
	clear();
}

KTEST(13, ranges_meet_at_their_last_bytes)
{
	fresh();
	/* Whether something became free for others: a write lock that shrinks or weakens, or any lock that goes. */
	KEXPECT(!set(0, LOCK_KIND_POSIX, LOCK_WRITE, 10, 29));
	KEXPECT(!set(0, LOCK_KIND_POSIX, LOCK_WRITE, 15, 20)); /* the same again */
	KEXPECT_EQ(count(), 1);
	KEXPECT(set(0, LOCK_KIND_POSIX, LOCK_READ, 10, 14));
	KEXPECT_EQ(count(), 2);
	KEXPECT(!set(0, LOCK_KIND_POSIX, LOCK_WRITE, 10, 14));
	KEXPECT_EQ(count(), 1);
	KEXPECT(!set(0, LOCK_KIND_POSIX, LOCK_NONE, 0, 9));
	KEXPECT(!set(0, LOCK_KIND_POSIX, LOCK_NONE, 30, LOCK_END));
	KEXPECT_EQ(count(), 1);
	KEXPECT(set(0, LOCK_KIND_POSIX, LOCK_NONE, 29, 40)); /* its last byte, then its first */
	KEXPECT(set(0, LOCK_KIND_POSIX, LOCK_NONE, 5, 10));
	KEXPECT_EQ(type_at(0, LOCK_KIND_POSIX, 10), LOCK_NONE);
	KEXPECT_EQ(type_at(0, LOCK_KIND_POSIX, 11), LOCK_WRITE);
	KEXPECT_EQ(type_at(0, LOCK_KIND_POSIX, 28), LOCK_WRITE);
	KEXPECT_EQ(type_at(0, LOCK_KIND_POSIX, 29), LOCK_NONE);
	KEXPECT(set(0, LOCK_KIND_POSIX, LOCK_NONE, 11, 28));
	KEXPECT_EQ(count(), 0);
	/* One byte between two of them keeps them apart; none makes them one. */
	set(0, LOCK_KIND_POSIX, LOCK_READ, 0, 4);
	set(0, LOCK_KIND_POSIX, LOCK_READ, 6, 9);
	KEXPECT_EQ(count(), 2);
	set(0, LOCK_KIND_POSIX, LOCK_READ, 10, 10);
	KEXPECT_EQ(count(), 2);
	set(0, LOCK_KIND_POSIX, LOCK_READ, 5, 5);
	KEXPECT_EQ(count(), 1);
	set(0, LOCK_KIND_OFD, LOCK_READ, 11, 20); /* another kind is another owner */
	KEXPECT_EQ(count(), 2);
	set(1, LOCK_KIND_POSIX, LOCK_READ, 11, 20);
	KEXPECT_EQ(count(), 3);
	clear();
}

KTEST(13, locks_stand_in_order)
{
	struct file_lock *l;
	u64 last = 0;

	fresh();
	for (unsigned i = 0; i < 60; i++) {
		u64 at = ktest_random() % 1000 * 4;
		set(ktest_random() % 4, LOCK_KIND_POSIX, i % 5 ? LOCK_READ : LOCK_NONE, at, at + ktest_random() % 60);
		last = 0;
		list_for_each(l, &state.locks, link) {
			KEXPECT(l->start >= last && l->start <= l->end);
			last = l->start;
		}
	}
	/* The first in the way is the one that F_GETLK tells. */
	clear();
	fresh();
	set(1, LOCK_KIND_POSIX, LOCK_READ, 500, 600);
	set(2, LOCK_KIND_POSIX, LOCK_READ, 100, 200);
	l = conflict(0, LOCK_KIND_POSIX, LOCK_WRITE, 0, LOCK_END);
	KREQUIRE(l != NULL);
	KEXPECT_EQ(l->start, 100);
	KEXPECT_EQ(l->pid, 3);
	clear();
}

/* Every byte of every owner, after each of many random steps. */
KTEST(13, a_model_agrees_byte_by_byte)
{
	static u8 model[4][BYTES];

	fresh();
	memset(model, LOCK_NONE, sizeof(model));
	for (unsigned step = 0; step < 3000; step++) {
		unsigned owner = ktest_random() % 4, a = ktest_random() % BYTES, b = ktest_random() % BYTES;
		enum lock_type type = ktest_random() % 3;
		unsigned start = MIN(a, b), end = MAX(a, b);
		bool refused = false;

		for (unsigned o = 0; o < 4; o++)
			for (unsigned i = start; i <= end; i++)
				if (o != owner && type != LOCK_NONE && model[o][i] != LOCK_NONE && (type == LOCK_WRITE || model[o][i] == LOCK_WRITE))
					refused = true;
		if (type != LOCK_NONE)
			KEXPECT_EQ(conflict(owner, LOCK_KIND_POSIX, type, start, end) != NULL, refused);
		if (refused)
			continue;
		set(owner, LOCK_KIND_POSIX, type, start, end);
		memset(&model[owner][start], type, end - start + 1);
		for (unsigned o = 0; o < 4; o++)
			for (unsigned i = 0; i < BYTES; i++)
				if (type_at(o, LOCK_KIND_POSIX, i) != model[o][i]) {
					KEXPECT_EQ(type_at(o, LOCK_KIND_POSIX, i), model[o][i]);
					ktest_note("step", step);
					clear();
					return;
				}
		/* What is equal and side by side is one. */
		struct file_lock *l, *m;
		list_for_each(l, &state.locks, link)
			list_for_each(m, &state.locks, link)
				KEXPECT(!(l != m && l->owner == m->owner && l->type == m->type && l->end + 1 == m->start));
	}
	clear();
}

/*
 * The optional challenge `in-order`: the list is sorted, and that is used. With a thousand locks of one owner, what happens near the front costs no more than if it
 * were alone, and so does setting one near the end; whatever lies across the list is heeded all the same.
 */
static u64 cost(unsigned owner, enum lock_type type, u64 start, u64 end, bool ask)
{
	struct file_lock want = wanted(owner, LOCK_KIND_POSIX, type, start, end);

	more_spare();
	u64 begun = time_ns();
	if (ask)
		lock_find_conflict(&state, &want);
	else
		lock_apply(&state, &want, &spare);
	return time_ns() - begun;
}

KTEST(13, challenge_in_order)
{
	enum { LOCKS = 1000, CHEAP = 500 }; /* instructions: a nanosecond each of the machine that grades */
	u64 last = 1000 + 10 * (LOCKS - 1);

	fresh();
	for (unsigned i = 0; i < LOCKS; i++)
		set(0, LOCK_KIND_POSIX, i % 2 ? LOCK_WRITE : LOCK_READ, 1000 + 10 * i, 1004 + 10 * i);
	KEXPECT(cost(1, LOCK_WRITE, 100, 200, true) < CHEAP);
	KEXPECT(cost(1, LOCK_WRITE, 1002, 1003, true) < CHEAP);
	KEXPECT(cost(0, LOCK_WRITE, 100, 200, false) < CHEAP);
	KEXPECT(cost(0, LOCK_NONE, 100, 200, false) < CHEAP);
	KEXPECT(cost(0, LOCK_READ, last + 10, last + 14, false) < CHEAP);
	KEXPECT(cost(0, LOCK_NONE, last + 10, last + 14, false) < CHEAP);
	KEXPECT(cost(0, LOCK_WRITE, last + 5, last + 6, false) < CHEAP); /* grows the last one */
	KEXPECT_EQ(count(), LOCKS);
	KEXPECT_EQ(type_at(0, LOCK_KIND_POSIX, last + 6), LOCK_WRITE);
	/* One that begins early and ends late is found from everywhere, and cut. */
	set(1, LOCK_KIND_OFD, LOCK_READ, 5, last + 100);
	set(2, LOCK_KIND_POSIX, LOCK_READ, 2, 9);
	set(3, LOCK_KIND_POSIX, LOCK_READ, last + 60, last + 70);
	KEXPECT(conflict(3, LOCK_KIND_POSIX, LOCK_WRITE, last + 90, last + 95) != NULL);
	KEXPECT(conflict(3, LOCK_KIND_POSIX, LOCK_WRITE, 500, 500) != NULL);
	KEXPECT(conflict(3, LOCK_KIND_POSIX, LOCK_WRITE, last + 101, LOCK_END) == NULL);
	KEXPECT(set(1, LOCK_KIND_OFD, LOCK_NONE, last + 50, last + 55));
	KEXPECT_EQ(type_at(1, LOCK_KIND_OFD, last + 49), LOCK_READ);
	KEXPECT_EQ(type_at(1, LOCK_KIND_OFD, last + 52), LOCK_NONE);
	KEXPECT_EQ(type_at(1, LOCK_KIND_OFD, last + 56), LOCK_READ);
	KEXPECT(!set(1, LOCK_KIND_OFD, LOCK_READ, last + 50, last + 55)); /* and mended */
	KEXPECT_EQ(count(), LOCKS + 3);
	u64 at = 0;
	struct file_lock *l;
	list_for_each(l, &state.locks, link) {
		if (l->start < at)
			KEXPECT(l->start >= at);
		at = l->start;
	}
	clear();
}
