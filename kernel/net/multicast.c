/* Groups (RFC 1112): which sockets have joined which. Routers are told by group_report.c. */
#include "group_report.h"
#include "lib/string.h"
#include "mm/slab.h"

static struct spinlock groups_lock = SPINLOCK_INIT("multicast groups", RANK_NET_CONFIG);
static struct list groups = LIST_INIT(groups); /* groups_lock: each with how often it was joined. The lock guards the sockets' lists too */
struct joined {
	struct list link;
	struct address group;
	u32 count;
};

bool multicast_joined(struct address group)
{
	struct joined *j;
	/* All hosts: 224.0.0.1, ff02::1. */
	bool found = address_equal(group, address_v4(0x010000e0)) || (group.halves[0] == 0x2fful && group.halves[1] == 1ul << 56);

	spin_lock(&groups_lock);
	list_for_each(j, &groups, link)
		found |= address_equal(j->group, group);
	spin_unlock(&groups_lock);
	return found;
}

static void hear_group(struct address group, void (*hear)(void *arg, const u8 *address), void *arg)
{
	u8 to[ETHER_ADDRESS];

	if (address_is_v4(group))
		ip_multicast_address(to, address_to_v4(group));
	else
		ip6_multicast_address(to, group);
	hear(arg, to);
}

void netdev_each_group(struct netdev *d, void (*hear)(void *arg, const u8 *address), void *arg)
{
	struct address all6 = { .bytes = { 0xff, 2, [15] = 1 } };
	struct joined *j;

	hear_group(address_v4(0x010000e0), hear, arg);
	hear_group(all6, hear, arg);
	spin_lock(&groups_lock);
	list_for_each(j, &groups, link)
		hear_group(j->group, hear, arg);
	spin_unlock(&groups_lock);
	/* The solicited-node groups of its addresses (RFC 4291 section 2.7.1). */
	read_lock(&net_config_lock);
	for (unsigned i = 0; i < NETDEV_ADDRESSES; i++) {
		struct address g = { .bytes = { 0xff, 2, [11] = 1, [12] = 0xff } };
		memcpy(g.bytes + 13, d->ip6[i].address.bytes + 13, 3);
		if (!address_is_any(d->ip6[i].address))
			hear_group(g, hear, arg);
	}
	read_unlock(&net_config_lock);
}

void multicast_loop_back(struct packet *p)
{
	struct packet *c = packet_clone(p, ALLOC_ATOMIC);

	if (!c)
		return;
	c->kind = PACKET_MULTICAST;
	netdev_transmit(loopback, c);
}

/*
 * Counts the group's members up or down, in the same hold of groups_lock as the socket's list changes: else one who leaves at once could be counted before
 * the one who joins. fresh: for a group that is new. What is left over, to be freed, or NULL.
 */
static struct joined *count_group(struct address group, struct joined *fresh, int step)
{
	struct joined *j, *found = NULL;

	list_for_each(j, &groups, link)
		if (address_equal(j->group, group))
			found = j;
	if (!found) {
		found = fresh;
		fresh = NULL;
		found->group = group;
		list_add(&groups, &found->link);
	}
	found->count += (u32)step;
	if (!found->count) {
		list_del(&found->link);
		fresh = found;
	}
	return fresh;
}

bool multicast_wanted(struct inet_sock *sk, struct address group, int device)
{
	struct membership *m;
	bool wanted = false;

	if ((address_is_v4(group) ? sk->inet.multicast_all : sk->inet.multicast_all6) && multicast_joined(group))
		return true;
	spin_lock(&groups_lock);
	list_for_each(m, &sk->memberships, link)
		wanted |= address_equal(m->group, group) && (!m->device || m->device == device || device == loopback->index);
	spin_unlock(&groups_lock);
	return wanted;
}

static struct membership *find(struct inet_sock *sk, struct address group, int device)
{
	struct membership *m;

	list_for_each(m, &sk->memberships, link)
		if (address_equal(m->group, group) && (!device || m->device == device))
			return m;
	return NULL;
}

int multicast_change(struct inet_sock *sk, struct address group, int device, bool join)
{
	struct membership *m = join ? kzalloc(sizeof(*m), 0) : NULL;
	struct joined *j = join ? kzalloc(sizeof(*j), 0) : NULL;
	int err = 0;

	if (join && (!m || !j)) {
		err = -ENOMEM;
		goto out;
	}
	spin_lock(&groups_lock);
	struct membership *old = find(sk, group, device);
	if (join && old)
		err = -EADDRINUSE;
	else if (join && sk->membership_count >= MEMBERSHIPS_MAX)
		err = -ENOBUFS;
	else if (!join && !old)
		err = -EADDRNOTAVAIL;
	if (!err && join) {
		m->group = group;
		m->device = device;
		list_add(&sk->memberships, &m->link);
		sk->membership_count++;
		m = NULL;
	} else if (!err) {
		list_del(&old->link);
		sk->membership_count--;
		m = old;
		device = old->device;
	}
	if (!err)
		j = count_group(group, j, join ? 1 : -1);
	spin_unlock(&groups_lock);
	if (!err) {
		netdev_filters_changed();
		(join ? group_report_joined : group_report_left)(group, device);
	}
out:
	kfree(m);
	kfree(j);
	return err;
}

void multicast_leave_all(struct inet_sock *sk)
{
	struct membership *m, *next;
	bool some = !list_empty(&sk->memberships);

	list_for_each_safe(m, next, &sk->memberships, link) {
		spin_lock(&groups_lock);
		struct joined *last = count_group(m->group, NULL, -1);
		list_del(&m->link);
		spin_unlock(&groups_lock);
		group_report_left(m->group, m->device);
		kfree(last);
		kfree(m);
	}
	if (some)
		netdev_filters_changed();
}
