/* The registers of an interrupted context, as the entry code pushes them. Same layout for exceptions, interrupts and system calls; lies at the top of the kernel stack for an entry from user mode. */
#ifndef CORE_TRAPFRAME_H
#define CORE_TRAPFRAME_H

#include "core/compiler.h"

struct trapframe {
	u64 r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
	u64 vector; /* exception or interrupt vector, VECTOR_SYSCALL or VECTOR_INT80 */
	u64 error;  /* error code of an exception, else 0; for a system call its number (orig_rax), -1 once it must not be restarted */
	u64 rip, cs, rflags, rsp, ss; /* pushed by the CPU */
};
#define VECTOR_SYSCALL 0x100 /* trapframe.vector of a SYSCALL entry */
#define VECTOR_INT80 0x80
_Static_assert(sizeof(struct trapframe) == 22 * 8, "entry code");

static inline bool trapframe_from_user(const struct trapframe *f) { return (f->cs & 3) == 3; }

#endif
