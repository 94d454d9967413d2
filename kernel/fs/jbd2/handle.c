/*
 * Handles: joining the running transaction, and giving it buffers.
 *
 * A transaction takes a handle while what it holds, what its open handles may still add, and what the new one asks for fit into a quarter of the log. A new
 * transaction begins only when the log has room for it as large as it may get, beside the one that is being committed: so a commit never runs out of log.
 */
#include "jbd2_priv.h"

#include "core/err.h"
#include "core/printk.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "sched/thread.h"

#define SLACK 32u /* descriptors, revokes and the commit block of a full transaction */

/* Log blocks that a transaction of `blocks` needs at most. */
static u32 log_need(const struct journal *j, u32 blocks)
{
	return blocks + blocks / ((j->block_size - 64) / 16) + SLACK;
}

static struct transaction *transaction_new(struct journal *j)
{
	struct transaction *t = kzalloc(sizeof(*t), ALLOC_ATOMIC);

	if (!t)
		return NULL;
	list_init(&t->buffers);
	list_init(&t->revokes);
	list_init(&t->inodes);
	list_init(&t->checkpoint);
	list_init(&t->link);
	t->tid = j->next_tid++;
	t->deadline = time_ns() + READ_ONCE(j->period);
	return t;
}

/* lock held. The handle joins: 0; -EAGAIN: wait and try again; -ENOSPC: the log must be emptied first; -EROFS, -ENOMEM. */
static int try_join(struct journal_handle *h, u32 credits)
{
	struct journal *j = h->journal;
	struct transaction *t = j->running;
	u32 busy = j->committing ? log_need(j, j->committing->buffer_count) : 0;

	if (j->error)
		return -EROFS;
	if (!t) {
		if (j->free < busy + log_need(j, j->max))
			return -ENOSPC;
		t = j->running = transaction_new(j);
		if (!t)
			return -ENOMEM;
	}
	if (t->locked)
		return -EAGAIN;
	if (t->buffer_count + t->reserved + credits > j->max || t->revoke_count > j->max * 8) {
		if (!tid_geq(j->wanted_tid, t->tid))
			j->wanted_tid = t->tid;
		return -EAGAIN;
	}
	t->handles++;
	t->reserved += credits;
	h->transaction = t;
	h->credits = credits;
	return 0;
}

static bool can_try(struct journal *j, u32 credits)
{
	bool ok;

	spin_lock(&j->lock);
	ok = j->error || !j->running || (!j->running->locked && j->running->buffer_count + j->running->reserved + credits <= j->max && j->running->revoke_count <= j->max * 8);
	spin_unlock(&j->lock);
	return ok;
}

static int join(struct journal_handle *h, u32 credits)
{
	struct journal *j = h->journal;
	int err;

	if (credits > j->max)
		return -ENOSPC;
	for (;;) {
		spin_lock(&j->lock);
		err = try_join(h, credits);
		spin_unlock(&j->lock);
		if (err == -EAGAIN) {
			wait_wake_all(&j->work);
			wait_event(&j->starters, can_try(j, credits));
		} else if (err == -ENOSPC) {
			err = journal_checkpoint(j, true);
			if (err)
				return err;
		} else {
			return err;
		}
	}
}

struct journal_handle *journal_start(struct journal *j, u32 credits)
{
	struct journal_handle *h = current->journal, *outer = h;
	int err = 0;

	if (h && h->journal == j) {
		h->depth++;
		return h;
	}
	h = kzalloc(sizeof(*h), 0);
	if (!h)
		return ERR_PTR(-ENOMEM);
	h->journal = j;
	h->outer = outer;
	if (j)
		err = join(h, credits);
	if (err) {
		kfree(h);
		return ERR_PTR(err);
	}
	current->journal = h;
	return h;
}

static void leave(struct journal_handle *h)
{
	struct journal *j = h->journal;
	struct transaction *t = h->transaction;
	bool last;

	spin_lock(&j->lock);
	t->reserved -= h->credits;
	last = --t->handles == 0 && t->locked;
	spin_unlock(&j->lock);
	h->transaction = NULL;
	if (last)
		wait_wake_all(&j->drained);
	if (!list_empty(&j->starters.entries))
		wait_wake_all(&j->starters);
}

int journal_stop(struct journal_handle *h)
{
	struct journal *j = h->journal;
	int err = journal_error(j) ? -EROFS : 0;
	u32 tid;
	bool sync;

	if (h->depth) {
		h->depth--;
		return err;
	}
	tid = journal_tid(h);
	sync = h->sync;
	if (j && h->transaction)
		leave(h);
	current->journal = h->outer;
	kfree(h);
	return j && sync && !err ? journal_commit(j, tid) : err;
}

bool journal_extend(struct journal_handle *h, u32 credits)
{
	struct journal *j = h->journal;
	struct transaction *t = h->transaction;
	bool ok;

	if (!j || h->credits >= credits)
		return true;
	credits -= h->credits;
	spin_lock(&j->lock);
	ok = !t->locked && t->buffer_count + t->reserved + credits <= j->max && t->revoke_count <= j->max * 8;
	if (ok) {
		t->reserved += credits;
		h->credits += credits;
	}
	spin_unlock(&j->lock);
	return ok;
}

int journal_restart(struct journal_handle *h, u32 credits)
{
	if (!h->journal)
		return 0;
	if (h->transaction)
		leave(h);
	return join(h, credits);
}

u32 journal_tid(const struct journal_handle *h)
{
	return h->transaction ? h->transaction->tid : 0;
}

/* --- buffers ------------------------------------------------------------------------------------------------------------- */

int journal_access(struct journal_handle *h, struct buffer *b)
{
	struct journal *j = h->journal;
	struct transaction *t = h->transaction;

	if (!j)
		return 0;
	if (!t || j->error)
		return -EROFS;
	for (;;) {
		spin_lock(&j->lock);
		if (b->running == t)
			break;
		/* While it is on its way to its place, what is committed must not be mixed with what is not. */
		if (atomic_load(&b->flags) & BUFFER_LOCKED) {
			spin_unlock(&j->lock);
			buffer_wait(b);
			continue;
		}
		buffer_hold(b);
		b->running = t;
		b->uncommitted++;
		list_add_tail(&t->buffers, &b->running_link);
		t->buffer_count++;
		if (h->credits) {
			h->credits--;
			t->reserved--;
		}
		break;
	}
	spin_unlock(&j->lock);
	return 0;
}

void journal_dirty(struct journal_handle *h, struct buffer *b)
{
	if (!h->journal)
		buffer_mark_dirty(b);
}

int journal_revoke(struct journal_handle *h, struct block_device *dev, u64 block, u32 size)
{
	struct journal *j = h->journal;
	struct transaction *t = h->transaction;
	struct buffer *b = buffer_find(dev, block), *dropped = NULL;
	struct revoke_entry *r;

	(void)size;
	if (!j) {
		if (b) {
			atomic_fetch_and(&b->flags, ~BUFFER_DIRTY);
			atomic_store(&b->checked, 0u);
			buffer_wait(b);
			buffer_put(b);
		}
		return 0;
	}
	r = kmalloc(sizeof(*r), 0);
	if (!r || !t) {
		kfree(r);
		buffer_put(b);
		return t ? -ENOMEM : -EROFS;
	}
	r->block = block;
	r->buffer = b;
	spin_lock(&j->lock);
	if (b && b->running == t) {
		list_del(&b->running_link);
		b->running = NULL;
		b->uncommitted--;
		t->buffer_count--;
		dropped = b;
	}
	list_add_tail(&t->revokes, &r->link);
	t->revoke_count++;
	spin_unlock(&j->lock);
	buffer_put(dropped);
	return 0;
}

/* --- inodes whose data go first ---------------------------------------------------------------------------------------------- */

void journal_order(struct journal_handle *h, struct journal_inode *ji)
{
	struct journal *j = h->journal;

	if (!j || !h->transaction)
		return;
	spin_lock(&j->lock);
	if (ji->transaction != h->transaction) {
		/* The one before is being committed then, and has taken it off its list or works on it. */
		list_del(&ji->link);
		ji->transaction = h->transaction;
		list_add_tail(&h->transaction->inodes, &ji->link);
	}
	spin_unlock(&j->lock);
}

bool journal_wants_data(struct journal *j, struct journal_inode *ji)
{
	bool wants;

	spin_lock(&j->lock);
	wants = ji->busy || (ji->transaction && ji->transaction == j->committing);
	spin_unlock(&j->lock);
	return wants;
}

static bool is_idle(struct journal *j, struct journal_inode *ji)
{
	bool idle;

	spin_lock(&j->lock);
	idle = !ji->busy;
	if (idle && ji->transaction) {
		list_del(&ji->link);
		ji->transaction = NULL;
	}
	spin_unlock(&j->lock);
	return idle;
}

void journal_inode_release(struct journal *j, struct journal_inode *ji)
{
	if (j && (ji->transaction || ji->busy))
		wait_event(&j->finished, is_idle(j, ji));
}
