/*
 * Checkpoints: what the log holds goes to its place, and the log's space becomes free.
 *
 *   done:  [ T5: a b ] [ T6: c ] [ T7: d a' ]      a buffer is on the list of the newest transaction that committed it
 *
 * Each buffer that no uncommitted transaction holds is written. When the oldest transaction's list is empty, its part of the log is not needed
 * any more; when the device has flushed, the log's superblock says where the rest begins, and only after that may the space be used again.
 */
#include "jbd2_priv.h"

#include "core/err.h"
#include "mm/slab.h"

#define BATCH 256

struct batch {
	u32 count;
	struct buffer *buffers[BATCH];     /* counted */
	struct transaction *lists[BATCH];  /* where each was */
};

/* Buffers that can be written now: locked. *blocked: there are others, which an uncommitted transaction holds. */
static void gather(struct journal *j, struct batch *batch, bool *blocked)
{
	struct transaction *t;
	struct buffer *b;

	batch->count = 0;
	*blocked = false;
	spin_lock(&j->lock);
	list_for_each(t, &j->done, link)
		list_for_each(b, &t->checkpoint, checkpoint_link) {
			if (b->uncommitted) {
				*blocked = true;
				continue;
			}
			if (batch->count == BATCH || !buffer_trylock(b))
				continue;
			buffer_hold(b);
			batch->buffers[batch->count] = b;
			batch->lists[batch->count++] = t;
		}
	spin_unlock(&j->lock);
}

static int write_batch(struct journal *j, struct batch *batch)
{
	struct block_plug p;
	int err = 0;

	block_plug_init(&p);
	for (u32 i = 0; i < batch->count; i++) {
		buffer_hold(batch->buffers[i]);
		buffer_submit_write(&p, batch->buffers[i]);
	}
	block_unplug(&p);
	for (u32 i = 0; i < batch->count; i++) {
		struct buffer *b = batch->buffers[i];
		bool gone = false;

		buffer_wait(b);
		if (b->flags & BUFFER_ERROR)
			err = -EIO;
		spin_lock(&j->lock);
		/* A commit since then has put it on its own list: that one is to be written still. */
		if (!err && b->checkpoint == batch->lists[i]) {
			list_del(&b->checkpoint_link);
			b->checkpoint = NULL;
			gone = true;
		}
		spin_unlock(&j->lock);
		if (gone)
			buffer_put(b);
		buffer_put(b);
	}
	return err;
}

/* Ends transactions of which nothing is left, and moves the log's tail past them: checkpoint_mutex held. */
static int move_tail(struct journal *j)
{
	struct list empty = LIST_INIT(empty);
	u32 tail, tid;
	int err;

	spin_lock(&j->lock);
	while (!list_empty(&j->done)) {
		struct transaction *t = list_first(&j->done, struct transaction, link);
		if (!list_empty(&t->checkpoint))
			break;
		list_del(&t->link);
		list_add(&empty, &t->link);
	}
	if (!list_empty(&j->done)) {
		struct transaction *t = list_first(&j->done, struct transaction, link);
		tail = t->start;
		tid = t->tid;
	} else {
		tail = j->head;
		tid = j->committing ? j->committing->tid : j->running ? j->running->tid : j->next_tid;
	}
	spin_unlock(&j->lock);
	while (!list_empty(&empty)) {
		struct transaction *t = list_first(&empty, struct transaction, link);
		list_del(&t->link);
		kfree(t);
	}
	if (tail == j->tail && tid == j->tail_tid)
		return 0;
	err = block_flush(j->dev);
	if (!err)
		err = journal_write_super(j, tail, tid);
	if (err)
		return err;
	j->tail = tail;
	j->tail_tid = tid;
	spin_lock(&j->lock);
	j->free = j->count - j->first - 1 - (j->head - tail + j->count - j->first) % (j->count - j->first);
	spin_unlock(&j->lock);
	wait_wake_all(&j->starters);
	return 0;
}

int journal_checkpoint(struct journal *j, bool may_commit)
{
	struct batch *batch = kmalloc(sizeof(*batch), 0);
	bool blocked;
	int err = batch ? 0 : -ENOMEM;

	mutex_lock(&j->checkpoint_mutex);
	while (!err && !(err = j->error ? -EROFS : 0)) {
		gather(j, batch, &blocked);
		if (batch->count) {
			err = write_batch(j, batch);
		} else if (blocked && may_commit) {
			may_commit = false;
			err = journal_commit_all(j, true);
		} else {
			break;
		}
	}
	if (!err)
		err = move_tail(j);
	mutex_unlock(&j->checkpoint_mutex);
	kfree(batch);
	if (err == -EIO)
		journal_abort(j, err);
	return err;
}
