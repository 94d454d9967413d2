/* Inside exec/. */
#ifndef EXEC_PRIV_H
#define EXEC_PRIV_H

#include "exec/exec.h"

bool exec_randomizes(void);      /* addresses of the image being built are to be random (personality(2)) */
vaddr_t exec_program_base(void); /* where position-independent programs start without randomness */

/* Archive members by name (stage 06). */
int archive_open(const char *path, struct exec_source *s);
/* Calls fn for each member that is a program in bin/; stops when fn returns not 0. */
int archive_programs(int (*fn)(void *arg, const char *path), void *arg);
/* The text of a member, or NULL. */
const char *archive_text(const char *path, size_t *size);

#endif
