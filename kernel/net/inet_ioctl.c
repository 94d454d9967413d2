/* The ioctls of ifconfig, route and arp (netdevice(7), arp(7)): devices, their addresses and flags, routes, neighbours. */
#include "core/node.h"
#include "abi/netlink.h"
#include "inet_priv.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "proc/cred.h"
#include "time/time.h"
#include "usermode/uaccess.h"

bool address_of_device(struct netdev *d, u32 address)
{
	bool found = false;

	read_lock(&net_config_lock);
	for (unsigned i = 0; i < NETDEV_ADDRESSES; i++)
		found |= address && d->ip[i].address == address;
	read_unlock(&net_config_lock);
	return found;
}

/* --- interfaces ---------------------------------------------------------------------------------------------------- */

/* The mask that an address had when nets had classes (RFC 791): what SIOCSIFADDR starts from. */
static u32 class_mask(u32 address)
{
	u8 first = (u8)address;

	return first < 128 ? 0x000000ff : first < 192 ? 0x0000ffff : first < 224 ? 0x00ffffff : 0xffffffff;
}

/* "eth0:1" names a further address of eth0; plain names the first. */
static struct netdev *find(char *name, unsigned *slot)
{
	char *colon = strchr(name, ':');

	*slot = 0;
	if (colon) {
		*slot = (unsigned)parse_u64(colon + 1, NULL, 10) + 1;
		*colon = 0;
		if (*slot >= NETDEV_ADDRESSES)
			return NULL;
	}
	return netdev_by_name(name);
}

static u32 broadcast_of(const struct netdev *d, const struct ip_address *a)
{
	return d->flags & IFF_BROADCAST && a->mask != 0xffffffff ? a->address | ~a->mask : 0;
}

static long set_address(struct netdev *d, unsigned slot, u32 cmd, u32 value)
{
	struct ip_address a = d->ip[slot];

	switch (cmd) {
	case SIOCSIFADDR:
		if (!value) {
			a = (struct ip_address){ 0 };
			break;
		}
		a.address = value;
		a.mask = class_mask(value);
		a.broadcast = broadcast_of(d, &a);
		break;
	case SIOCSIFNETMASK: {
		u32 host = ~be32(value);
		if (!a.address)
			return -EADDRNOTAVAIL;
		if (host & (host + 1))
			return -EINVAL;
		bool followed = a.broadcast == broadcast_of(d, &a);
		a.mask = value;
		if (followed)
			a.broadcast = broadcast_of(d, &a);
		break;
	}
	case SIOCSIFBRDADDR:
		if (!a.address)
			return -EADDRNOTAVAIL;
		a.broadcast = value;
		break;
	case SIOCSIFDSTADDR:
		return a.address ? 0 : -EADDRNOTAVAIL;
	}
	netdev_set_address(d, slot, &a);
	/* An address brings the device up, as Linux does. */
	return cmd == SIOCSIFADDR && value ? netdev_set_flags(d, d->flags | IFF_UP) : 0;
}

static long interface_set(struct netdev *d, unsigned slot, u32 cmd, struct abi_ifreq *r)
{
	if (!capable(CAP_NET_ADMIN))
		return -EPERM;
	switch (cmd) {
	case SIOCSIFFLAGS:
		/* Down on a further address takes that away. */
		if (slot && !(r->flags & (int)IFF_UP)) {
			struct ip_address none = { 0 };
			return netdev_set_address(d, slot, &none);
		}
		return netdev_set_flags(d, (u32)(u16)r->flags);
	case SIOCSIFADDR:
	case SIOCSIFNETMASK:
	case SIOCSIFBRDADDR:
	case SIOCSIFDSTADDR:
		return r->address.family == AF_INET ? set_address(d, slot, cmd, r->address.address) : -EINVAL;
	case SIOCSIFMTU:
		if (r->value < 68 || r->value > 65536 || (d != loopback && r->value > 1500))
			return -EINVAL;
		WRITE_ONCE(d->mtu, (u32)r->value);
		return 0;
	case SIOCSIFNAME:
		r->new_name[IFNAMSIZ - 1] = 0;
		return netdev_rename(d, r->new_name);
	case SIOCSIFTXQLEN:
		if (r->value < 0)
			return -EINVAL;
		WRITE_ONCE(d->queue_len, (u32)r->value);
		return 0;
	case SIOCSIFMETRIC:
		return -EOPNOTSUPP;
	}
	return -EOPNOTSUPP;
}

static void put_address(struct abi_ifreq *r, u32 address)
{
	r->address = (struct abi_sockaddr_in){ .family = AF_INET, .address = address };
}

static long interface_get(struct netdev *d, unsigned slot, u32 cmd, struct abi_ifreq *r)
{
	const struct ip_address *a = &d->ip[slot];

	switch (cmd) {
	case SIOCGIFFLAGS:
		r->flags = (s16)d->flags;
		return 0;
	case SIOCGIFADDR:
	case SIOCGIFNETMASK:
	case SIOCGIFBRDADDR:
	case SIOCGIFDSTADDR:
		if (!a->address)
			return -EADDRNOTAVAIL;
		put_address(r, cmd == SIOCGIFNETMASK ? a->mask : cmd == SIOCGIFBRDADDR ? a->broadcast : a->address);
		return 0;
	case SIOCGIFMETRIC:
		r->value = 0;
		return 0;
	case SIOCGIFMTU:
		r->value = (s32)d->mtu;
		return 0;
	case SIOCGIFTXQLEN:
		r->value = (s32)d->queue_len;
		return 0;
	case SIOCGIFINDEX:
		r->value = d->index;
		return 0;
	case SIOCGIFHWADDR:
		memset(&r->hardware, 0, sizeof(r->hardware));
		r->hardware.family = d->type;
		memcpy(r->hardware.data, d->address, ETHER_ADDRESS);
		return 0;
	case SIOCGIFMAP:
		memset(r->map, 0, sizeof(r->map));
		return 0;
	}
	return -EOPNOTSUPP;
}

/* Linux's other numbers in this range are nobody's, whatever device they name. */
static bool is_request(u32 cmd)
{
	return (cmd >= SIOCGIFNAME && cmd <= SIOCSIFMETRIC && cmd != 0x8911) || (cmd >= SIOCGIFMTU && cmd <= SIOCSIFHWADDR) || cmd == SIOCGIFHWADDR || cmd == SIOCADDMULTI ||
	       cmd == SIOCDELMULTI || cmd == SIOCGIFINDEX || cmd == SIOCGIFTXQLEN || cmd == SIOCSIFTXQLEN || cmd == SIOCGIFMAP;
}

static long interface_ioctl(u32 cmd, void __user *arg)
{
	char name[IFNAMSIZ];
	struct abi_ifreq r;
	unsigned slot;

	if (copy_from_user(&r, arg, sizeof(r)))
		return -EFAULT;
	if (!is_request(cmd))
		return -ENOTTY;
	r.name[IFNAMSIZ - 1] = 0;
	if (cmd == SIOCGIFNAME) {
		struct netdev *d = netdev_by_index(r.value);
		if (!d)
			return -ENODEV;
		strlcpy(r.name, d->name, sizeof(r.name));
		return copy_to_user(arg, &r, sizeof(r)) ? -EFAULT : 0;
	}
	memcpy(name, r.name, sizeof(name));
	struct netdev *d = find(name, &slot);
	if (!d)
		return -ENODEV;
	long err = interface_get(d, slot, cmd, &r);
	if (err == -EOPNOTSUPP)
		return interface_set(d, slot, cmd, &r);
	if (!err && copy_to_user(arg, &r, sizeof(r)))
		err = -EFAULT;
	return err;
}

/* SIOCGIFCONF: a row of struct ifreq, one for each address. */
static long interface_list(void __user *arg)
{
	struct abi_ifreq *list = kzalloc(64 * sizeof(*list), 0);
	struct abi_ifconf c;
	struct netdev *d;
	u32 count = 0;
	long err = 0;

	if (!list)
		return -ENOMEM;
	if (copy_from_user(&c, arg, sizeof(c))) {
		kfree(list);
		return -EFAULT;
	}
	read_lock(&net_config_lock);
	list_for_each(d, &netdevs, link)
		for (unsigned i = 0; i < NETDEV_ADDRESSES && count < 64; i++)
			if (d->ip[i].address) {
				strlcpy(list[count].name, d->name, IFNAMSIZ);
				if (i) {
					size_t n = strlen(list[count].name);
					list[count].name[n] = ':';
					list[count].name[n + 1] = (char)('0' + i - 1);
				}
				put_address(&list[count++], d->ip[i].address);
			}
	read_unlock(&net_config_lock);
	if (c.buffer) {
		count = MIN(count, (u32)MAX(c.len, 0) / (u32)sizeof(*list));
		if (copy_to_user((void __user *)c.buffer, list, count * sizeof(*list)))
			err = -EFAULT;
	}
	c.len = (s32)(count * sizeof(*list));
	if (!err && copy_to_user(arg, &c, sizeof(c)))
		err = -EFAULT;
	kfree(list);
	return err;
}

/* --- routes, neighbours -------------------------------------------------------------------------------------------- */

static long route_ioctl(u32 cmd, const void __user *arg)
{
	struct abi_rtentry e;
	char name[IFNAMSIZ] = "";
	struct route r = { 0 };
	struct ip_path path;

	if (!capable(CAP_NET_ADMIN))
		return -EPERM;
	if (copy_from_user(&e, arg, sizeof(e)))
		return -EFAULT;
	if (e.destination.family != AF_INET)
		return -EAFNOSUPPORT;
	if (e.device && strncpy_from_user(name, (const char __user *)e.device, sizeof(name)) == -EFAULT)
		return -EFAULT;
	r.destination = e.destination.address;
	r.mask = e.flags & RTF_HOST ? 0xffffffff : e.mask.address;
	if (!(e.flags & RTF_HOST)) {
		u32 host = ~be32(r.mask);
		if (host & (host + 1) || r.destination & ~r.mask)
			return -EINVAL;
	}
	r.flags = e.flags & (RTF_HOST | RTF_GATEWAY | RTF_REJECT);
	r.metric = e.metric > 0 ? (u32)e.metric - 1 : 0;
	r.protocol = 3;
	if (name[0]) {
		r.dev = netdev_by_name(name);
		if (!r.dev)
			return -ENODEV;
	}
	if (e.gateway.family == AF_INET && e.gateway.address) {
		r.gateway = e.gateway.address;
		r.flags |= RTF_GATEWAY;
	} else if (e.flags & RTF_GATEWAY) {
		return -EINVAL;
	}
	if (cmd == SIOCDELRT)
		return route_delete(&r);
	/* A gateway must be on a link of ours. */
	if (r.gateway) {
		if (ip_route(&path, r.gateway, IP_ANY, r.dev) || path.next_hop != r.gateway || path.scope != IP_UNICAST)
			return -ENETUNREACH;
		r.dev = path.dev;
	}
	if (!r.dev)
		r.dev = r.flags & RTF_REJECT ? loopback : NULL;
	if (!r.dev)
		return -ENODEV;
	return netdev_up(r.dev) ? route_add(&r) : -ENETDOWN;
}

static long arp_ioctl(u32 cmd, void __user *arg)
{
	struct abi_arpreq r;
	struct ip_path path;

	if (cmd != SIOCGARP && !capable(CAP_NET_ADMIN))
		return -EPERM;
	if (copy_from_user(&r, arg, sizeof(r)))
		return -EFAULT;
	if (r.address.family != AF_INET)
		return -EPFNOSUPPORT;
	r.device[15] = 0;
	struct netdev *d = r.device[0] ? netdev_by_name(r.device) : NULL;
	if (!d && r.device[0])
		return -ENODEV;
	if (!d) {
		if (ip_route(&path, r.address.address, IP_ANY, NULL))
			return -ENETUNREACH;
		d = path.dev;
	}
	if (d->type != NETDEV_TYPE_ETHERNET)
		return -ENXIO;
	if (cmd == SIOCSARP)
		return neighbour_set(d, address_v4(r.address.address), r.hardware.data, r.flags & ATF_PERM);
	if (cmd == SIOCDARP)
		return neighbour_delete(d, address_v4(r.address.address));
	memset(&r.hardware, 0, sizeof(r.hardware));
	if (!neighbour_get(d, address_v4(r.address.address), r.hardware.data))
		return -ENXIO;
	r.hardware.family = NETDEV_TYPE_ETHERNET;
	r.flags = ATF_COM | (neighbour_state(d, address_v4(r.address.address)) == NUD_PERMANENT ? ATF_PERM : 0);
	strlcpy(r.device, d->name, sizeof(r.device));
	return copy_to_user(arg, &r, sizeof(r)) ? -EFAULT : 0;
}

/* SIOCGSTAMP: when the packet that was read last had come. */
static long stamp_ioctl(struct inet_sock *sk, void __user *arg)
{
	u64 pair[2] = { sk->stamp / NSEC_PER_SEC, sk->stamp % NSEC_PER_SEC / 1000 };

	if (!sk->stamp)
		return -ENOENT;
	return copy_to_user(arg, pair, sizeof(pair)) ? -EFAULT : 0;
}

long device_ioctl(u32 cmd, u64 arg)
{
	void __user *user = (void __user *)arg;

	if (cmd == SIOCGIFCONF)
		return interface_list(user);
	if (cmd == SIOCETHTOOL)
		return -EOPNOTSUPP;
	return cmd >= SIOCGIFNAME && cmd <= SIOCGIFMAP ? interface_ioctl(cmd, user) : -ENOTTY;
}

long inet_ioctl(struct socket *s, u32 cmd, u64 arg)
{
	void __user *user = (void __user *)arg;

	switch (cmd) {
	case SIOCADDRT:
	case SIOCDELRT:
		return route_ioctl(cmd, user);
	case SIOCDARP:
	case SIOCGARP:
	case SIOCSARP:
		return arp_ioctl(cmd, user);
	case SIOCGSTAMP:
		return s->family == AF_INET || s->family == AF_INET6 ? stamp_ioctl(s->proto, user) : -ENOTTY;
	}
	return -ENOTTY; /* then it may be about a device */
}

/* --- /proc/net/dev, /proc/net/route ---------------------------------------------------------------------------------- */

#define STAT(f) atomic_load_relaxed(&d->stats.f)

static int show_dev(struct seq *s)
{
	struct netdev *d;

	seq_puts(s, "Inter-|   Receive                                                |  Transmit\n"
		    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n");
	read_lock(&net_config_lock);
	list_for_each(d, &netdevs, link)
		seq_printf(s, "%6s: %7lu %7lu %4lu %4lu %4u %5u %10u %9lu %8lu %7lu %4lu %4lu %4u %5u %7u %10u\n", d->name, STAT(rx_bytes), STAT(rx_packets), STAT(rx_errors),
			   STAT(rx_dropped), 0, 0, 0, STAT(multicast), STAT(tx_bytes), STAT(tx_packets), STAT(tx_errors), STAT(tx_dropped), 0, 0, 0, 0);
	read_unlock(&net_config_lock);
	return 0;
}
NODE(net_dev, .path = "net/dev", .show = show_dev);

static int show_route(struct seq *s)
{
	struct route *r;

	seq_printf(s, "%-127s\n", "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT");
	read_lock(&net_config_lock);
	list_for_each(r, &routes, link) {
		size_t from = s->len;
		if (r->table)
			continue;
		seq_printf(s, "%s\t%08X\t%08X\t%04X\t%d\t%u\t%u\t%08X\t%d\t%u\t%u", r->flags & RTF_REJECT ? "*" : r->dev->name, r->destination, r->gateway, r->flags, 0, 0, r->metric, r->mask, 0, 0, 0);
		/* Lines of 128 bytes, as Linux pads them. */
		for (size_t n = s->len - from; n < 127; n++)
			seq_puts(s, " ");
		seq_puts(s, "\n");
	}
	read_unlock(&net_config_lock);
	return 0;
}
NODE(net_route, .path = "net/route", .show = show_route);
