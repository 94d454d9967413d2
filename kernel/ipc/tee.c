/*
 * tee and vmsplice: a pipe's bytes twice, and user memory into and out of a pipe.
 *
 * Linux passes references to pages; here the bytes are copied, so what a program writes into its memory after vmsplice no longer reaches the reader. What
 * can be seen besides is kept: each stretch of a user's page takes one slot, and nothing is added behind a slot that one of these calls made. Such a slot's
 * bytes lie at the end of its page, where pipe_write finds no room to join them.
 *
 * tee never holds two pipes' locks: it takes its slots in the output in advance, copies from the input, and fills them. As the input's slots stay where they
 * are, nothing must be put back when less comes of it.
 */
#include "ipc_priv.h"

#include "lib/string.h"
#include "mm/frame.h"
#include "mm/slab.h"
#include "pipe_priv.h"
#include "syscalls_gen.h"

#define SPLICE_NONBLOCK 2u
#define SPLICE_FLAGS 15u
#define IOV_FAST 8

/* Lock held. Waits for a free slot: 0, -EPIPE (the signal is sent), -EAGAIN, -ERESTARTSYS. */
static int wait_for_room(struct pipe *p, bool nonblock)
{
	for (;;) {
		int err;

		if (!p->readers)
			return pipe_broken();
		if (pipe_free_slots(p))
			return 0;
		err = nonblock ? -EAGAIN : pipe_sleep(p, &p->space, 1);
		if (err)
			return err;
	}
}

/* Lock held. Waits for data, or the end: 0 for both, -EAGAIN, -ERESTARTSYS. */
static int wait_for_data(struct pipe *p, bool nonblock)
{
	while (!pipe_used(p) && p->writers) {
		int err = nonblock ? -EAGAIN : pipe_sleep(p, &p->data, 0);

		if (err)
			return err;
	}
	return 0;
}

/* Lock held, a slot free: the page's last `len` bytes become the pipe's newest. */
static void add_slot(struct pipe *p, char *page, u32 len, bool packet)
{
	*pipe_slot(p, p->head) = (struct pipe_slot){ .page = page, .start = PAGE_SIZE - len, .len = len, .packet = packet };
	p->head++;
}

/* --- tee ----------------------------------------------------------------------------------------------------------- */

/* Copies of the first slots of p, up to `most` of them and n bytes, into copies[]: how many, or -ENOMEM. Waits for nothing. */
static int copy_slots(struct pipe *p, struct pipe_slot *copies, u32 most, size_t n)
{
	u32 count = 0;

	mutex_lock(&p->lock);
	for (u32 i = p->tail; i != p->head && count < most && n; i++, count++) {
		struct pipe_slot *from = pipe_slot(p, i), *to = &copies[count];

		to->page = page_alloc(0);
		if (!to->page)
			break;
		to->len = MIN(n, from->len);
		to->packet = from->packet;
		memcpy(to->page + PAGE_SIZE - to->len, from->page + from->start, to->len);
		n -= to->len;
	}
	most = MIN(most, pipe_used(p));
	mutex_unlock(&p->lock);
	return !count && most ? -ENOMEM : (int)count;
}

static ssize_t tee(struct pipe *in, struct pipe *out, size_t n, bool nonblock)
{
	struct pipe_slot *copies;
	ssize_t done = 0;
	int count;
	u32 room;

	mutex_lock(&in->lock);
	count = wait_for_data(in, nonblock);
	mutex_unlock(&in->lock);
	if (count)
		return count;
	mutex_lock(&out->lock);
	count = wait_for_room(out, nonblock);
	room = count ? 0 : pipe_free_slots(out);
	out->reserved += room;
	mutex_unlock(&out->lock);
	if (count)
		return count;

	copies = kmalloc(room * sizeof(*copies), 0);
	count = copies ? copy_slots(in, copies, room, n) : -ENOMEM;
	mutex_lock(&out->lock);
	out->reserved -= room;
	for (int i = 0; i < count; i++) {
		if (!out->readers) {
			page_free(copies[i].page);
			continue;
		}
		add_slot(out, copies[i].page, copies[i].len, copies[i].packet);
		done += copies[i].len;
	}
	if (count > 0 && !out->readers)
		count = pipe_broken();
	mutex_unlock(&out->lock);
	kfree(copies);
	if (done)
		pipe_tell_data(out);
	else
		pipe_tell_space(out);
	return count < 0 ? count : done;
}

long sys_tee(int in, int out, size_t count, unsigned flags)
{
	struct fdref i, o;
	struct pipe *pi, *po;
	long result = -EBADF;

	if (flags & ~SPLICE_FLAGS)
		return -EINVAL;
	if (!count)
		return 0;
	i = fdref_get(in, false);
	if (!i.file)
		return -EBADF;
	o = fdref_get(out, false);
	if (!o.file)
		goto put_in;
	if (!(i.file->mode & FILE_READ) || !(o.file->mode & FILE_WRITE))
		goto put;
	pi = pipe_of(i.file);
	po = pipe_of(o.file);
	result = -EINVAL;
	if (pi && po && pi != po)
		result = tee(pi, po, count, flags & SPLICE_NONBLOCK || (i.file->flags | o.file->flags) & O_NONBLOCK);
put:
	fdref_put(o);
put_in:
	fdref_put(i);
	return result;
}

/* --- vmsplice ------------------------------------------------------------------------------------------------------ */

/* How much of the cursor's next bytes lies in one page of one element; moves past elements that are empty. */
static size_t in_one_page(struct uio *u)
{
	while (u->offset == u->vec->len) {
		u->vec++;
		u->vec_count--;
		u->offset = 0;
	}
	u64 at = (u64)u->vec->base + u->offset;
	return MIN(MIN(u->vec->len - u->offset, u->left), PAGE_SIZE - at % PAGE_SIZE);
}

/* Waits for a first slot, then fills what is free. */
static ssize_t from_user(struct pipe *p, struct uio *from, bool nonblock)
{
	ssize_t done = 0;
	int err;

	mutex_lock(&p->lock);
	err = wait_for_room(p, nonblock);
	while (!err && from->left && pipe_free_slots(p)) {
		size_t n = in_one_page(from);
		char *page = pipe_page_get(p);

		if (!page) {
			err = -ENOMEM;
		} else if (uio_read(from, page + PAGE_SIZE - n, n) < n) {
			pipe_page_put(p, page);
			err = -EFAULT;
		} else {
			add_slot(p, page, n, false);
			done += n;
		}
	}
	mutex_unlock(&p->lock);
	if (done)
		pipe_tell_data(p);
	return done ? done : err;
}

ssize_t pipe_take(struct pipe *p, struct uio *to, bool nonblock)
{
	ssize_t done = 0;
	int err;

	mutex_lock(&p->lock);
	err = thread_interrupted() ? -ERESTARTSYS : wait_for_data(p, nonblock);
	while (!err && to->left && pipe_used(p)) {
		struct pipe_slot *slot = pipe_slot(p, p->tail);
		u32 n = (u32)MIN(to->left, slot->len);

		/* What a bad address cuts short stays in the pipe as a whole. */
		if (uio_write(to, slot->page + slot->start, n) != n) {
			err = -EFAULT;
			break;
		}
		done += n;
		slot->len -= n;
		slot->start += n;
		if (!slot->len) {
			pipe_page_put(p, slot->page);
			slot->page = NULL;
			p->tail++;
		}
	}
	mutex_unlock(&p->lock);
	if (done)
		pipe_tell_space(p);
	return done ? done : err;
}

long sys_vmsplice(int fd, const void __user *iov, unsigned long iovcnt, unsigned flags)
{
	struct uio_vec fast[IOV_FAST], *vec = fast;
	struct fdref r;
	struct pipe *p;
	struct uio u;
	long result;

	if (flags & ~SPLICE_FLAGS)
		return -EINVAL;
	r = fdref_get(fd, false);
	if (!r.file)
		return -EBADF;
	result = -EBADF;
	if (!(r.file->mode & (FILE_READ | FILE_WRITE)))
		goto put;
	/* Of the count only the lower half is looked at, as on Linux. */
	result = uio_import(&u, iov, (int)iovcnt, fast, IOV_FAST, &vec);
	if (result || !u.left)
		goto put;
	p = pipe_of(r.file);
	if (!p)
		result = -EBADF;
	else if (r.file->mode & FILE_WRITE)
		result = from_user(p, &u, flags & SPLICE_NONBLOCK);
	else
		result = pipe_take(p, &u, flags & SPLICE_NONBLOCK);
put:
	if (vec != fast)
		kfree(vec);
	fdref_put(r);
	return result;
}
