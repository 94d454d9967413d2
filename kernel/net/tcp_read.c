/* recv on a TCP socket: text in order, up to the urgent mark; the byte there by MSG_OOB. */
#include "tcp_priv.h"

#include "lib/string.h"
#include "mm/slab.h"
#include "time/time.h"

/* Text that could be read: what is in order, without a FIN and a byte that goes another way. */
u32 tcp_readable(const struct tcp_sock *t)
{
	u32 from = READ_ONCE(t->copied_seq), to = READ_ONCE(t->rcv_nxt) - (READ_ONCE(t->fin_seen) ? 1 : 0), n = to - from;

	if ((s32)n <= 0)
		return 0;
	if (READ_ONCE(t->urgent_in) && !t->sk.options->oob_inline && !seq_before(t->rcv_up, from) && seq_before(t->rcv_up, to))
		n--;
	return n;
}

static ssize_t receive_urgent(struct socket *s, struct tcp_sock *t, struct socket_msg *m)
{
	struct inet_sock *sk = &t->sk;
	u8 byte = 0;
	ssize_t n = 0;

	spin_lock(&sk->lock);
	/* Linux's answers: nothing announced or read already; not here yet. */
	if (s->options.oob_inline || !t->urgent_in || t->urgent_read || (!t->urgent_there && seq_after(t->copied_seq, t->rcv_up)))
		n = -EINVAL;
	else if (t->state == TCP_CLOSED && !t->urgent_there)
		n = -ENOTCONN;
	else if (t->urgent_there)
		n = 1;
	else
		n = sk->shutdown & RECEIVE_SHUT ? 0 : -EAGAIN;
	if (n == 1) {
		byte = t->urgent_byte;
		if (!(m->flags & MSG_PEEK)) {
			t->urgent_there = false;
			t->urgent_read = true;
			/* Read: the mark stays until the text before it was. */
			if (seq_after(t->copied_seq, t->rcv_up))
				t->urgent_in = false;
		}
	}
	spin_unlock(&sk->lock);
	if (n != 1)
		return n;
	m->out_flags |= MSG_OOB;
	if (!m->data.left) {
		m->out_flags |= MSG_TRUNC;
		return 0;
	}
	return m->flags & MSG_TRUNC || uio_write(&m->data, &byte, 1) == 1 ? 1 : -EFAULT;
}

/* The packet that holds the byte at seq. reader held: those that are there stay. NULL: none. */
static struct packet *packet_at(struct tcp_sock *t, u32 seq)
{
	struct packet *p, *found = NULL;

	spin_lock(&t->sk.lock);
	list_for_each(p, &t->sk.receive, link)
		if (seq_before(seq, p->tcp.end_seq)) {
			found = p;
			break;
		}
	spin_unlock(&t->sk.lock);
	return found;
}

/* Text up to *seq was read: frees its packets, and tells the peer that there is room again, if that is worth it. */
static void advance(struct tcp_sock *t, u32 seq)
{
	struct inet_sock *sk = &t->sk;

	net_begin();
	spin_lock(&sk->lock);
	t->copied_seq = seq;
	while (!list_empty(&sk->receive)) {
		struct packet *p = list_first(&sk->receive, struct packet, link);
		if (seq_after(p->tcp.end_seq, seq))
			break;
		list_del(&p->link);
		sk->receive_charge -= p->charge;
		packet_free(p);
	}
	if (t->urgent_in && seq_after(seq, t->rcv_up) && !t->urgent_there)
		t->urgent_in = false;
	if (t->fin_seen && !tcp_readable(t))
		t->fin_read = true;
	if (!sk->options->receive_buffer_set)
		tcp_reader_pace(t);
	if (tcp_synchronized(t) && t->state != TCP_TIME_WAIT) {
		u32 offered = t->rcv_adv - t->rcv_nxt, space = tcp_receive_space(t);
		/* RFC 9293 section 3.8.6.2.2; and what was delayed goes with it. */
		bool opened = space >= offered + MIN(2 * t->rcv_mss, tcp_receive_limit(t) / 4) && space >= 2 * offered;
		if (opened || (t->ack_later && t->rcv_nxt - t->last_ack_sent > t->rcv_mss && list_empty(&sk->receive)))
			tcp_send_ack(t);
	}
	spin_unlock(&sk->lock);
	net_end();
}

/* Nothing to read: 1 to go on waiting, else what to return. */
static int nothing(struct tcp_sock *t, u64 deadline)
{
	struct inet_sock *sk = &t->sk;
	u8 state = READ_ONCE(t->state);

	/* Their end came in order: whatever happened since, nothing was lost. */
	if (READ_ONCE(t->fin_seen)) {
		WRITE_ONCE(t->fin_read, true);
		return 0;
	}
	int err = atomic_xchg(&sk->error, 0);
	if (err)
		return -err;
	if (READ_ONCE(sk->shutdown) & RECEIVE_SHUT)
		return 0;
	if (state == TCP_CLOSED || state == TCP_LISTEN)
		return -ENOTCONN;
	return deadline ? 1 : -EAGAIN;
}

/* At most how much may be read at seq in one go, the mark minded: 0 where the urgent byte itself lies. */
static u32 up_to_mark(const struct tcp_sock *t, u32 seq, u32 n)
{
	if (!READ_ONCE(t->urgent_in) || seq_before(t->rcv_up, seq) || t->rcv_up - seq >= n)
		return n;
	return t->rcv_up - seq;
}

ssize_t tcp_receive_message(struct socket *s, struct socket_msg *m)
{
	struct inet_sock *sk = s->proto;
	struct tcp_sock *t = tcp_of(sk);
	bool peek = m->flags & MSG_PEEK;
	u64 deadline = socket_deadline(s->options.receive_timeout, m->flags & MSG_DONTWAIT);
	size_t wanted = m->data.left, target = m->flags & MSG_WAITALL ? wanted : MIN(wanted, (size_t)s->options.receive_low);
	ssize_t done = 0;
	int err = 0;

	if (m->flags & MSG_ERRQUEUE)
		return -EAGAIN;
	if (READ_ONCE(t->state) == TCP_LISTEN)
		return -ENOTCONN;
	if (m->flags & MSG_OOB)
		return receive_urgent(s, t, m);
	mutex_lock(&sk->reader);
	u32 start = t->copied_seq, seq = start;
	while (m->data.left) {
		/* Before it is looked for: what comes between the look and the sleep is not slept over. */
		u32 seen = READ_ONCE(t->rcv_nxt);
		struct packet *p = packet_at(t, seq);
		if (p) {
			u32 at = seq - p->tcp.seq, have = atomic_load_acquire(&p->len) - at, n = (u32)MIN(m->data.left, (size_t)have);
			bool mark = READ_ONCE(t->urgent_in) && t->rcv_up == seq;
			/* What was read before the mark is a read of its own. */
			if (mark && done)
				break;
			if (mark && !s->options.oob_inline) {
				seq++;
				if (!peek)
					advance(t, seq);
				continue;
			}
			if (!mark)
				n = up_to_mark(t, seq, n);
			if (m->flags & MSG_TRUNC)
				uio_skip(&m->data, n);
			else if (uio_write(&m->data, p->data + at, n) != n) {
				err = -EFAULT;
				break;
			}
			sk->stamp = p->stamp;
			seq += n;
			done += n;
			if (!peek)
				advance(t, seq);
			continue;
		}
		if ((size_t)done >= MAX(target, 1ul) || (done && (READ_ONCE(sk->error) || READ_ONCE(sk->shutdown) & RECEIVE_SHUT || READ_ONCE(t->state) == TCP_CLOSED || !deadline)))
			break;
		err = nothing(t, deadline);
		if (err <= 0)
			break;
		mutex_unlock(&sk->reader);
		long waited = wait_event_interruptible_until(&sk->wait, READ_ONCE(t->rcv_nxt) != seen || READ_ONCE(sk->error) || READ_ONCE(sk->shutdown) & RECEIVE_SHUT ||
							     READ_ONCE(t->state) == TCP_CLOSED, deadline);
		mutex_lock(&sk->reader);
		/* Another reader may have been here: then what was looked at is gone, and the place behind it may lie before all that is there. */
		if (!peek || t->copied_seq != start)
			start = seq = t->copied_seq;
		err = waited ? socket_wait_error(waited, s->options.receive_timeout) : 0;
		if (err)
			break;
	}
	mutex_unlock(&sk->reader);
	return done ? done : err;
}
