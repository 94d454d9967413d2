/* Calls on descriptors rather than on what is in the files: dup, fcntl, ioctl's generic commands, close_range. */
#include "file_priv.h"
#include "abi/termios.h"
#include "file/async.h"
#include "syscalls_gen.h"
#include "usermode/uaccess.h"

#define CLOSE_RANGE_UNSHARE 2
#define CLOSE_RANGE_CLOEXEC 4

/* Status flags that F_SETFL changes. */
#define SETFL_MASK (O_APPEND | O_NONBLOCK | O_ASYNC | O_DIRECT | O_NOATIME)

static u64 descriptor_limit(void)
{
	return current->process->rlimits[RLIM_NOFILE].cur;
}

long sys_dup(int fd)
{
	struct file *f = fd_get(fd);
	int ret;

	if (!f)
		return -EBADF;
	ret = fd_open(f, false);
	if (ret < 0)
		file_put(f);
	return ret;
}

static long dup_to(int old, int new, bool cloexec)
{
	struct file *f;
	int ret;

	if ((u32)new >= descriptor_limit())
		return -EBADF;
	f = fd_get(old);
	if (!f)
		return -EBADF;
	ret = fd_replace(new, f, cloexec);
	if (ret < 0)
		file_put(f);
	return ret;
}

long sys_dup2(int old, int new)
{
	if (old == new) {
		struct fdref r = fdref_get(old, true);
		long ret = r.file ? new : -EBADF;
		fdref_put(r);
		return ret;
	}
	return dup_to(old, new, false);
}

long sys_dup3(int old, int new, int flags)
{
	if (flags & ~O_CLOEXEC || old == new)
		return -EINVAL;
	return dup_to(old, new, flags & O_CLOEXEC);
}

static long dup_from(struct file *f, u64 min, bool cloexec)
{
	int fd;

	if (min >= descriptor_limit())
		return -EINVAL;
	fd = fd_reserve(min);
	if (fd >= 0) {
		file_get(f);
		fd_install(fd, f, cloexec);
	}
	return fd;
}

static long set_flags(struct file *f, int fd, u32 flags)
{
	bool async = (flags ^ f->flags) & O_ASYNC && f->ops->async;
	int err;

	flags &= SETFL_MASK;
	err = file_flags_check ? file_flags_check(f, flags) : 0;
	if (err)
		return err;
	if (f->ops->set_flags)
		err = f->ops->set_flags(f, flags);
	else if (flags & O_DIRECT)
		err = -EINVAL;
	if (!err && async)
		err = async_prepare(f);
	if (err)
		return err;
	spin_lock(&f->lock);
	/* Where there is nobody to tell, O_ASYNC stays what it was. */
	u32 mask = async ? SETFL_MASK : SETFL_MASK & ~O_ASYNC;
	f->flags = (f->flags & ~mask) | (flags & mask);
	spin_unlock(&f->lock);
	if (async)
		async_update(f, fd);
	return 0;
}

static long fcntl_command(struct file *f, int fd, u32 cmd, u64 arg)
{
	switch (cmd) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		return dup_from(f, (u32)arg, cmd == F_DUPFD_CLOEXEC);
	case F_GETFD:
		return fd_cloexec(fd) ? FD_CLOEXEC : 0;
	case F_SETFD:
		return fd_set_cloexec(fd, arg & FD_CLOEXEC);
	case F_GETFL:
		return f->flags;
	}
	if (f->mode & FILE_PATH_ONLY)
		return -EBADF;
	switch (cmd) {
	case F_SETFL:
		return set_flags(f, fd, arg);
	case F_SETOWN:
	case F_GETOWN:
	case F_SETOWN_EX:
	case F_GETOWN_EX:
	case F_SETSIG:
	case F_GETSIG:
		return file_owner_command(f, cmd, arg);
	case F_NOTIFY:
		return file_notify_hook ? file_notify_hook(f, fd, (u32)arg) : -EINVAL;
	case F_GETLK:
	case F_SETLK:
	case F_SETLKW:
	case F_OFD_GETLK:
	case F_OFD_SETLK:
	case F_OFD_SETLKW:
	case F_SETLEASE:
	case F_GETLEASE:
		return file_lock_hook ? file_lock_hook(f, fd, cmd, arg) : -ENOLCK;
	case F_SETPIPE_SZ:
	case F_GETPIPE_SZ:
		return f->ops->fcntl ? f->ops->fcntl(f, cmd, arg) : -EBADF;
	}
	return f->ops->fcntl ? f->ops->fcntl(f, cmd, arg) : -EINVAL;
}

long sys_fcntl(int fd, unsigned cmd, unsigned long arg)
{
	struct fdref r = fdref_get(fd, true);
	long ret;

	if (!r.file)
		return -EBADF;
	ret = fcntl_command(r.file, fd, cmd, arg);
	fdref_put(r);
	return ret;
}

/* --- ioctl ----------------------------------------------------------------------------------------------------------- */

static long ioctl_flag(struct file *f, int fd, u32 flag, const u32 __user *arg)
{
	u32 on, flags;

	if (get_user_u32(&on, arg))
		return -EFAULT;
	flags = on ? f->flags | flag : f->flags & ~flag;
	if (flag == O_ASYNC && (flags ^ f->flags) & O_ASYNC && !f->ops->async)
		return -ENOTTY;
	if (flag == O_NONBLOCK && !f->ops->set_flags) {
		spin_lock(&f->lock);
		f->flags = on ? f->flags | flag : f->flags & ~flag;
		spin_unlock(&f->lock);
		return 0;
	}
	return set_flags(f, fd, flags & SETFL_MASK);
}

long sys_ioctl(int fd, unsigned cmd, unsigned long arg)
{
	struct fdref r = fdref_get(fd, false);
	long ret;

	if (!r.file)
		return -EBADF;
	switch (cmd) {
	case FIOCLEX:
	case FIONCLEX:
		ret = fd_set_cloexec(fd, cmd == FIOCLEX);
		break;
	case FIONBIO:
	case FIOASYNC:
		ret = ioctl_flag(r.file, fd, cmd == FIONBIO ? O_NONBLOCK : O_ASYNC, (const u32 __user *)arg);
		break;
	default:
		ret = r.file->ops->ioctl ? r.file->ops->ioctl(r.file, cmd, arg) : -ENOTTY;
	}
	fdref_put(r);
	return ret;
}

long sys_close_range(unsigned first, unsigned last, unsigned flags)
{
	if (flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC) || first > last)
		return -EINVAL;
	if (flags & CLOSE_RANGE_UNSHARE) {
		int err = files_unshare();
		if (err)
			return err;
	}
	fd_close_range(first, last, flags & CLOSE_RANGE_CLOEXEC);
	return 0;
}
