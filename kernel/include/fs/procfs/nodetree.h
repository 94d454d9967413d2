/*
 * A read-only directory tree whose files are texts made by functions: what procfs (apart from processes) and sysfs are.
 *
 * The tree is built at the start, grows by nodetree_* calls and never shrinks, so readers need no lock but the one on lists of children; what is not there any
 * more is hidden. Many mounts show the same tree.
 */
#ifndef FS_PROCFS_NODETREE_H
#define FS_PROCFS_NODETREE_H

#include "core/node.h"
#include "lib/list.h"
#include "vfs/vfs.h"

struct tree_node {
	const char *name;
	u16 mode;                  /* with S_IFDIR, S_IFREG or S_IFLNK */
	u64 ino;
	struct tree_node *parent;
	struct list children, sibling; /* nodetree's lock */
	u32 subdirs;               /* the same */
	int (*show)(struct seq *s);    /* files: s->arg is arg */
	ssize_t (*store)(const char *text, size_t len);
	void *arg;
	ssize_t (*store_arg)(void *arg, const char *text, size_t len); /* instead of store */
	u64 size;                  /* what stat says */
	bool hidden;               /* nodetree's lock: neither found nor listed; for trees whose superblock has nodetree_revalidate */
	bool by_mode_alone;        /* no capability helps against the mode: /proc/sys and /sys; for all below it too */
	bool plain_links;          /* directories: a link count of 1, for all below it too (/proc/sys) */
	const char *target;        /* links */
	const struct file_ops *fops; /* files with operations of their own; NULL: text */
};

struct tree_node *nodetree_create(void); /* an empty root; NULL if memory is short */
/* All take a path below `at` and make the directories on the way; NULL if memory is short. What is there already is given back as it is. */
struct tree_node *nodetree_dir(struct tree_node *at, const char *path);
struct tree_node *nodetree_file(struct tree_node *at, const char *path, u16 mode, int (*show)(struct seq *s), void *arg);
struct tree_node *nodetree_link(struct tree_node *at, const char *path, const char *target);
/* Every NODE() whose path starts with prefix ("" takes those without any "name:"), but not those that start with `without` (NULL: none). */
void nodetree_add_nodes(struct tree_node *root, const char *prefix, const char *without);

/* Hides what is at the path below `at`, and all below it, or shows it again. False: there is none. */
bool nodetree_hide(struct tree_node *at, const char *path, bool hidden);
int nodetree_revalidate(struct dentry *d); /* super_ops.dentry_revalidate of a tree whose names come and go */

struct inode *nodetree_inode(struct superblock *sb, struct tree_node *n); /* NULL if memory is short */
struct tree_node *nodetree_find(struct tree_node *dir, const char *name, u32 len); /* NULL */
/* Operations for directories, for use inside others: lookup leaves the dentry negative if there is no such name. */
int nodetree_lookup(struct inode *dir, struct dentry *d);
/* Entries of dir from position `first` on, f->pos being first + their index: false when the caller's buffer is full. */
bool nodetree_emit(struct tree_node *dir, struct file *f, struct dir_context *c, u64 first);
struct tree_node *nodetree_of(struct inode *i);

/*
 * A file whose text is made when its first byte is read, kept in file->private, and made anew when it is read from the start again.
 */
ssize_t textfile_read(struct file *f, struct uio *to, s64 *pos, int (*show)(struct seq *s, void *arg), void *arg);
void textfile_release(struct file *f);
u64 *textfile_mark(struct file *f); /* a number of this opening for whoever shows the text, 0 at first; NULL: memory is short */
u32 textfile_poll(struct file *f, struct poll_table *pt); /* always ready: that it has the operation lets an epoll watch it */
s64 textfile_lseek(struct file *f, s64 off, int whence);
/* The writer's bytes as a text with a NUL, at most 64 KiB: kfree it; ERR_PTR. */
char *textfile_input(struct uio *from, size_t *len);

#endif
