/*
 * Stage 13: locks of all three kinds at random, beside a model that knows the type of each stretch of a file.
 *
 * The file is cut into cells, most of a byte or two, some of exabytes, up to LOCK_END; each range runs from a cell's first byte to a cell's last. After each step
 * the list is what the model says: each owner's stretches of one type, each one lock, all by their starts, and no record is lost.
 */
#include "core/ktest.h"

#include "distro/distro_priv.h"
#include "lib/string.h"
#include "mm/slab.h"

enum { TURNS = 12, STEPS = 120, CELLS = 20, OWNERS = 4, KINDS = 3 };

static struct flock_state state;
static struct list spare;
static unsigned made; /* records in all: in the list, and spare */
static char owners[OWNERS];
static u64 edges[CELLS + 1]; /* cell i: edges[i] … edges[i + 1] - 1 */
static u8 model[KINDS][OWNERS][CELLS];
static bool wrong;

#define CHECK(cond) do { if (!wrong && !KEXPECT(cond)) wrong = true; } while (0)
#define CHECK_EQ(got, wanted) do { if (!wrong && !KEXPECT_EQ(got, wanted)) wrong = true; } while (0)

static u32 dice(u32 n) { return ktest_random() % n; }

static void cut_the_file(void)
{
	u32 large = 1 + dice(CELLS - 2);
	u64 at = 0;

	for (u32 i = 0; i < CELLS; i++) {
		edges[i] = at;
		at += dice(3) ? 1 : 1 + dice(1000);
		if (i == large) /* the cells behind it end where the file does */
			at = (u64)LOCK_END - 3000 * (CELLS - i) + dice(1000);
	}
	edges[CELLS] = (u64)LOCK_END + 1;
}

/* Exactly so many are spare. */
static void make_spare(unsigned wanted)
{
	unsigned have = 0;
	struct file_lock *l;

	list_for_each(l, &spare, link)
		have++;
	for (; have < wanted; have++) {
		l = kzalloc(sizeof(*l), 0);
		if (!KEXPECT(l))
			return;
		list_add(&spare, &l->link);
		made++;
	}
	for (; have > wanted; have--) {
		l = list_first(&spare, struct file_lock, link);
		list_del(&l->link);
		kfree(l);
		made--;
	}
}

static unsigned length_of(const struct list *list)
{
	struct file_lock *l;
	unsigned n = 0;

	list_for_each(l, list, link)
		if (++n > made)
			break;
	return n;
}

static int pid_of(u32 kind, u32 owner) { return kind == LOCK_KIND_OFD ? -1 : (int)(10 * kind + owner + 1); }
static bool is_flock(u32 kind) { return kind == LOCK_KIND_FLOCK; }

/* The next stretch of this owner from cell `from` on: its first cell, *last its last one. CELLS: none. */
static u32 stretch(const u8 *cells, u32 from, u32 *last)
{
	while (from < CELLS && cells[from] == LOCK_NONE)
		from++;
	for (*last = from; *last + 1 < CELLS && cells[*last + 1] == cells[from];)
		++*last;
	return from;
}

static void compare(void)
{
	u32 at[KINDS][OWNERS] = { 0 }, last;
	struct file_lock *l;
	u64 start = 0;

	CHECK_EQ(length_of(&state.locks) + length_of(&spare), made);
	list_for_each(l, &state.locks, link) {
		u32 owner = (u32)((const char *)l->owner - owners);
		CHECK(l->kind < KINDS && owner < OWNERS);
		if (wrong)
			return;
		CHECK(l->start >= start);
		start = l->start;
		const u8 *cells = model[l->kind][owner];
		u32 first = stretch(cells, at[l->kind][owner], &last);
		CHECK(first < CELLS); /* there is one too many */
		if (wrong)
			return;
		CHECK_EQ(l->start, edges[first]);
		CHECK_EQ(l->end, edges[last + 1] - 1);
		CHECK_EQ(l->type, cells[first]);
		CHECK_EQ(l->pid, pid_of(l->kind, owner));
		at[l->kind][owner] = last + 1;
	}
	for (u32 k = 0; k < KINDS; k++)
		for (u32 o = 0; o < OWNERS; o++)
			CHECK_EQ(stretch(model[k][o], at[k][o], &last), CELLS); /* and none is missing */
}

/* May this lock of somebody else's stay beside one of `type` on these cells? */
static bool in_the_way(u32 kind, u32 owner, u32 type, u32 other_kind, u32 other, u32 cell)
{
	u32 there = model[other_kind][other][cell];

	if (is_flock(kind) != is_flock(other_kind) || (kind == other_kind && owner == other) || there == LOCK_NONE)
		return false;
	return type == LOCK_WRITE || there == LOCK_WRITE;
}

/* Where the first of those that are in the way begins; UINT64_MAX: none is. */
static u64 first_in_the_way(u32 kind, u32 owner, u32 type, u32 from, u32 to)
{
	u64 first = UINT64_MAX;

	for (u32 k = 0; k < KINDS; k++)
		for (u32 o = 0; o < OWNERS; o++)
			for (u32 i = from; i <= to; i++) {
				u32 begin = i;
				if (!in_the_way(kind, owner, type, k, o, i))
					continue;
				while (begin && model[k][o][begin - 1] == model[k][o][i])
					begin--;
				first = MIN(first, edges[begin]);
			}
	return first;
}

static void step(void)
{
	u32 kind = dice(5), owner = dice(OWNERS), type = dice(7), from = dice(CELLS), to = dice(3) ? from + dice(CELLS - from) : from;
	bool freed = false;

	kind = kind < KINDS ? kind : LOCK_KIND_POSIX;
	type = type < 3 ? LOCK_READ : type < 5 ? LOCK_WRITE : LOCK_NONE;
	if (is_flock(kind) || !dice(15)) {
		from = 0;
		to = CELLS - 1;
	}
	u8 *cells = model[kind][owner];
	struct file_lock want = { .owner = &owners[owner], .kind = (u8)kind, .type = (u8)type, .start = edges[from], .end = edges[to + 1] - 1, .pid = pid_of(kind, owner) };
	if (type != LOCK_NONE) {
		u64 first = first_in_the_way(kind, owner, type, from, to);
		struct file_lock *l = lock_find_conflict(&state, &want);
		CHECK_EQ(l ? l->start : UINT64_MAX, first);
		if (l || wrong)
			goto out;
	}
	for (u32 i = from; i <= to; i++) {
		freed |= type == LOCK_NONE ? cells[i] != LOCK_NONE : type == LOCK_READ && cells[i] == LOCK_WRITE;
		cells[i] = (u8)type;
	}
	make_spare(type == LOCK_NONE && from == 0 && to == CELLS - 1 ? 0 : 2);
	CHECK_EQ(lock_apply(&state, &want, &spare), freed);
	if (!wrong)
		compare();
out:
	if (wrong) {
		ktest_note("kind", kind);
		ktest_note("owner", owner);
		ktest_note("type", type);
		ktest_note("first cell", from);
		ktest_note("last cell", to);
	}
}

static void forget(struct list *list)
{
	while (!list_empty(list)) {
		struct file_lock *l = list_first(list, struct file_lock, link);
		list_del(&l->link);
		kfree(l);
	}
}

KTEST(13, locks_at_random)
{
	wrong = false;
	list_init(&spare);
	for (u32 turn = 0; turn < TURNS && !wrong; turn++) {
		memset(&state, 0, sizeof(state));
		list_init(&state.locks);
		memset(model, LOCK_NONE, sizeof(model));
		made = 0;
		cut_the_file();
		for (u32 i = 0; i < STEPS && !wrong; i++)
			step();
		if (wrong)
			return; /* what there is may hang together in any way */
		forget(&state.locks);
		forget(&spare);
	}
}
