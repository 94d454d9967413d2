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
	TODO("10-disk");
}


int journal_write_copies(struct log_writer *w, struct transaction *t)
{
	TODO("10-disk");
}


int journal_write_transaction(struct journal *j, struct transaction *t, u32 *used)
{
	TODO("10-disk");
}

void journal_commit_running(struct journal *j)
{
	TODO("10-disk");
}
