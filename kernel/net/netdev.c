/*
 * Network devices, and the section that all protocol work runs in (net/netdev.h: net_begin).
 *
 *     system call ── net_begin ── socket lock ── ip_send ── loopback ─┐
 *                        │                                           ▼
 *                    net_end ◄── no lock held any more ── this CPU's backlog ──► ip_receive ──► socket lock …
 *
 * Locks: net_config_lock (readers and a writer) guards the list of devices, their flags and addresses, and the routes. config_mutex makes changes of one
 * device, which may sleep in its driver, one after the other.
 */
#include "net/netdev.h"

#include "core/atomic.h"
#include "core/fault_inject.h"
#include "core/panic.h"
#include "core/printk.h"
#include "ipv6_priv.h"
#include "lib/format.h"
#include "lib/string.h"
#include "mm/frame.h"
#include "net/ip.h"
#include "sched/thread.h"

#define BUDGET 300 /* packets that one net_end lets in before others may run */

struct rwspin net_config_lock = RWSPIN_INIT("network configuration", RANK_NET_CONFIG);
struct list netdevs = LIST_INIT(netdevs);
void (*netdev_tap)(struct packet *p, bool outgoing);
static MUTEX(config_mutex, RANK_SUBSYS_MUTEX);
static struct spinlock filter_lock = SPINLOCK_INIT("network filters", RANK_NET_FILTER); /* one change at a time, so that the last that is written is the newest */
static int last_index; /* net_config_lock */

/* Of a CPU; only touched between net_begin and net_end, so by one thread at a time. */
struct backlog {
	u32 depth;
	u32 length;
	struct list packets;
	struct work work;
	bool ready;
};
static PERCPU(struct backlog, backlog);

#define BACKLOG_MAX 4096u

/* --- the section --------------------------------------------------------------------------------------------------- */

static void continue_work(struct work *w __unused)
{
	net_begin();
	net_end();
}

void net_begin(void)
{
	preempt_disable();
	struct backlog *b = percpu_ptr(backlog);
	if (unlikely(!b->ready)) {
		list_init(&b->packets);
		work_init(&b->work, continue_work);
		b->ready = true;
	}
	b->depth++;
}

void net_end(void)
{
	struct backlog *b = percpu_ptr(backlog);

	if (b->depth == 1) {
		for (u32 n = 0; !list_empty(&b->packets); n++) {
			if (n >= BUDGET || (n > 32 && READ_ONCE(this_cpu()->need_resched))) {
				work_queue(&b->work);
				break;
			}
			struct packet *p = list_first(&b->packets, struct packet, link);
			list_del(&p->link);
			b->length--;
			netdev_receive(p);
		}
	}
	b->depth--;
	preempt_enable();
}

/* --- packets ------------------------------------------------------------------------------------------------------- */

void netdev_receive(struct packet *p)
{
	struct netdev *d = p->dev;

	__atomic_fetch_add(&d->stats.rx_packets, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&d->stats.rx_bytes, p->len + (p->mac ? sizeof(struct ether_header) : 0), __ATOMIC_RELAXED);
	if (netdev_tap)
		netdev_tap(p, false);
	switch (p->ether_type) {
	case ETHER_IP:
		ip_receive(p);
		break;
	case ETHER_IPV6:
		ip6_receive(p);
		break;
	case ETHER_ARP:
		arp_receive(p);
		break;
	default:
		packet_free(p);
	}
}

struct packet *netdev_spare(u32 room)
{
	return fault_inject(FAULT_RX) ? NULL : packet_alloc(0, room, ALLOC_ATOMIC);
}

/* Several segments in one go only where the card cuts them itself, and nobody looks on: a capture shows what is on the wire. */
static bool cuts_itself(const struct netdev *d, const struct packet *p)
{
	return !netdev_tap && d->features & (*p->network >> 4 == 4 ? NETDEV_TSO4 : NETDEV_TSO6);
}

int netdev_transmit(struct netdev *d, struct packet *p)
{
	u32 len = p->len;
	int err = -ENETDOWN;

	p->dev = d;
	if (p->segment && !cuts_itself(d, p))
		return netdev_transmit_segments(d, p);
	if (netdev_tap)
		netdev_tap(p, true);
	if (netdev_up(d) && !READ_ONCE(d->no_carrier) && !fault_inject(FAULT_TX)) {
		err = d->ops->transmit(d, p);
	} else if (netdev_up(d)) {
		/* As if it were lost on the way: the cable may be put in again. */
		__atomic_fetch_add(&d->stats.tx_dropped, 1, __ATOMIC_RELAXED);
		packet_free(p);
		return 0;
	} else {
		packet_free(p);
	}
	if (err) {
		__atomic_fetch_add(&d->stats.tx_dropped, 1, __ATOMIC_RELAXED);
	} else {
		__atomic_fetch_add(&d->stats.tx_packets, 1, __ATOMIC_RELAXED);
		__atomic_fetch_add(&d->stats.tx_bytes, len, __ATOMIC_RELAXED);
	}
	return err;
}

/* --- devices ------------------------------------------------------------------------------------------------------- */

void netdev_register(struct netdev *d)
{
	static unsigned ethernets;

	d->hop_limit = 64;
	write_lock(&net_config_lock);
	if (!d->name[0])
		ksnprintf(d->name, sizeof(d->name), "eth%u", ethernets++);
	d->index = ++last_index;
	list_add_tail(&netdevs, &d->link);
	write_unlock(&net_config_lock);
}

struct netdev *netdev_by_name(const char *name)
{
	struct netdev *d, *found = NULL;

	read_lock(&net_config_lock);
	list_for_each(d, &netdevs, link)
		if (!strcmp(d->name, name))
			found = d;
	read_unlock(&net_config_lock);
	return found;
}

struct netdev *netdev_by_index(int index)
{
	struct netdev *d, *found = NULL;

	read_lock(&net_config_lock);
	list_for_each(d, &netdevs, link)
		if (d->index == index)
			found = d;
	read_unlock(&net_config_lock);
	return found;
}

#define USER_FLAGS (IFF_UP | IFF_PROMISC | IFF_ALLMULTI | IFF_NOARP | IFF_MULTICAST)

/* IFF_RUNNING follows from what there is. */
static void store_flags(struct netdev *d, u32 flags)
{
	write_lock(&net_config_lock);
	d->flags = (flags & ~IFF_RUNNING) | (flags & IFF_UP && !d->no_carrier ? IFF_RUNNING : 0);
	write_unlock(&net_config_lock);
}

void netdev_carrier(struct netdev *d, bool there)
{
	mutex_lock(&config_mutex);
	if (d->no_carrier == there) {
		WRITE_ONCE(d->no_carrier, !there);
		store_flags(d, d->flags);
		printk("%s: link %s\n", d->name, there ? "up" : "down");
	}
	mutex_unlock(&config_mutex);
}

void netdev_filter_changed(struct netdev *d)
{
	if (!d->ops->filter)
		return;
	spin_lock(&filter_lock);
	d->ops->filter(d);
	spin_unlock(&filter_lock);
}

void netdev_filters_changed(void)
{
	struct netdev *d;

	/* Devices stay for ever, so the list may be walked without its lock. */
	list_for_each(d, &netdevs, link)
		netdev_filter_changed(d);
}

int netdev_set_flags(struct netdev *d, u32 flags)
{
	int err = 0;

	mutex_lock(&config_mutex);
	u32 old = d->flags, new = (old & ~USER_FLAGS) | (flags & USER_FLAGS);
	if (new & ~old & IFF_UP) {
		err = d->ops->open ? d->ops->open(d) : 0;
		if (!err) {
			store_flags(d, new);
			addresses_up(d);
			ip6_device_up(d);
		}
	} else if (old & ~new & IFF_UP) {
		store_flags(d, new);
		routes_forget(d, 0);
		ip6_device_down(d);
		if (d->ops->stop)
			d->ops->stop(d);
	} else {
		store_flags(d, new);
	}
	netdev_filter_changed(d);
	mutex_unlock(&config_mutex);
	return err;
}

int netdev_rename(struct netdev *d, const char *name)
{
	int err = 0;

	if (netdev_up(d))
		return -EBUSY;
	if (!strcmp(d->name, name))
		return 0;
	if (!*name || strlen(name) >= sizeof(d->name) || !strcmp(name, ".") || !strcmp(name, ".."))
		return -EINVAL;
	for (const char *c = name; *c; c++)
		if (*c == '/' || *c == ':' || *c == ' ' || (*c >= '\t' && *c <= '\r'))
			return -EINVAL;
	mutex_lock(&config_mutex);
	if (d->flags & IFF_UP)
		err = -EBUSY;
	else if (netdev_by_name(name))
		err = -EEXIST;
	if (!err) {
		write_lock(&net_config_lock);
		strlcpy(d->name, name, sizeof(d->name));
		write_unlock(&net_config_lock);
	}
	mutex_unlock(&config_mutex);
	return err;
}

/* --- loopback ------------------------------------------------------------------------------------------------------ */

/* What goes out comes in: the same view, for it belongs to nobody else. The sender's buffer is free of it from here on. */
static int loopback_transmit(struct netdev *d, struct packet *p)
{
	struct backlog *b = percpu_ptr(backlog);

	packet_orphan(p);
	if (b->length >= BACKLOG_MAX) {
		__atomic_fetch_add(&d->stats.rx_dropped, 1, __ATOMIC_RELAXED);
		packet_free(p);
		return 0;
	}
	p->verified = true; /* it has not left memory */
	p->partial = false;
	if (p->kind == PACKET_OUTGOING)
		p->kind = PACKET_HOST;
	list_add_tail(&b->packets, &p->link);
	b->length++;
	return 0;
}

static const struct netdev_ops loopback_ops = { .transmit = loopback_transmit };
static struct netdev loopback_device = {
	.name = "lo",
	.type = NETDEV_TYPE_LOOPBACK,
	.flags = IFF_LOOPBACK,
	.mtu = 65536,
	.queue_len = 1000,
	.features = NETDEV_CHECKSUM | NETDEV_TSO4 | NETDEV_TSO6,
	.ops = &loopback_ops,
};
struct netdev *loopback = &loopback_device;
