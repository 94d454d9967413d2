/*
 * Names come and go: mkdir, mknod, symlink, link, unlink, rmdir.
 *
 * Each walks to the parent, locks it, looks the last component up, checks the rights, and lets the file system act. The order of
 * the checks decides which errno is seen when several are due: it is Linux's.
 */
#include "vfs_priv.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "syscalls_gen.h"

/* --- rules ---------------------------------------------------------------------------------------------------------------- */

int may_create(struct inode *dir)
{
	if (dir->flags & INODE_DEAD)
		return -ENOENT;
	return inode_permission(dir, MAY_WRITE | MAY_EXEC);
}

int may_delete(struct inode *dir, struct dentry *victim, bool want_dir)
{
	struct inode *i = victim->inode;
	u32 uid = file_cred()->fsuid;
	int err = inode_permission(dir, MAY_WRITE | MAY_EXEC);

	if (err)
		return err;
	if (dir->flags & INODE_APPEND || i->flags & (INODE_APPEND | INODE_IMMUTABLE))
		return -EPERM;
	if (dir->mode & S_ISVTX && i->uid != uid && dir->uid != uid && !file_capable(CAP_FOWNER))
		return -EPERM;
	if (want_dir && !S_ISDIR(i->mode))
		return -ENOTDIR;
	if (!want_dir && S_ISDIR(i->mode))
		return -EISDIR;
	return dir->flags & INODE_DEAD ? -ENOENT : 0;
}

/* --- making -------------------------------------------------------------------------------------------------------------------- */

/* A place for a new name: parent (counted, locked for writing) and its negative dentry. */
struct new_name {
	struct path parent;
	struct dentry *d;
};

static int new_name_begin(int dirfd, const char *name, bool is_dir, struct new_name *n)
{
	struct lookup_result r;
	int err = name_lookup(dirfd, name, LOOKUP_PARENT, &r);

	if (err)
		return err;
	n->parent = r.path;
	err = -EEXIST;
	if (r.last_type != LAST_NORMAL)
		goto put;
	rwlock_write(&r.path.dentry->inode->lock);
	n->d = dir_lookup_locked(r.path.dentry, r.last, r.last_len);
	if (IS_ERR(n->d)) {
		err = PTR_ERR(n->d);
		goto unlock;
	}
	if (n->d->inode)
		goto put_dentry;
	err = -ENOENT;
	if (r.trailing_slash && !is_dir)
		goto put_dentry;
	err = path_want_write(&n->parent);
	if (!err)
		return 0;
put_dentry:
	dentry_put(n->d);
unlock:
	rwlock_write_done(&r.path.dentry->inode->lock);
put:
	path_put(&r.path);
	return err;
}

static void new_name_end(struct new_name *n, int err)
{
	struct inode *dir = n->parent.dentry->inode;

	if (!err)
		fs_notify_name(FS_CREATE, dir, n->d->inode, n->d->name, n->d->name_len, 0);
	rwlock_write_done(&dir->lock);
	dentry_put(n->d);
	path_done_write(&n->parent);
	path_put(&n->parent);
}

int vfs_mkdir(int dirfd, const char *name, u32 mode)
{
	struct new_name n;
	struct inode *dir;
	int err = new_name_begin(dirfd, name, true, &n);

	if (err)
		return err;
	dir = n.parent.dentry->inode;
	err = may_create(dir);
	if (!err)
		err = dir->ops->mkdir ? dir->ops->mkdir(dir, n.d, mode & 01777 & ~current_umask()) : -EPERM;
	new_name_end(&n, err);
	return err;
}

/* 0 if mknod can make this kind. */
static int mknod_kind(u32 mode)
{
	switch (mode & S_IFMT) {
	case 0:
	case S_IFREG:
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK:
		return 0;
	case S_IFDIR:
		return -EPERM;
	default:
		return -EINVAL;
	}
}

int vfs_mknod(int dirfd, const char *name, u32 mode, u64 rdev)
{
	struct new_name n;
	struct inode *dir;
	int err = mknod_kind(mode);

	if (err)
		return err;
	if (!(mode & S_IFMT))
		mode |= S_IFREG;
	err = new_name_begin(dirfd, name, false, &n);
	if (err)
		return err;
	dir = n.parent.dentry->inode;
	err = may_create(dir);
	if (!err && (S_ISCHR(mode) || S_ISBLK(mode)) && !file_capable(CAP_MKNOD))
		err = -EPERM;
	mode = (mode & S_IFMT) | new_file_mode(dir, mode & 07777);
	if (!err && S_ISREG(mode))
		err = dir->ops->create ? dir->ops->create(dir, n.d, mode & 07777) : -EACCES;
	else if (!err)
		err = dir->ops->mknod ? dir->ops->mknod(dir, n.d, mode, S_ISCHR(mode) || S_ISBLK(mode) ? rdev : 0) : -EPERM;
	new_name_end(&n, err);
	return err;
}

int vfs_symlink(const char *target, int dirfd, const char *name)
{
	struct new_name n;
	struct inode *dir;
	int err;

	if (IS_ERR(target))
		return (int)PTR_ERR(target);
	if (!*target)
		return -ENOENT;
	err = new_name_begin(dirfd, name, false, &n);
	if (err)
		return err;
	dir = n.parent.dentry->inode;
	err = may_create(dir);
	if (!err)
		err = dir->ops->symlink ? dir->ops->symlink(dir, n.d, target) : -EPERM;
	new_name_end(&n, err);
	return err;
}

static int link_inode(const struct path *old, struct new_name *n)
{
	struct inode *i = old->dentry->inode, *dir = n->parent.dentry->inode;
	int err;

	if (old->mount != n->parent.mount || i->sb != dir->sb)
		return -EXDEV;
	err = may_link(i);
	if (!err)
		err = may_create(dir);
	if (err)
		return err;
	if (!dir->ops->link || S_ISDIR(i->mode) || i->flags & (INODE_APPEND | INODE_IMMUTABLE))
		return -EPERM;
	rwlock_write(&i->lock);
	if (!i->nlink && !(i->flags & INODE_LINKABLE))
		err = -ENOENT;
	else
		err = dir->ops->link(i, dir, n->d);
	if (!err)
		i->flags &= ~INODE_LINKABLE;
	rwlock_write_done(&i->lock);
	if (!err)
		fs_notify_inode(FS_ATTRIB, i);
	return err;
}

int vfs_link(int olddir, const char *old, int newdir, const char *name, u32 flags)
{
	struct lookup_result r;
	struct new_name n;
	u32 walk = flags & AT_SYMLINK_FOLLOW ? LOOKUP_FOLLOW : 0;
	int err;

	if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (flags & AT_EMPTY_PATH)
		walk |= LOOKUP_EMPTY;
	err = name_lookup(olddir, old, walk, &r);
	if (err)
		return err;
	err = new_name_begin(newdir, name, false, &n);
	if (!err) {
		err = link_inode(&r.path, &n);
		new_name_end(&n, err);
	}
	path_put(&r.path);
	return err;
}

/* --- removing ------------------------------------------------------------------------------------------------------------------- */

/* The victim's part of a removal; parent locked. */
static int remove_locked(const struct path *parent, struct dentry *d, bool is_dir)
{
	struct inode *dir = parent->dentry->inode, *i = d->inode;
	int (*op)(struct inode *dir, struct dentry *d) = NULL;
	int err = may_delete(dir, d, is_dir);

	if (err)
		return err;
	if (dir->ops)
		op = is_dir ? dir->ops->rmdir : dir->ops->unlink;
	if (!op)
		return -EPERM;
	/* Until the name is gone too: what is mounted on it is mounted under this lock. */
	rwlock_write(&i->lock);
	err = d->mounted ? -EBUSY : op(dir, d);
	if (!err) {
		if (is_dir)
			i->flags |= INODE_DEAD;
		dentry_unhash(d);
	}
	rwlock_write_done(&i->lock);
	if (err)
		return err;
	if (!is_dir)
		fs_notify_inode(FS_ATTRIB, i); /* its count of names */
	if (is_dir)
		dentry_shrink_children(d);
	return 0;
}

/* start NULL: from dirfd. */
static int remove_name(const struct path *start, int dirfd, const char *name, bool is_dir)
{
	static const int odd_rmdir[] = { [LAST_DOT] = -EINVAL, [LAST_DOTDOT] = -ENOTEMPTY, [LAST_ROOT] = -EBUSY };
	struct lookup_result r;
	struct inode *dir, *i = NULL;
	struct dentry *d;
	int err = start ? path_lookup_from(start, name, LOOKUP_PARENT, &r) : path_lookup(dirfd, name, LOOKUP_PARENT, &r);

	if (err)
		return err;
	if (r.last_type != LAST_NORMAL) {
		err = is_dir ? odd_rmdir[r.last_type] : -EISDIR;
		goto put;
	}
	err = path_want_write(&r.path);
	if (err)
		goto put;
	dir = r.path.dentry->inode;
	rwlock_write(&dir->lock);
	d = dir_lookup_locked(r.path.dentry, r.last, r.last_len);
	if (IS_ERR(d)) {
		err = PTR_ERR(d);
		goto unlock;
	}
	if (!d->inode)
		err = -ENOENT;
	else if (r.trailing_slash && !is_dir)
		err = S_ISDIR(d->inode->mode) ? -EISDIR : -ENOTDIR;
	else
		err = remove_locked(&r.path, d, is_dir);
	if (!err) {
		i = d->inode;
		inode_get(i);
	}
	/* Watchers hear first that the file is gone, if this was its last use, and then that the name is. */
	dentry_put(d);
	if (!err)
		fs_notify_name(FS_DELETE, dir, i, r.last, r.last_len, 0);
unlock:
	rwlock_write_done(&dir->lock);
	/* The last reference, and with it the file's contents, go outside the lock. */
	if (i)
		inode_put(i);
	path_done_write(&r.path);
put:
	path_put(&r.path);
	return err;
}

int vfs_unlink(int dirfd, const char *name)
{
	return remove_name(NULL, dirfd, name, false);
}

int vfs_unlink_from(const struct path *start, const char *name)
{
	return remove_name(start, AT_FDCWD, name, false);
}

int vfs_rmdir(int dirfd, const char *name)
{
	return remove_name(NULL, dirfd, name, true);
}

/* --- calls ---------------------------------------------------------------------------------------------------------------------- */

/* A device number as mknod(2) packs it is what the kernel keeps. */
long sys_mkdirat(int dirfd, const char __user *path, u32 mode)
{
	char *name = path_name_get(path, 0);
	long err;

	if (IS_ERR(name))
		return PTR_ERR(name);
	err = vfs_mkdir(dirfd, name, mode);
	path_name_free(name);
	return err;
}

long sys_mkdir(const char __user *path, u32 mode)
{
	return sys_mkdirat(AT_FDCWD, path, mode);
}

long sys_mknodat(int dirfd, const char __user *path, u32 mode, u64 dev)
{
	long err = mknod_kind(mode);
	char *name;

	if (err)
		return err;
	name = path_name_get(path, 0);
	if (IS_ERR(name))
		return PTR_ERR(name);
	err = vfs_mknod(dirfd, name, mode, (u32)dev);
	path_name_free(name);
	return err;
}

long sys_mknod(const char __user *path, u32 mode, u64 dev)
{
	return sys_mknodat(AT_FDCWD, path, mode, dev);
}

long sys_unlinkat(int dirfd, const char __user *path, int flags)
{
	char *name;
	long err;

	if (flags & ~AT_REMOVEDIR)
		return -EINVAL;
	name = path_name_get(path, 0);
	if (IS_ERR(name))
		return PTR_ERR(name);
	err = remove_name(NULL, dirfd, name, flags & AT_REMOVEDIR);
	path_name_free(name);
	return err;
}

long sys_unlink(const char __user *path)
{
	return sys_unlinkat(AT_FDCWD, path, 0);
}

long sys_rmdir(const char __user *path)
{
	return sys_unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

/* Two names from user memory. One that cannot be had is an ERR_PTR: if the other one leads nowhere, that may come first. */
static void two_names(const char __user *a, u32 a_flags, const char __user *b, char **a_out, char **b_out)
{
	*a_out = path_name_get(a, a_flags);
	*b_out = path_name_get(b, 0);
}

long sys_symlinkat(const char __user *target, int newdir, const char __user *path)
{
	char *text, *name;
	long err;

	two_names(target, 0, path, &text, &name);
	err = vfs_symlink(text, newdir, name);
	path_name_free(text);
	path_name_free(name);
	return err;
}

long sys_symlink(const char __user *target, const char __user *path)
{
	return sys_symlinkat(target, AT_FDCWD, path);
}

long sys_linkat(int olddir, const char __user *old, int newdir, const char __user *new, int flags)
{
	char *from, *to;
	long err;

	if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	/* Whoever could not walk to a file is not to give a name to one whose descriptor was passed to him. The names are not even looked at. */
	if (flags & AT_EMPTY_PATH && !file_capable(CAP_DAC_READ_SEARCH))
		return -ENOENT;
	two_names(old, flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0, new, &from, &to);
	err = vfs_link(olddir, from, newdir, to, flags);
	path_name_free(from);
	path_name_free(to);
	return err;
}

long sys_link(const char __user *old, const char __user *new)
{
	return sys_linkat(AT_FDCWD, old, AT_FDCWD, new, 0);
}

long sys_renameat2(int olddir, const char __user *old, int newdir, const char __user *new, unsigned flags)
{
	char *from, *to;
	long err;

	if (flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT) || (flags & RENAME_EXCHANGE && flags & (RENAME_NOREPLACE | RENAME_WHITEOUT)))
		return -EINVAL;
	two_names(old, 0, new, &from, &to);
	err = vfs_rename(olddir, from, newdir, to, flags);
	path_name_free(from);
	path_name_free(to);
	return err;
}

long sys_renameat(int olddir, const char __user *old, int newdir, const char __user *new)
{
	return sys_renameat2(olddir, old, newdir, new, 0);
}

long sys_rename(const char __user *old, const char __user *new)
{
	return sys_renameat2(AT_FDCWD, old, AT_FDCWD, new, 0);
}
