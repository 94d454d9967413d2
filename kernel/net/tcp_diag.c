/* What sock_diag tells of a TCP connection beyond any socket, and its end by order of an administrator (`ss -K`). */
#include "abi/errno.h"
#include "inet_diag_priv.h"
#include "time/time.h"

/* Which timer runs and for how long yet, as Linux numbers them. */
static void put_timer(const struct tcp_sock *t, struct abi_inet_diag_msg *m)
{
	u64 now = time_ns(), deadline = TIME_NEVER;

	if (t->state == TCP_TIME_WAIT) {
		m->timer = 3;
		deadline = t->keep.deadline;
	} else if (t->retransmit.deadline != TIME_NEVER) {
		bool probes = t->snd_una == t->snd_max;
		m->timer = probes ? 4 : 1;
		m->retransmits = probes ? t->probes : t->retries;
		deadline = t->retransmit.deadline;
	} else if (t->keep_what != KEEP_NONE) {
		m->timer = 2;
		m->retransmits = t->probes;
		deadline = t->keep.deadline;
	}
	m->expires = deadline == TIME_NEVER || deadline < now ? 0 : (u32)((deadline - now) / NSEC_PER_MSEC);
}

void tcp_diag(struct tcp_sock *t, struct abi_inet_diag_msg *m)
{
	put_timer(t, m);
	if (t->state == TCP_LISTEN) {
		m->received = READ_ONCE(t->accept_count);
		m->sent = t->backlog;
	} else if (t->state == TCP_TIME_WAIT) {
		m->received = m->sent = 0;
	} else {
		m->received = tcp_readable(t) + tcp_fin_waits(t);
		m->sent = t->write_seq - t->snd_una;
	}
}

void tcp_diag_attributes(struct tcp_sock *t, struct netlink_sock *n, u8 extensions)
{
	const char *name = READ_ONCE(t->congestion)->name;
	struct abi_tcp_info info;

	if (extensions & 1 << (INET_DIAG_INFO - 1)) {
		tcp_fill_info(t, &info);
		netlink_attribute(n, INET_DIAG_INFO, &info, sizeof(info));
	}
	if (extensions & 1 << (INET_DIAG_CONG - 1))
		netlink_attribute(n, INET_DIAG_CONG, name, (u32)strlen(name) + 1);
}

int tcp_destroy_connection(struct tcp_sock *t)
{
	net_begin();
	spin_lock(&t->sk.lock);
	u8 old = t->state;
	if (old == TCP_LISTEN) {
		atomic_store(&t->sk.error, ECONNABORTED);
		t->sk.shutdown = BOTH_SHUT;
		tcp_set_state(t, TCP_CLOSED);
		tcp_unhash(t);
	} else if (old != TCP_CLOSED) {
		if (old != TCP_TIME_WAIT && old != TCP_SYN_SENT)
			tcp_send_reset(t);
		tcp_abort(t, ECONNABORTED);
	}
	spin_unlock(&t->sk.lock);
	if (old == TCP_LISTEN)
		tcp_listen_stop(t);
	net_end();
	return old == TCP_CLOSED ? -ENOENT : 0;
}
