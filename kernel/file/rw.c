/*
 * read(2), write(2) and their kin.
 *
 * Errors come in Linux's order: descriptor, access mode (EBADF), whether the file can do it at all (EINVAL), the buffer's range (EFAULT), the position (EINVAL).
 * A position that a file shares is guarded by its pos_lock; where nobody else has the file, the lock is not taken.
 */
#include "file/file.h"
#include "mm/slab.h"
#include "syscalls_gen.h"
#include "usermode/uaccess.h"

#define IOV_FAST 8
#define RWF_HIPRI 0x01
#define RWF_DSYNC 0x02
#define RWF_SYNC 0x04
#define RWF_NOWAIT 0x08
#define RWF_APPEND 0x10
#define RWF_SUPPORTED (RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND)

typedef ssize_t move_fn(struct file *f, struct uio *u, s64 *pos);

static bool position_lock(struct fdref r)
{
	if (!(r.file->mode & FILE_SEEKABLE) || refcount_read(&r.file->ref) == 1)
		return false;
	mutex_lock(&r.file->pos_lock);
	return true;
}

/* Whether the file can be moved that way, and the buffer may be touched: 0 or -errno. */
static int check_access(const struct file *f, bool write)
{
	if (!(f->mode & (write ? FILE_WRITE : FILE_READ)))
		return -EBADF;
	if (write ? f->ops->write != NULL : f->ops->read != NULL)
		return 0;
	return !write && f->ops->readdir ? 0 : -EINVAL;
}

/* Accounts: the counters of /proc/PID/io, and who watches the file. */
static ssize_t moved(struct file *f, ssize_t n, bool write)
{
	if (n > 0) {
		if (write)
			current->process->write_bytes += n;
		else
			current->process->read_bytes += n;
	}
	if (n > 0)
		file_tell_used(f, write);
	return n;
}

static ssize_t move(struct file *f, struct uio *u, s64 *pos, bool write)
{
	/* No byte may lie behind the largest position, even if it would not come to that. (Addresses as positions are all of 64 bits.) */
	if (*pos >= 0 && (s64)(*pos + u->left) < 0)
		return -EINVAL;
	if (!write && !f->ops->read)
		return -EISDIR;
	if (!write)
		return moved(f, f->ops->read(f, u, pos), false);
	return moved(f, f->ops->write(f, u, pos), true);
}

/* At the file's own position, which moves. */
static ssize_t move_here(struct fdref r, struct uio *u, bool write)
{
	struct file *f = r.file;
	bool locked = position_lock(r);
	s64 pos = f->pos;
	ssize_t n = move(f, u, &pos, write);

	if (n >= 0 && !(f->mode & FILE_STREAM))
		f->pos = pos;
	if (locked)
		mutex_unlock(&f->pos_lock);
	return n;
}

static long do_buffer(int fd, void __user *buf, size_t count, bool write)
{
	struct fdref r = fdref_get(fd, false);
	struct uio_vec vec;
	struct uio u;
	long ret;

	if (!r.file)
		return -EBADF;
	ret = check_access(r.file, write);
	if (ret)
		goto out;
	ret = -EFAULT;
	if (!user_range_ok(buf, count))
		goto out;
	uio_init_user(&u, &vec, buf, MIN(count, MAX_RW_COUNT));
	ret = move_here(r, &u, write);
out:
	fdref_put(r);
	return ret;
}

static long do_buffer_at(int fd, void __user *buf, size_t count, s64 pos, bool write)
{
	struct fdref r;
	struct uio_vec vec;
	struct uio u;
	long ret;

	if (pos < 0)
		return -EINVAL;
	r = fdref_get(fd, false);
	if (!r.file)
		return -EBADF;
	ret = -ESPIPE;
	if (r.file->mode & (FILE_STREAM | FILE_NO_PREAD))
		goto out;
	ret = check_access(r.file, write);
	if (ret)
		goto out;
	ret = -EFAULT;
	if (!user_range_ok(buf, count))
		goto out;
	uio_init_user(&u, &vec, buf, MIN(count, MAX_RW_COUNT));
	ret = move(r.file, &u, &pos, write);
out:
	fdref_put(r);
	return ret;
}

static long flags_from_rwf(int rwf, u8 *flags)
{
	if (rwf & ~RWF_SUPPORTED)
		return -EOPNOTSUPP;
	*flags = (rwf & RWF_APPEND ? UIO_APPEND : 0) | (rwf & RWF_SYNC ? UIO_SYNC : 0) | (rwf & RWF_DSYNC ? UIO_DSYNC : 0) | (rwf & RWF_NOWAIT ? UIO_NOWAIT : 0);
	return 0;
}

/* at NULL: the file's own position. */
static long do_vector(int fd, const void __user *iov, int count, const s64 *at, int rwf, bool write)
{
	struct uio_vec fast[IOV_FAST], *vec = fast;
	struct fdref r;
	struct uio u;
	u8 flags;
	long ret;

	if (at && *at < 0)
		return -EINVAL;
	r = fdref_get(fd, false);
	if (!r.file)
		return -EBADF;
	ret = -ESPIPE;
	if (at && r.file->mode & (FILE_STREAM | FILE_NO_PREAD))
		goto out;
	ret = uio_import(&u, iov, count, fast, IOV_FAST, &vec);
	if (ret)
		goto out;
	ret = check_access(r.file, write);
	if (ret)
		goto free_vec;
	if (!u.left)
		goto free_vec;
	ret = flags_from_rwf(rwf, &flags);
	if (ret)
		goto free_vec;
	u.flags = flags;
	if (at) {
		s64 pos = *at;
		ret = move(r.file, &u, &pos, write);
	} else {
		ret = move_here(r, &u, write);
	}
	/* A read of several pieces counts even if it found the end, as on Linux. */
	if (!write && !ret)
		file_tell_used(r.file, false);
free_vec:
	if (vec != fast)
		kfree(vec);
out:
	fdref_put(r);
	return ret;
}

long sys_read(int fd, void __user *buf, size_t count)
{
	return do_buffer(fd, buf, count, false);
}

long sys_write(int fd, const void __user *buf, size_t count)
{
	return do_buffer(fd, (void __user *)buf, count, true);
}

long sys_pread64(int fd, void __user *buf, size_t count, s64 pos)
{
	return do_buffer_at(fd, buf, count, pos, false);
}

long sys_pwrite64(int fd, const void __user *buf, size_t count, s64 pos)
{
	return do_buffer_at(fd, (void __user *)buf, count, pos, true);
}

long sys_readv(int fd, const void __user *iov, int iovcnt)
{
	return do_vector(fd, iov, iovcnt, NULL, 0, false);
}

long sys_writev(int fd, const void __user *iov, int iovcnt)
{
	return do_vector(fd, iov, iovcnt, NULL, 0, true);
}

/* With 64-bit registers pos_low is the whole position. */
long sys_preadv(int fd, const void __user *iov, int iovcnt, unsigned long pos_low, unsigned long pos_high __unused)
{
	s64 pos = pos_low;

	return do_vector(fd, iov, iovcnt, &pos, 0, false);
}

long sys_pwritev(int fd, const void __user *iov, int iovcnt, unsigned long pos_low, unsigned long pos_high __unused)
{
	s64 pos = pos_low;

	return do_vector(fd, iov, iovcnt, &pos, 0, true);
}

/* Position -1: the file's own. */
long sys_preadv2(int fd, const void __user *iov, int iovcnt, unsigned long pos_low, unsigned long pos_high __unused, int flags)
{
	s64 pos = pos_low;

	return do_vector(fd, iov, iovcnt, pos == -1 ? NULL : &pos, flags, false);
}

long sys_pwritev2(int fd, const void __user *iov, int iovcnt, unsigned long pos_low, unsigned long pos_high __unused, int flags)
{
	s64 pos = pos_low;

	return do_vector(fd, iov, iovcnt, pos == -1 ? NULL : &pos, flags, true);
}

long sys_lseek(int fd, s64 offset, int whence)
{
	struct fdref r = fdref_get(fd, false);
	bool locked;
	long ret;

	if (!r.file)
		return -EBADF;
	ret = -EINVAL;
	if ((u32)whence > SEEK_HOLE)
		goto out;
	ret = -ESPIPE;
	if (r.file->ops->lseek) {
		locked = position_lock(r);
		ret = r.file->ops->lseek(r.file, offset, whence);
		if (locked)
			mutex_unlock(&r.file->pos_lock);
	}
out:
	fdref_put(r);
	return ret;
}

long sys_close(int fd)
{
	int err = fd_close(fd);

	/* The descriptor is gone: a call that would be restarted would close another one. */
	if (err == -ERESTARTSYS || err == -ERESTARTNOINTR || err == -ERESTARTNOHAND || err == -ERESTART_RESTARTBLOCK)
		err = -EINTR;
	return err;
}
