/* Block groups: descriptors, their fields in two halves, their checksums, and where copies of the superblock lie. */
#include "ext4_priv.h"

#include "mm/pagetable.h"

static bool wide(const struct ext4_fs *fs)
{
	return fs->desc_size >= 64;
}

#define PAIR(fs, d, field, bits) ((u64)(d)->field##_lo | (wide(fs) ? (u64)(d)->field##_hi << (bits) : 0))

u64 desc_block_bitmap(const struct ext4_fs *fs, const struct ext4_desc *d) { return PAIR(fs, d, block_bitmap, 32); }
u64 desc_inode_bitmap(const struct ext4_fs *fs, const struct ext4_desc *d) { return PAIR(fs, d, inode_bitmap, 32); }
u64 desc_inode_table(const struct ext4_fs *fs, const struct ext4_desc *d) { return PAIR(fs, d, inode_table, 32); }
u32 desc_free_blocks(const struct ext4_fs *fs, const struct ext4_desc *d) { return (u32)PAIR(fs, d, free_blocks, 16); }
u32 desc_free_inodes(const struct ext4_fs *fs, const struct ext4_desc *d) { return (u32)PAIR(fs, d, free_inodes, 16); }
u32 desc_unused_inodes(const struct ext4_fs *fs, const struct ext4_desc *d) { return (u32)PAIR(fs, d, unused_inodes, 16); }

#define SET_PAIR(fs, d, field, n) \
	do { \
		(d)->field##_lo = (u16)(n); \
		if (wide(fs)) \
			(d)->field##_hi = (u16)((n) >> 16); \
	} while (0)

void desc_set_free_blocks(const struct ext4_fs *fs, struct ext4_desc *d, u32 n) { SET_PAIR(fs, d, free_blocks, n); }
void desc_set_free_inodes(const struct ext4_fs *fs, struct ext4_desc *d, u32 n) { SET_PAIR(fs, d, free_inodes, n); }
void desc_set_unused_inodes(const struct ext4_fs *fs, struct ext4_desc *d, u32 n) { SET_PAIR(fs, d, unused_inodes, n); }

void desc_add_dirs(const struct ext4_fs *fs, struct ext4_desc *d, int n)
{
	u32 dirs = (u32)PAIR(fs, d, used_dirs, 16) + (u32)n;

	SET_PAIR(fs, d, used_dirs, dirs);
}

u16 desc_checksum(const struct ext4_fs *fs, u32 group, const struct ext4_desc *d)
{
	u32 at = offsetof(struct ext4_desc, checksum), crc;
	u16 zero = 0, crc_16;

	if (fs->checksums) {
		crc = crc32c(fs->seed, &group, 4);
		crc = crc32c(crc, d, at);
		crc = crc32c(crc, &zero, 2);
		return (u16)crc32c(crc, (const char *)d + at + 2, fs->desc_size - at - 2);
	}
	crc_16 = crc16(0xffff, disk_super(fs)->uuid, 16);
	crc_16 = crc16(crc_16, &group, 4);
	crc_16 = crc16(crc_16, d, at);
	return wide(fs) ? crc16(crc_16, (const char *)d + at + 2, fs->desc_size - at - 2) : crc_16;
}

struct ext4_desc *ext4_desc(struct ext4_fs *fs, u32 group, struct buffer **b)
{
	struct buffer *at = fs->descs[group / fs->desc_per_block];

	if (b)
		*b = at;
	return (void *)(at->data + group % fs->desc_per_block * fs->desc_size);
}

static bool is_power(u32 n, u32 base)
{
	while (n % base == 0)
		n /= base;
	return n == 1;
}

bool group_has_super(const struct ext4_fs *fs, u32 group)
{
	const u32 *backups = (const u32 *)((const char *)disk_super(fs) + 0x24c);

	if (!group)
		return true;
	if (fs->compat & COMPAT_SPARSE_SUPER2)
		return group == backups[0] || group == backups[1];
	if (group == 1 || !(fs->ro_compat & RO_SPARSE_SUPER))
		return true;
	return is_power(group, 3) || is_power(group, 5) || is_power(group, 7);
}

u32 group_head_blocks(const struct ext4_fs *fs, u32 group)
{
	bool meta = fs->incompat & INCOMPAT_META_BG;
	u32 first_meta = disk_super(fs)->first_meta_bg, in = group % fs->desc_per_block;

	/* Behind first_meta a block of descriptors lies in the first, the second and the last of the groups that it describes. */
	if (meta && group / fs->desc_per_block >= first_meta)
		return group_has_super(fs, group) + (in == 0 || in == 1 || in == fs->desc_per_block - 1);
	return group_has_super(fs, group) ? 1 + (meta ? MIN(fs->desc_blocks, first_meta) : fs->desc_blocks) + disk_super(fs)->reserved_gdt_blocks : 0;
}

u64 group_first_block(const struct ext4_fs *fs, u32 group)
{
	return fs->first_data_block + (u64)group * fs->blocks_per_group;
}

u32 group_blocks(const struct ext4_fs *fs, u32 group)
{
	return (u32)MIN((u64)fs->blocks_per_group, fs->blocks - group_first_block(fs, group));
}

/* Where block number n of the descriptors lies: behind the superblock, or with meta_bg at the start of the groups that it describes. */
static u64 desc_block(struct ext4_fs *fs, u32 n)
{
	u32 group = n * fs->desc_per_block;

	if (!(fs->incompat & INCOMPAT_META_BG) || n < disk_super(fs)->first_meta_bg)
		return fs->super_block + 1 + n;
	/* Blocks are counted from 0 where they are given out in clusters, and small ones have the superblock not in the first. */
	return group_first_block(fs, group) + group_has_super(fs, group) + (!group && !fs->first_data_block ? fs->super_block : 0);
}

static int check_desc(struct ext4_fs *fs, u32 g)
{
	const struct ext4_desc *d = ext4_desc(fs, g, NULL);
	u64 table = DIV_ROUND_UP(fs->inodes_per_group, fs->inodes_per_block);

	if (fs->group_checksums && d->checksum != desc_checksum(fs, g, d)) {
		pr_err("EXT4-fs (%s): the descriptor of group %u has a wrong checksum\n", fs->dev->name, g);
		return -EUCLEAN;
	}
	if (!block_valid(fs, desc_block_bitmap(fs, d), 1) || !block_valid(fs, desc_inode_bitmap(fs, d), 1) || !block_valid(fs, desc_inode_table(fs, d), table) ||
	    desc_free_blocks(fs, d) > DIV_ROUND_UP(group_blocks(fs, g), 1u << fs->cluster_shift) || desc_free_inodes(fs, d) > fs->inodes_per_group || desc_unused_inodes(fs, d) > fs->inodes_per_group) {
		pr_err("EXT4-fs (%s): the descriptor of group %u makes no sense\n", fs->dev->name, g);
		return -EUCLEAN;
	}
	fs->free_blocks += (u64)desc_free_blocks(fs, d) << fs->cluster_shift;
	fs->free_inodes += desc_free_inodes(fs, d);
	return 0;
}

int groups_init(struct ext4_fs *fs)
{
	int err = 0;

	fs->desc_blocks = DIV_ROUND_UP(fs->groups, fs->desc_per_block);
	fs->descs = kmap_alloc(fs->desc_blocks * sizeof(*fs->descs), ALLOC_ZERO);
	fs->group = kmap_alloc(fs->groups * sizeof(*fs->group), ALLOC_ZERO);
	if (!fs->descs || !fs->group)
		return -ENOMEM;
	buffer_read_ahead(fs->dev, desc_block(fs, 0), MIN(fs->desc_blocks, 64u), fs->block_size);
	for (u32 n = 0; n < fs->desc_blocks; n++) {
		struct buffer *b = ext4_read(fs, desc_block(fs, n));
		if (IS_ERR(b))
			return (int)PTR_ERR(b);
		fs->descs[n] = b;
	}
	for (u32 g = 0; g < fs->groups && !err; g++)
		err = check_desc(fs, g);
	return err ? err : ext4_zones_init(fs);
}

void groups_destroy(struct ext4_fs *fs)
{
	for (u32 n = 0; fs->descs && n < fs->desc_blocks; n++)
		buffer_put(fs->descs[n]);
	for (u32 g = 0; fs->group && g < fs->groups; g++)
		kfree(fs->group[g].busy);
	ext4_zones_destroy(fs);
	kmap_free(fs->descs);
	kmap_free(fs->group);
	fs->descs = NULL;
	fs->group = NULL;
}
