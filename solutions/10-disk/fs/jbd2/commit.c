/*
 * A transaction goes into the log:
 *
 *    revoke blocks | descriptor, copies … | descriptor, copies … || commit block
 *                                                         flush --^      ^-- flush
 *
 * A descriptor says, tag by tag, where each of the blocks behind it belongs. The commit block is what makes it count: it is written when all before it is on
 * the medium, which only a flush can promise, and the transaction is safe when it is on the medium itself. A copy that happens to begin with the
 * log's magic number would be taken for one of its own blocks: its first word is written as 0, and the tag says so.
 *
 * Before the log come the transaction's data: a file that has just grown must not show what lay in its blocks before. And before those, the copies: they are
 * made while no handle is open, so they hold just what the transaction did; after that the buffers may change again at once.
 */
#include "jbd2_priv.h"

#include "core/err.h"
#include "core/todo.h"
#include "lib/string.h"

int journal_write_revokes(struct log_writer *w, struct transaction *t)
{
#ifdef SOLUTION
	struct log_block b = { .data = NULL };
	struct revoke_entry *r;

	list_for_each(r, &t->revokes, link) {
		if (b.data && !log_block_room(&b)) {
			log_block_write(w, &b);
			b.data = NULL;
		}
		if (!b.data) {
			int err = log_block_begin(w, &b, JBD2_REVOKE, t->tid);
			if (err)
				return err;
		}
		log_put_revoke(&b, r->block);
	}
	if (b.data)
		log_block_write(w, &b);
	return 0;
#else
	TODO("10-disk");
#endif
}

#ifdef SOLUTION
/* Hides the log's magic number from whoever looks for blocks of the log: the flag for the tag. */
static u32 escape(u8 *copy)
{
	u32 magic = be32(JBD2_MAGIC);

	if (memcmp(copy, &magic, sizeof(magic)))
		return 0;
	memset(copy, 0, sizeof(magic));
	return JBD2_TAG_ESCAPE;
}
#endif

int journal_write_copies(struct log_writer *w, struct transaction *t)
{
#ifdef SOLUTION
	struct log_block b;

	for (u32 i = 0, n; i < t->buffer_count; i += n) {
		int err = log_block_begin(w, &b, JBD2_DESCRIPTOR, t->tid);

		if (err)
			return err;
		n = MIN(log_block_room(&b), t->buffer_count - i);
		for (u32 k = 0; k < n; k++) {
			struct log_entry *e = &t->log[i + k];
			u32 flags = escape(e->copy);

			if (k)
				flags |= JBD2_TAG_SAME_UUID;
			if (k + 1 == n)
				flags |= JBD2_TAG_LAST;
			log_put_tag(&b, e->buffer->block, flags, e->copy);
		}
		log_block_write(w, &b);
		for (u32 k = 0; k < n; k++)
			log_write(w, t->log[i + k].copy);
	}
	return 0;
#else
	TODO("10-disk");
#endif
}

#ifdef SOLUTION
static int write_commit(struct log_writer *w, u32 tid)
{
	void *commit = log_new_commit(w, tid);

	if (!commit)
		return -ENOMEM;
	log_write(w, commit);
	return log_wait(w);
}
#endif

int journal_write_transaction(struct journal *j, struct transaction *t, u32 *used)
{
#ifdef SOLUTION
	struct log_writer w;
	int err;

	log_begin(&w, j, t->start);
	err = journal_write_revokes(&w, t);
	if (!err)
		err = journal_write_copies(&w, t);
	if (!err)
		err = log_wait(&w);
	if (!err)
		err = block_flush(j->dev);
	if (!err)
		err = write_commit(&w, t->tid);
	if (!err)
		err = block_flush(j->dev);
	log_end(&w);
	*used = w.used;
	return err;
#else
	TODO("10-disk");
#endif
}

void journal_commit_running(struct journal *j)
{
#ifdef SOLUTION
	struct transaction *t = commit_lock(j);
	u32 used = 0;
	int err;

	if (!t)
		return;
	commit_wait_handles(j, t);
	commit_copy(j, t);
	commit_let_go(j, t);
	err = journal_error(j);
	if (!err) {
		commit_write_data(j, t);
		err = journal_write_transaction(j, t, &used);
	}
	if (err)
		commit_failed(j, t, err);
	else
		commit_done(j, t, used);
#else
	TODO("10-disk");
#endif
}
