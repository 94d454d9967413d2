/*
 * TCP, what comes in for the program: text is put into order, and the window says how much more may come.
 *
 * The window is half of the buffer's free memory, the other half being for bookkeeping, as on Linux. It is not opened by a little at a time (RFC 9293
 * section 3.8.6.2.2), and what was offered is never taken back.
 */
#include "tcp_priv.h"

#include "lib/string.h"
#include "mm/slab.h"
#include "time/time.h"

#define SMALL 512u     /* text of a packet that is worth copying together when memory is short */
#define TOGETHER 3840u

/* --- the window ----------------------------------------------------------------------------------------------------- */

u32 tcp_receive_limit(const struct tcp_sock *t)
{
	return t->sk.options->receive_buffer_set ? t->sk.options->receive_buffer : t->receive_auto;
}

u32 tcp_receive_space(const struct tcp_sock *t)
{
	u32 limit = tcp_receive_limit(t), used = t->sk.receive_charge + t->ooo_charge;
	u32 space = used < limit ? (limit - used) / 2 : 0;

	if (t->window_clamp)
		space = MIN(space, t->window_clamp);
	return MIN(space, 65535u << t->rcv_scale);
}

u32 tcp_receive_window(struct tcp_sock *t)
{
	u32 space = tcp_receive_space(t), offered = t->rcv_adv - t->rcv_nxt, step = MIN(t->rcv_mss, tcp_receive_limit(t) / 4);

	if ((s32)offered < 0)
		offered = 0;
	if (space < offered + step && t->state != TCP_SYN_SENT && t->state != TCP_SYN_RECEIVED)
		space = offered;
	/* Rounded up: down would take back some of what was offered. */
	space = MIN(ALIGN_UP(space, 1u << t->rcv_scale), 65535u << t->rcv_scale);
	t->rcv_adv = seq_max(t->rcv_adv, t->rcv_nxt + space);
	return space;
}

/* The reader takes more in a round trip than fits twice into the buffer: it is what holds the sender back. */
void tcp_reader_pace(struct tcp_sock *t)
{
	u64 now = time_ns();
	u32 taken = t->copied_seq - t->drs_seq;

	if (now - t->drs_ns < MAX(t->srtt, NSEC_PER_MSEC) && taken < t->receive_auto / 4)
		return;
	if (taken >= t->receive_auto / 4 && !packet_memory_short())
		t->receive_auto = MAX(t->receive_auto, MIN(t->receive_auto * 2, READ_ONCE(tcp_settings.rmem[2])));
	t->drs_seq = t->copied_seq;
	t->drs_ns = now;
}

void tcp_ack_owed(struct tcp_sock *t, bool at_once)
{
	/* RFC 9293 section 3.8.6.3: every second full segment at least. */
	if (at_once || t->quick_acks || t->rcv_nxt - t->last_ack_sent >= 2 * t->rcv_mss) {
		t->ack_now = true;
	} else if (!t->ack_later) {
		t->ack_later = true;
		tcp_timer_arm(t, &t->delayed, time_ns() + TCP_DELAYED_ACK);
	}
}

/* --- text ----------------------------------------------------------------------------------------------------------- */

void tcp_trim(struct tcp_sock *t, struct packet *p)
{
	tcp_ts_take(t, p);
	if (seq_before(p->tcp.seq, t->rcv_nxt)) {
		u32 old = t->rcv_nxt - p->tcp.seq;
		if (p->tcp.flags & TCP_SYN) {
			p->tcp.flags &= (u8)~TCP_SYN;
			p->tcp.seq++;
			old--;
		}
		old = MIN(old, p->len);
		packet_pull(p, old);
		p->tcp.seq += old;
	}
	if (seq_after(p->tcp.end_seq, t->rcv_adv)) {
		u32 fits = t->rcv_adv - p->tcp.seq;
		packet_trim(p, MIN(p->len, fits));
		p->tcp.flags &= (u8)~TCP_FIN;
		p->tcp.end_seq = p->tcp.seq + p->len;
	}
}

/* Many small packets with little text each would fill the buffer with bookkeeping: their text is copied together. True: p was used up. */
static bool join_small(struct tcp_sock *t, struct packet *p)
{
	struct inet_sock *sk = &t->sk;

	if (p->len > SMALL || sk->receive_charge < tcp_receive_limit(t) / 4)
		return false;
	struct packet *last = list_empty(&sk->receive) ? NULL : list_last(&sk->receive, struct packet, link);
	if (!last || packet_shared(last) || packet_tailroom(last) < p->len) {
		last = packet_alloc(0, TOGETHER, ALLOC_ATOMIC);
		if (!last)
			return false;
		last->tcp.seq = last->tcp.end_seq = p->tcp.seq;
		list_add_tail(&sk->receive, &last->link);
		sk->receive_charge += last->charge;
	}
	/* A reader may look at `last`: the bytes first, then how many. */
	memcpy(last->data + last->len, p->data, p->len);
	atomic_store_release(&last->len, last->len + p->len);
	last->tcp.end_seq += p->len;
	packet_free(p);
	return true;
}

/* p begins at rcv_nxt. */
static void in_order(struct tcp_sock *t, struct packet *p)
{
	struct inet_sock *sk = &t->sk;
	bool fin = p->tcp.flags & TCP_FIN;

	t->counts.bytes_received += p->tcp.seq + p->len - t->rcv_nxt;
	t->rcv_nxt = p->tcp.seq + p->len;
	if (!p->len) {
		packet_free(p);
	} else if (!join_small(t, p)) {
		p->tcp.end_seq = p->tcp.seq + p->len;
		list_add_tail(&sk->receive, &p->link);
		sk->receive_charge += p->charge;
	}
	if (fin) {
		t->rcv_nxt++;
		t->counts.bytes_received++; /* a FIN counts, as on Linux */
		t->fin_seen = true;
		tcp_fin_received(t);
	}
}

/* Puts p among those that came too early; what it has twice goes. */
static void out_of_order(struct tcp_sock *t, struct packet *p)
{
	struct packet *at, *next;

	/* Mostly it comes behind all others: no need to look at them. */
	at = list_empty(&t->out_of_order) ? NULL : list_last(&t->out_of_order, struct packet, link);
	if (at && !seq_before(p->tcp.seq, at->tcp.end_seq)) {
		list_add_tail(&t->out_of_order, &p->link);
		t->ooo_charge += p->charge;
		tcp_sack_early(t, p->tcp.seq, p->tcp.end_seq);
		return;
	}
	list_for_each_safe(at, next, &t->out_of_order, link) {
		if (!seq_before(p->tcp.seq, at->tcp.end_seq))
			continue;
		if (!seq_before(p->tcp.seq, at->tcp.seq)) {
			/* It begins inside `at`. */
			if (!seq_after(p->tcp.end_seq, at->tcp.end_seq)) {
				tcp_sack_twice(t, p->tcp.seq, p->tcp.end_seq);
				packet_free(p);
				return;
			}
			u32 twice = MIN(at->tcp.end_seq - p->tcp.seq, p->len);
			packet_pull(p, twice);
			p->tcp.seq += twice;
			continue;
		}
		if (seq_before(p->tcp.end_seq, at->tcp.end_seq))
			break;
		/* It covers `at`. */
		list_del(&at->link);
		t->ooo_charge -= at->charge;
		packet_free(at);
	}
	list_for_each(at, &t->out_of_order, link)
		if (seq_before(p->tcp.seq, at->tcp.seq))
			break;
	list_add_tail(&at->link, &p->link);
	t->ooo_charge += p->charge;
	tcp_sack_early(t, p->tcp.seq, p->tcp.end_seq);
}

/* What had come too early and is not any more. */
static void drain(struct tcp_sock *t)
{
	while (!list_empty(&t->out_of_order) && !t->fin_seen) {
		struct packet *p = list_first(&t->out_of_order, struct packet, link);
		if (seq_after(p->tcp.seq, t->rcv_nxt))
			break;
		list_del(&p->link);
		t->ooo_charge -= p->charge;
		if (!seq_after(p->tcp.end_seq, t->rcv_nxt)) {
			packet_free(p);
			continue;
		}
		u32 twice = MIN(t->rcv_nxt - p->tcp.seq, p->len);
		packet_pull(p, twice);
		p->tcp.seq += twice;
		in_order(t, p);
	}
	tcp_sack_advance(t);
}

void tcp_receive_data(struct tcp_sock *t, struct packet *p)
{
	struct inet_sock *sk = &t->sk;
	u32 limit = tcp_receive_limit(t);

	/* The same while the program still has the socket, but has shut both ways of it; it hears of it, as on Linux. */
	bool shut = sk->shutdown & RECEIVE_SHUT && (t->state == TCP_FIN_WAIT_1 || t->state == TCP_FIN_WAIT_2);
	if (p->len && sk->socket && shut && !t->fin_seen && seq_after(p->tcp.end_seq, t->rcv_nxt)) {
		tcp_send_reset(t);
		tcp_abort(t, ECONNRESET);
		inet_wake(sk, POLLERR);
		packet_free(p);
		return;
	}
	/* Nobody will ever read it (RFC 1122 section 4.2.2.13). */
	if (p->len && !sk->socket && !t->listener && t->state != TCP_TIME_WAIT && seq_after(p->tcp.end_seq, t->rcv_nxt)) {
		tcp_send_reset(t);
		tcp_done(t);
		packet_free(p);
		return;
	}
	if (t->state != TCP_ESTABLISHED && t->state != TCP_FIN_WAIT_1 && t->state != TCP_FIN_WAIT_2) {
		/* Section 3.10.7.4: after their FIN nothing more can come. */
		packet_free(p);
		return;
	}
	bool early = seq_after(p->tcp.seq, t->rcv_nxt);
	/* Offered or not: there is an end to memory. It is as if the segment had been lost. */
	if (sk->receive_charge + t->ooo_charge > (early ? limit : 2 * limit) || (early && packet_memory_short())) {
		atomic_fetch_add(&sk->drops, 1);
		TCP_EXT(TCPRcvQDrop);
		tcp_ack_owed(t, true);
		packet_free(p);
		return;
	}
	t->rcv_mss = MAX(t->rcv_mss, p->segment ? MIN((u32)p->segment, p->len) : p->len);
	if (early) {
		/* RFC 5681 section 4.2: at once, that the sender learns of the hole. */
		TCP_EXT(TCPOFOQueue);
		out_of_order(t, p);
		if (t->sack_ok)
			tcp_send_ack(t); /* by itself: with text it would have no room for all that it should say */
		else
			tcp_ack_owed(t, true);
		return;
	}
	bool hole = !list_empty(&t->out_of_order), push = p->len;
	bool fin = p->tcp.flags & TCP_FIN;
	in_order(t, p);
	drain(t);
	if (t->state == TCP_CLOSED)
		return;
	tcp_ack_owed(t, hole || fin || t->fin_seen);
	if (push && tcp_readable(t) >= (u32)sk->options->receive_low)
		inet_wake(sk, POLLIN | POLLRDNORM);
}

/* --- urgent data (RFC 9293 section 3.8.5, RFC 6093) ------------------------------------------------------------------ */

/* SIGURG wants locks that come before a connection's: a thread sends it. */
void tcp_tell_urgent(struct work *w)
{
	struct tcp_sock *t = container_of(w, struct tcp_sock, tell_work);

	spin_lock(&t->sk.lock);
	t->telling = false;
	spin_unlock(&t->sk.lock);
	socket_tell_urgent(&t->sk.lock, &t->sk.socket);
	inet_put(&t->sk);
}

/* The pointer is taken to be one past the byte, as all the world does; one byte is kept. */
void tcp_urgent(struct tcp_sock *t, const struct packet *p)
{
	u32 at = p->tcp.seq + p->tcp.urgent - 1;

	if (!p->tcp.urgent || !tcp_synchronized(t) || seq_before(at, t->copied_seq) || seq_before(at, t->rcv_nxt - p->len))
		return;
	if (!t->urgent_in || seq_after(at, t->rcv_up)) {
		/* One that was not read becomes ordinary text again. */
		t->urgent_in = true;
		t->urgent_there = t->urgent_read = false;
		t->rcv_up = at;
		if (!t->telling) {
			t->telling = true;
			inet_get(&t->sk);
			work_queue(&t->tell_work);
		}
	}
	if (at == t->rcv_up && !t->urgent_there && !seq_before(at, p->tcp.seq) && seq_before(at, p->tcp.seq + p->len)) {
		t->urgent_byte = p->data[at - p->tcp.seq];
		t->urgent_there = true;
		inet_wake(&t->sk, POLLPRI);
	}
}
