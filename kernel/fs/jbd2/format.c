/*
 * The log's blocks in all the forms that a journal may have: numbers of 32 or 64 bits, checksums of two kinds or none. What is written and read by it is the
 * same whichever it is (jbd2_priv.h has the picture); commit and replay know of no form.
 */
#include "jbd2_priv.h"

#include "core/crc.h"
#include "core/printk.h"
#include "lib/string.h"
#include "time/time.h"

#define UUID_BYTES 16u

static u32 tag_bytes(const struct journal *j)
{
	if (j->incompat & JBD2_INCOMPAT_CSUM_V3)
		return sizeof(struct jbd2_tag3);
	return (j->incompat & JBD2_INCOMPAT_CSUM_V2 ? 2 : 0) + (j->incompat & JBD2_INCOMPAT_64BIT ? 12 : 8);
}

static u32 number_bytes(const struct journal *j)
{
	return j->incompat & JBD2_INCOMPAT_64BIT ? 8 : 4;
}

/* crc32c of a block whose checksum field is 0. */
static u32 checksum(const struct journal *j, const void *block)
{
	return crc32c(j->seed, block, j->block_size);
}

static u32 copy_checksum(const struct journal *j, u32 tid, const void *copy)
{
	u32 sequence = be32(tid);

	return crc32c(crc32c(j->seed, &sequence, 4), copy, j->block_size);
}

/* The last four bytes of descriptor and revoke blocks are their checksum. */
static u32 end_of(const struct journal *j)
{
	return j->block_size - (journal_has_checksums(j) ? 4 : 0);
}

static u32 *tail_of(const struct log_block *b)
{
	return (u32 *)(b->data + b->journal->block_size - 4);
}

static void open_block(struct log_block *b, struct journal *j, void *data, u32 tid, u32 type)
{
	*b = (struct log_block){ .journal = j, .data = data, .tid = tid, .type = type, .end = end_of(j) };
	b->at = type == JBD2_REVOKE ? sizeof(struct jbd2_revoke_header) : sizeof(struct jbd2_header);
}

/* --- writing ------------------------------------------------------------------------------------------------------------- */

int log_block_begin(struct log_writer *w, struct log_block *b, u32 type, u32 tid)
{
	void *data = log_new_block(w, type, tid);

	if (!data)
		return -ENOMEM;
	open_block(b, w->journal, data, tid, type);
	return 0;
}

u32 log_block_room(const struct log_block *b)
{
	u32 left = b->end - b->at;

	if (b->type == JBD2_REVOKE)
		return left / number_bytes(b->journal);
	/* The first tag is followed by the log's name. */
	return (b->at == sizeof(struct jbd2_header) ? left - UUID_BYTES : left) / tag_bytes(b->journal);
}

void log_put_tag(struct log_block *b, u64 block, u32 flags, const void *copy)
{
	struct journal *j = b->journal;
	u32 length = tag_bytes(j), crc = journal_has_checksums(j) ? copy_checksum(j, b->tid, copy) : 0;

	if (j->incompat & JBD2_INCOMPAT_CSUM_V3) {
		struct jbd2_tag3 t = { be32((u32)block), be32(flags), be32((u32)(block >> 32)), be32(crc) };
		memcpy(b->data + b->at, &t, sizeof(t));
	} else {
		struct jbd2_tag t = { be32((u32)block), be16((u16)crc), be16((u16)flags), be32((u32)(block >> 32)) };
		memcpy(b->data + b->at, &t, MIN(length, (u32)sizeof(t)));
	}
	b->at += length;
	if (!(flags & JBD2_TAG_SAME_UUID)) {
		memcpy(b->data + b->at, ((struct jbd2_super *)j->super->data)->uuid, UUID_BYTES);
		b->at += UUID_BYTES;
	}
}

void log_put_revoke(struct log_block *b, u64 block)
{
	u64 wide = be64(block);
	u32 narrow = be32((u32)block), length = number_bytes(b->journal);

	memcpy(b->data + b->at, length == 8 ? (void *)&wide : (void *)&narrow, length);
	b->at += length;
}

void log_block_write(struct log_writer *w, struct log_block *b)
{
	if (b->type == JBD2_REVOKE)
		((struct jbd2_revoke_header *)b->data)->count = be32(b->at);
	if (journal_has_checksums(b->journal)) {
		*tail_of(b) = 0;
		*tail_of(b) = be32(checksum(b->journal, b->data));
	}
	log_write(w, b->data);
}

void *log_new_commit(struct log_writer *w, u32 tid)
{
	struct journal *j = w->journal;
	struct jbd2_commit *c = log_new_block(w, JBD2_COMMIT, tid);
	u64 now = time_realtime_ns();

	if (!c)
		return NULL;
	c->seconds = be64(now / NSEC_PER_SEC);
	c->nanoseconds = be32((u32)(now % NSEC_PER_SEC));
	if (journal_has_checksums(j))
		c->checksum[0] = be32(checksum(j, c));
	return c;
}

/* --- reading ------------------------------------------------------------------------------------------------------------- */

bool log_is_block(const void *data, u32 tid, u32 *type)
{
	const struct jbd2_header *h = data;

	*type = be32(h->type);
	return be32(h->magic) == JBD2_MAGIC && be32(h->sequence) == tid;
}

int log_block_open(struct journal *j, struct log_block *b, void *data, u32 tid)
{
	u32 kept, sum;

	open_block(b, j, data, tid, be32(((struct jbd2_header *)data)->type));
	if (journal_has_checksums(j)) {
		kept = *tail_of(b);
		*tail_of(b) = 0;
		sum = be32(checksum(j, data));
		*tail_of(b) = kept;
		if (sum != kept)
			return -EUCLEAN;
	}
	if (b->type == JBD2_REVOKE) {
		b->end = be32(((struct jbd2_revoke_header *)data)->count);
		if (b->end < b->at || b->end > j->block_size)
			return -EUCLEAN;
	}
	return 0;
}

bool log_get_tag(struct log_block *b, struct log_tag *t)
{
	struct journal *j = b->journal;
	u32 length = tag_bytes(j), high;

	if (b->at + length > b->end)
		return false;
	if (j->incompat & JBD2_INCOMPAT_CSUM_V3) {
		struct jbd2_tag3 raw;
		memcpy(&raw, b->data + b->at, sizeof(raw));
		*t = (struct log_tag){ be32(raw.block), be32(raw.flags), be32(raw.checksum) };
		high = be32(raw.block_high);
	} else {
		struct jbd2_tag raw = { 0 };
		memcpy(&raw, b->data + b->at, MIN(length, (u32)sizeof(raw)));
		*t = (struct log_tag){ be32(raw.block), be16(raw.flags), be16(raw.checksum) };
		high = be32(raw.block_high);
	}
	if (j->incompat & JBD2_INCOMPAT_64BIT)
		t->block |= (u64)high << 32;
	b->at += length + (t->flags & JBD2_TAG_SAME_UUID ? 0 : UUID_BYTES);
	return true;
}

bool log_get_revoke(struct log_block *b, u64 *block)
{
	u32 length = number_bytes(b->journal), narrow;

	if (b->at + length > b->end)
		return false;
	if (length == 8) {
		memcpy(block, b->data + b->at, 8);
		*block = be64(*block);
	} else {
		memcpy(&narrow, b->data + b->at, 4);
		*block = be32(narrow);
	}
	b->at += length;
	return true;
}

bool log_copy_ok(struct journal *j, u32 tid, const struct log_tag *t, const void *copy)
{
	u32 sum;

	if (!journal_has_checksums(j))
		return true;
	sum = copy_checksum(j, tid, copy);
	if (t->checksum == (j->incompat & JBD2_INCOMPAT_CSUM_V3 ? sum : sum & 0xffff))
		return true;
	pr_err("%s: the log's copy of block %lu is damaged\n", j->name, t->block);
	return false;
}

bool log_commit_ok(struct journal *j, void *data)
{
	struct jbd2_commit *c = data;
	u32 kept = c->checksum[0], sum;

	if (!journal_has_checksums(j))
		return true;
	c->checksum[0] = 0;
	sum = be32(checksum(j, data));
	c->checksum[0] = kept;
	return sum == kept;
}
