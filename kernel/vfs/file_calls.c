/* Calls on open files beyond reading and writing: sync, allocation, advice, copying between files. */
#include "vfs_priv.h"
#include "mm/slab.h"
#include "syscalls_gen.h"
#include "usermode/uaccess.h"

/* --- sync --------------------------------------------------------------------------------------------------------------------- */

static long do_fsync(int fd, s64 start, s64 end, bool data_only)
{
	struct fdref r = fdref_get(fd, false);
	long err = -EBADF;

	if (r.file)
		err = r.file->ops->fsync ? r.file->ops->fsync(r.file, start, end, data_only) : -EINVAL;
	fdref_put(r);
	return err;
}

long sys_fsync(int fd)
{
	return do_fsync(fd, 0, INT64_MAX, false);
}

long sys_fdatasync(int fd)
{
	return do_fsync(fd, 0, INT64_MAX, true);
}

enum { SYNC_WAIT_BEFORE = 1, SYNC_WRITE = 2, SYNC_WAIT_AFTER = 4 };

static long sync_range(struct file *f, u64 first, u64 last, unsigned flags)
{
	struct pagecache *pc = &f->inode->cache;
	long err = 0;

	if (flags & SYNC_WRITE)
		err = pagecache_writeback(pc, first, last, flags & SYNC_WAIT_AFTER);
	else if (flags)
		pagecache_wait_written(pc);
	if (flags & (SYNC_WAIT_BEFORE | SYNC_WAIT_AFTER)) {
		/* Told here is told: also if it is the error that we have already. */
		int kept = error_seq_since(&pc->error, &f->errors_seen);
		err = err ? err : kept;
	}
	return err;
}

long sys_sync_file_range(int fd, s64 offset, s64 nbytes, unsigned flags)
{
	struct fdref r = fdref_get(fd, false);
	struct inode *i = r.file ? r.file->inode : NULL;
	long err;
	s64 end;

	if (!r.file)
		return -EBADF;
	if (flags & ~(SYNC_WAIT_BEFORE | SYNC_WRITE | SYNC_WAIT_AFTER) || offset < 0 || nbytes < 0 || __builtin_add_overflow(offset, nbytes, &end))
		err = -EINVAL;
	else if (!i || !(S_ISREG(i->mode) || S_ISBLK(i->mode) || S_ISDIR(i->mode) || S_ISLNK(i->mode)))
		err = -ESPIPE;
	else
		err = sync_range(r.file, (u64)offset, nbytes ? (u64)end - 1 : UINT64_MAX, flags);
	fdref_put(r);
	return err;
}

long sys_sync(void)
{
	sync_all();
	return 0;
}

long sys_syncfs(int fd)
{
	struct fdref r = fdref_get(fd, false);
	long err = -EBADF;

	if (r.file) {
		struct superblock *sb = r.file->inode ? r.file->inode->sb : NULL;
		err = sb && sb->ops && sb->ops->sync ? sb->ops->sync(sb, true) : 0;
		if (sb) {
			int kept = error_seq_since(&sb->error, &r.file->fs_errors_seen);
			err = err ? err : kept;
		}
	}
	fdref_put(r);
	return err;
}

/* Whole areas of the range, in order; holes give ENOMEM at the end. The file is held while the lock is not. */
long sys_msync(unsigned long addr, size_t length, int flags)
{
	struct aspace *as = current->process->aspace;
	vaddr_t at = addr, end;
	long err = 0;

	if (flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC) || (flags & MS_ASYNC && flags & MS_SYNC) || addr & (PAGE_SIZE - 1))
		return -EINVAL;
	end = addr + ALIGN_UP(length, PAGE_SIZE); /* a length that wraps to nothing is nothing, as on Linux */
	if (end < addr)
		return -ENOMEM;
	while (at < end) {
		struct area *a;
		struct file *f = NULL;
		vaddr_t stop;
		u64 from = 0;

		rwlock_read(&as->lock);
		a = area_find(as, at);
		if (!a || a->start >= end) {
			rwlock_read_done(&as->lock);
			return -ENOMEM;
		}
		if (a->start > at) {
			err = -ENOMEM;
			at = a->start;
		}
		stop = MIN(a->end, end);
		if (flags & MS_INVALIDATE && a->flags & AREA_LOCKED) {
			rwlock_read_done(&as->lock);
			return -EBUSY;
		}
		if (flags & MS_SYNC && a->file && a->flags & AREA_SHARED && a->file->ops->fsync) {
			f = a->file;
			file_get(f);
			from = (a->pgoff << PAGE_SHIFT) + (at - a->start);
		}
		rwlock_read_done(&as->lock);
		if (f) {
			int e = f->ops->fsync(f, from, from + (stop - at) - 1, true);
			file_put(f);
			if (e)
				return e;
		}
		at = stop;
	}
	return err;
}

/* --- allocation and advice -------------------------------------------------------------------------------------------------------- */

long sys_fallocate(int fd, int mode, s64 offset, s64 len)
{
	struct fdref r = fdref_get(fd, false);
	struct inode *i;
	long err;
	s64 end;

	if (!r.file)
		return -EBADF;
	i = r.file->inode;
	err = -EINVAL;
	if (offset < 0 || len <= 0)
		goto out;
	err = -EOPNOTSUPP;
	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_ZERO_RANGE | FALLOC_FL_INSERT_RANGE | FALLOC_FL_UNSHARE_RANGE))
		goto out;
	if (mode & FALLOC_FL_PUNCH_HOLE && (!(mode & FALLOC_FL_KEEP_SIZE) || mode & FALLOC_FL_ZERO_RANGE))
		goto out;
	err = -EINVAL;
	if ((mode & FALLOC_FL_COLLAPSE_RANGE && mode != FALLOC_FL_COLLAPSE_RANGE) || (mode & FALLOC_FL_INSERT_RANGE && mode != FALLOC_FL_INSERT_RANGE) ||
	    (mode & FALLOC_FL_UNSHARE_RANGE && mode & ~(FALLOC_FL_UNSHARE_RANGE | FALLOC_FL_KEEP_SIZE)))
		goto out;
	err = -EBADF;
	if (!(r.file->mode & FILE_WRITE))
		goto out;
	err = -EPERM;
	if (i && (i->flags & INODE_IMMUTABLE || (i->flags & INODE_APPEND && mode & ~FALLOC_FL_KEEP_SIZE)))
		goto out;
	err = i && S_ISFIFO(i->mode) ? -ESPIPE : i && S_ISDIR(i->mode) ? -EISDIR : -ENODEV;
	if (!i || !S_ISREG(i->mode))
		goto out;
	err = -EFBIG;
	if (__builtin_add_overflow(offset, len, &end) || (u64)end > i->sb->max_file_size)
		goto out;
	if ((u64)end > i->size && !(mode & (FALLOC_FL_KEEP_SIZE | FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE))) {
		size_t n = end - offset;
		err = file_size_check(r.file, offset, &n);
		if (!err && n < (size_t)(end - offset))
			err = -EFBIG;
		if (err)
			goto out;
	}
	err = r.file->ops->fallocate ? r.file->ops->fallocate(r.file, mode, offset, len) : -EOPNOTSUPP;
	if (!err)
		file_tell_used(r.file, true);
out:
	fdref_put(r);
	return err;
}

long sys_fadvise64(int fd, s64 offset __unused, size_t len, int advice)
{
	struct fdref r = fdref_get(fd, false);
	long err = 0;

	if (!r.file)
		return -EBADF;
	if (r.file->inode && S_ISFIFO(r.file->inode->mode))
		err = -ESPIPE;
	else if ((s64)len < 0 || (u32)advice > 5)
		err = -EINVAL;
	fdref_put(r);
	return err;
}

long sys_readahead(int fd, s64 offset, size_t count)
{
	struct fdref r = fdref_get(fd, false);
	long err = -EBADF;

	if (r.file && r.file->mode & FILE_READ) {
		struct inode *i = r.file->inode;
		err = -EINVAL;
		if (i && (S_ISREG(i->mode) || S_ISBLK(i->mode))) {
			struct pagecache *pc = &i->cache;
			err = 0;
			if (pc->ops && pc->ops->read_pages && offset >= 0)
				pc->ops->read_pages(pc, offset / PAGE_SIZE, MIN(count / PAGE_SIZE + 1, 512ul));
		}
	}
	fdref_put(r);
	return err;
}

/* --- copy_file_range ---------------------------------------------------------------------------------------------------------------- */

static long copy_range(struct file *in, s64 *in_pos, struct file *out, s64 *out_pos, size_t len)
{
	char *buf = kmalloc(8 * PAGE_SIZE, 0);
	size_t done = 0;
	ssize_t n = 0;

	if (!buf)
		return -ENOMEM;
	while (done < len) {
		ssize_t written;
		n = file_read_kernel(in, buf, MIN(len - done, 8 * PAGE_SIZE), in_pos);
		if (n <= 0)
			break;
		written = file_write_kernel(out, buf, n, out_pos);
		if (written < n) {
			*in_pos -= n - MAX(written, 0l);
			done += MAX(written, 0l);
			n = written < 0 ? written : 0;
			break;
		}
		done += n;
		file_tell_used(out, true);
		if (thread_interrupted())
			break;
	}
	kfree(buf);
	return done ? (long)done : n;
}

static int position_get(const void __user *p, struct file *f, s64 *pos)
{
	if (!p) {
		*pos = f->pos;
		return 0;
	}
	return copy_from_user(pos, p, sizeof(*pos)) ? -EFAULT : 0;
}

static int position_put(void __user *p, struct file *f, s64 pos)
{
	if (!p) {
		f->pos = pos;
		return 0;
	}
	return copy_to_user(p, &pos, sizeof(pos)) ? -EFAULT : 0;
}

static long check_copy(struct file *in, struct file *out, s64 in_pos, s64 out_pos, size_t *len)
{
	struct inode *a = in->inode, *b = out->inode;
	u64 end;

	if (a && b && (S_ISDIR(a->mode) || S_ISDIR(b->mode)))
		return -EISDIR;
	if (!a || !b || !S_ISREG(a->mode) || !S_ISREG(b->mode))
		return -EINVAL;
	if (!(in->mode & FILE_READ) || !(out->mode & FILE_WRITE) || out->flags & O_APPEND)
		return -EBADF;
	if (__builtin_add_overflow((u64)in_pos, *len, &end) || __builtin_add_overflow((u64)out_pos, *len, &end))
		return -EOVERFLOW;
	if (in_pos < 0 || out_pos < 0)
		return -EINVAL;
	if ((u64)in_pos >= a->size)
		*len = 0;
	else
		*len = MIN(*len, a->size - in_pos);
	int err = file_size_check(out, out_pos, len);
	if (err)
		return err;
	if (a == b && *len && in_pos < out_pos + (s64)*len && out_pos < in_pos + (s64)*len)
		return -EINVAL;
	return 0;
}

long sys_copy_file_range(int in, void __user *off_in, int out, void __user *off_out, size_t len, unsigned flags)
{
	struct fdref i = fdref_get(in, false), o = fdref_get(out, false);
	s64 in_pos, out_pos;
	long ret = -EBADF;

	if (!i.file || !o.file)
		goto out;
	ret = position_get(off_in, i.file, &in_pos);
	if (!ret)
		ret = position_get(off_out, o.file, &out_pos);
	if (!ret && flags)
		ret = -EINVAL;
	len = MIN(len, MAX_RW_COUNT);
	if (!ret)
		ret = check_copy(i.file, o.file, in_pos, out_pos, &len);
	if (!ret && len)
		ret = copy_range(i.file, &in_pos, o.file, &out_pos, len);
	if (ret > 0) {
		file_tell_used(i.file, false);
		file_tell_used(o.file, true);
	}
	if (ret > 0 && (position_put(off_in, i.file, in_pos) || position_put(off_out, o.file, out_pos)))
		ret = -EFAULT;
out:
	fdref_put(i);
	fdref_put(o);
	return ret;
}
