/* Stage 07: fork's copy of an address space. */
#include "core/ktest.h"

#include "core/err.h"
#include "lib/string.h"
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
