/*
 * AF_UNIX between its files.
 *
 *     connection                                        datagrams
 *     client ── peer ──► server      listener           a ── peer ──► c ◄── peer ── b
 *       ▲──── peer ─────── │           │ accepts        c->fans = { a, b }
 *       │ queue            │ queue     ▼
 *       ◄ packets          ◄ packets   embryos: connections that nobody has accepted yet
 *
 * A packet lies in the queue of its receiver and is charged to its sender, whose buffer size bounds what it may have under way. A stream is a queue of
 * packets that a reader takes in pieces.
 *
 * Invariants
 * 1. A unix_sock is memory for as long as anybody counts it: its socket, its peer, those connected to it, an accept queue, packets that it sent.
 * 2. `dead` is set before the queue is emptied for good, both under lock; nobody adds a packet to a dead socket.
 * 3. peer, state and name change under unix_mutex; peer and state under lock as well, so either suffices to read them.
 * 4. A packet's files that are UNIX sockets are counted in their `inflight` from before it is queued until it is freed (unix_gc.c).
 *
 * Locks: socket->io (readers of one socket) -> unix_mutex (names, links) -> gc_lock -> unix_sock.lock. Two of the last are never held at once, and no wake-up
 * is done under one. Packets are freed without any lock, since that closes files.
 */
#ifndef SOCKET_UNIX_PRIV_H
#define SOCKET_UNIX_PRIV_H

#include "lib/list.h"
#include "proc/cred.h"
#include "sched/mutex.h"
#include "socket_priv.h"

#define RECEIVE_SHUT 1
#define SEND_SHUT 2
#define BOTH_SHUT 3

/* Where a socket is bound. Never changed once made. */
struct unix_name {
	struct refcount ref;
	u32 len; /* of addr, family included */
	u64 inode, dev; /* of a path: which file; a connection has these from its listener */
	struct abi_sockaddr_un addr;
	char end; /* a path of full length gets its NUL here */
};

enum unix_state { UNIX_CLOSED, UNIX_LISTENING, UNIX_CONNECTED };

struct unix_sock {
	struct refcount ref;
	struct spinlock lock;
	u8 type;
	bool dead;                 /* lock */
	enum unix_state state;     /* unix_mutex and lock */
	u8 shutdown;               /* lock: RECEIVE_SHUT, SEND_SHUT */
	int error;                 /* atomic: positive; who reads it clears it */
	struct socket *socket;     /* lock; NULL: not accepted yet, or closed */
	struct unix_sock *peer;    /* unix_mutex and lock; counted */
	struct list queue;         /* lock: packets */
	u32 packets, bytes;        /* lock: in the queue */
	struct unix_packet *urgent; /* lock: in the queue of a stream, an urgent byte that nobody has taken; NULL: none */
	u32 sent;                  /* atomic: memory of our packets that are under way */
	struct list accepts;       /* lock: embryos, by accept_link; counted */
	struct list accept_link;
	u32 accept_count, backlog; /* lock */
	struct list fans, fan_link; /* unix_mutex: datagram sockets whose peer we are */
	struct mutex io;           /* one reader at a time */
	struct wait_queue wait;    /* something changed: data, room, state. poll too */
	struct async_list async;
	bool tell_room;            /* atomic: a sender found no room, so O_ASYNC is told of the next */
	struct wait_queue room;    /* who wants to send to us, or to connect, and finds us full */
	struct unix_name *name;    /* set once, under unix_mutex, and kept; counted */
	struct hlist name_hash;    /* abstract names: unix_mutex */
	struct inode *inode;       /* bound to a path: unix_mutex; counted */
	struct abi_ucred cred, peer_cred; /* lock: who listened, connected, made the pair */
	struct list all_link;      /* unix_mutex */
	u64 cookie;                /* socket_cookie */
	/* unix_gc.c, gc_lock: */
	u32 inflight;              /* times that our file is in a packet */
	struct list gc_link;       /* while inflight */
	struct list gc_work;       /* alive, its queue is still to be followed */
	u32 outside;               /* during a collection: references that are not from candidates */
	enum { GC_NONE, GC_CANDIDATE, GC_ALIVE } gc_state;
};

struct unix_packet {
	struct list link;
	struct unix_sock *sender;   /* counted; charged */
	struct socket_control control;
	u32 charge;
	u32 len, pos;               /* bytes [pos, len) are left */
	bool urgent;                /* an urgent byte, or what is left of one that was taken */
	u8 data[];
};

extern struct mutex unix_mutex;
extern struct list unix_all; /* every unix_sock that was not closed, by all_link: unix_mutex */

/* --- unix.c --- */
struct unix_sock *unix_get(struct unix_sock *u);
void unix_put(struct unix_sock *u);
void unix_name_put(struct unix_name *n);
struct unix_name *unix_name_of(struct unix_sock *u); /* counted; NULL: not bound */
struct unix_sock *unix_alloc(int type);              /* NULL if memory is short */
struct unix_sock *unix_peer_get(struct unix_sock *u); /* counted, or NULL */
/* Gives an unbound socket an abstract name: 0 or -errno. */
int unix_autobind(struct unix_sock *u);
bool unix_wants_autobind(struct unix_sock *u);
u64 unix_inode_number(struct unix_sock *u);          /* of its file; 0: it has none. Takes its lock */
/* The socket that a name stands for, counted; ERR_PTR. */
struct unix_sock *unix_find(const struct abi_sockaddr *name, u32 len, int type);
/* A connection ends, or a datagram socket loses its destination: wakes who must know. unix_mutex held; the peer's count goes to the caller (NULL: none). */
struct unix_sock *unix_unlink_peer(struct unix_sock *u);
void unix_wake_state(struct unix_sock *u);

/* --- unix_connect.c --- */
int unix_connect(struct socket *s, const struct abi_sockaddr *name, u32 len, bool nonblock);
int unix_listen(struct socket *s, int backlog);
int unix_accept(struct socket *s, struct socket *fresh, bool nonblock);
int unix_pair(struct socket *a, struct socket *b);
/* A datagram socket is not linked to `old` any more: what lies in its queue goes, and if there was some, `old` is told in case it is linked to us. */
void unix_datagrams_lost(struct unix_sock *u, struct unix_sock *old);

/* --- unix_io.c --- */
ssize_t unix_send(struct socket *s, struct socket_msg *m);
ssize_t unix_receive(struct socket *s, struct socket_msg *m);
bool unix_writable(struct unix_sock *u);             /* little enough of it is under way that more may be sent */
/* Is to's queue closed to us: it is connected, and not to us (-EPERM)? Else: does its length bind us (a pair's does not)? */
int unix_datagram_rule(struct unix_sock *u, struct unix_sock *to, bool *limited);
/* Frees all on a list that nobody else sees. Files among them may be the last references of sockets: those are emptied in turn, not in depth. */
void unix_packets_free(struct list *packets);
bool unix_queue_full(const struct unix_sock *u);

/* --- unix_poll.c --- */
u32 unix_poll(struct socket *s, struct file *f, struct poll_table *pt);
long unix_ioctl(struct socket *s, u32 cmd, u64 arg);

/* --- unix_oob.c --- */
/*
 * What is to be read where p is next (NULL: the queue's end): p, or one after it; NULL with *stop: nothing more, for the mark is reached. Packets that are
 * dropped on the way go to `gone`, to be freed without locks. Lock of u and u->io held.
 */
struct unix_packet *unix_heed_mark(struct unix_sock *u, struct unix_packet *p, bool peek, bool copied, bool *stop, struct list *gone);
ssize_t unix_receive_urgent(struct unix_sock *u, struct socket_msg *m);
int unix_at_mark(struct unix_sock *u);
bool unix_has_unread(const struct unix_sock *u);   /* lock held */
void unix_tell_urgent(struct unix_sock *to);       /* SIGURG to the owner of to's file. No locks */

/* --- unix_gc.c --- */
/* Counts the sockets among a packet's files (once, before it is queued), and back. 0 or -ETOOMANYREFS. */
int unix_inflight_add(struct socket_control *c);
void unix_inflight_remove(struct socket_control *c);
/* Frees sockets that only reach each other through packets that nobody can receive. No lock held. */
void unix_collect(void);

#endif
