/* The kernel's world on the host, as far as the parts need it: memory, locks that nobody contends for, numbers. */
#include "core/percpu.h"
#include "core/random.h"
#include "core/spinlock.h"
#include "lib/string.h"
#include "mm/pagetable.h"
#include "mm/slab.h"
#include "sched/wait.h"

/* What is counted by CPU lies where gs points to; the host's programs leave that alone. One thread runs the kernel's code. */
static struct cpu only_cpu = { .self = &only_cpu };
extern long syscall(long number, ...);
__attribute__((constructor)) static void point_at_cpu(void) { syscall(158 /* arch_prctl */, 0x1001 /* ARCH_SET_GS */, &only_cpu); }

void *kmalloc(size_t size, unsigned flags __unused) { return malloc(size); }
void *kzalloc(size_t size, unsigned flags __unused) { return calloc(1, size); }
void kfree(const void *p) { free((void *)p); }
void *kmap_alloc(size_t size, unsigned flags __unused) { return malloc(size); }
void kmap_free(void *p) { free(p); }

void spin_init(struct spinlock *l __unused, const char *name __unused, enum lock_rank rank __unused) {}
void ticket_acquire(struct ticket_lock *t __unused) {}
void ticket_release(struct ticket_lock *t __unused) {}
u64 spin_lock_irqsave(struct spinlock *l __unused) { return 0; }
void spin_unlock_irqrestore(struct spinlock *l __unused, u64 flags __unused) {}

u64 random_u64(void) { return unit_random(); }
