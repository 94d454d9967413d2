/* AF_UNIX: sockets, their names, and their end (unix_priv.h has the picture and the locks). */
#include "unix_priv.h"

#include "core/err.h"
#include "core/node.h"
#include "core/registry.h"
#include "lib/format.h"
#include "lib/hash.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "vfs/vfs.h"

#define NAME_BUCKETS 64

MUTEX(unix_mutex, RANK_SUBSYS_MUTEX);
static struct hlist_head abstract_names[NAME_BUCKETS]; /* unix_mutex */
struct list unix_all = LIST_INIT(unix_all);
static const struct proto_ops unix_ops;

static u32 datagrams_max = 10; /* that may wait at a receiver that is made from now on: net.unix.max_dgram_qlen */

/* --- references ---------------------------------------------------------------------------------------------------- */

struct unix_sock *unix_get(struct unix_sock *u)
{
	refcount_get(&u->ref);
	return u;
}

void unix_name_put(struct unix_name *n)
{
	if (n && refcount_put(&n->ref))
		kfree(n);
}

void unix_put(struct unix_sock *u)
{
	if (u && refcount_put(&u->ref)) {
		unix_name_put(u->name);
		kfree(u);
	}
}

struct unix_name *unix_name_of(struct unix_sock *u)
{
	/* Once it has a name, it keeps it. */
	struct unix_name *n = atomic_load_acquire(&u->name);
	if (n)
		refcount_get(&n->ref);
	return n;
}

struct unix_sock *unix_peer_get(struct unix_sock *u)
{
	spin_lock(&u->lock);
	struct unix_sock *peer = u->peer ? unix_get(u->peer) : NULL;
	spin_unlock(&u->lock);
	return peer;
}

struct unix_sock *unix_alloc(int type)
{
	struct unix_sock *u = kzalloc(sizeof(*u), 0);

	if (!u)
		return NULL;
	refcount_set(&u->ref, 1);
	spin_init(&u->lock, "unix socket", RANK_SOCKET);
	mutex_init(&u->io, "unix socket reader", RANK_PIPE);
	wait_queue_init(&u->wait);
	wait_queue_init(&u->room);
	async_init(&u->async);
	list_init(&u->queue);
	list_init(&u->accepts);
	list_init(&u->accept_link);
	list_init(&u->fans);
	list_init(&u->fan_link);
	list_init(&u->gc_link);
	list_init(&u->gc_work);
	u->type = (u8)type;
	u->backlog = READ_ONCE(datagrams_max);
	mutex_lock(&unix_mutex);
	list_add_tail(&unix_all, &u->all_link);
	mutex_unlock(&unix_mutex);
	return u;
}

static int unix_create(struct socket *s, int protocol)
{
	if (protocol && protocol != AF_UNIX)
		return -EPROTONOSUPPORT;
	if (s->type == SOCK_RAW)
		s->type = SOCK_DGRAM; /* as BSD had it */
	if (s->type != SOCK_STREAM && s->type != SOCK_DGRAM && s->type != SOCK_SEQPACKET)
		return -ESOCKTNOSUPPORT;
	struct unix_sock *u = unix_alloc(s->type);
	if (!u)
		return -ENOMEM;
	u->socket = s;
	s->ops = &unix_ops;
	s->proto = u;
	s->async = &u->async;
	s->cookie = &u->cookie;
	return 0;
}

/* --- names --------------------------------------------------------------------------------------------------------- */

static bool is_abstract(const struct unix_name *n)
{
	return !n->addr.path[0];
}

/* From what the user gave: counted, a path ends with a NUL; ERR_PTR(-EINVAL, -ENOMEM). */
static struct unix_name *name_make(const struct abi_sockaddr *name, u32 len)
{
	struct unix_name *n;

	if (len <= sizeof(u16) || len > sizeof(n->addr) || name->family != AF_UNIX)
		return ERR_PTR(-EINVAL);
	n = kzalloc(sizeof(*n), 0);
	if (!n)
		return ERR_PTR(-ENOMEM);
	refcount_set(&n->ref, 1);
	memcpy(&n->addr, name, len);
	n->len = is_abstract(n) ? len : (u32)(sizeof(u16) + strlen(n->addr.path) + 1);
	return n;
}

static struct hlist_head *abstract_bucket(const struct unix_name *n)
{
	return &abstract_names[hash_bytes(n->addr.path, n->len - sizeof(u16), 0) % NAME_BUCKETS];
}

/* Each type has names of its own. unix_mutex held. */
static struct unix_sock *abstract_find(const struct unix_name *n, int type)
{
	hlist_for_each(h, abstract_bucket(n)) {
		struct unix_sock *u = container_of(h, struct unix_sock, name_hash);
		if (u->type == type && u->name->len == n->len && memcmp(u->name->addr.path, n->addr.path, n->len - sizeof(u16)) == 0)
			return u;
	}
	return NULL;
}

/* The socket bound to a path, counted; ERR_PTR. */
static struct unix_sock *path_find(const char *path)
{
	struct lookup_result r;
	struct unix_sock *u = NULL;
	int err = path_lookup(AT_FDCWD, path, LOOKUP_FOLLOW, &r);

	if (err)
		return ERR_PTR(err);
	struct inode *inode = r.path.dentry->inode;
	err = inode_permission(inode, MAY_WRITE);
	if (!err) {
		err = -ECONNREFUSED;
		mutex_lock(&unix_mutex);
		if (S_ISSOCK(inode->mode) && inode->socket)
			u = unix_get(inode->socket);
		mutex_unlock(&unix_mutex);
	}
	path_put(&r.path);
	return u ? u : ERR_PTR(err);
}

struct unix_sock *unix_find(const struct abi_sockaddr *name, u32 len, int type)
{
	struct unix_name *n = name_make(name, len);
	struct unix_sock *u;

	if (IS_ERR(n))
		return (struct unix_sock *)n;
	if (is_abstract(n)) {
		mutex_lock(&unix_mutex);
		u = abstract_find(n, type);
		u = u ? unix_get(u) : ERR_PTR(-ECONNREFUSED);
		mutex_unlock(&unix_mutex);
	} else {
		u = path_find(n->addr.path);
	}
	unix_name_put(n);
	if (!IS_ERR(u) && u->type != type) {
		unix_put(u);
		u = ERR_PTR(-EPROTOTYPE);
	}
	return u;
}

/* Takes the name (which becomes the socket's) unless it is bound already: 0, -EINVAL, -EADDRINUSE. */
static int bind_abstract(struct unix_sock *u, struct unix_name *n)
{
	int err = 0;

	mutex_lock(&unix_mutex);
	if (u->name) {
		err = -EINVAL;
	} else if (abstract_find(n, u->type)) {
		err = -EADDRINUSE;
	} else {
		atomic_store_release(&u->name, n);
		hlist_add(abstract_bucket(n), &u->name_hash);
	}
	mutex_unlock(&unix_mutex);
	return err;
}

int unix_autobind(struct unix_sock *u)
{
	static u32 next; /* unix_mutex */
	struct unix_name *n;
	int err;

	do {
		n = kzalloc(sizeof(*n), 0);
		if (!n)
			return -ENOMEM;
		refcount_set(&n->ref, 1);
		n->addr.family = AF_UNIX;
		mutex_lock(&unix_mutex);
		ksnprintf(n->addr.path + 1, 6, "%05x", next++ & 0xfffff);
		mutex_unlock(&unix_mutex);
		n->len = sizeof(u16) + 6;
		err = bind_abstract(u, n);
		if (err)
			unix_name_put(n);
	} while (err == -EADDRINUSE);
	return err == -EINVAL ? 0 : err; /* somebody else has bound it meanwhile */
}

bool unix_wants_autobind(struct unix_sock *u)
{
	spin_lock(&u->lock);
	bool wants = u->socket && u->socket->options.pass_cred;
	spin_unlock(&u->lock);
	return wants && !READ_ONCE(u->name);
}

static int bind_path(struct unix_sock *u, struct unix_name *n)
{
	struct lookup_result r;
	int err = vfs_mknod(AT_FDCWD, n->addr.path, S_IFSOCK | 0777, 0);

	if (err)
		return err == -EEXIST ? -EADDRINUSE : err;
	err = path_lookup(AT_FDCWD, n->addr.path, 0, &r);
	if (err)
		return err;
	struct inode *inode = r.path.dentry->inode;
	mutex_lock(&unix_mutex);
	if (u->name) {
		err = -EINVAL;
	} else if (!S_ISSOCK(inode->mode) || inode->socket) {
		err = -EADDRINUSE; /* somebody put another file there meanwhile */
	} else {
		inode_get(inode);
		inode->socket = u;
		u->inode = inode;
		n->inode = inode->ino;
		n->dev = inode->sb->dev;
		atomic_store_release(&u->name, n);
	}
	mutex_unlock(&unix_mutex);
	path_put(&r.path);
	if (err == -EINVAL)
		vfs_unlink(AT_FDCWD, n->addr.path);
	return err;
}

static int unix_bind(struct socket *s, const struct abi_sockaddr *name, u32 len)
{
	struct unix_sock *u = s->proto;
	struct unix_name *n;
	int err;

	if (len == sizeof(u16) && name->family == AF_UNIX)
		return unix_autobind(u);
	n = name_make(name, len);
	if (IS_ERR(n))
		return PTR_ERR(n);
	err = is_abstract(n) ? bind_abstract(u, n) : bind_path(u, n); /* a name that is taken is seen before a socket that has one */
	if (err)
		unix_name_put(n);
	return err;
}

static int unix_name(struct socket *s, struct abi_sockaddr *out, bool peer)
{
	struct unix_sock *u = peer ? unix_peer_get(s->proto) : unix_get(s->proto);
	int len = sizeof(u16);

	if (!u)
		return -ENOTCONN;
	struct unix_name *n = unix_name_of(u);
	memset(out, 0, sizeof(*out));
	out->family = AF_UNIX;
	if (n) {
		memcpy(out, &n->addr, MIN(n->len, sizeof(n->addr)));
		len = (int)n->len;
	}
	unix_name_put(n);
	unix_put(u);
	return len;
}

/* --- the end ------------------------------------------------------------------------------------------------------- */

void unix_wake_state(struct unix_sock *u)
{
	wait_wake_all(&u->wait);
	wait_wake_all(&u->room);
}

struct unix_sock *unix_unlink_peer(struct unix_sock *u)
{
	spin_lock(&u->lock);
	struct unix_sock *peer = u->peer;
	u->peer = NULL;
	spin_unlock(&u->lock);
	list_del(&u->fan_link);
	return peer;
}

/* The other end of a connection learns that this one is gone. `unread`: data or the connection itself was never taken. */
static void hang_up(struct unix_sock *peer, bool unread)
{
	spin_lock(&peer->lock);
	peer->shutdown = BOTH_SHUT;
	spin_unlock(&peer->lock);
	if (unread)
		atomic_store(&peer->error, ECONNRESET);
	unix_wake_state(peer);
	async_notify(&peer->async, POLL_HUP, ASYNC_BOTH);
}

/* unix_mutex held: the inode comes back counted, to be put without it. */
static struct inode *unbind(struct unix_sock *u)
{
	struct inode *inode = u->inode;

	if (inode)
		inode->socket = NULL;
	if (u->name && !hlist_unlinked(&u->name_hash))
		hlist_del(&u->name_hash);
	u->inode = NULL;
	list_del(&u->all_link);
	return inode;
}

/* Datagram sockets that are connected to u find out when they send; those that wait for room need not wait any longer. */
static void release_fans(struct unix_sock *u)
{
	struct unix_sock *fan;

	list_for_each(fan, &u->fans, fan_link)
		wait_wake_all(&fan->wait);
}

/* Everything but the last reference. Also for an embryo. */
static void unix_close(struct unix_sock *u, bool embryo)
{
	struct list packets;
	struct unix_sock *peer;
	struct inode *inode;

	list_init(&packets);
	mutex_lock(&unix_mutex);
	spin_lock(&u->lock);
	u->dead = true;
	u->socket = NULL;
	u->shutdown = BOTH_SHUT;
	u->state = UNIX_CLOSED;
	bool unread = unix_has_unread(u) || embryo;
	u->urgent = NULL;
	list_splice_tail(&packets, &u->queue);
	u->packets = u->bytes = 0;
	spin_unlock(&u->lock);
	inode = unbind(u);
	release_fans(u);
	peer = unix_unlink_peer(u);
	mutex_unlock(&unix_mutex);

	if (peer && u->type != SOCK_DGRAM)
		hang_up(peer, unread);
	unix_wake_state(u);
	unix_put(peer);
	if (inode)
		inode_put(inode);
	unix_packets_free(&packets);
}

/* Ends the embryos of a listener that closes. */
static void refuse_all(struct unix_sock *u)
{
	struct list embryos;

	list_init(&embryos);
	spin_lock(&u->lock);
	list_splice_tail(&embryos, &u->accepts);
	u->accept_count = 0;
	spin_unlock(&u->lock);
	while (!list_empty(&embryos)) {
		struct unix_sock *e = list_first(&embryos, struct unix_sock, accept_link);
		list_del(&e->accept_link);
		unix_close(e, true);
		unix_put(e);
	}
}

static void unix_release(struct socket *s)
{
	struct unix_sock *u = s->proto;

	unix_close(u, false);
	refuse_all(u);
	unix_put(u);
	unix_collect();
}

static int unix_shutdown(struct socket *s, int how)
{
	struct unix_sock *u = s->proto, *peer;
	u8 mode = (u8)(how + 1), peer_mode = 0;

	if (how < SHUT_RD || how > SHUT_RDWR)
		return -EINVAL;
	spin_lock(&u->lock);
	u->shutdown |= mode;
	spin_unlock(&u->lock);
	unix_wake_state(u);
	peer = u->type == SOCK_DGRAM ? NULL : unix_peer_get(u);
	if (!peer)
		return 0;
	peer_mode = (mode & RECEIVE_SHUT ? SEND_SHUT : 0) | (mode & SEND_SHUT ? RECEIVE_SHUT : 0);
	spin_lock(&peer->lock);
	peer->shutdown |= peer_mode;
	spin_unlock(&peer->lock);
	unix_wake_state(peer);
	if (peer_mode & RECEIVE_SHUT)
		async_notify(&peer->async, peer_mode == BOTH_SHUT ? POLL_HUP : POLL_IN, ASYNC_BOTH);
	unix_put(peer);
	return 0;
}

/* --- small questions ----------------------------------------------------------------------------------------------- */

static int unix_error(struct socket *s)
{
	return atomic_xchg(&((struct unix_sock *)s->proto)->error, 0);
}

static bool unix_listening(struct socket *s)
{
	return READ_ONCE(((struct unix_sock *)s->proto)->state) == UNIX_LISTENING;
}

static int unix_peer_cred(struct socket *s, struct abi_ucred *out)
{
	struct unix_sock *u = s->proto;

	spin_lock(&u->lock);
	if (u->peer_cred.pid)
		*out = u->peer_cred;
	spin_unlock(&u->lock);
	return 0;
}

u64 unix_inode_number(struct unix_sock *u)
{
	spin_lock(&u->lock);
	const struct file *f = u->socket ? u->socket->file : NULL;
	u64 number = f && f->inode ? f->inode->ino : 0;
	spin_unlock(&u->lock);
	return number;
}

/* A line of /proc/net/unix; names may hold any byte. */
static void show_socket(struct seq *s, struct unix_sock *u)
{
	u64 ino = unix_inode_number(u);
	u8 shown = 3; /* SS_CONNECTED, SS_UNCONNECTED: 1 */

	spin_lock(&u->lock);
	if (!u->socket)
		shown = u->state == UNIX_CONNECTED ? 2 : 4;
	else if (u->state != UNIX_CONNECTED)
		shown = 1;
	bool listening = u->state == UNIX_LISTENING;
	spin_unlock(&u->lock);
	seq_printf(s, "%016lx: %08x %08x %08x %04x %02x %5lu", 0ul, refcount_read(&u->ref) + 1, 0, listening ? 0x10000 : 0, u->type, shown, ino);
	if (u->name) {
		u32 len = u->name->len - (u32)sizeof(u16);
		seq_puts(s, " ");
		for (u32 i = 0; i < len - !is_abstract(u->name); i++) {
			char c = u->name->addr.path[i];
			seq_write(s, c ? &c : "@", 1);
		}
	}
	seq_puts(s, "\n");
}

static int show_unix(struct seq *s)
{
	struct unix_sock *u;

	seq_puts(s, "Num               RefCount Protocol Flags    Type St Inode Path\n");
	mutex_lock(&unix_mutex);
	list_for_each(u, &unix_all, all_link)
		show_socket(s, u);
	mutex_unlock(&unix_mutex);
	return 0;
}
NODE(net_unix, .path = "net/unix", .show = show_unix);

static int show_queue_length(struct seq *s)
{
	seq_printf(s, "%u\n", READ_ONCE(datagrams_max));
	return 0;
}

static ssize_t store_queue_length(const char *text, size_t len)
{
	const char *end;
	u64 value = parse_u64(text, &end, 10);

	if (end == text || (*end && *end != '\n') || value > INT32_MAX)
		return -EINVAL;
	WRITE_ONCE(datagrams_max, (u32)value);
	return (ssize_t)len;
}
NODE(max_dgram_qlen, .path = "sys/net/unix/max_dgram_qlen", .mode = 0644, .show = show_queue_length, .store = store_queue_length);

static const struct proto_ops unix_ops = {
	.bind = unix_bind,
	.connect = unix_connect,
	.listen = unix_listen,
	.accept = unix_accept,
	.pair = unix_pair,
	.name = unix_name,
	.shutdown = unix_shutdown,
	.send = unix_send,
	.receive = unix_receive,
	.poll = unix_poll,
	.ioctl = unix_ioctl,
	.error = unix_error,
	.listening = unix_listening,
	.peer_cred = unix_peer_cred,
	.release = unix_release,
};
SOCKET_FAMILY(unix, .family = AF_UNIX, .name = "unix", .create = unix_create);
