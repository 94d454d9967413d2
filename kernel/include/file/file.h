/*
 * Open files, before and after there is a VFS: struct file with its operations, the descriptor table, and a cursor over user or kernel memory (struct uio).
 */
#ifndef FILE_FILE_H
#define FILE_FILE_H

#include "core/atomic.h"
#include "core/err.h"
#include "core/notifier.h"
#include "mm/limit.h"
#include "sched/mutex.h"
#include "usermode/process.h"
#include "abi/fcntl.h"
#include "abi/poll.h"

struct file;
struct inode;
struct dentry;
struct mount;
struct area;
struct kstat;
struct seq;
struct async_list;

/* A scatter list with a position. For user memory the copies may fault (may sleep). */
struct uio_vec {
	void *base; /* user or kernel address */
	size_t len;
};
struct uio {
	const struct uio_vec *vec; /* the current element */
	size_t vec_count;          /* elements left, the current one included */
	size_t offset;             /* bytes done of the current element */
	size_t left;               /* bytes left in all */
	bool kernel;               /* addresses are the kernel's */
	u8 flags;                  /* UIO_*: what the call asked for beside the file's own flags */
};
enum { UIO_APPEND = 1, UIO_SYNC = 2, UIO_DSYNC = 4, UIO_NOWAIT = 8 };
#define MAX_RW_COUNT 0x7ffff000ul /* no call moves more (Linux's limit) */
void uio_init_user(struct uio *u, struct uio_vec *vec, void __user *buf, size_t n);
void uio_init_kernel(struct uio *u, struct uio_vec *vec, void *buf, size_t n);
/* Copies min(n, u->left) bytes and moves on: bytes copied (short or 0 on a fault). */
size_t uio_write(struct uio *u, const void *src, size_t n); /* kernel data -> the reader's memory */
size_t uio_read(struct uio *u, void *dst, size_t n);        /* the writer's memory -> kernel */
size_t uio_zero(struct uio *u, size_t n);
void uio_skip(struct uio *u, size_t n);
/* Fault in the next n bytes for reading or writing: 0 or -EFAULT. */
int uio_fault_in(struct uio *u, size_t n, bool for_write);
/* Reads `count` struct iovec from user memory into a new array (*vec, freed by the caller with kfree unless it equals fast): 0, -EINVAL, -EFAULT, -ENOMEM. */
int uio_import(struct uio *u, const void __user *iov, int count, struct uio_vec *fast, size_t fast_count, struct uio_vec **vec);

/* poll: a file adds its wait queues to the table; NULL table: only asks for the events. */
struct poll_table {
	void (*add)(struct poll_table *pt, struct file *f, struct wait_queue *q);
	u32 want; /* events that the caller looks for */
};
static inline void poll_wait(struct poll_table *pt, struct file *f, struct wait_queue *q)
{
	if (pt && pt->add)
		pt->add(pt, f, q);
}

/* Feeds directory entries: returns false to stop (the entry was not taken). `next` is the position after this entry. */
struct dir_context {
	bool (*emit)(struct dir_context *c, const char *name, size_t len, u64 ino, u8 type, u64 next);
};

/* All may sleep. NULL: the generic default named behind. Errors are -errno. */
struct file_ops {
	const char *name;
	int (*open)(struct file *f);                                  /* of the file that a place shows, its rights checked: sets f->private; 0 or -errno */
	ssize_t (*read)(struct file *f, struct uio *to, s64 *pos);    /* default -EINVAL */
	ssize_t (*write)(struct file *f, struct uio *from, s64 *pos); /* default -EINVAL */
	s64 (*lseek)(struct file *f, s64 off, int whence);            /* default -ESPIPE */
	u32 (*poll)(struct file *f, struct poll_table *pt);           /* default POLLIN|POLLOUT|POLLRDNORM|POLLWRNORM */
	long (*ioctl)(struct file *f, u32 cmd, u64 arg);              /* default -ENOTTY */
	int (*mmap)(struct file *f, struct area *a);                  /* default -ENODEV; sets a->ops */
	int (*flush)(struct file *f);                                 /* at each close of a descriptor */
	void (*release)(struct file *f);                              /* the last reference went */
	int (*fsync)(struct file *f, s64 start, s64 end, bool data_only); /* default -EINVAL */
	int (*readdir)(struct file *f, struct dir_context *c);        /* default -ENOTDIR; from f->pos, which it moves */
	int (*fallocate)(struct file *f, int mode, s64 off, s64 len); /* default -EOPNOTSUPP */
	int (*stat)(struct file *f, struct kstat *st);                /* default: from f->inode */
	int (*set_flags)(struct file *f, u32 flags);                  /* F_SETFL wants O_NONBLOCK/O_APPEND/O_ASYNC */
	int (*show_fdinfo)(struct file *f, struct seq *s);
	long (*fcntl)(struct file *f, u32 cmd, u64 arg);              /* commands of one kind of file (pipe size, seals): default -EINVAL; -EBADF for pipe sizes */
	struct async_list *(*async)(struct file *f);                  /* where O_ASYNC waits for something to tell (file/async.h); NULL: FIOASYNC gives -ENOTTY */
	u8 no_splice;                                                 /* NO_SPLICE_*: what splice and sendfile may not do with it, as on Linux: -EINVAL */
};
enum { NO_SPLICE_READ = 1, NO_SPLICE_WRITE = 2, NO_SPLICE = 3 };

struct file {
	struct refcount ref;
	u32 flags;               /* O_*: access mode and status; status bits change under `lock` */
	u32 mode;                /* FILE_READ | FILE_WRITE | … */
	const struct file_ops *ops;
	s64 pos;                 /* pos_lock */
	struct mutex pos_lock;   /* taken by read, write, lseek, getdents when FILE_SEEKABLE */
	struct inode *inode;     /* vfs; NULL before stage 08 */
	struct dentry *dentry;   /* vfs; counted */
	struct mount *mount;     /* vfs; counted */
	void *private;           /* the operations' */
	struct spinlock lock;
	struct list epoll_links; /* ipc: epoll items that watch it; lock */
	struct file_owner *owner; /* F_SETOWN, O_ASYNC (file/async.h): made once, under `lock` */
	u64 readahead[2];
	u32 errors_seen, fs_errors_seen; /* atomic: vfs/error_seq.c */
};
enum { FILE_READ = 1, FILE_WRITE = 2, FILE_SEEKABLE = 4, FILE_PATH_ONLY = 8, FILE_STREAM = 16 /* no position at all: pread gives ESPIPE */, FILE_DIR = 32,
       FILE_WRITER = 64 /* counted in inode->writers */, FILE_DENY_WRITE = 128 /* a program: nobody may write it */,
       FILE_OPENED = 256 /* the opening succeeded: its end is an event */, FILE_NO_PREAD = 512 /* no folder has it: pread gives ESPIPE too */ };

struct file *file_alloc(const struct file_ops *ops, u32 flags, void *private); /* ERR_PTR(-ENFILE/-ENOMEM) */
void file_get(struct file *f);
void file_put(struct file *f); /* the last one releases; may sleep */

/* Kernel-side reads and writes, for exec, sendfile and the like: bytes or -errno. pos NULL: f->pos. */
ssize_t file_read_kernel(struct file *f, void *buf, size_t n, s64 *pos);
ssize_t file_write_kernel(struct file *f, const void *buf, size_t n, s64 *pos);
ssize_t file_read(struct file *f, struct uio *to, s64 *pos);   /* checks FILE_READ, calls ops->read */
ssize_t file_write(struct file *f, struct uio *from, s64 *pos);
u32 file_poll(struct file *f, struct poll_table *pt);

/* What upper stages hang into descriptors. */
extern long (*file_lock_hook)(struct file *f, int fd, u32 cmd, u64 arg); /* F_GETLK and its kin (stage 13); NULL: -ENOLCK */
extern long (*file_notify_hook)(struct file *f, int fd, u32 events);     /* F_NOTIFY (ipc); NULL: -EINVAL */
extern int (*file_flags_check)(struct file *f, u32 flags);              /* vfs: may F_SETFL set these: 0 or -EPERM */
extern void (*file_path_release)(struct file *f);                       /* vfs: after ops->release, of a file with a dentry */
extern bool (*file_unlimited_hook)(void);                               /* vfs: may current open more than the limit of all says? */
/* The last reference went, before ops->release (epoll, flock). */
NOTIFIER_DECLARE(file_release, struct file *f);
/* A descriptor of this table was closed (record locks). */
NOTIFIER_DECLARE(fd_closed, struct files *fs, struct file *f);

/* What was read or written, once for each call: told only while anybody watches files at all. */
NOTIFIER_DECLARE(file_used, struct file *f, bool written);
extern u32 file_watches; /* atomic: how many watches there are */
void file_tell_watchers(struct file *f, bool written);
static inline void file_tell_used(struct file *f, bool written)
{
	if (unlikely(atomic_load_relaxed(&file_watches)))
		file_tell_watchers(f, written);
}

/* Descriptor tables. */
struct files;
struct files *files_create(void);                  /* empty; NULL if memory is short */
struct files *files_clone(struct files *from);     /* fork; ERR_PTR */
void files_get(struct files *fs);
void files_put(struct files *fs);                  /* the last one closes all */
/* The table of a thread: its pointer is changed by these, and read by others than the thread itself by files_get_of alone. */
int files_unshare(void);                           /* current's own copy, if it is shared: 0 or -errno */
void files_drop(struct thread *t);                 /* t has ended, or never ran */
struct files *files_get_of(struct thread *t);      /* counted; NULL if it has none (any more) */
void files_close_on_exec(struct files *fs);
/* All on current's table: */
struct file *fd_get(int fd);                       /* counted; NULL if not open (-EBADF). O_PATH files too: check mode */
/* Lowest free descriptor >= min: number, -EMFILE. Reserves it (reads as not open) until fd_install or fd_release. */
int fd_reserve(int min);
void fd_install(int fd, struct file *f, bool cloexec); /* takes over the caller's reference */
void fd_release(int fd);
/*
 * The cheap way for a system call: a borrowed reference where no other thread can close the descriptor meanwhile, else a counted one.
 * file NULL: not open, or (without path_ok) an O_PATH file: -EBADF. fdref_put when done; only inside one call of current.
 */
struct fdref {
	struct file *file;
	bool counted;
};
struct fdref fdref_get(int fd, bool path_ok);
u32 fd_table_size(void); /* current's descriptors are all below it */
static inline void fdref_put(struct fdref r)
{
	if (r.counted)
		file_put(r.file);
}
int fd_open(struct file *f, bool cloexec);         /* reserve and install; on error the reference stays the caller's */
int fd_close(int fd);
bool fd_cloexec(int fd);
/* For /proc/PID/fd: the first open descriptor >= *fd of a thread that need not be current, and its file's mode. False: none. Holds nothing: locks may be held. */
bool files_peek(struct thread *t, int *fd, u32 *mode);
struct file *files_lookup(struct files *fs, int fd);
u32 files_count(struct files *fs);
extern struct limit open_files;  /* in the system */
extern u64 files_limit;          /* descriptors of one table, whatever RLIMIT_NOFILE says; nobody may ask for more */
int file_room(void); /* may current open one more? 0 or -ENFILE */

/* The raw console as a file (before stage 12, and for /dev/console until a tty takes over). */
struct file *console_file_open(void);
void console_file_attach(struct file *f); /* makes an opened node (/dev/console) the raw console */
/* What files_open_console opens instead, if that works: /dev/console from stage 08 on. */
extern struct file *(*console_open_hook)(void);
/* Opens descriptors 0-2 of p on the console: 0 or -errno. */
int files_open_console(struct process *p);

#endif
