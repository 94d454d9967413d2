/*
 * What sock_diag tells of sockets of AF_INET and AF_INET6: one by its name, or all that are in the states asked for and pass a filter. A dump takes some from
 * the table, counted, and tells of them without its lock; where it stopped it remembers by number, so that one which comes or goes meanwhile may be missed.
 */
#include "inet_diag_priv.h"

#include "core/atomic.h"
#include "mm/slab.h"
#include "proc/cred.h"
#include "socket/sock_diag.h"
#include "time/time.h"
#include "udp_priv.h"

#define ONE_MAX 600u /* bytes that one takes in an answer */
#define STEP 8u      /* are looked at together: more than one answer holds of them */

/* One protocol's sockets: how they are found, and what only it knows. */
struct diag_protocol {
	u8 protocol;
	struct port_table *table;
	struct inet_sock *(*find)(const struct abi_inet_diag_id *id, struct address source, struct address destination, const struct netdev *dev); /* counted, or NULL */
};

static bool is_old(const struct abi_nlmsghdr *h)
{
	return h->type != SOCK_DIAG_BY_FAMILY && h->type != SOCK_DESTROY;
}

/* --- telling of one ---------------------------------------------------------------------------------------------------- */

static u8 state_of(struct inet_sock *sk)
{
	if (sk->protocol == PROTO_TCP && sk->type == SOCK_STREAM)
		return READ_ONCE(tcp_of(sk)->state);
	return sk->remote_port || (sk->type == SOCK_RAW && !address_is_any(sk->remote)) ? TCP_ESTABLISHED : TCP_CLOSED;
}

/* An address as a socket of this family writes it. */
static void put_address(u32 out[4], struct address a, u16 family)
{
	if (family == AF_INET)
		out[0] = address_to_v4(a);
	else if (address_is_any(a))
		memset(out, 0, 16);
	else
		memcpy(out, a.words, 16);
}

static void put_memory(struct netlink_sock *n, struct inet_sock *sk, u8 extensions, u32 queued)
{
	const struct socket_options *o = sk->options;
	u32 received = READ_ONCE(sk->receive_charge), sent = atomic_load_relaxed(&sk->send_charge);
	u32 all[SK_MEMINFO_VARS] = { received, o->receive_buffer, sent, o->send_buffer, 0, queued, 0, 0, atomic_load_relaxed(&sk->drops) }, some[4] = { received, queued, 0, sent };

	if (extensions & 1 << (INET_DIAG_MEMINFO - 1))
		netlink_attribute(n, INET_DIAG_MEMINFO, some, sizeof(some));
	if (extensions & 1 << (INET_DIAG_SKMEMINFO - 1))
		netlink_attribute(n, INET_DIAG_SKMEMINFO, all, sizeof(all));
}

/* linux/inet_diag.h: struct inet_diag_sockopt, two bytes of bits. */
static void put_switches(struct netlink_sock *n, const struct inet_sock *sk)
{
	const struct inet_options *o = &sk->inet;
	u8 bits[2] = { (u8)(o->receive_error | (sk->type == SOCK_STREAM) << 1 | o->free_bind << 2 | o->header_included << 3 | o->multicast_loop << 4 | o->transparent << 5 |
			    o->multicast_all << 6), o->bind_no_port };

	netlink_attribute(n, INET_DIAG_SOCKOPT, bits, sizeof(bits));
}

static void put_attributes(struct netlink_sock *n, struct inet_sock *sk, const struct abi_inet_diag_msg *m, u8 extensions)
{
	const struct socket_options *o = sk->options;

	netlink_attribute_u8(n, INET_DIAG_SHUTDOWN, READ_ONCE(sk->shutdown));
	if (extensions & 1 << (INET_DIAG_TOS - 1))
		netlink_attribute_u8(n, INET_DIAG_TOS, sk->inet.tos);
	if (sk->family == AF_INET6) {
		if (extensions & 1 << (INET_DIAG_TCLASS - 1))
			netlink_attribute_u8(n, INET_DIAG_TCLASS, sk->inet.traffic_class);
		if (m->state == TCP_LISTEN || m->state == TCP_CLOSED)
			netlink_attribute_u8(n, INET_DIAG_SKV6ONLY, sk->v6only);
	}
	if (capable(CAP_NET_ADMIN))
		netlink_attribute_u32(n, INET_DIAG_MARK, o->mark);
	if (extensions & (1 << (INET_DIAG_TCLASS - 1)))
		netlink_attribute_u32(n, INET_DIAG_CLASS_ID, o->priority);
	put_switches(n, sk);
}

static void put_one(struct netlink_sock *n, struct inet_sock *sk, u16 type, u32 seq, u16 flags, u8 extensions)
{
	struct abi_inet_diag_msg *m = netlink_begin(n, type, flags, seq, sizeof(*m));

	if (!m)
		return;
	spin_lock(&sk->lock);
	*m = (struct abi_inet_diag_msg){ .family = (u8)sk->family, .state = state_of(sk) };
	m->id.source_port = be16(sk->local_port);
	m->id.port = be16(sk->remote_port);
	put_address(m->id.source, sk->local, sk->family);
	put_address(m->id.destination, sk->remote, sk->family);
	m->id.device = (u32)sk->device;
	sock_diag_put_cookie(&sk->cookie, m->id.cookie);
	if (m->state == TCP_TIME_WAIT) {
		tcp_diag(tcp_of(sk), m);
		goto out;
	}
	m->uid = inet_owner(sk);
	m->inode = (u32)sk->inode;
	m->received = READ_ONCE(sk->receive_charge);
	m->sent = atomic_load_relaxed(&sk->send_charge);
	u32 queued = m->sent;
	if (sk->type == SOCK_STREAM)
		tcp_diag(tcp_of(sk), m);
	put_attributes(n, sk, m, extensions);
	put_memory(n, sk, extensions, queued);
	if (sk->type == SOCK_RAW)
		netlink_attribute_u8(n, INET_DIAG_PROTOCOL, sk->protocol);
	if (sk->type == SOCK_STREAM)
		tcp_diag_attributes(tcp_of(sk), n, extensions);
out:
	spin_unlock(&sk->lock);
}

/* --- all --------------------------------------------------------------------------------------------------------------- */

struct inet_dump {
	struct netlink_dump dump;
	const struct diag_protocol *protocol;
	struct abi_inet_diag_req request;
	u16 type;           /* of the messages */
	bool listeners;     /* what this pass is for: they come first */
	u32 bucket, place;  /* so many of the bucket were looked at */
	u32 filter_len;
	u8 filter[];
};

/* The table's lock held. */
static bool wanted(const struct inet_dump *d, struct inet_sock *sk)
{
	const struct abi_inet_diag_req *r = &d->request;
	u8 state = state_of(sk);

	if (sk->type == SOCK_STREAM && (state == TCP_CLOSED || (state == TCP_LISTEN) != d->listeners))
		return false;
	if (!(r->states & 1u << state) || (r->family != AF_UNSPEC && r->family != sk->family))
		return false;
	if ((r->id.source_port && r->id.source_port != be16(sk->local_port)) || (r->id.port && r->id.port != be16(sk->remote_port)))
		return false;
	return !d->filter_len || inet_diag_passes(sk, d->filter, d->filter_len);
}

/* The next few that are wanted, counted: how many; none: it is the end of this pass. */
static u32 collect(struct inet_dump *d, struct inet_sock **out)
{
	struct port_table *t = d->protocol->table;
	struct inet_sock *sk;
	u32 count = 0;

	spin_lock(&t->lock);
	for (; d->bucket < PORT_BUCKETS; d->bucket++, d->place = 0) {
		u32 at = 0;
		list_for_each(sk, &t->buckets[d->bucket], port_link) {
			if (at++ < d->place)
				continue;
			if (count == STEP)
				goto out;
			d->place = at;
			if (!wanted(d, sk))
				continue;
			inet_get(sk);
			out[count++] = sk;
		}
	}
out:
	spin_unlock(&t->lock);
	return count;
}

static bool step(struct netlink_dump *dump, struct netlink_sock *n)
{
	struct inet_dump *d = container_of(dump, struct inet_dump, dump);
	struct inet_sock *some[STEP];
	u32 count = collect(d, some);

	for (u32 i = 0; i < count; i++) {
		put_one(n, some[i], d->type, dump->seq, NLM_F_MULTI, d->request.extensions);
		inet_put(some[i]);
	}
	if (count || !d->listeners)
		return count;
	d->listeners = false;
	d->bucket = d->place = 0;
	return true;
}

static void drop(struct netlink_dump *dump)
{
	kfree(container_of(dump, struct inet_dump, dump));
}

static int start_dump(struct netlink_sock *n, const struct abi_nlmsghdr *h, const struct abi_inet_diag_req *r, const struct diag_protocol *p)
{
	const struct abi_rtattr *attributes[INET_DIAG_REQ_BYTECODE + 1] = { 0 }, *filter;
	u32 body = is_old(h) ? sizeof(struct abi_inet_diag_req_old) : sizeof(*r);
	int err = netlink_attributes(h, body, attributes, INET_DIAG_REQ_BYTECODE + 1);

	if (err)
		return err;
	filter = attributes[INET_DIAG_REQ_BYTECODE];
	u32 len = filter ? filter->len - (u32)sizeof(*filter) : 0;
	if (filter)
		err = inet_diag_check((const u8 *)(filter + 1), len);
	if (err)
		return err;
	struct inet_dump *d = kzalloc(sizeof(*d) + len, 0);
	if (!d)
		return -ENOMEM;
	d->dump = (struct netlink_dump){ .step = step, .drop = drop, .seq = h->seq };
	d->protocol = p;
	d->request = *r;
	d->type = h->type;
	d->listeners = p->protocol == PROTO_TCP;
	d->filter_len = len;
	if (len)
		memcpy(d->filter, filter + 1, len);
	return netlink_dump(n, &d->dump);
}

/* --- one --------------------------------------------------------------------------------------------------------------- */

static struct inet_sock *find_tcp(const struct abi_inet_diag_id *id, struct address source, struct address destination, const struct netdev *dev)
{
	struct tcp_sock *t = tcp_find(source, be16(id->source_port), destination, be16(id->port), dev);

	return t ? &t->sk : NULL;
}

/* The other way round than TCP's, as Linux has it: who would get a datagram from "source" to "destination"; but to end one it is named as TCP's are. */
static struct inet_sock *find_udp(const struct abi_inet_diag_id *id, struct address source, struct address destination, const struct netdev *dev)
{
	return udp_find(source, be16(id->source_port), destination, be16(id->port), dev);
}

static struct inet_sock *find_udplite(const struct abi_inet_diag_id *id, struct address source, struct address destination, const struct netdev *dev)
{
	return udp_find_in(&udplite_ports, source, be16(id->source_port), destination, be16(id->port), dev);
}

static struct inet_sock *find_raw(const struct abi_inet_diag_id *id __unused, struct address source __unused, struct address destination __unused,
				  const struct netdev *dev __unused)
{
	return NULL;
}

static const struct diag_protocol protocols[] = {
	{ PROTO_TCP, &tcp_ports, find_tcp },
	{ PROTO_UDP, &udp_ports, find_udp },
	{ PROTO_UDPLITE, &udplite_ports, find_udplite },
	{ PROTO_RAW, &raw_table, find_raw },
};

static struct address address_of(const u32 words[4], u8 family)
{
	struct address a = address_v4(words[0]);

	if (family == AF_INET6)
		memcpy(a.words, words, sizeof(a.words));
	return a;
}

/* The socket that a request names, counted; NULL and *err: there is none, or it is not the one that was meant. */
static struct inet_sock *find(const struct diag_protocol *p, const struct abi_inet_diag_req *r, int *err)
{
	struct netdev *dev = r->id.device ? netdev_by_index((int)r->id.device) : NULL;
	struct inet_sock *sk = p->find(&r->id, address_of(r->id.source, r->family), address_of(r->id.destination, r->family), dev);

	*err = sk ? sock_diag_check_cookie(&sk->cookie, r->id.cookie) : -ENOENT;
	if (*err && p->protocol == PROTO_TCP)
		*err = -ENOENT;
	if (sk && *err) {
		inet_put(sk);
		return NULL;
	}
	return sk;
}

/* What a request of either kind says into r: about what; NULL and *err. */
static const struct diag_protocol *read_request(const struct abi_nlmsghdr *h, struct abi_inet_diag_req *r, int *err)
{
	const struct abi_inet_diag_req_old *old = (const void *)(h + 1);

	*err = -EINVAL;
	if (h->len < sizeof(*h) + (is_old(h) ? sizeof(*old) : sizeof(*r)))
		return NULL;
	if (is_old(h))
		*r = (struct abi_inet_diag_req){ .family = old->family, .protocol = h->type == TCPDIAG_GETSOCK ? PROTO_TCP : PROTO_DCCP, .extensions = old->extensions,
						 .states = old->states, .id = old->id };
	else
		memcpy(r, h + 1, sizeof(*r));
	*err = -ENOENT;
	for (u32 i = 0; i < ARRAY_SIZE(protocols); i++)
		if (protocols[i].protocol == r->protocol)
			return &protocols[i];
	return NULL;
}

static int ask(struct netlink_sock *n, const struct abi_nlmsghdr *h)
{
	struct abi_inet_diag_req r;
	int err;
	const struct diag_protocol *p = read_request(h, &r, &err);

	if (!p && err == -ENOENT && sock_diag_is_dump(h)) {
		netlink_done(n, h->seq, err);
		return NETLINK_ANSWERED;
	}
	if (!p)
		return err;
	if (sock_diag_is_dump(h))
		return start_dump(n, h, &r, p);
	struct inet_sock *sk = find(p, &r, &err);
	if (sk) {
		put_one(n, sk, h->type, h->seq, 0, r.extensions);
		inet_put(sk);
	}
	return err;
}

/* It ends as by an error, ECONNABORTED. */
static int destroy(const struct abi_nlmsghdr *h)
{
	struct abi_inet_diag_req r;
	int err;
	const struct diag_protocol *p = read_request(h, &r, &err);

	if (!p)
		return err;
	if (p->protocol != PROTO_TCP) {
		const struct abi_inet_diag_id given = r.id;
		r.id.source_port = given.port;
		r.id.port = given.source_port;
		memcpy(r.id.source, given.destination, sizeof(r.id.source));
		memcpy(r.id.destination, given.source, sizeof(r.id.destination));
	}
	struct inet_sock *sk = find(p, &r, &err);
	if (!sk)
		return err;
	if (p->protocol == PROTO_TCP)
		err = tcp_destroy_connection(tcp_of(sk));
	else
		udp_abort(sk);
	inet_put(sk);
	return err;
}
SOCK_DIAG_FAMILY(inet, .family = AF_INET, .ask = ask, .destroy = destroy);
SOCK_DIAG_FAMILY(inet6, .family = AF_INET6, .ask = ask, .destroy = destroy);
