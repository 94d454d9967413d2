/* Between the files of usermode/. */
#ifndef USERMODE_PRIV_H
#define USERMODE_PRIV_H

#include "usermode/usermode.h"

extern u8 uaccess_smap; /* SMAP is on: copies need STAC and CLAC */

/* FPU (fpu.c): on each CPU; at a switch, interrupts off. */
void fpu_cpu_init(void);
void fpu_switch_out(struct thread *t);
void fpu_switch_in(struct thread *t);
/* TLS bases (bases.c). */
void bases_cpu_init(void);
void bases_switch_out(struct thread *t);
void bases_switch_in(struct thread *t);
/* What the skeletons of enter.S call. */
void __noreturn usermode_entry_missing(void);

#endif
