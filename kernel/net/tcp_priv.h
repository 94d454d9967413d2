/*
 * TCP (RFC 9293) between its files.
 *
 *     tcp_demux.c    whom a segment is for; segments for nobody        tcp_socket.c   connect, send, receive, poll
 *     tcp_input.c    what a segment does to a connection (lab 11)      tcp_listen.c   passive opens, accept
 *     tcp_output.c   what is sent and when (lab 11); tcp_segment.c how tcp_close.c    shutdown, close, the end of a connection
 *     tcp_retransmit.c  the retransmission timer (lab 11)              tcp_guard.c    old and forged segments
 *     tcp_receive.c  data into order, the window that we offer         tcp_sockopt.c  options, ioctls, TCP_INFO
 *     tcp_options.c  options of segments, timestamps; tcp_cookie.c     tcp_table.c    connections by their names, ports, first numbers
 *     tcp_congestion.c  how much may be under way; cubic.c its growth  tcp_timer.c    timers; tcp_tail.c
 *     tcp_sack.c     selective acknowledgements, both ways             tcp_sysctl.c   /proc/sys/net/ipv4, TcpExt's counters
 *
 * What is sent lies in one queue, in order, until it is acknowledged:
 *
 *     send_queue   [ a ][ b ][ c ][ d ][ e ]           snd_una: first byte of a    snd_nxt: first byte of *next (d), may go back for a retransmission
 *                    sent, not acked    │ not sent     snd_max: first byte never sent    write_seq: behind the last byte of e
 *                                       └ next (NULL: all is sent)
 *
 * SYN and FIN are flags of packets in that queue, and count as a byte. Sequence numbers are compared modulo 2^32 (section 3.4).
 *
 * Invariants
 * 1. snd_una <= snd_nxt <= snd_max <= write_seq; the first packet of the queue begins at snd_una, unless it is empty.
 * 2. Whatever is in `receive` is in order and without gaps, from copied_seq to rcv_nxt less a FIN; `out_of_order` is sorted and lies behind rcv_nxt.
 * 3. The right edge of the window that we offered (rcv_adv) never moves left.
 * 4. `away` is the text from snd_una to snd_nxt that is known to have left the net: the peer has it, or it is held to be lost and was not sent again.
 * 5. A connection in the table has a name of four parts; one that is CLOSED is in no table, and none of its timers calls for anything.
 *
 * Lock: inet_sock.lock guards all of a tcp_sock but what is said to be otherwise.
 */
#ifndef NET_TCP_PRIV_H
#define NET_TCP_PRIV_H

#include "core/atomic.h"
#include "inet_priv.h"
#include "net/timer.h"
#include "sched/thread.h"

struct tcp_congestion;
struct tcp_sack_block {
	u32 start, end;
};
#define TCP_SACK_BLOCKS 4                /* RFC 2018 section 3: what fits without timestamps */

/* As /proc/net/tcp and TCP_INFO number them. */
enum tcp_state { TCP_ESTABLISHED = 1, TCP_SYN_SENT, TCP_SYN_RECEIVED, TCP_FIN_WAIT_1, TCP_FIN_WAIT_2, TCP_TIME_WAIT, TCP_CLOSED, TCP_CLOSE_WAIT, TCP_LAST_ACK, TCP_LISTEN, TCP_CLOSING };

#define TCP_MSS_DEFAULT 536u             /* section 3.7.1: when the peer names none */
#define TCP_MSS_LEAST 88u                /* less is not believed */
#define TCP_TEXT_LEAST 48 /* bytes a segment may hold whatever the MTU is: Linux's net.ipv4.tcp_min_snd_mss */
#define TCP_CHUNK (32768u - PACKET_HEADROOM - (u32)sizeof(struct packet_block)) /* data of a packet at most: a block of eight frames */
#define TCP_RTO_MIN (200 * NSEC_PER_MSEC) /* as Linux; RFC 6298 section 2.4 asks for a second, which is long for today's nets */
#define TCP_RTO_MAX (120 * NSEC_PER_SEC)
#define TCP_RTO_INITIAL NSEC_PER_SEC     /* RFC 6298 section 2.1 */
#define TCP_DELAYED_ACK (40 * NSEC_PER_MSEC) /* RFC 9293 section 3.8.6.3: at most 500 ms */
#define TCP_TIME_WAIT_NS (60 * NSEC_PER_SEC) /* twice the MSL, which Linux takes to be 30 seconds */
#define TCP_ORPHAN_RETRIES 8
#define TCP_WINDOW_MAX (1u << 28)        /* cwnd's */
#define TCP_SCALE_MAX 14                 /* RFC 7323 section 2.3 */
#define TCP_DUPLICATES 3                 /* RFC 5681 section 3.2 */

struct tcp_sock {
	struct inet_sock sk;     /* first */
	u8 state;                /* enum tcp_state */
	bool connecting;         /* connect(2) has not told its end yet */
	struct list hash_link;   /* the table's lock; counted while in it */
	bool hashed;             /* the table's lock */
	struct socket_options inherited; /* sk.options when there is no socket */

	/* Send sequence variables (section 3.3.1). */
	u32 iss, snd_una, snd_nxt, snd_max, write_seq, snd_wnd, snd_wl1, snd_wl2, max_window;
	u32 snd_small;           /* end of the last small segment sent: Minshall's rule for Nagle */
	struct list send_queue;
	struct packet *next;     /* the first of it to be sent, or sent again */
	bool fin_queued;
	bool urgent_out;         /* snd_up is ahead of snd_una */
	u32 snd_up;
	u8 snd_scale;
	u32 mss;                 /* data of a segment as we send them: at most a packet's, options taken off */
	u32 mss_path;            /* what the path and the peer would allow */
	u32 mss_peer;            /* as the peer named it */
	u32 mtu;                 /* of the path, when it was looked up */

	/* Receive sequence variables. */
	u32 irs, rcv_nxt, rcv_adv, copied_seq;
	u8 rcv_scale;
	u32 rcv_mss;             /* what the peer's full segments seem to hold */
	u32 last_ack_sent;
	u32 ooo_charge;
	struct list out_of_order;
	bool fin_seen;           /* a FIN was taken in: rcv_nxt counts it */
	bool fin_read;           /* … and the program has come that far */
	u8 quick_acks;           /* so many are sent at once */
	bool ack_now, ack_later; /* owed */
	bool urgent_in;          /* the peer has announced urgent data that was not passed yet */
	bool urgent_there;       /* its byte is in urgent_byte, unread */
	bool urgent_read;        /* … was read by MSG_OOB */
	u8 urgent_byte;
	u32 rcv_up;              /* sequence number of the urgent byte */
	bool telling;            /* tell_work is on its way, and counts */
	struct work tell_work;   /* SIGURG */
	u32 receive_auto, send_auto; /* buffer limits while the program names none */
	u32 drs_seq;             /* copied_seq at the start of this measurement of the reader's pace */
	u64 drs_ns;

	/* Options (RFC 7323). */
	bool ts_ok, scale_ok;
	u32 ts_recent, ts_offset;
	u32 ts_fixed;            /* not 0: said instead of the time, which a SYN cookie needs */
	u64 ts_recent_ns;

	/* Selective acknowledgement (tcp_sack.c). */
	bool sack_ok;
	bool scoreboard;         /* some of send_queue is marked sacked or lost */
	u32 away, lost;          /* bytes: invariant 4; of them those that are to be sent again */
	u64 delivered_ns;        /* when that was sent which was sent last of what is known to have arrived */
	u8 sack_count;
	struct tcp_sack_block sack_blocks[TCP_SACK_BLOCKS]; /* of out_of_order; what grew last comes first */
	struct tcp_sack_block twice; /* came twice, and is to be said once (RFC 2883); empty: nothing */

	/* Time (RFC 6298), congestion (RFC 5681, 6582). */
	u64 srtt, rttvar, rto;
	u8 backoff, retries, probes;
	u32 cwnd, ssthresh, duplicates, recover, acked_part;
	bool in_recovery;
	const struct tcp_congestion *congestion;
	struct { /* tcp_cubic.c */
		u64 epoch_ns, k_ms, credit;
		u32 w_max, origin, w_est, before;
	} cubic;
	u32 total_retransmits;
	/* What TCP_INFO tells of a connection's life (RFC 4898 has most of them); segments as they were on the wire. */
	struct tcp_counts {
		u64 bytes_acked, bytes_received, bytes_sent, bytes_retransmitted;
		u32 segments_in, segments_out, text_in, text_out, delivered;
		u64 sent_ns, text_ns; /* when text went out, and came in, last */
	} counts;
	u64 challenge_ns;        /* when the last challenge ACK was sent */
	u64 first_try_ns;        /* of what is retransmitted now */
	u64 acked_ns;            /* when snd_una moved last */
	u64 last_heard_ns;
	struct net_timer retransmit, delayed, keep, tail;
	u32 tail_end;            /* snd_max when the end of a flight was sent once more */
	enum { KEEP_NONE, KEEP_ALIVE, KEEP_FIN_WAIT, KEEP_TIME_WAIT } keep_what;

	/* Passive opens. accept_lock guards these of a listener, and accept_link of its connections. */
	struct spinlock accept_lock;
	struct list accept_queue; /* established, by accept_link; counted */
	u32 accept_count, syn_count, backlog;
	u64 cookie_ns;           /* a word, read and written whole: when a cookie was sent last; 0: never */
	struct list accept_link;
	struct tcp_sock *listener; /* counted; NULL once accepted, or never had one. The connection's lock */

	/* Options of the program (tcp(7)). */
	bool nodelay, cork;
	u8 defer_accept, syn_retries;
	u32 user_mss, keep_idle, keep_interval, keep_count, user_timeout_ms, window_clamp, notsent_low;
	s32 linger2;
};
static inline struct tcp_sock *tcp_of(struct inet_sock *sk) { return (struct tcp_sock *)sk; }

/* IP's and ours, without options. */
static inline u32 tcp_headers(const struct tcp_sock *t) { return family_of(t->sk.remote)->header_len + (u32)sizeof(struct tcp_header); }

static inline bool seq_before(u32 a, u32 b) { return (s32)(a - b) < 0; }
static inline bool seq_after(u32 a, u32 b) { return seq_before(b, a); }
static inline u32 seq_max(u32 a, u32 b) { return seq_before(a, b) ? b : a; }
static inline bool tcp_synchronized(const struct tcp_sock *t) { return t->state != TCP_CLOSED && t->state != TCP_LISTEN && t->state != TCP_SYN_SENT && t->state != TCP_SYN_RECEIVED; }
static inline bool tcp_can_send(const struct tcp_sock *t) { return t->state == TCP_ESTABLISHED || t->state == TCP_CLOSE_WAIT; }
/* A FIN that the program has not read up to counts as a byte where Linux tells what is to be read. */
static inline u32 tcp_fin_waits(const struct tcp_sock *t) { return t->fin_seen && !t->fin_read; }
static inline u32 tcp_flight(const struct tcp_sock *t) { return t->snd_nxt - t->snd_una; }

/* Everything below with the connection locked, inside net_begin, unless said. */

/* --- tcp_input.c (lab 11) -------------------------------------------------------------------------------------------- */

/*
 * Section 3.10.7: a segment for a connection that is neither CLOSED nor LISTEN. Takes p over: data at the text, p->tcp filled in, the window scaled. In
 * SYN-SENT it is tcp_syn_sent's. Otherwise the steps of 3.10.7.4: one that is not acceptable goes to tcp_not_acceptable; RST (RFC 5961 section 3: only with
 * the number rcv_nxt, others are challenged; in SYN-RECEIVED the program hears ECONNREFUSED, in CLOSE-WAIT EPIPE, else ECONNRESET; TIME-WAIT just ends); SYN
 * (challenged, but in SYN-RECEIVED for the one that made the connection); without ACK no further; then tcp_trim, and the ACK: tcp_acknowledge, or in SYN-RECEIVED
 * the end of the handshake (a reset if it does not acknowledge our SYN; as if lost while the listener's queue is full, tcp_accept_full; else its window is taken,
 * it brings news as for tcp_acknowledge, and ESTABLISHED: tcp_child_established). When all that we sent is acknowledged and a FIN was part of it: tcp_fin_acked.
 * Then URG (tcp_urgent), and text and FIN (tcp_receive_data). Finally tcp_output, if there is still a connection that may have something to say.
 */
void tcp_segment_arrives(struct tcp_sock *t, struct packet *p);
/*
 * Section 3.10.7.3; p stays the caller's. An ACK for anything but our SYN is answered by tcp_reset_reply. What acknowledges our SYN is a round trip after Karn
 * and starts backoff and retries anew, as any ACK with news does (tcp_acknowledge), but is nothing that congestion hears of.
 */
void tcp_syn_sent(struct tcp_sock *t, struct packet *p);
/* Section 3.4: does any of p lie in the window from rcv_nxt to rcv_adv? Beyond the table: also if p begins before it and ends behind it. */
bool tcp_acceptable(const struct tcp_sock *t, const struct packet *p);
/*
 * The ACK field in a synchronized state. False, and challenged: for what was never sent, or older than the largest window that the peer ever offered
 * (max_window; RFC 5961 section 5). Takes the window over unless p is older than what snd_wl1 and snd_wl2 remember; where both are the same, only a larger
 * one; with one that is larger, probes start anew. New: what was acknowledged leaves the queue (part of a packet too; send_charge), `next` and snd_nxt are never
 * behind, urgent_out goes once snd_up is acknowledged, a round trip is sampled after Karn (not of a packet that is marked retransmitted or sacked; tcp_ts_rtt may
 * know it then), backoff and retries start anew, acked_ns is now; then tcp_congestion_acked, timer, tcp_wake_writer. A duplicate (RFC 5681 section 2; with SACK: one that
 * brings news by tcp_sack_take): tcp_congestion_duplicate.
 */
bool tcp_acknowledge(struct tcp_sock *t, struct packet *p);

/* --- tcp_output.c (lab 11) ------------------------------------------------------------------------------------------- */

/*
 * Sends what may be sent. tcp_sack_output comes first. Then packet after packet of tcp_to_send, each of at most tcp_most (tcp_split; what cannot be cut
 * for want of memory waits), as far as the peer's window and cwnd + away reach from snd_una. What only partly fits waits, unless the peer's edge is the
 * nearer one, and nothing is under way, or half of the largest window that it ever offered would be filled (section 3.8.6.2.1): then the part that fits
 * goes. A FIN takes no room of cwnd, but a number in the peer's window: where there is none for it, the text before it goes alone. Nothing but SYN goes before the connection is established. A small last
 * segment is held back by TCP_CORK, and by Nagle unless nodelay is set: while a small one (snd_small) is unacknowledged; one that has a FIN, is urgent, or
 * was sent before, is not. Then the timer, and an ACK if one is still owed at once (ack_now).
 */
void tcp_output(struct tcp_sock *t);
/*
 * One of the queue, a segment of it at most (nothing, if it cannot be cut), out of turn: mostly once more, but a SYN for the first time too. If it is
 * `next`, that and snd_nxt go on; never back.
 */
void tcp_retransmit(struct tcp_sock *t, struct packet *p);
void tcp_retransmit_first(struct tcp_sock *t);         /* the oldest */

/* --- tcp_retransmit.c (lab 11) --------------------------------------------------------------------------------------- */

/* RFC 6298 section 2: srtt, rttvar and rto by one more sample; TCP_RTO_MIN takes G's place, TCP_RTO_MAX is the end. */
void tcp_rtt_sample(struct tcp_sock *t, u64 ns);
/*
 * RFC 6298 section 5.1 to 5.3: the timer runs while something is under way, rto << backoff (at most TCP_RTO_MAX) from when the oldest packet was sent last or
 * from acked_ns, whichever is later; never less than a millisecond from now. When nothing is: tcp_persist_timer. A CLOSED one has no timer.
 */
void tcp_set_retransmit_timer(struct tcp_sock *t);
/*
 * It ran out. With nothing under way it was tcp_persist_timeout's. tcp_gives_up may end it all. Otherwise one more retry, the wait doubles,
 * tcp_congestion_timeout, and all is to be sent again from snd_una on, as far as tcp_output may; before the connection is established, and into a window that
 * is shut, only the first packet. The timer runs again.
 */
void tcp_retransmit_timeout(struct tcp_sock *t);

/* --- given ----------------------------------------------------------------------------------------------------------- */

/* tcp_segment.c. A segment at seq with these flags and a copy of p's data (NULL: none), with what we acknowledge and offer. 0 or -errno. */
int tcp_transmit(struct tcp_sock *t, struct packet *p, u32 seq, u8 flags);
void tcp_transmit_queued(struct tcp_sock *t, struct packet *p);   /* one of the queue, as its marks say; snd_max still as before */
void tcp_send_ack(struct tcp_sock *t);
bool tcp_split(struct tcp_sock *t, struct packet *p, u32 len);    /* cuts p after len bytes: the rest becomes a packet behind it. False: memory is short */

/* How much of p may go in one packet: a segment, or whole segments that are cut on the way down (offload.c). */
u32 tcp_most(const struct tcp_sock *t, const struct packet *p);
u32 tcp_burst(const struct tcp_sock *t);                          /* text of a packet at most: whole segments */
bool tcp_defers(const struct tcp_sock *t, const struct packet *p); /* ACKs are on their way that will make room for more of p at once */

/* tcp_guard.c. From tcp_demux.c, with PAWS before the rest: takes p over. */
void tcp_arrives(struct tcp_sock *t, struct packet *p);
void tcp_challenge(struct tcp_sock *t);                           /* RFC 5961 section 7: an ACK that says where we are, not too often */
/* One that lies outside the window: its answer, and what of it still counts. p stays the caller's. */
void tcp_not_acceptable(struct tcp_sock *t, struct packet *p);

/* tcp_demux.c: a RST in answer to a segment (section 3.10.7.1); no lock needed. */
void tcp_reset_reply(const struct packet *p);

/* tcp_options.c: of a segment that came; false: malformed. */
struct tcp_segment_options {
	u16 mss;
	s8 scale; /* -1: none */
	bool has_ts, sack_ok;
	u32 ts_value, ts_echo;
	const u8 *sack; /* its blocks */
	u8 sack_count;
};
bool tcp_options_parse(const u8 *options, u32 len, struct tcp_segment_options *o);
u32 tcp_options_write(struct tcp_sock *t, u8 *to, u8 flags, u32 text); /* of a segment with so much text: bytes written, a multiple of 4 */
void tcp_options_agree(struct tcp_sock *t, const struct tcp_segment_options *o); /* what a SYN brought */
u32 tcp_ts_now(const struct tcp_sock *t);
bool tcp_paws_ok(struct tcp_sock *t, const struct packet *p);    /* RFC 7323 section 5.3: false: an old duplicate */
void tcp_ts_take(struct tcp_sock *t, const struct packet *p);    /* section 4.3: remembers what to echo */
u64 tcp_ts_rtt(const struct tcp_sock *t, const struct packet *p); /* the round trip that the echoed time tells, ns; 0: none */
void tcp_mss_update(struct tcp_sock *t);                         /* from the path and what the peer named */

/* tcp_receive.c */
void tcp_trim(struct tcp_sock *t, struct packet *p);             /* acceptable: cuts off what came before and what does not fit; sees its timestamp */
void tcp_receive_data(struct tcp_sock *t, struct packet *p);     /* text within the window: takes p over */
u32 tcp_receive_window(struct tcp_sock *t);                      /* what to offer; moves rcv_adv */
u32 tcp_receive_space(const struct tcp_sock *t);                 /* what could be offered now */
void tcp_urgent(struct tcp_sock *t, const struct packet *p);     /* its URG flag */
void tcp_tell_urgent(struct work *w);
void tcp_ack_owed(struct tcp_sock *t, bool at_once);
void tcp_reader_pace(struct tcp_sock *t);                        /* after reading: may the buffer grow? */

/* tcp_sack.c */
void tcp_sack_early(struct tcp_sock *t, u32 start, u32 end);     /* text came that is out of order */
void tcp_sack_twice(struct tcp_sock *t, u32 start, u32 end);     /* text came that we have */
void tcp_sack_advance(struct tcp_sock *t);                       /* rcv_nxt moved */
u32 tcp_sack_write(struct tcp_sock *t, u8 *to, u32 room);        /* the option: bytes written, a multiple of 4 */
bool tcp_sack_take(struct tcp_sock *t, const struct packet *p);  /* what p says that the peer has: true if that is news */
void tcp_sack_count(struct tcp_sock *t);                         /* after that: what is lost, what is away */
bool tcp_sack_first_lost(const struct tcp_sock *t);
void tcp_sack_resend(struct tcp_sock *t, struct packet *p);      /* what was marked lost: it is under way once more */
void tcp_sack_output(struct tcp_sock *t);                        /* sends of what is lost as much as may be under way */
void tcp_sack_go_back(struct tcp_sock *t);                       /* all is to be sent again from snd_una on, but what the peer has */
struct packet *tcp_to_send(struct tcp_sock *t);                  /* `next`, after going past what the peer has; NULL */

/* tcp_congestion.c, tcp_cubic.c: one way of growing and shrinking the window. All in bytes. */
struct tcp_congestion {
	const char *name;
	u32 (*threshold)(struct tcp_sock *t);             /* ssthresh after a loss */
	void (*avoid)(struct tcp_sock *t, u32 acked);     /* grows cwnd above ssthresh */
	void (*idle)(struct tcp_sock *t);                 /* it does not fill its window; NULL: that is no matter */
};
extern const struct tcp_congestion tcp_reno, tcp_cubic;
extern const struct tcp_congestion *const tcp_congestions[];     /* NULL at the end */
extern const struct tcp_congestion *tcp_congestion_default;
const struct tcp_congestion *tcp_congestion_find(const char *name); /* NULL */
void tcp_congestion_choose(struct tcp_sock *t, const struct tcp_congestion *c);
void tcp_congestion_init(struct tcp_sock *t);
void tcp_congestion_acked(struct tcp_sock *t, u32 bytes, u32 flight); /* newly acknowledged; what was under way before that */
void tcp_congestion_duplicate(struct tcp_sock *t);
void tcp_congestion_timeout(struct tcp_sock *t);

/* tcp_timer.c */
void tcp_timers_init(struct tcp_sock *t);
void tcp_persist_timer(struct tcp_sock *t);                      /* nothing is under way: the timer waits for a shut window, or a cork; or is off */
void tcp_persist_timeout(struct tcp_sock *t);
bool tcp_gives_up(struct tcp_sock *t);                           /* tried often enough: true, and the connection was aborted */
void tcp_timer_arm(struct tcp_sock *t, struct net_timer *timer, u64 deadline);
void tcp_timers_stop(struct tcp_sock *t);
void tcp_keep(struct tcp_sock *t, int what, u64 deadline);
void tcp_keepalive_start(struct tcp_sock *t);

/* tcp_tail.c: a probe for what is lost at the end of a flight. */
void tcp_tail_watch(struct tcp_sock *t);                         /* the retransmission timer was set */
void tcp_tail_probe(struct tcp_sock *t);                         /* no ACK came */

/* tcp_close.c */
void tcp_set_state(struct tcp_sock *t, u8 state);
void tcp_done(struct tcp_sock *t);                               /* CLOSED: leaves all tables; the caller has a count of its own */
void tcp_abort(struct tcp_sock *t, int err);                     /* the same with an error for the program */
void tcp_send_reset(struct tcp_sock *t);
void tcp_send_fin(struct tcp_sock *t);                           /* queues it and sends what may be sent */
void tcp_time_wait(struct tcp_sock *t);
void tcp_fin_received(struct tcp_sock *t);
void tcp_fin_acked(struct tcp_sock *t);                          /* what we sent is all acknowledged, FIN included */
void tcp_release(struct socket *s);                              /* no lock */
int tcp_shutdown(struct socket *s, int how);                     /* no lock */
int tcp_disconnect(struct socket *s);                            /* no lock */
void tcp_free_queues(struct tcp_sock *t);

/* tcp_listen.c; no lock for these */
int tcp_listen(struct socket *s, int backlog);
int tcp_accept(struct socket *s, struct socket *fresh, bool nonblock);
void tcp_listen_segment(struct tcp_sock *listener, struct packet *p, const struct tcp_segment_options *o); /* takes p over */
/* A connection as this segment's sender wants it, its SYN in the queue, numbers from irs on; in no table yet. NULL: memory is short. */
struct tcp_sock *tcp_child_make(struct tcp_sock *listener, struct packet *p, const struct tcp_segment_options *o, u32 irs);
void tcp_child_number(struct tcp_sock *t, u32 iss);              /* what it starts with, before it is in a table */
void tcp_child_start(struct tcp_sock *listener, struct tcp_sock *t); /* SYN-RECEIVED, in all tables. t locked */
void tcp_child_established(struct tcp_sock *t);                  /* t locked: it goes to its listener's queue */
bool tcp_accept_full(struct tcp_sock *listener);
void tcp_listen_stop(struct tcp_sock *t);
void tcp_child_gone(struct tcp_sock *t);                         /* t locked: it ended before it was accepted */

/* tcp_cookie.c; no lock for these */
void tcp_cookie_send(struct tcp_sock *listener, struct packet *syn, const struct tcp_segment_options *o);
/* True: the ACK brought a cookie back, a connection was made, and p taken over. */
bool tcp_cookie_ack(struct tcp_sock *listener, struct packet *p, const struct tcp_segment_options *o);

/* tcp_table.c; no lock for these */
extern struct port_table tcp_ports;
void tcp_table_init(void);
void tcp_hash(struct tcp_sock *t);                               /* t locked */
void tcp_unhash(struct tcp_sock *t);
/* Counted, or NULL. The listener when no connection has the name. */
struct tcp_sock *tcp_find(struct address local, u16 local_port, struct address remote, u16 remote_port, const struct netdev *dev);
struct tcp_sock *tcp_find_listener(struct address local, u16 local_port, u32 source_hint, const struct netdev *dev);
/* A port for a connection to remote, or the one it has: 0, -EADDRNOTAVAIL; hashed on success. t locked, names set. */
int tcp_hash_connect(struct tcp_sock *t);
bool tcp_port_conflicts(struct tcp_sock *t);
void tcp_first_numbers(struct tcp_sock *t);                      /* RFC 6528: iss; and the offset of timestamps */
u32 tcp_name_hash(const struct tcp_sock *t, u32 salt);           /* secret; salt not 0 */
extern u32 tcp_time_wait_count;
u32 tcp_established_count(void);

/* tcp_sysctl.c: words, each read and written whole. */
struct tcp_settings {
	u32 sack, timestamps, window_scaling, syncookies, max_syn_backlog, syn_retries, synack_retries, retries;
	u32 keep_idle, keep_interval, keep_count, fin_timeout; /* seconds, but the count */
	u32 rmem[3], wmem[3]; /* least, at first, largest by itself */
};
extern struct tcp_settings tcp_settings;
#define TCP_EXT_FIELDS(F) \
	F(SyncookiesSent) F(SyncookiesRecv) F(SyncookiesFailed) F(ListenOverflows) F(ListenDrops) F(TCPTimeouts) F(TCPSackRecovery) F(TCPRenoRecovery) \
	F(TCPSACKReneging) F(TCPLostRetransmit) F(TCPFastRetrans) F(TCPLossProbes) F(TCPDSACKOldSent) F(TCPChallengeACK) F(TCPSYNChallenge) F(PAWSEstab) F(TCPOFOQueue) F(TCPRcvQDrop)
#define TCP_EXT_MEMBER(name) u64 name;
struct tcp_ext {
	TCP_EXT_FIELDS(TCP_EXT_MEMBER)
};
extern struct tcp_ext tcp_ext; /* atomic */
#define TCP_EXT(field) ((void)__atomic_fetch_add(&tcp_ext.field, 1, __ATOMIC_RELAXED))

/* tcp_socket.c, tcp_sockopt.c */
void tcp_init(void);
int tcp_create(struct socket *s);
struct tcp_sock *tcp_alloc(struct socket *s);
bool tcp_is_connected(const struct inet_sock *sk);
void tcp_wake_writer(struct tcp_sock *t);
bool tcp_writable(const struct tcp_sock *t);
u32 tcp_send_limit(const struct tcp_sock *t);
u32 tcp_receive_limit(const struct tcp_sock *t);
u32 tcp_readable(const struct tcp_sock *t);
long tcp_ioctl(struct socket *s, u32 cmd, u64 arg);
int tcp_set_option(struct socket *s, int level, int option, const void __user *value, u32 len);
int tcp_get_option(struct socket *s, int level, int option, void __user *value, u32 *len);
void tcp_option_changed(struct socket *s, int option);
void tcp_fill_info(struct tcp_sock *t, struct abi_tcp_info *i); /* t locked */
ssize_t tcp_receive_message(struct socket *s, struct socket_msg *m);
ssize_t tcp_send_message(struct socket *s, struct socket_msg *m);

#endif
