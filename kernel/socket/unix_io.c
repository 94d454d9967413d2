/* Data over AF_UNIX: packets into the peer's queue, and out of our own (unix_priv.h has the picture). */
#include "unix_priv.h"

#include "core/atomic.h"
#include "core/err.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "time/time.h"
#include "usermode/uaccess.h"

#define CHUNK_MAX 32768u    /* of a stream: a packet of more would want too much memory in one piece */
#define READABLE ((void *)(u64)(POLLIN | POLLRDNORM | POLLPRI))
#define WRITABLE ((void *)(u64)(POLLOUT | POLLWRNORM | POLLWRBAND))

/* --- packets ------------------------------------------------------------------------------------------------------- */

/* What a packet of len bytes is counted as, by Linux's measure, so that programs find the same room: data and its bookkeeping in blocks of a power of two. */
static u32 charge_of(u32 len)
{
	u32 want = (u32)ALIGN_UP(len, 64) + 320, block = 512;

	while (block < want && block < 8192)
		block *= 2;
	return (want > block ? (u32)ALIGN_UP(want, PAGE_SIZE) : block) + 256;
}

static u32 send_buffer(struct unix_sock *u)
{
	spin_lock(&u->lock);
	u32 size = u->socket ? u->socket->options.send_buffer : SOCKET_BUFFER_DEFAULT;
	spin_unlock(&u->lock);
	return size;
}

bool unix_writable(struct unix_sock *u)
{
	return (u64)atomic_load_relaxed(&u->sent) * 4 <= send_buffer(u);
}

static void packet_free(struct unix_packet *p)
{
	struct unix_sock *sender = p->sender;

	unix_inflight_remove(&p->control);
	control_release(&p->control);
	atomic_fetch_sub(&sender->sent, p->charge);
	smp_mb();
	if (!list_empty(&sender->wait.entries) && unix_writable(sender))
		wait_wake(&sender->wait, ~0u, WRITABLE);
	if (READ_ONCE(sender->tell_room) && unix_writable(sender) && atomic_xchg(&sender->tell_room, false))
		async_notify(&sender->async, POLL_OUT, ASYNC_BOTH);
	unix_put(sender);
	kfree(p);
}

/*
 * Closing a file of a packet may be the end of a socket, whose packets have files … The first who comes here works it all off; what is added meanwhile, in
 * depth or by others, only joins the list.
 */
void unix_packets_free(struct list *packets)
{
	static struct spinlock lock = SPINLOCK_INIT("unix packets", RANK_SOCKET);
	static struct list doomed = LIST_INIT(doomed); /* lock */
	static bool busy;                              /* lock */
	struct unix_packet *p, *next;

	/* Mostly there are no files, and then there is no depth. */
	list_for_each_safe(p, next, packets, link)
		if (!p->control.file_count) {
			list_del(&p->link);
			packet_free(p);
		}
	if (list_empty(packets))
		return;
	spin_lock(&lock);
	list_splice_tail(&doomed, packets);
	while (!busy && !list_empty(&doomed)) {
		p = list_first(&doomed, struct unix_packet, link);
		list_del(&p->link);
		busy = true;
		spin_unlock(&lock);
		packet_free(p);
		spin_lock(&lock);
		busy = false;
	}
	spin_unlock(&lock);
}

static void packet_drop(struct unix_packet *p)
{
	struct list one;

	list_init(&one);
	list_add(&one, &p->link);
	unix_packets_free(&one);
}

/* Waits until the sender may have more under way: 0, or -errno. */
static int wait_for_room(struct socket *s, struct unix_sock *u, u64 deadline)
{
	for (;;) {
		int err = atomic_xchg(&u->error, 0);
		if (err)
			return -err;
		if (READ_ONCE(u->shutdown) & SEND_SHUT)
			return -EPIPE;
		if (atomic_load_relaxed(&u->sent) < s->options.send_buffer)
			return 0;
		atomic_store(&u->tell_room, true);
		if (!deadline)
			return -EAGAIN;
		long waited = wait_event_interruptible_until(&u->wait, atomic_load_relaxed(&u->sent) < s->options.send_buffer || READ_ONCE(u->error) ||
							     READ_ONCE(u->shutdown) & SEND_SHUT, deadline);
		if (waited)
			return socket_wait_error(waited, s->options.send_timeout);
	}
}

/* A packet with the next len bytes of the message, charged; ERR_PTR. */
static struct unix_packet *packet_make(struct unix_sock *u, struct socket_msg *m, u32 len)
{
	struct unix_packet *p = kmalloc(sizeof(*p) + len, ALLOC_USER);

	if (!p)
		return ERR_PTR(-ENOBUFS);
	memset(p, 0, sizeof(*p));
	list_init(&p->link);
	p->len = len;
	if (uio_read(&m->data, p->data, len) != len) {
		kfree(p);
		return ERR_PTR(-EFAULT);
	}
	p->charge = charge_of(len);
	p->sender = unix_get(u);
	atomic_fetch_add(&u->sent, p->charge);
	return p;
}

/* The files and the identity that go along. They become the packet's. */
static int attach_control(struct unix_packet *p, struct socket_control *c)
{
	p->control = *c;
	c->files = NULL;
	c->file_count = 0;
	int err = unix_inflight_add(&p->control);
	if (err)
		control_release(&p->control);
	return err;
}

/* Who sends is said when either side asks for it. `to` locked. */
static void add_cred(struct unix_packet *p, struct unix_sock *to, bool asked)
{
	if (p->control.has_cred || !(asked || !to->socket || to->socket->options.pass_cred))
		return;
	p->control.cred = ucred_current();
	p->control.cred.uid = cred_current()->uid;
	p->control.cred.gid = cred_current()->gid;
	p->control.has_cred = true;
}

/* Queues p: 0, -ECONNREFUSED if the receiver is gone, -EPIPE if it does not receive any more, -EAGAIN if it is full (`limited`). */
static int deliver(struct socket *s, struct unix_sock *to, struct unix_packet *p, bool limited)
{
	bool urgent = p->urgent; /* once it is queued, p may be gone any time */
	int err = 0;

	spin_lock(&to->lock);
	if (to->dead)
		err = -ECONNREFUSED;
	else if (to->shutdown & RECEIVE_SHUT)
		err = -EPIPE;
	else if (limited && unix_queue_full(to))
		err = -EAGAIN;
	if (!err) {
		add_cred(p, to, s->options.pass_cred);
		list_add_tail(&to->queue, &p->link);
		if (p->urgent)
			to->urgent = p;
		to->packets++;
		to->bytes += p->len;
	}
	spin_unlock(&to->lock);
	if (!err) {
		if (urgent)
			unix_tell_urgent(to);
		wait_wake(&to->wait, 1, READABLE);
		async_notify(&to->async, POLL_IN, ASYNC_BOTH);
	}
	return err;
}

/* --- send ---------------------------------------------------------------------------------------------------------- */

static ssize_t send_stream(struct socket *s, struct unix_sock *u, struct socket_msg *m)
{
	bool urgent = m->flags & MSG_OOB;
	struct unix_sock *peer;
	ssize_t done = 0;
	int err = 0;

	if (urgent && !m->data.left)
		return -EOPNOTSUPP;
	if (m->name_len)
		return READ_ONCE(u->state) == UNIX_CONNECTED ? -EISCONN : -EOPNOTSUPP;
	peer = unix_peer_get(u);
	if (!peer)
		return -ENOTCONN;
	if (READ_ONCE(u->shutdown) & SEND_SHUT)
		err = -EPIPE;
	u64 deadline = socket_deadline(s->options.send_timeout, m->flags & MSG_DONTWAIT);
	while (!err && m->data.left) {
		/* The last byte is the urgent one. */
		bool last = urgent && m->data.left == 1;
		u32 len = (u32)MIN(m->data.left - (urgent && !last), (size_t)MIN(CHUNK_MAX, s->options.send_buffer / 2 - 64));
		err = wait_for_room(s, u, deadline);
		if (err)
			break;
		struct unix_packet *p = packet_make(u, m, len);
		if (IS_ERR(p)) {
			err = PTR_ERR(p);
			break;
		}
		p->urgent = last;
		p->control.cred = m->control.cred;
		p->control.has_cred = m->control.has_cred;
		if (!done)
			err = attach_control(p, &m->control);
		if (!err)
			err = deliver(s, peer, p, false);
		if (err)
			packet_drop(p);
		else
			done += len;
		if (err == -ECONNREFUSED)
			err = -EPIPE;
	}
	unix_put(peer);
	if (err == -EPIPE && !done)
		socket_broken_pipe(m->flags);
	return done ? done : err;
}

/* The peer of a datagram socket is gone: from now on it has none. */
static void forget_peer(struct unix_sock *u, struct unix_sock *peer)
{
	struct unix_sock *old = NULL;

	mutex_lock(&unix_mutex);
	if (u->peer == peer)
		old = unix_unlink_peer(u);
	mutex_unlock(&unix_mutex);
	if (old)
		unix_datagrams_lost(u, old);
	unix_put(old);
}

int unix_datagram_rule(struct unix_sock *u, struct unix_sock *to, bool *limited)
{
	spin_lock(&to->lock);
	int err = to->peer && to->peer != u ? -EPERM : 0;
	*limited = to != u && to->peer != u;
	spin_unlock(&to->lock);
	return err;
}

static int send_packet_to(struct socket *s, struct unix_sock *u, struct unix_sock *to, struct unix_packet *p, u64 deadline)
{
	bool limited;

	for (;;) {
		int err = unix_datagram_rule(u, to, &limited);
		if (!err)
			err = deliver(s, to, p, limited);
		if (err != -EAGAIN || !deadline)
			return err;
		long waited = wait_event_interruptible_until(&to->room, !unix_queue_full(to) || READ_ONCE(to->dead) || READ_ONCE(to->shutdown) & RECEIVE_SHUT,
							     deadline);
		if (waited)
			return socket_wait_error(waited, s->options.send_timeout);
	}
}

/* Datagrams, and the records of SOCK_SEQPACKET. */
static ssize_t send_packet(struct socket *s, struct unix_sock *u, struct socket_msg *m)
{
	bool named = m->name_len && s->type == SOCK_DGRAM;
	u64 deadline = socket_deadline(s->options.send_timeout, m->flags & MSG_DONTWAIT);
	u32 len = (u32)m->data.left;
	struct unix_sock *to = NULL;
	struct unix_packet *p;
	int err = 0;

	if (s->type == SOCK_SEQPACKET) {
		err = atomic_xchg(&u->error, 0);
		if (err)
			return -err;
		if (READ_ONCE(u->state) != UNIX_CONNECTED)
			return -ENOTCONN;
	}
	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (!named) {
		to = unix_peer_get(u);
		if (!to)
			return -ENOTCONN;
	}
	if (unix_wants_autobind(u))
		err = unix_autobind(u);
	if (!err && m->data.left > s->options.send_buffer - 32)
		err = -EMSGSIZE;
	if (!err)
		err = wait_for_room(s, u, deadline);
	if (err)
		goto put_receiver;
	p = packet_make(u, m, len);
	if (IS_ERR(p)) {
		err = PTR_ERR(p);
		goto put_receiver;
	}
	p->control.cred = m->control.cred;
	p->control.has_cred = m->control.has_cred;
	err = attach_control(p, &m->control);
	if (!err && named) {
		to = unix_find(&m->name, m->name_len, s->type);
		if (IS_ERR(to)) {
			err = PTR_ERR(to);
			to = NULL;
		}
	}
	if (!err)
		err = send_packet_to(s, u, to, p, deadline);
	if (err)
		packet_drop(p);
	if (err == -ECONNREFUSED && to) {
		if (s->type == SOCK_SEQPACKET)
			err = -EPIPE;
		else
			forget_peer(u, to);
	}
put_receiver:
	unix_put(to);
	return err ? err : (ssize_t)len;
}

ssize_t unix_send(struct socket *s, struct socket_msg *m)
{
	return s->type == SOCK_STREAM ? send_stream(s, s->proto, m) : send_packet(s, s->proto, m);
}

/* --- receive ------------------------------------------------------------------------------------------------------- */

bool unix_queue_full(const struct unix_sock *u)
{
	return READ_ONCE(u->packets) > READ_ONCE(u->backlog);
}

/* The queue has become shorter: lets those send who found it full. */
static void made_room(struct unix_sock *u)
{
	struct unix_sock *fan;

	wait_wake_all(&u->room);
	if (list_empty(&u->fans))
		return;
	mutex_lock(&unix_mutex);
	list_for_each(fan, &u->fans, fan_link)
		wait_wake(&fan->wait, ~0u, WRITABLE);
	mutex_unlock(&unix_mutex);
}

/* Who sent it, and with a copy of the files if the packet stays (peek). */
static int give_control(struct unix_packet *p, struct socket_control *c, bool peek)
{
	c->cred = p->control.cred;
	c->has_cred = p->control.has_cred;
	if (!p->control.file_count)
		return 0;
	if (!peek) {
		unix_inflight_remove(&p->control);
		c->files = p->control.files;
		c->file_count = p->control.file_count;
		p->control.files = NULL;
		p->control.file_count = 0;
		return 0;
	}
	c->files = kmemdup(p->control.files, p->control.file_count * sizeof(*c->files), 0);
	if (!c->files)
		return -ENOMEM;
	for (; c->file_count < p->control.file_count; c->file_count++)
		file_get(c->files[c->file_count]);
	return 0;
}

/* The sender's name as it is now. */
static void give_name(struct unix_packet *p, struct socket_msg *m)
{
	struct unix_name *from = unix_name_of(p->sender);

	m->name_len = from ? from->len : 0;
	if (from)
		memcpy(&m->name, &from->addr, MIN(from->len, (u32)sizeof(from->addr)));
	unix_name_put(from);
}

/* How a reader looks. */
struct look {
	bool peek;
	bool copied; /* it has some bytes already */
	bool enough; /* so many that an error is for the next call to tell */
};

/*
 * The first packet, or the one after `last` (peeking moves through the queue), left where it is; u->io is held, so nobody else takes it. NULL, and *err
 * says what to return: 0 at the end of the stream, or if more is not to be read together with what was `copied`.
 */
static struct unix_packet *first_packet(struct socket *s, struct unix_sock *u, u64 deadline, struct unix_packet *last, const struct look *how, int *err)
{
	struct list gone, *at;
	struct unix_packet *p;
	bool stop;

	list_init(&gone);
	for (;;) {
		spin_lock(&u->lock);
		at = last ? &last->link : &u->queue;
		p = at->next == &u->queue ? NULL : list_entry(at->next, struct unix_packet, link);
		p = unix_heed_mark(u, p, how->peek, how->copied, &stop, &gone);
		bool over = u->shutdown & RECEIVE_SHUT;
		u32 seen = u->bytes, packets = u->packets;
		spin_unlock(&u->lock);
		unix_packets_free(&gone);
		*err = 0;
		if (p || stop || how->enough)
			return p;
		*err = -atomic_xchg(&u->error, 0);
		if (*err || (over && (s->type != SOCK_DGRAM || deadline)))
			return NULL;
		*err = -EAGAIN;
		if (!deadline)
			return NULL;
		mutex_unlock(&u->io);
		long waited = wait_event_interruptible_until(&u->wait, READ_ONCE(u->bytes) != seen || READ_ONCE(u->packets) != packets || READ_ONCE(u->error) ||
							     READ_ONCE(u->shutdown) & RECEIVE_SHUT, deadline);
		mutex_lock(&u->io);
		if (waited) {
			*err = socket_wait_error(waited, s->options.receive_timeout);
			return NULL;
		}
	}
}

/* n bytes of the packet at the head are done: whether it is used up, and then off the queue. */
static bool advance(struct unix_sock *u, struct unix_packet *p, u32 n, bool whole)
{
	spin_lock(&u->lock);
	p->pos += n;
	u->bytes -= n;
	bool gone = whole || p->pos == p->len;
	if (gone) {
		list_del(&p->link);
		u->packets--;
		u->bytes -= p->len - p->pos;
	}
	spin_unlock(&u->lock);
	return gone;
}

static ssize_t receive_packet(struct socket *s, struct unix_sock *u, struct socket_msg *m)
{
	bool peek = m->flags & MSG_PEEK;
	int err = 0;

	if (s->type == SOCK_SEQPACKET && READ_ONCE(u->state) != UNIX_CONNECTED)
		return -ENOTCONN;
	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	/* Unlike a stream's, an error goes before the packets that are there. */
	err = -atomic_xchg(&u->error, 0);
	if (err)
		return err;
	mutex_lock(&u->io);
	struct unix_packet *p = first_packet(s, u, socket_deadline(s->options.receive_timeout, m->flags & MSG_DONTWAIT), NULL,
					       &(struct look){ .peek = peek }, &err);
	if (!p) {
		mutex_unlock(&u->io);
		return err;
	}
	u32 want = (u32)MIN((size_t)p->len, m->data.left);
	if (!peek)
		advance(u, p, 0, true);
	if (uio_write(&m->data, p->data, want) != want)
		err = -EFAULT;
	if (!err) {
		give_name(p, m);
		err = give_control(p, &m->control, peek);
	}
	if (want < p->len)
		m->out_flags |= MSG_TRUNC;
	ssize_t n = m->flags & MSG_TRUNC ? p->len : want;
	mutex_unlock(&u->io);
	if (!peek) {
		packet_drop(p);
		made_room(u);
	}
	return err ? err : n;
}

/* May bytes of p be handed out together with those before, of a sender `c`? */
static bool same_sender(const struct unix_packet *p, const struct socket_control *c)
{
	return p->control.has_cred == c->has_cred && (!c->has_cred || !memcmp(&p->control.cred, &c->cred, sizeof(c->cred)));
}

static ssize_t receive_stream(struct socket *s, struct unix_sock *u, struct socket_msg *m)
{
	struct look how = { .peek = m->flags & MSG_PEEK };
	struct unix_packet *p, *last = NULL;
	bool first = true;
	u64 deadline = socket_deadline(s->options.receive_timeout, m->flags & MSG_DONTWAIT);
	size_t target = m->flags & MSG_WAITALL ? m->data.left : MIN(m->data.left, (size_t)s->options.receive_low);
	ssize_t done = 0;
	int err = 0;

	if (READ_ONCE(u->state) != UNIX_CONNECTED)
		return -EINVAL;
	mutex_lock(&u->io);
	do {
		/* What is there is taken; beyond the target nothing is waited for, and by who only looks nothing beyond what is there. */
		how.copied = done > 0;
		how.enough = (size_t)done >= MAX(target, 1ul);
		p = first_packet(s, u, last ? 0 : deadline, last, &how, &err);
		if (!p)
			break;
		if (!first && s->options.pass_cred && !same_sender(p, &m->control))
			break;
		u32 want = (u32)MIN((size_t)(p->len - p->pos), m->data.left);
		size_t n = uio_write(&m->data, p->data + p->pos, want);
		if (!n && want) {
			err = -EFAULT;
			break;
		}
		done += n;
		bool files = p->control.file_count;
		if (first)
			give_name(p, m);
		if (first || files)
			err = give_control(p, &m->control, how.peek);
		first = false;
		if (how.peek)
			last = p;
		else if (advance(u, p, (u32)n, false))
			packet_drop(p);
		if (err || files || n < want)
			break;
	} while (m->data.left);
	mutex_unlock(&u->io);
	return done ? done : err;
}

ssize_t unix_receive(struct socket *s, struct socket_msg *m)
{
	if (s->type == SOCK_STREAM)
		return m->flags & MSG_OOB ? unix_receive_urgent(s->proto, m) : receive_stream(s, s->proto, m);
	return receive_packet(s, s->proto, m);
}
