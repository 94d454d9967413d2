/*
 * The heart of a pipe (ipc/pipe_priv.h has the picture and the invariants): moving bytes in and out of the ring, and who waits for whom.
 *
 * A reader waits while the ring is empty and somebody may still write. A writer waits while there is no room and somebody may still read. Each wakes the
 * other side once for all that it did, before it sleeps or returns.
 *
 * POSIX asks that a write of up to PIPE_BUF bytes, which is a page, is not mixed with others: it waits until all of it has room, and goes in under one hold
 * of the lock.
 */
#include "pipe_priv.h"

#include "abi/errno.h"
#include "core/todo.h"
#include "lib/string.h"

#ifdef SOLUTION
/*
 * Do the bytes beyond whole pages go behind the last slot's? Only all of them: as on Linux a slot is not filled up with a part. So a write of up to a page
 * is never in two slots, and cannot be cut.
 */
static bool joins_last(const struct pipe *p, size_t left, bool packets)
{
	const struct pipe_slot *last = pipe_slot(p, p->head - 1);
	size_t odd = left % PAGE_SIZE;

	return !packets && odd && pipe_used(p) && !last->packet && last->start + last->len + odd <= PAGE_SIZE;
}

/* Into the last slot, or a new one: bytes, or -ENOMEM, -EFAULT. What memory gives a part of is as if it gave none. */
static ssize_t fill_one(struct pipe *p, struct uio *from, bool packets)
{
	struct pipe_slot *slot = pipe_slot(p, p->head - 1);
	size_t n = from->left % PAGE_SIZE;

	if (joins_last(p, from->left, packets)) {
		if (uio_read(from, slot->page + slot->start + slot->len, n) < n)
			return -EFAULT;
		slot->len += n;
		return n;
	}
	char *page = pipe_page_get(p);
	if (!page)
		return -ENOMEM;
	n = MIN(from->left, PAGE_SIZE);
	if (uio_read(from, page, n) < n) {
		pipe_page_put(p, page);
		return -EFAULT;
	}
	*pipe_slot(p, p->head) = (struct pipe_slot){ .page = page, .len = n, .packet = packets };
	p->head++;
	return n;
}
#endif

ssize_t pipe_write(struct pipe *p, struct uio *from, bool nonblock, bool packets)
{
#ifdef SOLUTION
	bool news = false;
	ssize_t done = 0, err = 0;

	if (!from->left)
		return 0;
	mutex_lock(&p->lock);
	while (from->left) {
		if (!p->readers) {
			err = -EPIPE;
			break;
		}
		if (pipe_free_slots(p) || joins_last(p, from->left, packets)) {
			err = fill_one(p, from, packets);
			if (err < 0)
				break;
			done += err;
			err = 0;
			news = true;
			continue;
		}
		if (nonblock) {
			err = -EAGAIN;
			break;
		}
		if (news)
			wait_wake(&p->data, ~0u, PIPE_READABLE);
		news = false;
		err = pipe_sleep(p, &p->space, from->left);
		if (err)
			break;
	}
	mutex_unlock(&p->lock);
	if (news)
		wait_wake(&p->data, ~0u, PIPE_READABLE);
	return done ? done : err;
#else
	TODO("09-ipc");
#endif
}

ssize_t pipe_read(struct pipe *p, struct uio *to, bool nonblock)
{
#ifdef SOLUTION
	bool freed = false;
	ssize_t done = 0, err = 0;

	if (!to->left)
		return 0;
	mutex_lock(&p->lock);
	while (to->left) {
		if (pipe_used(p)) {
			struct pipe_slot *slot = pipe_slot(p, p->tail);
			bool packet = slot->packet;
			size_t n = MIN(to->left, slot->len);
			if (uio_write(to, slot->page + slot->start, n) < n) {
				err = -EFAULT;
				break;
			}
			slot->start += n;
			slot->len -= n;
			done += n;
			if (packet || !slot->len) {
				pipe_page_put(p, slot->page);
				slot->page = NULL;
				p->tail++;
				freed = true;
			}
			if (packet)
				break;
			continue;
		}
		if (done || !p->writers)
			break;
		if (nonblock) {
			err = -EAGAIN;
			break;
		}
		err = pipe_sleep(p, &p->data, 0);
		if (err)
			break;
	}
	mutex_unlock(&p->lock);
	if (freed)
		wait_wake(&p->space, ~0u, PIPE_WRITABLE);
	return done ? done : err;
#else
	TODO("09-ipc");
#endif
}

u32 pipe_events(const struct pipe *p, bool read_end, bool write_end)
{
#ifdef SOLUTION
	u32 events = 0;

	if (read_end) {
		if (pipe_used(p))
			events |= POLLIN | POLLRDNORM;
		if (!READ_ONCE(p->writers))
			events |= POLLHUP;
	}
	if (write_end) {
		if (pipe_free_slots(p))
			events |= POLLOUT | POLLWRNORM;
		if (!READ_ONCE(p->readers))
			events |= POLLERR;
	}
	return events;
#else
	TODO("09-ipc");
#endif
}
