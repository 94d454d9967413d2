/* Telling watchers what happens to files (vfs/watch.h). Where nobody watches anything, an event costs one load. */
#include "vfs_priv.h"
#include "lib/string.h"

/*
 * Inside of the locks of directories and files, so that events come in the order in which things happened. Events take memory and wake readers, both without
 * sleeping. One lock for all: an event where somebody watches is rare beside those where nobody does, and a watch can be found from its inode, its file system and
 * its owner.
 */
struct spinlock fs_watch_lock = SPINLOCK_INIT("fs watch", RANK_FS_WATCH);

/* --- watches ------------------------------------------------------------------------------------------------------------ */

void fs_watch_add(struct fs_watch *w, struct inode *inode)
{
	inode_get(inode);
	w->inode = inode;
	hlist_add(&inode->watches, &w->link);
	list_add_tail(&inode->sb->watches, &w->sb_link);
	atomic_fetch_add(&file_watches, 1u);
}

void fs_watch_remove(struct fs_watch *w)
{
	hlist_del(&w->link);
	list_del(&w->sb_link);
	atomic_fetch_sub(&file_watches, 1u);
}

void fs_watch_release(struct fs_watch *w)
{
	inode_put(w->inode);
	w->ops->release(w);
}

/* Ends w, from below; it goes to the list of those to be released without the lock. */
static void end_watch(struct fs_watch *w, struct list *ended)
{
	fs_watch_remove(w);
	w->ops->removed(w);
	list_add_tail(ended, &w->sb_link);
}

static void release_all(struct list *ended)
{
	while (!list_empty(ended)) {
		struct fs_watch *w = list_first(ended, struct fs_watch, sb_link);
		list_del(&w->sb_link);
		fs_watch_release(w);
	}
}

/* --- events ------------------------------------------------------------------------------------------------------------- */

static void tell(struct inode *i, const struct fs_event *e, struct list *ended)
{
	hlist_for_each(n, &i->watches) {
		struct fs_watch *w = container_of(n, struct fs_watch, link);
		if (!(w->mask & e->mask & (FS_EVENTS | FS_UNMOUNT | FS_RENAME)) || (e->unlinked && w->excludes_unlinked))
			continue;
		/* The memory of a watch that ends here stays until the lock is dropped, and so does its way to the next. */
		if (w->ops->event(w, e))
			end_watch(w, ended);
	}
}

static bool is_watched(const struct inode *i)
{
	return READ_ONCE(i->watches.first) != NULL;
}

/* To the watches of dir with the event's name, and then to those of i without; either may be NULL. */
static void tell_both(struct inode *dir, struct inode *i, struct fs_event *e)
{
	struct list ended = LIST_INIT(ended);

	spin_lock(&fs_watch_lock);
	if (dir)
		tell(dir, e, &ended);
	e->name = NULL;
	e->name_len = 0;
	if (i)
		tell(i, e, &ended);
	spin_unlock(&fs_watch_lock);
	release_all(&ended);
}

static u32 with_kind(u32 mask, const struct inode *i)
{
	return mask | (S_ISDIR(i->mode) ? FS_ISDIR : 0);
}

static void notify(u32 mask, struct dentry *d, bool unlinked)
{
	struct inode *i = d->inode, *dir = NULL;
	struct fs_event e = { .mask = with_kind(mask, i), .unlinked = unlinked };
	char name[NAME_MAX + 1];

	if (list_empty(&d->sb->watches))
		return;
	/* The name may change at any time: a copy, and the directory in which it was. */
	read_lock(&rename_lock);
	if (d->parent != d && is_watched(d->parent->inode)) {
		dir = d->parent->inode;
		inode_get(dir);
		memcpy(name, d->name, d->name_len + 1);
		e.name = name;
		e.name_len = d->name_len;
	}
	read_unlock(&rename_lock);
	if (dir || is_watched(i))
		tell_both(dir, i, &e);
	if (dir)
		inode_put(dir);
}

void fs_notify(u32 mask, struct dentry *d)
{
	if (unlikely(atomic_load_relaxed(&file_watches)))
		notify(mask, d, false);
}

void fs_notify_file(u32 mask, struct file *f)
{
	struct dentry *d = f->dentry;

	if (unlikely(atomic_load_relaxed(&file_watches)) && d)
		notify(mask, d, !(d->flags & DENTRY_HASHED) && d->parent != d && !dentry_is_anon(d));
}

/* Of a device or a pipe only those hear who watch it itself, which takes the right to read it: others could tell when somebody types. */
static void file_used_hook(struct file *f, bool written)
{
	u32 mask = written ? FS_MODIFY : FS_ACCESS;

	if (f->inode && !S_ISREG(f->inode->mode) && !S_ISDIR(f->inode->mode))
		fs_notify_inode(mask, f->inode);
	else
		fs_notify_file(mask, f);
}
NOTIFIER(file_used, file_used_hook);

void fs_notify_inode(u32 mask, struct inode *inode)
{
	struct fs_event e = { .mask = with_kind(mask, inode) };

	if (unlikely(is_watched(inode)))
		tell_both(NULL, inode, &e);
}

void fs_notify_name(u32 mask, struct inode *dir, const struct inode *inode, const char *name, u32 len, u32 cookie)
{
	struct fs_event e = { .mask = with_kind(mask, inode), .cookie = cookie, .name = name, .name_len = len };

	if (unlikely(is_watched(dir)))
		tell_both(dir, NULL, &e);
}

u32 fs_notify_cookie(void)
{
	static u32 last;
	return atomic_add_return(&last, 1u);
}

/* --- the end of what is watched ----------------------------------------------------------------------------------------- */

void fs_notify_gone(struct inode *inode)
{
	struct fs_event e = { .mask = FS_DELETE_SELF };
	struct list ended = LIST_INIT(ended);

	if (likely(!is_watched(inode)))
		return;
	spin_lock(&fs_watch_lock);
	tell(inode, &e, &ended);
	hlist_for_each(n, &inode->watches)
		end_watch(container_of(n, struct fs_watch, link), &ended);
	spin_unlock(&fs_watch_lock);
	release_all(&ended);
}

void fs_notify_unmount(struct superblock *sb)
{
	struct list ended = LIST_INIT(ended);

	spin_lock(&fs_watch_lock);
	while (!list_empty(&sb->watches)) {
		struct fs_watch *w = list_first(&sb->watches, struct fs_watch, sb_link);
		struct fs_event e = { .mask = with_kind(FS_UNMOUNT, w->inode) };
		w->ops->event(w, &e);
		end_watch(w, &ended);
	}
	spin_unlock(&fs_watch_lock);
	release_all(&ended);
}
