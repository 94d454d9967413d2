/* Logs for stage 10's tests (10_journal.h): a reader and a writer of JBD2's format of their own. */
#include "10_journal.h"

#include "core/crc.h"
#include "lib/string.h"
#include "mm/pagetable.h"

static const u8 name[16] = "switchback tests";

void block_fill(u8 *at, u64 block, u32 version)
{
	u64 x = block * 0x9e3779b97f4a7c15 + version * 0xbf58476d1ce4e5b9 + 1;

	for (u32 i = 0; i < RAM_BLOCK; i += 8) {
		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		memcpy(at + i, &x, 8);
	}
}

bool block_is(const u8 *at, u64 block, u32 version)
{
	u8 wanted[RAM_BLOCK];

	block_fill(wanted, block, version);
	return !memcmp(at, wanted, RAM_BLOCK);
}

struct jbd2_super *log_super(struct ramdisk *r)
{
	return (void *)log_at(r, 0);
}

void log_make(struct ramdisk *r, int form, u32 start, u32 sequence)
{
	struct jbd2_super *s = log_super(r);

	memset(s, 0, sizeof(*s));
	s->header = (struct jbd2_header){ be32(JBD2_MAGIC), be32(JBD2_SUPER_V2), 0 };
	s->block_size = be32(RAM_BLOCK);
	s->maxlen = be32(LOG_COUNT);
	s->first = be32(1);
	s->sequence = be32(sequence);
	s->start = be32(start);
	s->users = be32(1);
	s->incompat = be32(JBD2_INCOMPAT_REVOKE | (form > 0 ? JBD2_INCOMPAT_64BIT : 0) | (form > 1 ? JBD2_INCOMPAT_CSUM_V3 : 0));
	s->checksum_type = 4;
	memcpy(s->uuid, name, 16);
	if (form > 1)
		s->checksum = be32(crc32c(~0u, s, sizeof(*s)));
}

struct journal *log_open(struct ramdisk *r, int form)
{
	struct journal_setup s = { .dev = r->dev, .block_size = RAM_BLOCK, .count = LOG_COUNT, .checksums = form > 1, .wide = form > 0, .name = "ram0" };

	s.blocks = kmap_alloc(LOG_COUNT * sizeof(u64), 0);
	for (u32 i = 0; i < LOG_COUNT; i++)
		s.blocks[i] = LOG_AT + i;
	return journal_open(&s);
}

/* --- checksums ------------------------------------------------------------------------------------------------------------------ */

static u32 seed(void)
{
	return crc32c(~0u, name, 16);
}

static u32 copy_sum(u32 tid, const u8 *copy)
{
	u32 sequence = be32(tid);

	return crc32c(crc32c(seed(), &sequence, 4), copy, RAM_BLOCK);
}

/* Of a block whose sum stands at `at`. */
static u32 sum_of(u8 *block, u32 at)
{
	u32 kept, sum;

	memcpy(&kept, block + at, 4);
	memset(block + at, 0, 4);
	sum = crc32c(seed(), block, RAM_BLOCK);
	memcpy(block + at, &kept, 4);
	return be32(sum);
}

static void put_sum(u8 *block, u32 at)
{
	u32 sum = sum_of(block, at);

	memcpy(block + at, &sum, 4);
}

/* --- writing -------------------------------------------------------------------------------------------------------------------- */

static u32 after(u32 at)
{
	return at + 1 == LOG_COUNT ? 1 : at + 1;
}

static u8 *scribe_block(struct scribe *s, u32 type)
{
	u8 *b = log_at(s->r, s->at);
	struct jbd2_header h = { be32(JBD2_MAGIC), be32(type), be32(s->tid) };

	s->at = after(s->at);
	memset(b, 0, RAM_BLOCK);
	if (type)
		memcpy(b, &h, sizeof(h));
	return b;
}

void scribe_copies(struct scribe *s, const struct scribbled *blocks, u32 n)
{
	u8 *d = scribe_block(s, JBD2_DESCRIPTOR);
	u32 at = sizeof(struct jbd2_header), magic = be32(JBD2_MAGIC);

	for (u32 i = 0; i < n; i++) {
		u8 *copy = scribe_block(s, 0);
		u32 flags = (i ? JBD2_TAG_SAME_UUID : 0) | (i + 1 == n ? JBD2_TAG_LAST : 0) | (blocks[i].escape ? JBD2_TAG_ESCAPE : 0);
		u32 low = be32((u32)blocks[i].block), high = be32((u32)(blocks[i].block >> 32));

		block_fill(copy, blocks[i].block, blocks[i].version);
		if (blocks[i].escape)
			memset(copy, 0, sizeof(magic));
		if (s->form > 1) {
			struct jbd2_tag3 t = { low, be32(flags), high, be32(copy_sum(s->tid, copy)) };
			memcpy(d + at, &t, 16);
			at += 16;
		} else {
			struct jbd2_tag t = { low, 0, be16((u16)flags), high };
			memcpy(d + at, &t, s->form ? 12 : 8);
			at += s->form ? 12 : 8;
		}
		if (!i) {
			memcpy(d + at, name, 16);
			at += 16;
		}
	}
	if (s->form > 1)
		put_sum(d, RAM_BLOCK - 4);
}

void scribe_revokes(struct scribe *s, const u64 *blocks, u32 n)
{
	u8 *b = scribe_block(s, JBD2_REVOKE);
	u32 at = sizeof(struct jbd2_revoke_header);

	for (u32 i = 0; i < n; i++) {
		u64 wide = be64(blocks[i]);
		u32 narrow = be32((u32)blocks[i]), length = s->form ? 8 : 4;

		memcpy(b + at, s->form ? (void *)&wide : (void *)&narrow, length);
		at += length;
	}
	((struct jbd2_revoke_header *)b)->count = be32(at);
	if (s->form > 1)
		put_sum(b, RAM_BLOCK - 4);
}

void scribe_commit(struct scribe *s)
{
	u8 *b = scribe_block(s, JBD2_COMMIT);

	if (s->form > 1)
		put_sum(b, offsetof(struct jbd2_commit, checksum));
	s->tid++;
}

/* --- reading -------------------------------------------------------------------------------------------------------------------- */

static bool sum_ok(int form, u8 *block, u32 at)
{
	u32 kept;

	memcpy(&kept, block + at, 4);
	return form < 2 || kept == sum_of(block, at);
}

static void read_copies(struct ramdisk *r, int form, u8 *d, u32 tid, struct found *f)
{
	u32 at = sizeof(struct jbd2_header), end = RAM_BLOCK - (form > 1 ? 4 : 0), length = form > 1 ? 16 : form ? 12 : 8, flags;

	f->descriptors++;
	if (!sum_ok(form, d, RAM_BLOCK - 4))
		f->wrong = "the checksum of a descriptor";
	do {
		struct jbd2_tag3 t3 = { 0 };
		struct jbd2_tag t = { 0 };
		u64 block;

		if (at + length > end || f->copies == FOUND_MAX) {
			f->wrong = "a descriptor without a last tag";
			return;
		}
		if (form > 1)
			memcpy(&t3, d + at, 16);
		else
			memcpy(&t, d + at, length);
		flags = form > 1 ? be32(t3.flags) : be16(t.flags);
		block = form > 1 ? be32(t3.block) | (u64)be32(t3.block_high) << 32 : be32(t.block) | (u64)be32(t.block_high) << 32;
		if (!(flags & JBD2_TAG_SAME_UUID) != (at == sizeof(struct jbd2_header)))
			f->wrong = "SAME_UUID: the first tag has the log's name behind it, the others have not";
		at += length;
		if (!(flags & JBD2_TAG_SAME_UUID)) {
			if (memcmp(d + at, name, 16))
				f->wrong = "the log's name";
			at += 16;
		}
		if (form > 1 && be32(t3.checksum) != copy_sum(tid, log_at(r, f->end)))
			f->wrong = "the checksum of a copy";
		f->copy[f->copies].block = block;
		f->copy[f->copies].flags = flags;
		f->copy[f->copies++].at = f->end;
		f->end = after(f->end);
	} while (!(flags & JBD2_TAG_LAST));
}

static void read_revokes(int form, u8 *b, struct found *f)
{
	u32 end = be32(((struct jbd2_revoke_header *)b)->count), length = form ? 8 : 4;

	f->revoke_blocks++;
	if (!sum_ok(form, b, RAM_BLOCK - 4))
		f->wrong = "the checksum of a revoke block";
	if (end > RAM_BLOCK - (form > 1 ? 4 : 0))
		f->wrong = "the length of a revoke block";
	for (u32 at = sizeof(struct jbd2_revoke_header); at + length <= end && f->revokes < FOUND_MAX; at += length) {
		u64 wide = 0;
		u32 narrow = 0;
		memcpy(form ? (void *)&wide : (void *)&narrow, b + at, length);
		f->revoked[f->revokes++] = form ? be64(wide) : be32(narrow);
	}
}

void log_read(struct ramdisk *r, int form, u32 at, u32 tid, struct found *f)
{
	*f = (struct found){ .end = at };
	while (!f->committed && !f->wrong) {
		u8 *b = log_at(r, f->end);
		const struct jbd2_header *h = (void *)b;

		if (be32(h->magic) != JBD2_MAGIC || be32(h->sequence) != tid) {
			f->wrong = "a block that is not the transaction's";
			return;
		}
		f->end = after(f->end);
		if (be32(h->type) == JBD2_DESCRIPTOR) {
			read_copies(r, form, b, tid, f);
		} else if (be32(h->type) == JBD2_REVOKE) {
			read_revokes(form, b, f);
		} else if (be32(h->type) == JBD2_COMMIT) {
			f->committed = true;
			if (!sum_ok(form, b, offsetof(struct jbd2_commit, checksum)))
				f->wrong = "the checksum of the commit block";
		} else {
			f->wrong = "a block of unknown type";
		}
	}
}
