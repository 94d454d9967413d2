/*
 * sendfile and splice: moving bytes from file to file without a detour through user memory.
 *
 * Both go through a page of kernel memory. What a read took and a write did not want goes back: a file's position is only moved by what was written; a
 * pipe keeps the next slot that comes free in reserve while its page is under way, so that there is always room to put the rest back in front.
 */
#include "ipc_priv.h"

#include "abi/stat.h"
#include "lib/string.h"
#include "mm/frame.h"
#include "mm/slab.h"
#include "pipe_priv.h"
#include "syscalls_gen.h"
#include "vfs/vfs.h"

#define MAX_COUNT 0x7ffff000ul
#define CHUNK (64 * 1024ul)
#define SPLICE_NONBLOCK 2u
#define SPLICE_FLAGS 15u

/* Whether Linux lets pages flow out of, or into, such a file. */
static bool may_take(struct file *f) { return !(f->mode & FILE_DIR) && !(f->ops->no_splice & NO_SPLICE_READ); }
static bool may_put(struct file *f) { return !(f->ops->no_splice & NO_SPLICE_WRITE); }

/* --- sendfile ------------------------------------------------------------------------------------------------------ */

/* Copies up to n bytes from `in` at *pos to where `out` stands. *pos moves by what was written. */
static ssize_t copy_file(struct file *in, s64 *pos, struct file *out, size_t n)
{
	size_t size = MIN(n, CHUNK);
	char *buf = kmalloc(size, 0);
	ssize_t done = 0, got = 0, put = 0;

	if (!buf)
		return -ENOMEM;
	while (n) {
		s64 at = *pos;
		got = file_read_kernel(in, buf, MIN(n, size), &at);
		if (got <= 0)
			break;
		put = may_put(out) ? file_write_kernel(out, buf, got, NULL) : -EINVAL;
		if (put <= 0)
			break;
		file_tell_used(out, true);
		*pos += at > *pos ? put : 0; /* some have no position to move, random numbers for one */
		done += put;
		n -= put;
		if (put < got || thread_interrupted())
			break;
	}
	kfree(buf);
	if (done) {
		file_tell_used(in, false);
		file_tell_used(out, true);
		return done;
	}
	return got < 0 ? got : put;
}

/* --- splice -------------------------------------------------------------------------------------------------------- */

/* Waits for data in p and takes up to n bytes into buf; holds a slot back until give_back. 0: the end. */
static ssize_t take(struct pipe *p, char *buf, size_t n, bool nonblock)
{
	struct uio_vec vec;
	struct uio u;
	ssize_t got;

	mutex_lock(&p->lock);
	p->reserved++;
	mutex_unlock(&p->lock);
	uio_init_kernel(&u, &vec, buf, MIN(n, PAGE_SIZE));
	got = pipe_take(p, &u, nonblock);
	if (got <= 0) {
		mutex_lock(&p->lock);
		p->reserved--;
		mutex_unlock(&p->lock);
		pipe_tell_space(p);
	}
	return got;
}

/* The last `left` of `got` bytes were not wanted: back to the front. */
static void give_back(struct pipe *p, const char *buf, size_t got, size_t left)
{
	char *page = left ? page_alloc(0) : NULL;

	mutex_lock(&p->lock);
	p->reserved--;
	if (page && pipe_used(p) == p->slot_count) {
		/* No slot came free since they were taken: the first one is theirs, read in part, and has room in front. */
		struct pipe_slot *first = pipe_slot(p, p->tail);
		first->start -= left;
		first->len += left;
		memcpy(first->page + first->start, buf + got - left, left);
		pipe_page_put(p, page);
	} else if (page) {
		memcpy(page, buf + got - left, left);
		p->tail--;
		*pipe_slot(p, p->tail) = (struct pipe_slot){ .page = page, .len = left };
	}
	mutex_unlock(&p->lock);
	if (page)
		pipe_tell_data(p);
	else
		pipe_tell_space(p);
}

static ssize_t from_pipe(struct pipe *p, struct file *out, s64 *out_pos, size_t n, bool nonblock)
{
	char *buf = page_alloc(0);
	ssize_t done = 0, got = 0, put = 0;

	if (!buf)
		return -ENOMEM;
	while (n) {
		got = take(p, buf, n, nonblock || done);
		if (got <= 0)
			break;
		put = file_write_kernel(out, buf, got, out_pos);
		if (put > 0 && !pipe_of(out))
			file_tell_used(out, true);
		give_back(p, buf, got, got - MAX(put, (ssize_t)0));
		if (put <= 0)
			break;
		done += put;
		n -= put;
		if (put < got)
			break;
	}
	page_free(buf);
	if (done)
		return done;
	return got < 0 ? got : put;
}

/* As much as there is room for now; waits only for the first. A pipe without readers is told of before an input that cannot be read so. */
static ssize_t to_pipe(struct file *in, s64 *in_pos, struct pipe *p, size_t n, bool nonblock)
{
	char *buf = page_alloc(0);
	ssize_t done = 0, got = 0, put = 0;
	struct uio_vec vec;
	struct uio u;

	if (!buf)
		return -ENOMEM;
	do {
		/* Room first: what was read must go in whole, for an input without position cannot take it back. */
		mutex_lock(&p->lock);
		while (!put && !pipe_free_slots(p) && p->readers) {
			if (nonblock || done)
				put = -EAGAIN;
			else
				put = pipe_sleep(p, &p->space, 1);
		}
		if (!put && !p->readers)
			put = -EPIPE;
		if (!put)
			p->reserved++;
		mutex_unlock(&p->lock);
		if (put)
			break;
		got = may_take(in) && !pipe_of(in) ? file_read_kernel(in, buf, MIN(n, PAGE_SIZE), in_pos) : -EINVAL;
		mutex_lock(&p->lock);
		p->reserved--;
		mutex_unlock(&p->lock);
		if (got <= 0)
			break;
		uio_init_kernel(&u, &vec, buf, got);
		put = pipe_write(p, &u, false, false);
		if (put <= 0)
			break;
		done += put;
		n -= put;
		put = 0;
		if ((size_t)got < PAGE_SIZE || thread_interrupted())
			break;
	} while (n);
	page_free(buf);
	if (put == -EPIPE)
		pipe_broken();
	if (done)
		return done;
	return got < 0 ? got : put;
}

/* --- the calls ----------------------------------------------------------------------------------------------------- */

static ssize_t send(struct file *in, s64 *pos, struct file *out, size_t n)
{
	if (pipe_of(out))
		return to_pipe(in, pos, pipe_of(out), n, (in->flags | out->flags) & O_NONBLOCK);
	if (!n)
		return 0;
	return may_take(in) ? copy_file(in, pos, out, n) : -EINVAL;
}

long sys_sendfile(int out, int in, void __user *offset, size_t count)
{
	struct fdref i, o;
	s64 pos = 0;
	long result = -EBADF;

	if (offset && get_user_u64((u64 *)&pos, offset))
		return -EFAULT;
	i = fdref_get(in, false);
	if (!i.file)
		return -EBADF;
	if (!(i.file->mode & FILE_READ))
		goto put_in;
	result = offset && !(i.file->mode & FILE_SEEKABLE) ? -ESPIPE : -EINVAL;
	if ((offset && (!(i.file->mode & FILE_SEEKABLE) || pos < 0)) || (s64)count < 0)
		goto put_in;
	if ((s64)((offset ? pos : READ_ONCE(i.file->pos)) + count) < 0)
		goto put_in;
	result = -EBADF;
	o = fdref_get(out, false);
	if (!o.file)
		goto put_in;
	if (!(o.file->mode & FILE_WRITE))
		goto put;
	/* A stream would lose what was read of it and not written; only a pipe takes all that there is room for. */
	result = -EINVAL;
	if (!pipe_of(o.file) && (o.file->flags & O_APPEND || i.file->mode & FILE_STREAM))
		goto put;
	if (offset) {
		result = send(i.file, &pos, o.file, MIN(count, MAX_COUNT));
		if (put_user_u64(pos, offset))
			result = -EFAULT;
		goto put;
	}
	mutex_lock(&i.file->pos_lock);
	pos = i.file->pos;
	result = send(i.file, &pos, o.file, MIN(count, MAX_COUNT));
	i.file->pos = pos;
	mutex_unlock(&i.file->pos_lock);
put:
	fdref_put(o);
put_in:
	fdref_put(i);
	return result;
}

/* May data be moved at the given offset (NULL: none is) of f? */
static int check_offset(struct file *f, const s64 *pos)
{
	return pos && (!(f->mode & FILE_SEEKABLE) || *pos < 0) ? -EINVAL : 0;
}

long sys_splice(int in, void __user *off_in, int out, void __user *off_out, size_t len, unsigned flags)
{
	struct fdref i, o;
	struct pipe *pi, *po;
	s64 at_in, at_out, *pos_in = off_in ? &at_in : NULL, *pos_out = off_out ? &at_out : NULL;
	bool nonblock = flags & SPLICE_NONBLOCK;
	long result;

	if (!len)
		return 0;
	if (flags & ~SPLICE_FLAGS)
		return -EINVAL;
	i = fdref_get(in, false);
	if (!i.file)
		return -EBADF;
	result = -EBADF;
	o = fdref_get(out, false);
	if (!o.file)
		goto put_in;
	pi = pipe_of(i.file);
	po = pipe_of(o.file);
	result = -ESPIPE;
	if ((pi && off_in) || (po && off_out))
		goto put;
	result = -EFAULT;
	if ((off_out && get_user_u64((u64 *)&at_out, off_out)) || (off_in && get_user_u64((u64 *)&at_in, off_in)))
		goto put;
	result = -EBADF;
	if (!(i.file->mode & FILE_READ) || !(o.file->mode & FILE_WRITE))
		goto put;
	result = -EINVAL;
	if (pi && po) {
		if (pi != po)
			result = from_pipe(pi, o.file, NULL, MIN(len, MAX_COUNT), nonblock || (i.file->flags | o.file->flags) & O_NONBLOCK);
		if (!result && !READ_ONCE(po->readers))
			result = pipe_broken();
	} else if (pi && may_put(o.file) && !(o.file->flags & O_APPEND) && (s64)len >= 0) {
		result = check_offset(o.file, pos_out);
		if (!result)
			result = from_pipe(pi, o.file, pos_out, MIN(len, MAX_COUNT), nonblock || i.file->flags & O_NONBLOCK);
		if (result > 0 && pos_out && put_user_u64(at_out, off_out))
			result = -EFAULT;
	} else if (po) {
		result = check_offset(i.file, pos_in);
		if (!result)
			result = to_pipe(i.file, pos_in, po, MIN(len, MAX_COUNT), nonblock || o.file->flags & O_NONBLOCK);
		if (result > 0 && pos_in && put_user_u64(at_in, off_in))
			result = -EFAULT;
	}
put:
	fdref_put(o);
put_in:
	fdref_put(i);
	return result;
}
