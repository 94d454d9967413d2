/* Random work on a small tree, by many identities: what the parts share. */
#ifndef SWITCHBACK_TESTS_FS_STORM_H
#define SWITCHBACK_TESTS_FS_STORM_H

#include "../t.h"
#include <stdbool.h>

#define FDS 6
#define PATHS_MAX 400
#define PATH_KEPT 600 /* longer ones are in the tree, but not asked for again */

/* --- chance: the same on every machine --- */

extern uint64_t chance_state;
uint64_t chance(void);
/* 0 ... n - 1 */
static inline unsigned below(unsigned n)
{
	return (unsigned)(chance() % n);
}
#define PICK(array) ((array)[below(COUNT(array))])

/* --- the account: every line goes into a hash, and to the console if it is wanted in words --- */

extern bool wordy;
extern uint64_t account;
__attribute__((format(printf, 1, 2))) void note(const char *format, ...);
uint64_t hash_bytes(uint64_t hash, const void *data, size_t size);
#define HASH_START 0xcbf29ce484222325ull

/* --- who works: between the two calls this process is someone else for the file system --- */

size_t who_count(void);
const char *who_name(size_t who);
void who_become(size_t who);
void who_root(void);

/* --- the tree as it is: all of it goes into the account, and its paths into a list that the operations choose from --- */

extern char *paths[PATHS_MAX];
extern int path_count;
void tree_tell(void);
/* Before the first: nothing is known of times. */
void tree_forget(void);

/* --- the operations --- */

extern int fds[FDS]; /* open files, or -1 */
extern bool user_attributes; /* the file system takes user.* */
void operation(unsigned number);
void ops_start(void);
void ops_end(void);

#endif
