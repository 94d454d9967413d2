/* Faults made on purpose: memory, undefined behaviour, lists, references, spinlocks. grader/checks/test_provoke.py knows who must catch them. */
#include "core/atomic.h"
#include "core/ktest.h"
#include "core/panic.h"
#include "core/spinlock.h"
#include "lib/list.h"
#include "lib/string.h"
#include "mm/frame.h"
#include "mm/slab.h"

/* Numbers and pointers that the compiler cannot see through. */
static volatile int five = 5, ten = 10, largest = 0x7fffffff;
#define HIDE(p) ({ __typeof__(p) p_ = (p); __asm__ volatile("" : "+r"(p_)); p_; })

PROVOKE(heap_overrun)
{
	char *p = HIDE((char *)kmalloc(five, 0));
	p[five] = 1;
}

PROVOKE(heap_overrun_by_copy)
{
	char *p = HIDE((char *)kmalloc(40, 0)), *q = HIDE((char *)kzalloc(64, 0));
	memcpy(p, q, 30 + ten + 1);
}

PROVOKE(heap_underrun)
{
	static struct slab_cache cache;
	slab_cache_init(&cache, "provoke", 64, 0);
	slab_alloc(&cache, 0);
	char *p = HIDE((char *)slab_alloc(&cache, 0));
	p[-1] = 1;
}

PROVOKE(use_after_free)
{
	char *p = HIDE((char *)kmalloc(100, 0));
	kfree(p);
	p[ten] = 1;
}

PROVOKE(double_free)
{
	char *p = HIDE((char *)kmalloc(100, 0));
	kfree(p);
	kfree(HIDE(p));
}

PROVOKE(invalid_free)
{
	char *p = HIDE((char *)kmalloc(100, 0));
	kfree(p + 16);
}

PROVOKE(free_page_write)
{
	char *p = HIDE((char *)page_alloc(0));
	page_free(p);
	p[ten] = 1;
}

PROVOKE(stack_overrun)
{
	volatile char buffer[5];
	volatile char *p = HIDE(&buffer[0]);
	p[five] = 1;
}

static char global_buffer[5];
PROVOKE(global_overrun)
{
	char *p = HIDE(&global_buffer[0]);
	p[five] = 1;
}

PROVOKE(null_read)
{
	volatile int *p = HIDE((volatile int *)16);
	(void)*p;
}

PROVOKE(integer_overflow) { five = largest + ten; }
PROVOKE(shift_too_far) { five = 1 << (ten * 4); }

PROVOKE(index_out_of_bounds)
{
	static volatile int table[4];
	table[five] = 1;
	ten = table[0];
}

static int classify(int x)
{
	switch (x) {
	case 1:
		return 2;
	case 2:
		return 3;
	}
	__builtin_unreachable();
}
PROVOKE(unreachable) { five = classify(ten); }

PROVOKE(division_by_zero) { five = ten / (five - 5); }

PROVOKE(uninitialised_lock)
{
	struct spinlock *l = HIDE((struct spinlock *)kzalloc(sizeof(struct spinlock), 0));
	spin_lock(l);
}

PROVOKE(lock_taken_twice)
{
	static struct spinlock l = SPINLOCK_INIT("provoked", RANK_TTY);
	spin_lock(&l);
	spin_lock(&l);
}

PROVOKE(lock_inversion)
{
	static struct spinlock low = SPINLOCK_INIT("low", RANK_FILES), high = SPINLOCK_INIT("high", RANK_TTY);
	spin_lock(&high);
	spin_lock(&low);
}

PROVOKE(lock_inversion_without_ranks)
{
	static struct spinlock a = SPINLOCK_INIT("lock a", RANK_NONE), b = SPINLOCK_INIT("lock b", RANK_NONE);
	spin_lock(&a);
	spin_lock(&b);
	spin_unlock(&b);
	spin_unlock(&a);
	spin_lock(&b);
	spin_lock(&a);
}

PROVOKE(unlock_of_a_free_lock)
{
	static struct spinlock l = SPINLOCK_INIT("provoked", RANK_TTY);
	spin_unlock(&l);
}

PROVOKE(list_corrupted)
{
	static struct list head = LIST_INIT(head), a, b;
	list_add(&head, &a);
	list_add(&head, &b);
	a.prev = &a;
	list_del(&b);
}

PROVOKE(reference_underflow)
{
	struct refcount r = REFCOUNT_INIT(1);
	if (refcount_put(&r) && refcount_put(&r))
		five = 1;
}

PROVOKE(reference_of_the_dead)
{
	struct refcount r = REFCOUNT_INIT(0);
	refcount_get(&r);
}
