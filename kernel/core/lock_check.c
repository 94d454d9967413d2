/*
 * Checks of locks: recursion, order, context, and what must not be held.
 *
 * Order is checked twice. By rank (core/lockrank.h): a lock is taken only above every ranked lock held. By experience, which also covers unranked locks: that
 * B was taken while A was held is an edge A -> B between their classes, and an edge that closes a circle is an inversion, even if no deadlock
 * came of it this time.
 *
 *     edges[A] has bit B:   held A, took B          inversion: B ... -> A is there when A -> B is to be added
 *
 * Interrupts: if a handler takes a lock of a class, whoever holds one of that class with interrupts on on the same CPU may be interrupted into a deadlock.
 * And a handler may come on top of any lock that is held with interrupts on: so what handlers take ranks behind what is ever held so. Both are
 * reported from what was seen of the classes, without waiting for the unlucky moment.
 *
 * Everything here runs with interrupts off, on this CPU's records; edges and classes only grow, by atomic operations, so readers need no lock.
 */
#include "core/lock_check.h"

#if DEBUG
#include "core/atomic.h"
#include "core/cpu.h"
#include "core/ksyms.h"
#include "core/node.h"
#include "core/panic.h"
#include "core/percpu.h"
#include "lib/string.h"

#define CLASSES 512

static struct lock_class {
	const char *name;
	u8 rank;
	u64 in_irq, irqs_on; /* a place where it was taken so; 0: never */
} classes[CLASSES];
static u32 class_count = 1;                 /* atomic; 0 means none */
static u64 edges[CLASSES][CLASSES / 64];
static u16 class_hint[4096];                /* by name's address */
static struct { u8 busy; } class_lock;
static PERCPU(struct held_locks, held_locks);
struct held_locks *(*lock_check_thread_hook)(void);
void (*lock_check_point_hook)(void);

const char *lock_class_name(u16 class) { return classes[class].name; }

static void print_place(const char *what, u16 class, u64 caller)
{
	u64 offset = 0;
	const char *name = ksym_lookup(caller - 1, &offset);

	panic_note("LOCK %s%s (rank %u) by %s+0x%lx\n", what, classes[class].name, classes[class].rank, name ? name : "?", name ? offset + 1 : caller);
}

void lock_check_print(const struct held_locks *h)
{
	for (u32 i = 0; i < h->count && i < ARRAY_SIZE(h->locks); i++)
		print_place("held: ", h->locks[i].class, h->locks[i].caller);
}

void lock_check_print_all(const void *unused __unused)
{
	struct held_locks *thread = lock_check_thread_hook ? lock_check_thread_hook() : NULL;

	if (thread)
		lock_check_print(thread);
	lock_check_print(percpu_ptr(held_locks));
}

/* 0: there is none. */
static u32 find_class(const char *name, u8 rank)
{
	u32 n = atomic_load(&class_count);

	for (u32 i = 1; i < n; i++)
		if (classes[i].rank == rank && strcmp(classes[i].name, name) == 0)
			return i;
	return 0;
}

u16 lock_class(const void *lock, const char *name, u8 rank)
{
	u16 *hint = &class_hint[((u64)name ^ (u64)name >> 12) % ARRAY_SIZE(class_hint)];
	u32 i = READ_ONCE(*hint), n;

	if (unlikely(!name))
		panic_with(lock_check_print_all, NULL, "lock check: the lock at %lx was never initialised", (u64)lock);
	if (likely(i && classes[i].name == name && classes[i].rank == rank))
		return i;
	/* Known ones never change, so only who adds one needs the lock: with interrupts off, for a handler may come here too. */
	i = find_class(name, rank);
	if (!i) {
		u64 flags = irq_save();
		while (atomic_xchg(&class_lock.busy, (u8)1))
			cpu_relax();
		i = find_class(name, rank);
		n = class_count;
		if (!i && n < CLASSES) {
			i = n;
			classes[n].name = name;
			classes[n].rank = rank;
			atomic_store(&class_count, n + 1);
		}
		atomic_store(&class_lock.busy, (u8)0);
		irq_restore(flags);
	}
	WRITE_ONCE(*hint, i);
	return i;
}

static bool has_edge(u16 from, u16 to) { return READ_ONCE(edges[from][to / 64]) >> (to % 64) & 1; }

/* Is there a way from -> ... -> to? The graph is a small one, and this runs once for each new edge. */
static bool reaches(u16 from, u16 to, u64 *seen)
{
	if (has_edge(from, to))
		return true;
	seen[from / 64] |= 1ul << (from % 64);
	for (u32 w = 0; w < CLASSES / 64; w++)
		for (u64 next = edges[from][w] & ~seen[w]; next; next &= next - 1)
			if (!(seen[w] >> __builtin_ctzl(next) & 1) && reaches(w * 64 + __builtin_ctzl(next), to, seen))
				return true;
	return false;
}

static void add_edge(u16 from, u16 to)
{
	u64 seen[CLASSES / 64] = { 0 };

	if (from == to || !from || !to || likely(has_edge(from, to)))
		return;
	if (reaches(to, from, seen))
		panic_with(lock_check_print_all, NULL, "lock check: inversion: %s is taken while %s is held, and the other way round was seen before", classes[to].name,
			   classes[from].name);
	atomic_fetch_or(&edges[from][to / 64], 1ul << (to % 64));
}

void lock_check_add(struct held_locks *h, const void *lock, u16 class, bool try, bool same_rank, const void *caller)
{
	const struct lock_class *c = &classes[class];

	for (u32 i = 0; i < h->count; i++) {
		const struct held_lock *held = &h->locks[i];
		const struct lock_class *other = &classes[held->class];
		if (held->lock == lock)
			panic_with(lock_check_print_all, NULL, "lock check: %s is taken again by its holder", c->name);
		if (try)
			continue;
		if (c->rank && !held->try && (other->rank > c->rank || (other->rank == c->rank && !(same_rank && held->class == class))))
			panic_with(lock_check_print_all, NULL, "lock check: inversion: %s (rank %u) is taken while %s (rank %u) is held", c->name, c->rank,
				   other->name, other->rank);
		add_edge(held->class, class);
	}
	if (h->count == ARRAY_SIZE(h->locks))
		panic_with(lock_check_print_all, NULL, "lock check: %u locks held at once", h->count);
	h->locks[h->count++] = (struct held_lock){ lock, (u64)caller, class, try };
}

void lock_check_remove(struct held_locks *h, const void *lock, const char *name, const void *caller __unused)
{
	u32 i = h->count;

	while (i-- > 0) {
		if (h->locks[i].lock != lock)
			continue;
		for (; i + 1 < h->count; i++)
			h->locks[i] = h->locks[i + 1];
		h->count--;
		return;
	}
	panic_with(lock_check_print_all, NULL, "lock check: %s is released by one who does not hold it", name);
}

/* An interrupt may come while a lock is held with interrupts on, so whatever handlers take must rank behind all of these. */
static void check_interrupt_order(u16 class)
{
	const struct lock_class *c = &classes[class];

	for (u16 i = 1; c->rank && i < atomic_load(&class_count); i++) {
		const struct lock_class *other = &classes[i], *inner = c->in_irq ? c : other, *outer = c->in_irq ? other : c;
		if (inner->in_irq && outer->irqs_on && inner != outer && inner->rank && outer->rank >= inner->rank)
			panic_with(lock_check_print_all, NULL, "lock check: inversion: %s (rank %u) is taken in interrupts, which may come while %s (rank %u) is held",
				   inner->name, inner->rank, outer->name, outer->rank);
	}
}

void lock_check_context(u16 class, const void *caller)
{
	struct lock_class *c = &classes[class];

	if (in_irq()) {
		if (!c->in_irq) {
			WRITE_ONCE(c->in_irq, (u64)caller);
			check_interrupt_order(class);
		}
	} else if (irq_enabled()) {
		if (!c->irqs_on) {
			WRITE_ONCE(c->irqs_on, (u64)caller);
			check_interrupt_order(class);
		}
	}
	if (unlikely(c->in_irq && c->irqs_on)) {
		u64 offset, offset2;
		const char *a = ksym_lookup(c->in_irq - 1, &offset), *b = ksym_lookup(c->irqs_on - 1, &offset2);
		panic_with(lock_check_print_all, NULL, "lock check: %s is taken in an interrupt by %s, and with interrupts on by %s", c->name, a ? a : "?", b ? b : "?");
	}
}

void lock_check_spin_acquire(const void *lock, const char *name, u8 rank, bool try, const void *caller)
{
	u16 class;
	u64 flags;

	if (unlikely(panicking))
		return;
	class = lock_class(lock, name, rank);
	if (!try)
		lock_check_context(class, caller);
	flags = irq_save();
	lock_check_add(percpu_ptr(held_locks), lock, class, try, false, caller);
	irq_restore(flags);
}

void lock_check_spin_release(const void *lock, const char *name, const void *caller)
{
	u64 flags;

	if (unlikely(panicking))
		return;
	flags = irq_save();
	lock_check_remove(percpu_ptr(held_locks), lock, name, caller);
	if (unlikely(lock_check_point_hook))
		lock_check_point_hook();
	irq_restore(flags);
}

static void check_freed(const struct held_locks *h, const char *p, size_t n)
{
	for (u32 i = 0; h && i < h->count; i++) {
		const char *lock = h->locks[i].lock;
		if (unlikely(lock >= p && lock < p + n))
			panic_with(lock_check_print_all, NULL, "lock check: memory at %lx is freed, in which %s lies, and is held", (u64)p, classes[h->locks[i].class].name);
	}
}

void lock_check_freed(const void *p, size_t n)
{
	u64 flags;

	if (unlikely(panicking))
		return;
	flags = irq_save();
	check_freed(percpu_ptr(held_locks), p, n);
	check_freed(lock_check_thread_hook ? lock_check_thread_hook() : NULL, p, n);
	irq_restore(flags);
}

void lock_check_point_on_preempt_enable(void)
{
	if (unlikely(lock_check_point_hook) && preempt_count() == 1 && irq_enabled())
		lock_check_point_hook();
}

void might_sleep_at(const char *what, const void *caller __unused)
{
	if (likely(!preempt_count() && irq_enabled()) || !this_cpu()->current || panicking)
		return;
	panic_with(lock_check_print_all, NULL, "lock check: %s may sleep, but %s", what,
		   in_irq() ? "this is an interrupt" : preempt_count() ? "a spinlock is held or preemption is off" : "interrupts are off");
}

void lock_check_user_return(void)
{
	struct held_locks *thread = lock_check_thread_hook ? lock_check_thread_hook() : NULL;

	if (likely(!preempt_count() && !(thread && thread->count)) || panicking)
		return;
	panic_with(lock_check_print_all, NULL, "lock check: return to user mode with %s", preempt_count() ? "preemption off or a spinlock held" : "a sleeping lock held");
}

/* --- the order, as a tree --------------------------------------------------------------------------------------------- */

static void show_below(struct seq *s, u16 class, unsigned depth, u64 *shown)
{
	const struct lock_class *c = &classes[class];
	bool again = shown[class / 64] >> (class % 64) & 1;

	for (unsigned i = 0; i < depth; i++)
		seq_puts(s, "  ");
	seq_printf(s, "%s (%u)%s%s\n", c->name, c->rank, c->in_irq ? " irq" : "", again ? " ..." : "");
	if (again || depth > 16)
		return;
	shown[class / 64] |= 1ul << (class % 64);
	for (u16 n = 1; n < atomic_load(&class_count); n++)
		if (has_edge(class, n))
			show_below(s, n, depth + 1, shown);
}

static int show_locks(struct seq *s)
{
	u64 shown[CLASSES / 64] = { 0 };
	u16 count = atomic_load(&class_count);

	seq_puts(s, "the order in which locks were taken: name (rank); `...`: shown above\n");
	for (u16 c = 1; c < count; c++) {
		bool root = true;
		for (u16 other = 1; other < count && root; other++)
			root = !has_edge(other, c);
		if (root)
			show_below(s, c, 0, shown);
	}
	return 0;
}
NODE(locks, .path = "locks_order", .show = show_locks);
#endif
