/* setsockopt and getsockopt at SOL_IPV6 (ipv6(7), RFC 3493, RFC 3542). */
#include "ipv6_priv.h"
#include "lib/string.h"
#include "proc/cred.h"
#include "usermode/uaccess.h"

/* Plain switches, by option. */
static bool *flag_of(struct inet_sock *sk, int option)
{
	struct inet_options *o = &sk->inet;

	switch (option) {
	case IPV6_RECVPKTINFO: return &o->receive_packet_info6;
	case IPV6_RECVHOPLIMIT: return &o->receive_hop_limit;
	case IPV6_2292PKTINFO: return &o->receive_packet_info_old;
	case IPV6_2292HOPLIMIT: return &o->receive_hop_limit_old;
	case IPV6_RECVTCLASS: return &o->receive_class;
	case IPV6_RECVERR: return &o->receive_error6;
	case IPV6_RECVPATHMTU: return &o->receive_path_mtu;
	case IPV6_MULTICAST_LOOP: return &o->multicast_loop6;
	case IPV6_MULTICAST_ALL: return &o->multicast_all6;
	case IPV6_DONTFRAG: return &o->dont_fragment6;
	case IPV6_AUTOFLOWLABEL: return &o->auto_flow;
	case IPV6_FLOWINFO: return &o->flow_info;
	case IPV6_FLOWINFO_SEND: return &o->send_flow;
	case IPV6_FREEBIND: return &o->free_bind;
	case IPV6_RECVHOPOPTS: return &o->unheard[0];
	case IPV6_RECVRTHDR: return &o->unheard[1];
	case IPV6_RECVDSTOPTS: return &o->unheard[2];
	case IPV6_RECVFRAGSIZE: return &o->unheard[3];
	}
	return NULL;
}

/* MCAST_JOIN_GROUP, MCAST_LEAVE_GROUP (RFC 3678 section 5.1). */
static int group_request(struct abi_ipv6_mreq *r, const void __user *value)
{
	struct abi_group_req g;

	if (copy_from_user(&g, value, sizeof(g)))
		return -EFAULT;
	if (g.family != AF_INET6)
		return -EADDRNOTAVAIL;
	r->index = (int)g.index;
	memcpy(r->group, g.name + 6, sizeof(r->group));
	return 0;
}

static int set_membership(struct inet_sock *sk, int option, const void __user *value, u32 len)
{
	struct abi_ipv6_mreq r;
	struct address group;
	struct inet_path path;
	bool join = option == IPV6_ADD_MEMBERSHIP || option == MCAST_JOIN_GROUP, by_name = option == MCAST_JOIN_GROUP || option == MCAST_LEAVE_GROUP;

	if (len < (by_name ? sizeof(struct abi_group_req) : sizeof(r)))
		return -EINVAL;
	if (sk->type == SOCK_STREAM)
		return -EPROTO;
	int err = by_name ? group_request(&r, value) : copy_from_user(&r, value, sizeof(r)) ? -EFAULT : 0;
	if (err)
		return err;
	memcpy(&group, r.group, sizeof(group));
	if (!address_is_multicast(group) || address_is_v4(group))
		return -EINVAL;
	if (!r.index) {
		if (ip6_route(&path, group, ADDRESS_ANY, NULL))
			return -ENODEV;
		r.index = path.dev->index;
	}
	if (!netdev_by_index(r.index))
		return join ? -ENODEV : -EADDRNOTAVAIL;
	return multicast_change(sk, group, r.index, join);
}

/* RFC 3542 section 6.1: a struct in6_pktinfo for what is sent without one. Only the device is kept. */
static int set_packet_info(struct inet_sock *sk, const void __user *value, u32 len)
{
	struct abi_in6_pktinfo info;

	if (!len)
		return 0;
	if (len < sizeof(info))
		return -EINVAL;
	if (copy_from_user(&info, value, sizeof(info)))
		return -EFAULT;
	if (info.index && sk->device && info.index != sk->device)
		return -EINVAL;
	return info.index && !netdev_by_index(info.index) ? -ENODEV : 0;
}

static int set_only(struct inet_sock *sk, int n)
{
	int err = 0;

	spin_lock(&sk->lock);
	if (sk->ports && sk->type != SOCK_RAW)
		err = -EINVAL;
	else
		sk->v6only = n;
	spin_unlock(&sk->lock);
	return err;
}

/* unknown: the errno for a number that no device has. */
static int set_device(int *where, const struct inet_sock *sk, int index, int unknown)
{
	if (index && !netdev_by_index(index))
		return unknown;
	if (index && sk->device && sk->device != index)
		return -EINVAL;
	*where = index;
	return 0;
}

/* RFC 5014 section 5: of each pair one at most; what is not named stays as it was. */
enum { PREFER_TEMPORARY = 1, PREFER_PUBLIC = 2, PREFER_CARE_OF = 4, PREFER_CGA = 8, PREFER_EITHER = 0x100, PREFER_HOME = 0x400, PREFER_NOT_CGA = 0x800 };

static bool two_of(u32 n)
{
	return n & (n - 1);
}

static int set_preferences(struct inet_options *o, u32 n)
{
	u32 age = n & (PREFER_TEMPORARY | PREFER_PUBLIC | PREFER_EITHER), home = n & (PREFER_HOME | PREFER_CARE_OF), kept = o->preferences;

	if (two_of(age) || two_of(home) || two_of(n & (PREFER_CGA | PREFER_NOT_CGA)))
		return -EINVAL;
	if (age)
		kept &= (u32)~(PREFER_TEMPORARY | PREFER_PUBLIC);
	if (home)
		kept &= (u32)~PREFER_CARE_OF;
	o->preferences = kept | (age & ~(u32)PREFER_EITHER) | (home & PREFER_CARE_OF);
	return 0;
}

static int set_number(struct inet_sock *sk, int option, int n)
{
	struct inet_options *o = &sk->inet;

	switch (option) {
	case IPV6_V6ONLY:
		return set_only(sk, n != 0);
	case IPV6_UNICAST_HOPS:
		if (n < -1 || n > 255)
			return -EINVAL;
		o->unicast_hops = (s16)n;
		return 0;
	case IPV6_MULTICAST_HOPS:
		if (sk->type == SOCK_STREAM)
			return -ENOPROTOOPT;
		if (n < -1 || n > 255)
			return -EINVAL;
		o->multicast_hops = (s16)n;
		return 0;
	case IPV6_MULTICAST_LOOP:
		if (n != 0 && n != 1)
			return -EINVAL;
		break;
	case IPV6_MULTICAST_IF:
		return sk->type == SOCK_STREAM ? -ENOPROTOOPT : set_device(&o->multicast_device6, sk, n, -ENODEV);
	case IPV6_UNICAST_IF:
		return set_device(&o->unicast_device6, sk, (int)be32((u32)n), -EADDRNOTAVAIL);
	case IPV6_TCLASS:
		if (n < -1 || n > 255)
			return -EINVAL;
		n = n < 0 ? 0 : n;
		/* The two bits of ECN belong to TCP (RFC 3168). */
		o->traffic_class = (u8)(sk->protocol == PROTO_TCP ? (n & ~3) | (o->traffic_class & 3) : n);
		return 0;
	case IPV6_MTU_DISCOVER:
		if (n < IP_PMTUDISC_DONT || n > IP_PMTUDISC_OMIT)
			return -EINVAL;
		o->mtu_discover6 = (u8)n;
		return 0;
	case IPV6_MTU:
		return n && n < (int)IPV6_MTU_LEAST ? -EINVAL : 0;
	case IPV6_CHECKSUM:
		if (sk->type != SOCK_RAW)
			return -ENOPROTOOPT;
		if (n > 0 && n & 1)
			return -EINVAL;
		if (sk->protocol == PROTO_ICMPV6)
			return -EINVAL;
		o->checksum_at = n < 0 ? -1 : n;
		return 0;
	case IPV6_ADDR_PREFERENCES:
		return set_preferences(o, (u32)n);
	case IPV6_TRANSPARENT:
		if (n && !capable(CAP_NET_ADMIN) && !capable(CAP_NET_RAW))
			return -EPERM;
		o->transparent = n;
		return 0;
	}
	bool *flag = flag_of(sk, option);
	if (!flag)
		return -ENOPROTOOPT;
	*flag = n != 0;
	return 0;
}

int ipv6_set_option(struct inet_sock *sk, int option, const void __user *value, u32 len)
{
	int n = 0;

	if (sk->family != AF_INET6)
		return -ENOPROTOOPT;
	switch (option) {
	case IPV6_ADD_MEMBERSHIP:
	case IPV6_DROP_MEMBERSHIP:
	case MCAST_JOIN_GROUP:
	case MCAST_LEAVE_GROUP:
		return set_membership(sk, option, value, len);
	case IPV6_PKTINFO:
		return set_packet_info(sk, value, len);
	}
	if (len < sizeof(n))
		return -EINVAL;
	if (copy_from_user(&n, value, sizeof(n)))
		return -EFAULT;
	return set_number(sk, option, n);
}

int ipv6_get_option(struct inet_sock *sk, int option, void __user *value, u32 *len)
{
	const struct inet_options *o = &sk->inet;
	struct inet_path path;
	int n;

	if (sk->family != AF_INET6)
		return -EOPNOTSUPP;
	switch (option) {
	case IPV6_V6ONLY: n = sk->v6only; break;
	case IPV6_UNICAST_HOPS: n = o->unicast_hops < 0 ? 64 : o->unicast_hops; break;
	case IPV6_MULTICAST_HOPS: n = o->multicast_hops < 0 ? 1 : o->multicast_hops; break;
	case IPV6_MULTICAST_IF: n = o->multicast_device6; break;
	case IPV6_UNICAST_IF: n = (int)be32((u32)o->unicast_device6); break;
	case IPV6_TCLASS: n = o->traffic_class; break;
	case IPV6_MTU_DISCOVER: n = o->mtu_discover6; break;
	case IPV6_CHECKSUM:
		if (sk->type != SOCK_RAW)
			return -ENOPROTOOPT;
		n = sk->protocol == PROTO_ICMPV6 ? 2 : o->checksum_at;
		break;
	case IPV6_ADDR_PREFERENCES:
		n = o->preferences & (PREFER_TEMPORARY | PREFER_PUBLIC) ? 0 : PREFER_EITHER;
		n |= (int)o->preferences | (o->preferences & PREFER_CARE_OF ? 0 : PREFER_HOME);
		break;
	case IPV6_TRANSPARENT: n = o->transparent; break;
	case IPV6_MTU:
		if (address_is_any(sk->remote) || inet_route(sk, &path, sk->remote, sk->local, false))
			return -ENOTCONN;
		n = (int)path.mtu;
		break;
	default: {
		bool *flag = flag_of(sk, option);
		if (!flag)
			return -ENOPROTOOPT;
		n = *flag;
	}
	}
	return option_out(value, len, &n, sizeof(n));
}
