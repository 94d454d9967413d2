/*
 * Signals about files: to the owner that F_SETOWN names, when O_ASYNC asks to be told of what happens (SIGIO), and for urgent data (SIGURG).
 *
 *   pipe, socket, terminal … ── async_list ──► file_owner ──► file_owner ──► …      each is one file's
 *                                                  └── target: a thread, a process or a group, counted
 *
 * Whatever wakes those who wait for an object also tells its list. A target is held itself, not its number, which may come to be somebody else's.
 */
#ifndef FILE_ASYNC_H
#define FILE_ASYNC_H

#include "abi/signal.h"
#include "file/file.h"

/* Files with O_ASYNC of one object. Guarded by the one lock of file/async.c. */
struct async_list {
	struct list owners; /* struct file_owner */
};
enum { F_OWNER_TID, F_OWNER_PID, F_OWNER_PGRP };
/* Guarded by the same lock. */
struct file_owner {
	int type;          /* F_OWNER_* */
	void *target;      /* struct thread, process or pgroup, counted; NULL: nobody */
	u32 uid, euid;     /* of who named it */
	int signo;         /* F_SETSIG; 0: SIGIO */
	struct list link;  /* async_list */
	int fd;            /* by which O_ASYNC was set */
	u32 mode;          /* the file's */
};
/* What proc knows of owners. All but find and put are called under the lock. */
struct file_owner_ops {
	int (*find)(struct file_owner *o, int id); /* fills in target (of o->type), uid and euid: 0 or -ESRCH */
	void (*put)(int type, void *target);
	int (*number)(const struct file_owner *o); /* 0: it is no more */
	void (*tell)(const struct file_owner *o, int fd, int reason);
	void (*urgent)(const struct file_owner *o);
};
extern const struct file_owner_ops *file_owner_ops;

static inline void async_init(struct async_list *l) { list_init(&l->owners); }
void async_tell(struct async_list *l, int reason, u32 mode);
/* Something happened: `reason` is POLL_*; only files of this mode (FILE_READ, FILE_WRITE) are told. Any context; locks up to RANK_FILE_OWNER may be held. */
static inline void async_notify(struct async_list *l, int reason, u32 mode)
{
	if (unlikely(!list_empty(&l->owners)))
		async_tell(l, reason, mode);
}
#define ASYNC_BOTH (FILE_READ | FILE_WRITE)
/* From now on nobody is told (a terminal was hung up); files keep their O_ASYNC. */
void async_forget(struct async_list *l);

/* F_SETOWN: a process, or a group if negative; 0: nobody. 0 or -errno. */
long file_set_owner(struct file *f, int id);
int file_get_owner(struct file *f);
/* Of a file that has no owner yet. */
long file_default_owner(struct file *f, int type, int id);
/* Tells f's owner, whether it has O_ASYNC or not; as async_notify. */
void file_tell_owner(struct file *f, int fd, int reason);
/* SIGURG to it. */
void file_tell_urgent(struct file *f);
long file_owner_command(struct file *f, u32 cmd, u64 arg); /* F_SETOWN and its kin */
int async_prepare(struct file *f);                         /* before O_ASYNC is set: 0 or -ENOMEM */
void async_update(struct file *f, int fd);                 /* after O_ASYNC was changed */
void async_release(struct file *f);                        /* the last reference went */

#endif
