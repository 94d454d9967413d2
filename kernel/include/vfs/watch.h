/*
 * Watching files: what an upper layer (inotify) stands on to hear what happens to them.
 *
 *   inode.watches ──► fs_watch ──► fs_watch ──► …      a watcher embeds it, and gets its events through ops
 *                        │
 *   superblock.watches ◄─┘                             so that an unmount finds them all
 *
 * An event goes to the watches of the directory, with the name, and to those of the file itself, without one. A watch keeps its inode until it ends: because
 * its owner wants that, or the file's last name and user went, or its file system was unmounted.
 */
#ifndef VFS_WATCH_H
#define VFS_WATCH_H

#include "core/spinlock.h"
#include "lib/list.h"

struct inode;
struct dentry;
struct file;
struct superblock;

/* What happened; the numbers are inotify's. */
enum {
	FS_ACCESS = 1, FS_MODIFY = 2, FS_ATTRIB = 4, FS_CLOSE_WRITE = 8, FS_CLOSE_NOWRITE = 16, FS_OPEN = 32, FS_MOVED_FROM = 64, FS_MOVED_TO = 128,
	FS_CREATE = 256, FS_DELETE = 512, FS_DELETE_SELF = 1024, FS_MOVE_SELF = 2048,
	FS_EVENTS = 0xfff,
	FS_UNMOUNT = 0x2000,
	FS_RENAME = 0x10000000, /* a name became another one in its directory: goes before the two halves of the move */
	FS_ISDIR = 0x40000000, /* goes with the others */
};
struct fs_event {
	u32 mask;         /* what happened, all at once */
	u32 cookie;       /* the two halves of a rename have the same; else 0 */
	const char *name; /* in the watched directory; NULL: it happened to the watched file itself */
	u32 name_len;
	bool unlinked;    /* by a file whose name is gone already */
};

struct fs_watch;
/* All but release are called with fs_watch_lock held: no sleep. */
struct fs_watch_ops {
	bool (*event)(struct fs_watch *w, const struct fs_event *e); /* one that mask wants; true: it was the last, the watch is to end */
	void (*removed)(struct fs_watch *w);                         /* it has ended, though its owner did not ask for that */
	void (*release)(struct fs_watch *w);                         /* nobody sees it any more: frees it. May sleep */
};
struct fs_watch {
	const struct fs_watch_ops *ops;
	struct inode *inode;     /* counted, from fs_watch_add until fs_watch_release */
	u32 mask;                /* events it wants; fs_watch_lock */
	bool excludes_unlinked;  /* none by files whose name is gone; fs_watch_lock */
	struct hlist link;       /* inode->watches; fs_watch_lock */
	struct list sb_link;     /* superblock->watches, then the list of those that end; fs_watch_lock */
};
/* Guards every watch and the lists they are on; an owner may guard its own set of them by it, too. */
extern struct spinlock fs_watch_lock;

/* Lock held. */
void fs_watch_add(struct fs_watch *w, struct inode *inode);
void fs_watch_remove(struct fs_watch *w); /* hears nothing more; then, without the lock, fs_watch_release */
void fs_watch_release(struct fs_watch *w);

/* Something happened to d, and so in its directory. A file that is used is fs_notify_file's: it may have lost its name. */
void fs_notify(u32 mask, struct dentry *d);
void fs_notify_file(u32 mask, struct file *f);
/* To the inode, whatever its names are. */
void fs_notify_inode(u32 mask, struct inode *inode);
/* To a name in a directory, which is locked; inode: what it names. */
void fs_notify_name(u32 mask, struct inode *dir, const struct inode *inode, const char *name, u32 len, u32 cookie);
u32 fs_notify_cookie(void); /* one that no other rename has */
/* A dentry of the inode went, and no name is left: the watches end. */
void fs_notify_gone(struct inode *inode);
/* The file system is unmounted: all its watches end. */
void fs_notify_unmount(struct superblock *sb);

#endif
