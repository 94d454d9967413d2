/*
 * After a crash: what is in the log goes to its place. Three passes from the oldest transaction on:
 *
 *   scan     finds the end: the first block that does not belong to the next transaction in turn, or whose commit block is missing
 *   revoke   gathers which blocks were freed, and in which transaction last: older copies of those are not replayed
 *   replay   writes the copies of all complete transactions to their places, in order
 *
 * Nothing changes the log meanwhile, so a crash in the middle of this is mended by doing it all again. Everything in the log is checked: it may be anything.
 */
#include "jbd2_priv.h"

#include "core/err.h"
#include "core/todo.h"
#include "lib/string.h"

#ifdef SOLUTION
struct replay {
	struct journal *j;
	enum { PASS_SCAN, PASS_REVOKE, PASS_REPLAY } pass;
	struct rbtree revoked;
	struct recovery *r;
	/* Where the pass stands. */
	u32 position, tid;
	u32 left; /* blocks of the log that it has not seen */
};

static void next_block(struct replay *p)
{
	p->position = journal_next_block(p->j, p->position);
	p->left--;
}

static int read_revokes(struct replay *p, void *data)
{
	struct log_block b;
	u64 block;
	int err = log_block_open(p->j, &b, data, p->tid);

	while (!err && log_get_revoke(&b, &block))
		err = revoked_add(&p->revoked, block, p->tid);
	return err;
}

/* The copy where the pass stands, to its place. */
static int replay_copy(struct replay *p, const struct log_tag *t)
{
	struct journal *j = p->j;
	struct buffer *from, *to;
	u32 revoked;
	int err;

	/* What was revoked later, or in the same transaction, was free when the machine stopped, or holds something else now. */
	if (revoked_last(&p->revoked, t->block, &revoked) && tid_geq(revoked, p->tid)) {
		p->r->skipped++;
		return 0;
	}
	if (t->block >= j->dev->sectors / (j->block_size / SECTOR_SIZE))
		return -EUCLEAN;
	err = journal_read_block(j, p->position, &from);
	if (err)
		return err;
	to = log_copy_ok(j, p->tid, t, from->data) ? buffer_new(j->dev, t->block, j->block_size) : ERR_PTR(-EUCLEAN);
	if (!to)
		to = ERR_PTR(-ENOMEM);
	if (!IS_ERR(to)) {
		u32 magic = be32(JBD2_MAGIC);

		memcpy(to->data, from->data, j->block_size);
		if (t->flags & JBD2_TAG_ESCAPE)
			memcpy(to->data, &magic, sizeof(magic));
		buffer_mark_dirty(to);
		buffer_put(to);
		p->r->replayed++;
	}
	buffer_put(from);
	return IS_ERR(to) ? (int)PTR_ERR(to) : 0;
}

/* The copies behind a descriptor; the pass stands behind them afterwards. */
static int read_descriptor(struct replay *p, void *data)
{
	struct log_block b;
	struct log_tag t;
	int err = log_block_open(p->j, &b, data, p->tid);

	/* A damaged one may just be the last that was written: whether it counts its commit block will tell. */
	if (p->pass == PASS_SCAN)
		err = 0;
	while (!err && log_get_tag(&b, &t)) {
		if (!p->left)
			return -EUCLEAN;
		if (p->pass == PASS_REPLAY)
			err = replay_copy(p, &t);
		next_block(p);
		if (t.flags & JBD2_TAG_LAST)
			break;
	}
	return err;
}

/* One block of the log's own, and what hangs on it. 0; 1: here is the end; -errno. */
static int read_block(struct replay *p)
{
	struct buffer *b;
	u32 type;
	int err = journal_read_block(p->j, p->position, &b);

	if (err)
		return err;
	if (!log_is_block(b->data, p->tid, &type)) {
		buffer_put(b);
		return 1;
	}
	next_block(p);
	if (type == JBD2_DESCRIPTOR)
		err = read_descriptor(p, b->data);
	else if (type == JBD2_REVOKE)
		err = p->pass == PASS_REVOKE ? read_revokes(p, b->data) : 0;
	else if (type != JBD2_COMMIT)
		err = 1;
	else if (p->pass == PASS_SCAN && !log_commit_ok(p->j, b->data))
		err = -EUCLEAN;
	else
		p->tid++;
	buffer_put(b);
	return err;
}

/* From the start of the log to the end that the scan found; for the scan itself, anything odd is the end. */
static int run_pass(struct replay *p)
{
	int err = 0;

	p->position = p->r->start;
	p->tid = p->r->first;
	p->left = p->j->count - p->j->first;
	while (!err && p->left && (p->pass == PASS_SCAN || !tid_geq(p->tid, p->r->end)))
		err = read_block(p);
	if (p->pass == PASS_SCAN) {
		p->r->end = p->tid;
		if (err == -EUCLEAN)
			err = 0;
	}
	return MIN(err, 0);
}
#endif

int journal_replay(struct journal *j, struct recovery *r)
{
#ifdef SOLUTION
	struct replay p = { .j = j, .r = r };
	int err = 0;

	for (p.pass = PASS_SCAN; p.pass <= PASS_REPLAY && !err; p.pass++)
		err = run_pass(&p);
	revoked_free(&p.revoked);
	/* The log is emptied next: what was in it must be at its place by then. */
	if (!err)
		err = buffers_sync(j->dev);
	if (!err)
		err = block_flush(j->dev);
	return err;
#else
	TODO("10-disk");
#endif
}
