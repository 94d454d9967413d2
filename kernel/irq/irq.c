/*
 * Device interrupts and interrupts between processors: for each vector a chain of handlers.
 *
 * Vectors: ISA lines have fixed ones, global system interrupts and MSI get theirs from a bitmap. A chain only grows at its head, by one store, and
 * irq_vector_free empties it, so the dispatch needs no lock.
 */
#include "irq/irq.h"

#include "acpi/acpi.h"
#include "core/atomic.h"
#include "core/cpu.h"
#include "core/err.h"
#include "core/node.h"
#include "core/panic.h"
#include "core/percpu.h"
#include "core/printk.h"
#include "core/random.h"
#include "core/registry.h"
#include "irq_priv.h"
#include "lib/bitmap.h"
#include "mm/slab.h"

#define DEVICE_VECTORS_END 0xe0

struct irq_action {
	irq_handler *fn;
	void *arg;
	const char *name;
	struct irq_action *next;
};

static struct irq_action *actions[256];             /* heads; changed under irq_lock */
static struct irq_action ipi_actions[256 - VECTOR_TIMER];
static struct spinlock irq_lock = SPINLOCK_INIT("irq", RANK_IRQ);
static u64 vectors_used[BITMAP_WORDS(256)];         /* irq_lock */
static struct {
	u32 gsi;
	u8 vector;
	bool level;
} routes[64];                                       /* irq_lock */
static u32 route_count;
static PERCPU(u64[256], irq_counts);

void irq_dispatch(struct trapframe *f)
{
	struct cpu *c = this_cpu();
	struct trapframe *outer = c->irq_frame;
	unsigned vector = f->vector & 0xff;

	if (unlikely(vector == VECTOR_SPURIOUS))
		return;
	c->preempt_count += IRQ_COUNT;
	c->irq_frame = f;
	c->irqs++;
	(*percpu_ptr(irq_counts))[vector]++;
	struct irq_action *a = atomic_load_acquire(&actions[vector]);
	for (; a; a = a->next)
		a->fn(a->arg);
	lapic_eoi();
	c->irq_frame = outer;
	c->preempt_count -= IRQ_COUNT;
}

/* irq_lock held. */
static void add_action(unsigned vector, struct irq_action *a)
{
	a->next = actions[vector];
	atomic_store_release(&actions[vector], a);
}

static struct irq_action *new_action(irq_handler *fn, void *arg, const char *name)
{
	struct irq_action *a = kmalloc(sizeof(*a), 0);

	if (a)
		*a = (struct irq_action){ .fn = fn, .arg = arg, .name = name };
	return a;
}

/* irq_lock held. -ENOSPC when all are taken. */
static int take_vector(void)
{
	size_t v = bitmap_find_zero(vectors_used, DEVICE_VECTORS_END, VECTOR_DEVICE_BASE);

	/* 0x80 is a system call. */
	if (v == VECTOR_INT80)
		v = bitmap_find_zero(vectors_used, DEVICE_VECTORS_END, VECTOR_INT80 + 1);
	if (v >= DEVICE_VECTORS_END)
		return -ENOSPC;
	bit_set(vectors_used, v);
	return (int)v;
}

static int request(u32 gsi, int vector, bool level, bool low, irq_handler *fn, void *arg, const char *name)
{
	struct irq_action *a = new_action(fn, arg, name);
	u64 flags;
	u32 i;
	int err = 0;

	if (!a)
		return -ENOMEM;
	flags = spin_lock_irqsave(&irq_lock);
	for (i = 0; i < route_count; i++)
		if (routes[i].gsi == gsi)
			break;
	if (i < route_count) {
		/* Only level-triggered lines can be shared: an edge would be lost. */
		if (!level || !routes[i].level) {
			err = -EBUSY;
			goto out;
		}
		add_action(routes[i].vector, a);
		goto out;
	}
	if (route_count == ARRAY_SIZE(routes)) {
		err = -ENOSPC;
		goto out;
	}
	if (vector < 0)
		vector = err = take_vector();
	if (vector < 0)
		goto out;
	add_action((unsigned)vector, a);
	/* The handler is in place before the first interrupt can come. ioapic_lock is of the same rank, so irq_lock is let go first. */
	routes[route_count].gsi = gsi;
	routes[route_count].vector = (u8)vector;
	routes[route_count++].level = level;
	spin_unlock_irqrestore(&irq_lock, flags);
	return ioapic_route(gsi, (unsigned)vector, level, low, cpus[0]->apic_id);
out:
	spin_unlock_irqrestore(&irq_lock, flags);
	if (err < 0)
		kfree(a);
	return err;
}

int irq_request_isa(unsigned line, irq_handler *fn, void *arg, const char *name)
{
	if (line > 15)
		return -EINVAL;
	for (u32 i = 0; i < acpi.override_count; i++) {
		const struct acpi_override *o = &acpi.overrides[i];
		if (o->isa == line)
			return request(o->gsi, VECTOR_LEGACY_BASE + (int)line, o->level, o->low, fn, arg, name);
	}
	return request(line, VECTOR_LEGACY_BASE + (int)line, false, false, fn, arg, name);
}

int irq_nmi_from_isa(unsigned line, void (*fn)(struct trapframe *f))
{
	u32 gsi = line;

	for (u32 i = 0; i < acpi.override_count; i++)
		if (acpi.overrides[i].isa == line)
			gsi = acpi.overrides[i].gsi;
	trap_nmi_hook = fn;
	return ioapic_route(gsi, LAPIC_NMI, false, false, cpus[0]->apic_id);
}

int irq_request_gsi(unsigned gsi, bool level, irq_handler *fn, void *arg, const char *name)
{
	return request(gsi, -1, level, level, fn, arg, name);
}

int irq_vector_alloc(irq_handler *fn, void *arg, const char *name)
{
	struct irq_action *a = new_action(fn, arg, name);
	u64 flags;
	int v;

	if (!a)
		return -ENOMEM;
	flags = spin_lock_irqsave(&irq_lock);
	v = take_vector();
	if (v >= 0)
		add_action((unsigned)v, a);
	spin_unlock_irqrestore(&irq_lock, flags);
	if (v < 0)
		kfree(a);
	return v;
}

void irq_vector_free(unsigned vector)
{
	u64 flags = spin_lock_irqsave(&irq_lock);

	/* The action itself stays: another CPU may be in it. Drivers do not come and go often. */
	atomic_store_release(&actions[vector], (struct irq_action *)NULL);
	bit_clear(vectors_used, vector);
	spin_unlock_irqrestore(&irq_lock, flags);
}

void ipi_register(unsigned vector, irq_handler *fn)
{
	static const char *const names[] = { "timer", "reschedule", "TLB shoot-down", "call", "stop" };
	struct irq_action *a = &ipi_actions[vector - VECTOR_TIMER];
	u64 flags = spin_lock_irqsave(&irq_lock);
	bool there = a->fn;

	a->fn = fn;
	a->name = vector - VECTOR_TIMER < ARRAY_SIZE(names) ? names[vector - VECTOR_TIMER] : "ipi";
	if (!there)
		add_action(vector, a);
	spin_unlock_irqrestore(&irq_lock, flags);
}

void irq_for_each(void (*fn)(unsigned vector, const char *name, const u64 *per_cpu, void *arg), void *arg)
{
	u64 counts[MAX_CPUS];

	for (unsigned v = 32; v < 256; v++) {
		struct irq_action *a = atomic_load_acquire(&actions[v]);
		if (!a)
			continue;
		for (u32 i = 0; i < MAX_CPUS; i++)
			counts[i] = cpus[i] ? (*percpu_ptr_of(irq_counts, cpus[i]))[v] : 0;
		fn(v, a->name, counts, arg);
	}
}

static void show_vector(unsigned vector, const char *name, const u64 *per_cpu, void *arg)
{
	static const char *const labels[] = { "LOC", "RES", "TLB", "CAL", "STP" };
	struct seq *s = arg;
	bool ipi = vector >= VECTOR_TIMER && vector - VECTOR_TIMER < ARRAY_SIZE(labels);

	if (ipi)
		seq_printf(s, "%3s:", labels[vector - VECTOR_TIMER]);
	else
		seq_printf(s, "%3u:", vector - VECTOR_LEGACY_BASE);
	for (u32 i = 0; i < MAX_CPUS && cpus[i]; i++)
		seq_printf(s, " %10lu", per_cpu[i]);
	if (ipi)
		seq_printf(s, "   %s\n", name);
	else if (vector < VECTOR_DEVICE_BASE)
		seq_printf(s, "   IO-APIC  %2u-edge      %s\n", vector - VECTOR_LEGACY_BASE, name);
	else
		seq_printf(s, "   PCI-MSI  %2u-edge      %s\n", vector - VECTOR_LEGACY_BASE, name);
}

static int show_interrupts(struct seq *s)
{
	seq_puts(s, "    ");
	for (u32 i = 0; i < MAX_CPUS && cpus[i]; i++)
		seq_printf(s, "       CPU%-1u", i);
	seq_puts(s, "       \n");
	irq_for_each(show_vector, s);
	return 0;
}
NODE(interrupts, .path = "interrupts", .show = show_interrupts);

static int irq_init(void)
{
	backtrace_trap_return = (u64)trap_return;
	int err;

	irq_disable();
	idt_init();
	idt_load();
	err = lapic_init();
	if (err == 0)
		err = ioapic_init();
	if (err < 0)
		return err;
	trap_stop_init();
	irq_enable();
	return 0;
}
SUBSYSTEM(irq, .needs = "mm acpi", .init = irq_init, .stage = "03-interrupts");
