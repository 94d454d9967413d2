/* What the files of this folder share among themselves. */
#ifndef VFS_VFS_PRIV_H
#define VFS_VFS_PRIV_H

#include "vfs/vfs.h"
#include "grace.h"

/* dcache.c: guards dentry->parent and names (readers walk upwards). */
extern struct rwspin rename_lock;
int dcache_init(void);
/*
 * For who holds nothing, between grace_enter and grace_exit. dentry_peek: the child `name` of a directory as the cache has it, maybe negative; NULL: it is not
 * there. It is what it seems to be if dentry_moves() was even before and is the same afterwards. dentry_get_live: counts it, unless it is going away.
 */
struct dentry *dentry_peek(const struct dentry *parent, const char *name, u32 len);
u32 dentry_moves(void);
/* Names and parents change in between: rename_lock is held, and dentry_moves() is odd. dentry_rehash: finds d, which is in no chain, by its new name. */
void dentry_names_change(void);
void dentry_names_changed(void);
void dentry_rehash(struct dentry *d);
bool dentry_get_live(struct dentry *d);
/* Drops what is cached below d and not in use (a directory that was removed; a mount that goes). */
void dentry_shrink_children(struct dentry *d);
/* Takes a whole tree down: no reference from outside is left. */
void dentry_kill_tree(struct dentry *root);

/* inode.c */
int inode_cache_init(void);
void path_accessed(const struct path *p);

/* mount.c: guards the tree of mounts against changes (sleeping), and the table against readers (spin). */
extern struct mutex mount_mutex;
extern struct rwspin mount_lock;
extern struct mount *root_mount;
int mount_init(void);
struct mount *mount_on(struct mount *m, struct dentry *d); /* what is mounted there, counted; NULL */
struct mount *mount_alloc(struct superblock *sb, struct dentry *root, const char *source, u32 flags);
/* Changes, under mount_mutex: hang m (and what is below it) at a place: 0, -ENOENT or -ENOSPC (too many); lift and detach. */
void mount_changed(void); /* any context: tells whoever waits for it */
int mount_attach(struct mount *m, const struct path *at);
void mount_lift(struct mount *m, struct path *from);
void mount_tree_detach(struct mount *top);
/* The same of a mount that nobody uses but its tree and the caller, who hold one reference each, and with nothing mounted below it: else -EBUSY. Or only asks. */
int mount_detach_unused(struct mount *m, bool only_ask);
void mount_tree_set_root(struct mount *m);
/* A copy of `from` that shows the tree below root, with the mounts below it if wanted, in no tree yet. NULL: memory is short. mount_mutex held. */
struct mount *mount_copy_tree(struct mount *from, struct dentry *root, bool all_below);
struct mount *mount_tree_next(struct mount *top, struct mount *m);

/* What one CPU has counted, of something that all count: only the sum means something, modulo 2^64. */
struct cpu_count {
	u64 n;
} __aligned(64);

/* writers.c. init: 0 or -ENOMEM. shut: from now on nobody passes (path_want_write says -EROFS), or -EBUSY: somebody is inside. Under mount_mutex; sleeps. */
int write_gate_init(struct write_gate *g);
void write_gate_destroy(struct write_gate *g);
int write_gate_shut(struct write_gate *g);
void write_gate_open(struct write_gate *g);

/* path.c: the context of kernel threads, and what the first process gets. */
extern struct fs_context init_fs;
struct fs_context *current_fs(void);
/* protect.c: 0, -EACCES, -EPERM. */
bool inode_is_owner(const struct inode *i);                                   /* current owns it, or has CAP_FOWNER */
int may_open_for_create(const struct inode *dir, const struct inode *i);     /* O_CREAT met i, which was there already */
int may_link(struct inode *i);                                                /* give it another name */
int path_init(void);
/* path_lookup of what path_name_get gave: if that was an ERR_PTR, it is told here, when it is this name's turn. */
int name_lookup(int dirfd, const char *name, u32 flags, struct lookup_result *out);
/* As path_text_from for what has a name; *reached: whether p lies below root. */
char *path_text_walk(const struct path *p, const struct path *root, char *buf, size_t size, bool *reached);

/* open.c */
void open_init(void);
int file_open_dentry(struct file *f, const struct path *p);
int open_flags_refused(u32 flags); /* those that do not go together: 0 or -EINVAL */
/* Opens the last component below r->path, made if it is missing; r->path is put. follow: a link there is followed, else -ELOOP. */
struct file *file_open_create(struct lookup_result *r, u32 flags, u32 mode, bool follow);
/* A file without a name in this directory. */
struct file *file_open_tmpfile(const struct path *at, u32 flags, u32 mode);

/* names.c: rules for changing directories. 0 or -errno; the directory's lock held. */
int may_create(struct inode *dir);
int may_delete(struct inode *dir, struct dentry *victim, bool want_dir);

/* cache_ops.c, cache_dirty.c */
bool page_trylock(struct frame *f);
void page_clear_dirty(struct pagecache *pc, struct frame *f);
void dirty_list_remove(struct pagecache *pc); /* the cache goes */
void cache_dirty_init(void);

int super_init(void);
void exec_file_init(void);
void initramfs_unpack(void);
int device_init(void);
int special_open(struct inode *inode, struct file *f);
int anon_init(void);
const char *anon_dentry_text(struct dentry *d, char *buf, size_t size);
bool dentry_is_anon(const struct dentry *d);

/* O_DIRECT: is there a way past the page cache? */
static inline bool inode_can_direct(const struct inode *i)
{
	return i->cache.ops && i->cache.ops->direct_io;
}

#endif
