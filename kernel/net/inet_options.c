/* setsockopt and getsockopt at SOL_IP (ip(7)), and SO_BINDTODEVICE. */
#include "filter_priv.h"
#include "inet_priv.h"
#include "lib/string.h"
#include "proc/cred.h"
#include "usermode/uaccess.h"

int option_in(int *out, const void __user *value, u32 len)
{
	u8 byte = 0;

	if (len >= sizeof(int))
		return copy_from_user(out, value, sizeof(int)) ? -EFAULT : 0;
	if (len && copy_from_user(&byte, value, 1))
		return -EFAULT;
	*out = byte; /* nothing at all is 0 */
	return 0;
}

int option_out(void __user *value, u32 *len, const void *data, u32 size)
{
	*len = MIN(*len, size);
	return copy_to_user(value, data, *len) ? -EFAULT : 0;
}

/* Plain switches, by option. */
static bool *flag_of(struct inet_options *o, int option)
{
	switch (option) {
	case IP_PKTINFO: return &o->packet_info;
	case IP_RECVTTL: return &o->receive_ttl;
	case IP_RECVTOS: return &o->receive_tos;
	case IP_RECVERR: return &o->receive_error;
	case IP_FREEBIND: return &o->free_bind;
	case IP_MULTICAST_LOOP: return &o->multicast_loop;
	case IP_MULTICAST_ALL: return &o->multicast_all;
	case IP_BIND_ADDRESS_NO_PORT: return &o->bind_no_port;
	}
	return NULL;
}

static int device_with(u32 address)
{
	struct netdev *d;
	int index = 0;

	read_lock(&net_config_lock);
	list_for_each(d, &netdevs, link)
		for (unsigned i = 0; i < NETDEV_ADDRESSES; i++)
			if (d->ip[i].address == address)
				index = d->index;
	read_unlock(&net_config_lock);
	return index;
}

/* IP_ADD_MEMBERSHIP, IP_DROP_MEMBERSHIP, IP_MULTICAST_IF: struct ip_mreq, or with an index behind; the last also a plain address. */
static int multicast_request(struct abi_ip_mreqn *r, const void __user *value, u32 len)
{
	*r = (struct abi_ip_mreqn){ 0 };
	if (len < 8)
		return -EINVAL;
	if (copy_from_user(r, value, MIN(len, (u32)sizeof(*r))))
		return -EFAULT;
	if (len < sizeof(*r))
		r->index = 0;
	if (!r->index && r->address)
		r->index = device_with(r->address);
	return 0;
}

/* MCAST_JOIN_GROUP, MCAST_LEAVE_GROUP (RFC 3678 section 5.1): the device by its number alone. */
static int group_request(struct abi_ip_mreqn *r, const void __user *value, u32 len)
{
	struct abi_group_req g;

	if (len < sizeof(g))
		return -EINVAL;
	if (copy_from_user(&g, value, sizeof(g)))
		return -EFAULT;
	if (g.family != AF_INET)
		return -EINVAL;
	*r = (struct abi_ip_mreqn){ .index = (int)g.index };
	memcpy(&r->group, g.name + 2, sizeof(r->group));
	return 0;
}

static int set_membership(struct inet_sock *sk, int option, const void __user *value, u32 len)
{
	struct abi_ip_mreqn r;
	struct ip_path path;
	bool join = option == IP_ADD_MEMBERSHIP || option == MCAST_JOIN_GROUP;
	int err = (option == MCAST_JOIN_GROUP || option == MCAST_LEAVE_GROUP ? group_request : multicast_request)(&r, value, len);

	if (err)
		return err;
	if (!ip_is_multicast(r.group))
		return -EINVAL;
	if (join && !r.index) {
		if (r.address || ip_route(&path, r.group, IP_ANY, NULL))
			return -ENODEV;
		r.index = path.dev->index;
	}
	if (r.index && !netdev_by_index(r.index))
		return join ? -ENODEV : -EADDRNOTAVAIL;
	return multicast_change(sk, address_v4(r.group), r.index, join);
}

static int set_multicast_device(struct inet_sock *sk, const void __user *value, u32 len)
{
	struct abi_ip_mreqn r = { 0 };

	if (len < 4)
		return -EINVAL;
	if (len >= 8) {
		int err = multicast_request(&r, value, len);
		if (err)
			return err;
	} else {
		if (copy_from_user(&r.address, value, 4))
			return -EFAULT;
		r.index = r.address ? device_with(r.address) : 0;
	}
	if (r.address && !r.index)
		return -EADDRNOTAVAIL;
	if (r.index && !netdev_by_index(r.index))
		return -EADDRNOTAVAIL;
	sk->inet.multicast_device = r.index;
	sk->inet.multicast_source = r.address;
	return 0;
}

static int set_ip_options(struct inet_sock *sk, const void __user *value, u32 len)
{
	struct ip_options o = { 0 };
	u32 bad;

	if (len > sizeof(o.data))
		return -EINVAL;
	if (copy_from_user(o.data, value, len))
		return -EFAULT;
	if (!ip_options_ok(o.data, len, &bad))
		return -EINVAL;
	/* What lies behind the end of the list is not sent. */
	for (u32 at = 0; at < len; at += o.data[at] == 1 ? 1 : o.data[at + 1])
		if (!o.data[at]) {
			memset(o.data + at, 0, sizeof(o.data) - at);
			break;
		}
	o.len = (u8)ALIGN_UP(len, 4u);
	spin_lock(&sk->lock);
	sk->inet.ip = o;
	spin_unlock(&sk->lock);
	return 0;
}

/* SO_BINDTODEVICE: a name, or nothing. */
static int set_device(struct inet_sock *sk, const void __user *value, u32 len)
{
	char name[IFNAMSIZ] = "";
	struct netdev *d = NULL;

	len = MIN(len, (u32)IFNAMSIZ - 1);
	if (copy_from_user(name, value, len))
		return -EFAULT;
	if (name[0]) {
		d = netdev_by_name(name);
		if (!d)
			return -ENODEV;
	}
	if (sk->device && !capable(CAP_NET_RAW))
		return -EPERM;
	sk->device = d ? d->index : 0;
	return 0;
}

/* SO_BINDTOIFINDEX: the same by number; 0 is none. */
static int set_device_number(struct inet_sock *sk, const void __user *value, u32 len)
{
	int index;

	if (len < sizeof(index))
		return -EINVAL;
	if (copy_from_user(&index, value, sizeof(index)))
		return -EFAULT;
	if (index < 0)
		return -EINVAL;
	if (sk->device && !capable(CAP_NET_RAW))
		return -EPERM;
	sk->device = index;
	return 0;
}

static int get_device(struct inet_sock *sk, void __user *value, u32 *len)
{
	struct netdev *d = sk->device ? netdev_by_index(sk->device) : NULL;

	if (!d) {
		*len = 0;
		return 0;
	}
	if (*len < IFNAMSIZ)
		return -EINVAL;
	*len = (u32)strlen(d->name) + 1;
	return copy_to_user(value, d->name, *len) ? -EFAULT : 0;
}

/* SO_PRIORITY goes with the kind of service (RFC 1349): bulk, interactive, both. */
static void set_priority(struct inet_sock *sk, u8 tos)
{
	static const u8 priorities[4] = { 0, 2, 6, 4 };

	spin_lock(&sk->lock);
	if (sk->socket)
		WRITE_ONCE(sk->socket->options.priority, priorities[(tos >> 3) & 3]);
	spin_unlock(&sk->lock);
}

static int set_number(struct inet_sock *sk, int option, int n)
{
	struct inet_options *o = &sk->inet;
	bool *flag = flag_of(o, option);

	switch (option) {
	case IP_TTL:
		if (n != -1 && (n < 1 || n > 255))
			return -EINVAL;
		o->ttl = n;
		return 0;
	case IP_TOS:
		/* The two bits of ECN belong to TCP (RFC 3168). */
		o->tos = (u8)(sk->protocol == PROTO_TCP ? (n & ~3) | (o->tos & 3) : n);
		set_priority(sk, o->tos);
		return 0;
	case IP_MULTICAST_TTL:
		if (sk->type == SOCK_STREAM || n < -1 || n > 255)
			return -EINVAL;
		o->multicast_ttl = n == -1 ? 1 : (u8)n;
		return 0;
	case IP_MTU_DISCOVER:
		if (n < IP_PMTUDISC_DONT || n > IP_PMTUDISC_OMIT)
			return -EINVAL;
		o->mtu_discover = (u8)n;
		return 0;
	case IP_ROUTER_ALERT:
		if (sk->type != SOCK_RAW)
			return -EINVAL;
		o->router_alert = n;
		return 0;
	case IP_HDRINCL:
		if (sk->type != SOCK_RAW)
			return -ENOPROTOOPT;
		o->header_included = n;
		return 0;
	case IP_TRANSPARENT:
		if (n && !capable(CAP_NET_ADMIN) && !capable(CAP_NET_RAW))
			return -EPERM;
		o->transparent = n;
		return 0;
	case IP_MULTICAST_ALL:
	case IP_FREEBIND:
		if (n != 0 && n != 1 && option == IP_MULTICAST_ALL)
			return -EINVAL;
		break;
	}
	if (!flag)
		return -ENOPROTOOPT;
	*flag = n != 0;
	return 0;
}

/* Of some, no value at all is not 0. */
static bool wants_value(int option)
{
	switch (option) {
	case IP_TTL:
	case IP_FREEBIND:
	case IP_TRANSPARENT:
	case IP_MULTICAST_TTL:
	case IP_MULTICAST_LOOP:
	case IP_MULTICAST_ALL:
		return true;
	}
	return false;
}

int inet_set_option(struct socket *s, int level, int option, const void __user *value, u32 len)
{
	struct inet_sock *sk = s->proto;
	int n;

	if (level == SOL_SOCKET) {
		if (option == SO_BINDTODEVICE)
			return set_device(sk, value, len);
		return option == SO_BINDTOIFINDEX ? set_device_number(sk, value, len) : filter_set_option(sk, option, value, len);
	}
	if (level == SOL_IPV6)
		return ipv6_set_option(sk, option, value, len);
	/* Raw IPv6 carries no IPv4. */
	if (level != SOL_IP || (sk->family == AF_INET6 && sk->type == SOCK_RAW))
		return -ENOPROTOOPT;
	switch (option) {
	case IP_OPTIONS:
		return set_ip_options(sk, value, len);
	case IP_ADD_MEMBERSHIP:
	case IP_DROP_MEMBERSHIP:
		if (sk->type == SOCK_STREAM)
			return -EPROTO;
		return set_membership(sk, option, value, len);
	case MCAST_JOIN_GROUP:
	case MCAST_LEAVE_GROUP:
		return set_membership(sk, option, value, len);
	case IP_MULTICAST_IF:
		return sk->type == SOCK_STREAM ? -EINVAL : set_multicast_device(sk, value, len);
	}
	int err = !len && wants_value(option) ? -EINVAL : option_in(&n, value, len);
	return err ? err : set_number(sk, option, n);
}

int inet_get_option(struct socket *s, int level, int option, void __user *value, u32 *len)
{
	struct inet_sock *sk = s->proto;
	const struct inet_options *o = &sk->inet;
	bool *flag = flag_of(&sk->inet, option);
	int n;

	if (level == SOL_SOCKET && option == SO_BINDTOIFINDEX)
		return option_out(value, len, &sk->device, sizeof(sk->device));
	if (level == SOL_SOCKET)
		return option == SO_BINDTODEVICE ? get_device(sk, value, len) : filter_get_option(sk, option, value, len);
	if (level == SOL_IPV6)
		return ipv6_get_option(sk, option, value, len);
	if (level != SOL_IP)
		return -EOPNOTSUPP;
	if (sk->family == AF_INET6 && sk->type == SOCK_RAW)
		return -ENOPROTOOPT;
	switch (option) {
	case IP_TTL: n = o->ttl < 0 ? 64 : o->ttl; break;
	case IP_TOS: n = o->tos; break;
	case IP_MULTICAST_TTL: n = o->multicast_ttl; break;
	case IP_MTU_DISCOVER: n = o->mtu_discover; break;
	case IP_HDRINCL: n = o->header_included; break;
	case IP_TRANSPARENT: n = o->transparent; break;
	case IP_MULTICAST_IF: n = (int)o->multicast_source; break;
	case IP_OPTIONS:
		return option_out(value, len, o->ip.data, o->ip.len);
	case IP_MTU: {
		struct inet_path path;
		if (address_is_any(sk->remote))
			return -ENOTCONN;
		if (inet_route(sk, &path, sk->remote, sk->local, false))
			return -ENOTCONN;
		n = (int)path.mtu;
		break;
	}
	default:
		if (!flag)
			return -ENOPROTOOPT;
		n = *flag;
	}
	/* Room for one byte only gets one, as ip(7) has it. */
	u8 byte = (u8)n;
	if (*len < sizeof(n) && *len > 0 && n >= 0 && n <= 255)
		return option_out(value, len, &byte, 1);
	return option_out(value, len, &n, sizeof(n));
}
