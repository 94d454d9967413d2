/*
 * Extended attributes: the calls, and a store in memory for file systems that keep everything there.
 *
 * user.*      regular files and directories, by the file's read and write rights; names in no namespace by the same
 * trusted.*   CAP_SYS_ADMIN; unseen by others
 * security.*  everyone may read; CAP_SYS_ADMIN writes, but for security.capability, which CAP_SETFCAP does,
 *             and which goes with every write
 * system.*    not supported (access control lists)
 */
#include "vfs_priv.h"
#include "lib/string.h"
#include "mm/pagetable.h"
#include "mm/slab.h"
#include "syscalls_gen.h"
#include "usermode/uaccess.h"

#define CAPABILITY "security.capability"

/* --- in memory ---------------------------------------------------------------------------------------------------------------- */

struct xattr {
	struct xattr *next;
	size_t size;
	char *value;
	char name[];
};

static struct xattr **xattr_find(struct inode *i, const char *name)
{
	struct xattr **p = &i->xattrs;

	while (*p && strcmp((*p)->name, name))
		p = &(*p)->next;
	return p;
}

static void xattr_free(struct xattr *x)
{
	kfree(x->value);
	kfree(x);
}

/* Names that are kept: 0, -EOPNOTSUPP, -EINVAL: a namespace, and nothing behind it. */
static int memory_name(const char *name)
{
	static const char *const kept[] = { "user.", "trusted.", "security." };

	for (size_t k = 0; k < ARRAY_SIZE(kept); k++)
		if (str_starts(name, kept[k]))
			return name[strlen(kept[k])] ? 0 : -EINVAL;
	return -EOPNOTSUPP;
}

ssize_t memory_getxattr(struct inode *i, const char *name, void *buf, size_t size)
{
	struct xattr *x = *xattr_find(i, name);
	int err = memory_name(name);

	if (err)
		return err;
	if (!x)
		return -ENODATA;
	if (size && x->size > size)
		return -ERANGE;
	if (size)
		memcpy(buf, x->value, x->size);
	return x->size;
}

int memory_setxattr(struct inode *i, const char *name, const void *value, size_t size, int flags)
{
	struct xattr **p = xattr_find(i, name), *x, *old = *p;
	int err = memory_name(name);

	if (err)
		return err;
	if (flags & XATTR_CREATE && old)
		return -EEXIST;
	if (flags & XATTR_REPLACE && !old)
		return -ENODATA;
	x = kmalloc(sizeof(*x) + strlen(name) + 1, 0);
	if (!x)
		return -ENOMEM;
	x->value = kmemdup(value, size, 0);
	if (!x->value) {
		kfree(x);
		return -ENOMEM;
	}
	x->size = size;
	strlcpy(x->name, name, strlen(name) + 1);
	x->next = old ? old->next : NULL;
	*p = x;
	if (old)
		xattr_free(old);
	return 0;
}

ssize_t memory_listxattr(struct inode *i, char *buf, size_t size)
{
	size_t used = 0;

	for (struct xattr *x = i->xattrs; x; x = x->next) {
		size_t n = strlen(x->name) + 1;
		if (str_starts(x->name, "trusted.") && !file_capable(CAP_SYS_ADMIN))
			continue;
		if (size) {
			if (used + n > size)
				return -ERANGE;
			memcpy(buf + used, x->name, n);
		}
		used += n;
	}
	return used;
}

int memory_removexattr(struct inode *i, const char *name)
{
	struct xattr **p = xattr_find(i, name), *x = *p;
	int err = memory_name(name);

	if (err)
		return err;
	if (!x)
		return -ENODATA;
	*p = x->next;
	xattr_free(x);
	return 0;
}

void memory_xattrs_free(struct inode *i)
{
	while (i->xattrs) {
		struct xattr *x = i->xattrs;
		i->xattrs = x->next;
		xattr_free(x);
	}
}

/* --- rules ---------------------------------------------------------------------------------------------------------------------- */

/* The value of security.capability: what a kernel that runs the file believes. Version 2 has no user namespace's root in it, version 3 has. */
static int check_capability(const void *value, size_t size)
{
	u32 magic = 0;

	if (size >= sizeof(magic))
		memcpy(&magic, value, sizeof(magic));
	if (!(size == 20 && magic >> 24 == 2) && !(size == 24 && magic >> 24 == 3))
		return -EINVAL;
	return file_capable(CAP_SETFCAP) ? 0 : -EPERM;
}

int inode_kill_caps(struct inode *i)
{
	int err;

	if (i->flags & INODE_NO_CAPS)
		return 0;
	/* An empty one gives nothing, and stays. */
	if (i->ops && i->ops->getxattr && i->ops->removexattr && i->ops->getxattr(i, CAPABILITY, NULL, 0) > 0) {
		err = i->ops->removexattr(i, CAPABILITY);
		if (err)
			return err;
		i->flags |= INODE_NO_CAPS;
		return 1;
	}
	i->flags |= INODE_NO_CAPS;
	return 0;
}

static int xattr_permission(struct inode *i, const char *name, bool write)
{
	if (write && i->flags & (INODE_IMMUTABLE | INODE_APPEND))
		return -EPERM;
	if (!strcmp(name, CAPABILITY))
		return 0;
	if (str_starts(name, "security."))
		return write && !file_capable(CAP_SYS_ADMIN) ? -EPERM : 0;
	if (str_starts(name, "system."))
		return 0;
	if (str_starts(name, "trusted."))
		return file_capable(CAP_SYS_ADMIN) ? 0 : write ? -EPERM : -ENODATA;
	if (str_starts(name, "user.") && !S_ISREG(i->mode) && !S_ISDIR(i->mode))
		return write ? -EPERM : -ENODATA;
	if (str_starts(name, "user.") && S_ISDIR(i->mode) && i->mode & S_ISVTX && write && file_cred()->fsuid != i->uid && !file_capable(CAP_FOWNER))
		return -EPERM;
	return inode_permission(i, write ? MAY_WRITE : MAY_READ);
}

/* A name from user memory: 0, -ERANGE if it is empty or too long, -EFAULT. */
static int xattr_name(char *buf, const char __user *name)
{
	ssize_t n = strncpy_from_user(buf, name, XATTR_NAME_MAX + 1);

	if (n == 0 || n == -ENAMETOOLONG)
		return -ERANGE;
	return n < 0 ? n : 0;
}

/* Values are up to 64 KiB. */
static long set_at(const struct path *p, const char __user *uname, const void __user *value, size_t size, int flags)
{
	struct inode *i = p->dentry->inode;
	char name[XATTR_NAME_MAX + 1];
	void *buf = NULL;
	long err;

	if (flags & ~(XATTR_CREATE | XATTR_REPLACE))
		return -EINVAL;
	err = xattr_name(name, uname);
	if (err)
		return err;
	if (size > XATTR_SIZE_MAX)
		return -E2BIG;
	buf = kmalloc(size + 1, 0);
	if (!buf)
		return -ENOMEM;
	err = size && copy_from_user(buf, value, size) ? -EFAULT : path_may_write(p);
	if (!err && size && !strcmp(name, CAPABILITY))
		err = check_capability(buf, size);
	if (!err)
		err = path_want_write(p);
	if (!err) {
		rwlock_write(&i->lock);
		err = xattr_permission(i, name, true);
		if (!err)
			err = i->ops && i->ops->setxattr ? i->ops->setxattr(i, name, buf, size, flags) : -EOPNOTSUPP;
		if (!err)
			inode_touch(i, ATTR_CTIME);
		if (err >= 0) {
			if (!strcmp(name, CAPABILITY))
				i->flags &= ~INODE_NO_CAPS;
			fs_notify(FS_ATTRIB, p->dentry);
		}
		rwlock_write_done(&i->lock);
		path_done_write(p);
	}
	kfree(buf);
	return err > 0 ? 0 : err;
}

/* An empty security.capability can be set, and is there, but is nothing that could be told. */
static bool capability_is_odd(struct inode *i, const char *name)
{
	ssize_t n = !strcmp(name, CAPABILITY) && i->ops && i->ops->getxattr ? i->ops->getxattr(i, name, NULL, 0) : -ENODATA;

	return n >= 0 && n != 20 && n != 24;
}

static long get_at(const struct path *p, const char __user *uname, void __user *value, size_t size)
{
	struct inode *i = p->dentry->inode;
	char name[XATTR_NAME_MAX + 1];
	char *buf;
	long ret = xattr_name(name, uname);

	if (ret)
		return ret;
	size = MIN(size, (size_t)XATTR_SIZE_MAX);
	buf = kmalloc(size + 1, 0);
	if (!buf)
		return -ENOMEM;
	rwlock_read(&i->lock);
	ret = xattr_permission(i, name, false);
	if (!ret && capability_is_odd(i, name))
		ret = -EINVAL;
	if (!ret)
		ret = i->ops && i->ops->getxattr ? i->ops->getxattr(i, name, buf, size) : -EOPNOTSUPP;
	rwlock_read_done(&i->lock);
	if (ret > 0 && size && copy_to_user(value, buf, ret))
		ret = -EFAULT;
	kfree(buf);
	return ret;
}

static long list_at(const struct path *p, void __user *list, size_t size)
{
	struct inode *i = p->dentry->inode;
	char *buf;
	long ret;

	size = MIN(size, (size_t)XATTR_LIST_MAX);
	buf = kmalloc(size + 1, 0);
	if (!buf)
		return -ENOMEM;
	rwlock_read(&i->lock);
	ret = i->ops && i->ops->listxattr ? i->ops->listxattr(i, buf, size) : 0;
	rwlock_read_done(&i->lock);
	if (ret > 0 && size && copy_to_user(list, buf, ret))
		ret = -EFAULT;
	kfree(buf);
	return ret;
}

static long remove_at(const struct path *p, const char __user *uname)
{
	struct inode *i = p->dentry->inode;
	char name[XATTR_NAME_MAX + 1];
	long err = xattr_name(name, uname);

	if (!err)
		err = path_want_write(p);
	if (err)
		return err;
	rwlock_write(&i->lock);
	err = xattr_permission(i, name, true);
	if (!err && !strcmp(name, CAPABILITY) && !file_capable(CAP_SETFCAP))
		err = -EPERM;
	if (!err)
		err = i->ops && i->ops->removexattr ? i->ops->removexattr(i, name) : -EOPNOTSUPP;
	if (!err) {
		inode_touch(i, ATTR_CTIME);
		fs_notify(FS_ATTRIB, p->dentry);
	}
	rwlock_write_done(&i->lock);
	path_done_write(p);
	return err;
}

/* --- calls: by path, by path without following, by descriptor ------------------------------------------------------------------------- */

static long fd_place(int fd, struct path *p)
{
	struct fdref r = fdref_get(fd, false);

	if (!r.file)
		return -EBADF;
	*p = (struct path){ r.file->mount, r.file->dentry };
	if (p->dentry)
		path_get(p);
	fdref_put(r);
	return p->dentry ? 0 : -EOPNOTSUPP;
}

#define BY_PATH(call, walk, action, ...) do { \
		struct path p_; \
		long ret_ = call; \
		if (ret_) \
			return ret_; \
		ret_ = action(&p_, ##__VA_ARGS__); \
		path_put(&p_); \
		return ret_; \
	} while (0)
#define AT_PATH(walk, action, ...) BY_PATH(user_path(AT_FDCWD, path, walk, &p_), walk, action, ##__VA_ARGS__)
#define AT_FD(action, ...) BY_PATH(fd_place(fd, &p_), 0, action, ##__VA_ARGS__)

long sys_setxattr(const char __user *path, const char __user *name, const void __user *value, size_t size, int flags)
{
	AT_PATH(LOOKUP_FOLLOW, set_at, name, value, size, flags);
}

long sys_lsetxattr(const char __user *path, const char __user *name, const void __user *value, size_t size, int flags)
{
	AT_PATH(0, set_at, name, value, size, flags);
}

long sys_fsetxattr(int fd, const char __user *name, const void __user *value, size_t size, int flags)
{
	AT_FD(set_at, name, value, size, flags);
}

long sys_getxattr(const char __user *path, const char __user *name, void __user *value, size_t size)
{
	AT_PATH(LOOKUP_FOLLOW, get_at, name, value, size);
}

long sys_lgetxattr(const char __user *path, const char __user *name, void __user *value, size_t size)
{
	AT_PATH(0, get_at, name, value, size);
}

long sys_fgetxattr(int fd, const char __user *name, void __user *value, size_t size)
{
	AT_FD(get_at, name, value, size);
}

long sys_listxattr(const char __user *path, void __user *list, size_t size)
{
	AT_PATH(LOOKUP_FOLLOW, list_at, list, size);
}

long sys_llistxattr(const char __user *path, void __user *list, size_t size)
{
	AT_PATH(0, list_at, list, size);
}

long sys_flistxattr(int fd, void __user *list, size_t size)
{
	AT_FD(list_at, list, size);
}

long sys_removexattr(const char __user *path, const char __user *name)
{
	AT_PATH(LOOKUP_FOLLOW, remove_at, name);
}

long sys_lremovexattr(const char __user *path, const char __user *name)
{
	AT_PATH(0, remove_at, name);
}

long sys_fremovexattr(int fd, const char __user *name)
{
	AT_FD(remove_at, name);
}
