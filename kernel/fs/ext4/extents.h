/* Of the extent tree, between extents.c and extents_inplace.c: the way down to a leaf, and how what is on it is changed. All with map_lock held. */
#ifndef EXT4_EXTENTS_H
#define EXT4_EXTENTS_H

#include "ext4_priv.h"

struct level {
	struct buffer *b;                /* NULL for the root */
	struct ext4_extent_header *h;
	int at;                          /* the entry that leads on, or the extent; -1: all are after the block that is looked for */
};
struct tree_path {
	int depth;                       /* of the root; levels[depth] is the leaf */
	struct level levels[EXTENT_DEPTH_MAX + 1];
};

static inline struct ext4_extent *extents(const struct ext4_extent_header *h) { return (void *)(h + 1); }
static inline struct ext4_extent_index *indices(const struct ext4_extent_header *h) { return (void *)(h + 1); }
static inline u64 extent_start(const struct ext4_extent *e) { return e->start_lo | (u64)e->start_hi << 32; }
static inline u64 index_leaf(const struct ext4_extent_index *x) { return x->leaf_lo | (u64)x->leaf_hi << 32; }
static inline bool is_unwritten(const struct ext4_extent *e) { return e->length > EXTENT_INIT_MAX; }
static inline u32 extent_length(const struct ext4_extent *e) { return is_unwritten(e) ? e->length - EXTENT_INIT_MAX : e->length; }
static inline struct ext4_extent_header *root_of(struct ext4_inode *ei) { return (void *)ei->data; }

static inline void extent_set(struct ext4_extent *e, u32 block, u64 start, u32 length, bool unwritten)
{
	*e = (struct ext4_extent){ .block = block, .length = (u16)(length + (unwritten ? EXTENT_INIT_MAX : 0)), .start_lo = (u32)start, .start_hi = (u16)(start >> 32) };
}

/*
 * The way to the entry that has a block, or to the last one before it. Fills *p, whose buffers extent_path_put gives back; on an error there are none. 0,
 * -EUCLEAN for a tree that is damaged, -EIO.
 */
int extent_walk(struct inode *i, u32 block, struct tree_path *p);
void extent_path_put(struct tree_path *p);
u64 extent_next_key(const struct tree_path *p); /* the key of the first entry after the path's place; 2^32 if there is none */

/* Around each change of a node: before it, which may fail, and after. The root is in the inode, which the caller writes. */
int extent_node_access(struct journal_handle *h, struct level *l);
void extent_node_changed(struct journal_handle *h, struct inode *i, struct level *l);
void extent_make_gap(struct ext4_extent_header *h, int at); /* for one more entry at `at`; the node has room */
bool extent_joins(const struct ext4_extent *a, const struct ext4_extent *b); /* may b, which comes next, be part of a? */
/* Room for more entries in the leaf; then the way is to be walked again. -ENOSPC: nothing has changed. */
int extent_make_room(struct journal_handle *h, struct inode *i, struct tree_path *p);
int extent_fix_keys(struct journal_handle *h, struct inode *i, struct tree_path *p); /* the first key of the leaf has changed */
int extent_more_credits(struct journal_handle *h, struct inode *i); /* room in the handle for one more change; map_lock may be let go meanwhile */

#endif
