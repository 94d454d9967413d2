/* Opening and closing a journal: its superblock, replay, features. */
#include "jbd2_priv.h"

#include "core/crc.h"
#include "core/err.h"
#include "core/printk.h"
#include "lib/string.h"
#include "mm/pagetable.h"
#include "mm/slab.h"

#define MIN_BLOCKS 256u

int journal_read_block(struct journal *j, u32 log_block, struct buffer **out)
{
	struct buffer *b = log_block < j->count ? buffer_read(j->dev, j->blocks[log_block], j->block_size) : ERR_PTR(-EUCLEAN);

	*out = b;
	return IS_ERR(b) ? (int)PTR_ERR(b) : 0;
}

static u32 super_checksum(const struct jbd2_super *s)
{
	struct jbd2_super copy = *s;

	copy.checksum = 0;
	return crc32c(~0u, &copy, sizeof(copy));
}

int journal_write_super(struct journal *j, u32 start, u32 sequence)
{
	struct jbd2_super *s = (void *)j->super->data;

	s->start = be32(start);
	s->sequence = be32(sequence);
	s->error = be32((u32)j->error);
	if (journal_has_checksums(j))
		s->checksum = be32(super_checksum(s));
	return buffer_write_through(j->super);
}

/* Every number of the superblock before it is used. */
static int check_super(struct journal *j)
{
	const struct jbd2_super *s = (void *)j->super->data;
	u32 type = be32(s->header.type), unknown;

	if (be32(s->header.magic) != JBD2_MAGIC || (type != JBD2_SUPER_V1 && type != JBD2_SUPER_V2)) {
		pr_err("%s: there is no journal where it should be\n", j->name);
		return -EUCLEAN;
	}
	if (be32(s->block_size) != j->block_size || be32(s->maxlen) > j->count || be32(s->maxlen) < MIN_BLOCKS || be32(s->first) < 1 ||
	    be32(s->first) >= be32(s->maxlen) || be32(s->start) >= be32(s->maxlen)) {
		pr_err("%s: the journal's superblock makes no sense\n", j->name);
		return -EUCLEAN;
	}
	j->count = be32(s->maxlen);
	j->first = be32(s->first);
	if (type == JBD2_SUPER_V1)
		return 0;
	j->incompat = be32(s->incompat);
	unknown = j->incompat & ~JBD2_INCOMPAT_KNOWN;
	if (unknown || s->ro_compat) {
		pr_err("%s: the journal has features that are not known: incompat %x%s, ro_compat %x\n", j->name, unknown, unknown & 32 ? " (fast_commit)" : "", be32(s->ro_compat));
		return -EOPNOTSUPP;
	}
	if (journal_has_checksums(j) && be32(s->checksum) != super_checksum(s)) {
		pr_err("%s: the journal's superblock has a wrong checksum\n", j->name);
		return -EUCLEAN;
	}
	j->seed = crc32c(~0u, s->uuid, sizeof(s->uuid));
	return 0;
}

/* An empty log gets the features that this mount wants. */
static void set_features(struct journal *j, const struct journal_setup *setup)
{
	struct jbd2_super *s = (void *)j->super->data;

	if (be32(s->header.type) == JBD2_SUPER_V1)
		return;
	j->incompat |= JBD2_INCOMPAT_REVOKE;
	if (setup->wide)
		j->incompat |= JBD2_INCOMPAT_64BIT;
	if (setup->checksums) {
		j->incompat = (j->incompat & ~JBD2_INCOMPAT_CSUM_V2) | JBD2_INCOMPAT_CSUM_V3;
		s->compat &= ~be32(JBD2_COMPAT_CHECKSUM);
		s->checksum_type = 4; /* crc32c */
	}
	s->incompat = be32(j->incompat);
}

static int recover(struct journal *j, u32 *next)
{
	const struct jbd2_super *s = (void *)j->super->data;
	struct recovery r = { .start = be32(s->start), .first = be32(s->sequence) };
	int err;

	r.end = r.first;
	err = journal_replay(j, &r);
	printk("%s: replayed %u blocks of transactions %u to %u, %u were revoked%s\n", j->name, r.replayed, r.first, r.end - 1, r.skipped, err ? "; it failed" : "");
	*next = r.end + 1;
	return err;
}

static void free_journal(struct journal *j)
{
	buffer_put(j->super);
	kmap_free(j->blocks);
	kfree(j);
}

static struct journal *alloc_journal(const struct journal_setup *s)
{
	struct journal *j = kzalloc(sizeof(*j), 0);

	if (!j)
		return NULL;
	j->dev = s->dev;
	j->block_size = s->block_size;
	j->blocks = s->blocks;
	j->count = s->count;
	j->committed = s->committed;
	j->aborted = s->aborted;
	j->arg = s->arg;
	j->name = s->name;
	j->period = 5 * NSEC_PER_SEC;
	spin_init(&j->lock, "journal", RANK_JOURNAL);
	list_init(&j->done);
	wait_queue_init(&j->starters);
	wait_queue_init(&j->drained);
	wait_queue_init(&j->finished);
	wait_queue_init(&j->work);
	mutex_init(&j->checkpoint_mutex, "checkpoint", RANK_CHECKPOINT);
	return j;
}

struct journal *journal_open(const struct journal_setup *s)
{
	struct journal *j = s->count >= MIN_BLOCKS ? alloc_journal(s) : NULL;
	const struct jbd2_super *sup;
	u32 next;
	int err;

	if (!j) {
		kmap_free(s->blocks);
		return ERR_PTR(s->count < MIN_BLOCKS ? -EUCLEAN : -ENOMEM);
	}
	err = journal_read_block(j, 0, &j->super);
	if (err) {
		j->super = NULL;
		goto fail;
	}
	err = check_super(j);
	if (err)
		goto fail;
	sup = (void *)j->super->data;
	next = be32(sup->sequence);
	j->was_dirty = sup->start != 0;
	j->had_error = sup->error != 0;
	if (j->was_dirty) {
		err = block_device_read_only(s->dev) ? -EROFS : recover(j, &next);
		if (err)
			goto fail;
		err = journal_write_super(j, 0, next);
		if (err)
			goto fail;
	}
	if (!s->read_only)
		set_features(j, s);
	j->next_tid = next ? next : 1;
	j->committed_tid = j->wanted_tid = j->next_tid - 1;
	j->head = j->tail = j->first;
	j->tail_tid = j->next_tid;
	j->free = j->count - j->first - 1;
	j->max = (j->count - j->first) / 4;
	return j;
fail:
	free_journal(j);
	return ERR_PTR(err);
}

int journal_begin(struct journal *j)
{
	/* As long as it is open the log is in use: a crash before the first commit finds it empty all the same. */
	int err = journal_write_super(j, j->tail, j->tail_tid);

	if (err || j->thread)
		return err;
	j->thread = kthread_run("jbd2", journal_commit_thread, j);
	return j->thread ? 0 : -ENOMEM;
}

int journal_rest(struct journal *j)
{
	int err = journal_flush(j);

	if (err)
		return err;
	mutex_lock(&j->checkpoint_mutex);
	err = j->error ? -EROFS : journal_write_super(j, 0, j->tail_tid);
	mutex_unlock(&j->checkpoint_mutex);
	return err;
}

/* After an error: what was not written to its place the log has for the next mount, which must read it anew. So the buffers, which are newer, are let go. */
static void drop_done(struct journal *j)
{
	while (!list_empty(&j->done)) {
		struct transaction *t = list_first(&j->done, struct transaction, link);
		while (!list_empty(&t->checkpoint)) {
			struct buffer *b = list_first(&t->checkpoint, struct buffer, checkpoint_link);
			list_del(&b->checkpoint_link);
			b->checkpoint = NULL;
			buffer_put(b);
		}
		list_del(&t->link);
		kfree(t);
	}
}

int journal_close(struct journal *j)
{
	int err = 0;

	if (j->thread) {
		err = journal_flush(j);
		atomic_store(&j->stopping, true);
		wait_wake_all(&j->work);
		wait_event(&j->finished, atomic_load(&j->ended));
		if (!err && !j->error)
			err = journal_write_super(j, 0, j->next_tid);
	}
	err = j->error ? j->error : err;
	drop_done(j);
	free_journal(j);
	return err;
}

void journal_set_period(struct journal *j, u32 seconds)
{
	WRITE_ONCE(j->period, seconds * NSEC_PER_SEC);
}

bool journal_was_dirty(const struct journal *j)
{
	return j->was_dirty;
}

bool journal_had_error(const struct journal *j)
{
	return j->had_error;
}

int journal_error(const struct journal *j)
{
	return j ? READ_ONCE(j->error) : 0;
}

void journal_abort(struct journal *j, int err)
{
	struct jbd2_super *s = (void *)j->super->data;
	bool first;

	spin_lock(&j->lock);
	first = !j->error;
	if (first)
		WRITE_ONCE(j->error, err);
	spin_unlock(&j->lock);
	wait_wake_all(&j->starters);
	wait_wake_all(&j->finished);
	if (!first)
		return;
	pr_err("%s: the journal was stopped: error %d\n", j->name, err);
	/* For the next mount and for e2fsck. What the log holds it holds. */
	s->error = be32((u32)err);
	if (journal_has_checksums(j))
		s->checksum = be32(super_checksum(s));
	if (j->thread)
		buffer_write_through(j->super);
	if (j->aborted)
		j->aborted(j->arg, err);
}
