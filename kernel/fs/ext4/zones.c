/*
 * System zones: where the file system's own blocks are, which no file may have for its own. The counterpart of Linux's block_validity.c.
 *
 * On a damaged disk an extent may lead to a table of inodes, a bitmap, a copy of the superblock or into the journal. Data written there would destroy what is still whole,
 * so that such blocks are refused before they are read, written, freed or given out.
 *
 *     [ superblock, descriptors ][ bitmaps, inodes of these groups ] . . . . [ journal: inode 8 ] . . . .
 *
 * Neighbours are one zone, and with flex_bg what sixteen groups have lies together: there are few zones, and they are found by a tree. Invariant: zones do not overlap.
 * The tree is made while mounting and not changed after that, so that nobody who looks takes a lock.
 */
#include "ext4_priv.h"

struct zone {
	struct rbnode node;
	u64 start, end; /* blocks, without the end */
	u32 ino;        /* whose they are: 0 for nobody's */
};

/* The zone that has something of [start, end), or, of the same inode, borders on it; NULL: none, and one belongs at *link below *parent. */
static struct zone *find(struct rbtree *t, u64 start, u64 end, u32 ino, struct rbnode **parent, struct rbnode ***link)
{
	*parent = NULL;
	*link = &t->root;
	while (**link) {
		struct zone *z = container_of(**link, struct zone, node);
		u64 border = z->ino == ino;

		*parent = **link;
		if (end + border <= z->start)
			*link = &(*parent)->left;
		else if (start >= z->end + border)
			*link = &(*parent)->right;
		else
			return z;
	}
	return NULL;
}

int ext4_zones_add(struct ext4_fs *fs, u64 start, u64 count, u32 ino)
{
	struct rbnode *parent, **link;
	u64 end = start + count;
	struct zone *z, *fresh = kmalloc(sizeof(*fresh), 0);

	if (!fresh)
		return -ENOMEM;
	while ((z = find(&fs->zones, start, end, ino, &parent, &link))) {
		if (z->ino != ino) {
			kfree(fresh);
			return ext4_error(fs, "inode %u has blocks %lu+%lu, which are the file system's own", ino ? ino : z->ino, start, count);
		}
		start = MIN(start, z->start);
		end = MAX(end, z->end);
		rb_erase(&fs->zones, &z->node);
		kfree(z);
	}
	*fresh = (struct zone){ .start = start, .end = end, .ino = ino };
	rb_insert(&fs->zones, &fresh->node, parent, link);
	return 0;
}

int ext4_zones_init(struct ext4_fs *fs)
{
	u64 table = DIV_ROUND_UP(fs->inodes_per_group, fs->inodes_per_block);
	int err = 0;

	for (u32 g = 0; g < fs->groups && !err; g++) {
		const struct ext4_desc *d = ext4_desc(fs, g, NULL);
		u32 head = MIN(group_head_blocks(fs, g), group_blocks(fs, g));

		if (head)
			err = ext4_zones_add(fs, group_first_block(fs, g), head, 0);
		if (!err)
			err = ext4_zones_add(fs, desc_block_bitmap(fs, d), 1, 0);
		if (!err)
			err = ext4_zones_add(fs, desc_inode_bitmap(fs, d), 1, 0);
		if (!err)
			err = ext4_zones_add(fs, desc_inode_table(fs, d), table, 0);
	}
	return err;
}

void ext4_zones_destroy(struct ext4_fs *fs)
{
	struct rbnode *n;

	while ((n = rb_first(&fs->zones))) {
		rb_erase(&fs->zones, n);
		kfree(container_of(n, struct zone, node));
	}
}

bool ext4_blocks_usable(struct ext4_fs *fs, u64 ino, u64 block, u64 count)
{
	struct rbnode *parent, **link;
	const struct zone *z;

	if (!block_valid(fs, block, count))
		return false;
	if (!(ext4_options_flags(fs) & OPT_BLOCK_VALIDITY))
		return true;
	/* No inode has this number: what only borders is not found. */
	z = find(&fs->zones, block, block + count, UINT32_MAX, &parent, &link);
	return !z || (z->ino == ino && block >= z->start && block + count <= z->end);
}
