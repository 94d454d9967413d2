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
#include "core/printk.h"
#include "lib/crc.h"
#include "lib/rbtree.h"
#include "lib/string.h"
#include "mm/slab.h"

struct revoked {
	struct rbnode node;
	u64 block;
	u32 tid;
};
struct replay {
	struct journal *j;
	enum { PASS_SCAN, PASS_REVOKE, PASS_REPLAY } pass;
	u32 end;               /* the first tid that is not complete: what the scan found */
	struct rbtree revoked; /* by block */
	u32 replayed, skipped;
};

static u32 next_position(const struct journal *j, u32 at)
{
	return at + 1 >= j->count ? j->first : at + 1;
}

/* --- revoked blocks ---------------------------------------------------------------------------------------------------- */

static struct revoked *find_revoked(struct replay *r, u64 block, struct rbnode **parent, struct rbnode ***link)
{
	struct rbnode **at = &r->revoked.root, *up = NULL;

	while (*at) {
		struct revoked *v = container_of(*at, struct revoked, node);
		if (v->block == block)
			return v;
		up = *at;
		at = block < v->block ? &up->left : &up->right;
	}
	if (parent) {
		*parent = up;
		*link = at;
	}
	return NULL;
}

static int add_revoked(struct replay *r, u64 block, u32 tid)
{
	struct rbnode *parent = NULL, **link = NULL;
	struct revoked *v = find_revoked(r, block, &parent, &link);

	if (v) {
		if (!tid_geq(v->tid, tid))
			v->tid = tid;
		return 0;
	}
	v = kmalloc(sizeof(*v), 0);
	if (!v)
		return -ENOMEM;
	*v = (struct revoked){ .block = block, .tid = tid };
	rb_insert(&r->revoked, &v->node, parent, link);
	return 0;
}

static void free_revoked(struct replay *r)
{
	struct rbnode *n;

	while ((n = rb_first(&r->revoked))) {
		rb_erase(&r->revoked, n);
		kfree(container_of(n, struct revoked, node));
	}
}

/* --- blocks of the log -------------------------------------------------------------------------------------------------- */

static bool tail_ok(struct journal *j, u8 *block)
{
	u32 *tail = (u32 *)(block + j->block_size - 4), kept = *tail;
	bool ok;

	if (!journal_has_checksums(j))
		return true;
	*tail = 0;
	ok = be32(journal_checksum(j, block)) == kept;
	*tail = kept;
	return ok;
}

static bool commit_ok(struct journal *j, u8 *block)
{
	struct jbd2_commit *c = (void *)block;
	u32 kept = c->checksum[0];
	bool ok;

	if (!journal_has_checksums(j))
		return true;
	c->checksum[0] = 0;
	ok = be32(journal_checksum(j, block)) == kept;
	c->checksum[0] = kept;
	return ok;
}

static int read_revokes(struct replay *r, u8 *block, u32 tid)
{
	const struct jbd2_revoke_header *h = (void *)block;
	u32 each = r->j->incompat & JBD2_INCOMPAT_64BIT ? 8 : 4, end = be32(h->count);
	int err = 0;

	if (!tail_ok(r->j, block) || end < sizeof(*h) || end > r->j->block_size)
		return -EUCLEAN;
	for (u32 at = sizeof(*h); at + each <= end && !err; at += each) {
		u64 wide = 0;
		u32 narrow;

		if (each == 8) {
			memcpy(&wide, block + at, 8);
			wide = be64(wide);
		} else {
			memcpy(&narrow, block + at, 4);
			wide = be32(narrow);
		}
		err = add_revoked(r, wide, tid);
	}
	return err;
}

struct tag {
	u64 block;
	u32 flags, checksum;
};

/* The tag at `at`; where the next one is, 0 if this one does not fit. */
static u32 read_tag(struct journal *j, const u8 *block, u32 at, struct tag *t)
{
	u32 length = journal_tag_bytes(j), end = j->block_size - (journal_has_checksums(j) ? 4 : 0);

	if (at + length > end)
		return 0;
	if (j->incompat & JBD2_INCOMPAT_CSUM_V3) {
		struct jbd2_tag3 raw;
		memcpy(&raw, block + at, sizeof(raw));
		*t = (struct tag){ be32(raw.block), be32(raw.flags), be32(raw.checksum) };
		if (j->incompat & JBD2_INCOMPAT_64BIT)
			t->block |= (u64)be32(raw.block_high) << 32;
	} else {
		struct jbd2_tag raw = { 0 };
		memcpy(&raw, block + at, MIN(length, (u32)sizeof(raw)));
		*t = (struct tag){ be32(raw.block), be16(raw.flags), be16(raw.checksum) };
		if (j->incompat & JBD2_INCOMPAT_64BIT)
			t->block |= (u64)be32(raw.block_high) << 32;
	}
	at += length;
	return t->flags & JBD2_TAG_SAME_UUID ? at : at + 16;
}

/* One copy to its place. */
static int replay_block(struct replay *r, const struct tag *t, u32 position, u32 tid)
{
	struct journal *j = r->j;
	struct revoked *v = find_revoked(r, t->block, NULL, NULL);
	u32 sequence = be32(tid), crc;
	struct buffer *from, *to;
	int err;

	if (v && tid_geq(v->tid, tid)) {
		r->skipped++;
		return 0;
	}
	if (t->block >= j->dev->sectors / (j->block_size / SECTOR_SIZE))
		return -EUCLEAN;
	err = journal_read_block(j, position, &from);
	if (err)
		return err;
	if (journal_has_checksums(j)) {
		crc = crc32c(crc32c(j->seed, &sequence, 4), from->data, j->block_size);
		if (t->checksum != (j->incompat & JBD2_INCOMPAT_CSUM_V3 ? crc : crc & 0xffff)) {
			pr_err("%s: the log's copy of block %lu is damaged\n", j->name, t->block);
			buffer_put(from);
			return -EUCLEAN;
		}
	}
	to = buffer_new(j->dev, t->block, j->block_size);
	if (to) {
		memcpy(to->data, from->data, j->block_size);
		if (t->flags & JBD2_TAG_ESCAPE) {
			u32 magic = be32(JBD2_MAGIC);
			memcpy(to->data, &magic, 4);
		}
		buffer_mark_dirty(to);
		buffer_put(to);
		r->replayed++;
	}
	buffer_put(from);
	return to ? 0 : -ENOMEM;
}

/* The blocks behind a descriptor: moves *position past them. */
static int read_descriptor(struct replay *r, u8 *block, u32 tid, u32 *position, u32 *left)
{
	u32 at = sizeof(struct jbd2_header);
	struct tag t;
	int err = 0;

	if (!tail_ok(r->j, block))
		return -EUCLEAN;
	do {
		at = read_tag(r->j, block, at, &t);
		if (!at || !*left)
			return at ? -EUCLEAN : 0;
		if (r->pass == PASS_REPLAY)
			err = replay_block(r, &t, *position, tid);
		*position = next_position(r->j, *position);
		--*left;
	} while (!err && !(t.flags & JBD2_TAG_LAST));
	return err;
}

/* One pass from the start of the log; for the scan, any oddity is just its end. */
static int run_pass(struct replay *r, u32 start, u32 tid)
{
	struct journal *j = r->j;
	u32 position = start, left = j->count - j->first;
	int err = 0;

	while (!err && left && (r->pass == PASS_SCAN || !tid_geq(tid, r->end))) {
		struct buffer *b;
		const struct jbd2_header *h;
		u32 type;

		err = journal_read_block(j, position, &b);
		if (err)
			break;
		h = (void *)b->data;
		type = be32(h->type);
		if (be32(h->magic) != JBD2_MAGIC || be32(h->sequence) != tid) {
			buffer_put(b);
			break;
		}
		position = next_position(j, position);
		left--;
		if (type == JBD2_DESCRIPTOR) {
			err = read_descriptor(r, b->data, tid, &position, &left);
		} else if (type == JBD2_REVOKE) {
			if (r->pass == PASS_REVOKE)
				err = read_revokes(r, b->data, tid);
		} else if (type == JBD2_COMMIT) {
			if (r->pass == PASS_SCAN && !commit_ok(j, b->data))
				err = -EUCLEAN;
			else
				tid++;
		} else {
			buffer_put(b);
			break;
		}
		buffer_put(b);
	}
	if (r->pass == PASS_SCAN) {
		r->end = tid;
		if (err == -EUCLEAN)
			err = 0;
	}
	return err;
}

int journal_replay(struct journal *j, u32 *next_tid)
{
	const struct jbd2_super *s = (void *)j->super->data;
	struct replay r = { .j = j, .pass = PASS_SCAN };
	u32 start = be32(s->start), tid = be32(s->sequence);
	int err = run_pass(&r, start, tid);

	r.pass = PASS_REVOKE;
	if (!err)
		err = run_pass(&r, start, tid);
	r.pass = PASS_REPLAY;
	if (!err)
		err = run_pass(&r, start, tid);
	free_revoked(&r);
	if (!err)
		err = buffers_sync(j->dev);
	if (!err)
		err = block_flush(j->dev);
	printk("%s: replayed %u blocks of transactions %u to %u, %u were revoked%s\n", j->name, r.replayed, tid, r.end - 1, r.skipped, err ? "; it failed" : "");
	*next_tid = r.end + 1;
	return err;
}
