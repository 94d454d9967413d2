/* The registers of an interrupted context: defined in core, since the first stage already prints them. */
#ifndef IRQ_TRAPFRAME_H
#define IRQ_TRAPFRAME_H

#include "core/trapframe.h"

#endif
