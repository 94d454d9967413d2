/* Between the files of fs/ext4. */
#ifndef EXT4_PRIV_H
#define EXT4_PRIV_H

#include "block/buffer.h"
#include "block/cache_io.h"
#include "core/crc.h"
#include "core/err.h"
#include "core/printk.h"
#include "format.h"
#include "fs/jbd2/jbd2.h"
#include "lib/rbtree.h"
#include "lib/string.h"
#include "mm/slab.h"

/* Blocks that an operation changes at most, for the journal. */
enum {
	CREDITS_INODE = 2,                  /* an inode, the superblock */
	CREDITS_ALLOC = 6,                  /* bitmap, descriptor, superblock, and the same for the tree's own blocks */
	CREDITS_MAP = 2 * EXTENT_DEPTH_MAX + 4,
	CREDITS_NAME = 24,                  /* a name in a hashed directory: leaf, new leaf, index blocks, and their allocation */
	CREDITS_NEW_INODE = 8,
};

struct ext4_group {
	u64 *busy;          /* alloc_mutex: blocks that are free in the bitmap, and freed by a transaction that is not committed; NULL: none */
	u32 busy_count;
	bool bad;           /* alloc_mutex: its bitmap is damaged: nothing is allocated there */
};

/* Of mount. Flags that are not given, errors 0, and numbers that are not given are as the superblock says, or usual. */
enum {
	OPT_MINIX_DF = 1, OPT_GRPID = 2, OPT_BLOCK_VALIDITY = 4, OPT_DIOREAD_NOLOCK = 8, OPT_DELALLOC = 0x10, OPT_JOURNAL_CHECKSUM = 0x20,
	OPT_NO_LOAD = 0x40,                 /* the journal is neither replayed nor used */
	OPT_BARRIER = 0x80, OPT_AUTO_DA_ALLOC = 0x100, OPT_INIT_ITABLE = 0x200, OPT_MBCACHE = 0x400, OPT_PREFETCH = 0x800,
};
enum { OPT_SB, OPT_RESUID, OPT_RESGID, OPT_COMMIT, OPT_MIN_BATCH, OPT_MAX_BATCH, OPT_STRIPE, OPT_READAHEAD, OPT_NUMBERS };
enum { DATA_ORDERED = 1, DATA_WRITEBACK };
struct ext4_options {
	u32 flags, given;           /* OPT_… bits, and which of them were given */
	u32 number[OPT_NUMBERS], numbers_given;
	u8 data, errors;            /* DATA_…, ERRORS_… */
};

struct ext4_fs {
	struct superblock *sb;
	struct block_device *dev;
	struct journal *journal;  /* NULL: none */
	u32 block_size, block_shift;
	u32 cluster_shift;        /* blocks to a cluster, by which free ones are counted on the disk: not 0 only where nobody writes */
	u64 super_block;          /* the one with the superblock in it */
	u32 desc_size, desc_per_block, inode_size, inodes_per_block;
	u32 blocks_per_group, inodes_per_group, groups, first_data_block, first_ino, inodes;
	u64 blocks;
	u32 compat, incompat, ro_compat;
	u32 seed;                 /* of metadata checksums */
	u32 hash_seed[4];
	u8 hash_version;
	bool hash_unsigned, checksums, group_checksums;
	struct ext4_options opt;
	u32 errors;               /* atomic: something was found to be wrong */
	bool in_use;              /* marked so on the disk */
	bool recovering;          /* a remount is cleaning up */
	u64 journal_size;         /* blocks, for statfs */
	struct buffer *super_buffer;
	u32 super_offset;         /* in it */
	struct buffer **descs;    /* the blocks of group descriptors */
	u32 desc_blocks;
	struct ext4_group *group; /* by number */
	struct rbtree zones;      /* where its own blocks are; not changed after mounting */
	u64 free_blocks, free_inodes; /* alloc_mutex; read without */
	u64 reserved_blocks;      /* for root */
	u64 kept_blocks;          /* beside these: for nodes that an operation on what is allocated already needs, which must not fail */
	u64 max_mapped_size;      /* bytes: of a file with a block map, which it may have where others have extents */
	struct mutex alloc_mutex; /* bitmaps, descriptors, counts */
	struct list freed;        /* alloc_mutex: blocks that wait for their transaction's commit */
	struct mutex orphan_mutex;
	struct list orphans;      /* orphan_mutex: newest first, as on the disk */
	struct spinlock dirty_lock;
	struct list dirty;        /* dirty_lock: inodes that are held */
	u32 generation;
};

/* What an inode has beside the VFS's part. Fields without a word are guarded by the inode's lock or, for maps, by map_lock. */
struct ext4_inode {
	struct inode *inode;
	u32 flags, generation, file_acl_blocks;
	u64 file_acl, disk_size;
	u32 seed;                 /* of checksums */
	u16 extra_isize;
	u32 data[15];             /* map_lock: extents' root, block numbers, or the text of a short link */
	struct rwlock map_lock;
	bool may_take_kept;       /* map_lock: what is allocated now are such nodes */
	u64 goal;                 /* map_lock: where the next block might go */
	struct ext4_last { u32 block, length; u64 start; bool unwritten; } last; /* an extent that was found; length 0: none. Changed under last_lock */
	u32 last_version;         /* atomic; odd while it changes, for readers, who take no lock */
	struct spinlock last_lock;
	struct spinlock record_lock; /* while the record on the disk is written: a rename, a page fault and sync do so beside whoever has the inode's lock */
	struct journal_inode journal;
	u32 sync_tid, data_tid;   /* the transactions that changed it last: at all; what fdatasync wants */
	bool times_dirty;         /* its times are newer than the disk's */
	bool held;                /* dirty_lock: counted by the list of dirty inodes */
	bool is_new;              /* being read: the hash's lock */
	bool on_orphan_list;      /* orphan_mutex */
	struct list orphan, dirty_link;
	u32 dir_start;            /* where a search for room begins */
	u64 dir_changes;          /* how often its names changed: who remembers some looks whether they are still those */
	char *link_text;
};

struct ext4_map {
	u64 block;     /* 0: a hole */
	u32 length;    /* blocks from the one that was asked for */
	bool unwritten;
};

static inline struct ext4_fs *ext4_fs(const struct superblock *sb) { return sb->private; }
static inline struct ext4_inode *ext4_i(const struct inode *i) { return i->private; }
static inline struct ext4_fs *fs_of(const struct inode *i) { return i->sb->private; }
static inline struct ext4_disk_super *disk_super(const struct ext4_fs *fs) { return (void *)(fs->super_buffer->data + fs->super_offset); }
static inline bool has_extents(const struct inode *i) { return ext4_i(i)->flags & FL_EXTENTS; }
/* How large it may become, in bytes. */
static inline u64 ext4_max_size(const struct inode *i) { return has_extents(i) ? i->sb->max_file_size : fs_of(i)->max_mapped_size; }

/* super.c: something on the disk is wrong: told, noted in the superblock, read-only from now on as errors= says. Returns -EUCLEAN. */
int ext4_error(struct ext4_fs *fs, const char *fmt, ...) __printf_like(2, 3);
struct journal_handle *ext4_start(struct ext4_fs *fs, u32 credits); /* ERR_PTR(-EROFS …) */
void ext4_super_update(struct journal_handle *h, struct ext4_fs *fs); /* its counts, journaled; journal_access was asked for */
int ext4_mark_super(struct ext4_fs *fs, bool in_use); /* says so in the superblock on the disk, at once */
int ext4_start_writing(struct ext4_fs *fs); /* marks it as in use and begins the journal; nothing to do if that was done. -EROFS: it must not be written */
/* Is [block, block + n) inside the file system? */
static inline bool block_valid(const struct ext4_fs *fs, u64 block, u64 n)
{
	return block > fs->first_data_block && block < fs->blocks && n <= fs->blocks - block;
}
struct buffer *ext4_read(struct ext4_fs *fs, u64 block); /* ERR_PTR */
struct buffer *ext4_read_vital(struct ext4_fs *fs, u64 block, const char *what, u64 whose); /* one without which nothing can be changed: -EIO is an ext4_error */
/* As what a buffer was checked. On a damaged disk a block may be led to as several things, and what makes sense as one does not as another. */
enum { CHECKED_ENTRIES = 1, CHECKED_INDEX, CHECKED_NODE, CHECKED_BLOCK_MAP, CHECKED_INODE_MAP };
static inline bool is_checked(const struct buffer *b, u32 as) { return atomic_load(&b->checked) == as; }
static inline void set_checked(struct buffer *b, u32 as) { atomic_store(&b->checked, as); }

/* super_ops.c */
extern const struct super_ops ext4_super_ops;

/* options.c */
void ext4_options_init(struct ext4_options *o); /* what holds before any is given */
int ext4_options_parse(struct ext4_fs *fs, const char *text); /* of mount and remount, into fs: all or none; -EINVAL: one is not known, or not supported */
/* What holds, with the superblock's words (which is read by then) where nothing is given. */
u32 ext4_options_flags(const struct ext4_fs *fs);
u8 ext4_options_errors(const struct ext4_fs *fs);
u32 ext4_options_number(const struct ext4_fs *fs, u32 which);
int ext4_options_without_journal(const struct ext4_fs *fs); /* -EINVAL: one was given that speaks of a journal */
void ext4_options_apply(struct ext4_fs *fs); /* to the journal, which may not be open */
void ext4_options_show(const struct ext4_fs *fs, struct seq *s);

/* group.c */
struct ext4_desc *ext4_desc(struct ext4_fs *fs, u32 group, struct buffer **b); /* b may be NULL */
u64 desc_block_bitmap(const struct ext4_fs *fs, const struct ext4_desc *d);
u64 desc_inode_bitmap(const struct ext4_fs *fs, const struct ext4_desc *d);
u64 desc_inode_table(const struct ext4_fs *fs, const struct ext4_desc *d);
u32 desc_free_blocks(const struct ext4_fs *fs, const struct ext4_desc *d);
u32 desc_free_inodes(const struct ext4_fs *fs, const struct ext4_desc *d);
u32 desc_unused_inodes(const struct ext4_fs *fs, const struct ext4_desc *d);
void desc_set_free_blocks(const struct ext4_fs *fs, struct ext4_desc *d, u32 n);
void desc_set_free_inodes(const struct ext4_fs *fs, struct ext4_desc *d, u32 n);
void desc_set_unused_inodes(const struct ext4_fs *fs, struct ext4_desc *d, u32 n);
void desc_add_dirs(const struct ext4_fs *fs, struct ext4_desc *d, int n);
u16 desc_checksum(const struct ext4_fs *fs, u32 group, const struct ext4_desc *d);
bool group_has_super(const struct ext4_fs *fs, u32 group);
u32 group_head_blocks(const struct ext4_fs *fs, u32 group); /* copies of the superblock and of descriptors at its front, with room for more of these */
u32 group_blocks(const struct ext4_fs *fs, u32 group);
u64 group_first_block(const struct ext4_fs *fs, u32 group);
int groups_init(struct ext4_fs *fs); /* reads and checks all descriptors */
void groups_destroy(struct ext4_fs *fs);

/* zones.c */
int ext4_zones_init(struct ext4_fs *fs); /* what the descriptors, which are read, say: 0, -ENOMEM */
void ext4_zones_destroy(struct ext4_fs *fs);
/* Blocks [start, start + count) are inode ino's, and no other's: 0, -ENOMEM, -EUCLEAN: they are taken. Only while mounting. */
int ext4_zones_add(struct ext4_fs *fs, u64 start, u64 count, u32 ino);
/* May inode ino have [block, block + count): are they inside the file system, and not its own? Any context. */
bool ext4_blocks_usable(struct ext4_fs *fs, u64 ino, u64 block, u64 count);

/* bitmap.c */
bool bitmap_test(const u8 *m, u32 i);
void bitmap_fill(u8 *m, u32 i, u32 count, bool value);
u32 bitmap_checksum(const struct ext4_fs *fs, const struct buffer *b, u32 bits);
/* The same after bits [bit, bit + count), and no others, were turned over, from what it was before: `old`. */
u32 bitmap_checksum_turned(const struct ext4_fs *fs, const struct buffer *b, u32 bits, u32 old, u32 bit, u32 count);

/* balloc.c. 1 <= *count blocks near goal: the first, 0 with *err set. At least one; *count says how many. */
u64 ext4_alloc_blocks(struct journal_handle *h, struct inode *i, u64 goal, u32 *count, int *err);
int ext4_free_blocks(struct journal_handle *h, struct inode *i, u64 block, u32 count, bool metadata);
void ext4_blocks_committed(void *fs, u32 tid);
/* There was no space: true if a commit has made some since, and it is worth another try. No handle is open. */
bool ext4_wait_for_space(struct ext4_fs *fs, int *tries);
/* Discards the free runs of at least `least` blocks in [from, end) of a group; *done counts the blocks. */
int ext4_trim_group(struct ext4_fs *fs, u32 group, u32 from, u32 end, u32 least, u64 *done);
struct buffer *ext4_block_bitmap(struct ext4_fs *fs, u32 group); /* alloc_mutex held; ERR_PTR */
int ext4_block_bitmap_init(struct journal_handle *h, struct ext4_fs *fs, u32 group); /* makes one that was left unwritten by mkfs; alloc_mutex held */

/*
 * search.c (the student's): a run of free blocks in a group, of `want` blocks if there is one, at or after block `from` of it, else the longest: how many there are
 * at *start, `want` at most; 0: none is free. A block is free whose bit is 0 in both maps (busy may be NULL); size: blocks of the group. alloc_mutex held.
 */
u32 ext4_find_run(const u8 *map, const u64 *busy, u32 from, u32 size, u32 want, u32 *start);
u32 ext4_next_bit(const u8 *map, const u64 *busy, u32 i, u32 size, bool used); /* search.c too: the first block at or after i that is used, or is not; size if none */

/* ialloc.c */
int ext4_alloc_inode(struct journal_handle *h, struct inode *dir, u32 mode, u32 *ino);
int ext4_free_inode(struct journal_handle *h, struct ext4_fs *fs, u32 ino, u32 mode);
int ext4_new_inode_block(struct ext4_fs *fs, u32 ino, struct buffer **b, u32 *offset); /* ext4_inode_block for one just allocated: not read if no other of the block is in use */

/* inode.c */
int ext4_inode_block(struct ext4_fs *fs, u32 ino, struct buffer **b, u32 *offset, bool fresh); /* the buffer of its record, and where it is in it; fresh: not read */
int ext4_inode_parse(struct ext4_fs *fs, struct inode *i, const u8 *raw); /* fills the inode from its record: 0, -ESTALE for one that is free, -EUCLEAN */
void ext4_inode_unparse(struct ext4_fs *fs, struct inode *i, u8 *raw); /* the inode into its record */
int ext4_update_inode(struct journal_handle *h, struct inode *i); /* memory -> its block, journaled */
void ext4_inode_seed(const struct ext4_fs *fs, struct ext4_inode *ei, u32 ino); /* of its checksums; its generation is known */
void ext4_inode_set_up(struct inode *i); /* operations and the VFS's flags, which follow from its mode and flags */
void ext4_flags_from_vfs(struct inode *i); /* the VFS's flags were changed */

/* icache.c */
struct inode *ext4_iget(struct superblock *sb, u32 ino); /* ERR_PTR(-EUCLEAN, -ESTALE: it is free, …) */
struct inode *ext4_iget_orphan(struct superblock *sb, u32 ino); /* one without a name is no error */
struct inode *ext4_new_inode(struct journal_handle *h, struct inode *dir, u32 mode, u64 rdev); /* ERR_PTR */
void ext4_evict(struct inode *i);
void ext4_touched(struct inode *i);
void ext4_hold(struct inode *i);
void ext4_drop_hold(struct inode *i);
int ext4_write_inode(struct inode *i, bool wait);
int ext4_inodes_init(void);

/* orphan.c */
void ext4_orphan_add(struct journal_handle *h, struct inode *i);
void ext4_orphan_del(struct journal_handle *h, struct inode *i);
void ext4_orphans_clean(struct ext4_fs *fs);

/* extents.c, extents_inplace.c, indirect.c; map.c chooses. map_lock is theirs. */
int ext4_map_blocks(struct inode *i, u32 block, u32 max, struct ext4_map *m);
/* Blocks for [block, block + max), as many as come in one piece: mapped ones that are there count too. `unwritten`: they read as zeroes until they are written. */
int ext4_map_create(struct journal_handle *h, struct inode *i, u32 block, u32 max, bool unwritten, struct ext4_map *m);
/* Frees [first, end) of the map; may restart the handle, the inode being on the orphan list then. */
int ext4_map_remove(struct journal_handle *h, struct inode *i, u32 first, u32 end);
/* What is mapped at `block` reads as zeroes from then on: m->length says how much of it was done, at least one. The handle has room. */
int ext4_map_unwritten(struct journal_handle *h, struct inode *i, u32 block, u32 max, struct ext4_map *m);
/* All of the map from `first` on moves by `by` blocks, to the front (where there is room) or to the back; may restart the handle. */
int ext4_map_shift(struct journal_handle *h, struct inode *i, u32 first, u32 by, bool front);
int extent_shift(struct journal_handle *h, struct inode *i, u32 first, u32 by, bool front);
int extent_find(struct inode *i, u32 block, struct ext4_map *m);
int extent_insert(struct journal_handle *h, struct inode *i, u32 block, u64 start, u32 length, bool unwritten);
int extent_remove(struct journal_handle *h, struct inode *i, u32 first, u32 end);
int extent_mark(struct journal_handle *h, struct inode *i, u32 block, u32 count, bool unwritten); /* a piece of one extent */
void extent_root_init(struct ext4_inode *ei);
int indirect_find(struct inode *i, u32 block, u32 max, struct ext4_map *m);
int indirect_set(struct journal_handle *h, struct inode *i, u32 block, u64 start, u32 count);
int indirect_remove(struct journal_handle *h, struct inode *i, u32 first, u32 end);

/* file.c */
extern const struct pagecache_ops ext4_cache_ops;
extern const struct file_ops ext4_file_ops, ext4_dir_file_ops;
extern const struct inode_ops ext4_file_inode_ops, ext4_dir_inode_ops, ext4_link_inode_ops, ext4_special_inode_ops;
int ext4_truncate(struct inode *i, u64 size); /* inode locked, or nobody's */
void ext4_write_before_cut(struct inode *i, u64 size); /* with a handle */
int ext4_setattr(struct inode *i, const struct iattr *a);
bool ext4_flags_forbid_write(const struct inode *i); /* immutable, or append-only with set-id bits that a write would have to clear */
int ext4_getattr(struct inode *i, struct kstat *st);
int ext4_fsync(struct file *f, s64 start, s64 end, bool data_only);
long ext4_ioctl(struct file *f, u32 cmd, u64 arg);
int ext4_fallocate(struct file *f, int mode, s64 off, s64 len); /* falloc.c */
/* holes.c */
s64 ext4_lseek(struct file *f, s64 off, int whence);
long ext4_fiemap(struct inode *i, void __user *arg);
long ext4_trim(struct ext4_fs *fs, void __user *arg);

/* dir.c: names in blocks. The directory's lock is held. */
struct ext4_slot {
	struct buffer *b;
	u32 offset;           /* of the entry in its block */
	u32 previous;         /* of the one before it; equal to offset: it is the first */
};
struct buffer *ext4_dir_block(struct inode *dir, u32 block); /* checked; ERR_PTR; NULL: a hole */
int ext4_dir_find(struct inode *dir, const char *name, u32 len, struct ext4_slot *s); /* 0, -ENOENT, -errno */
int ext4_dir_add(struct journal_handle *h, struct inode *dir, const char *name, u32 len, struct inode *i);
int ext4_dir_remove(struct journal_handle *h, struct inode *dir, struct ext4_slot *s);
int ext4_dir_set(struct journal_handle *h, struct inode *dir, struct ext4_slot *s, struct inode *i); /* the entry leads to i from now on */
int ext4_dir_empty(struct inode *dir); /* 1, 0, -errno */
int ext4_dir_init(struct journal_handle *h, struct inode *dir, u32 parent);
int ext4_dir_set_parent(struct journal_handle *h, struct inode *dir, u32 parent);
/* Pieces of it, for htree.c and readdir.c. */
u32 dir_blocks(const struct inode *dir);
/* Calls fn for each entry with a name from `at` on, until it says no: where it stopped; dir_block_end: it did not. */
u32 dir_each_entry(struct inode *dir, struct buffer *b, u32 at, bool (*fn)(const struct ext4_dirent *e, u32 at, void *arg), void *arg);
static inline bool dirent_is_dots(const struct ext4_dirent *e) { return e->name[0] == '.' && (e->name_len == 1 || (e->name_len == 2 && e->name[1] == '.')); }
int dir_block_find(struct inode *dir, struct buffer *b, const char *name, u32 len, struct ext4_slot *s);
int dir_block_add(struct journal_handle *h, struct inode *dir, struct buffer *b, const char *name, u32 len, u32 ino, u32 mode); /* -ENOSPC: no room */
int dir_block_append(struct journal_handle *h, struct inode *dir, u32 *block, struct buffer **b);
void dir_block_checksum(struct inode *dir, struct buffer *b);
void dir_put_entry(struct inode *dir, struct ext4_dirent *e, u32 length, const char *name, u32 len, u32 ino, u32 mode);
u32 dir_block_end(const struct inode *dir); /* bytes of entries in a block */

/* readdir.c */
int ext4_readdir(struct file *f, struct dir_context *c);
s64 ext4_dir_lseek(struct file *f, s64 off, int whence);
void ext4_dir_release(struct file *f);

/* htree.c */
bool dir_is_indexed(const struct inode *dir);
int htree_find(struct inode *dir, const char *name, u32 len, struct ext4_slot *s);
int htree_add(struct journal_handle *h, struct inode *dir, const char *name, u32 len, u32 ino, u32 mode);
int htree_make(struct journal_handle *h, struct inode *dir); /* a directory of one full block becomes indexed */
/*
 * Calls fn for the leaves in the order of their hashes, from the first on that may have names of `hash` (its lowest bit is 0), until it says no. The keys are in
 * order, or -EUCLEAN.
 */
struct htree_leaf {
	struct inode *dir;
	struct buffer *b;
	u32 first, end; /* its own key, 0 for the first leaf; the next one's, HASH_END: there is none. A key with its lowest bit set: names of that hash are on both sides */
	u8 version;     /* of the hashes, for ext4_hash */
};
#define HASH_END UINT32_MAX
int htree_each_leaf(struct inode *dir, u32 hash, bool (*fn)(const struct htree_leaf *l, void *arg), void *arg);
void dx_checksum(struct inode *dir, struct buffer *b);
bool dx_checksum_ok(struct inode *dir, struct buffer *b);
/* hash.c: the hash of a name, whose lowest bit is 0; *minor: 32 bits more, 0 if the version has none. */
u32 ext4_hash(const struct ext4_fs *fs, u8 version, const char *name, u32 len, u32 *minor);
u8 ext4_hash_version(const struct ext4_fs *fs, u8 version); /* htree.c: the version on the disk, with the signs that this file system counts by */

int ext4_link_set(struct journal_handle *h, struct inode *i, const char *target); /* namei.c */

/* xattr.c */
ssize_t ext4_getxattr(struct inode *i, const char *name, void *buf, size_t size);
ssize_t ext4_listxattr(struct inode *i, char *buf, size_t size);
int ext4_setxattr(struct inode *i, const char *name, const void *value, size_t size, int flags);
int ext4_removexattr(struct inode *i, const char *name);
/* Where on the device they are, in bytes: those in the inode if there are any, and else those in the block; *length 0: there are none. 0 or -errno. */
int ext4_xattr_place(struct inode *i, u64 *place, u64 *length, bool *in_inode);
int ext4_xattr_free(struct journal_handle *h, struct inode *i); /* the inode goes */

#endif
