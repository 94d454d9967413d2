/* The other end of a TCP connection of ours: stage 11's tests play it segment by segment. */
#ifndef KTEST_11_PEER_H
#define KTEST_11_PEER_H

#include "11_wire.h"
#include "net/tcp_priv.h"

struct peer {
	struct socket s;       /* our end */
	struct tcp_sock *t;    /* the same */
	u16 port, our_port;
	u32 seq;               /* the next that the peer sends */
	u32 ack;               /* what it has had of ours */
	u16 window;
	u32 iss, our_iss;
	bool stamps;           /* it sends timestamps (RFC 7323), and says `echo` for ours */
	u32 echo;
	bool sack;             /* it agrees on selective acknowledgements (RFC 2018), and says that it has sack_start to sack_end: nothing if they are the same */
	u32 sack_start, sack_end;
	u16 urgent;            /* of segments with URG: behind the urgent byte, counted from their number */
};
/* A segment of ours, as the peer sees it. */
struct seen {
	u32 seq, ack, len, end;  /* end: behind text, SYN and FIN */
	u16 window, mss;         /* mss 0: no option */
	u32 stamp, echo;         /* 0: none */
	u8 flags;
	const u8 *text;
};

/* A segment from the peer: flags and text; seq and ack as p has them, or as given. */
void peer_send(struct peer *p, u8 flags, const void *text, u32 len);
void peer_send_at(struct peer *p, u8 flags, u32 seq, u32 ack, const void *text, u32 len);
/* The next segment of ours to the peer: false: none. */
bool peer_next(struct peer *p, struct seen *s);
/* The same, all that lie there: how many; the last in *s. */
u32 peer_all(struct peer *p, struct seen *s);
bool peer_silent(struct peer *p); /* nothing of ours lies there */
/* Our connect(2), up to the SYN. */
bool peer_call(struct peer *p, u16 window);
/* An established connection, in one of the two ways; the peer's largest segment is mss (0: not said). */
bool peer_open(struct peer *p, u16 window, u16 mss);
bool peer_open_with_stamps(struct peer *p, u16 window, u16 mss);
bool peer_open_with_sack(struct peer *p, u16 window, u16 mss);
/* Ends it, whatever its state. */
void peer_close(struct peer *p);

#endif
