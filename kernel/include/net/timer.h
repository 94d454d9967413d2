/*
 * Timers whose functions run in a thread, inside net_begin: they may take the locks of sockets, which interrupt handlers may not.
 *
 * A timer that waits counts what it belongs to (`get` at arming), and hands that count to its function, which gives it up (`put`). Moving one that
 * waits to a later time costs nothing: it wakes at the old time, sees, and waits on.
 */
#ifndef NET_TIMER_H
#define NET_TIMER_H

#include "lib/rbtree.h"
#include "time/time.h"

struct net_timer {
	struct rbnode node;
	u64 place;    /* its key in the tree */
	u64 deadline; /* when it is wanted; TIME_NEVER: not at all */
	bool queued;
	void (*fn)(struct net_timer *t); /* inside net_begin, no lock held */
};
void net_timer_init(struct net_timer *t, void (*fn)(struct net_timer *t));
/* True if it did not wait before: the caller owes it a count. Callable with a socket locked. */
bool __must_check net_timer_arm(struct net_timer *t, u64 deadline);
/* It will not call, but may still hold its count until the time was up. */
void net_timer_disarm(struct net_timer *t);
/* True if it waited and does not any more: its count is the caller's. */
bool __must_check net_timer_remove(struct net_timer *t);
void net_timers_init(void);

#endif
