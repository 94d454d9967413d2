/*
 * The socket object: what all families have in common. A family registers itself (SOCKET_FAMILY) and gives each socket its operations; addresses are
 * plain bytes that only the family reads.
 *
 *   struct file ── private ──► struct socket ── proto ──► the family's own (struct unix_sock, …)
 */
#ifndef SOCKET_SOCKET_H
#define SOCKET_SOCKET_H

#include "abi/errno.h"
#include "abi/socket.h"
#include "core/compiler.h"
#include "file/async.h"

struct socket;

/* What goes along with data over a UNIX socket (socket/control.c). */
struct socket_control {
	struct abi_ucred cred;
	bool has_cred;
	u32 file_count;
	struct file **files; /* counted */
};

/* A control message that only the family reads or writes; the others are struct socket_control. */
#define SOCKET_EXTRA_MAX 4
struct socket_extra {
	int level, type;
	u32 len;
	u8 data[48];
};

/* One sendmsg or recvmsg. */
struct socket_msg {
	struct uio data;
	u32 flags;                     /* MSG_*, with MSG_DONTWAIT for a non-blocking file */
	struct abi_sockaddr name;      /* send: destination, if name_len; receive: where it came from */
	u32 name_len;
	struct socket_control control; /* send: what to pass on; receive: what came, owned by the caller */
	u32 out_flags;                 /* receive: MSG_TRUNC, MSG_EOR … */
	u32 extra_count;               /* of `extra`: at other levels than SOL_SOCKET, or of the family's making */
	struct socket_extra extra[SOCKET_EXTRA_MAX];
};

/* All may sleep; results are 0 or -errno unless said. NULL means -EOPNOTSUPP. */
struct proto_ops {
	int (*bind)(struct socket *s, const struct abi_sockaddr *name, u32 len);
	int (*connect)(struct socket *s, const struct abi_sockaddr *name, u32 len, bool nonblock);
	int (*listen)(struct socket *s, int backlog);
	int (*accept)(struct socket *s, struct socket *fresh, bool nonblock); /* fresh: empty, becomes the connection's end */
	int (*pair)(struct socket *a, struct socket *b);
	int (*name)(struct socket *s, struct abi_sockaddr *out, bool peer); /* length or -errno */
	int (*shutdown)(struct socket *s, int how);
	ssize_t (*send)(struct socket *s, struct socket_msg *m);
	ssize_t (*receive)(struct socket *s, struct socket_msg *m);
	u32 (*poll)(struct socket *s, struct file *f, struct poll_table *pt);
	long (*ioctl)(struct socket *s, u32 cmd, u64 arg); /* default -ENOTTY */
	/* Of levels other than SOL_SOCKET, and SO_BINDTODEVICE; default -EOPNOTSUPP. */
	int (*set_option)(struct socket *s, int level, int option, const void __user *value, u32 len);
	int (*get_option)(struct socket *s, int level, int option, void __user *value, u32 *len);
	void (*option_changed)(struct socket *s, int option); /* one of struct socket_options; default: nothing to do */
	int (*error)(struct socket *s); /* takes the pending error off: positive errno or 0 */
	bool (*listening)(struct socket *s);
	int (*peer_cred)(struct socket *s, struct abi_ucred *out);
	void (*release)(struct socket *s); /* the file went */
};

/* Options that any family may look at; written with plain stores, each a word. */
struct socket_options {
	u32 send_buffer, receive_buffer; /* bytes, bookkeeping included */
	u64 send_timeout, receive_timeout; /* ns; TIME_NEVER: none */
	s32 receive_low;
	u32 priority, mark;
	struct abi_linger linger;
	bool debug, reuse_address, reuse_port, dont_route, broadcast, keep_alive, oob_inline, no_check, pass_cred, pass_security, timestamp, timestamp_ns;
	bool send_buffer_set, receive_buffer_set; /* by the user: no longer ours to fit to the path */
};

struct socket {
	const struct proto_ops *ops;
	u16 family, type;
	int protocol;
	void *proto; /* the family's */
	struct async_list *async; /* the same: where O_ASYNC waits; NULL: it is told nothing */
	u64 *cookie; /* the same: where its number for SO_COOKIE is; NULL: at own_cookie */
	u64 own_cookie;
	u64 *inode; /* the same: where the number of its file's inode is to be known; NULL: nowhere */
	struct socket_options options;
	struct file *file; /* not counted; NULL until it has one */
};

/* SIGURG to the owner of the file of *s, which `lock` guards (NULL: none). No locks held; may sleep. */
void socket_tell_urgent(struct spinlock *lock, struct socket **s);

/* SOCKET_FAMILY(unix, .family = AF_UNIX, .create = …) */
struct socket_family {
	int family;
	const char *name;
	/* Checks s->type and protocol, sets s->ops and s->proto: 0, -ESOCKTNOSUPPORT, -EPROTONOSUPPORT, -EPERM, -ENOMEM … */
	int (*create)(struct socket *s, int protocol);
};
#define SOCKET_FAMILY(ident, ...) \
	static const struct socket_family socket_family_##ident = { __VA_ARGS__ }; \
	LINKER_SET(socket_families, socket_family_##ident)
LINKER_SET_DECLARE(socket_families, const struct socket_family);

#define SOCKET_BUFFER_DEFAULT 212992u
#define SOCKET_BUFFER_MAX 212992u
#define SOCKET_SEND_MIN 4608u
#define SOCKET_RECEIVE_MIN 2304u

/* ioctls about network devices, which a socket of any family takes: set once by net; NULL while there are none. -ENOTTY for others. */
extern long (*socket_device_ioctl)(u32 cmd, u64 arg);
/* A number that no other socket has or had, drawn when it is first asked for: *at is 0 until then. */
u64 socket_cookie(u64 *at);
/* NULL if f is no socket. */
struct socket *socket_of(struct file *f);
/* When a wait that may take so long must end (time_ns units); 0: at once. */
u64 socket_deadline(u64 timeout, bool nonblock);
/* What a wait that ended with err (of wait_event_interruptible_until) is for the caller: -EAGAIN, and -EINTR where a time limit forbids a restart. */
int socket_wait_error(long err, u64 timeout);
/* SIGPIPE to current, unless the flags forbid it. */
void socket_broken_pipe(u32 flags);

extern u64 socket_backlog_max; /* connections that listen(2) lets wait, at most */

#endif
