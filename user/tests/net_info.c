/* stage: 11; libc: musl; run: guest+golden
 * TCP_INFO: what it tells of a connection's life, and as much of it as there is room for. */
#include "net.h"

/* As Linux 6.1 has it: musl's is shorter. */
struct info {
	uint8_t state, ca_state, retransmits, probes, backoff, options, wscale, flags;
	uint32_t rto, ato, snd_mss, rcv_mss, unacked, sacked, lost, retrans, fackets, last_data_sent, last_ack_sent, last_data_recv, last_ack_recv, pmtu, rcv_ssthresh, rtt, rttvar,
		snd_ssthresh, snd_cwnd, advmss, reordering, rcv_rtt, rcv_space, total_retrans;
	uint64_t pacing_rate, max_pacing_rate, bytes_acked, bytes_received;
	uint32_t segs_out, segs_in, notsent_bytes, min_rtt, data_segs_in, data_segs_out;
	uint64_t delivery_rate, busy_time, rwnd_limited, sndbuf_limited;
	uint32_t delivered, delivered_ce;
	uint64_t bytes_sent, bytes_retrans;
	uint32_t dsack_dups, reord_seen, rcv_ooopack, snd_wnd;
};

static void tell(const char *what, int fd)
{
	struct info i;
	socklen_t len = sizeof(i);

	memset(&i, 0, sizeof(i));
	NEED(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &i, &len) == 0);
	say("%s: state %d, congestion %d, options %x; unacked %u lost %u retransmitted %u, pmtu %u, ssthresh %u, cwnd %u, advmss %u; acked %lu received %lu sent %lu again %lu not sent %u; "
	    "with text in %u out %u, segments %s; rtt %s, last text sent %s, came %s; pacing %s %s\n",
	    what, i.state, i.ca_state, i.options, i.unacked, i.lost, i.total_retrans, i.pmtu, i.snd_ssthresh, i.snd_cwnd, i.advmss, i.bytes_acked, i.bytes_received, i.bytes_sent,
	    i.bytes_retrans, i.notsent_bytes, i.data_segs_in, i.data_segs_out, i.segs_in >= i.data_segs_in && i.segs_out >= i.data_segs_out ? "add up" : "do not add up",
	    i.rtt ? "known" : "unknown", i.last_data_sent < 250 ? "now" : "before", i.last_data_recv < 250 ? "now" : "before", i.pacing_rate ? "known" : "unknown",
	    i.max_pacing_rate == ~0ul ? "without limit" : "limited");
}

int main(void)
{
	static char text[70000];
	char room[400];
	int fd[2], listener;
	socklen_t len;

	lo_up();
	fd[0] = socket(AF_INET, SOCK_STREAM, 0);
	V(option(fd[0], IPPROTO_TCP, TCP_QUICKACK));
	close(fd[0]);
	tcp_pair(fd, &listener);
	tell("new", fd[0]);
	tell("accepted", fd[1]);
	R(send(fd[0], text, 1000, 0));
	nap(100);
	tell("sent", fd[0]);
	tell("not read", fd[1]);
	R(recv(fd[1], text, 1000, MSG_WAITALL));
	R(send(fd[1], text, 10, 0));
	nap(300);
	tell("answered", fd[0]);
	tell("read", fd[1]);
	shutdown(fd[0], SHUT_WR);
	nap(100);
	tell("shut", fd[0]);
	tell("the other end", fd[1]);
	for (unsigned i = 0; i < 6; i++) {
		static const int lengths[] = { 0, 1, 8, 104, 232, 400 };
		memset(room, 0x55, sizeof(room));
		len = (socklen_t)lengths[i];
		R(getsockopt(fd[0], IPPROTO_TCP, TCP_INFO, room, &len));
		say("%d: %d, behind it %s\n", lengths[i], (int)len, len < sizeof(room) && room[len] == 0x55 ? "nothing" : "something");
	}
	len = 232;
	R(getsockopt(fd[0], IPPROTO_TCP, TCP_INFO, (void *)8, &len));
	len = (socklen_t)-1;
	R(getsockopt(fd[0], IPPROTO_TCP, TCP_INFO, room, &len));
	R(setsockopt(fd[0], IPPROTO_TCP, TCP_INFO, room, 232));
	len = sizeof(room);
	R(getsockopt(listener, IPPROTO_TCP, TCP_INFO, room, &len));
	say("listener: state %d, queue %u of %u\n", ((struct info *)room)->state, ((struct info *)room)->unacked, ((struct info *)room)->sacked);
	return 0;
}
