/* What each real user id uses: threads and queued signals, and what upper stages count, for RLIMIT_NPROC, RLIMIT_SIGPENDING and other limits. */
#include "proc_priv.h"

#include "mm/slab.h"

#define BUCKETS 64
static struct spinlock account_lock = SPINLOCK_INIT("accounts", RANK_ACCOUNT);
static struct hlist_head table[BUCKETS]; /* account_lock */

static struct user_account *find(u32 uid)
{
	hlist_for_each(n, &table[uid % BUCKETS]) {
		struct user_account *u = container_of(n, struct user_account, hash);
		if (u->uid == uid) {
			refcount_get(&u->ref);
			return u;
		}
	}
	return NULL;
}

struct user_account *account_get(u32 uid)
{
	u64 flags = spin_lock_irqsave(&account_lock);
	struct user_account *u = find(uid), *fresh;
	spin_unlock_irqrestore(&account_lock, flags);
	if (u)
		return u;
	fresh = kzalloc(sizeof(*fresh), 0);
	if (!fresh)
		return NULL;
	refcount_set(&fresh->ref, 1);
	fresh->uid = uid;
	flags = spin_lock_irqsave(&account_lock);
	u = find(uid);
	if (!u) {
		hlist_add(&table[uid % BUCKETS], &fresh->hash);
		u = fresh;
		fresh = NULL;
	}
	spin_unlock_irqrestore(&account_lock, flags);
	kfree(fresh);
	return u;
}

void account_hold(struct user_account *u) { refcount_get(&u->ref); }

void account_put(struct user_account *u)
{
	u64 flags = spin_lock_irqsave(&account_lock);
	bool last = refcount_put(&u->ref);
	if (last)
		hlist_del(&u->hash);
	spin_unlock_irqrestore(&account_lock, flags);
	if (last)
		kfree(u);
}

bool account_charge(struct user_account *u, enum account_of what, u64 n, u64 limit)
{
	u64 now = atomic_add_return(&u->used[what], n);

	if (now >= n && now <= limit)
		return true;
	atomic_fetch_sub(&u->used[what], n);
	return false;
}

void account_release(struct user_account *u, enum account_of what, u64 n) { atomic_fetch_sub(&u->used[what], n); }
