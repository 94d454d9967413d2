/* Stage 07: fork's copy of an address space. */
#include "core/ktest.h"
#include "watch.h"

#include "core/err.h"
#include "irq/irq.h"
#include "lib/string.h"
#include "mm/frame.h"
#include "proc/cow.h"
#include "vm/aspace.h"

#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED)
#define AT 0x30000000ul

static u64 peek(struct aspace *as, vaddr_t va)
{
	u64 word = ~0ul;
	KEXPECT_EQ(vm_access(as, va, &word, 8, false), 8);
	return word;
}

static void poke(struct aspace *as, vaddr_t va, u64 word)
{
	KEXPECT_EQ(vm_access(as, va, &word, 8, true), 8);
}

static paddr_t frame_of(struct aspace *as, vaddr_t va)
{
	int level;
	return pt_lookup(as->pt, va, &level) & PTE_ADDR;
}

KTEST(07, fork_shares_until_a_write)
{
	struct mem_stats before, shared, after;
	struct aspace *parent = aspace_create();
	u64 word;

	KREQUIRE(parent != NULL);
	vm_map(parent, AT, 64 * PAGE_SIZE, RW, ANON, NULL, 0);
	for (u64 i = 0; i < 64; i++)
		poke(parent, AT + i * PAGE_SIZE, i);
	poke(parent, AT + 8, 0x77);
	mem_stats(&before);
	struct aspace *child = aspace_fork(parent);
	KREQUIRE(!IS_ERR(child));
	mem_stats(&shared);
	KEXPECT_EQ(shared.anon, before.anon);
	KEXPECT_EQ(child->anon_rss, 64);
	KEXPECT_EQ(frame_of(parent, AT + PAGE_SIZE), frame_of(child, AT + PAGE_SIZE));
	for (u64 i = 0; i < 64; i++)
		KEXPECT_EQ(peek(child, AT + i * PAGE_SIZE), i);

	poke(child, AT, 1000);
	word = 0;
	KEXPECT_EQ(vm_access(child, AT + 8, &word, 8, false), 8);
	KEXPECT_EQ(word, 0x77); /* the rest of the page came along */
	KEXPECT_EQ(peek(parent, AT), 0);
	poke(parent, AT + PAGE_SIZE, 2000);
	KEXPECT_EQ(peek(child, AT + PAGE_SIZE), 1);
	KEXPECT_EQ(peek(parent, AT + PAGE_SIZE), 2000);
	KEXPECT(frame_of(parent, AT) != frame_of(child, AT));
	mem_stats(&after);
	KEXPECT_EQ(after.anon, before.anon + 2); /* only what was written was copied */

	/* Another thread copied the page since our caller looked: its copy stays, and ours goes back. */
	vaddr_t late = AT + 7 * PAGE_SIZE;
	pte_t seen = vm_read_pte(child, late);
	struct frame *held = phys_to_frame(seen & PTE_ADDR); /* by our caller */
	frame_get(held);
	poke(child, late, 700);
	u64 free = frame_free_now(); /* approximately */
	rwlock_read(&child->lock);
	for (int i = 0; i < 512; i++)
		KEXPECT_EQ(cow_write_fault(area_find(child, late), late, seen), -EAGAIN);
	rwlock_read_done(&child->lock);
	frame_put(held);
	KEXPECT(frame_free_now() + 256 > free);
	KEXPECT_EQ(peek(child, late), 700);
	KEXPECT_EQ(peek(parent, late), 7);

	/* The parent is alone with its page now: no second copy. */
	paddr_t kept = frame_of(parent, AT);
	poke(parent, AT, 3000);
	KEXPECT_EQ(frame_of(parent, AT), kept);
	aspace_put_user(child);
	kept = frame_of(parent, AT + 5 * PAGE_SIZE);
	poke(parent, AT + 5 * PAGE_SIZE, 5);
	KEXPECT_EQ(frame_of(parent, AT + 5 * PAGE_SIZE), kept);
	aspace_put_user(parent);
	mem_stats(&after);
	KEXPECT_EQ(after.anon, before.anon - 64);
}

static pte_t *watched;

/* Comes right behind each access of fork's to the entry, as the CPU on which another thread of the parent writes: while it may, it notes that it has. */
static bool entry_was_touched(struct trapframe *f __unused)
{
	u64 control = watch_pause();

	watch_touched();
	if (__atomic_load_n(watched, __ATOMIC_SEQ_CST) & PTE_WRITE)
		__atomic_fetch_or(watched, PTE_DIRTY, __ATOMIC_SEQ_CST);
	watch_resume(control);
	return true;
}

KTEST(07, the_child_outlives_the_parent)
{
	struct aspace *parent = aspace_create();

	KREQUIRE(parent != NULL);
	vm_map(parent, AT, 600 * PAGE_SIZE, RW, ANON, NULL, 0); /* more than one table */
	for (u64 i = 0; i < 600; i += 7)
		poke(parent, AT + i * PAGE_SIZE, i + 1);
	struct aspace *child = aspace_fork(parent);
	KREQUIRE(!IS_ERR(child));
	struct aspace *grandchild = aspace_fork(child);
	KREQUIRE(!IS_ERR(grandchild));
	aspace_put_user(parent);
	for (u64 i = 0; i < 600; i++)
		KEXPECT_EQ(peek(child, AT + i * PAGE_SIZE), i % 7 ? 0 : i + 1);
	for (u64 i = 0; i < 600; i += 7)
		poke(child, AT + i * PAGE_SIZE, 0);
	aspace_put_user(child);
	for (u64 i = 0; i < 600; i += 7)
		KEXPECT_EQ(peek(grandchild, AT + i * PAGE_SIZE), i + 1);
	aspace_put_user(grandchild);

	/* What the CPU notes in an entry while its right is taken away stays. */
	parent = aspace_create();
	KREQUIRE(parent != NULL);
	vm_map(parent, AT, PAGE_SIZE, RW, ANON, NULL, 0);
	poke(parent, AT, 1);
	watched = pt_walk(parent->pt, AT, false);
	__atomic_fetch_and(watched, ~PTE_DIRTY, __ATOMIC_SEQ_CST);
	trap_register(TRAP_DEBUG, entry_was_touched);
	watch_memory(0, watched, 8, WATCH_ACCESSES);
	child = aspace_fork(parent);
	watch_end();
	trap_register(TRAP_DEBUG, NULL);
	KREQUIRE(!IS_ERR(child));
	KEXPECT(*watched & PTE_DIRTY && !(*watched & PTE_WRITE));
	aspace_put_user(child);
	aspace_put_user(parent);
}

KTEST(07, fork_heeds_what_an_area_is)
{
	struct aspace *parent = aspace_create();

	KREQUIRE(parent != NULL);
	vm_map(parent, AT, 4 * PAGE_SIZE, RW, ANON, NULL, 0);
	long common = vm_map(parent, 0, 4 * PAGE_SIZE, RW, MAP_SHARED | MAP_ANONYMOUS, NULL, 0);
	KREQUIRE(common > 0);
	poke(parent, common, 1);
	poke(parent, AT, 1);
	KEXPECT_EQ(vm_protect(parent, AT, PAGE_SIZE, PROT_READ), 0);
	struct aspace *child = aspace_fork(parent);
	KREQUIRE(!IS_ERR(child));
	KEXPECT_EQ(child->total_pages, parent->total_pages);
	poke(child, common, 2);
	KEXPECT_EQ(peek(parent, common), 2); /* shared stays shared */
	poke(parent, common + PAGE_SIZE, 3);
	KEXPECT_EQ(peek(child, common + PAGE_SIZE), 3);
	u64 word = 9;
	KEXPECT_EQ(vm_access(child, AT, &word, 8, true), 0); /* read-only stays read-only */
	KEXPECT_EQ(vm_protect(child, AT, PAGE_SIZE, RW), 0);
	poke(child, AT, 9);
	KEXPECT_EQ(peek(parent, AT), 1);
	KEXPECT_EQ(vm_protect(parent, AT, PAGE_SIZE, RW), 0);
	poke(parent, AT, 8);
	KEXPECT_EQ(peek(child, AT), 9);
	aspace_put_user(child);
	aspace_put_user(parent);
}

/* A page of the kernel's own, which no entry counts. */
static struct frame *the_kernels;
static int give(struct area *a __unused, u64 pgoff __unused, bool write __unused, struct frame **out)
{
	frame_get(the_kernels);
	*out = the_kernels;
	return 0;
}

KTEST(07, a_copy_of_the_kernels_page_is_a_page_like_others)
{
	static const struct vm_ops ops = { .name = "ktest", .fault = give };
	struct aspace *parent = aspace_create(), *child;
	struct mem_stats before, after;

	the_kernels = frame_alloc(0, ALLOC_ZERO);
	KREQUIRE(parent && the_kernels);
	mem_stats(&before);
	KEXPECT_EQ(vm_map_special(parent, AT, PAGE_SIZE, RW, AREA_SPECIAL | AREA_MAYREAD | AREA_MAYWRITE, &ops, NULL), 0);
	KEXPECT_EQ(peek(parent, AT), 0);
	KEXPECT(vm_read_pte(parent, AT) & PTE_SPECIAL);
	child = aspace_fork(parent);
	KREQUIRE(!IS_ERR(child));
	poke(parent, AT, 5);
	poke(child, AT, 6);
	KEXPECT_EQ(peek(parent, AT), 5);
	KEXPECT_EQ(peek(child, AT), 6);
	KEXPECT_EQ(*(u64 *)frame_to_virt(the_kernels), 0);
	KEXPECT(!(vm_read_pte(parent, AT) & PTE_SPECIAL) && !(vm_read_pte(child, AT) & PTE_SPECIAL)); /* their own, and counted */
	aspace_put_user(parent);
	aspace_put_user(child);
	mem_stats(&after);
	KEXPECT_EQ(after.anon, before.anon);
	KEXPECT_EQ(refcount_read(&the_kernels->ref), 1);
	frame_put(the_kernels);
}

/* --- forks at random, beside a model --------------------------------------------------------------------------------- */

/*
 * Up to SPACES copies of one address space, across the border of two page tables. The model knows of each page which version of it each copy has: a fork copies the number, a
 * write to a version that others have makes a new one, and each version that somebody has is one frame.
 */
enum { SPACES = 5, PAGES = 24, VERSIONS = 4096, STEPS = 900 };
#define BORDER (0x30400000ul - PAGES / 2 * PAGE_SIZE)
static struct aspace *space[SPACES];
static u16 version[SPACES][PAGES]; /* 0: none yet */
static u8 right[SPACES][PAGES];
static struct {
	u32 users;
	paddr_t frame;
	u64 first, last; /* words of the page */
} versions[VERSIONS];
static u32 last_version;
static bool wrong;

#define CHECK(cond) do { if (!KEXPECT(cond)) wrong = true; } while (0)
#define CHECK_EQ(got, wanted) do { if (!KEXPECT_EQ(got, wanted)) wrong = true; } while (0)

static u32 dice(u32 n) { return ktest_random() % n; }
static vaddr_t page_at(u32 i) { return BORDER + i * PAGE_SIZE; }

static u32 new_page(u32 s, u32 i)
{
	u32 old = version[s][i], v = ++last_version;

	versions[v] = (typeof(versions[v])){ .users = 1, .first = versions[old].first, .last = versions[old].last };
	versions[old].users -= old != 0;
	version[s][i] = v;
	return v;
}

static void write_page(u32 s, u32 i)
{
	u64 word = ktest_random();
	bool last = dice(2), may = right[s][i] & PROT_WRITE;
	int code;

	if (may && dice(2)) { /* as a program does it: one fault is enough */
		CHECK_EQ(vm_fault(space[s], page_at(i), VM_WRITE, &code), 0);
		CHECK(vm_read_pte(space[s], page_at(i)) & PTE_WRITE);
	}
	CHECK_EQ(vm_access(space[s], page_at(i) + (last ? PAGE_SIZE - 8 : 0), &word, 8, true), may ? 8 : 0);
	if (!may)
		return;
	u32 v = version[s][i];
	if (!v || versions[v].users > 1)
		v = new_page(s, i);
	*(last ? &versions[v].last : &versions[v].first) = word;
	paddr_t now = frame_of(space[s], page_at(i));
	CHECK(!versions[v].frame || versions[v].frame == now); /* who is alone needs no copy */
	versions[v].frame = now;
}

static void fork_space(u32 from, u32 to)
{
	space[to] = aspace_fork(space[from]);
	CHECK(!IS_ERR(space[to]));
	memcpy(version[to], version[from], sizeof(version[to]));
	memcpy(right[to], right[from], sizeof(right[to]));
	for (u32 i = 0; i < PAGES; i++)
		versions[version[from][i]].users += version[from][i] != 0;
}

static void drop_pages(u32 s, u32 first, u32 end)
{
	for (u32 i = first; i < end; i++) {
		versions[version[s][i]].users -= version[s][i] != 0;
		version[s][i] = 0;
	}
}

/* Memory runs out at the n-th request of this thread. */
static struct thread *starved;
static u32 allowed_requests;
static bool short_of_memory(int kind __unused) { return current == starved && allowed_requests-- == 0; }

/* A fork for which memory is short, and a write: nothing changes. */
static void fail(u32 s)
{
	bool (*saved)(int kind) = alloc_fail_hook;
	u32 i = dice(PAGES), n = 0;
	struct aspace *copy;
	u64 word = 0;

	starved = current;
	do {
		allowed_requests = n;
		alloc_fail_hook = short_of_memory;
		copy = aspace_fork(space[s]);
		alloc_fail_hook = saved;
		CHECK(!IS_ERR(copy) || PTR_ERR(copy) == -ENOMEM);
	} while (IS_ERR(copy) && n++ < 100);
	aspace_put_user(copy);
	if (!(right[s][i] & PROT_WRITE) || (version[s][i] && versions[version[s][i]].users == 1))
		return;
	allowed_requests = 0;
	alloc_fail_hook = short_of_memory;
	size_t done = vm_access(space[s], page_at(i), &word, 8, true);
	alloc_fail_hook = saved;
	CHECK_EQ(done, 0);
}

/* One that is told to be whole is. */
static void check_copy(struct aspace *copy, u32 s)
{
	for (u32 i = 0; i < PAGES; i++)
		if (version[s][i])
			CHECK_EQ(vm_read_pte(copy, page_at(i)) & PTE_ADDR, versions[version[s][i]].frame);
}

/* Frames that are taken, each with its follower's in its first word. */
static struct frame *take_frames(unsigned order, u32 n, struct frame *taken)
{
	struct frame *f;

	while (n-- && (f = frame_alloc(order, ALLOC_NOWAIT))) {
		*(struct frame **)frame_to_virt(f) = taken;
		taken = f;
	}
	return taken;
}

static struct frame *give_frame(struct frame *taken)
{
	struct frame *rest = *(struct frame **)frame_to_virt(taken);

	frame_free(taken, taken->order);
	return rest;
}

/* There is no memory at all, then a little more each time: tables, which may be made of the last of it, come to an end one after the other. */
static void really_short(u32 s)
{
	struct frame *little = take_frames(0, 16, NULL), *most = NULL;
	struct aspace *copy;

	for (unsigned order = MAX_ORDER; order--;)
		most = take_frames(order, ~0u, most);
	do {
		little = give_frame(little);
		copy = aspace_fork(space[s]);
		CHECK(!IS_ERR(copy) || PTR_ERR(copy) == -ENOMEM);
	} while (IS_ERR(copy) && little);
	if (!IS_ERR(copy)) {
		check_copy(copy, s);
		aspace_put_user(copy);
	}
	while (most)
		most = give_frame(most);
	while (little)
		little = give_frame(little);
}

static void compare_page(u32 s, u32 i, pte_t *fresh)
{
	pte_t pte = vm_read_pte(space[s], page_at(i)); /* one of PROT_NONE too */
	u32 v = version[s][i];

	if (v) {
		CHECK_EQ(pte & PTE_ADDR, versions[v].frame);
		CHECK_EQ(refcount_read(&phys_to_frame(pte & PTE_ADDR)->ref), versions[v].users);
		CHECK(!(pte & PTE_SPECIAL));
	} else {
		CHECK(!pte || (pte & PTE_ADDR) == frame_to_phys(zero_frame));
	}
	/* Only one's own page may be written behind the kernel's back; and pages of the same rights have the same bits, whether they were copied or not. */
	CHECK(!(pte & PTE_WRITE) || (v && versions[v].users == 1 && right[s][i] & PROT_WRITE));
	if (v) {
		pte_t bits = pte & ~(PTE_ADDR | PTE_WRITE | PTE_DIRTY | PTE_ACCESSED);
		if (!fresh[right[s][i]])
			fresh[right[s][i]] = bits;
		CHECK_EQ(bits, fresh[right[s][i]]);
	}
}

static void compare_spaces(u64 anon)
{
	static pte_t bits[8];
	struct mem_stats now;
	u64 alive = 0;

	for (u32 s = 0; s < SPACES && !wrong; s++) {
		u64 pages = 0;
		if (!space[s])
			continue;
		for (u32 i = 0; i < PAGES && !wrong; i++) {
			compare_page(s, i, bits);
			pages += version[s][i] != 0;
		}
		CHECK_EQ(space[s]->anon_rss, pages);
	}
	for (u32 v = 1; v <= last_version; v++)
		alive += versions[v].users != 0;
	mem_stats(&now);
	CHECK_EQ(now.anon, anon + alive);
}

static void step(void)
{
	static const u8 rights[] = { PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ, PROT_NONE };
	u32 s = dice(SPACES), to = dice(SPACES), i = dice(PAGES), end = i + 1 + dice(PAGES - i);

	while (!space[s])
		s = (s + 1) % SPACES;
	switch (dice(16)) {
	case 0:
	case 1:
		if (!space[to])
			fork_space(s, to);
		break;
	case 2:
		if (to == s || !space[to])
			break;
		drop_pages(to, 0, PAGES);
		aspace_put_user(space[to]);
		space[to] = NULL;
		break;
	case 3:
		to = rights[dice(ARRAY_SIZE(rights))];
		CHECK_EQ(vm_protect(space[s], page_at(i), (end - i) * PAGE_SIZE, to), 0);
		memset(&right[s][i], to, end - i);
		break;
	case 4:
		end = MIN(end, i + 4);
		CHECK(vm_map(space[s], page_at(i), (end - i) * PAGE_SIZE, RW, ANON, NULL, 0) > 0); /* anew */
		drop_pages(s, i, end);
		memset(&right[s][i], RW, end - i);
		break;
	case 5:
		fail(s);
		break;
	case 6:
	case 7:
	case 8:
		if (right[s][i]) {
			u64 v = version[s][i];
			CHECK_EQ(peek(space[s], page_at(i)), versions[v].first);
			CHECK_EQ(peek(space[s], page_at(i) + PAGE_SIZE - 8), versions[v].last);
		}
		break;
	default:
		write_page(s, i);
	}
}

KTEST(07, forks_at_random)
{
	struct mem_stats before, after;
	u32 zero = refcount_read(&zero_frame->ref);

	wrong = false;
	last_version = 0;
	memset(versions, 0, sizeof(versions));
	memset(version, 0, sizeof(version));
	memset(right, RW, sizeof(right));
	mem_stats(&before);
	space[0] = aspace_create();
	KREQUIRE(space[0] != NULL);
	KREQUIRE(vm_map(space[0], BORDER, PAGES * PAGE_SIZE, RW, ANON, NULL, 0) > 0);
	for (u32 n = 0; n < STEPS && !wrong; n++) {
		step();
		compare_spaces(before.anon);
	}
	for (u32 s = 0, n = 0; s < SPACES && n < 2 && !wrong; s++)
		if (space[s]) {
			really_short(s);
			n++;
		}
	for (u32 s = 0; s < SPACES; s++) {
		if (space[s])
			aspace_put_user(space[s]);
		space[s] = NULL;
	}
	mem_stats(&after);
	KEXPECT_EQ(after.anon, before.anon);
	KEXPECT_EQ(refcount_read(&zero_frame->ref), zero);
}
