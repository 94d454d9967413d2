/* Inside exec/. */
#ifndef EXEC_PRIV_H
#define EXEC_PRIV_H

#include "exec/exec.h"

bool exec_randomizes(void);      /* addresses of the image being built are to be random (personality(2)) */
vaddr_t exec_program_base(void); /* where position-independent programs start without randomness */

/* Archive members by name (stage 06). */
int archive_open(const char *path, struct exec_source *s);
/* The text of a member, or NULL. */
const char *archive_text(const char *path, size_t *size);

#endif
