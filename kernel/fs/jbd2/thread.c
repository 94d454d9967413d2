/*
 * The thread that commits, and the steps of a commit; their order is commit.c's.
 *
 * The copies are made while no handle is open: they hold just what the transaction did. After that the buffers may change again at once.
 *
 * A buffer stays `uncommitted` until the log has it, and is not written to its place before. Only then does it leave the list of an older transaction.
 */
#include "jbd2_priv.h"

#include "core/err.h"
#include "core/printk.h"
#include "lib/string.h"
#include "mm/pagetable.h"
#include "mm/slab.h"
#include "sched/thread.h"

/* --- copies -------------------------------------------------------------------------------------------------------------- */

static void *copy_alloc(u32 size)
{
	void *p;

	/* Others wait for this to end; some of them hold memory. */
	while (!(p = kmalloc(size, 0)))
		thread_sleep_ns(NSEC_PER_MSEC);
	return p;
}

/* No handle is open, the transaction is locked: its buffers hold still. */
void commit_copy(struct journal *j, struct transaction *t)
{
	u32 n = 0;

	while (t->buffer_count && !(t->log = kmap_alloc(t->buffer_count * sizeof(*t->log), 0)))
		thread_sleep_ns(NSEC_PER_MSEC);
	while (!list_empty(&t->buffers)) {
		struct buffer *b = list_first(&t->buffers, struct buffer, running_link);

		t->log[n].buffer = b;
		t->log[n].copy = copy_alloc(j->block_size);
		memcpy(t->log[n].copy, b->data, j->block_size);
		n++;
		spin_lock(&j->lock);
		list_del(&b->running_link);
		b->running = NULL;
		spin_unlock(&j->lock);
	}
}

/* --- data first ------------------------------------------------------------------------------------------------------------ */

void commit_write_data(struct journal *j, struct transaction *t)
{
	for (;;) {
		struct journal_inode *ji = NULL;

		spin_lock(&j->lock);
		if (!list_empty(&t->inodes)) {
			ji = list_first(&t->inodes, struct journal_inode, link);
			list_del(&ji->link);
			ji->transaction = NULL;
			ji->busy = true;
		}
		spin_unlock(&j->lock);
		if (!ji)
			return;
		/* What could not be written is kept in the cache, for fsync. */
		pagecache_writeback(&ji->inode->cache, 0, UINT64_MAX, false);
		pagecache_wait_written(&ji->inode->cache);
		spin_lock(&j->lock);
		ji->busy = false;
		spin_unlock(&j->lock);
		wait_wake_all(&j->finished);
	}
}

/* --- afterwards --------------------------------------------------------------------------------------------------------------- */

/* lock held. */
static void leave_checkpoint(struct buffer *b)
{
	list_del(&b->checkpoint_link);
	b->checkpoint = NULL;
}

/* The log has the transaction. Its buffers wait on its list from now on, and no more on an older one's. */
static void buffers_committed(struct journal *j, struct transaction *t)
{
	for (u32 i = 0; i < t->buffer_count; i++) {
		struct buffer *b = t->log[i].buffer, *old = NULL;

		spin_lock(&j->lock);
		b->uncommitted--;
		if (b->checkpoint) {
			leave_checkpoint(b);
			old = b;
		}
		b->checkpoint = t;
		list_add_tail(&t->checkpoint, &b->checkpoint_link);
		spin_unlock(&j->lock);
		/* The log's reference becomes the list's; that of the older list goes. */
		buffer_put(old);
		kfree(t->log[i].copy);
	}
	kmap_free(t->log);
	t->log = NULL;
}

/* What it freed is free for good: no older copy of it goes to its place any more. */
static void revokes_committed(struct journal *j, struct transaction *t)
{
	while (!list_empty(&t->revokes)) {
		struct revoke_entry *r = list_first(&t->revokes, struct revoke_entry, link);
		struct buffer *b = r->buffer, *old = NULL;

		list_del(&r->link);
		if (b) {
			spin_lock(&j->lock);
			/* Unless a later transaction, or this one, has made a new block of it. */
			if (b->checkpoint && b->checkpoint != t && !b->uncommitted) {
				leave_checkpoint(b);
				old = b;
			}
			spin_unlock(&j->lock);
			buffer_wait(b);
			buffer_put(old);
			buffer_put(b);
		}
		kfree(r);
	}
}

/* It cannot be committed: its buffers stay as they are in memory, and go nowhere. */
static void drop_transaction(struct journal *j, struct transaction *t)
{
	for (u32 i = 0; i < t->buffer_count; i++) {
		spin_lock(&j->lock);
		t->log[i].buffer->uncommitted--;
		spin_unlock(&j->lock);
		buffer_put(t->log[i].buffer);
		kfree(t->log[i].copy);
	}
	kmap_free(t->log);
	while (!list_empty(&t->revokes)) {
		struct revoke_entry *r = list_first(&t->revokes, struct revoke_entry, link);
		list_del(&r->link);
		buffer_put(r->buffer);
		kfree(r);
	}
	kfree(t);
}

/* --- one commit ------------------------------------------------------------------------------------------------------------------ */

static bool drained(struct journal *j, struct transaction *t)
{
	bool yes;

	spin_lock(&j->lock);
	yes = !t->handles;
	spin_unlock(&j->lock);
	return yes;
}

struct transaction *commit_lock(struct journal *j)
{
	struct transaction *t;

	spin_lock(&j->lock);
	t = j->running;
	if (t)
		t->locked = true;
	spin_unlock(&j->lock);
	return t;
}

void commit_wait_handles(struct journal *j, struct transaction *t)
{
	wait_event(&j->drained, drained(j, t));
}

void commit_let_go(struct journal *j, struct transaction *t)
{
	spin_lock(&j->lock);
	t->start = j->head;
	j->committing = t;
	j->running = NULL;
	spin_unlock(&j->lock);
	wait_wake_all(&j->starters);
}

void commit_done(struct journal *j, struct transaction *t, u32 used)
{
	u32 tid = t->tid;

	buffers_committed(j, t);
	revokes_committed(j, t);
	if (j->committed)
		j->committed(j->arg, tid);
	/* Among the done ones it is only now, with all its buffers: one without any is over for a checkpoint, which moves the log's tail past it. */
	spin_lock(&j->lock);
	j->head = (t->start - j->first + used) % (j->count - j->first) + j->first;
	j->free -= used;
	list_add_tail(&j->done, &t->link);
	j->committing = NULL;
	j->committed_tid = tid;
	spin_unlock(&j->lock);
	wait_wake_all(&j->finished);
	wait_wake_all(&j->starters);
}

void commit_failed(struct journal *j, struct transaction *t, int err)
{
	spin_lock(&j->lock);
	j->committing = NULL;
	while (!list_empty(&t->inodes)) {
		struct journal_inode *ji = list_first(&t->inodes, struct journal_inode, link);
		list_del(&ji->link);
		ji->transaction = NULL;
	}
	spin_unlock(&j->lock);
	drop_transaction(j, t);
	journal_abort(j, err);
	wait_wake_all(&j->finished);
	wait_wake_all(&j->starters);
}

/* Is there something to be committed now? *until: when to look again. */
static bool is_due(struct journal *j, u64 *until)
{
	struct transaction *t;
	bool due = false;

	spin_lock(&j->lock);
	t = j->running;
	*until = t ? t->deadline : TIME_NEVER;
	if (t)
		due = tid_geq(j->wanted_tid, t->tid) || time_ns() >= t->deadline || j->error;
	spin_unlock(&j->lock);
	return due;
}

void journal_commit_thread(void *arg)
{
	struct journal *j = arg;
	u64 until;

	while (!atomic_load(&j->stopping) || is_due(j, &until)) {
		if (is_due(j, &until)) {
			journal_commit_running(j);
			if (j->free < (j->count - j->first) / 2)
				journal_checkpoint(j, false);
			continue;
		}
		wait_event_until(&j->work, is_due(j, &until) || atomic_load(&j->stopping), MIN(until, time_ns() + NSEC_PER_SEC));
	}
	atomic_store(&j->ended, true);
	wait_wake_all(&j->finished);
}

/* --- asking for commits --------------------------------------------------------------------------------------------------------------- */

bool journal_needs_commit(struct journal *j, u32 tid)
{
	bool needs;

	spin_lock(&j->lock);
	needs = !tid_geq(j->committed_tid, tid) && !j->error;
	spin_unlock(&j->lock);
	return needs;
}

bool journal_is_committing(struct journal *j, u32 tid)
{
	bool is;

	spin_lock(&j->lock);
	is = j->committing && j->committing->tid == tid;
	spin_unlock(&j->lock);
	return is;
}

u32 journal_open_tid(struct journal *j)
{
	u32 tid;

	spin_lock(&j->lock);
	tid = j->running ? j->running->tid : j->committing ? j->committing->tid : 0;
	spin_unlock(&j->lock);
	return tid;
}

static void want(struct journal *j, u32 tid)
{
	spin_lock(&j->lock);
	if (!tid_geq(j->wanted_tid, tid))
		j->wanted_tid = tid;
	spin_unlock(&j->lock);
	wait_wake_all(&j->work);
}

int journal_commit(struct journal *j, u32 tid)
{
	want(j, tid);
	wait_event(&j->finished, !journal_needs_commit(j, tid));
	return j->error ? -EIO : 0;
}

int journal_commit_all(struct journal *j, bool wait)
{
	u32 tid = 0;
	bool any;

	spin_lock(&j->lock);
	any = j->running || j->committing;
	if (j->running)
		tid = j->running->tid;
	else if (j->committing)
		tid = j->committing->tid;
	spin_unlock(&j->lock);
	if (!any)
		return j->error ? -EROFS : 0;
	if (wait)
		return journal_commit(j, tid);
	want(j, tid);
	return 0;
}

int journal_flush(struct journal *j)
{
	int err = journal_commit_all(j, true);

	return err ? err : journal_checkpoint(j, true);
}
