/*
 * A path walk that counts nothing on its way.
 *
 * The walk of namei.c holds each place that it passes, and lets go of it again: two atomic changes for every name, and every CPU makes them to the same few
 * dentries, those of `/` and what is right below. When all that lies on the way is in the cache, no reference is needed but to the end of it:
 *
 *     "/usr/lib/x"    /  ──peek──►  usr  ──peek──►  lib  ──peek──►  x        one grace period: nothing that is seen is freed
 *                   seq                                       get x, if alive; and is seq still what it was?
 *
 * The memory of dentries and of inodes is freed after a grace period (grace.c), so the walk may look at what was taken out meanwhile. Nothing on the way was
 * renamed if rename_seq is the same before and after; that a name went away, or came, in between, is as if it had done so a little later, or earlier.
 *
 * Whatever is not plain is left to the walk proper: what is not in the cache, a link, `.` and `..`, file systems with rules of their own, a search that is refused.
 *
 * Locks: none is held from one name to the next. Preemption is off: nothing here sleeps, and what may (to let go of a mount, or of the end) waits for the end.
 */
#include "vfs_priv.h"
#include "core/atomic.h"
#include "lib/string.h"

#define CROSSED_MAX 4

struct shortcut {
	struct mount *mount;               /* counted */
	struct dentry *at;                 /* good until the grace period ends */
	struct mount *crossed[CROSSED_MAX]; /* counted still: mounts that were left. To let go of one may sleep */
	u32 crossings;
};

static void start_at(struct shortcut *s, bool root)
{
	struct fs_context *fs = current_fs();
	const struct path *start = root ? &fs->root : &fs->cwd;

	spin_lock(&fs->lock);
	s->mount = start->mount;
	s->at = start->dentry;
	mount_get(s->mount);
	spin_unlock(&fs->lock);
}

static bool may_search(struct dentry *d)
{
	struct inode *dir = READ_ONCE(d->inode);

	return S_ISDIR(dir->mode) && !(dir->ops && dir->ops->permission) && !inode_permission(dir, MAY_EXEC);
}

/* To the root of what is mounted here. False: that is too much. */
static bool cross(struct shortcut *s)
{
	struct mount *m;

	while (s->crossings < CROSSED_MAX && (m = mount_on(s->mount, s->at))) {
		s->crossed[s->crossings++] = s->mount;
		s->mount = m;
		s->at = m->root;
	}
	return s->crossings < CROSSED_MAX;
}

/* 0, PATH_NOT_TAKEN, or what the walk proper would say. */
static int go(struct shortcut *s, const char *name, u32 flags, struct lookup_result *out)
{
	while (*name == '/')
		name++;
	if (!*name && flags & LOOKUP_PARENT)
		return PATH_NOT_TAKEN;
	while (*name) {
		const char *start = name;
		u32 len;
		bool slash;

		if (!may_search(s->at))
			return PATH_NOT_TAKEN;
		while (*name && *name != '/')
			name++;
		len = (u32)(name - start);
		slash = *name;
		while (*name == '/')
			name++;
		if (start[0] == '.' && (len == 1 || (len == 2 && start[1] == '.')))
			return PATH_NOT_TAKEN;
		if (!*name && flags & LOOKUP_PARENT) {
			out->last = start;
			out->last_len = len;
			out->trailing_slash = slash;
			out->last_type = LAST_NORMAL;
			return 0;
		}
		if (len > NAME_MAX)
			return PATH_NOT_TAKEN;
		s->at = dentry_peek(s->at, start, len);
		if (!s->at || READ_ONCE(s->at->flags) & (DENTRY_REVALIDATE | DENTRY_NOCACHE) || !cross(s))
			return PATH_NOT_TAKEN;
		struct inode *inode = atomic_load_acquire(&s->at->inode);
		if (!inode)
			return -ENOENT;
		if (S_ISLNK(inode->mode) && (slash || flags & LOOKUP_FOLLOW))
			return PATH_NOT_TAKEN;
		if (!*name && slash)
			flags |= LOOKUP_DIRECTORY;
	}
	return flags & LOOKUP_DIRECTORY && !S_ISDIR(READ_ONCE(s->at->inode)->mode) ? -ENOTDIR : 0;
}

int path_shortcut(int dirfd, const char *name, u32 flags, struct lookup_result *out)
{
	struct shortcut s = { .crossings = 0 };
	bool held = false, moved;
	u32 seq;
	int err;

	if (!*name || (*name != '/' && dirfd != AT_FDCWD))
		return PATH_NOT_TAKEN;
	memset(out, 0, sizeof(*out));
	grace_enter();
	seq = dentry_moves();
	start_at(&s, *name == '/');
	err = go(&s, name, flags, out);
	if (!err) {
		held = dentry_get_live(s.at);
		err = held ? 0 : PATH_NOT_TAKEN;
	}
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	moved = seq & 1 || dentry_moves() != seq;
	grace_exit();
	out->path = (struct path){ s.mount, held ? s.at : NULL };
	if (moved)
		err = PATH_NOT_TAKEN;
	if (err)
		path_put(&out->path);
	while (s.crossings)
		mount_put(s.crossed[--s.crossings]);
	return err;
}
