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


int journal_replay(struct journal *j, struct recovery *r)
{
	TODO("10-disk");
}
