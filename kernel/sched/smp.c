/*
 * Other processors: bring-up and calls across.
 *
 * Bring-up (Intel MultiProcessor Specification B.4, SDM vol. 3, 8.4.4): INIT, a pause, STARTUP twice if the first is not answered. A CPU that does not
 * show up in time is left out. It might still wake up later: so it must draw a ticket (`expected`) that the starter takes back when it gives up.
 *
 * Calls: each CPU has a slot for one call; the caller waits for a free slot with interrupts on, so it can itself be called meanwhile.
 */
#include "sched/smp.h"

#include "abi/errno.h"
#include "acpi/acpi.h"
#include "boot/smp_boot.h"
#include "core/atomic.h"
#include "core/cmdline.h"
#include "core/panic.h"
#include "core/printk.h"
#include "irq/irq.h"
#include "mm/frame.h"
#include "mm/pagetable.h"
#include "mm/slab.h"
#include "rq_priv.h"
#include "time/time.h"

CMDLINE_PARAM(maxcpus, "maxcpus");
CMDLINE_PARAM(nosmp, "nosmp");

static u64 online_mask = 1; /* atomic */
u64 smp_online_mask(void) { return atomic_load_relaxed(&online_mask); }

/* --- calls --------------------------------------------------------------------------------------------------------- */

struct call {
	void (*fn)(void *arg);
	void *arg;
	u32 waiting; /* atomic */
};
static PERCPU(struct call *, call_slot);

static void call_ipi(void *arg __unused)
{
	struct call *c = atomic_xchg(percpu_ptr(call_slot), (struct call *)NULL);
	if (!c)
		return;
	c->fn(c->arg);
	atomic_fetch_sub(&c->waiting, 1u); /* c lies on the caller's stack: the last touch */
}

void smp_call(u64 mask, void (*fn)(void *arg), void *arg)
{
	struct call c = { .fn = fn, .arg = arg };

	ASSERT(irq_enabled());
	preempt_disable();
	mask &= smp_online_mask();
	bool here = mask >> cpu_id() & 1;
	mask &= ~(1ul << cpu_id());
	c.waiting = __builtin_popcountl(mask);
	for (u64 left = mask; left; left &= left - 1) {
		u32 cpu = __builtin_ctzl(left);
		struct call **slot = percpu_ptr_of(call_slot, cpus[cpu]);
		while (!atomic_cas(slot, (struct call *)NULL, &c))
			cpu_relax();
		ipi_send(cpu, VECTOR_CALL);
	}
	if (here) {
		irq_disable();
		fn(arg);
		irq_enable();
	}
	while (atomic_load(&c.waiting))
		cpu_relax();
	preempt_enable();
}

static void reschedule_ipi(void *arg __unused)
{
	/* need_resched is set by the sender; the way back from this interrupt looks at it, and at current's work. */
}

static void stop_ipi(void *arg __unused)
{
	irq_disable();
	for (;;)
		__asm__ volatile("hlt");
}

void smp_ipi_init(void)
{
	ipi_register(VECTOR_RESCHEDULE, reschedule_ipi);
	ipi_register(VECTOR_SHOOTDOWN, tlb_shootdown_ipi);
	ipi_register(VECTOR_CALL, call_ipi);
	ipi_register(VECTOR_STOP, stop_ipi);
}

/* --- bring-up ------------------------------------------------------------------------------------------------------ */

static struct cpu *expected; /* atomic: who may come up now */

/* First C on a new CPU: on its idle thread's stack, interrupts off. */
static void ap_entry(struct cpu *c)
{
	if (atomic_xchg(&expected, (struct cpu *)NULL) != c) {
		for (;;)
			__asm__ volatile("cli; hlt");
	}
	idt_load();
	lapic_enable_this_cpu();
	timer_cpu_init();
	NOTIFIER_CALL(cpu_start, c);
	rq_of(c->id)->running->exec_start = time_ns();
	c->online = true;
	atomic_fetch_or(&online_mask, 1ul << c->id);
	sched_idle_loop();
}

/* The idle thread of a further CPU: it is what runs there from the start. */
static struct thread *ap_idle_thread(u32 id)
{
	struct thread *t = kzalloc(sizeof(*t), 0);
	if (!t)
		return NULL;
	void *stack = kstack_alloc();
	if (!stack) {
		kfree(t);
		return NULL;
	}
	thread_setup_boot(t, "idle");
	t->stack = stack;
	t->stack_top = (u64)stack + KSTACK_SIZE;
	t->cpu = id;
	t->affinity = 1ul << id;
	return t;
}

static bool wait_answer(struct cpu *c, u64 us)
{
	u64 end = time_ns() + us * NSEC_PER_USEC;
	while (atomic_load(&expected) == c) {
		if (time_ns() > end)
			return false;
		cpu_relax();
	}
	return true;
}

static int start_cpu(u32 id, u32 apic_id)
{
	size_t pages = DIV_ROUND_UP(cpu_mem_size(), PAGE_SIZE);
	unsigned order = pages <= 1 ? 0 : 64 - __builtin_clzl(pages - 1);
	struct thread *idle = ap_idle_thread(id);
	struct frame *mem = idle ? frame_alloc(order, ALLOC_ZERO) : NULL;
	if (!mem)
		return -ENOMEM; /* the rest of boot will say so too */

	struct cpu *c = cpu_prepare(id, apic_id, frame_to_virt(mem));
	sched_cpu_init(id, idle, idle);
	cpu_set_current(c, idle);
	atomic_store(&expected, c);
	ap_trampoline_prepare(virt_to_phys(kernel_pt), c, idle->stack_top, ap_entry);
	lapic_send_init(apic_id);
	time_delay_us(200);
	lapic_send_startup(apic_id, AP_TRAMPOLINE_PAGE);
	if (!wait_answer(c, 20000))
		lapic_send_startup(apic_id, AP_TRAMPOLINE_PAGE);
	/* A loaded host may let a virtual CPU wait for long. */
	if (!wait_answer(c, 2000000) && atomic_cas(&expected, c, (struct cpu *)NULL)) {
		cpus[id] = NULL; /* its memory stays: it may be half awake */
		return -ETIMEDOUT;
	}
	while (!atomic_load(&c->online))
		cpu_relax();
	return 0;
}

int smp_init(void)
{
	u64 limit = cmdline_has("nosmp") ? 1 : MAX(1ul, cmdline_u64("maxcpus", MAX_CPUS));
	u32 id = 1;

	for (u32 i = 1; i < acpi.cpu_count && id < MIN(limit, (u64)MAX_CPUS); i++) {
		int err = start_cpu(id, acpi.apic_ids[i]);
		if (err) {
			pr_warn("smp: CPU with APIC id %u does not start (%d): left out\n", acpi.apic_ids[i], err);
			if (err == -ENOMEM)
				break;
			continue;
		}
		atomic_store(&cpu_count, ++id);
		workqueue_cpu_init(id - 1);
	}
	printk("smp: %u of %u CPUs run\n", cpu_count, acpi.cpu_count);
	return 0;
}
