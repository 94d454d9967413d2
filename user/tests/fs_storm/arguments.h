/* What the operations are asked to work on, and how it is written in the account. */
#ifndef SWITCHBACK_TESTS_FS_STORM_ARGUMENTS_H
#define SWITCHBACK_TESTS_FS_STORM_ARGUMENTS_H

#include "storm.h"

#define PATH_ROOM 8192

/* A place for a call that takes a directory and a path. */
struct place {
	int at;            /* AT_FDCWD, an open file's descriptor, or none */
	char path[PATH_ROOM];
	char words[2048];  /* both, as the account has them */
};

/* Of what is there, mostly, in all the ways that a path can be written. */
void place_some(struct place *p);
/* What a symbolic link says. */
void target_some(char *to);
/* An index into fds, of an open one if there is any. */
int slot_some(void);
mode_t mode_some(void);
uid_t id_some(void);
long size_some(void);
/* What a call came to: "0", a number, an error's name. Valid until the fourth call after this one. */
const char *answer(long result);
/* As it is, but for long runs of one letter. */
void path_words(const char *path, char *to, size_t size);

#endif
