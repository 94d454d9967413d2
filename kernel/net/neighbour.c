/*
 * The table of neighbours of both families: look-up, its bound, its timer, /proc/net/arp and the ioctls.
 *
 * Once a second, while there is something to look after: unanswered requests are repeated, three times; then the packets that wait fail, and their senders
 * hear of it. A neighbour that was not confirmed for a minute is asked again if it is used, directly (RFC 1122 section 2.3.2.1, RFC 4861 section 7.3), and forgotten otherwise.
 */
#include "arp_priv.h"
#include "core/node.h"
#include "ipv6_priv.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "net/timer.h"
#include "netlink_priv.h"

#define BUCKETS 64
#define NEIGHBOURS_MAX 512

struct spinlock neighbour_lock = SPINLOCK_INIT("neighbours", RANK_NET_NEIGHBOUR);
static struct list table[BUCKETS]; /* neighbour_lock */
static u32 count;                  /* neighbour_lock */
static void neighbours_due(struct net_timer *t);
static struct net_timer timer = { .deadline = TIME_NEVER, .fn = neighbours_due };

void neighbours_init(void)
{
	for (unsigned i = 0; i < BUCKETS; i++)
		list_init(&table[i]);
}

static struct list *bucket(struct address ip)
{
	return &table[address_hash(ip) % BUCKETS];
}

struct neighbour *neighbour_find(struct netdev *d, struct address ip)
{
	struct neighbour *n;

	list_for_each(n, bucket(ip), link)
		if (n->dev == d && address_equal(n->ip, ip))
			return n;
	return NULL;
}

static void drop(struct neighbour *n, struct list *waiting)
{
	list_del(&n->link);
	list_splice_tail(waiting, &n->queue);
	count--;
	kfree(n);
}

static struct neighbour *least_used(void)
{
	struct neighbour *n, *oldest = NULL;

	for (unsigned i = 0; i < BUCKETS; i++)
		list_for_each(n, &table[i], link)
			if (!oldest || n->used < oldest->used)
				oldest = n;
	return oldest;
}

struct neighbour *neighbour_make(struct netdev *d, struct address ip)
{
	struct neighbour *n = kzalloc(sizeof(*n), ALLOC_ATOMIC);
	struct list waiting;

	if (!n)
		return NULL;
	list_init(&waiting);
	if (count >= NEIGHBOURS_MAX)
		drop(least_used(), &waiting);
	n->ip = ip;
	n->dev = d;
	n->used = time_ns();
	list_init(&n->queue);
	list_add(bucket(ip), &n->link);
	count++;
	packet_list_free(&waiting);
	return n;
}

void neighbour_enqueue(struct neighbour *n, struct packet *p)
{
	/* The newest packets are worth most: the oldest goes when there is no room. */
	if (n->queue_len >= ARP_QUEUE_MAX) {
		struct packet *old = list_first(&n->queue, struct packet, link);
		list_del(&old->link);
		n->queue_len--;
		packet_free(old);
	}
	list_add_tail(&n->queue, &p->link);
	n->queue_len++;
}

void neighbour_answered(struct neighbour *n, struct list *waiting)
{
	n->asked = 0;
	n->tries = 0;
	if (n->permanent)
		memcpy(n->address, n->fixed, ETHER_ADDRESS); /* whatever somebody says */
	list_splice_tail(waiting, &n->queue);
	n->queue_len = 0;
}

/* --- ageing -------------------------------------------------------------------------------------------------------- */

void neighbours_watch(void)
{
	if (!READ_ONCE(timer.queued))
		(void)!net_timer_arm(&timer, time_ns() + ARP_RETRY);
}

struct question {
	struct netdev *dev;
	struct address ip;
	bool direct;
	u8 address[ETHER_ADDRESS];
};

/* What is to be done about n: true if q is to be asked. neighbour_lock held. */
static bool look_after(struct neighbour *n, u64 now, struct question *q, struct list *failed)
{
	bool stale = n->resolved && now - n->confirmed > ARP_FRESH;

	if (n->permanent || (n->resolved && !stale))
		return false;
	if (stale && !n->asked && now - n->used > ARP_FRESH) {
		drop(n, failed);
		return false;
	}
	if (n->asked && now - n->asked < ARP_RETRY - NSEC_PER_MSEC)
		return false;
	if (n->tries >= ARP_TRIES) {
		drop(n, failed);
		return false;
	}
	n->tries++;
	n->asked = now;
	*q = (struct question){ .dev = n->dev, .ip = n->ip, .direct = stale && n->tries < ARP_TRIES };
	memcpy(q->address, n->address, ETHER_ADDRESS);
	return true;
}

static void ask(const struct question *q)
{
	const u8 *to = q->direct ? q->address : NULL;

	if (address_is_v4(q->ip))
		arp_request(q->dev, address_to_v4(q->ip), to);
	else
		nd_solicit(q->dev, q->ip, to, false);
}

void neighbour_ask(struct netdev *d, struct address ip)
{
	ask(&(struct question){ .dev = d, .ip = ip });
	neighbours_watch();
}

static void neighbours_due(struct net_timer *t __unused)
{
	struct question questions[16];
	struct neighbour *n, *next;
	struct packet *p, *next_packet;
	struct list failed;
	u32 asked = 0;
	u64 now = time_ns();

	list_init(&failed);
	spin_lock(&neighbour_lock);
	for (unsigned i = 0; i < BUCKETS; i++)
		list_for_each_safe(n, next, &table[i], link)
			if (asked < ARRAY_SIZE(questions) && look_after(n, now, &questions[asked], &failed))
				asked++;
	bool more = count;
	spin_unlock(&neighbour_lock);
	for (u32 i = 0; i < asked; i++)
		ask(&questions[i]);
	list_for_each_safe(p, next_packet, &failed, link) {
		list_del(&p->link);
		if (*p->network >> 4 == 4)
			icmp_error(p, ICMP_UNREACHABLE, ICMP_HOST_UNREACHABLE, 0);
		else
			icmp6_error(p, ICMP6_UNREACHABLE, 3, 0);
		packet_free(p);
	}
	if (more)
		neighbours_watch();
}

/* --- seen from outside --------------------------------------------------------------------------------------------- */

void neighbour_send(struct netdev *d, struct list *waiting, const u8 *to)
{
	struct packet *p, *next;

	list_for_each_safe(p, next, waiting, link) {
		u16 type = p->ether_type;
		list_del(&p->link);
		if (ethernet_header(&p, d, to, type))
			netdev_transmit(d, p);
	}
}

int neighbour_set(struct netdev *d, struct address ip, const u8 *address, bool permanent)
{
	struct list waiting;

	list_init(&waiting);
	net_begin();
	spin_lock(&neighbour_lock);
	struct neighbour *n = neighbour_find(d, ip);
	if (!n)
		n = neighbour_make(d, ip);
	if (n) {
		memcpy(n->address, address, ETHER_ADDRESS);
		memcpy(n->fixed, address, ETHER_ADDRESS);
		n->permanent = permanent;
		n->resolved = true;
		n->confirmed = time_ns();
		neighbour_answered(n, &waiting);
	}
	spin_unlock(&neighbour_lock);
	neighbour_send(d, &waiting, address);
	net_end();
	return n ? 0 : -ENOMEM;
}

int neighbour_delete(struct netdev *d, struct address ip)
{
	struct list waiting;

	list_init(&waiting);
	spin_lock(&neighbour_lock);
	struct neighbour *n = neighbour_find(d, ip);
	if (n)
		drop(n, &waiting);
	spin_unlock(&neighbour_lock);
	packet_list_free(&waiting);
	return n ? 0 : -ENXIO;
}

static u16 state_of(const struct neighbour *n)
{
	return n->permanent ? NUD_PERMANENT : n->resolved ? NUD_REACHABLE : NUD_INCOMPLETE;
}

u16 neighbour_state(struct netdev *d, struct address ip)
{
	spin_lock(&neighbour_lock);
	struct neighbour *n = neighbour_find(d, ip);
	u16 state = n ? state_of(n) : 0;
	spin_unlock(&neighbour_lock);
	return state;
}

bool neighbour_get(struct netdev *d, struct address ip, u8 *address)
{
	spin_lock(&neighbour_lock);
	struct neighbour *n = neighbour_find(d, ip);
	bool known = n && n->resolved;
	if (known)
		memcpy(address, n->address, ETHER_ADDRESS);
	spin_unlock(&neighbour_lock);
	return known;
}

void neighbours_each(void (*fn)(struct netdev *d, struct address ip, const u8 *address, u16 state, void *arg), void *arg)
{
	struct neighbour *n;

	spin_lock(&neighbour_lock);
	for (unsigned i = 0; i < BUCKETS; i++)
		list_for_each(n, &table[i], link)
			fn(n->dev, n->ip, n->address, state_of(n), arg);
	spin_unlock(&neighbour_lock);
}

static int show_arp(struct seq *s)
{
	struct neighbour *n;

	seq_puts(s, "IP address       HW type     Flags       HW address            Mask     Device\n");
	spin_lock(&neighbour_lock);
	for (unsigned i = 0; i < BUCKETS; i++)
		list_for_each(n, &table[i], link) {
			char ip[16];
			const u8 *m = n->address;
			if (!address_is_v4(n->ip))
				continue;
			ip_text(ip, address_to_v4(n->ip));
			seq_printf(s, "%-16s 0x%-10x0x%-10x%02x:%02x:%02x:%02x:%02x:%02x     *        %s\n", ip, 1, n->permanent ? 6 : n->resolved ? 2 : 0, m[0], m[1], m[2], m[3], m[4], m[5],
				   n->dev->name);
		}
	spin_unlock(&neighbour_lock);
	return 0;
}
NODE(net_arp, .path = "net/arp", .show = show_arp);
