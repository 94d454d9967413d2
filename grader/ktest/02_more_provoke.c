/* More faults made on purpose: memory that is gone, memory of others, locks in odd hands. grader/checks/test_provoke.py knows who must catch them. */
#include "core/atomic.h"
#include "core/ktest.h"
#include "core/panic.h"
#include "core/spinlock.h"
#include "lib/list.h"
#include "lib/string.h"
#include "mm/frame.h"
#include "mm/pagetable.h"
#include "mm/slab.h"

static volatile int one = 1, seven = 7;
#define HIDE(p) ({ __typeof__(p) p_ = (p); __asm__ volatile("" : "+r"(p_)); p_; })

PROVOKE(heap_overrun_by_one)
{
	char *p = HIDE((char *)kmalloc(37, 0));
	p[36 + one] = 1;
}

PROVOKE(heap_read_overrun)
{
	char *p = HIDE((char *)kzalloc(16, 0));
	seven = *(volatile u64 *)(p + 9);
}

/* The first of a slab: nothing of the cache lies before it. */
PROVOKE(heap_underrun_first)
{
	static struct slab_cache cache;
	slab_cache_init(&cache, "provoke", 64, 0);
	u64 first = ~0ul;
	for (u32 i = 0; i < cache.per_slab; i++)
		first = MIN(first, (u64)slab_alloc(&cache, 0));
	*HIDE((char *)first - one) = 1;
}

PROVOKE(large_overrun)
{
	char *p = HIDE((char *)kmalloc(16384, 0));
	p[16383 + one] = 1;
}

PROVOKE(large_double_free)
{
	char *p = HIDE((char *)kmalloc(16384, 0));
	kfree(p);
	kfree(HIDE(p));
}

PROVOKE(mapping_overrun)
{
	char *p = HIDE((char *)kmap_alloc(8192, 0));
	p[8191 + one] = 1;
}

PROVOKE(mapping_use_after_free)
{
	char *p = HIDE((char *)kmap_alloc(8192, 0));
	kmap_free(p);
	p[seven] = 1;
}

PROVOKE(page_double_free)
{
	char *p = HIDE((char *)page_alloc(0));
	page_free(p);
	page_free(HIDE(p));
}

PROVOKE(free_of_a_stack_variable)
{
	char buffer[64];
	kfree(HIDE(&buffer[0]));
}

static char free_me[64];
PROVOKE(free_of_a_global) { kfree(HIDE(&free_me[0])); }

PROVOKE(use_after_free_by_copy)
{
	char *p = HIDE((char *)kmalloc(64, 0)), buffer[64];
	kfree(p);
	memcpy(HIDE(&buffer[0]), p, 32);
}

PROVOKE(string_without_end)
{
	char *p = HIDE((char *)kmalloc(8, 0));
	memset(p, 'x', 8);
	seven = (int)strlen(p);
}

static char *__noinline gone(void)
{
	char buffer[32];
	return HIDE(&buffer[0]);
}
PROVOKE(stack_use_after_return) { *gone() = 1; }

PROVOKE(stack_use_after_scope)
{
	volatile char *p;
	{
		volatile char buffer[16];
		p = HIDE(&buffer[0]);
		*p = 1;
	}
	*p = 2;
}

PROVOKE(stack_underrun)
{
	volatile char buffer[16];
	volatile char *p = HIDE(&buffer[0]);
	p[-one] = 1;
}

PROVOKE(variable_array_overrun)
{
	volatile char *p = HIDE((char *)__builtin_alloca(8 * (unsigned)seven));
	p[8 * seven + one - 1] = 1;
}

static int numbers[7];
PROVOKE(global_overrun_by_one)
{
	int *p = HIDE(&numbers[0]);
	p[seven] = 1;
}

PROVOKE(write_to_constant)
{
	static const int constant = 5;
	*(volatile int *)HIDE((int *)&constant) = 6;
}

PROVOKE(wild_write) { *HIDE((volatile int *)0xffff900000000000ul) = 1; }
PROVOKE(non_canonical_write) { *HIDE((volatile int *)0x1234567812345678ul) = 1; }

PROVOKE(double_unlock)
{
	static struct spinlock l = SPINLOCK_INIT("provoked", RANK_TTY);
	spin_lock(&l);
	spin_unlock(&l);
	spin_unlock(&l);
}

PROVOKE(lock_freed_while_held)
{
	struct { long other; struct spinlock lock; } *p = kzalloc(sizeof(*p), 0);
	spin_init(&p->lock, "provoked", RANK_TTY);
	spin_lock(&p->lock);
	kfree(p);
}

PROVOKE(list_added_twice)
{
	static struct list head = LIST_INIT(head), a;
	list_add(&head, &a);
	list_add(&head, &a);
}

PROVOKE(reference_leak)
{
	struct object { struct refcount ref; char text[40]; } *o;
	leak_mark();
	o = kzalloc(sizeof(*o), 0);
	refcount_set(&o->ref, 1);
	refcount_get(&o->ref);
	if (refcount_put(&o->ref))
		kfree(o);
	leak_check();
}

PROVOKE(reference_saturation)
{
	static struct refcount r = REFCOUNT_INIT(0x7ffffffe);
	refcount_get(&r);
	refcount_get(&r);
	if (refcount_put(&r))
		panic("a saturated count came down");
}

PROVOKE(negative_index)
{
	static volatile int table[4];
	table[-one] = 1;
	seven = table[0];
}
PROVOKE(smallest_by_minus_one) { seven = (-0x7fffffff - one) / -one; }
PROVOKE(unsigned_shift) { seven = (int)(1ul << (63 + one)); }
