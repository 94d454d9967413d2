/*
 * Stage 06: a fault that is overtaken. The object that is asked for a page, and the allocator that is asked for a frame, put another thread's page into the entry
 * before they answer; and the allocator has nothing. Whatever happens, each frame is counted right afterwards.
 */
#include "core/ktest.h"

#include "abi/signal.h"
#include "core/err.h"
#include "lib/string.h"
#include "vm/aspace.h"

#define RW (PROT_READ | PROT_WRITE)
#define AT 0x30000000ul

static struct aspace *space;
static struct frame *theirs, *objects; /* the page of the other thread, and the object's */
static bool overtaken;                 /* the next one who is asked overtakes */
static unsigned asked;
static const struct thread *tester;

static void overtake(struct area *a)
{
	if (!overtaken)
		return;
	overtaken = false;
	frame_get(theirs);
	KEXPECT_EQ(vm_set_pte(a, AT, 0, frame_to_phys(theirs) | vm_leaf_bits(a) | (a->prot & PROT_WRITE ? PTE_WRITE : 0)), 0);
}

static int give_page(struct area *a, u64 pgoff __unused, bool write __unused, struct frame **out)
{
	asked++;
	overtake(a);
	frame_get(objects);
	*out = objects;
	return 0;
}

/* Told of a write to the page that is there. Others may take it out of the entry now: the entry's reference, and that of ours, are none to rely on. */
static unsigned told;
static bool held;
static int hear_of_write(struct area *a __unused, struct frame *f)
{
	told++;
	held = refcount_read(&f->ref) >= 3;
	return 0;
}
static const struct vm_ops careful_ops = { .name = "ktest", .fault = give_page, .make_writable = hear_of_write };
static const struct vm_ops ops = { .name = "ktest", .fault = give_page };

static bool allocator_overtakes(int kind)
{
	if (kind == 1 && current == tester && overtaken)
		overtake(area_at(space, AT));
	return false;
}

static bool allocator_has_nothing(int kind)
{
	return kind == 1 && current == tester;
}

static u64 anon_frames(void)
{
	struct mem_stats s;

	mem_stats(&s);
	return s.anon;
}

static pte_t entry(void)
{
	int level;
	return pt_lookup(space->pt, AT, &level);
}

static bool begin(u32 prot, u32 area_flags, const struct vm_ops *with)
{
	space = aspace_create();
	if (!KEXPECT(space != NULL))
		return false;
	asked = 0;
	if (with)
		return KEXPECT_EQ(vm_map_special(space, AT, PAGE_SIZE, prot, area_flags, with, NULL), 0);
	return KEXPECT_EQ(vm_map(space, AT, PAGE_SIZE, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0), AT);
}

/* The fault, and whether it left the lock and the frames as they have to be: `users` of the object's page, and `anon` more frames of anonymous memory. */
static int fault(u32 access, bool is_overtaken, unsigned users, u64 anon)
{
	u64 before = anon_frames();
	int code = 0;

	overtaken = is_overtaken;
	int err = vm_fault(space, AT + 8, access, &code);
	KEXPECT(!overtaken);
	KEXPECT_EQ(space->lock.readers, 0);
	KEXPECT_EQ(anon_frames(), before + anon);
	KEXPECT_EQ(refcount_read(&objects->ref), users);
	if (is_overtaken) {
		KEXPECT_EQ(entry() & PTE_ADDR, frame_to_phys(theirs));
		KEXPECT_EQ(refcount_read(&theirs->ref), 2);
	}
	return err;
}

static void end(void)
{
	aspace_put_user(space);
	KEXPECT_EQ(refcount_read(&theirs->ref), 1);
	KEXPECT_EQ(refcount_read(&objects->ref), 1);
}

KTEST(06, a_fault_that_is_overtaken)
{
	tester = current;
	theirs = frame_alloc(0, ALLOC_ZERO);
	objects = frame_alloc(0, ALLOC_ZERO);
	KREQUIRE(theirs && objects);

	KREQUIRE(begin(RW, 0, &ops)); /* private, read: the object's own page is not needed */
	KEXPECT_EQ(fault(VM_READ, true, 1, 0), 0);
	end();
	KREQUIRE(begin(RW, 0, &ops)); /* private, written: nor is the copy */
	KEXPECT_EQ(fault(VM_WRITE, true, 1, 0), 0);
	end();
	KREQUIRE(begin(RW, AREA_SHARED, &ops));
	KEXPECT_EQ(fault(VM_WRITE, true, 1, 0), 0);
	end();
	KREQUIRE(begin(PROT_READ, AREA_SPECIAL, &ops)); /* its frames are not counted */
	KEXPECT_EQ(fault(VM_READ, false, 1, 0), 0);
	KEXPECT_EQ(entry() & (PTE_ADDR | PTE_SPECIAL | PTE_WRITE), frame_to_phys(objects) | PTE_SPECIAL);
	end();
	KREQUIRE(begin(PROT_READ, AREA_SPECIAL, &ops));
	KEXPECT_EQ(fault(VM_READ, true, 1, 0), 0);
	end();

	KREQUIRE(begin(RW, AREA_SHARED, &careful_ops));
	told = 0;
	KEXPECT_EQ(fault(VM_READ, false, 2, 0), 0);
	KEXPECT_EQ(told, 0);
	KEXPECT_EQ(fault(VM_WRITE, false, 2, 0), 0);
	KEXPECT_EQ(told, 1);
	KEXPECT(held);
	end();

	KREQUIRE(begin(RW, 0, NULL)); /* anonymous memory */
	alloc_fail_hook = allocator_overtakes;
	KEXPECT_EQ(fault(VM_WRITE, true, 1, 0), 0);
	alloc_fail_hook = NULL;
	end();
	KREQUIRE(begin(RW, 0, NULL));
	KEXPECT_EQ(fault(VM_READ, false, 1, 0), 0);
	alloc_fail_hook = allocator_has_nothing;
	KEXPECT_EQ(fault(VM_WRITE, false, 1, 0), -ENOMEM);
	alloc_fail_hook = NULL;
	KEXPECT_EQ(entry() & PTE_ADDR, frame_to_phys(zero_frame)); /* what was there is there */
	KEXPECT_EQ(fault(VM_WRITE, false, 1, 1), 0);
	end();
	KREQUIRE(begin(RW, 0, &ops)); /* no frame for the copy, and the object's goes back */
	alloc_fail_hook = allocator_has_nothing;
	KEXPECT_EQ(fault(VM_WRITE, false, 1, 0), -ENOMEM);
	alloc_fail_hook = NULL;
	KEXPECT_EQ(asked, 1);
	end();
	frame_put(theirs);
	frame_put(objects);
}
