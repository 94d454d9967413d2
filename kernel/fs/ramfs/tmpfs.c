/*
 * tmpfs: ramfs with limits, mount options, and the file operations.
 *
 * Each page of a file and each inode counts against its file system; at the limit a write or a creation gives ENOSPC.
 */
#include "fs/ramfs/ramfs.h"
#include "ramfs_priv.h"
#include "core/random.h"
#include "lib/string.h"
#include "mm/limit.h"
#include "mm/slab.h"

#define TMPFS_MAGIC 0x01021994
#define RAMFS_MAGIC 0x858458f6

/* As mount was told. */
struct options {
	u64 max_pages, max_inodes; /* 0: no limit */
	bool size_given, inodes_given;
	u32 mode, uid, gid;
};

struct tmpfs {
	struct limit pages, inodes;
	u64 id; /* random, for statfs */
	struct options options;
};

static struct tmpfs *tmpfs_of(struct superblock *sb)
{
	return sb->private;
}

/* --- limits ------------------------------------------------------------------------------------------------------------ */

static int tmpfs_charge(struct pagecache *pc, s64 pages)
{
	struct tmpfs *t = tmpfs_of(pc->inode->sb);
	int err = 0;

	if (pages > 0)
		err = limit_take(&t->pages, (u64)pages);
	else
		limit_give(&t->pages, (u64)-pages);
	if (!err)
		atomic_fetch_add(&mem_shmem_frames, (u64)pages);
	return err;
}

struct inode *tmpfs_inode_alloc(struct superblock *sb)
{
	struct tmpfs *t = tmpfs_of(sb);
	struct inode *i;

	if (limit_take(&t->inodes, 1))
		return ERR_PTR(-ENOSPC);
	i = inode_alloc(sb);
	if (!i) {
		limit_give(&t->inodes, 1);
		return ERR_PTR(-ENOMEM);
	}
	i->flags |= INODE_MEMORY;
	i->seals = F_SEAL_SEAL;
	return i;
}

static void tmpfs_evict(struct inode *i)
{
	/* A directory's list of names, or a link's text. */
	if (S_ISDIR(i->mode) || S_ISLNK(i->mode))
		kfree(i->private);
	pagecache_destroy(&i->cache);
	limit_give(&tmpfs_of(i->sb)->inodes, 1);
}

/* --- inode and file operations ------------------------------------------------------------------------------------------- */

int tmpfs_tmpfile(struct inode *dir, struct dentry *d, u32 mode)
{
	struct inode *i = ramfs_new_inode(dir->sb, dir, S_IFREG | mode, 0);

	if (IS_ERR(i))
		return PTR_ERR(i);
	i->nlink = 0;
	dentry_instantiate(d, i);
	return 0;
}

/* As on Linux a further name of a file counts like an inode: otherwise names would take memory without a limit. */
int tmpfs_link(struct inode *target, struct inode *dir, struct dentry *d)
{
	struct tmpfs *t = tmpfs_of(dir->sb);
	u64 more = target->nlink ? 1 : 0;
	int err = more ? limit_take(&t->inodes, more) : 0;

	if (err)
		return err;
	err = ramfs_link(target, dir, d);
	if (err)
		limit_give(&t->inodes, more);
	return err;
}

/* What taking one name of the inode away gives back: nothing for the last one, which goes with the inode. */
static u64 name_charge(const struct inode *i)
{
	return i && !S_ISDIR(i->mode) && i->nlink > 1 ? 1 : 0;
}

int tmpfs_unlink(struct inode *dir, struct dentry *d)
{
	u64 back = name_charge(d->inode);
	int err = ramfs_unlink(dir, d);

	if (!err)
		limit_give(&tmpfs_of(dir->sb)->inodes, back);
	return err;
}

int tmpfs_rename(struct inode *old_dir, struct dentry *old, struct inode *new_dir, struct dentry *new, u32 flags)
{
	u64 back = flags & RENAME_EXCHANGE ? 0 : name_charge(new->inode);
	int err = ramfs_rename(old_dir, old, new_dir, new, flags);

	if (!err)
		limit_give(&tmpfs_of(new_dir->sb)->inodes, back);
	return err;
}

int tmpfs_setattr(struct inode *i, const struct iattr *a)
{
	struct iattr cut = *a;

	if (a->valid & ATTR_SIZE && ((a->size < i->size && i->seals & F_SEAL_SHRINK) || (a->size > i->size && i->seals & F_SEAL_GROW)))
		return -EPERM;
	/* What has pages was cut, if only to the size that it had. */
	if (a->valid & ATTR_SIZE && a->size <= i->size && READ_ONCE(i->cache.pages.count))
		cut.valid |= ATTR_MTIME | ATTR_CTIME;
	return inode_setattr(i, &cut);
}

static int tmpfs_mmap(struct file *f, struct area *a)
{
	if (f->inode->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE) && a->flags & AREA_SHARED) {
		if (a->prot & PROT_WRITE)
			return -EPERM;
		a->flags &= ~AREA_MAYWRITE;
	}
	return generic_file_mmap(f, a);
}

/* Pages that one call has made, [first, end): if it fails it takes them back. */
struct run {
	struct list link;
	u64 first, end;
};

static int make_page(struct inode *i, u64 index, struct list *made)
{
	struct run *last = list_empty(made) ? NULL : list_last(made, struct run, link);
	struct frame *f = pagecache_get(&i->cache, index, false);

	if (f && !IS_ERR(f)) {
		frame_put(f);
		return 0; /* it was there before */
	}
	if (!last || last->end != index) {
		last = kzalloc(sizeof(*last), 0);
		if (!last)
			return -ENOMEM;
		last->first = last->end = index;
		list_add_tail(made, &last->link);
	}
	f = pagecache_get(&i->cache, index, true);
	if (IS_ERR(f))
		return PTR_ERR(f);
	frame_put(f);
	last->end++;
	return 0;
}

/* Gives every page of the range its frame now, or none. */
static int allocate_range(struct inode *i, u64 off, u64 len)
{
	struct list made;
	int err = 0;

	list_init(&made);
	for (u64 index = off / PAGE_SIZE; !err && index < DIV_ROUND_UP(off + len, PAGE_SIZE); index++) {
		err = make_page(i, index, &made);
		if (!err && thread_interrupted())
			err = -EINTR;
	}
	while (!list_empty(&made)) {
		struct run *r = list_first(&made, struct run, link);
		if (err)
			pagecache_drop_range(&i->cache, r->first * PAGE_SIZE, r->end * PAGE_SIZE);
		list_del(&r->link);
		kfree(r);
	}
	return err;
}

static int tmpfs_fallocate(struct file *f, int mode, s64 off, s64 len)
{
	struct inode *i = f->inode;
	u64 end = off + len;
	int err = 0;

	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE))
		return -EOPNOTSUPP;
	rwlock_write(&i->lock);
	if (mode & FALLOC_FL_PUNCH_HOLE) {
		err = i->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE) ? -EPERM : 0;
		if (!err)
			pagecache_drop_range(&i->cache, off, end);
	} else {
		if (i->seals & F_SEAL_GROW && end > i->size)
			err = -EPERM;
		if (!err)
			err = allocate_range(i, off, len);
		if (!err && !(mode & FALLOC_FL_KEEP_SIZE) && end > i->size)
			WRITE_ONCE(i->size, end);
	}
	if (!err) {
		inode_touch(i, ATTR_MTIME | ATTR_CTIME);
		inode_kill_suid(i);
		inode_kill_caps(i);
	}
	rwlock_write_done(&i->lock);
	return err;
}

/* No shared mapping may be left that could still write. */
static bool mapped_writable(struct inode *i)
{
	struct area *a;
	bool found = false;

	spin_lock(&i->cache.lock);
	list_for_each(a, &i->cache.areas, cache_link)
		found |= a->flags & AREA_SHARED && a->flags & AREA_MAYWRITE;
	spin_unlock(&i->cache.lock);
	return found;
}

static long tmpfs_fcntl(struct file *f, u32 cmd, u64 arg)
{
	struct inode *i = f->inode;
	long ret = 0;

	if (cmd == F_GET_SEALS)
		return i->seals;
	if (cmd != F_ADD_SEALS)
		return cmd == F_SETPIPE_SZ || cmd == F_GETPIPE_SZ ? -EBADF : -EINVAL;
	if (!(f->mode & FILE_WRITE))
		return -EPERM;
	if (arg & ~(u64)(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
		return -EINVAL;
	rwlock_write(&i->lock);
	if (i->seals & F_SEAL_SEAL)
		ret = -EPERM;
	else if (arg & F_SEAL_WRITE && !(i->seals & F_SEAL_WRITE) && mapped_writable(i))
		ret = -EBUSY;
	else
		i->seals |= arg;
	rwlock_write_done(&i->lock);
	return ret;
}

/* --- the file system ----------------------------------------------------------------------------------------------------- */

static int parse_number(const char *value, int base, u64 mask, u32 *out)
{
	const char *end;
	u64 n;

	if (!value || !*value)
		return -EINVAL;
	n = parse_u64(value, &end, base);
	if (*end || n > UINT32_MAX)
		return -EINVAL;
	*out = n & mask;
	return 0;
}

static int parse_option(struct options *t, const char *key, const char *value)
{
	static const char *const ignored[] = { "huge", "mpol", "inode32", "inode64", "noswap" };
	u64 n;

	if (!strcmp(key, "mode"))
		return parse_number(value, 8, 07777, &t->mode);
	if (!strcmp(key, "uid"))
		return parse_number(value, 10, ~0ul, &t->uid);
	if (!strcmp(key, "gid"))
		return parse_number(value, 10, ~0ul, &t->gid);
	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
		if (!strcmp(key, ignored[i]))
			return 0;
	if (!value || option_size(value, &n))
		return -EINVAL;
	if (!strcmp(key, "size") || !strcmp(key, "nr_blocks")) {
		t->max_pages = *key == 's' ? DIV_ROUND_UP(n, PAGE_SIZE) : n;
		t->size_given = true;
		return 0;
	}
	if (!strcmp(key, "nr_inodes")) {
		t->max_inodes = n;
		t->inodes_given = true;
		return 0;
	}
	return -EINVAL;
}

static int parse_options(struct options *t, const char *options)
{
	char *copy = kstrdup(options, 0), *at = copy, *key, *value;
	int err = copy ? 0 : -ENOMEM;

	while (!err && option_next(&at, &key, &value))
		err = parse_option(t, key, value);
	kfree(copy);
	return err;
}

static void tmpfs_free(struct tmpfs *t)
{
	limit_destroy(&t->pages);
	limit_destroy(&t->inodes);
	kfree(t);
}

/* 0 says that there is none. */
static u64 limit_of(u64 option)
{
	return option ? option : LIMIT_NONE;
}

struct superblock *tmpfs_superblock(const struct fs_type *type, u32 flags, const char *options, u64 default_pages)
{
	struct tmpfs *t = kzalloc(sizeof(*t), 0);
	struct superblock *sb;
	struct inode *root;
	int err = -ENOMEM;

	if (!t)
		return ERR_PTR(-ENOMEM);
	t->id = random_u64();
	t->options = (struct options){ .max_pages = default_pages, .max_inodes = default_pages, .mode = 01777, .uid = file_cred()->fsuid, .gid = file_cred()->fsgid };
	err = parse_options(&t->options, options);
	if (!err)
		err = limit_init(&t->pages, limit_of(t->options.max_pages));
	if (!err)
		err = limit_init(&t->inodes, limit_of(t->options.max_inodes));
	if (err)
		goto free_tmpfs;
	err = -ENOMEM;
	sb = superblock_alloc(type);
	if (!sb)
		goto free_tmpfs;
	/* From here on the superblock owns t. */
	sb->private = t;
	sb->ops = &tmpfs_super_ops;
	sb->flags = flags;
	root = ramfs_new_inode(sb, NULL, S_IFDIR | t->options.mode, 0);
	if (IS_ERR(root)) {
		err = PTR_ERR(root);
		goto put_super;
	}
	root->uid = t->options.uid;
	root->gid = t->options.gid;
	sb->root = dentry_make_root(root);
	if (!sb->root)
		goto put_super;
	return sb;

put_super:
	superblock_put(sb);
	return ERR_PTR(err);
free_tmpfs:
	tmpfs_free(t);
	return ERR_PTR(err);
}

static struct superblock *tmpfs_mount(const struct fs_type *t, const char *source __unused, u32 flags, const char *options)
{
	struct mem_stats mem;

	mem_stats(&mem);
	return tmpfs_superblock(t, flags, options, mem.total / 2);
}

static void tmpfs_put(struct superblock *sb)
{
	tmpfs_free(sb->private);
}

static int tmpfs_statfs(struct superblock *sb, struct abi_statfs *st)
{
	struct tmpfs *t = tmpfs_of(sb);

	st->fsid[0] = t->id;
	st->fsid[1] = t->id >> 32;
	if (t->options.max_pages) {
		st->blocks = t->options.max_pages;
		st->bfree = st->bavail = st->blocks - MIN(limit_used(&t->pages), st->blocks);
	}
	if (t->options.max_inodes) {
		st->files = t->options.max_inodes;
		st->ffree = st->files - MIN(limit_used(&t->inodes), st->files);
	}
	return 0;
}

static int tmpfs_remount(struct superblock *sb, u32 flags __unused, const char *options)
{
	struct tmpfs *t = tmpfs_of(sb);
	struct options new = t->options;
	int err = parse_options(&new, options);

	if (err)
		return err;
	if ((new.max_pages && limit_used(&t->pages) > new.max_pages) || (new.max_inodes && limit_used(&t->inodes) > new.max_inodes))
		return -EINVAL;
	WRITE_ONCE(t->pages.max, limit_of(new.max_pages));
	WRITE_ONCE(t->inodes.max, limit_of(new.max_inodes));
	/* Whose the root is, and what it allows, is not changed any more. */
	new.mode = t->options.mode;
	new.uid = t->options.uid;
	new.gid = t->options.gid;
	t->options = new;
	return 0;
}

static void tmpfs_show_options(struct superblock *sb, struct seq *s)
{
	const struct options *t = &tmpfs_of(sb)->options;

	/* The root and devtmpfs tell their limits though nobody gave any, as they do on Linux. */
	bool tells = strcmp(sb->type->name, "tmpfs") && strcmp(sb->type->name, "ramfs");

	if (t->size_given || tells)
		seq_printf(s, ",size=%luk", t->max_pages * (PAGE_SIZE / 1024));
	if (t->inodes_given || tells)
		seq_printf(s, ",nr_inodes=%lu", t->max_inodes);
	if (t->mode != 01777 && strcmp(sb->type->name, "rootfs"))
		seq_printf(s, ",mode=%03o", t->mode);
	if (t->uid)
		seq_printf(s, ",uid=%u", t->uid);
	if (t->gid)
		seq_printf(s, ",gid=%u", t->gid);
	seq_puts(s, ",inode64");
}

const struct pagecache_ops tmpfs_cache_ops = {
	.charge = tmpfs_charge,
};

const struct file_ops tmpfs_file_ops = {
	.name = "tmpfs",
	.read = generic_file_read,
	.write = generic_file_write,
	.lseek = generic_file_lseek,
	.mmap = tmpfs_mmap,
	.fsync = generic_file_fsync,
	.fallocate = tmpfs_fallocate,
	.ioctl = generic_file_ioctl,
	.fcntl = tmpfs_fcntl,
};

const struct super_ops tmpfs_super_ops = {
	.statfs = tmpfs_statfs,
	.evict = tmpfs_evict,
	.put = tmpfs_put,
	.remount = tmpfs_remount,
	.show_options = tmpfs_show_options,
};

FS_TYPE(tmpfs, .name = "tmpfs", .nodev = true, .magic = TMPFS_MAGIC, .mount = tmpfs_mount);
FS_TYPE(ramfs, .name = "ramfs", .nodev = true, .magic = RAMFS_MAGIC, .mount = tmpfs_mount);
