/*
 * A transaction goes into the log:
 *
 *    revoke blocks | descriptor, copies … | descriptor, copies … || commit block
 *                                                         flush --^      ^-- flush
 *
 * A descriptor says, tag by tag, where each of the blocks behind it belongs. The commit block is what makes it count: it is written when all before it is on
 * the medium, which only a flush can promise, and the transaction is safe when it is on the medium itself. A copy that happens to begin with the
 * log's magic number would be taken for one of its own blocks: its first word is written as 0, and the tag says so.
 */
#include "jbd2_priv.h"

#include "core/err.h"
#include "lib/crc.h"
#include "lib/string.h"
#include "time/time.h"

/* The last four bytes of descriptor and revoke blocks are their checksum. */
static void set_tail(struct journal *j, void *block)
{
	u32 *tail = (u32 *)((char *)block + j->block_size - 4);

	if (!journal_has_checksums(j))
		return;
	*tail = 0;
	*tail = be32(journal_checksum(j, block));
}

/* Fills the tag of a block at `at`: its length. */
static u32 write_tag(struct journal *j, char *at, u32 tid, u64 block, const u8 *data, u32 flags)
{
	u32 sequence = be32(tid), crc = 0, length = journal_tag_bytes(j);

	if (journal_has_checksums(j))
		crc = crc32c(crc32c(j->seed, &sequence, 4), data, j->block_size);
	if (j->incompat & JBD2_INCOMPAT_CSUM_V3) {
		struct jbd2_tag3 t = { be32((u32)block), be32(flags), be32((u32)(block >> 32)), be32(crc) };
		memcpy(at, &t, sizeof(t));
	} else {
		struct jbd2_tag t = { be32((u32)block), be16((u16)crc), be16((u16)flags), be32((u32)(block >> 32)) };
		memcpy(at, &t, MIN(length, (u32)sizeof(t)));
	}
	return length;
}

static int write_revokes(struct log_writer *w, struct transaction *t)
{
	struct journal *j = w->journal;
	u32 each = j->incompat & JBD2_INCOMPAT_64BIT ? 8 : 4, end = j->block_size - (journal_has_checksums(j) ? 4 : 0), at = 0;
	struct jbd2_revoke_header *h = NULL;
	struct revoke_entry *r;

	list_for_each(r, &t->revokes, link) {
		if (!h) {
			h = log_new_block(w, JBD2_REVOKE, t->tid);
			if (!h)
				return -ENOMEM;
			at = sizeof(*h);
		}
		if (each == 8) {
			u64 v = be64(r->block);
			memcpy((char *)h + at, &v, 8);
		} else {
			u32 v = be32((u32)r->block);
			memcpy((char *)h + at, &v, 4);
		}
		at += each;
		if (at + each > end || r->link.next == &t->revokes) {
			h->count = be32(at);
			set_tail(j, h);
			log_write(w, h);
			h = NULL;
		}
	}
	return 0;
}

/* As many blocks as one descriptor holds, from number `i` on: how many, or -errno. */
static int write_descriptor(struct log_writer *w, struct transaction *t, u32 i)
{
	struct journal *j = w->journal;
	u32 end = j->block_size - (journal_has_checksums(j) ? 4 : 0), at = sizeof(struct jbd2_header), tag = journal_tag_bytes(j), n = 0, room;
	char *d = log_new_block(w, JBD2_DESCRIPTOR, t->tid);

	if (!d)
		return -ENOMEM;
	/* The first tag is followed by the log's name. */
	room = (end - at - 16) / tag;
	for (; n < room && i + n < t->buffer_count; n++) {
		struct log_entry *e = &t->log[i + n];
		u32 flags = n ? JBD2_TAG_SAME_UUID : 0, magic = be32(JBD2_MAGIC);

		if (!memcmp(e->copy, &magic, 4)) {
			memset(e->copy, 0, 4);
			flags |= JBD2_TAG_ESCAPE;
		}
		if (n + 1 == room || i + n + 1 == t->buffer_count)
			flags |= JBD2_TAG_LAST;
		at += write_tag(j, d + at, t->tid, e->buffer->block, e->copy, flags);
		if (!n) {
			memcpy(d + at, ((struct jbd2_super *)j->super->data)->uuid, 16);
			at += 16;
		}
	}
	set_tail(j, d);
	log_write(w, d);
	for (u32 k = 0; k < n; k++)
		log_write(w, t->log[i + k].copy);
	return (int)n;
}

static int write_commit(struct log_writer *w, struct transaction *t)
{
	struct journal *j = w->journal;
	struct jbd2_commit *c = log_new_block(w, JBD2_COMMIT, t->tid);
	u64 now = time_realtime_ns();

	if (!c)
		return -ENOMEM;
	c->seconds = be64(now / NSEC_PER_SEC);
	c->nanoseconds = be32((u32)(now % NSEC_PER_SEC));
	if (journal_has_checksums(j))
		c->checksum[0] = be32(journal_checksum(j, c));
	log_write(w, c);
	return log_wait(w);
}

int journal_write_transaction(struct journal *j, struct transaction *t, u32 *used)
{
	struct log_writer w;
	int err;

	log_begin(&w, j, t->start);
	err = write_revokes(&w, t);
	for (u32 i = 0; i < t->buffer_count && !err;) {
		int n = write_descriptor(&w, t, i);
		if (n < 0)
			err = n;
		else
			i += (u32)n;
	}
	if (!err)
		err = log_wait(&w);
	if (!err)
		err = block_flush(j->dev);
	if (!err)
		err = write_commit(&w, t);
	if (!err)
		err = block_flush(j->dev);
	log_end(&w);
	*used = w.used;
	return err;
}
