/* The Linux layer: routes system calls, counts and traces them; it owns no objects. */
#ifndef LINUX_LINUX_H
#define LINUX_LINUX_H

#include "usermode/usermode.h"

enum syscall_category { CAT_FILE, CAT_PROCESS, CAT_MEMORY, CAT_IPC, CAT_NETWORK, CAT_TIME, CAT_SYSTEM, CAT_COUNT };
/* Modes (boot option linux=): which calls are let through; the others give ENOSYS. */
bool linux_mode_allows(u32 nr);
/* Student's (linux/router.c, lab 12). */
long linux_route(u32 nr, const u64 args[6], struct trapframe *f);

#endif
