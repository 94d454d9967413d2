/*
 * Dispatch of traps. Who gets an exception:
 *
 *   1. the handler that an upper layer registered for it (a page fault may be a stack that grows)
 *   2. from ring 3: the program that caused it, by user_trap_hook
 *   3. from the kernel: the fix-up table, if the instruction was one that is known to fault (a copy from a user)
 *   4. nobody: a bug of the kernel
 *
 * From ring 3 or not is told by the saved CS, never by the error code: that of a page fault can say "kernel" for an access that ring 3 made
 * (a descriptor table, an iret).
 */
#include "irq/irq.h"

#include "core/cpu.h"
#include "core/panic.h"
#include "irq_priv.h"

void (*user_trap_hook)(struct trapframe *f);

#ifdef SOLUTION
#define EXCEPTIONS 32

static trap_handler *handlers[EXCEPTIONS];

static const char *const names[EXCEPTIONS] = {
	[TRAP_DIVIDE] = "divide error",
	[TRAP_DEBUG] = "debug exception",
	[TRAP_NMI] = "non-maskable interrupt",
	[TRAP_BREAKPOINT] = "breakpoint",
	[TRAP_OVERFLOW] = "overflow",
	[TRAP_BOUND] = "bound range exceeded",
	[TRAP_INVALID_OPCODE] = "invalid opcode",
	[TRAP_NO_FPU] = "device not available",
	[TRAP_DOUBLE_FAULT] = "double fault",
	[TRAP_INVALID_TSS] = "invalid TSS",
	[TRAP_NO_SEGMENT] = "segment not present",
	[TRAP_STACK] = "stack fault",
	[TRAP_GENERAL_PROTECTION] = "general protection fault",
	[TRAP_PAGE_FAULT] = "page fault",
	[TRAP_FPU] = "x87 floating-point error",
	[TRAP_ALIGNMENT] = "alignment check",
	[TRAP_MACHINE_CHECK] = "machine check",
	[TRAP_SIMD] = "SIMD floating-point error",
};

void trap_register(unsigned vector, trap_handler *fn)
{
	ASSERT(vector < EXCEPTIONS);
	handlers[vector] = fn;
}

static void __noreturn die(struct trapframe *f)
{
	const char *name = names[f->vector] ? names[f->vector] : "reserved exception";

	if (f->vector != TRAP_PAGE_FAULT)
		panic_frame(f, "%s in the kernel, error code %lx", name, f->error);
	panic_frame(f, "page fault in the kernel: %s of %lx, which is %s", f->error & PF_FETCH ? "execution" : f->error & PF_WRITE ? "write" : "read", read_cr2(),
		    f->error & PF_PRESENT ? "protected" : "not mapped");
}

void trap_dispatch(struct trapframe *f)
{
	if (f->vector >= EXCEPTIONS) {
		irq_dispatch(f);
		return;
	}
	if (handlers[f->vector] && handlers[f->vector](f))
		return;
	if (trapframe_from_user(f) && user_trap_hook) {
		irq_enable();
		user_trap_hook(f);
		irq_disable();
		return;
	}
	if (trap_fixup(f))
		return;
	die(f);
}
#else
#include "core/todo.h"

/* From now on fn is asked first about this exception; NULL: nobody is. */
void trap_register(unsigned vector, trap_handler *fn)
{
	TODO("03-interrupts");
}

/*
 * Vectors from 32 on belong to irq_dispatch. Exceptions: in the order above; user_trap_hook runs with interrupts on. The last resort is panic_frame(f, …)
 * with the exception's name, and for a page fault what was tried at which address (CR2). The words are these, since a grader reads them as well:
 *
 *   divide error in the kernel, error code 0                     "reserved exception" for a vector that has no name
 *   page fault in the kernel: write of 8, which is not mapped    or read, or execution; or "which is protected"
 */
void trap_dispatch(struct trapframe *f)
{
	TODO("03-interrupts");
}
#endif
