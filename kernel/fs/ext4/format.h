/* ext4 on the disk, little-endian (Linux, Documentation/filesystems/ext4). */
#ifndef EXT4_FORMAT_H
#define EXT4_FORMAT_H

#include "core/compiler.h"

#define EXT4_MAGIC 0xef53
#define EXT4_ROOT_INO 2
#define EXT4_JOURNAL_INO 8
#define EXT4_LINK_MAX 65000
#define EXT4_NAME_LEN 255

enum {
	COMPAT_HAS_JOURNAL = 4, COMPAT_EXT_ATTR = 8, COMPAT_RESIZE_INODE = 0x10, COMPAT_DIR_INDEX = 0x20, COMPAT_SPARSE_SUPER2 = 0x200,

	INCOMPAT_FILETYPE = 2, INCOMPAT_RECOVER = 4, INCOMPAT_META_BG = 0x10, INCOMPAT_EXTENTS = 0x40, INCOMPAT_64BIT = 0x80, INCOMPAT_FLEX_BG = 0x200,
	INCOMPAT_CSUM_SEED = 0x2000,

	RO_SPARSE_SUPER = 1, RO_LARGE_FILE = 2, RO_HUGE_FILE = 8, RO_GDT_CSUM = 0x10, RO_DIR_NLINK = 0x20, RO_EXTRA_ISIZE = 0x40, RO_BIGALLOC = 0x200, RO_METADATA_CSUM = 0x400,
};

struct ext4_disk_super {
	u32 inodes, blocks_lo, reserved_lo, free_blocks_lo, free_inodes, first_data_block, log_block_size, log_cluster_size, blocks_per_group, clusters_per_group,
		inodes_per_group, mount_time, write_time;
	u16 mounts, max_mounts, magic, state, errors, minor_revision;
	u32 last_check, check_interval, creator_os, revision;
	u16 reserved_uid, reserved_gid;
	u32 first_ino;
	u16 inode_size, block_group;
	u32 compat, incompat, ro_compat;
	u8 uuid[16];
	char label[16], last_mounted[64];
	u32 algorithm;
	u8 prealloc, prealloc_dir;
	u16 reserved_gdt_blocks;
	u8 journal_uuid[16];
	u32 journal_ino, journal_dev, last_orphan, hash_seed[4];
	u8 hash_version, journal_backup_type;
	u16 desc_size;
	u32 default_mount_options, first_meta_bg, mkfs_time, journal_blocks[17], blocks_hi, reserved_hi, free_blocks_hi;
	u16 min_extra_isize, want_extra_isize;
	u32 flags;
	u16 raid_stride, mmp_interval;
	u64 mmp_block;
	u32 raid_width;
	u8 log_groups_per_flex, checksum_type;
	u16 reserved_pad;
	u64 kbytes_written;
	u32 snapshot[4], snapshot_list, error_count, first_error[5], first_error_more[8], last_error[4];
	u8 rest[0x3fc - 0x1dc];
	u32 checksum;
} __packed;
_Static_assert(offsetof(struct ext4_disk_super, magic) == 0x38, "ext4");
_Static_assert(offsetof(struct ext4_disk_super, hash_seed) == 0xec, "ext4");
_Static_assert(offsetof(struct ext4_disk_super, blocks_hi) == 0x150, "ext4");
_Static_assert(offsetof(struct ext4_disk_super, kbytes_written) == 0x178, "ext4");
_Static_assert(sizeof(struct ext4_disk_super) == 1024, "ext4");
/* Offsets in the superblock of what lies in `rest`. */
#define EXT4_SUPER_OVERHEAD_CLUSTERS 0x248
#define EXT4_SUPER_CHECKSUM_SEED 0x270
#define EXT4_LOG_CLUSTER_MAX 20 /* beyond 1 KiB: 1 GiB */
enum { SUPER_CLEAN = 1, SUPER_ERROR = 2 };
enum { ERRORS_CONTINUE = 1, ERRORS_READ_ONLY, ERRORS_PANIC };
/* default_mount_options */
enum { SUPER_DEFAULT_GRPID = 2, SUPER_DEFAULT_NO_BARRIER = 0x100, SUPER_DEFAULT_NO_DELALLOC = 0x800 };
enum { FLAG_SIGNED_HASH = 1, FLAG_UNSIGNED_HASH = 2 };

struct ext4_desc {
	u32 block_bitmap_lo, inode_bitmap_lo, inode_table_lo;
	u16 free_blocks_lo, free_inodes_lo, used_dirs_lo, flags;
	u32 exclude_lo;
	u16 block_csum_lo, inode_csum_lo, unused_inodes_lo, checksum;
	/* with desc_size 64: */
	u32 block_bitmap_hi, inode_bitmap_hi, inode_table_hi;
	u16 free_blocks_hi, free_inodes_hi, used_dirs_hi, unused_inodes_hi;
	u32 exclude_hi;
	u16 block_csum_hi, inode_csum_hi;
	u32 reserved;
} __packed;
_Static_assert(sizeof(struct ext4_desc) == 64, "ext4");
enum { BG_INODE_UNINIT = 1, BG_BLOCK_UNINIT = 2, BG_INODE_ZEROED = 4 };

struct ext4_disk_inode {
	u16 mode, uid;
	u32 size_lo, atime, ctime, mtime, dtime;
	u16 gid, links;
	u32 blocks_lo, flags, version, block[15], generation, file_acl_lo, size_hi, fragment;
	u16 blocks_hi, file_acl_hi, uid_hi, gid_hi, checksum_lo, reserved;
	/* past 128 bytes, as far as extra_isize says: */
	u16 extra_isize, checksum_hi;
	u32 ctime_extra, mtime_extra, atime_extra, crtime, crtime_extra, version_hi, project;
} __packed;
_Static_assert(offsetof(struct ext4_disk_inode, checksum_lo) == 0x7c, "ext4");
_Static_assert(sizeof(struct ext4_disk_inode) == 160, "ext4");
#define EXT4_GOOD_INODE_SIZE 128u
enum {
	FL_SYNC = 8, FL_IMMUTABLE = 0x10, FL_APPEND = 0x20, FL_NODUMP = 0x40, FL_NOATIME = 0x80, FL_INDEX = 0x1000, FL_HUGE_FILE = 0x40000, FL_EXTENTS = 0x80000,
	FL_EA_INODE = 0x200000, FL_INLINE_DATA = 0x10000000, FL_INHERIT = FL_SYNC | FL_NODUMP | FL_NOATIME,
	/* What programs see; of that, what they may set; and of that, what is supported. */
	FL_VISIBLE = 0x721bdfff, FL_MODIFIABLE = 0x620bc0ff, FL_CHANGEABLE = FL_IMMUTABLE | FL_APPEND | FL_NODUMP | FL_NOATIME,
};

struct ext4_extent_header {
	u16 magic, entries, max, depth;
	u32 generation;
} __packed;
#define EXTENT_MAGIC 0xf30a
struct ext4_extent {
	u32 block;
	u16 length, start_hi;
	u32 start_lo;
} __packed;
struct ext4_extent_index {
	u32 block, leaf_lo;
	u16 leaf_hi, unused;
} __packed;
_Static_assert(sizeof(struct ext4_extent_header) == 12 && sizeof(struct ext4_extent) == 12 && sizeof(struct ext4_extent_index) == 12, "ext4");
#define EXTENT_INIT_MAX 32768u /* a length above it: unwritten, and that much less */
#define EXTENT_DEPTH_MAX 5

struct ext4_dirent {
	u32 inode;
	u16 length;
	u8 name_len, type;
	char name[];
} __packed;
#define DIRENT_LEN(n) ALIGN_UP(8u + (n), 4u)
struct ext4_dir_tail {
	u32 zero;
	u16 length;
	u8 zero_len, type; /* 12, 0, 0xde */
	u32 checksum;
} __packed;

struct ext4_dx_entry {
	u32 hash, block;
} __packed;
struct ext4_dx_count {   /* in place of the first entry's hash */
	u16 limit, count;
	u32 block;
} __packed;
struct ext4_dx_info {
	u32 zero;
	u8 hash_version, length, levels, flags;
} __packed;
#define DX_INFO 24u      /* offset in the root block */
enum { HASH_LEGACY, HASH_HALF_MD4, HASH_TEA, HASH_LEGACY_UNSIGNED, HASH_HALF_MD4_UNSIGNED, HASH_TEA_UNSIGNED };

#endif
