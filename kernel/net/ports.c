/*
 * Ports: who has which, and which are free. One table for UDP, one for TCP.
 *
 * Two sockets may have the same port if their addresses differ and are not "any", or if both agreed to share (SO_REUSEADDR, SO_REUSEPORT; how far, the
 * protocol says). Ports that nobody asked for are taken at random from the dynamic range (RFC 6056 section 3.3.1).
 */
#include "core/random.h"
#include "inet_priv.h"

u16 port_range[2] = { 32768, 60999 }; /* net.ipv4.ip_local_port_range */

void port_table_init(struct port_table *t, const char *name, bool (*may_share)(const struct inet_sock *, const struct inet_sock *))
{
	spin_init(&t->lock, name, RANK_NET_TABLE);
	for (unsigned i = 0; i < PORT_BUCKETS; i++)
		list_init(&t->buckets[i]);
	t->may_share = may_share;
}

/* Does "any address", as sk means it, take in this one? */
static bool covers(const struct inet_sock *sk, struct address any, struct address a)
{
	return address_is_v4(a) ? address_is_v4(any) || !sk->v6only : !address_is_v4(any);
}

bool inet_names_overlap(const struct inet_sock *a, struct address a_local, const struct inet_sock *b, struct address b_local)
{
	bool a_any = address_is_any(a_local), b_any = address_is_any(b_local);

	if (!a_any && !b_any)
		return address_equal(a_local, b_local);
	return (a_any && covers(a, a_local, b_local)) || (b_any && covers(b, b_local, a_local));
}

/* t->lock held. */
static bool conflicts(struct port_table *t, const struct inet_sock *sk, struct address address, u16 port)
{
	struct inet_sock *other;

	list_for_each(other, port_bucket(t, port), port_link) {
		if (other == sk || other->local_port != port)
			continue;
		if (sk->device && other->device && sk->device != other->device)
			continue;
		if (!inet_names_overlap(sk, address, other, other->local))
			continue;
		if (!t->may_share(sk, other))
			return true;
	}
	return false;
}

/* t->lock held. 0: none is free. */
static u16 free_port(struct port_table *t, const struct inet_sock *sk, struct address address)
{
	u32 count = port_range[1] - port_range[0] + 1u, start = (u32)(random_u64() % count);

	for (u32 i = 0; i < count; i++) {
		u16 port = (u16)(port_range[0] + (start + i) % count);
		if (!conflicts(t, sk, address, port))
			return port;
	}
	return 0;
}

static void insert(struct port_table *t, struct inet_sock *sk, u16 port)
{
	sk->local_port = port;
	sk->ports = t;
	inet_get(sk);
	list_add(port_bucket(t, port), &sk->port_link);
}

int port_bind(struct port_table *t, struct inet_sock *sk, struct address address, u16 port)
{
	int err = 0;

	spin_lock(&t->lock);
	if (!port)
		port = free_port(t, sk, address);
	else if (conflicts(t, sk, address, port))
		port = 0;
	if (port) {
		sk->local = address;
		insert(t, sk, port);
	} else {
		err = -EADDRINUSE;
	}
	spin_unlock(&t->lock);
	return err;
}

void port_inherit(struct port_table *t, struct inet_sock *sk, u16 port)
{
	spin_lock(&t->lock);
	insert(t, sk, port);
	spin_unlock(&t->lock);
}

void port_release(struct inet_sock *sk)
{
	struct port_table *t = sk->ports;

	if (!t)
		return;
	spin_lock(&t->lock);
	bool was = sk->ports;
	if (was) {
		list_del(&sk->port_link);
		sk->ports = NULL;
	}
	spin_unlock(&t->lock);
	if (was)
		inet_put(sk);
}
