/*
 * Which groups routers are told of, and when (group_report.h). One timer is set for whatever is due first.
 *
 * Lock: reports_lock guards the list and what is in it. Nothing is sent with it held.
 */
#include "group_report.h"

#include "core/random.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "net/timer.h"
#include "time/time.h"

#define TELLINGS 2u                             /* how often a change is told: the robustness variable (RFC 3376 section 8.1) */
#define OLDER_SPOKEN (400 * NSEC_PER_SEC)       /* version 1 or 2 of a router is remembered (section 8.12) */
#define AGAIN_NEW NSEC_PER_SEC                  /* at most between two tellings (section 8.11), and in the older versions */
#define AGAIN_OLD (10 * NSEC_PER_SEC)
#define EARLY NSEC_PER_MSEC                     /* what is due so soon goes with the rest */
#define LEFT_MANY 64u

struct report {
	struct list link;
	struct address group;
	int device;
	u32 members;    /* 0: left, and kept as long as that is to be told */
	u8 tellings;    /* of the last change, still to come */
	u64 change_at;  /* when next; TIME_NEVER */
	u64 answer_at;  /* to a question; TIME_NEVER */
};
static struct spinlock reports_lock = SPINLOCK_INIT("group reports", RANK_NET_REPORT);
static struct list reports = LIST_INIT(reports);
static u32 left; /* reports_lock: of them that have no members */
static struct net_timer timer;

static bool is_told(struct address group)
{
	if (address_is_v4(group))
		return address_to_v4(group) != 0x010000e0;
	/* ff01: on this node; ff02::1: everybody is in it (RFC 3810 section 6). */
	return (group.bytes[1] & 15) > 1 && !(group.halves[0] == 0x2fful && group.halves[1] == 1ul << 56);
}

static u64 random_within(u64 most)
{
	return random_u64() % MAX(most, 1ul);
}

/* reports_lock held. */
static struct report *find(struct address group, int device)
{
	struct report *r;

	list_for_each(r, &reports, link)
		if (r->device == device && address_equal(r->group, group))
			return r;
	return NULL;
}

/* reports_lock held. */
static void wake_at(u64 when)
{
	if (when < timer.deadline)
		(void)!net_timer_arm(&timer, when);
}

/* reports_lock held. */
static void changed(struct report *r)
{
	/* Who joins and leaves one after the other does not make us keep more and more that were left. */
	r->tellings = r->members || left < LEFT_MANY ? TELLINGS : 1;
	r->change_at = time_ns();
	r->answer_at = TIME_NEVER;
	wake_at(r->change_at);
}

void group_report_joined(struct address group, int device)
{
	struct report *fresh, *r;

	if (!is_told(group) || device == loopback->index)
		return;
	/* Without memory for it routers do not hear of the group, as if the report was lost. */
	fresh = kmalloc(sizeof(*fresh), ALLOC_ATOMIC);
	spin_lock(&reports_lock);
	r = find(group, device);
	if (!r && fresh) {
		r = fresh;
		fresh = NULL;
		*r = (struct report){ .group = group, .device = device, .change_at = TIME_NEVER, .answer_at = TIME_NEVER };
		list_add_tail(&reports, &r->link);
	}
	if (r && r->members++ == 0) {
		left -= r->tellings != 0; /* it was left, and not all told */
		changed(r);
	}
	spin_unlock(&reports_lock);
	kfree(fresh);
}

void group_report_left(struct address group, int device)
{
	spin_lock(&reports_lock);
	struct report *r = find(group, device);
	if (r && r->members && --r->members == 0) {
		changed(r);
		left++;
	}
	spin_unlock(&reports_lock);
}

void group_report_queried(struct netdev *d, struct address group, bool ip6, u64 delay)
{
	struct report *r;

	spin_lock(&reports_lock);
	list_for_each(r, &reports, link) {
		if (r->device != d->index || !r->members || address_is_v4(r->group) == ip6 || !(address_is_any(group) || address_equal(r->group, group)))
			continue;
		/* An answer that is due before says the same. */
		r->answer_at = MIN(r->answer_at, time_ns() + random_within(delay));
		wake_at(r->answer_at);
	}
	spin_unlock(&reports_lock);
}

void group_report_older(struct netdev *d, bool ip6, u8 version)
{
	WRITE_ONCE(d->older_routers[ip6 ? 2 : version - 1], time_ns() + OLDER_SPOKEN);
}

u8 group_report_version(const struct netdev *d, bool ip6)
{
	u64 now = time_ns();

	if (ip6)
		return READ_ONCE(d->older_routers[2]) > now ? 1 : 2;
	return READ_ONCE(d->older_routers[0]) > now ? 1 : READ_ONCE(d->older_routers[1]) > now ? 2 : 3;
}

/* r has something due: the record for it, and when there will be more. reports_lock held. */
static enum group_record take(struct report *r, const struct netdev *d, u64 now)
{
	bool ip6 = !address_is_v4(r->group);

	if (r->change_at > now) {
		r->answer_at = TIME_NEVER;
		return GROUP_IS_EXCLUDE;
	}
	r->tellings--;
	r->change_at = r->tellings ? now + random_within(group_report_version(d, ip6) < (ip6 ? 2 : 3) ? AGAIN_OLD : AGAIN_NEW) : TIME_NEVER;
	return r->members ? GROUP_TO_EXCLUDE : GROUP_TO_INCLUDE;
}

/* What is due of one device and family; the number of records. */
static unsigned collect(struct netdev **d, bool *ip6, struct group_told *told, u64 now)
{
	struct report *r, *next;
	unsigned n = 0;

	spin_lock(&reports_lock);
	list_for_each_safe(r, next, &reports, link) {
		if (MIN(r->change_at, r->answer_at) > now || n == GROUP_RECORDS_MAX)
			continue;
		struct netdev *of = netdev_by_index(r->device);
		if (n && (of != *d || address_is_v4(r->group) == *ip6))
			continue;
		*d = of;
		*ip6 = !address_is_v4(r->group);
		told[n++] = (struct group_told){ r->group, take(r, of, now) };
		if (!r->members && !r->tellings) {
			left--;
			list_del(&r->link);
			kfree(r);
		}
	}
	spin_unlock(&reports_lock);
	return n;
}

static void reports_due(struct net_timer *t __unused)
{
	struct group_told told[GROUP_RECORDS_MAX];
	struct report *r;
	struct netdev *d = NULL;
	unsigned n;
	bool ip6 = false;

	spin_lock(&reports_lock);
	timer.deadline = TIME_NEVER;
	spin_unlock(&reports_lock);
	while ((n = collect(&d, &ip6, told, time_ns() + EARLY)))
		if (d->flags & IFF_UP)
			(ip6 ? mld_tell : igmp_tell)(d, told, n);
	spin_lock(&reports_lock);
	list_for_each(r, &reports, link)
		wake_at(MIN(r->change_at, r->answer_at));
	spin_unlock(&reports_lock);
}

void group_reports_init(void)
{
	net_timer_init(&timer, reports_due);
}
