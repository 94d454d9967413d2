/*
 * Packet sockets (packet(7)): frames as they are on the link, for udhcpc and tcpdump. SOCK_RAW with the link-layer header, SOCK_DGRAM without.
 *
 * Lock: tap_lock guards the list of sockets, and what each has asked cards to let through (`memberships`, whose `group` is the request's own words). A socket's local_port holds its protocol, and `device` its device.
 */
#include "core/atomic.h"
#include "core/node.h"
#include "inet_priv.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "proc/cred.h"
#include "time/time.h"
#include "usermode/uaccess.h"

struct abi_sockaddr_ll {
	u16 family, protocol; /* protocol big-endian */
	s32 index;
	u16 hardware;
	u8 kind, address_len;
	u8 address[8];
};
_Static_assert(sizeof(struct abi_sockaddr_ll) == 20, "Linux x86-64");
#define SOCKADDR_LL_LEAST 12u /* with no address */
#define SOL_PACKET 263
#define PACKET_ADD_MEMBERSHIP 1
#define PACKET_DROP_MEMBERSHIP 2
#define PACKET_STATISTICS 6
#define PACKET_AUXDATA 8
struct abi_packet_mreq {
	s32 index;
	u16 type, address_len;
	u8 address[8];
};
_Static_assert(sizeof(struct abi_packet_mreq) == 16, "Linux x86-64");
enum { PACKET_MR_MULTICAST, PACKET_MR_PROMISC, PACKET_MR_ALLMULTI, PACKET_MR_UNICAST };

static struct spinlock tap_lock = SPINLOCK_INIT("packet sockets", RANK_NET_TABLE);
static struct list taps = LIST_INIT(taps); /* tap_lock: inet_sock by port_link; counted */
static struct slab_cache packet_cache;

void packet_socket_init(void)
{
	slab_cache_init(&packet_cache, "packet_sock", sizeof(struct inet_sock), 0);
}

/* --- what passes ---------------------------------------------------------------------------------------------------- */

/* tap_lock held. */
static bool wants(const struct inet_sock *sk, const struct packet *p, bool outgoing)
{
	if (!sk->local_port || (sk->device && sk->device != p->dev->index))
		return false;
	/* What goes out is seen by those who look at everything. */
	return sk->local_port == ETHER_ALL || (!outgoing && sk->local_port == p->ether_type);
}

/* p behind the header that loopback's frames are shown with, as on Linux: Ethernet's, with no addresses. NULL if memory is short. */
static struct packet *with_header(const struct packet *p)
{
	struct packet *c = packet_alloc(0, (u32)sizeof(struct ether_header) + p->len, ALLOC_ATOMIC);

	if (!c)
		return NULL;
	struct ether_header *h = packet_append(c, sizeof(*h));
	*h = (struct ether_header){ .type = be16(p->ether_type) };
	memcpy(packet_append(c, p->len), p->data, p->len);
	c->dev = p->dev;
	c->ether_type = p->ether_type;
	c->kind = p->kind;
	c->stamp = p->stamp;
	c->mac = (u8 *)h;
	c->network = (u8 *)(h + 1);
	return c;
}

static void hand(struct inet_sock *sk, struct packet *p, bool outgoing)
{
	bool bare = sk->type == SOCK_RAW && !p->mac && p->dev->type == NETDEV_TYPE_LOOPBACK;
	struct packet *c = bare ? with_header(p) : packet_clone(p, ALLOC_ATOMIC);

	if (!c)
		return;
	u8 *from = c->data;
	/* SOCK_RAW begins at the link's header, SOCK_DGRAM at the network's. */
	if (sk->type == SOCK_RAW && p->mac)
		from = p->mac;
	else if (sk->type == SOCK_DGRAM && outgoing && p->mac)
		from = p->mac + sizeof(struct ether_header);
	c->len = (u32)(c->data + c->len - from);
	c->data = from;
	if (outgoing)
		c->kind = PACKET_OUTGOING;
	/* The device's own header will be written in front of a frame that goes out: the memory behind it stays as it is. */
	if (inet_queue(sk, c))
		atomic_fetch_add(&sk->taken, 1);
}

static void tap(struct packet *p, bool outgoing)
{
	struct inet_sock *sk, *takers[16];
	u32 count = 0;

	spin_lock(&tap_lock);
	list_for_each(sk, &taps, port_link)
		if (count < ARRAY_SIZE(takers) && wants(sk, p, outgoing)) {
			inet_get(sk);
			takers[count++] = sk;
		}
	spin_unlock(&tap_lock);
	for (u32 i = 0; i < count; i++) {
		hand(takers[i], p, outgoing);
		inet_put(takers[i]);
	}
}

/* --- calls ---------------------------------------------------------------------------------------------------------- */

static int packet_bind(struct socket *s, const struct abi_sockaddr *name, u32 len)
{
	struct inet_sock *sk = s->proto;
	struct abi_sockaddr_ll ll;

	if (len < sizeof(ll))
		return -EINVAL;
	memcpy(&ll, name, sizeof(ll));
	if (ll.family != AF_PACKET)
		return -EINVAL;
	if (ll.index && !netdev_by_index(ll.index))
		return -ENODEV;
	spin_lock(&sk->lock);
	sk->device = ll.index;
	if (ll.protocol)
		sk->local_port = be16(ll.protocol);
	spin_unlock(&sk->lock);
	return 0;
}

static void fill_name(struct abi_sockaddr *out, const struct netdev *d, u16 protocol, u8 kind, const u8 *address)
{
	struct abi_sockaddr_ll ll = { .family = AF_PACKET, .protocol = be16(protocol), .index = d ? d->index : 0, .hardware = d ? d->type : 0, .kind = kind,
				      .address_len = d ? ETHER_ADDRESS : 0 };

	if (address)
		memcpy(ll.address, address, ETHER_ADDRESS);
	memcpy(out, &ll, sizeof(ll));
}

static int packet_name(struct socket *s, struct abi_sockaddr *out, bool peer)
{
	struct inet_sock *sk = s->proto;
	struct netdev *d = sk->device ? netdev_by_index(sk->device) : NULL;

	if (peer)
		return -EOPNOTSUPP;
	fill_name(out, d, sk->local_port, 0, d ? d->address : NULL);
	return d ? 18 : (int)SOCKADDR_LL_LEAST;
}

static ssize_t packet_send(struct socket *s, struct socket_msg *m)
{
	struct inet_sock *sk = s->proto;
	struct abi_sockaddr_ll ll = { .index = sk->device, .protocol = be16(sk->local_port) };
	ssize_t len = (ssize_t)m->data.left;

	if (m->name_len) {
		if (m->name_len < SOCKADDR_LL_LEAST)
			return -EINVAL;
		memcpy(&ll, &m->name, MIN(m->name_len, (u32)sizeof(ll)));
		if (s->type == SOCK_DGRAM && ll.address_len + SOCKADDR_LL_LEAST > m->name_len)
			return -EINVAL;
	}
	struct netdev *d = ll.index ? netdev_by_index(ll.index) : NULL;
	if (!d)
		return -ENXIO;
	if (!netdev_up(d))
		return -ENETDOWN;
	u32 header = sizeof(struct ether_header);
	if (len > (ssize_t)(d->mtu + (s->type == SOCK_RAW ? header : 0)))
		return -EMSGSIZE;
	if (s->type == SOCK_RAW && len < (ssize_t)header)
		return -EINVAL;
	int err = inet_wait_send(sk, s, m->flags);
	if (err)
		return err;
	struct packet *p = packet_alloc(PACKET_HEADROOM, (u32)len, ALLOC_USER);
	if (!p)
		return -ENOBUFS;
	if (uio_read(&m->data, packet_append(p, (u32)len), (size_t)len) != (size_t)len) {
		packet_free(p);
		return -EFAULT;
	}
	p->kind = PACKET_OUTGOING;
	p->ether_type = be16(ll.protocol);
	net_begin();
	inet_charge_send(sk, p);
	if (s->type == SOCK_RAW) {
		p->mac = p->data;
		p->ether_type = be16(((struct ether_header *)p->data)->type);
		p->network = p->data + header;
		if (d->type == NETDEV_TYPE_LOOPBACK)
			packet_pull(p, header); /* it is only shown there */
	} else if (d->type == NETDEV_TYPE_ETHERNET) {
		p->network = p->data;
		if (!ethernet_header(&p, d, ll.address, p->ether_type)) {
			net_end();
			return -ENOBUFS;
		}
	}
	err = netdev_transmit(d, p);
	net_end();
	return err ? err : len;
}

static void tell(struct socket *s __unused, struct packet *p, struct socket_msg *m)
{
	fill_name(&m->name, p->dev, p->ether_type, p->kind, p->mac ? ((const struct ether_header *)p->mac)->source : NULL);
	m->name_len = sizeof(struct abi_sockaddr_ll);
}

static ssize_t packet_receive(struct socket *s, struct socket_msg *m)
{
	return inet_receive(s, m, tell);
}

static long packet_ioctl(struct socket *s, u32 cmd, u64 arg)
{
	struct inet_sock *sk = s->proto;
	u32 value;

	if (cmd != SIOCINQ)
		return inet_ioctl(s, cmd, arg);
	spin_lock(&sk->lock);
	value = list_empty(&sk->receive) ? 0 : list_first(&sk->receive, struct packet, link)->len;
	spin_unlock(&sk->lock);
	return put_user_u32(value, (u32 __user *)arg);
}

/* --- what cards are asked to let through ------------------------------------------------------------------------------- */

static struct address wish_of(const struct abi_packet_mreq *r)
{
	struct address a = { .words = { r->type, MIN(r->address_len, (u16)8) } };

	memcpy(a.bytes + 8, r->address, 8);
	return a;
}

/* A single group is heard by hearing all of them. */
static void count_wish(struct netdev *d, u32 type, u32 step)
{
	if (type == PACKET_MR_PROMISC || type == PACKET_MR_UNICAST)
		atomic_fetch_add(&d->listeners, step);
	else
		atomic_fetch_add(&d->group_listeners, step);
	netdev_filter_changed(d);
}

static int change_wish(struct inet_sock *sk, const void __user *value, u32 len, bool add)
{
	struct abi_packet_mreq r;

	if (len < sizeof(r))
		return -EINVAL;
	if (copy_from_user(&r, value, sizeof(r)))
		return -EFAULT;
	struct netdev *d = netdev_by_index(r.index);
	if (!d)
		return -ENODEV;
	if (r.type > PACKET_MR_UNICAST || r.address_len > ETHER_ADDRESS)
		return -EINVAL;
	struct address wish = wish_of(&r);
	struct membership *m = add ? kzalloc(sizeof(*m), 0) : NULL, *at, *found = NULL;
	int err = add && !m ? -ENOMEM : 0;
	spin_lock(&tap_lock);
	list_for_each(at, &sk->memberships, link)
		if (at->device == r.index && address_equal(at->group, wish))
			found = at;
	if (m && sk->membership_count >= MEMBERSHIPS_MAX) {
		err = -ENOBUFS;
	} else if (m) {
		m->group = wish;
		m->device = r.index;
		list_add(&sk->memberships, &m->link);
		sk->membership_count++;
	} else if (!add && found) {
		list_del(&found->link);
		sk->membership_count--;
	}
	spin_unlock(&tap_lock);
	if (add ? !err : !!found)
		count_wish(d, r.type, add ? 1u : ~0u);
	if (!add || err)
		kfree(add ? m : found);
	return err;
}

static void drop_wishes(struct inet_sock *sk)
{
	struct membership *m, *next;

	list_for_each_safe(m, next, &sk->memberships, link) {
		list_del(&m->link);
		count_wish(netdev_by_index(m->device), m->group.words[0], ~0u);
		kfree(m);
	}
}

static int packet_set_option(struct socket *s, int level, int option, const void __user *value, u32 len)
{
	if (level == SOL_SOCKET)
		return inet_set_option(s, level, option, value, len);
	if (level == SOL_PACKET && (option == PACKET_ADD_MEMBERSHIP || option == PACKET_DROP_MEMBERSHIP))
		return change_wish(s->proto, value, len, option == PACKET_ADD_MEMBERSHIP);
	return -ENOPROTOOPT;
}

static int packet_get_option(struct socket *s, int level, int option, void __user *value, u32 *len)
{
	struct inet_sock *sk = s->proto;

	if (level == SOL_SOCKET)
		return inet_get_option(s, level, option, value, len);
	if (level == SOL_PACKET && option == PACKET_STATISTICS) {
		/* Both since they were asked for last; what was dropped is of what came. */
		u32 drops = atomic_xchg(&sk->drops, 0), statistics[2] = { atomic_xchg(&sk->taken, 0) + drops, drops };
		return option_out(value, len, statistics, sizeof(statistics));
	}
	return -ENOPROTOOPT;
}

static void packet_release(struct socket *s)
{
	struct inet_sock *sk = s->proto;

	spin_lock(&tap_lock);
	list_del(&sk->port_link);
	if (list_empty(&taps))
		netdev_tap = NULL;
	spin_unlock(&tap_lock);
	drop_wishes(sk); /* nobody else knows the socket any more */
	inet_put(sk);
	inet_release(sk);
}

static void packet_destroy(struct inet_sock *sk)
{
	packet_list_free(&sk->receive);
	slab_free(&packet_cache, sk);
}

static const struct proto_ops packet_ops = {
	.bind = packet_bind,
	.name = packet_name,
	.send = packet_send,
	.receive = packet_receive,
	.poll = inet_poll,
	.ioctl = packet_ioctl,
	.set_option = packet_set_option,
	.get_option = packet_get_option,
	.error = inet_error,
	.release = packet_release,
};

static int packet_create(struct socket *s, int protocol)
{
	if (!capable(CAP_NET_RAW))
		return -EPERM;
	if (s->type != SOCK_RAW && s->type != SOCK_DGRAM)
		return -ESOCKTNOSUPPORT;
	struct inet_sock *sk = slab_alloc(&packet_cache, 0);
	if (!sk)
		return -ENOMEM;
	memset(sk, 0, sizeof(*sk));
	inet_init_sock(sk, (u8)s->type, 0, s);
	sk->destroy = packet_destroy;
	sk->local_port = be16((u16)protocol);
	sk->uid = cred_current()->euid;
	s->ops = &packet_ops;
	s->proto = sk;
	s->protocol = protocol;
	spin_lock(&tap_lock);
	inet_get(sk);
	list_add(&taps, &sk->port_link);
	netdev_tap = tap;
	spin_unlock(&tap_lock);
	return 0;
}
SOCKET_FAMILY(packet, .family = AF_PACKET, .name = "packets", .create = packet_create);

static int show_packet(struct seq *s)
{
	struct inet_sock *sk;

	seq_puts(s, "sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n");
	spin_lock(&tap_lock);
	list_for_each(sk, &taps, port_link)
		seq_printf(s, "0000000000000000 %-6u %-4u %04x   %-5d 1 %-6u %-6u %-6lu\n", refcount_read(&sk->ref), sk->type, sk->local_port, sk->device, READ_ONCE(sk->receive_charge),
			   inet_owner(sk), sk->inode);
	spin_unlock(&tap_lock);
	return 0;
}
NODE(net_packet, .path = "net/packet", .show = show_packet);
