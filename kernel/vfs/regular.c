/*
 * Regular files on the page cache: what read, write and lseek do whatever file system it is.
 *
 * A write, in order: the writer's pages are brought in (no lock held); the inode is locked; position, limits, seals; then the
 * page cache copies with page faults off. If a page went away in between, the copy is short: unlock, and begin again.
 */
#include "vfs_priv.h"
#include "abi/termios.h"
#include "proc/signal.h"
#include "usermode/uaccess.h"

#define FIGETBSZ 2
#define FICLONE 0x40049409u
#define FICLONERANGE 0x4020940du
#define FS_IOC_FIEMAP 0xc020660bu
#define READ_STEP (128ul << 10)
#define WRITE_CHUNK (1ul << 20) /* bytes written under one hold of the lock */

s64 generic_lseek(struct file *f, s64 off, int whence, s64 max, s64 end)
{
	s64 pos = off;

	if (whence == SEEK_CUR) {
		/* Asking where one is changes nothing. */
		if (off == 0)
			return f->pos;
		if (__builtin_add_overflow(f->pos, off, &pos))
			return -EINVAL;
	} else if (whence == SEEK_END) {
		if (__builtin_add_overflow(end, off, &pos))
			return -EINVAL;
	} else if (whence != SEEK_SET) {
		return -EINVAL;
	}
	if (pos < 0 || pos > max)
		return -EINVAL;
	f->pos = pos;
	return pos;
}

s64 generic_file_lseek(struct file *f, s64 off, int whence)
{
	struct inode *i = f->inode;

	if (whence == SEEK_DATA || whence == SEEK_HOLE) {
		off = pagecache_seek(&i->cache, off, whence, READ_ONCE(i->size));
		if (off >= 0)
			f->pos = off;
		return off;
	}
	return generic_lseek(f, off, whence, i->sb->max_file_size, READ_ONCE(i->size));
}

int generic_file_set_flags(struct file *f, u32 flags)
{
	return flags & O_DIRECT && !inode_can_direct(f->inode) ? -EINVAL : 0;
}

static ssize_t direct_io(struct inode *i, struct uio *u, s64 *pos, bool write)
{
	ssize_t n = i->cache.ops->direct_io(&i->cache, u, *pos, write);

	if (n > 0)
		*pos += n;
	return n;
}

/* A long read goes in steps, so that what is read ahead stays near to what is read. */
static ssize_t cached_read(struct file *f, struct uio *to, s64 *pos)
{
	struct pagecache *pc = &f->inode->cache;
	size_t done = 0, rest;
	ssize_t n = 0;

	if (!pc->ops || !pc->ops->read_pages)
		return pagecache_read(pc, to, pos, READ_ONCE(f->inode->size));
	while (to->left) {
		size_t step = MIN(to->left, READ_STEP);
		u64 first = *pos / PAGE_SIZE;

		/* In the middle of the page that was read last. */
		if (*pos % PAGE_SIZE && f->readahead[0] == first + 1)
			first++;
		NOTIFIER_CALL(pages_wanted, READ_STEP / PAGE_SIZE);
		pagecache_readahead(f, *pos, step);
		rest = to->left - step;
		to->left = step;
		n = pagecache_read(pc, to, pos, READ_ONCE(f->inode->size));
		to->left += rest;
		if (n <= 0)
			break;
		NOTIFIER_CALL(pages_used, pc, first, (*pos - 1) / PAGE_SIZE);
		done += n;
		if ((size_t)n < step || thread_killed())
			break;
	}
	return done ? (ssize_t)done : n;
}

ssize_t generic_file_read(struct file *f, struct uio *to, s64 *pos)
{
	struct inode *i = f->inode;
	ssize_t n;

	if (!to->left)
		return 0;
	if (f->flags & O_DIRECT && inode_can_direct(i))
		n = direct_io(i, to, pos, false);
	else
		n = cached_read(f, to, pos);
	file_accessed(f);
	return n;
}

int file_size_check(struct file *f, s64 pos, size_t *n)
{
	u64 limit = current->process ? current->process->rlimits[RLIM_FSIZE].cur : RLIM_INFINITY_;
	u64 max = f->inode->sb->max_file_size;

	if (limit != RLIM_INFINITY_) {
		if ((u64)pos >= limit) {
			signal_send_thread(current, SIGXFSZ, NULL);
			return -EFBIG;
		}
		*n = MIN(*n, limit - pos);
	}
	if ((u64)pos >= max)
		return -EFBIG;
	*n = MIN(*n, max - pos);
	return 0;
}

/* n bytes at *pos, with the room made for them; inode locked. */
static ssize_t write_range(struct file *f, struct uio *from, s64 *pos, size_t n)
{
	struct pagecache *pc = &f->inode->cache;
	bool direct = f->flags & O_DIRECT && inode_can_direct(f->inode);
	u64 start = *pos;
	size_t rest = 0;
	ssize_t ret = direct ? direct_io(f->inode, from, pos, true) : -EAGAIN;
	int err = 0;

	/* Past the cache only over what is there; a new block, with the zeroes around the bytes, is the cache's, and is then written at once. */
	if (ret != -EAGAIN)
		return ret;
	if (pc->ops && pc->ops->write_start) {
		ret = pc->ops->write_start(pc, start, n);
		if (ret < 0)
			return ret;
		rest = n - ret;
		n = from->left = ret;
	}
	ret = pagecache_write(pc, from, pos);
	if (pc->ops && pc->ops->write_stop)
		err = pc->ops->write_stop(pc, start, n, ret);
	from->left += rest;
	if (direct && ret > 0 && !err)
		err = pagecache_writeback(pc, start, start + (u64)ret - 1, true);
	return ret < 0 || !err ? ret : err;
}

/* One hold of the lock: bytes or -errno. *pos moves. *limited: a limit cut the write, which ends with this. */
static ssize_t write_chunk(struct file *f, struct uio *from, s64 *pos, bool *limited)
{
	struct inode *i = f->inode;
	size_t n = MIN(from->left, WRITE_CHUNK), want = n, rest;
	ssize_t ret;

	if (f->inode->cache.ops && f->inode->cache.ops->write_page)
		NOTIFIER_CALL(pages_wanted, n / PAGE_SIZE + 1);
	ret = uio_fault_in(from, n, false);
	if (ret)
		return ret;
	rwlock_write(&i->lock);
	if (f->flags & O_APPEND || from->flags & UIO_APPEND)
		*pos = i->size;
	ret = file_size_check(f, *pos, &n);
	if (!ret && i->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
		ret = -EPERM;
	if (!ret && i->seals & F_SEAL_GROW && *pos + n > i->size) {
		/* Whole pages below the end may still be written. */
		u64 last = ALIGN_DOWN(i->size, PAGE_SIZE);
		ret = last > (u64)*pos ? 0 : -EPERM;
		n = last - *pos;
	}
	if (ret)
		goto unlock;
	*limited = n < want;
	ret = inode_kill_caps(i);
	if (ret < 0)
		goto unlock;
	if (inode_kill_suid(i) || ret) {
		inode_changed(i);
		fs_notify(FS_ATTRIB, f->dentry);
	}
	inode_touch(i, ATTR_MTIME | ATTR_CTIME);
	rest = from->left - n;
	from->left = n;
	ret = write_range(f, from, pos, n);
	from->left += rest;
unlock:
	rwlock_write_done(&i->lock);
	return ret;
}

/* What RWF_SYNC and RWF_DSYNC want, a file opened with O_SYNC or O_DSYNC, and a file system mounted with sync. The bytes written end at `end`. */
static ssize_t sync_written(struct file *f, const struct uio *from, ssize_t n, s64 end)
{
	bool all = from->flags & UIO_SYNC || (f->flags & O_SYNC) == O_SYNC;
	int err;

	if (n <= 0 || !f->ops->fsync || !(all || from->flags & UIO_DSYNC || f->flags & O_DSYNC || f->inode->sb->flags & MS_SYNCHRONOUS))
		return n;
	err = f->ops->fsync(f, end - n, end - 1, !all);
	return err ? err : n;
}

ssize_t generic_file_write(struct file *f, struct uio *from, s64 *pos)
{
	size_t done = 0;
	int again = 0;
	bool limited = false;

	while (from->left && !limited) {
		ssize_t n = write_chunk(f, from, pos, &limited);
		/* The page was there and has gone: a few times that may happen, then the memory is not to be had. */
		if (n == -EFAULT && !from->kernel && again++ < 16)
			continue;
		if (n < 0) {
			if (!done)
				return n;
			break;
		}
		done += n;
		again = 0;
		NOTIFIER_CALL(pages_dirtied, f->inode);
		if (done && thread_interrupted())
			break;
	}
	return sync_written(f, from, done, *pos);
}

int generic_file_fsync(struct file *f, s64 start, s64 end, bool data_only __unused)
{
	struct inode *i = f->inode;
	int err = file_writeback(f, start, end);

	if (!err && i->sb->ops && i->sb->ops->write_inode)
		err = i->sb->ops->write_inode(i, true);
	return err;
}

/* Shared blocks: no file system here has them. */
static long clone_from(struct file *f, int fd)
{
	struct fdref from = fdref_get(fd, false);
	long err = !from.file ? -EBADF : from.file->inode && from.file->inode->sb == f->inode->sb ? -EOPNOTSUPP : -EXDEV;

	fdref_put(from);
	return err;
}

long generic_file_ioctl(struct file *f, u32 cmd, u64 arg)
{
	struct inode *i = f->inode;

	switch (cmd) {
	case FIONREAD:
		return S_ISREG(i->mode) ? put_user_u32(READ_ONCE(i->size) - f->pos, (u32 __user *)arg) : -ENOTTY;
	case FIOQSIZE:
		return put_user_u64(READ_ONCE(i->size), (u64 __user *)arg);
	case FIGETBSZ:
		return put_user_u32(i->blksize, (u32 __user *)arg);
	case FICLONE:
		return clone_from(f, arg);
	case FICLONERANGE:
	case FS_IOC_FIEMAP:
		return -EOPNOTSUPP;
	}
	return i->flags & INODE_MEMORY ? inode_flags_ioctl(f, cmd, arg) : -ENOTTY;
}

const struct file_ops regular_file_ops = {
	.name = "file",
	.read = generic_file_read,
	.write = generic_file_write,
	.lseek = generic_file_lseek,
	.mmap = generic_file_mmap,
	.fsync = generic_file_fsync,
	.ioctl = generic_file_ioctl,
};
