/*
 * The virtual file system: inodes, the dentry cache, mounts, path walk, page cache.
 *
 *   struct path = (mount, dentry)      a place in the tree
 *   dentry -> inode (NULL: negative, "no such name" is cached too)
 *   inode -> page cache (regular files), operations, owner file system
 *
 * Locks: inode->lock (sleeping rwlock; directories: names; files: size and data), parent before child, rename: rename_mutex of the superblock, then ancestors first, then by address.
 * dentry->lock (spin) guards its links. See kernel/vfs/README.md.
 */
#ifndef VFS_VFS_H
#define VFS_VFS_H

#include "abi/mount.h"
#include "abi/stat.h"
#include "core/node.h"
#include "file/file.h"
#include "lib/radix.h"
#include "mm/frame.h"
#include "proc/cred.h"
#include "vfs/watch.h"
#include "vm/aspace.h"

struct superblock;
struct fs_type;
struct inode;

/* What is freed a little later (vfs/grace.c): a field of it. */
struct grace {
	struct grace *next;
	void (*fn)(struct grace *g);
};
struct dentry;
struct mount;
struct path;

struct timespec {
	s64 sec;
	u32 nsec;
};
/* What stat(2) tells, in the kernel's own form. */
struct kstat {
	u64 dev, ino, rdev, size, blocks;
	u32 mode, nlink, uid, gid, blksize;
	struct timespec atime, mtime, ctime, btime;
	u64 mnt_id;
	u32 attributes, attributes_mask; /* STATX_ATTR_* */
};
struct iattr {
	u32 valid; /* ATTR_* */
	u32 mode, uid, gid;
	u64 size;
	struct timespec atime, mtime;
	struct file *file; /* ftruncate */
};
enum { ATTR_MODE = 1, ATTR_UID = 2, ATTR_GID = 4, ATTR_SIZE = 8, ATTR_ATIME = 16, ATTR_MTIME = 32, ATTR_ATIME_SET = 64, ATTR_MTIME_SET = 128, ATTR_CTIME = 256, ATTR_KILL_SUID = 512, ATTR_KILL_CAPS = 1024 };

/* The pages of a file (or block device) in memory. */
struct pagecache {
	struct inode *inode;
	struct spinlock lock;       /* guards pages, counts, areas */
	struct radix pages;         /* index -> struct frame (counted) */
	u64 dirty;                  /* frames that are dirty */
	struct list areas;          /* struct area.cache_link: who maps it */
	struct list dirty_link;     /* the list of caches with dirty pages: its lock */
	u64 dirtied_ns;             /* since when it is on that list: its lock */
	u32 writing;                /* atomic: pages that are on their way to the device */
	const struct pagecache_ops *ops;
	u64 writeback_index;
	u32 error;                  /* of write-back: error_seq.c */
	u64 write_end;              /* inode lock: past the end of the file, up to where a write(2) is filling pages: they are not to be clean before they are written. 0: none */
};
struct pagecache_ops {
	/* Fills a locked page; NULL: zeroes (ramfs). 0 or -errno. May sleep. */
	int (*read_page)(struct pagecache *pc, struct frame *f);
	/* A run of pages for readahead (optional, stage 10). */
	int (*read_pages)(struct pagecache *pc, u64 index, u32 count);
	/* Writes a dirty page back (stage 10); NULL: pages are the only copy, never written or evicted. */
	int (*write_page)(struct pagecache *pc, struct frame *f);
	/* Starts to write dirty pages of [first, last] (pagecache_take_dirty gives them); pagecache_writeback waits. NULL: page by page with write_page. */
	int (*write_pages)(struct pagecache *pc, u64 first, u64 last);
	/* Around one hold of the inode's lock in which write(2) fills [pos, pos + n): makes room for as much of it as the result says (> 0; -errno: none); then ends it, when `done` bytes of
	 * those n were written. */
	ssize_t (*write_start)(struct pagecache *pc, u64 pos, size_t n);
	int (*write_stop)(struct pagecache *pc, u64 pos, size_t n, ssize_t done);
	/* Before bytes of a page are changed: reserves space, 0 or -errno; after n of them were: marks; the bytes count, whatever it answers. The page is not locked. NULL for ramfs, where accounting is in `charge`. */
	int (*write_begin)(struct pagecache *pc, u64 pos, size_t n, struct frame *f);
	int (*write_end)(struct pagecache *pc, u64 pos, size_t n, struct frame *f);
	/* A page joins (+1) or leaves (-1) the cache: tmpfs's size limit (0 or -ENOSPC). With write_page it is pagecache_charge_backed. */
	int (*charge)(struct pagecache *pc, s64 pages);
	ssize_t (*direct_io)(struct pagecache *pc, struct uio *u, s64 pos, bool write);
};
void pagecache_init(struct pagecache *pc, struct inode *inode, const struct pagecache_ops *ops);
/* Student's (vfs/pagecache.c). The page, counted, up to date (filled if needed); ERR_PTR. With `create` false: NULL if it is not cached. May sleep. Each page in a cache counts in mem_cache_frames. */
struct frame *pagecache_get(struct pagecache *pc, u64 index, bool create);
ssize_t pagecache_read(struct pagecache *pc, struct uio *to, s64 *pos, u64 size);
/* Grows inode->size as it goes; bytes or -errno, -EFAULT if not one could be copied. inode->lock held for writing; user pages are faulted in first, copied with faults off. */
ssize_t pagecache_write(struct pagecache *pc, struct uio *from, s64 *pos);
/* Given. */
void pagecache_truncate(struct pagecache *pc, u64 new_size); /* drops pages past it, zeroes the rest of the last, unmaps from areas */
void pagecache_drop_range(struct pagecache *pc, u64 start, u64 end); /* punch hole: bytes */
void pagecache_destroy(struct pagecache *pc);
int pagecache_charge_backed(struct pagecache *pc, s64 pages); /* `charge` of caches with write_page: counts in mem_backed_frames; 0 */
void page_lock(struct frame *f);
void page_unlock(struct frame *f);
void pagecache_mark_dirty(struct pagecache *pc, struct frame *f);
/* Bytes; 0 for ramfs. With `wait` the result knows of the errors that came meanwhile; who asks for a program's sake takes file_writeback. */
int pagecache_writeback(struct pagecache *pc, u64 start, u64 end, bool wait);
/* error_seq.c. Each error of write-back is told to each open file once: by this, which writes back and waits; 0 or -errno. */
int file_writeback(struct file *f, s64 start, s64 end);
void file_sample_errors(struct file *f); /* it is being opened: what was told to others before is not told to it */
void pagecache_note_error(struct pagecache *pc, int err); /* any context */
void error_seq_note(u32 *seq, int err);
int error_seq_value(u32 seq);
u32 error_seq_sample(const u32 *seq); /* for somebody who begins to look */
int error_seq_since(u32 *seq, u32 *seen); /* the newest that he has not seen; 0: none. It is seen then */
/* For write_pages: dirty pages of [*first, last] that follow each other, at most `max`, each locked, counted, clean, marked FRAME_WRITEBACK and not writable in any mapping: how many.
 * *first moves on. Without `wait` it stops before a page that somebody else has locked. pagecache_write_ended when their transfer has ended and they are unlocked. */
u32 pagecache_take_dirty(struct pagecache *pc, u64 *first, u64 last, struct frame **frames, u32 max, bool wait);
void pagecache_wait_written(struct pagecache *pc); /* for all transfers that are under way; their errors are kept for fsync */
void pagecache_write_ended(struct pagecache *pc, u32 pages); /* any context */
/* A new, locked, empty page, counted for the caller; NULL if there is one already, or memory is short. */
struct frame *pagecache_add_locked(struct pagecache *pc, u64 index);
/* Reads ahead what a read of [pos, pos + n) through f will want. */
void pagecache_readahead(struct file *f, u64 pos, size_t n);
/* The inode (counted) of a cache with dirty pages that was dirtied at or before `before`, the one that waits longest first; it goes to the end of the list. NULL: none. */
struct inode *pagecache_next_dirty(u64 before);
u64 pagecache_dirty_pages(void); /* of all caches that are written back */
/* Takes a page out of its cache if it is clean, and nobody but the cache and the caller counts it; with `unmap`, also out of page tables. The frame is counted by the caller. */
bool pagecache_evict(struct frame *f, bool unmap);
/* A program has dirtied pages, no locks are held: may make it wait for write-back. */
NOTIFIER_DECLARE(pages_dirtied, struct inode *i);
/* So many pages will be wanted soon, no locks are held: time to make room. */
NOTIFIER_DECLARE(pages_wanted, u32 count);
/* A program has read these pages of a file that lies on a disk; pages that it reads in pieces, one after the other, are told once. They may have left the cache. */
NOTIFIER_DECLARE(pages_used, struct pagecache *pc, u64 first, u64 last);
/* One more cache has dirty pages. Any context but interrupts. */
NOTIFIER_DECLARE(cache_dirtied, struct inode *i);
s64 pagecache_seek(struct pagecache *pc, s64 off, int whence, u64 size); /* SEEK_DATA, SEEK_HOLE */
extern const struct vm_ops pagecache_vm_ops; /* file mappings */
extern const struct file_ops regular_file_ops; /* generic on the page cache */
int generic_file_mmap(struct file *f, struct area *a);
int generic_file_set_flags(struct file *f, u32 flags); /* file_ops.set_flags of files with pages: O_DIRECT where there is a way past them */

struct inode_ops {
	/* Directory. The dentry is negative and its name is the one looked for; the directory's lock is held for writing (lookup: reading or writing). */
	int (*lookup)(struct inode *dir, struct dentry *d);    /* d_instantiate(d, inode) or leaves it negative; 0 or -errno */
	int (*create)(struct inode *dir, struct dentry *d, u32 mode);
	int (*mkdir)(struct inode *dir, struct dentry *d, u32 mode);
	int (*mknod)(struct inode *dir, struct dentry *d, u32 mode, u64 rdev);
	int (*symlink)(struct inode *dir, struct dentry *d, const char *target);
	int (*link)(struct inode *target, struct inode *dir, struct dentry *d);
	int (*unlink)(struct inode *dir, struct dentry *d);
	int (*rmdir)(struct inode *dir, struct dentry *d);
	/* What the file system keeps of it; dentry_move is the caller's, afterwards. `new` may be negative. */
	int (*rename)(struct inode *old_dir, struct dentry *old, struct inode *new_dir, struct dentry *new, u32 flags);
	int (*tmpfile)(struct inode *dir, struct dentry *d, u32 mode);
	/* Symlink: the target as a kernel string, valid while the inode is held (or kmalloc'd into *to_free). */
	const char *(*get_link)(struct inode *inode, struct dentry *d, char **to_free);
	/* proc's magic links, which have no text to walk: the place itself, counted. 0 or -errno; NULL for ordinary links. */
	int (*jump_link)(struct inode *inode, struct path *out);
	int (*setattr)(struct inode *inode, const struct iattr *a); /* default inode_setattr */
	int (*getattr)(struct inode *inode, struct kstat *st);      /* default inode_getattr */
	int (*permission)(struct inode *inode, u32 mask);            /* default generic; for proc */
	ssize_t (*getxattr)(struct inode *inode, const char *name, void *buf, size_t size);
	int (*setxattr)(struct inode *inode, const char *name, const void *value, size_t size, int flags); /* 1: it had that value already */
	ssize_t (*listxattr)(struct inode *inode, char *buf, size_t size);
	int (*removexattr)(struct inode *inode, const char *name);
};

struct inode {
	struct refcount ref;
	u64 ino;
	u32 mode, uid, gid, nlink; /* lock */
	u64 rdev;
	u64 size;                  /* lock; read with READ_ONCE */
	u64 blocks;                /* 512-byte units */
	u32 blksize;
	struct timespec atime, mtime, ctime, btime;
	struct rwlock lock;
	struct spinlock spin;      /* times, small state */
	const struct inode_ops *ops;
	const struct file_ops *fops; /* what open gives the file */
	struct superblock *sb;
	struct pagecache cache;
	struct list dentries;      /* dentry->alias; spin */
	struct hlist hash;         /* by (sb, ino), where the file system asks for it */
	struct grace grace;
	struct flock_state *locks; /* distro: flock and record locks */
	void *pipe;                /* ipc: FIFO */
	void *socket;              /* socket: bound UNIX socket */
	struct hlist_head watches; /* struct fs_watch.link: notify.c */
	struct xattr *xattrs;      /* vfs/xattr.c, for file systems that keep them in memory; lock */
	s32 writers;               /* open for writing; -1: being executed (ETXTBSY). spin */
	u32 seals;                 /* memfd */
	u32 flags;                 /* INODE_*; lock */
	void *private;
};
enum { INODE_DEAD = 1 /* a directory that was removed: takes no new names */, INODE_NOCMTIME = 2, INODE_MEMORY = 4 /* its pages are the only copy */, INODE_LINKABLE = 8 /* O_TMPFILE: may get a name though it has none */,
       INODE_ANONYMOUS = 16 /* of a pipe, a socket or the like that has no name */,
       /* chattr(1): */
       INODE_IMMUTABLE = 32, INODE_APPEND = 64 /* no change but at the end */, INODE_NODUMP = 128, INODE_NOATIME = 256,
       INODE_NO_CAPS = 512 /* was looked at: there is no security.capability */ };
struct dentry {
	struct refcount ref;
	u32 flags;                 /* lock */
	struct spinlock lock;
	struct dentry *parent;     /* counted; itself for a root. Changes under rename_lock */
	struct inode *inode;       /* counted; NULL: negative */
	struct superblock *sb;
	u32 name_len;
	u32 name_hash;
	const char *name;          /* name_short or kmalloc'd */
	char name_short[40];
	struct hlist hash;         /* in the dentry hash: key (parent, name) */
	struct list alias;         /* inode->dentries */
	struct list siblings;      /* parent->children; parent's lock */
	struct list children;
	struct list lru;
	u32 mounted;               /* mounts on it, in any namespace */
	u64 cookie;                /* ramfs: position in its directory */
	struct rbnode dir_node;    /* ramfs: by cookie */
	void *private;
};
enum { DENTRY_HASHED = 1, DENTRY_PINNED = 2 /* ramfs: the tree is its store */, DENTRY_NOCACHE = 4, DENTRY_REVALIDATE = 8 };

struct path {
	struct mount *mount;
	struct dentry *dentry;
};
void path_get(const struct path *p);
void path_put(const struct path *p);

/* Who changes files behind it: writers.c. */
struct write_gate {
	struct cpu_count *inside; /* one for each CPU, which alone changes it, with preemption off */
	enum write_gate_state { GATE_OPEN, GATE_HELD, GATE_SHUT } state; /* changed under mount_mutex */
};

struct superblock {
	struct refcount ref;
	const struct fs_type *type;
	u64 dev;
	u32 number;                /* no other file system has it now: super.c's */
	struct dentry *root;
	const struct super_ops *ops;
	u32 flags; /* MS_RDONLY … of the file system */
	struct mutex rename_mutex;
	u32 pruned;                /* atomic: dentries of it that are being freed because they were not in use; PRUNE_NO_MORE: dcache.c's */
	void *private;
	u32 mount_count;
	u64 max_file_size;
	struct write_gate gate;    /* of all its mounts */
	u32 error;                 /* of write-back of any of its files: error_seq.c */
	struct list link;          /* all superblocks: super.c */
	struct list watches;       /* struct fs_watch.sb_link: notify.c */
	/* Written for each new inode: apart from what every walk and every change reads. */
	u64 next_ino __aligned(64); /* atomic: the last number that an inode was given */
};
struct super_ops {
	int (*statfs)(struct superblock *sb, struct abi_statfs *st);
	void (*evict)(struct inode *inode);          /* the last reference of an inode went: free its private parts; nlink 0: delete it */
	void (*put)(struct superblock *sb);
	int (*sync)(struct superblock *sb, bool wait);
	int (*write_inode)(struct inode *inode, bool wait);
	void (*touched)(struct inode *inode);        /* its times or its mode were changed, in memory only. Does not sleep */
	int (*remount)(struct superblock *sb, u32 flags, const char *options);
	void (*show_options)(struct superblock *sb, struct seq *s);
	int (*dentry_revalidate)(struct dentry *d);  /* proc: 1 still good, 0 drop it */
};
/* FS_TYPE(ramfs, .name = "tmpfs", .mount = …): "nodev" file systems and those on devices. */
struct fs_type {
	const char *name;
	bool nodev;
	u32 magic;
	/* A superblock with its root dentry; ERR_PTR. source: as given to mount(2); options: comma separated, may be "". */
	struct superblock *(*mount)(const struct fs_type *t, const char *source, u32 flags, const char *options);
};
#define FS_TYPE(ident, ...) \
	static const struct fs_type fs_type_##ident = { __VA_ARGS__ }; \
	LINKER_SET(fs_types, fs_type_##ident)
LINKER_SET_DECLARE(fs_types, const struct fs_type);

struct mount {
	struct cpu_count *counts;   /* atomic; references, each counted where it was taken: mount_tree.c */
	bool kept;                  /* its tree holds one, so no put is the last. Cleared under mount_lock, and then a grace period is waited for */
	u32 id;
	struct superblock *sb;
	struct dentry *root;        /* what of the sb it shows (bind mounts: a subtree) */
	struct mount *parent;       /* NULL: the root of the tree. mount lock */
	struct dentry *mountpoint;  /* in parent */
	struct hlist hash;          /* by (parent, mountpoint) */
	struct list children, sibling, all_link;
	u32 flags;                  /* MNT_* = MS_RDONLY NOSUID NODEV NOEXEC NOATIME RELATIME */
	char *source;
	bool detached;              /* no longer in the tree; mount lock */
	bool expire;                /* MNT_EXPIRE was asked once; mount mutex */
	struct write_gate gate;
};
struct fs_context {
	struct refcount ref;
	struct spinlock lock;
	struct path root, cwd; /* lock */
	u32 umask;
};

/*
 * What the path walk stands on (given).
 */
/* The child `name` of a directory: from the cache, else by asking the file system. Counted, may be negative; ERR_PTR(-ENAMETOOLONG, -ENOENT of a removed directory, -ENOMEM, …). */
struct dentry *dir_lookup(struct dentry *dir, const char *name, u32 len);
/* The same with the directory's lock held for writing already. */
struct dentry *dir_lookup_locked(struct dentry *dir, const char *name, u32 len);
/* If something is mounted on p: p becomes the root of the topmost mount there (repeatedly). */
void mount_follow_down(struct path *p);
/* Whether current may follow a link at the end of a path, which lies in dir: 0 or -EACCES (those in /tmp may be traps: protect.c). */
int may_follow_link(const struct inode *dir, const struct inode *link);
extern u64 protected_hardlinks, protected_symlinks, protected_fifos, protected_regular; /* /proc/sys/fs */
/* `..`: p becomes its parent directory, across mount points, but never above root. */
void path_parent(struct path *p, const struct path *root);
/* The target of a symbolic link whose inode is i: a kernel string (kfree *to_free after use) or ERR_PTR. Updates its access time. */
const char *link_read(const struct path *p, char **to_free);
/* Where a walk starts: current's root and working directory, counted. */
void fs_root(struct path *out);
void fs_cwd(struct path *out);
/* The place that a dirfd names (AT_FDCWD: the working directory), counted: 0 or -EBADF. */
int dirfd_path(int dirfd, struct path *out);
static inline bool path_equal(const struct path *a, const struct path *b)
{
	return a->dentry == b->dentry && a->mount == b->mount;
}
/* 0, or -EROFS if the mount or the file system is read-only now. */
int path_may_write(const struct path *p);
/* Before and after a change at p, which stays counted meanwhile: 0, or -EROFS, and then there is nothing to end. In between nothing of it becomes read-only by remount. May sleep. */
int path_want_write(const struct path *p);
void path_done_write(const struct path *p);

/* --- path walk: student's (vfs/namei.c) --- */
enum lookup_flags {
	LOOKUP_FOLLOW = 1,      /* follow a symlink at the end */
	LOOKUP_DIRECTORY = 2,   /* the end must be a directory */
	LOOKUP_PARENT = 4,      /* stop at the parent, last component in lookup_result.last */
	LOOKUP_EMPTY = 8,       /* AT_EMPTY_PATH: an empty name is the start itself, else -ENOENT, whatever the start is */
};
struct lookup_result {
	struct path path;       /* counted; of the parent with LOOKUP_PARENT */
	const char *last;       /* last component (inside the caller's string), last_len bytes */
	u32 last_len;
	bool trailing_slash;
	enum { LAST_NORMAL, LAST_DOT, LAST_DOTDOT, LAST_ROOT } last_type;
};
/* Walks `name` (kernel string) from dirfd. 0, or -ENOENT, -ENOTDIR, -ELOOP, -EACCES, -ENAMETOOLONG, -EBADF … */
int path_lookup(int dirfd, const char *name, u32 flags, struct lookup_result *out);
/* From a given start instead of dirfd (NULL mount: current's root). */
int path_lookup_from(const struct path *start, const char *name, u32 flags, struct lookup_result *out);
/* As path_lookup where all of the way is plain and in the cache, without counting what lies on it (given, vfs/shortcut.c); PATH_NOT_TAKEN: ask path_lookup. */
#define PATH_NOT_TAKEN 1
int path_shortcut(int dirfd, const char *name, u32 flags, struct lookup_result *out);
/* The usual short forms with a user's string. */
int user_path(int dirfd, const char __user *name, u32 flags, struct path *out);
/* A user's path as a kernel string of at most PATH_MAX: ERR_PTR(-EFAULT, -ENAMETOOLONG, -ENOENT if empty without LOOKUP_EMPTY, -ENOMEM). Free by path_name_free. */
char *path_name_get(const char __user *name, u32 flags);
void path_name_free(char *name);
/* The text of a path below current's root: pointer inside buf; ERR_PTR(-ENAMETOOLONG, -ENOENT if unreachable). deleted files get " (deleted)". */
char *path_text(const struct path *p, char *buf, size_t size);
/* As seen from a given root. */
char *path_text_from(const struct path *p, const struct path *root, char *buf, size_t size);
#define PATH_MAX 4096
#define NAME_MAX 255
#define SYMLINKS_MAX 40

/* --- dentries and inodes --- */
struct dentry *dentry_lookup(struct dentry *parent, const char *name, u32 len); /* in the cache: counted, may be negative; NULL */
struct dentry *dentry_alloc(struct dentry *parent, const char *name, u32 len);   /* not hashed; NULL if memory is short */
void dentry_instantiate(struct dentry *d, struct inode *inode); /* takes over the reference */
void dentry_hash(struct dentry *d);
void dentry_unhash(struct dentry *d);
void dentry_get(struct dentry *d);
void dentry_put(struct dentry *d);
struct dentry *dentry_make_root(struct inode *inode);           /* takes over the reference; NULL if memory is short */
/* Rename: d takes target's name and parent. `left`, if any, is found under d's old name from the same moment on. */
void dentry_move(struct dentry *d, struct dentry *target, bool exchange, struct dentry *left);
bool dentry_is_ancestor(struct dentry *a, struct dentry *d);
struct inode *inode_alloc(struct superblock *sb);                /* new ino, times now, ref 1; NULL */
void inode_get(struct inode *i);
void inode_put(struct inode *i);
u32 new_file_mode(const struct inode *dir, u32 mode); /* what is left of the mode asked for, by the rules of set-gid directories and by the umask */
void inode_init_owner(struct inode *i, const struct inode *dir, u32 mode); /* fsuid, fsgid, set-gid directories */
int inode_permission(struct inode *i, u32 mask);                 /* as current; MAY_*; 0 or -EACCES, -EROFS */
enum { MAY_EXEC = 1, MAY_WRITE = 2, MAY_READ = 4, MAY_APPEND = 8 };
int inode_setattr(struct inode *i, const struct iattr *a);
int inode_getattr(struct inode *i, struct kstat *st);
void inode_touch(struct inode *i, u32 what); /* ATTR_ATIME|MTIME|CTIME to now, by mount flags */
void inode_changed(struct inode *i);         /* tells its file system that times or mode were changed in memory */
struct timespec time_now_coarse(void);       /* real time in steps of TIME_COARSE_NS: what inodes get */

/* --- files and calls inside the kernel --- */
struct file *file_open(int dirfd, const char *name, u32 flags, u32 mode);  /* ERR_PTR */
struct file *file_open_path(const struct path *p, u32 flags, const struct cred *cred);
/* A file on an inode that has no name in the tree (pipes, memfd, sockets, epoll: /proc/PID/fd shows `name` as "pipe:[INO]"); ERR_PTR. */
struct file *file_anonymous(const char *class_name, const struct file_ops *ops, u32 flags, void *private);
/* A file on a place in the tree with operations of the caller's own; nothing is checked. ERR_PTR. */
struct file *file_open_with(const struct path *p, const struct file_ops *ops, u32 flags, void *private);
u32 current_umask(void);
int vfs_mkdir(int dirfd, const char *name, u32 mode);
int vfs_mknod(int dirfd, const char *name, u32 mode, u64 rdev);
int vfs_symlink(const char *target, int dirfd, const char *name);
int vfs_link(int olddir, const char *old, int newdir, const char *name, u32 flags);
int vfs_unlink(int dirfd, const char *name);
int vfs_unlink_from(const struct path *start, const char *name);
int vfs_rmdir(int dirfd, const char *name);
int vfs_rename(int olddir, const char *old, int newdir, const char *name, u32 flags);
int vfs_stat(const struct path *p, struct kstat *st);
int vfs_setattr(const struct path *p, struct iattr *a);
int vfs_mount(const char *source, const char *target, const char *type, u64 flags, const char *options);
int vfs_umount(const char *target, int flags);
/* The file system that is mounted there moves onto /, and is the root of current's context from then on: 0 or -errno. */
int vfs_enter_root(const char *name);
int sync_all(void);
/* How often mounts have come, gone or changed, and who waits for that (POLLERR | POLLPRI). */
u64 mount_changes(void);
extern u64 mounts_max; /* places where something is mounted, at most */
extern struct wait_queue mount_wait;
void mount_for_each(bool (*fn)(struct mount *m, void *arg), void *arg); /* mount lock held */
struct superblock *superblock_alloc(const struct fs_type *t);
/* The superblock of that type on that device, if it is mounted: not counted, for mount to give out once more. NULL. */
struct superblock *superblock_find(const struct fs_type *t, u64 dev);
/* ops->sync of all of them. */
int superblocks_sync(bool wait);
void superblock_get(struct superblock *sb);
void superblock_put(struct superblock *sb); /* of one that was never mounted, or by the last mount: all inodes go */
const struct fs_type *fs_type_find(const char *name); /* NULL: not known */
/* A mount of sb that is in no tree, by which the kernel reaches it for ever; NULL if memory is short. */
struct mount *mount_of_superblock(struct superblock *sb, const char *source);
/* The same on a new tree of that type (memfd): ERR_PTR. */
struct mount *mount_internal(const char *type);
void mount_get(struct mount *m);
u64 mount_references(const struct mount *m); /* how many there are, about: others come and go meanwhile */
void mount_put(struct mount *m);
/* Text for /proc/mounts: "rw,nosuid,relatime" and the file system's own after it. */
void mount_show_options(struct mount *m, struct seq *s, bool super_too);
/* Option parsing: takes the next `key[=value]` off *options (which it cuts up); false at the end. value NULL without `=`. */
bool option_next(char **options, char **key, char **value);
/* A size with k, m, g, or % of memory: bytes. 0 or -EINVAL. */
int option_size(const char *value, u64 *bytes);
/* Extended attributes kept in memory, at inode->xattrs. */
ssize_t memory_getxattr(struct inode *inode, const char *name, void *buf, size_t size);
int memory_setxattr(struct inode *inode, const char *name, const void *value, size_t size, int flags);
ssize_t memory_listxattr(struct inode *inode, char *buf, size_t size);
int memory_removexattr(struct inode *inode, const char *name);
void memory_xattrs_free(struct inode *inode);
/* Credentials of current for files; a kernel thread has all rights. */
const struct cred *file_cred(void);
bool file_capable(int cap);
/* Generic pieces for file systems' own file operations. */
ssize_t generic_file_read(struct file *f, struct uio *to, s64 *pos);
ssize_t generic_file_write(struct file *f, struct uio *from, s64 *pos); /* with O_SYNC and its like on the medium when it returns */
s64 generic_file_lseek(struct file *f, s64 off, int whence);
int generic_file_fsync(struct file *f, s64 start, s64 end, bool data_only);
long generic_file_ioctl(struct file *f, u32 cmd, u64 arg);
#define FS_IOC_GETFLAGS 0x80086601u
#define FS_IOC_SETFLAGS 0x40086602u
/* FS_IOC_GETFLAGS and SETFLAGS for file systems that keep the flags in inode->flags: 0, -errno, -ENOTTY for another command. */
long inode_flags_ioctl(struct file *f, u32 cmd, u64 arg);
long inode_flags_set(struct file *f, u32 fs); /* SETFLAGS' part: -EOPNOTSUPP for a flag that is none of those in inode->flags */
/* Clears set-user-id and set-group-id as a write or a change of owner by an ordinary user does; inode->lock held for writing. */
bool inode_kill_suid(struct inode *i); /* true: there was one */
u32 inode_suid_to_kill(const struct inode *i); /* the bits that it would clear */
/* Takes security.capability away, as every change of contents or owner does, whoever makes it: 1 if there was one, 0, -errno. inode->lock held for writing. */
int inode_kill_caps(struct inode *i);
void file_accessed(struct file *f); /* access time, by the mount's rules */
/* 0, or -EFBIG (and SIGXFSZ) if [pos, pos+*n) starts past RLIMIT_FSIZE or the file system's limit; cuts *n. */
int file_size_check(struct file *f, s64 pos, size_t *n);
/* Counts of who writes and who executes a file: 0 or -ETXTBSY. */
int inode_write_get(struct inode *i);
void inode_write_put(struct inode *i);
int inode_write_deny(struct inode *i);
void inode_write_allow(struct inode *i);
extern const struct file_ops dcache_dir_ops; /* directories whose dentries are their store */
/*
 * The names of such a directory in the order of their making, each with a number (the dentry's cookie) that gives its position for readdir, and that
 * no later name gets. The newest is read first. Positions 0 and 1 are `.` and `..`. dir->private points to it; guarded by dir->lock.
 */
struct dir_store {
	struct rbtree names; /* struct dentry.dir_node by cookie */
	u64 next_cookie;
	u64 count;
};
struct dir_store *dir_store_alloc(void); /* NULL if memory is short; kfree ends it */
void dir_store_add(struct inode *dir, struct dentry *d);    /* also pins d in the cache */
void dir_store_remove(struct inode *dir, struct dentry *d); /* and lets it go */
bool dir_store_empty(const struct inode *dir);
/* Feeds one entry; for readdir operations. `.` and `..` first: dir_emit_dots moves f->pos past them; false: full. */
bool dir_emit(struct dir_context *c, const char *name, size_t len, u64 ino, u32 mode, u64 next);
bool dir_emit_dots(struct file *f, struct dir_context *c);
s64 generic_lseek(struct file *f, s64 off, int whence, s64 max, s64 end);
int fs_context_clone(struct thread *to, struct thread *from, bool share);
void fs_context_put(struct fs_context *fs);

/* --- devices: fs/devfs shows them; open of a node with rdev finds its operations here --- */
struct char_device {
	u32 major, minor, count;   /* minors [minor, minor+count) */
	const char *name;          /* "null", "pts/%d" not listed: NULL hides it from devfs */
	u32 mode;
	int (*open)(struct inode *inode, struct file *f); /* sets f->ops, f->private; 0 or -errno */
	bool provisional;          /* gives way to one that registers the same number later */
	struct list link;
};
int char_device_register(struct char_device *d); /* 0, -EBUSY */
void char_device_unregister(struct char_device *d);
void char_device_for_each(void (*fn)(struct char_device *d));
/* devfs is told of devices that come and go. */
struct char_device_watch {
	void (*added)(struct char_device *d);
	void (*removed)(struct char_device *d);
};
extern struct char_device_watch char_device_watch;
extern int (*block_device_open)(struct inode *inode, struct file *f); /* stage 10 */
/* Mounts root= over the rootfs and makes it the root of init (stage 10): 0 or -errno. */
extern int (*root_mount_hook)(const char *device, const char *type, const char *options, bool read_only);
extern int (*fifo_open)(struct inode *inode, struct file *f);         /* stage 09 */
extern int (*socket_node_open)(struct inode *inode, struct file *f);  /* -ENXIO */

#endif
