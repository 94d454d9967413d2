/* Identity of a futex word, and the hash of queues. */
#include "futex_priv.h"

#include "abi/errno.h"
#include "core/err.h"
#include "lib/hash.h"
#include "mm/frame.h"
#include "vm/aspace.h"

#define BUCKETS 256
static struct futex_bucket buckets[BUCKETS];
static bool ready;

int futex_key_get(u32 __user *word, bool shared, struct futex_key *key)
{
	u64 va = (u64)word;
	struct aspace *as = current->aspace;

	if (va & 3)
		return -EINVAL;
	if (!user_range_ok(word, sizeof(*word)))
		return -EFAULT;
	*key = (struct futex_key){ .object = (u64)as, .offset = va };
	if (!shared)
		return 0;
	/* "Shared" is what programs say when they do not care: only a shared mapping needs another identity. */
	rwlock_read(&as->lock);
	struct area *a = area_at(as, va);
	bool really = a && a->flags & AREA_SHARED;
	rwlock_read_done(&as->lock);
	if (!a)
		return -EFAULT;
	if (!really)
		return 0;
	struct frame *f = vm_get_page(as, va, true);
	if (IS_ERR(f))
		f = vm_get_page(as, va, false); /* a read-only mapping may be waited on */
	if (IS_ERR(f))
		return -EFAULT;
	*key = (struct futex_key){ .object = (u64)f, .offset = va & (PAGE_SIZE - 1), .frame = f };
	return 0;
}

void futex_key_put(struct futex_key *key)
{
	if (key->frame)
		frame_put(key->frame);
	key->frame = NULL;
}

struct futex_bucket *futex_bucket(const struct futex_key *key)
{
	return &buckets[hash_u64(key->object ^ hash_u64(key->offset)) % BUCKETS];
}

int futex_read(u32 *value, const u32 __user *word)
{
	int err;
	pagefault_disable();
	err = get_user_u32(value, word);
	pagefault_enable();
	return err;
}

struct futex_bucket *futex_lock_waiter(struct futex_waiter *w)
{
	for (;;) {
		struct futex_bucket *b = READ_ONCE(w->bucket);
		spin_lock(&b->lock);
		if (b == READ_ONCE(w->bucket))
			return b;
		spin_unlock(&b->lock);
	}
}

void futex_init(void)
{
	if (ready)
		return;
	for (int i = 0; i < BUCKETS; i++) {
		spin_init(&buckets[i].lock, "futex", RANK_FUTEX);
		list_init(&buckets[i].waiters);
	}
	ready = true;
}
