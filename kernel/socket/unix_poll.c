/* What poll and ioctl say of a UNIX socket. */
#include "unix_priv.h"

#include "core/atomic.h"
#include "usermode/uaccess.h"

/* A datagram socket whose destination is full cannot send either. */
static bool destination_full(struct unix_sock *u)
{
	struct unix_sock *peer = unix_peer_get(u);
	bool limited = false;

	if (!peer)
		return false;
	unix_datagram_rule(u, peer, &limited);
	bool full = limited && unix_queue_full(peer);
	unix_put(peer);
	return full;
}

u32 unix_poll(struct socket *s, struct file *f, struct poll_table *pt)
{
	struct unix_sock *u = s->proto;
	u32 events = 0;

	poll_wait(pt, f, &u->wait);
	smp_mb();
	u8 shut = READ_ONCE(u->shutdown);
	enum unix_state state = READ_ONCE(u->state);
	if (READ_ONCE(u->error))
		events |= POLLERR;
	if (shut == BOTH_SHUT)
		events |= POLLHUP;
	if (shut & RECEIVE_SHUT)
		events |= POLLRDHUP | POLLIN | POLLRDNORM;
	if (!list_empty(&u->queue) || !list_empty(&u->accepts))
		events |= POLLIN | POLLRDNORM;
	if (READ_ONCE(u->urgent))
		events |= POLLPRI;
	if (s->type != SOCK_DGRAM && state == UNIX_CLOSED)
		events |= POLLHUP;
	if (state != UNIX_LISTENING && unix_writable(u) && !(s->type == SOCK_DGRAM && destination_full(u)))
		events |= POLLOUT | POLLWRNORM | POLLWRBAND;
	return events;
}

long unix_ioctl(struct socket *s, u32 cmd, u64 arg)
{
	struct unix_sock *u = s->proto;
	u32 value;

	switch (cmd) {
	case FIONREAD:
		if (READ_ONCE(u->state) == UNIX_LISTENING)
			return -EINVAL;
		spin_lock(&u->lock);
		if (s->type == SOCK_DGRAM)
			value = list_empty(&u->queue) ? 0 : list_first(&u->queue, struct unix_packet, link)->len;
		else
			value = u->bytes;
		spin_unlock(&u->lock);
		break;
	case SIOCOUTQ:
		value = atomic_load_relaxed(&u->sent);
		break;
	case SIOCATMARK:
		if (s->type != SOCK_STREAM)
			return -EOPNOTSUPP;
		value = unix_at_mark(u);
		break;
	default:
		return -ENOTTY;
	}
	return put_user_u32(value, (u32 __user *)arg);
}
