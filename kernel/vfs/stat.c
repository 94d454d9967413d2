/* Asking about files: stat and its kin, access, readlink, statfs. */
#include "vfs_priv.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "syscalls_gen.h"
#include "usermode/uaccess.h"

#define AT_STATX_SYNC_TYPE 0x6000
#define STATX_RESERVED 0x80000000u

int vfs_stat(const struct path *p, struct kstat *st)
{
	struct inode *i = p->dentry->inode;
	int err = i->ops && i->ops->getattr ? i->ops->getattr(i, st) : inode_getattr(i, st);

	st->mnt_id = p->mount ? p->mount->id : 0;
	st->attributes_mask |= STATX_ATTR_AUTOMOUNT | STATX_ATTR_MOUNT_ROOT | STATX_ATTR_DAX;
	if (p->mount && p->dentry == p->mount->root)
		st->attributes |= STATX_ATTR_MOUNT_ROOT;
	return err;
}

static int stat_file(struct file *f, struct kstat *st)
{
	if (f->ops->stat)
		return f->ops->stat(f, st);
	if (f->dentry)
		return vfs_stat(&(struct path){ f->mount, f->dentry }, st);
	/* The raw console of the stages before terminals. */
	*st = (struct kstat){ .mode = S_IFCHR | 0600, .nlink = 1, .rdev = abi_makedev(5, 1), .blksize = PAGE_SIZE, .ino = 1 };
	return 0;
}

static long stat_fd(int fd, struct kstat *st)
{
	struct fdref r = fdref_get(fd, true);
	long err = r.file ? stat_file(r.file, st) : -EBADF;

	fdref_put(r);
	return err;
}

static long stat_path(int dirfd, const char __user *path, u32 walk, struct kstat *st)
{
	struct path p;
	long err;

	/* fstat by way of fstatat: an empty name needs no walk. */
	if (walk & LOOKUP_EMPTY && dirfd != AT_FDCWD) {
		char first;
		if (copy_from_user(&first, path, 1))
			return -EFAULT;
		if (!first)
			return stat_fd(dirfd, st);
	}
	err = user_path(dirfd, path, walk, &p);
	if (err)
		return err;
	err = vfs_stat(&p, st);
	path_put(&p);
	return err;
}

static long put_stat(long err, const struct kstat *k, void __user *out)
{
	struct abi_stat st = {
		.dev = k->dev, .ino = k->ino, .nlink = k->nlink, .mode = k->mode, .uid = k->uid, .gid = k->gid, .rdev = k->rdev,
		.size = k->size, .blksize = k->blksize, .blocks = k->blocks,
		.atime = k->atime.sec, .atime_nsec = k->atime.nsec, .mtime = k->mtime.sec, .mtime_nsec = k->mtime.nsec,
		.ctime = k->ctime.sec, .ctime_nsec = k->ctime.nsec,
	};

	if (err)
		return err;
	return copy_to_user(out, &st, sizeof(st)) ? -EFAULT : 0;
}

long sys_stat(const char __user *path, void __user *st)
{
	struct kstat k = { 0 };

	return put_stat(stat_path(AT_FDCWD, path, LOOKUP_FOLLOW, &k), &k, st);
}

long sys_lstat(const char __user *path, void __user *st)
{
	struct kstat k = { 0 };

	return put_stat(stat_path(AT_FDCWD, path, 0, &k), &k, st);
}

long sys_fstat(int fd, void __user *st)
{
	struct kstat k = { 0 };

	return put_stat(stat_fd(fd, &k), &k, st);
}

static u32 walk_flags(int at_flags)
{
	return (at_flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) | (at_flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);
}

long sys_newfstatat(int dirfd, const char __user *path, void __user *st, int flags)
{
	struct kstat k = { 0 };

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT))
		return -EINVAL;
	return put_stat(stat_path(dirfd, path, walk_flags(flags), &k), &k, st);
}

static struct abi_statx_timestamp statx_time(struct timespec t)
{
	return (struct abi_statx_timestamp){ .sec = t.sec, .nsec = t.nsec };
}

long sys_statx(int dirfd, const char __user *path, int flags, unsigned mask, void __user *statx)
{
	struct kstat k = { 0 };
	struct abi_statx x = { 0 };
	long err;

	if (mask & STATX_RESERVED || (flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE)
		return -EINVAL;
	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_SYNC_TYPE))
		return -EINVAL;
	err = stat_path(dirfd, path, walk_flags(flags), &k);
	if (err)
		return err;
	x.mask = STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID;
	x.blksize = k.blksize;
	x.attributes = k.attributes;
	x.attributes_mask = k.attributes_mask;
	x.nlink = k.nlink;
	x.uid = k.uid;
	x.gid = k.gid;
	x.mode = k.mode;
	x.ino = k.ino;
	x.size = k.size;
	x.blocks = k.blocks;
	x.atime = statx_time(k.atime);
	x.btime = statx_time(k.btime);
	x.ctime = statx_time(k.ctime);
	x.mtime = statx_time(k.mtime);
	x.rdev_major = abi_major(k.rdev);
	x.rdev_minor = abi_minor(k.rdev);
	x.dev_major = abi_major(k.dev);
	x.dev_minor = abi_minor(k.dev);
	x.mnt_id = k.mnt_id;
	return copy_to_user(statx, &x, sizeof(x)) ? -EFAULT : 0;
}

/* --- access --------------------------------------------------------------------------------------------------------------- */

/* Asks as the real user: credentials with real ids in place of the effective ones, and the capabilities that a program of his would start with. NULL: out of memory. */
static struct cred *real_cred(void)
{
	struct cred *c = cred_copy(cred_current());

	if (!c)
		return NULL;
	c->fsuid = c->uid;
	c->fsgid = c->gid;
	if (!(c->securebits & SECBIT_NO_SETUID_FIXUP))
		c->cap_effective = c->uid ? 0 : c->cap_permitted;
	return c;
}

/* Whether real_cred would be others than c. */
static bool real_cred_differs(const struct cred *c)
{
	return c->fsuid != c->uid || c->fsgid != c->gid || (!(c->securebits & SECBIT_NO_SETUID_FIXUP) && c->cap_effective != (c->uid ? 0 : c->cap_permitted));
}

static int access_check(const struct path *p, u32 mask)
{
	struct inode *i = p->dentry->inode;
	int err;

	if (mask & MAY_EXEC && S_ISREG(i->mode) && p->mount->flags & MS_NOEXEC)
		return -EACCES;
	err = inode_permission(i, mask);
	if (!err && mask & MAY_WRITE && (S_ISREG(i->mode) || S_ISDIR(i->mode) || S_ISLNK(i->mode)))
		err = path_may_write(p);
	return err;
}

long sys_faccessat2(int dirfd, const char __user *path, int mode, int flags)
{
	const struct cred *c = cred_current();
	struct cred *own = NULL;
	struct path p;
	long err;

	if (mode & ~(MAY_READ | MAY_WRITE | MAY_EXEC) || flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	/* The walk itself is done with these too. Where they are what is in effect already there is nothing to change. */
	if (!(flags & AT_EACCESS) && real_cred_differs(c)) {
		struct cred *real = real_cred();
		if (!real)
			return -ENOMEM;
		own = cred_override(real);
	}
	err = user_path(dirfd, path, walk_flags(flags), &p);
	if (!err) {
		err = mode ? access_check(&p, mode) : 0;
		path_put(&p);
	}
	if (own)
		cred_put(cred_override(own));
	return err;
}

long sys_faccessat(int dirfd, const char __user *path, int mode)
{
	return sys_faccessat2(dirfd, path, mode, 0);
}

long sys_access(const char __user *path, int mode)
{
	return sys_faccessat2(AT_FDCWD, path, mode, 0);
}

/* --- readlink --------------------------------------------------------------------------------------------------------------- */

static long read_magic(const struct path *p, char __user *buf, size_t size)
{
	struct path to;
	char *text, *name;
	long len = p->dentry->inode->ops->jump_link(p->dentry->inode, &to);

	if (len)
		return len;
	name = kmalloc(PATH_MAX, 0);
	text = name ? path_text(&to, name, PATH_MAX) : ERR_PTR(-ENOMEM);
	if (IS_ERR(text)) {
		len = PTR_ERR(text);
	} else {
		len = MIN(strlen(text), size);
		if (copy_to_user(buf, text, len))
			len = -EFAULT;
	}
	kfree(name);
	path_put(&to);
	return len;
}

static long read_link(const struct path *p, char __user *buf, size_t size)
{
	struct inode *i = p->dentry->inode;
	const char *text;
	char *to_free;
	long len;

	if (!S_ISLNK(i->mode))
		return -EINVAL;
	if (i->ops->jump_link)
		return read_magic(p, buf, size);
	text = link_read(p, &to_free);
	if (IS_ERR(text))
		return PTR_ERR(text);
	len = MIN(strlen(text), size);
	if (copy_to_user(buf, text, len))
		len = -EFAULT;
	kfree(to_free);
	return len;
}

long sys_readlinkat(int dirfd, const char __user *path, void __user *buf, int size)
{
	struct path p;
	long ret;
	bool empty = false;

	if (size <= 0)
		return -EINVAL;
	ret = user_path(dirfd, path, 0, &p);
	if (ret == -ENOENT && dirfd != AT_FDCWD) {
		/* An empty name means the link that dirfd is, opened with O_PATH|O_NOFOLLOW. */
		char first = 1;
		if (copy_from_user(&first, path, 1))
			return -EFAULT;
		empty = !first;
		if (empty)
			ret = user_path(dirfd, path, LOOKUP_EMPTY, &p);
	}
	if (ret)
		return ret;
	ret = read_link(&p, buf, size);
	if (ret == -EINVAL && empty)
		ret = -ENOENT;
	path_put(&p);
	return ret;
}

long sys_readlink(const char __user *path, void __user *buf, int size)
{
	return sys_readlinkat(AT_FDCWD, path, buf, size);
}

/* --- statfs ------------------------------------------------------------------------------------------------------------------- */

static long statfs_place(const struct path *p, void __user *buf)
{
	struct superblock *sb = p->dentry->sb;
	struct abi_statfs st = {
		.type = sb->type->magic, .bsize = PAGE_SIZE, .frsize = PAGE_SIZE, .namelen = NAME_MAX,
		.fsid = { sb->type->nodev ? 0 : (s32)sb->dev, 0 },
	};
	u32 flags = p->mount->flags | (sb->flags & (MS_RDONLY | MS_SYNCHRONOUS));
	long err = sb->ops && sb->ops->statfs ? sb->ops->statfs(sb, &st) : 0;

	if (err)
		return err;
	/* The ST_ bits below 16 are the MS_ ones; relatime has a place of its own. */
	st.flags = ST_VALID | (flags & (ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC | ST_SYNCHRONOUS | ST_NOATIME)) |
		(flags & MS_NODIRATIME ? ST_NODIRATIME : 0) | (flags & MS_RELATIME ? ST_RELATIME : 0);
	return copy_to_user(buf, &st, sizeof(st)) ? -EFAULT : 0;
}

long sys_statfs(const char __user *path, void __user *buf)
{
	struct path p;
	long err = user_path(AT_FDCWD, path, LOOKUP_FOLLOW, &p);

	if (err)
		return err;
	err = statfs_place(&p, buf);
	path_put(&p);
	return err;
}

long sys_fstatfs(int fd, void __user *buf)
{
	struct fdref r = fdref_get(fd, true);
	long err = -EBADF;

	if (r.file)
		err = r.file->dentry && r.file->mount ? statfs_place(&(struct path){ r.file->mount, r.file->dentry }, buf) : -ENOSYS;
	fdref_put(r);
	return err;
}
