/*
 * Connections of AF_UNIX. connect makes the server's end itself (an embryo), links the two, and puts it into the listener's queue: the client may send
 * at once, and accept only picks up what is there.
 */
#include "unix_priv.h"

#include "core/atomic.h"
#include "core/err.h"
#include "time/time.h"

/* --- linking ------------------------------------------------------------------------------------------------------- */

/* unix_mutex held. a takes over the caller's count of b. */
static void set_peer(struct unix_sock *a, struct unix_sock *b, enum unix_state state)
{
	spin_lock(&a->lock);
	a->peer = b;
	a->state = state;
	spin_unlock(&a->lock);
}

static void set_creds(struct unix_sock *u, const struct abi_ucred *own, const struct abi_ucred *peer)
{
	spin_lock(&u->lock);
	u->cred = *own;
	u->peer_cred = *peer;
	spin_unlock(&u->lock);
}

/* May a datagram of `from` go to `to`? One that is connected only listens to its peer. */
static bool may_send(struct unix_sock *to, struct unix_sock *from)
{
	spin_lock(&to->lock);
	bool may = !to->peer || to->peer == from;
	spin_unlock(&to->lock);
	return may;
}

void unix_datagrams_lost(struct unix_sock *u, struct unix_sock *old)
{
	struct list packets;

	list_init(&packets);
	spin_lock(&u->lock);
	list_splice_tail(&packets, &u->queue);
	u->packets = u->bytes = 0;
	spin_unlock(&u->lock);
	if (list_empty(&packets))
		return;
	wait_wake_all(&u->room);
	unix_packets_free(&packets);
	struct unix_sock *back = unix_peer_get(old);
	if (back == u && !READ_ONCE(old->dead)) {
		atomic_store(&old->error, ECONNRESET);
		unix_wake_state(old);
	}
	unix_put(back);
}

/* Another destination for datagrams; `to` NULL: none. Takes over the count. */
static int connect_datagram(struct unix_sock *u, struct unix_sock *to)
{
	mutex_lock(&unix_mutex);
	if (to && !may_send(to, u)) {
		mutex_unlock(&unix_mutex);
		unix_put(to);
		return -EPERM;
	}
	struct unix_sock *old = unix_unlink_peer(u);
	set_peer(u, to, UNIX_CLOSED);
	if (to)
		list_add(&to->fans, &u->fan_link);
	mutex_unlock(&unix_mutex);
	if (old && old != to)
		unix_datagrams_lost(u, old);
	unix_put(old);
	wait_wake_all(&u->wait);
	return 0;
}

/* --- connect, accept ----------------------------------------------------------------------------------------------- */

/* With the lock of the listener: full beyond its backlog. */
static bool accepts_full(const struct unix_sock *l)
{
	return READ_ONCE(l->accept_count) > READ_ONCE(l->backlog);
}

static bool refuses(const struct unix_sock *l)
{
	return READ_ONCE(l->dead) || READ_ONCE(l->state) != UNIX_LISTENING || READ_ONCE(l->shutdown) & RECEIVE_SHUT;
}

/* One try with unix_mutex held: 0, -EAGAIN if the listener is full, or why not. The embryo goes to the listener. */
static int try_connect(struct unix_sock *u, struct unix_sock *l, struct unix_sock *embryo)
{
	struct abi_ucred me = ucred_current();

	if (refuses(l))
		return -ECONNREFUSED;
	if (accepts_full(l))
		return -EAGAIN;
	if (u->state != UNIX_CLOSED)
		return u->state == UNIX_CONNECTED ? -EISCONN : -EINVAL;
	if (l->name)
		refcount_get(&l->name->ref);
	embryo->name = l->name;
	set_peer(embryo, unix_get(u), UNIX_CONNECTED);
	set_peer(u, unix_get(embryo), UNIX_CONNECTED);
	set_creds(embryo, &l->cred, &me);
	set_creds(u, &me, &l->cred);
	spin_lock(&l->lock);
	list_add_tail(&l->accepts, &embryo->accept_link);
	l->accept_count++;
	spin_unlock(&l->lock);
	return 0;
}

static int connect_to(struct socket *s, struct unix_sock *u, struct unix_sock *l, u64 deadline)
{
	struct unix_sock *embryo = unix_alloc(u->type);
	int err;

	if (!embryo)
		return -ENOMEM;
	for (;;) {
		mutex_lock(&unix_mutex);
		err = try_connect(u, l, embryo);
		if (err)
			goto failed;
		mutex_unlock(&unix_mutex);
		wait_wake(&l->wait, 1, (void *)(u64)(POLLIN | POLLRDNORM));
		async_notify(&l->async, POLL_IN, ASYNC_BOTH);
		return 0;
failed:
		mutex_unlock(&unix_mutex);
		if (err != -EAGAIN || !deadline)
			break;
		long waited = wait_event_interruptible_until(&l->room, !accepts_full(l) || refuses(l), deadline);
		if (waited) {
			err = socket_wait_error(waited, s->options.send_timeout);
			break;
		}
	}
	mutex_lock(&unix_mutex);
	list_del(&embryo->all_link);
	mutex_unlock(&unix_mutex);
	unix_put(embryo);
	return err;
}

int unix_connect(struct socket *s, const struct abi_sockaddr *name, u32 len, bool nonblock)
{
	struct unix_sock *u = s->proto, *to;
	int err = 0;

	if (len < sizeof(u16))
		return -EINVAL;
	if (s->type == SOCK_DGRAM && name->family == AF_UNSPEC)
		return connect_datagram(u, NULL);
	if (name->family != AF_UNIX)
		return -EINVAL;
	if (unix_wants_autobind(u))
		err = unix_autobind(u);
	if (err)
		return err;
	to = unix_find(name, len, s->type);
	if (IS_ERR(to))
		return PTR_ERR(to);
	if (s->type == SOCK_DGRAM)
		return connect_datagram(u, to);
	err = connect_to(s, u, to, socket_deadline(s->options.send_timeout, nonblock));
	unix_put(to);
	return err;
}

int unix_listen(struct socket *s, int backlog)
{
	struct unix_sock *u = s->proto;
	struct abi_ucred me = ucred_current();
	int err = -EINVAL;

	if (s->type == SOCK_DGRAM)
		return -EOPNOTSUPP;
	mutex_lock(&unix_mutex);
	if (u->name && u->state != UNIX_CONNECTED) {
		spin_lock(&u->lock);
		u->state = UNIX_LISTENING;
		u->backlog = (u32)backlog;
		u->cred = u->peer_cred = me;
		spin_unlock(&u->lock);
		err = 0;
	}
	mutex_unlock(&unix_mutex);
	if (!err)
		wait_wake_all(&u->room);
	return err;
}

static struct unix_sock *take_embryo(struct unix_sock *l)
{
	struct unix_sock *e = NULL;

	spin_lock(&l->lock);
	if (!list_empty(&l->accepts)) {
		e = list_first(&l->accepts, struct unix_sock, accept_link);
		list_del(&e->accept_link);
		l->accept_count--;
	}
	spin_unlock(&l->lock);
	return e;
}

int unix_accept(struct socket *s, struct socket *fresh, bool nonblock)
{
	struct unix_sock *u = s->proto, *e;
	u64 deadline = socket_deadline(s->options.receive_timeout, nonblock);

	if (s->type == SOCK_DGRAM)
		return -EOPNOTSUPP;
	while (!(e = take_embryo(u))) {
		if (READ_ONCE(u->state) != UNIX_LISTENING)
			return -EINVAL;
		if (!deadline)
			return -EAGAIN;
		if (READ_ONCE(u->shutdown) & RECEIVE_SHUT)
			return -EINVAL;
		long err = wait_event_interruptible_until(&u->wait, !list_empty(&u->accepts) || READ_ONCE(u->shutdown) & RECEIVE_SHUT, deadline);
		if (err)
			return socket_wait_error(err, s->options.receive_timeout);
	}
	spin_lock(&e->lock);
	e->socket = fresh;
	spin_unlock(&e->lock);
	fresh->proto = e;
	fresh->async = &e->async;
	fresh->cookie = &e->cookie;
	wait_wake_all(&u->room);
	return 0;
}

int unix_pair(struct socket *a, struct socket *b)
{
	struct unix_sock *x = a->proto, *y = b->proto;
	struct abi_ucred me = ucred_current();
	bool datagrams = a->type == SOCK_DGRAM;

	mutex_lock(&unix_mutex);
	set_peer(x, unix_get(y), datagrams ? UNIX_CLOSED : UNIX_CONNECTED);
	set_peer(y, unix_get(x), datagrams ? UNIX_CLOSED : UNIX_CONNECTED);
	if (datagrams) {
		list_add(&y->fans, &x->fan_link);
		list_add(&x->fans, &y->fan_link);
	}
	mutex_unlock(&unix_mutex);
	set_creds(x, &me, &me);
	set_creds(y, &me, &me);
	return 0;
}
