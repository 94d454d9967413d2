/*
 * The urgent byte of a stream. It is a packet of one byte in the queue, and `urgent` points at it: the mark.
 *
 *   queue:  h e l l o │!│ a f t e r         recv(MSG_OOB) takes the byte and leaves its packet, empty: still a place where a read stops
 *                      ▲ urgent             recv at the mark drops the byte, or takes it first with the others, if it is wanted in line (SO_OOBINLINE)
 *
 * No read goes past the mark when it has anything already. A second urgent byte makes the first one plain data.
 */
#include "unix_priv.h"

#include "proc/proc.h"
#include "proc/signal.h"
#include "usermode/uaccess.h"

/* With the lock of u. */
static bool wants_inline(const struct unix_sock *u)
{
	return u->socket && u->socket->options.oob_inline;
}

/* An urgent byte that was taken: an empty packet. */
static bool is_spent(const struct unix_packet *p)
{
	return p->urgent && p->pos == p->len;
}

static struct unix_packet *next_of(struct unix_sock *u, struct unix_packet *p)
{
	return p->link.next == &u->queue ? NULL : list_next(p, link);
}

static struct unix_packet *drop(struct unix_sock *u, struct unix_packet *p, struct list *gone)
{
	struct unix_packet *next = next_of(u, p);

	list_del(&p->link);
	u->packets--;
	u->bytes -= p->len - p->pos;
	list_add_tail(gone, &p->link);
	return next;
}

struct unix_packet *unix_heed_mark(struct unix_sock *u, struct unix_packet *p, bool peek, bool copied, bool *stop, struct list *gone)
{
	*stop = false;
	while (p && (is_spent(p) || p == u->urgent)) {
		bool mark = p == u->urgent;
		if (mark && copied) {
			*stop = true;
			return NULL;
		}
		if (mark && wants_inline(u)) {
			if (!peek)
				u->urgent = NULL;
			return p;
		}
		if (peek) {
			p = next_of(u, p);
			continue;
		}
		if (mark)
			u->urgent = NULL;
		p = drop(u, p, gone);
		if (copied) {
			*stop = true;
			return NULL;
		}
	}
	return p;
}

ssize_t unix_receive_urgent(struct unix_sock *u, struct socket_msg *m)
{
	bool peek = m->flags & MSG_PEEK;
	u8 byte = 0;
	int err = -EINVAL;

	if (READ_ONCE(u->state) != UNIX_CONNECTED)
		return -EINVAL;
	mutex_lock(&u->io);
	spin_lock(&u->lock);
	struct unix_packet *p = wants_inline(u) ? NULL : u->urgent;
	if (p) {
		err = 0;
		byte = p->data[p->pos];
		if (!peek) {
			p->pos = p->len;
			u->bytes--;
			u->urgent = NULL;
		}
	}
	spin_unlock(&u->lock);
	mutex_unlock(&u->io);
	if (err)
		return err;
	if (m->data.left && uio_write(&m->data, &byte, 1) != 1)
		return -EFAULT;
	m->out_flags |= MSG_OOB;
	return 1;
}

int unix_at_mark(struct unix_sock *u)
{
	spin_lock(&u->lock);
	bool at = u->urgent && u->queue.next == &u->urgent->link;
	spin_unlock(&u->lock);
	return at;
}

bool unix_has_unread(const struct unix_sock *u)
{
	struct unix_packet *p;

	/* Linux looks past one packet without bytes at the head, be it a spent urgent byte or sent empty; not past a second. */
	list_for_each(p, &u->queue, link)
		if (!is_spent(p) && !(u->queue.next == &p->link && p->pos == p->len))
			return true;
	return false;
}

void unix_tell_urgent(struct unix_sock *to)
{
	socket_tell_urgent(&to->lock, &to->socket);
}
