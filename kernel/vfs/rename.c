/*
 * rename(2): the one call that changes two directories, and can move a directory.
 *
 * Locks. In one directory: its lock. Across two: the superblock's rename_mutex first, so that only one such rename runs and
 * "who is above whom" stands still; then the two directories, the upper one first, else by address; then what is replaced.
 * A directory that would move below itself is found before anything is changed.
 */
#include "vfs_priv.h"

struct rename {
	struct lookup_result from, to;
	struct dentry *old, *new; /* counted */
	u32 flags;
};

static struct inode *dir_of(const struct lookup_result *r)
{
	return r->path.dentry->inode;
}

static void lock_parents(struct rename *r)
{
	struct dentry *a = r->from.path.dentry, *b = r->to.path.dentry, *tmp;

	if (a == b) {
		rwlock_write(&a->inode->lock);
		return;
	}
	mutex_lock(&a->sb->rename_mutex);
	if (dentry_is_ancestor(b, a) || (!dentry_is_ancestor(a, b) && b < a)) {
		tmp = a;
		a = b;
		b = tmp;
	}
	rwlock_write(&a->inode->lock);
	rwlock_write(&b->inode->lock);
}

static void unlock_parents(struct rename *r)
{
	rwlock_write_done(&dir_of(&r->from)->lock);
	if (r->from.path.dentry == r->to.path.dentry)
		return;
	rwlock_write_done(&dir_of(&r->to)->lock);
	mutex_unlock(&r->from.path.dentry->sb->rename_mutex);
}

/* What the names themselves allow: 0 or -errno. */
static int check_names(struct rename *r)
{
	struct inode *old = r->old->inode, *new = r->new->inode;

	if (r->flags & RENAME_NOREPLACE && new)
		return -EEXIST;
	if (r->flags & RENAME_EXCHANGE) {
		if (!new)
			return -ENOENT;
		if (!S_ISDIR(new->mode) && r->to.trailing_slash)
			return -ENOTDIR;
	}
	if (!S_ISDIR(old->mode) && (r->from.trailing_slash || (!(r->flags & RENAME_EXCHANGE) && r->to.trailing_slash)))
		return -ENOTDIR;
	if (dentry_is_ancestor(r->old, r->to.path.dentry))
		return -EINVAL;
	if (dentry_is_ancestor(r->new, r->from.path.dentry))
		return r->flags & RENAME_EXCHANGE ? -EINVAL : -ENOTEMPTY;
	return 0;
}

/* The rights, and that no mount stands in the way. */
static int check_rights(struct rename *r)
{
	struct inode *old = r->old->inode, *new = r->new->inode;
	bool is_dir = S_ISDIR(old->mode), across = r->from.path.dentry != r->to.path.dentry;
	int err = may_delete(dir_of(&r->from), r->old, is_dir);

	if (err)
		return err;
	if (!new)
		err = may_create(dir_of(&r->to));
	else
		err = may_delete(dir_of(&r->to), r->new, r->flags & RENAME_EXCHANGE ? S_ISDIR(new->mode) : is_dir);
	if (err)
		return err;
	if (!dir_of(&r->from)->ops->rename)
		return -EPERM;
	/* `..` of a directory that moves is written to. */
	if (is_dir && across)
		err = inode_permission(old, MAY_WRITE);
	if (!err && r->flags & RENAME_EXCHANGE && S_ISDIR(new->mode) && across)
		err = inode_permission(new, MAY_WRITE);
	if (!err && (r->old->mounted || r->new->mounted))
		err = -EBUSY; /* looked at again, once nothing can be mounted on what goes */
	return err;
}

/* The directories, and what else hears of it: what had the new name, and what has it now. */
static void tell_moved(const struct lookup_result *from, const struct lookup_result *to, struct inode *moved, struct inode *victim)
{
	u32 cookie = fs_notify_cookie();

	if (dir_of(from) == dir_of(to))
		fs_notify_name(FS_RENAME, dir_of(from), moved, from->last, from->last_len, 0);
	fs_notify_name(FS_MOVED_FROM, dir_of(from), moved, from->last, from->last_len, cookie);
	fs_notify_name(FS_MOVED_TO, dir_of(to), moved, to->last, to->last_len, cookie);
	if (victim)
		fs_notify_inode(FS_ATTRIB, victim);
	fs_notify_inode(FS_MOVE_SELF, moved);
}

/*
 * RENAME_WHITEOUT where names are dentries: what keeps the old name, in the directory already and not found yet, since nothing may fail behind the rename.
 * (Elsewhere the file system sees to it, and a look-up finds it.) NULL: not asked for. ERR_PTR.
 */
static struct dentry *make_whiteout(const struct rename *r, const struct inode *victim)
{
	struct inode *dir = dir_of(&r->from);
	struct dentry *white;
	int err;

	if (!(r->flags & RENAME_WHITEOUT) || dir->fops != &dcache_dir_ops)
		return NULL;
	if (victim && S_ISDIR(victim->mode) && !dir_store_empty(victim))
		return ERR_PTR(-ENOTEMPTY);
	white = dentry_alloc(r->old->parent, r->from.last, r->from.last_len);
	if (!white)
		return ERR_PTR(-ENOMEM);
	err = dir->ops->mknod(dir, white, S_IFCHR, 0);
	if (!err)
		return white;
	dentry_put(white);
	return ERR_PTR(err);
}

/* The victim's lock is held: 0, and names and dentries are in their new places. */
static int move(struct rename *r, struct inode *victim)
{
	struct inode *from = dir_of(&r->from), *to = dir_of(&r->to);
	struct dentry *white;
	int err;

	if (r->new->mounted)
		return -EBUSY;
	white = make_whiteout(r, victim);
	if (IS_ERR(white))
		return (int)PTR_ERR(white);
	err = from->ops->rename(from, r->old, to, r->new, r->flags);
	if (err) {
		if (white)
			from->ops->unlink(from, white);
	} else {
		if (victim && S_ISDIR(victim->mode))
			victim->flags |= INODE_DEAD;
		dentry_move(r->old, r->new, r->flags & RENAME_EXCHANGE, white);
	}
	dentry_put(white);
	return err;
}

static int rename_locked(struct rename *r)
{
	struct inode *victim;
	bool exchange = r->flags & RENAME_EXCHANGE;
	int err;

	r->old = dir_lookup_locked(r->from.path.dentry, r->from.last, r->from.last_len);
	if (IS_ERR(r->old))
		return PTR_ERR(r->old);
	if (!r->old->inode)
		return -ENOENT;
	r->new = dir_lookup_locked(r->to.path.dentry, r->to.last, r->to.last_len);
	if (IS_ERR(r->new))
		return PTR_ERR(r->new);
	err = check_names(r);
	if (err || r->old->inode == r->new->inode)
		return err;
	err = check_rights(r);
	if (err)
		return err;
	victim = exchange ? NULL : r->new->inode;
	/* Until its name is gone too: what is mounted on it is mounted under this lock. */
	if (victim)
		rwlock_write(&victim->lock);
	err = move(r, victim);
	if (victim)
		rwlock_write_done(&victim->lock);
	if (err)
		return err;
	if (victim && S_ISDIR(victim->mode))
		dentry_shrink_children(r->new);
	tell_moved(&r->from, &r->to, r->old->inode, victim);
	if (exchange)
		tell_moved(&r->to, &r->from, r->new->inode, NULL);
	return 0;
}

int vfs_rename(int olddir, const char *old, int newdir, const char *name, u32 flags)
{
	struct rename r = { .flags = flags };
	int err = name_lookup(olddir, old, LOOKUP_PARENT, &r.from);

	if (err)
		return err;
	err = name_lookup(newdir, name, LOOKUP_PARENT, &r.to);
	if (err)
		goto put_from;
	err = -EXDEV;
	if (r.from.path.mount != r.to.path.mount)
		goto put_to;
	err = -EBUSY;
	if (r.from.last_type != LAST_NORMAL)
		goto put_to;
	if (r.to.last_type != LAST_NORMAL) {
		if (flags & RENAME_NOREPLACE)
			err = -EEXIST;
		goto put_to;
	}
	err = path_want_write(&r.from.path);
	if (err)
		goto put_to;
	lock_parents(&r);
	err = rename_locked(&r);
	unlock_parents(&r);
	if (r.old && !IS_ERR(r.old))
		dentry_put(r.old);
	if (r.new && !IS_ERR(r.new))
		dentry_put(r.new);
	path_done_write(&r.from.path);
put_to:
	path_put(&r.to.path);
put_from:
	path_put(&r.from.path);
	return err;
}
