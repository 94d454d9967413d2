/* Names of Internet sockets: struct sockaddr_in and sockaddr_in6 in and out, what may be bound, and how /proc/net writes them. */
#include "core/node.h"
#include "inet_priv.h"
#include "lib/format.h"
#include "lib/string.h"
#include "proc/cred.h"
#include "tcp_priv.h"

u32 inet_fill_name(const struct inet_sock *sk, struct abi_sockaddr *out, struct address address, u16 port, int device)
{
	if (sk->family == AF_INET) {
		struct abi_sockaddr_in in = { .family = AF_INET, .port = be16(port), .address = address_to_v4(address) };
		memcpy(out, &in, sizeof(in));
		return SOCKADDR_IN_LEN;
	}
	struct abi_sockaddr_in6 in6 = { .family = AF_INET6, .port = be16(port), .scope_id = address_is_link_local(address) ? (u32)device : 0 };
	memcpy(in6.address, &address, sizeof(address));
	memcpy(out, &in6, sizeof(in6));
	return SOCKADDR_IN6_LEN;
}

int inet_name(struct socket *s, struct abi_sockaddr *out, bool peer)
{
	struct inet_sock *sk = s->proto;
	int err = 0;

	spin_lock(&sk->lock);
	if (!peer)
		err = (int)inet_fill_name(sk, out, sk->local, sk->local_port, sk->device);
	else if (sk->remote_port && (sk->protocol != PROTO_TCP || tcp_is_connected(sk)))
		err = (int)inet_fill_name(sk, out, sk->remote, sk->remote_port, sk->device);
	else
		err = -ENOTCONN;
	spin_unlock(&sk->lock);
	return err;
}

/* The bytes of a name of either family: 0, -EINVAL (too short), -EAFNOSUPPORT. */
static int read_name(const struct inet_sock *sk, const struct abi_sockaddr *name, u32 len, struct inet_name *out)
{
	struct abi_sockaddr_in in;
	struct abi_sockaddr_in6 in6 = { 0 };

	*out = (struct inet_name){ .address = inet_any(sk) };
	if (sk->family == AF_INET) {
		if (len < SOCKADDR_IN_LEN)
			return -EINVAL;
		memcpy(&in, name, sizeof(in));
		if (in.family != AF_INET && in.family != AF_UNSPEC)
			return -EAFNOSUPPORT;
		out->address = address_v4(in.address);
		out->port = be16(in.port);
		return 0;
	}
	if (len < SOCKADDR_IN6_LEAST)
		return -EINVAL;
	memcpy(&in6, name, MIN(len, (u32)sizeof(in6)));
	if (in6.family != AF_INET6)
		return -EAFNOSUPPORT;
	memcpy(&out->address, in6.address, sizeof(out->address));
	out->port = be16(in6.port);
	if (address_is_link_local(out->address) || (address_is_multicast(out->address) && !address_is_v4(out->address)))
		out->device = (int)in6.scope_id;
	return 0;
}

int inet_check_name(struct inet_sock *sk, const struct abi_sockaddr *name, u32 len, struct inet_name *out)
{
	int err = read_name(sk, name, len, out);

	if (err)
		return err;
	/* Programs of old leave the family out with "any address": Linux forgives them. */
	if (sk->family == AF_INET && name->family == AF_UNSPEC && !address_is_any(out->address))
		return -EAFNOSUPPORT;
	if (address_is_v4(out->address) && sk->v6only)
		return -EINVAL;
	if (sk->family == AF_INET6 && sk->type == SOCK_STREAM && address_is_multicast(out->address))
		return -EINVAL;
	if (address_is_link_local(out->address)) {
		/* It is one of a link: which, must be said (RFC 4007 section 6). */
		if (!out->device && !sk->device)
			return -EINVAL;
		if (!netdev_by_index(out->device ? out->device : sk->device))
			return -ENODEV;
	}
	if (!address_is_any(out->address) && !sk->inet.free_bind) {
		struct netdev *dev = out->device ? netdev_by_index(out->device) : NULL;
		enum ip_scope scope = family_of(out->address)->scope_of(out->address, dev);
		if (scope == IP_UNICAST || (sk->type == SOCK_STREAM && scope != IP_LOCAL))
			return -EADDRNOTAVAIL;
	}
	if (out->port && out->port < 1024 && sk->type != SOCK_RAW && !capable(CAP_NET_BIND_SERVICE))
		return -EACCES;
	if (out->device && address_is_link_local(out->address))
		sk->device = out->device;
	return 0;
}

int inet_check_destination(const struct inet_sock *sk, const struct abi_sockaddr *name, u32 len, struct inet_name *out)
{
	/* A socket of both families is told an IPv4 destination as such too (udp sendto); one of IPv4 alone never an IPv6 one. */
	if (sk->family == AF_INET6 && sk->type == SOCK_DGRAM && len >= SOCKADDR_IN_LEN && name->family == AF_INET) {
		struct abi_sockaddr_in in;
		memcpy(&in, name, sizeof(in));
		*out = (struct inet_name){ .address = address_v4(in.address), .port = be16(in.port) };
		return sk->v6only ? -ENETUNREACH : 0;
	}
	int err = read_name(sk, name, len, out);
	if (err)
		return err;
	if (sk->family == AF_INET && name->family == AF_UNSPEC && sk->type == SOCK_STREAM)
		return -EAFNOSUPPORT;
	if (sk->v6only && address_is_v4(out->address))
		return -ENETUNREACH;
	if (address_is_link_local(out->address)) {
		if (!out->device)
			out->device = sk->device;
		if (!out->device)
			return -EINVAL;
		if (sk->device && sk->device != out->device)
			return -EINVAL;
	}
	return 0;
}

/* --- as text -------------------------------------------------------------------------------------------------------- */

void ip_text(char out[16], u32 address)
{
	const u8 *b = (const u8 *)&address;

	ksnprintf(out, 16, "%u.%u.%u.%u", b[0], b[1], b[2], b[3]);
}

void inet_show_address(struct seq *s, struct address a, u16 family)
{
	if (family == AF_INET)
		seq_printf(s, "%08X", address_to_v4(a));
	else
		seq_printf(s, "%08X%08X%08X%08X", a.words[0], a.words[1], a.words[2], a.words[3]);
}

void inet_show(struct seq *s, struct inet_sock *sk, u32 number, u8 state, u32 sent, u32 received)
{
	seq_printf(s, "%4u: ", number);
	inet_show_address(s, sk->local, sk->family);
	seq_printf(s, ":%04X ", sk->local_port);
	inet_show_address(s, sk->remote, sk->family);
	seq_printf(s, ":%04X %02X %08X:%08X ", sk->remote_port, state, sent, received);
}
