/*
 * Netlink (netlink(7)) between its sockets (socket/netlink.c), their messages (socket/netlink_message.c), and who answers them: sock_diag beside them,
 * rtnetlink in net/.
 *
 * One send may hold several requests. Each goes to the handler of the socket's protocol, which puts answers together by netlink_begin and
 * netlink_attribute; they lie in the sender's own queue before its send returns. An answer that may be longer than a queue is a dump: of that
 * a piece is made whenever the reader has taken all that there was.
 */
#ifndef SOCKET_NETLINK_H
#define SOCKET_NETLINK_H

#include "abi/netlink.h"
#include "socket/socket.h"

#define NETLINK_ANSWER 7800u     /* bytes of one answer: programs read into 8 KiB */
#define NETLINK_ATTRIBUTES 512u  /* of one message at most, unless netlink_room asked for more */
#define NETLINK_PROTOCOLS 32

/* Who asked, and the answer to it under way. */
struct netlink_sock {
	struct socket *socket;
	u32 port;                     /* its number */
	u8 *answer;                   /* NETLINK_ANSWER bytes; NULL: none yet */
	u32 len;                      /* of it, so far */
	struct abi_nlmsghdr *message; /* the last one in it */
};

/* Answers h, which holds h->len bytes: 0 (an ACK follows if it was asked for), -errno, or NETLINK_ANSWERED: the answer is the acknowledgement. */
typedef int (*netlink_handler)(struct netlink_sock *n, const struct abi_nlmsghdr *h);
#define NETLINK_ANSWERED 1
/* By protocol; set once, by who answers. NULL: nobody does. */
extern netlink_handler netlink_handlers[NETLINK_PROTOCOLS];

/* A message with a body of `len` zero bytes in the answer under way, or in a new one: its body. NULL if memory is short: then the
 * asker is told that something was lost. */
void *netlink_begin(struct netlink_sock *n, u16 type, u16 flags, u32 seq, u32 len);
/* To the message begun last. */
void netlink_attribute(struct netlink_sock *n, u16 type, const void *data, u32 len);
static inline void netlink_attribute_u32(struct netlink_sock *n, u16 type, u32 v) { netlink_attribute(n, type, &v, sizeof(v)); }
static inline void netlink_attribute_u8(struct netlink_sock *n, u16 type, u8 v) { netlink_attribute(n, type, &v, sizeof(v)); }
/* The message begun next shall have room for so many bytes. */
void netlink_room(struct netlink_sock *n, u32 bytes);
void netlink_flush(struct netlink_sock *n);          /* the answer goes to the reader's queue */
/* The same, after what ends an answer of several messages: 0, or the error that it ended by. */
void netlink_done(struct netlink_sock *n, u32 seq, int err);

/* The attributes behind the first `body` bytes of h by type, the last of each; NULL: not there. 0 or -EINVAL. */
int netlink_attributes(const struct abi_nlmsghdr *h, u32 body, const struct abi_rtattr **out, u32 count);

/* Embedded in what its maker has to remember from one step to the next. */
struct netlink_dump {
	bool (*step)(struct netlink_dump *d, struct netlink_sock *n); /* adds messages, each with NLM_F_MULTI: are there more? */
	void (*drop)(struct netlink_dump *d);                         /* it came to its end, or its reader went */
	u32 seq;
};
/* The first step, and the others as the reader goes on; takes d over. NETLINK_ANSWERED, or -EBUSY while another one is under way. */
int netlink_dump(struct netlink_sock *n, struct netlink_dump *d);

/* A message of len bytes for s, and that one was lost, which its reader is told (ENOBUFS), as it would wait for it. */
void netlink_answer(struct socket *s, const void *data, u32 len);
void netlink_lost(struct socket *s);

#endif
