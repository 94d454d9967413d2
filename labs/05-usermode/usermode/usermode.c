/*
 * What the processor must know before a program can run: where SYSCALL goes, with which segments and flags, and how a program's registers start.
 *
 * MSRs of SYSCALL (Intel SDM vol. 3, 5.8.8):
 *   STAR   63..48: base of the selectors for SYSRET (SS = base + 8, CS = base + 16), 47..32: of those for SYSCALL (CS = base, SS = base + 8)
 *   LSTAR  the entry in 64-bit mode
 *   FMASK  flags that SYSCALL clears
 *   EFER   bit SCE turns SYSCALL on
 */
#include "usermode/usermode.h"

#include "core/cpu.h"
#include "core/todo.h"
#include "lib/string.h"

void usermode_cpu_init(void)
{
	TODO("05-usermode");
}

void user_frame_init(struct trapframe *f, vaddr_t entry, vaddr_t sp)
{
	TODO("05-usermode");
}
