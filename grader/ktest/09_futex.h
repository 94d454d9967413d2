/* What the tests of futexes share. */
#ifndef KTEST_09_FUTEX_H
#define KTEST_09_FUTEX_H

#include "ipc/futex_priv.h"

static inline u32 futex_waiters(struct futex_bucket *b)
{
	struct futex_waiter *w;
	u32 n = 0;

	spin_lock(&b->lock);
	list_for_each(w, &b->waiters, link)
		n++;
	spin_unlock(&b->lock);
	return n;
}

#endif
