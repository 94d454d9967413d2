/* Options of TCP sockets (tcp(7)), their ioctls, TCP_INFO, /proc/net/tcp. */
#include "tcp_priv.h"

#include "core/node.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "proc/cred.h"
#include "time/time.h"
#include "usermode/uaccess.h"

/* How often a SYN-ACK is sent again in so many seconds, each wait twice the one before; and how long so many take. */
static u8 tries_in(u32 seconds)
{
	u32 tries = 0, wait = 1, total = 0;

	for (; total < seconds && tries < 255; tries++) {
		total += wait;
		wait = MIN(wait * 2, (u32)(TCP_RTO_MAX / NSEC_PER_SEC));
	}
	return (u8)tries;
}

static u32 seconds_of(u8 tries)
{
	u32 wait = 1, total = 0;

	while (tries--) {
		total += wait;
		wait = MIN(wait * 2, (u32)(TCP_RTO_MAX / NSEC_PER_SEC));
	}
	return total;
}

static int set_number(struct tcp_sock *t, int option, int n)
{
	switch (option) {
	case TCP_NODELAY:
		t->nodelay = n;
		return 0;
	case TCP_CORK:
		t->cork = n;
		return 0;
	case TCP_MAXSEG:
		if (n && (n < (int)TCP_MSS_LEAST || n > 32767))
			return -EINVAL;
		t->user_mss = (u32)n;
		return 0;
	case TCP_KEEPIDLE:
		if (n < 1 || n > 32767)
			return -EINVAL;
		t->keep_idle = (u32)n;
		if (t->keep_what == KEEP_ALIVE)
			tcp_keep(t, KEEP_ALIVE, MAX(t->last_heard_ns + (u64)n * NSEC_PER_SEC, time_ns()));
		return 0;
	case TCP_KEEPINTVL:
		if (n < 1 || n > 32767)
			return -EINVAL;
		t->keep_interval = (u32)n;
		return 0;
	case TCP_KEEPCNT:
		if (n < 1 || n > 127)
			return -EINVAL;
		t->keep_count = (u32)n;
		return 0;
	case TCP_SYNCNT:
		if (n < 1 || n > 127)
			return -EINVAL;
		t->syn_retries = (u8)n;
		return 0;
	case TCP_LINGER2:
		t->linger2 = n < 0 ? -1 : MIN(n, 120);
		return 0;
	case TCP_DEFER_ACCEPT:
		t->defer_accept = tries_in((u32)MAX(n, 0));
		return 0;
	case TCP_WINDOW_CLAMP:
		if (!n && t->state != TCP_CLOSED)
			return -EINVAL;
		t->window_clamp = n ? MAX((u32)n, SOCKET_RECEIVE_MIN / 2) : 0;
		return 0;
	case TCP_QUICKACK:
		t->quick_acks = n & 1 ? 16 : 0;
		if (n & 1 && t->ack_later)
			t->ack_now = true;
		return 0;
	case TCP_USER_TIMEOUT:
		if (n < 0)
			return -EINVAL;
		t->user_timeout_ms = (u32)n;
		return 0;
	case TCP_NOTSENT_LOWAT:
		t->notsent_low = (u32)n;
		return 0;
	case TCP_FASTOPEN:
		return -EOPNOTSUPP;
	case TCP_TIMESTAMP:
		return capable(CAP_NET_ADMIN) ? -EPERM : -EPERM;
	}
	return -ENOPROTOOPT;
}

static int set_congestion(struct tcp_sock *t, const void __user *value, u32 len)
{
	char name[16] = "";

	if (!len)
		return -EINVAL;
	if (copy_from_user(name, value, MIN(len, 15u)))
		return -EFAULT;
	const struct tcp_congestion *c = tcp_congestion_find(name);
	if (!c)
		return -ENOENT;
	spin_lock(&t->sk.lock);
	tcp_congestion_choose(t, c);
	spin_unlock(&t->sk.lock);
	return 0;
}

int tcp_set_option(struct socket *s, int level, int option, const void __user *value, u32 len)
{
	struct inet_sock *sk = s->proto;
	struct tcp_sock *t = tcp_of(sk);
	int n;

	if (level != SOL_TCP)
		return inet_set_option(s, level, option, value, len);
	if (option == TCP_CONGESTION)
		return set_congestion(t, value, len);
	if (len < sizeof(n))
		return -EINVAL;
	if (copy_from_user(&n, value, sizeof(n)))
		return -EFAULT;
	net_begin();
	spin_lock(&sk->lock);
	int err = set_number(t, option, n);
	/* What was held back may go now. */
	if (!err && (option == TCP_NODELAY || option == TCP_CORK || option == TCP_QUICKACK) && tcp_synchronized(t) && t->state != TCP_TIME_WAIT)
		tcp_output(t);
	spin_unlock(&sk->lock);
	net_end();
	return err;
}

void tcp_fill_info(struct tcp_sock *t, struct abi_tcp_info *i)
{
	u64 now = time_ns();
	u32 mss = MAX(t->mss, 1u);
	const struct tcp_counts *c = &t->counts;

	*i = (struct abi_tcp_info){
		.state = t->state == TCP_TIME_WAIT ? TCP_CLOSED : t->state,
		.ca_state = t->in_recovery ? 3 : t->retries ? 4 : 0,
		.retransmits = t->retries, .probes = t->probes, .backoff = t->backoff,
		.options = (u8)((t->ts_ok ? 1 : 0) | (t->sack_ok ? 2 : 0) | (t->scale_ok ? 4 : 0)),
		.wscale = (u8)(t->snd_scale | t->rcv_scale << 4),
		.rto = (u32)(t->rto / 1000), .ato = (u32)(TCP_DELAYED_ACK / 1000), .snd_mss = t->mss, .rcv_mss = t->rcv_mss,
		.unacked = DIV_ROUND_UP(t->snd_max - t->snd_una, mss), .sacked = DIV_ROUND_UP(t->away - t->lost, mss), .lost = DIV_ROUND_UP(t->lost, mss),
		.last_data_sent = (u32)((now - c->sent_ns) / NSEC_PER_MSEC), .last_data_recv = (u32)((now - c->text_ns) / NSEC_PER_MSEC), .last_ack_recv = (u32)((now - t->last_heard_ns) / NSEC_PER_MSEC),
		.pmtu = t->mtu, .rtt = (u32)(t->srtt / 1000), .rttvar = (u32)(t->rttvar / 1000),
		.snd_ssthresh = t->ssthresh >= INT32_MAX ? INT32_MAX : t->ssthresh / mss, .snd_cwnd = MAX(t->cwnd / mss, 1u), .advmss = t->mtu - tcp_headers(t) - (t->ts_ok ? 12 : 0), .reordering = 3,
		.rcv_ssthresh = tcp_receive_space(t), .rcv_space = tcp_receive_space(t), .total_retrans = t->total_retransmits,
		.pacing_rate = t->srtt ? (u64)t->cwnd * 2 * NSEC_PER_SEC / t->srtt : 0, .max_pacing_rate = ~0ul, /* what a window makes; nothing is paced */
		.bytes_acked = c->bytes_acked, .bytes_received = c->bytes_received, .segs_out = c->segments_out, .segs_in = c->segments_in, .data_segs_in = c->text_in,
		.data_segs_out = c->text_out, .delivered = c->delivered, .bytes_sent = c->bytes_sent, .bytes_retrans = c->bytes_retransmitted,
		.notsent_bytes = t->write_seq - t->snd_nxt, .snd_wnd = t->snd_wnd,
	};
	if (t->state == TCP_LISTEN) {
		i->unacked = t->accept_count;
		i->sacked = t->backlog;
	}
}

int tcp_get_option(struct socket *s, int level, int option, void __user *value, u32 *len)
{
	struct inet_sock *sk = s->proto;
	struct tcp_sock *t = tcp_of(sk);
	struct abi_tcp_info info;
	char name[16] = "";
	int n;

	if (level != SOL_TCP)
		return inet_get_option(s, level, option, value, len);
	switch (option) {
	case TCP_NODELAY: n = t->nodelay; break;
	case TCP_CORK: n = t->cork; break;
	case TCP_MAXSEG:
		n = tcp_synchronized(t) ? (int)t->mss_path : (int)(t->user_mss ? t->user_mss : TCP_MSS_DEFAULT);
		break;
	case TCP_KEEPIDLE: n = (int)t->keep_idle; break;
	case TCP_KEEPINTVL: n = (int)t->keep_interval; break;
	case TCP_KEEPCNT: n = (int)t->keep_count; break;
	case TCP_SYNCNT: n = t->syn_retries; break;
	case TCP_LINGER2: n = t->linger2 ? t->linger2 : (int)READ_ONCE(tcp_settings.fin_timeout); break;
	case TCP_DEFER_ACCEPT: n = (int)seconds_of(t->defer_accept); break;
	case TCP_WINDOW_CLAMP: n = (int)t->window_clamp; break;
	case TCP_QUICKACK: n = t->quick_acks || t->state == TCP_CLOSED ? 1 : 0; break;
	case TCP_USER_TIMEOUT: n = (int)t->user_timeout_ms; break;
	case TCP_NOTSENT_LOWAT: n = (int)t->notsent_low; break;
	case TCP_FASTOPEN: n = 0; break;
	case TCP_TIMESTAMP: n = (int)tcp_ts_now(t); break;
	case TCP_CONGESTION:
		strlcpy(name, READ_ONCE(t->congestion)->name, sizeof(name));
		return option_out(value, len, name, sizeof(name));
	case TCP_INFO:
		spin_lock(&sk->lock);
		tcp_fill_info(t, &info);
		spin_unlock(&sk->lock);
		return option_out(value, len, &info, sizeof(info));
	default:
		return -ENOPROTOOPT;
	}
	return option_out(value, len, &n, sizeof(n));
}

void tcp_option_changed(struct socket *s, int option)
{
	struct inet_sock *sk = s->proto;

	net_begin();
	spin_lock(&sk->lock);
	if (option == SO_KEEPALIVE)
		tcp_keepalive_start(tcp_of(sk));
	spin_unlock(&sk->lock);
	if (option == SO_SNDBUF || option == SO_SNDBUFFORCE)
		inet_wake(sk, POLLOUT | POLLWRNORM);
	net_end();
}

long tcp_ioctl(struct socket *s, u32 cmd, u64 arg)
{
	struct inet_sock *sk = s->proto;
	struct tcp_sock *t = tcp_of(sk);
	u32 value;

	switch (cmd) {
	case SIOCINQ:
		if (t->state == TCP_LISTEN)
			return -EINVAL;
		spin_lock(&sk->lock);
		value = tcp_readable(t);
		/* Up to the mark only, as Linux counts. */
		if (t->urgent_in && !s->options.oob_inline && !seq_before(t->rcv_up, t->copied_seq) && t->rcv_up - t->copied_seq < value && t->rcv_up != t->copied_seq)
			value = t->rcv_up - t->copied_seq;
		spin_unlock(&sk->lock);
		break;
	case SIOCOUTQ:    /* what was not acknowledged */
	case SIOCOUTQNSD: /* what was not sent */
		if (t->state == TCP_LISTEN)
			return -EINVAL;
		spin_lock(&sk->lock);
		value = t->state == TCP_CLOSED || t->state == TCP_SYN_SENT ? 0 : t->write_seq - (cmd == SIOCOUTQ ? t->snd_una : t->snd_max);
		spin_unlock(&sk->lock);
		break;
	case SIOCATMARK:
		value = t->urgent_in && t->rcv_up == t->copied_seq;
		break;
	default:
		return inet_ioctl(s, cmd, arg);
	}
	return put_user_u32(value, (u32 __user *)arg);
}

/* --- /proc/net/tcp ---------------------------------------------------------------------------------------------------- */

/* tcp_ports.lock held. Which timer runs, and for how long yet (hundredths of a second), as Linux has it. */
static void show_one(struct seq *s, struct inet_sock *sk, u32 number)
{
	struct tcp_sock *t = tcp_of(sk);
	u8 state = READ_ONCE(t->state);
	u64 now = time_ns(), deadline = TIME_NEVER;
	u32 timer = 0, sent, received;

	if (state == TCP_LISTEN) {
		sent = 0;
		received = t->accept_count;
	} else {
		sent = t->write_seq - t->snd_una;
		received = tcp_readable(t) + tcp_fin_waits(t);
	}
	if (state == TCP_TIME_WAIT) {
		timer = 3;
		deadline = t->keep.deadline;
		sent = received = 0;
	} else if (t->retransmit.deadline != TIME_NEVER && state != TCP_CLOSED) {
		timer = t->snd_una == t->snd_max ? 4 : 1;
		deadline = t->retransmit.deadline;
	} else if (t->keep_what != KEEP_NONE) {
		timer = 2;
		deadline = t->keep.deadline;
	}
	u64 left = deadline == TIME_NEVER || deadline < now ? 0 : (deadline - now) / (NSEC_PER_SEC / 100);
	size_t from = s->len;
	inet_show(s, sk, number, state, sent, received);
	seq_printf(s, "%02X:%08lX %08X %5u %8u %lu %u 0000000000000000", timer, left, (u32)t->retries, inet_owner(sk), (u32)t->probes, sk->inode, refcount_read(&sk->ref));
	if (state != TCP_TIME_WAIT)
		seq_printf(s, " %lu %u %u %u %d", t->rto / (NSEC_PER_SEC / 100), 4u, 30u, MAX(t->cwnd / MAX(t->mss, 1u), 1u), -1);
	for (size_t n = s->len - from; n < 149 && sk->family == AF_INET; n++)
		seq_puts(s, " ");
	seq_puts(s, "\n");
}

static int show_family(struct seq *s, u16 family)
{
	struct inet_sock *sk;
	u32 number = 0;

	if (family == AF_INET)
		seq_printf(s, "%-149s\n", "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode");
	else
		seq_puts(s, "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n");
	spin_lock(&tcp_ports.lock);
	/* Listeners first. */
	for (int pass = 0; pass < 2; pass++)
		for (u32 i = 0; i < PORT_BUCKETS; i++)
			list_for_each(sk, &tcp_ports.buckets[i], port_link) {
				u8 state = READ_ONCE(tcp_of(sk)->state);
				if (sk->family == family && state != TCP_CLOSED && (state == TCP_LISTEN) == !pass)
					show_one(s, sk, number++);
			}
	spin_unlock(&tcp_ports.lock);
	return 0;
}

static int show_tcp(struct seq *s)
{
	return show_family(s, AF_INET);
}
NODE(net_tcp, .path = "net/tcp", .show = show_tcp);

static int show_tcp6(struct seq *s)
{
	return show_family(s, AF_INET6);
}
NODE(net_tcp6, .path = "net/tcp6", .show = show_tcp6);
