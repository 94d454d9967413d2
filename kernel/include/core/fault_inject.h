/*
 * Fault injection in a checking kernel: the Nth operation of a kind fails, as asked for on the command line
 * (fault=kmalloc|page|copyuser|bread|bwrite|lost|tx|rx:N[:persist|every]) or by a thread for itself (/proc/self/fail-nth: the Nth of any kind but tx and rx).
 */
#ifndef CORE_FAULT_INJECT_H
#define CORE_FAULT_INJECT_H

#include "core/debug.h"

enum fault_kind {
	FAULT_KMALLOC,
	FAULT_PAGE,
	FAULT_COPYUSER,
	FAULT_BREAD,
	FAULT_BWRITE,
	FAULT_LOST, /* a command to a disk (NVMe) that it never sees */
	FAULT_TX,   /* a frame that a device does not send */
	FAULT_RX,   /* a frame that came and for which there is no memory */
	FAULT_KINDS,
};

#if DEBUG
/* Is it this one's turn to fail? Any context; interrupts never fail by a thread's wish. */
bool fault_inject(enum fault_kind kind);
/* Where the running user thread has its countdown (sched); NULL for others. */
extern u32 *(*fault_inject_thread_hook)(void);
#else
static inline bool fault_inject(enum fault_kind kind __unused) { return false; }
#endif

#endif
