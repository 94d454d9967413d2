/*
 * The self-check that stage 02 boots to: each promise of the three allocators tried once, and a line for each that is not kept.
 * It leaves everything as it was. The thorough tests stand in grader/ktest.
 */
#include "mm_priv.h"

#include "abi/errno.h"
#include "core/printk.h"
#include "lib/string.h"
#include "mm/slab.h"

static int failures;

static void expect(bool ok, const char *what)
{
	if (!ok) {
		pr_err("mm: self-check: %s", what);
		failures++;
	}
}

/* A small generator of its own: the same sequence at each boot. */
static u32 next_number(u32 *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

#define BLOCKS 128

static void check_buddy(void)
{
	static struct frame *blocks[BLOCKS];
	static u8 orders[BLOCKS];
	u64 before = buddy_free_count(), largest = buddy_free_blocks(MAX_ORDER - 1);
	u32 state = 1;
	unsigned n = 0;

	for (; n < BLOCKS; n++) {
		orders[n] = next_number(&state) % 5;
		blocks[n] = buddy_alloc(orders[n]);
		if (!blocks[n])
			break;
		if (!IS_ALIGNED(frame_to_pfn(blocks[n]), 1ul << orders[n]))
			expect(false, "a block of the buddy is not aligned to its size");
		memset(frame_to_virt(blocks[n]), n, PAGE_SIZE << orders[n]);
	}
	expect(n == BLOCKS, "the buddy ran out early");
	for (unsigned i = 0; i < n; i++) {
		const u8 *p = frame_to_virt(blocks[i]);
		for (size_t at = 0; at < PAGE_SIZE << orders[i]; at += 512) {
			if (p[at] != (u8)i) {
				expect(false, "two blocks of the buddy overlap");
				break;
			}
		}
	}
	/* Odd ones first, so that the even ones find free buddies. */
	for (unsigned i = 1; i < n; i += 2)
		buddy_free(blocks[i], orders[i]);
	for (unsigned i = 0; i < n; i += 2)
		buddy_free(blocks[i], orders[i]);
	expect(buddy_free_count() == before, "frames were lost");
	expect(buddy_free_blocks(MAX_ORDER - 1) == largest, "free buddies were not merged");
}

static void check_tables(void)
{
	static const vaddr_t places[] = { 0x10000, 0x200000 - PAGE_SIZE, 0x40000000, 0x7fffffffe000 };
	pte_t *root = pt_new_user();
	struct frame *f = frame_alloc(0, ALLOC_ZERO);
	int level;

	expect(root && f, "no memory for a page table");
	if (!root || !f)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		vaddr_t va = places[i];
		expect(!pt_lookup(root, va, &level), "something is mapped in an empty tree");
		expect(pt_map(root, va, frame_to_phys(f), PTE_USER | PTE_WRITE | PTE_NX) == 0, "pt_map failed");
		expect(pt_map(root, va, frame_to_phys(f), PTE_USER) == -EEXIST, "pt_map maps over a mapping");
		pte_t e = pt_lookup(root, va, &level);
		expect(e == (frame_to_phys(f) | PTE_PRESENT | PTE_USER | PTE_WRITE | PTE_NX) && level == 1, "pt_lookup does not find what pt_map made");
		pte_t *entry = pt_walk(root, va, false);
		expect(entry && *entry == e, "pt_walk leads somewhere else");
	}
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		expect((pt_unmap(root, places[i]) & PTE_ADDR) == frame_to_phys(f), "pt_unmap gives another page");
		expect(!pt_lookup(root, places[i], &level), "a page is still mapped after pt_unmap");
	}
	pt_free_user(root);
	frame_free(f, 0);
}

#define OBJECTS 200

static void check_heap(void)
{
	static void *objects[OBJECTS];
	static u16 sizes[OBJECTS];
	u32 state = 2;

	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < OBJECTS; i++) {
			sizes[i] = 1 + next_number(&state) % (i % 10 ? 400 : 12000);
			objects[i] = kmalloc(sizes[i], 0);
			if (objects[i])
				memset(objects[i], i, sizes[i]);
			else
				expect(false, "kmalloc failed");
		}
		for (unsigned i = 0; i < OBJECTS; i++) {
			const u8 *p = objects[i];
			expect(!p || (p[0] == (u8)i && p[sizes[i] / 2] == (u8)i && p[sizes[i] - 1] == (u8)i), "two objects of the heap overlap");
			kfree(p);
		}
	}
}

int mm_self_check(void)
{
	failures = 0;
	check_buddy();
	check_tables();
	check_heap();
	return failures;
}
