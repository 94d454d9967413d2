/* Inside exec/. */
#ifndef EXEC_PRIV_H
#define EXEC_PRIV_H

#include "exec/exec.h"

bool exec_randomizes(void);      /* addresses of the image being built are to be random (personality(2)) */
vaddr_t exec_program_base(void); /* where position-independent programs start without randomness */

#define SCRIPT_LINE 256 /* as much of a script's first line as counts (BINPRM_BUF_SIZE) */
/* script.c. line: the first bytes of a file that starts with "#!", zeroes behind; changed. *argument may be NULL. 0, -ENOEXEC, -EACCES. */
int exec_parse_script(char line[SCRIPT_LINE + 1], char **interpreter, char **argument);

/* Archive members by name (stage 06). */
int archive_open(const char *path, struct exec_source *s);
/* The text of a member, or NULL. */
const char *archive_text(const char *path, size_t *size);

#endif
