/*
 * Kernel stacks: KSTACK_SIZE bytes with an unmapped page below, so that an overflow faults instead of eating its neighbour.
 *
 * Making one means four frames, four page-table entries, and on the way out a TLB flush of every CPU. Threads come and go all the time, so stacks
 * stay mapped when they are freed: a few on each CPU, the rest on a common list that reclaim empties. A free stack's link lies
 * in its lowest word.
 *
 * Locks: stack_lock guards the common list; a CPU's own stacks are used with interrupts off.
 */
#include "mm/pagetable.h"

#include "core/cpu.h"
#include "core/kasan.h"
#include "core/node.h"
#include "core/panic.h"
#include "core/percpu.h"
#include "core/spinlock.h"
#include "mm/frame.h"
#include "mm_priv.h"

#define PER_CPU 8
#define COMMON_MAX 64 /* more are given back when the one who frees may wait */

struct free_stack {
	struct free_stack *next;
};
struct stack_cache {
	u32 count;
	struct free_stack *first;
};
static PERCPU(struct stack_cache, stack_caches);
static struct spinlock stack_lock = SPINLOCK_INIT("kstacks", RANK_VMALLOC);
static struct stack_cache common; /* stack_lock */

static void *pop(struct stack_cache *c)
{
	struct free_stack *s = c->first;
	if (s) {
		c->first = s->next;
		c->count--;
	}
	return s;
}

static void push(struct stack_cache *c, void *stack)
{
	struct free_stack *s = stack;
	s->next = c->first;
	c->first = s;
	c->count++;
}

#if DEBUG
#define STACK_PATTERN 0x5741434b5741434bul

static u64 deepest; /* bytes of a kernel stack that were ever in use, of threads that ended; atomic */

/* A canary at the bottom, a pattern above: what is left of it tells how deep the stack went. */
static void stack_mark(void *stack)
{
	u64 *words = stack;

	kasan_unpoison(stack, KSTACK_SIZE);
	for (size_t i = 1; i < KSTACK_SIZE / sizeof(u64); i++)
		words[i] = STACK_PATTERN;
	words[0] = KSTACK_CANARY;
}

/* The last user's red zones are still there; the link of a free stack is not poisoned. */
static void stack_unmark(void *stack)
{
	const u64 *words = stack;
	size_t i = 1;

	kasan_unpoison(stack, KSTACK_SIZE);
	if (words[0] != KSTACK_CANARY)
		panic("stack: the canary of the stack at %lx is gone: %lx", (u64)stack, words[0]);
	while (i < KSTACK_SIZE / sizeof(u64) && words[i] == STACK_PATTERN)
		i++;
	u64 depth = KSTACK_SIZE - i * sizeof(u64), before = atomic_load_relaxed(&deepest);
	if (depth > before)
		atomic_cas(&deepest, before, depth);
	kasan_poison((char *)stack + sizeof(struct free_stack), KSTACK_SIZE - sizeof(struct free_stack), POISON_HEAP_FREED);
}

static int show_stacks(struct seq *s)
{
	seq_printf(s, "kernel stacks: %lu of %lu bytes were in use at most\n", atomic_load_relaxed(&deepest), KSTACK_SIZE);
	return 0;
}
NODE(stacks, .path = "stack_depth", .show = show_stacks);
#else
static inline void stack_mark(void *stack __unused) {}
static inline void stack_unmark(void *stack __unused) {}
#endif

void *kstack_alloc(void)
{
	u64 irq = irq_save();
	void *stack = pop(percpu_ptr(stack_caches));
	if (!stack) {
		spin_lock(&stack_lock);
		stack = pop(&common);
		spin_unlock(&stack_lock);
	}
	irq_restore(irq);
	if (!stack) {
		stack = kmap_alloc(KSTACK_SIZE, 0);
		if (!stack)
			return NULL;
		atomic_fetch_add(&mem_kstack_frames, KSTACK_SIZE / PAGE_SIZE);
	}
	stack_mark(stack);
	return stack;
}

/* Unmaps free stacks until `keep` are left on the common list: how many went. */
static size_t stacks_trim(size_t keep)
{
	size_t n = 0;
	for (;;) {
		void *stack = NULL;
		u64 irq = spin_lock_irqsave(&stack_lock);
		if (common.count > keep)
			stack = pop(&common);
		spin_unlock_irqrestore(&stack_lock, irq);
		if (!stack)
			return n;
		kmap_free(stack);
		atomic_fetch_sub(&mem_kstack_frames, KSTACK_SIZE / PAGE_SIZE);
		n++;
	}
}

void kstack_free(void *stack)
{
	stack_unmark(stack);
	u64 irq = irq_save();
	struct stack_cache *c = percpu_ptr(stack_caches);
	bool many = false;

	if (c->count < PER_CPU) {
		push(c, stack);
	} else {
		spin_lock(&stack_lock);
		push(&common, stack);
		many = common.count > COMMON_MAX;
		spin_unlock(&stack_lock);
	}
	irq_restore(irq);
	if (many && irq_enabled() && !preempt_count())
		stacks_trim(COMMON_MAX / 2);
}

u64 kstacks_free(void)
{
	u64 n = common.count;

	for (u32 i = 0; i < cpu_count; i++)
		n += percpu_ptr_of(stack_caches, cpus[i])->count;
	return n;
}

static void stacks_reclaim(size_t want __unused, size_t *freed)
{
	*freed += stacks_trim(0) * (KSTACK_SIZE / PAGE_SIZE);
}
NOTIFIER(reclaim, stacks_reclaim);
