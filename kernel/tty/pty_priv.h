/* Pseudo-terminals: shared by the pair itself (pty.c), its master's file (ptmx.c) and the file system of the slaves (devpts.c). */
#ifndef TTY_PTY_PRIV_H
#define TTY_PTY_PRIV_H

#include "tty/tty_priv.h"
#include "vfs/vfs.h"

#define PTY_RING 16384u
#define PTY_MAX 4096
#define MASTER_TAKES 4095u /* bytes of output that count as the master's own already, read or not (Linux's buffer on its side) */

/*
 *    master file --write--> tty_feed(slave) --> slave's read buffer --> slave file
 *    master file <--read--- ring <-- slave's ops->write <-- ldisc_output <-- slave file
 *
 * The slave is a whole struct tty; the master is a file over the pair. The pair lives as long as the slave has references:
 * the master's file and each slave file hold one.
 */
struct pty {
	struct tty slave;           /* first: ptys are found from it */
	char *ring;                 /* slave.lock guards ring, head, tail and the flags below */
	u32 head, tail;
	u32 typed_at;               /* head when the master last wrote: it could have read all that was before */
	bool master_open;
	bool slave_closed;          /* the last slave file went: the master reads EIO until one is opened again */
	bool locked;                /* TIOCSPTLCK */
	struct wait_queue master_wait;
	bool tell_room;             /* atomic: the master found no room, so O_ASYNC is told of the next */
	int index;
	char name[16];
	struct devpts *fs;          /* the instance it is in; `mount` keeps that alive */
	struct mount *mount;        /* counted: the mount of devpts that it was opened through */
	struct inode *inode;        /* counted; its node in devpts until the master goes: fs->lock */
};
static inline struct pty *pty_of(struct tty *t) { return container_of(t, struct pty, slave); }

/* A new pair with the master open: ERR_PTR(-ENOMEM). Reference 1, the master's. */
struct pty *pty_create(void);
/* The master is gone: hangs the slave up. */
void pty_master_gone(struct pty *p);
extern const struct file_ops pty_master_ops;
extern const struct tty_ops pty_slave_ops;

struct devpts {
	struct superblock *sb;
	struct mutex lock;          /* guards all below */
	u64 used[PTY_MAX / 64];
	struct pty *ptys[PTY_MAX];  /* by index; not counted: a pty leaves the table before its master's reference goes */
	u32 uid, gid, mode, ptmx_mode, max, count;
	bool set_uid, set_gid;
	struct inode *ptmx;         /* counted */
};
/* The mount of devpts that a ptmx node speaks for, counted; NULL if there is none. */
struct mount *devpts_of_ptmx(struct file *f);
/* Gives p an index and a node in the instance of m, whose reference p takes over: 0, -ENOSPC, -ENOMEM. */
int devpts_add(struct mount *m, struct pty *p);
void devpts_remove(struct pty *p);
/* The pair behind a slave's node, counted; NULL if it is gone. */
struct pty *devpts_find(struct inode *inode);
int ptmx_open(struct inode *inode, struct file *f);
int pts_open(struct inode *inode, struct file *f);
/* The place of p's node as a path: 0 and a counted path, or -errno. */
int devpts_slave_path(struct pty *p, struct path *out);

#endif
