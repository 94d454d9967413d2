/*
 * Partition tables: GPT (UEFI 2.10, 5.3) and the older MBR with its chain of logical partitions.
 *
 * A disk with a protective MBR entry (type 0xee) is a GPT one. Its header has checksums, and a copy at the end of the disk that is used if
 * the first is bad. All numbers are checked against the size of the disk; what does not fit is passed over, and told.
 */
#include "block_priv.h"

#include "core/crc.h"
#include "core/printk.h"
#include "lib/format.h"
#include "lib/string.h"
#include "mm/slab.h"

#define MBR_SIGNATURE 0xaa55
#define GPT_SIGNATURE 0x5452415020494645ul
#define GPT_ENTRIES_MAX 1024u
#define LOGICAL_MAX 60

struct mbr_entry {
	u8 status, first[3], type, last[3];
	u32 start, sectors;
} __packed;
struct mbr {
	u8 code[440];
	u32 disk_id;
	u16 reserved;
	struct mbr_entry entries[4];
	u16 signature;
} __packed;
_Static_assert(sizeof(struct mbr) == 512, "MBR");

struct gpt_header {
	u64 signature;
	u32 revision, header_size, header_crc, reserved;
	u64 self, backup, first_usable, last_usable;
	u8 disk_guid[16];
	u64 entries;
	u32 entry_count, entry_size, entries_crc;
} __packed;
_Static_assert(sizeof(struct gpt_header) == 92, "UEFI 5.3.2");

struct gpt_entry {
	u8 type[16], guid[16];
	u64 first, last, attributes;
	u16 name[36];
} __packed;
_Static_assert(sizeof(struct gpt_entry) == 128, "UEFI 5.3.3");

static struct mutex parts_mutex; /* who changes disk->parts once the disk is there */

void partitions_init(void)
{
	mutex_init(&parts_mutex, "partitions", RANK_PARTITIONS);
}

static u64 blocks_of(const struct disk *d)
{
	return d->sectors / (d->logical_size / SECTOR_SIZE);
}

/* Blocks of the disk in a new buffer; NULL: no memory, or an error. */
static void *read_blocks(struct disk *d, u64 block, u32 bytes)
{
	u32 length = ALIGN_UP(bytes, d->logical_size);
	void *buf = kmalloc(MAX(length, 512u), 0);

	if (buf && block_rw(d->whole, BLOCK_READ, block * (d->logical_size / SECTOR_SIZE), buf, length)) {
		kfree(buf);
		buf = NULL;
	}
	return buf;
}

/* start and count in logical blocks. One that ends past the disk's end is cut there, as on Linux: of a copy onto a smaller disk the rest can be saved. */
static struct block_device *add(struct disk *d, u32 number, u64 start, u64 count)
{
	u64 unit = d->logical_size / SECTOR_SIZE, size = blocks_of(d);

	if (!count)
		return NULL;
	if (start >= size) {
		printk("%s: partition %u lies past the end of the disk\n", d->name, number);
		return NULL;
	}
	if (count > size - start) {
		printk("%s: partition %u ends past the end of the disk, and is cut there\n", d->name, number);
		count = size - start;
	}
	return block_device_new(d, number, start * unit, count * unit);
}

/* --- GPT ------------------------------------------------------------------------------------------------------------------ */

static void guid_text(const u8 g[16], char out[40])
{
	ksnprintf(out, 40, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", g[3], g[2], g[1], g[0], g[5], g[4], g[7], g[6], g[8], g[9],
		g[10], g[11], g[12], g[13], g[14], g[15]);
}

static bool header_ok(struct disk *d, struct gpt_header *h, u64 at)
{
	u32 crc;
	bool ok;

	if (h->signature != GPT_SIGNATURE || h->header_size < sizeof(*h) || h->header_size > d->logical_size || h->self != at)
		return false;
	crc = h->header_crc;
	h->header_crc = 0;
	ok = crc32(h, h->header_size) == crc;
	h->header_crc = crc;
	return ok && h->first_usable <= h->last_usable && h->last_usable < blocks_of(d) && h->entry_size >= sizeof(struct gpt_entry) && h->entry_size <= 4096 && h->entry_count <= GPT_ENTRIES_MAX;
}

/* -ENOENT: there is no good table whose header stands at `at`. */
static int read_gpt_at(struct disk *d, u64 at)
{
	static const u8 none[16];
	struct gpt_header *h = read_blocks(d, at, sizeof(*h));
	char *entries = NULL;
	int err = -ENOENT;

	if (!h || !header_ok(d, h, at))
		goto out;
	entries = read_blocks(d, h->entries, h->entry_count * h->entry_size);
	if (!entries || crc32(entries, h->entry_count * h->entry_size) != h->entries_crc)
		goto out;
	err = 0;
	for (u32 i = 0; i < h->entry_count; i++) {
		const struct gpt_entry *e = (const void *)(entries + i * h->entry_size);
		struct block_device *dev;

		if (!memcmp(e->type, none, sizeof(none)))
			continue;
		if (e->last >= blocks_of(d)) {
			printk("%s: partition %u lies past the end of the disk\n", d->name, i + 1);
			continue;
		}
		dev = e->last >= e->first ? add(d, i + 1, e->first, e->last - e->first + 1) : NULL;
		if (!dev)
			continue;
		guid_text(e->guid, dev->uuid);
		for (u32 c = 0; c < 36 && c + 1 < sizeof(dev->label) && e->name[c]; c++)
			dev->label[c] = e->name[c] < 127 ? (char)e->name[c] : '?';
	}
out:
	kfree(entries);
	kfree(h);
	return err;
}

static int read_gpt(struct disk *d)
{
	if (!read_gpt_at(d, 1))
		return 0;
	printk("%s: the first GPT is bad, trying the one at the end\n", d->name);
	return read_gpt_at(d, blocks_of(d) - 1);
}

/* --- MBR ------------------------------------------------------------------------------------------------------------------ */

static bool is_extended(u8 type)
{
	return type == 5 || type == 15 || type == 0x85;
}

static void set_uuid(struct block_device *dev, u32 disk_id, u32 number)
{
	if (dev)
		ksnprintf(dev->uuid, sizeof(dev->uuid), "%08x-%02x", disk_id, number);
}

static bool seen(const u32 *tables, u32 count, u32 at)
{
	for (u32 i = 0; i < count; i++)
		if (tables[i] == at)
			return true;
	return false;
}

/*
 * Logical partitions: each has a table of its own with the partition, and the place of the next table. The chain is in the order in which the partitions were
 * made, so that it may lead back to lower sectors; one that comes to a table a second time ends there.
 */
static void read_logical(struct disk *d, u32 base, u32 disk_id)
{
	u32 tables[LOGICAL_MAX], at = base, number = 5;

	for (u32 count = 0; count < LOGICAL_MAX && !seen(tables, count, at); count++) {
		struct mbr *m = read_blocks(d, at, sizeof(*m));
		u32 next = 0;

		tables[count] = at;
		if (!m || m->signature != MBR_SIGNATURE) {
			kfree(m);
			return;
		}
		for (u32 i = 0; i < 4; i++) {
			const struct mbr_entry *e = &m->entries[i];

			if (e->sectors && is_extended(e->type))
				next = next ? next : e->start;
			/* Some systems leave rubbish in the last two. */
			else if (e->sectors && i < 2) {
				set_uuid(add(d, number, (u64)at + e->start, e->sectors), disk_id, number);
				number++;
			}
		}
		kfree(m);
		if (!next)
			return;
		at = base + next;
	}
}

/* A file system's first sector may end in the same signature: what looks like a table has status bytes of 0 or 0x80, and something in it, which is no GPT. */
static bool is_table(const struct mbr *m)
{
	bool any = false;

	if (m->signature != MBR_SIGNATURE)
		return false;
	for (u32 i = 0; i < 4; i++) {
		if (m->entries[i].status & 0x7f)
			return false;
		if (m->entries[i].type == 0xee)
			return false;
		any |= m->entries[i].type || m->entries[i].sectors;
	}
	return any;
}

/* Does it keep a GPT from those who do not know it (UEFI 5.2.3)? The entry that does so starts where the GPT's header is; there may be others. */
static bool is_protective(const struct mbr *m)
{
	bool any = false;

	for (u32 i = 0; i < 4; i++)
		any |= m->entries[i].type == 0xee && m->entries[i].start == 1;
	return m->signature == MBR_SIGNATURE && any;
}

int partitions_read(struct disk *d)
{
	struct mbr *m;
	int err = 0;

	if (d->sectors < 8)
		return 0;
	m = read_blocks(d, 0, sizeof(*m));
	if (!m)
		return -EIO;
	if (is_protective(m)) {
		err = read_gpt(d);
	} else if (is_table(m)) {
		for (u32 i = 0; i < 4; i++) {
			const struct mbr_entry *e = &m->entries[i];
			if (!e->sectors)
				continue;
			set_uuid(add(d, i + 1, e->start, is_extended(e->type) ? MIN(MAX(1024u / d->logical_size, 1u), e->sectors) : e->sectors), m->disk_id, i + 1);
			if (is_extended(e->type))
				read_logical(d, e->start, m->disk_id);
		}
	}
	kfree(m);
	return err;
}

int partitions_read_again(struct disk *d)
{
	bool mounted;
	int err;

	mutex_lock(&d->whole->open_mutex);
	mounted = d->whole->holder;
	mutex_unlock(&d->whole->open_mutex);
	if (mounted)
		return -EBUSY;
	mutex_lock(&parts_mutex);
	err = block_device_hide_parts(d);
	/* The table may have been written through /dev. */
	if (!err)
		err = block_device_flush_cache(d->whole);
	/* A table that is bad has no partitions. */
	if (!err)
		err = partitions_read(d);
	if (err == -ENOENT)
		err = 0;
	mutex_unlock(&parts_mutex);
	return err;
}
