/* Changing what stat shows: mode, owner, times, size. */
#include "vfs_priv.h"
#include "abi/time.h"
#include "proc/signal.h"
#include "syscalls_gen.h"
#include "usermode/uaccess.h"

#define OWNER_UNCHANGED ((u32)-1)

/* --- the rules (Linux's setattr_prepare) ----------------------------------------------------------------------------------- */

static bool may_chown(const struct inode *i, const struct iattr *a)
{
	const struct cred *c = file_cred();

	if (cred_has_cap(c, CAP_CHOWN))
		return true;
	if (c->fsuid != i->uid)
		return false;
	if (a->valid & ATTR_UID && a->uid != i->uid)
		return false;
	return !(a->valid & ATTR_GID) || a->gid == i->gid || cred_in_group(c, a->gid);
}

static int flags_forbid(const struct inode *i, const struct iattr *a)
{
	/* On a disk nothing at all; in memory not the size, through descriptors from before, nor what is no change. */
	if (i->flags & INODE_IMMUTABLE && !(i->flags & INODE_MEMORY))
		return -EPERM;
	if (i->flags & INODE_IMMUTABLE && a->valid & (ATTR_MODE | ATTR_UID | ATTR_GID | ATTR_ATIME_SET | ATTR_MTIME_SET))
		return -EPERM;
	if (i->flags & INODE_APPEND && a->valid & (ATTR_MODE | ATTR_UID | ATTR_GID | ATTR_ATIME_SET | ATTR_MTIME_SET))
		return -EPERM;
	return 0;
}

/*
 * A new owner or a cut: set-id bits go. With a new owner, that counts as a change of mode by whoever makes it (setattr_check), where the mode is one that has
 * to change; who cuts a file may.
 */
static void drop_set_ids(struct inode *i, struct iattr *a)
{
	bool in_group = cred_in_group(file_cred(), i->gid) || file_capable(CAP_FSETID);
	u32 kill = S_ISUID | (i->mode & 0010 || !in_group ? S_ISGID : 0);

	if (!(i->mode & kill))
		return;
	a->mode = i->mode & 07777 & ~kill;
	a->valid |= ATTR_MODE;
}

static int setattr_check(struct inode *i, struct iattr *a)
{
	if (a->valid & ATTR_SIZE && a->size > i->sb->max_file_size)
		return -EFBIG;
	if (a->valid & (ATTR_UID | ATTR_GID) && !may_chown(i, a))
		return -EPERM;
	if (a->valid & ATTR_MODE && !(a->valid & ATTR_SIZE)) {
		u32 gid = a->valid & ATTR_GID ? a->gid : i->gid;
		if (!inode_is_owner(i))
			return -EPERM;
		if (!cred_in_group(file_cred(), gid) && !file_capable(CAP_FSETID))
			a->mode &= ~S_ISGID;
	}
	if (a->valid & (ATTR_ATIME_SET | ATTR_MTIME_SET) && !inode_is_owner(i))
		return -EPERM;
	return 0;
}

/* What watchers hear of a change: one time alone is what a read or a write would have set. */
static u32 change_events(u32 valid)
{
	u32 times = valid & (ATTR_ATIME | ATTR_MTIME), mask = 0;

	if (valid & (ATTR_MODE | ATTR_UID | ATTR_GID) || times == (ATTR_ATIME | ATTR_MTIME))
		mask |= FS_ATTRIB;
	if (valid & ATTR_SIZE || times == ATTR_MTIME)
		mask |= FS_MODIFY;
	return times == ATTR_ATIME ? mask | FS_ACCESS : mask;
}

int vfs_setattr(const struct path *p, struct iattr *a)
{
	struct inode *i = p->dentry->inode;
	u32 mask;
	int err;

	rwlock_write(&i->lock);
	err = flags_forbid(i, a);
	if (err)
		goto out;
	if (a->valid & ATTR_KILL_SUID && !(a->valid & ATTR_MODE) && !S_ISDIR(i->mode))
		drop_set_ids(i, a);
	err = setattr_check(i, a);
	if (err)
		goto out;
	/* Nor does it keep the capabilities that an exec of the old contents, or for the old owner, would have given. */
	if (a->valid & ATTR_KILL_CAPS && !S_ISDIR(i->mode)) {
		err = inode_kill_caps(i);
		if (err < 0)
			goto out;
	}
	err = i->ops && i->ops->setattr ? i->ops->setattr(i, a) : inode_setattr(i, a);
out:
	rwlock_write_done(&i->lock);
	mask = err ? 0 : change_events(a->valid);
	if (mask)
		fs_notify(mask, p->dentry);
	return err;
}

static int change(const struct path *p, struct iattr *a)
{
	int err = path_want_write(p);

	if (err)
		return err;
	err = vfs_setattr(p, a);
	path_done_write(p);
	return err;
}

/* Applies to what an open file shows: O_PATH files are not asked (-EBADF). */
static long change_fd(int fd, struct iattr *a)
{
	struct fdref r = fdref_get(fd, false);
	long err = -EBADF;

	if (r.file && r.file->dentry)
		err = change(&(struct path){ r.file->mount, r.file->dentry }, a);
	else if (r.file)
		err = -EPERM;
	fdref_put(r);
	return err;
}

static long change_path(int dirfd, const char __user *path, u32 walk, struct iattr *a)
{
	struct path p;
	long err = user_path(dirfd, path, walk, &p);

	if (err)
		return err;
	err = change(&p, a);
	path_put(&p);
	return err;
}

/* --- flags ------------------------------------------------------------------------------------------------------------------------ */

static const struct {
	u32 fs; /* as the ioctl has it */
	u32 inode;
} flag_bits[] = { { 0x10, INODE_IMMUTABLE }, { 0x20, INODE_APPEND }, { 0x40, INODE_NODUMP }, { 0x80, INODE_NOATIME } };

long inode_flags_set(struct file *f, u32 fs)
{
	struct path p = { f->mount, f->dentry };
	struct inode *i = f->inode;
	u32 known = 0, new = 0, mask = 0;
	long err = path_want_write(&p);

	for (size_t k = 0; k < ARRAY_SIZE(flag_bits); k++) {
		known |= flag_bits[k].fs;
		mask |= flag_bits[k].inode;
		new |= fs & flag_bits[k].fs ? flag_bits[k].inode : 0;
	}
	if (err)
		return err;
	rwlock_write(&i->lock);
	if (!inode_is_owner(i) || ((new ^ i->flags) & (INODE_IMMUTABLE | INODE_APPEND) && !file_capable(CAP_LINUX_IMMUTABLE)))
		err = -EPERM;
	else if (fs & ~known)
		err = -EOPNOTSUPP;
	else
		i->flags = (i->flags & ~mask) | new;
	if (!err)
		inode_touch(i, ATTR_CTIME);
	rwlock_write_done(&i->lock);
	path_done_write(&p);
	return err;
}

long inode_flags_ioctl(struct file *f, u32 cmd, u64 arg)
{
	u32 fs = 0;

	if (cmd == FS_IOC_SETFLAGS)
		return get_user_u32(&fs, (const u32 __user *)arg) ? -EFAULT : inode_flags_set(f, fs);
	if (cmd != FS_IOC_GETFLAGS)
		return -ENOTTY;
	for (size_t k = 0; k < ARRAY_SIZE(flag_bits); k++)
		fs |= f->inode->flags & flag_bits[k].inode ? flag_bits[k].fs : 0;
	return put_user_u32(fs, (u32 __user *)arg);
}

/* --- mode and owner ----------------------------------------------------------------------------------------------------------- */

static struct iattr mode_attr(u32 mode)
{
	return (struct iattr){ .valid = ATTR_MODE | ATTR_CTIME, .mode = mode & 07777 };
}

static struct iattr owner_attr(u32 uid, u32 gid)
{
	return (struct iattr){ .valid = ATTR_CTIME | ATTR_KILL_SUID | ATTR_KILL_CAPS | (uid != OWNER_UNCHANGED ? ATTR_UID : 0) | (gid != OWNER_UNCHANGED ? ATTR_GID : 0),
		.uid = uid, .gid = gid };
}

long sys_fchmodat(int dirfd, const char __user *path, u32 mode)
{
	struct iattr a = mode_attr(mode);

	return change_path(dirfd, path, LOOKUP_FOLLOW, &a);
}

long sys_chmod(const char __user *path, u32 mode)
{
	return sys_fchmodat(AT_FDCWD, path, mode);
}

long sys_fchmod(int fd, u32 mode)
{
	struct iattr a = mode_attr(mode);

	return change_fd(fd, &a);
}

long sys_fchownat(int dirfd, const char __user *path, u32 uid, u32 gid, int flags)
{
	struct iattr a = owner_attr(uid, gid);

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	return change_path(dirfd, path, (flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) | (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0), &a);
}

long sys_chown(const char __user *path, u32 uid, u32 gid)
{
	return sys_fchownat(AT_FDCWD, path, uid, gid, 0);
}

long sys_lchown(const char __user *path, u32 uid, u32 gid)
{
	return sys_fchownat(AT_FDCWD, path, uid, gid, AT_SYMLINK_NOFOLLOW);
}

long sys_fchown(int fd, u32 uid, u32 gid)
{
	struct iattr a = owner_attr(uid, gid);

	return change_fd(fd, &a);
}

/* --- times -------------------------------------------------------------------------------------------------------------------- */

/* Looked at once the file is found: a path that leads nowhere is the first thing to be told. */
static bool nsec_valid(const struct timespec *t)
{
	return t->nsec == UTIME_NOW || t->nsec == UTIME_OMIT || (u64)t->nsec < NSEC_PER_SEC;
}

/* times NULL: both now. */
static int times_attr(const struct timespec *times, struct iattr *a)
{
	*a = (struct iattr){ .valid = ATTR_CTIME | ATTR_ATIME | ATTR_MTIME };
	if (!times)
		return 0;
	for (int i = 0; i < 2; i++) {
		u32 on = i ? ATTR_MTIME : ATTR_ATIME, set = i ? ATTR_MTIME_SET : ATTR_ATIME_SET;
		if (times[i].nsec == UTIME_OMIT)
			a->valid &= ~on;
		else if (times[i].nsec != UTIME_NOW)
			a->valid |= set;
		*(i ? &a->mtime : &a->atime) = times[i];
	}
	return 0;
}

/* Both now needs only the right to write; all else is the owner's. */
static int may_change_times(struct inode *i, bool now)
{
	if (i->flags & INODE_IMMUTABLE || (!now && i->flags & INODE_APPEND))
		return -EPERM;
	if (inode_is_owner(i))
		return 0;
	return now ? inode_permission(i, MAY_WRITE) : -EPERM;
}

static int change_times(const struct path *p, const struct timespec *times)
{
	bool now = !times || (times[0].nsec == UTIME_NOW && times[1].nsec == UTIME_NOW);
	struct iattr a;
	int err = times && !(nsec_valid(&times[0]) && nsec_valid(&times[1])) ? -EINVAL : path_want_write(p);

	if (err)
		return err;
	times_attr(times, &a);
	if (a.valid & (ATTR_ATIME | ATTR_MTIME)) {
		err = may_change_times(p->dentry->inode, now);
		if (!err)
			err = vfs_setattr(p, &a);
	}
	path_done_write(p);
	return err;
}

static long do_utimes(int dirfd, const char __user *path, const struct timespec *times, int flags)
{
	u32 walk = (flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) | (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);
	struct path p;
	long err;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (!path && dirfd != AT_FDCWD) {
		struct fdref r;
		if (flags)
			return -EINVAL;
		r = fdref_get(dirfd, false);
		if (!r.file)
			return -EBADF;
		err = r.file->dentry ? change_times(&(struct path){ r.file->mount, r.file->dentry }, times) : -EPERM;
		fdref_put(r);
		return err;
	}
	err = user_path(dirfd, path, walk, &p);
	if (err)
		return err;
	err = change_times(&p, times);
	path_put(&p);
	return err;
}

long sys_utimensat(int dirfd, const char __user *path, const void __user *times, int flags)
{
	struct {
		s64 sec, nsec;
	} raw[2];
	struct timespec t[2];

	if (!times)
		return do_utimes(dirfd, path, NULL, flags);
	if (copy_from_user(raw, times, sizeof(raw)))
		return -EFAULT;
	for (int i = 0; i < 2; i++)
		t[i] = (struct timespec){ raw[i].sec, raw[i].nsec };
	/* Nothing to do is success, whatever the path. */
	if (t[0].nsec == UTIME_OMIT && t[1].nsec == UTIME_OMIT)
		return 0;
	return do_utimes(dirfd, path, t, flags);
}

long sys_futimesat(int dirfd, const char __user *path, const void __user *times)
{
	struct {
		s64 sec, usec;
	} raw[2];
	struct timespec t[2];

	if (!times)
		return do_utimes(dirfd, path, NULL, 0);
	if (copy_from_user(raw, times, sizeof(raw)))
		return -EFAULT;
	for (int i = 0; i < 2; i++) {
		if ((u64)raw[i].usec >= 1000000)
			return -EINVAL;
		t[i] = (struct timespec){ raw[i].sec, raw[i].usec * 1000 };
	}
	return do_utimes(dirfd, path, t, 0);
}

long sys_utimes(const char __user *path, const void __user *times)
{
	return sys_futimesat(AT_FDCWD, path, times);
}

long sys_utime(const char __user *path, const void __user *times)
{
	s64 raw[2];
	struct timespec t[2];

	if (!times)
		return do_utimes(AT_FDCWD, path, NULL, 0);
	if (copy_from_user(raw, times, sizeof(raw)))
		return -EFAULT;
	t[0] = (struct timespec){ raw[0], 0 };
	t[1] = (struct timespec){ raw[1], 0 };
	return do_utimes(AT_FDCWD, path, t, 0);
}

/* --- size ----------------------------------------------------------------------------------------------------------------------- */

static int size_limit(u64 size, u64 old)
{
	struct process *p = current->process;

	if (!p || size <= old || size <= p->rlimits[RLIM_FSIZE].cur)
		return 0;
	signal_send_thread(current, SIGXFSZ, NULL);
	return -EFBIG;
}

/* times: what is stamped even if the size stays; where it does not, the file system sees to it. */
static int truncate_place(const struct path *p, u64 size, u32 times)
{
	struct iattr a = { .valid = ATTR_SIZE | ATTR_KILL_SUID | ATTR_KILL_CAPS | times, .size = size };
	struct inode *i = p->dentry->inode;
	int err = size_limit(size, READ_ONCE(i->size));

	if (file_capable(CAP_FSETID))
		a.valid &= ~ATTR_KILL_SUID;
	return err ? err : vfs_setattr(p, &a);
}

static long truncate_by_name(const struct path *p, u64 size)
{
	struct inode *i = p->dentry->inode;
	long err = inode_permission(i, MAY_WRITE);

	if (!err && i->flags & INODE_APPEND)
		err = -EPERM;
	if (!err)
		err = inode_write_get(i);
	if (!err) {
		err = truncate_place(p, size, 0);
		inode_write_put(i);
	}
	return err;
}

long sys_truncate(const char __user *path, s64 length)
{
	struct path p;
	struct inode *i;
	long err;

	if (length < 0)
		return -EINVAL;
	err = user_path(AT_FDCWD, path, LOOKUP_FOLLOW, &p);
	if (err)
		return err;
	i = p.dentry->inode;
	err = S_ISREG(i->mode) ? 0 : S_ISDIR(i->mode) ? -EISDIR : -EINVAL;
	if (!err)
		err = path_want_write(&p);
	if (!err) {
		err = truncate_by_name(&p, (u64)length);
		path_done_write(&p);
	}
	path_put(&p);
	return err;
}

long sys_ftruncate(int fd, s64 length)
{
	struct fdref r;
	long err;

	if (length < 0)
		return -EINVAL;
	r = fdref_get(fd, false);
	if (!r.file)
		return -EBADF;
	err = -EINVAL;
	if (r.file->inode && S_ISREG(r.file->inode->mode) && r.file->mode & FILE_WRITE)
		err = r.file->inode->flags & INODE_APPEND ? -EPERM : truncate_place(&(struct path){ r.file->mount, r.file->dentry }, length, ATTR_MTIME | ATTR_CTIME);
	fdref_put(r);
	return err;
}
