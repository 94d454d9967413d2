/* What sock_diag tells of UNIX sockets: one by its inode's number, or all in the states that were asked for. */
#include "unix_priv.h"

#include "core/atomic.h"
#include "mm/slab.h"
#include "socket/sock_diag.h"
#include "vfs/vfs.h"

#define ONE_MAX 600u    /* bytes that one takes in an answer, those that wait to be accepted left out */
#define WAITING_MAX 1600u /* … of which so many are told */
enum { STATE_ESTABLISHED = 1, STATE_CLOSED = 7, STATE_LISTEN = 10 }; /* TCP's numbers */

static u8 state_of(const struct unix_sock *u)
{
	if (u->state == UNIX_LISTENING)
		return STATE_LISTEN;
	return u->state == UNIX_CONNECTED || (u->type == SOCK_DGRAM && (u->peer || !list_empty(&u->fans))) ? STATE_ESTABLISHED : STATE_CLOSED;
}

/* Whose connections wait at a listener. unix_mutex held. */
static void put_waiting(struct netlink_sock *n, struct unix_sock *u)
{
	u32 *inodes = kmalloc(WAITING_MAX * sizeof(u32), 0), count = 0, known = 0;
	struct unix_sock **peers = kmalloc(WAITING_MAX * sizeof(*peers), 0), *e;

	if (inodes && peers) {
		/* No two locks at once: first who they are. A peer stays while unix_mutex is held. */
		spin_lock(&u->lock);
		list_for_each(e, &u->accepts, accept_link)
			if (known < WAITING_MAX)
				peers[known++] = e;
		for (u32 i = 0; i < known; i++)
			peers[i] = peers[i]->peer ? unix_get(peers[i]->peer) : NULL;
		spin_unlock(&u->lock);
		for (; count < known; count++) {
			inodes[count] = peers[count] ? (u32)unix_inode_number(peers[count]) : 0;
			unix_put(peers[count]);
		}
		netlink_attribute(n, UNIX_DIAG_ICONS, inodes, count * (u32)sizeof(u32));
	}
	kfree(inodes);
	kfree(peers);
}

static void put_memory(struct netlink_sock *n, struct unix_sock *u)
{
	u32 sent = atomic_load_relaxed(&u->sent), memory[SK_MEMINFO_VARS] = { [SK_MEMINFO_WMEM_ALLOC] = sent };

	/* What waits is charged to its sender. */
	spin_lock(&u->lock);
	memory[SK_MEMINFO_RCVBUF] = u->socket ? u->socket->options.receive_buffer : SOCKET_BUFFER_DEFAULT;
	memory[SK_MEMINFO_SNDBUF] = u->socket ? u->socket->options.send_buffer : SOCKET_BUFFER_DEFAULT;
	spin_unlock(&u->lock);
	netlink_attribute(n, UNIX_DIAG_MEMINFO, memory, sizeof(memory));
}

/* unix_mutex held. */
static void put_one(struct netlink_sock *n, struct unix_sock *u, u32 seq, u16 flags, u32 show)
{
	u32 peer = 0, queues[2], uid = 0;

	if (show & UDIAG_SHOW_ICONS)
		netlink_room(n, ONE_MAX + u->accept_count * (u32)sizeof(u32));
	struct abi_unix_diag_msg *m = netlink_begin(n, SOCK_DIAG_BY_FAMILY, flags, seq, sizeof(*m));
	if (!m)
		return;
	*m = (struct abi_unix_diag_msg){ .family = AF_UNIX, .type = u->type, .state = state_of(u), .inode = (u32)unix_inode_number(u) };
	sock_diag_put_cookie(&u->cookie, m->cookie);
	if (show & UDIAG_SHOW_NAME && u->name)
		netlink_attribute(n, UNIX_DIAG_NAME, u->name->addr.path, u->name->len - (u32)sizeof(u16));
	if (show & UDIAG_SHOW_VFS && u->name && u->name->inode) {
		u32 place[2] = { (u32)u->name->inode, (u32)u->name->dev };
		netlink_attribute(n, UNIX_DIAG_VFS, place, sizeof(place));
	}
	if (show & UDIAG_SHOW_PEER && u->peer) {
		peer = (u32)unix_inode_number(u->peer);
		netlink_attribute_u32(n, UNIX_DIAG_PEER, peer);
	}
	if (show & UDIAG_SHOW_ICONS && u->state == UNIX_LISTENING)
		put_waiting(n, u);
	if (show & UDIAG_SHOW_RQLEN) {
		spin_lock(&u->lock);
		queues[0] = u->state == UNIX_LISTENING ? u->accept_count : u->type != SOCK_DGRAM ? u->bytes : list_empty(&u->queue) ? 0 : list_first(&u->queue, struct unix_packet, link)->len;
		queues[1] = u->state == UNIX_LISTENING ? u->backlog : atomic_load_relaxed(&u->sent);
		spin_unlock(&u->lock);
		netlink_attribute(n, UNIX_DIAG_RQLEN, queues, sizeof(queues));
	}
	if (show & UDIAG_SHOW_MEMINFO)
		put_memory(n, u);
	netlink_attribute_u8(n, UNIX_DIAG_SHUTDOWN, READ_ONCE(u->shutdown));
	if (show & UDIAG_SHOW_UID) {
		spin_lock(&u->lock);
		if (u->socket && u->socket->file && u->socket->file->inode)
			uid = u->socket->file->inode->uid;
		spin_unlock(&u->lock);
		netlink_attribute_u32(n, UNIX_DIAG_UID, uid);
	}
}

/* --- all --------------------------------------------------------------------------------------------------------------- */

struct unix_dump {
	struct netlink_dump dump;
	u32 states, show;
	u32 place; /* so many of the list were looked at */
};

static bool step(struct netlink_dump *dump, struct netlink_sock *n)
{
	struct unix_dump *d = container_of(dump, struct unix_dump, dump);
	struct unix_sock *u;
	u32 at = 0;
	bool more = false;

	mutex_lock(&unix_mutex);
	list_for_each(u, &unix_all, all_link) {
		if (at++ < d->place)
			continue;
		if (n->len + ONE_MAX > NETLINK_ANSWER) {
			more = true;
			break;
		}
		d->place = at;
		if (d->states & 1u << state_of(u))
			put_one(n, u, dump->seq, NLM_F_MULTI, d->show);
	}
	mutex_unlock(&unix_mutex);
	return more;
}

static void drop(struct netlink_dump *dump)
{
	kfree(container_of(dump, struct unix_dump, dump));
}

/* --- one --------------------------------------------------------------------------------------------------------------- */

static int answer_one(struct netlink_sock *n, const struct abi_nlmsghdr *h, const struct abi_unix_diag_req *r)
{
	struct unix_sock *u;
	int err = -ENOENT;

	if (!r->inode)
		return -EINVAL;
	mutex_lock(&unix_mutex);
	list_for_each(u, &unix_all, all_link) {
		if (unix_inode_number(u) != r->inode)
			continue;
		err = sock_diag_check_cookie(&u->cookie, r->cookie);
		if (!err)
			put_one(n, u, h->seq, 0, r->show);
		break;
	}
	mutex_unlock(&unix_mutex);
	return err;
}

static int ask(struct netlink_sock *n, const struct abi_nlmsghdr *h)
{
	const struct abi_unix_diag_req *r = (const void *)(h + 1);

	if (h->len < sizeof(*h) + sizeof(*r))
		return -EINVAL;
	if (!sock_diag_is_dump(h))
		return answer_one(n, h, r);
	struct unix_dump *d = kzalloc(sizeof(*d), 0);
	if (!d)
		return -ENOMEM;
	*d = (struct unix_dump){ .dump = { .step = step, .drop = drop, .seq = h->seq }, .states = r->states, .show = r->show };
	return netlink_dump(n, &d->dump);
}
SOCK_DIAG_FAMILY(unix, .family = AF_UNIX, .ask = ask);
