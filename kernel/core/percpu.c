/*
 * Per-CPU data: the section .percpu is the pattern, and every CPU has a copy of it behind its struct cpu. CPU 0's copy lies at the end of bss, so that the
 * pattern itself is never written.
 */
#include "core/percpu.h"
#include "core/lock_check.h"
#include "core/cpu.h"
#include "lib/string.h"

extern char percpu_start[], percpu_end[], percpu_boot_copy[]; /* kernel.ld */

struct cpu *cpus[MAX_CPUS];
u32 cpu_count;
void (*preempt_hook)(void);
static struct cpu boot_cpu __aligned(64);

size_t percpu_image_size(void)
{
	return ALIGN_UP(sizeof(struct cpu), 64) + (size_t)(percpu_end - percpu_start);
}

static struct cpu *enter(struct cpu *c, u32 id, char *copy)
{
	memcpy(copy, percpu_start, (size_t)(percpu_end - percpu_start));
	c->self = c;
	c->id = id;
	c->percpu_offset = (u64)copy - (u64)percpu_start;
	cpus[id] = c;
	return c;
}

struct cpu *percpu_boot_setup(void)
{
	return enter(&boot_cpu, 0, percpu_boot_copy);
}

struct cpu *percpu_setup(u32 id, void *image)
{
	return enter(image, id, (char *)image + ALIGN_UP(sizeof(struct cpu), 64));
}

void preempt_check(void)
{
	if (preempt_hook && irq_enabled())
		preempt_hook();
}

#if DEBUG
void preempt_enable(void)
{
	lock_check_point_on_preempt_enable();
	if (preempt_count_down() && unlikely(READ_ONCE(this_cpu()->need_resched)))
		preempt_check();
}
#endif
