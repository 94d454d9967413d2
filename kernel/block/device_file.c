/*
 * Block devices as files: /dev/vda and its partitions.
 *
 * All inodes of one device number (there may be many nodes) lead to one inode here, which holds the device's page cache; an open file works on
 * that one. The last close writes everything back and drops the pages, so that who comes next (a file system, which has buffers of its own, or
 * a program after it was unmounted) sees what is on the device.
 */
#include "block/cache_io.h"
#include "block_priv.h"

#include "fs/devfs/devfs.h"
#include "lib/format.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "proc/cred.h"
#include "usermode/uaccess.h"

#define PARTS_MAX 255u /* of a disk */

static struct superblock *bdev_super;
static const struct fs_type bdev_type = { .name = "bdev", .nodev = true, .magic = 0x62646576 };
static const struct pagecache_ops bdev_cache_ops;

/* --- all devices ---------------------------------------------------------------------------------------------------------- */

static struct mutex devices_mutex; /* the list, and which numbers are given out */
static u32 ext_minors;             /* devices_mutex: of BLOCK_EXT_MAJOR, given out so far */
static struct list devices = LIST_INIT(devices);

void (*block_device_changed)(struct block_device *dev);

static void tell_changed(struct block_device *dev)
{
	if (block_device_changed)
		block_device_changed(dev);
}

/* The place in the list of all: behind those of its disk with lower numbers. devices_mutex held. */
static struct list *place_of(const struct block_device *dev)
{
	struct block_device *at;
	struct list *behind = NULL;

	list_for_each(at, &devices, link)
		if (at->disk == dev->disk && at->number < dev->number)
			behind = &at->link;
	return behind ? behind : devices.prev;
}

static struct block_device *come_back(struct block_device *dev, u64 start, u64 sectors)
{
	if (!atomic_load(&dev->gone))
		return NULL;
	dev->start = start;
	dev->sectors = sectors;
	dev->block_size = PAGE_SIZE;
	dev->uuid[0] = dev->label[0] = 0;
	WRITE_ONCE(dev->inode->size, sectors * SECTOR_SIZE);
	atomic_store(&dev->told_read_only, false);
	atomic_store_release(&dev->gone, false);
	devfs_block_node(dev->name, 0660, dev->dev);
	tell_changed(dev);
	return dev;
}

struct block_device *block_device_new(struct disk *d, u32 number, u64 start, u64 sectors)
{
	bool digit = d->name[0] && d->name[strlen(d->name) - 1] >= '0' && d->name[strlen(d->name) - 1] <= '9';
	struct block_device *dev;
	struct inode *i;

	list_for_each(dev, &d->parts, part_link)
		if (dev->number == number)
			return come_back(dev, start, sectors);
	dev = kzalloc(sizeof(*dev), 0);
	i = dev ? inode_alloc(bdev_super) : NULL;
	if (!i || number > PARTS_MAX) {
		if (i)
			inode_put(i);
		kfree(dev);
		return NULL;
	}
	ksnprintf(dev->name, sizeof(dev->name), number ? (digit ? "%sp%u" : "%s%u") : "%s", d->name, number);
	dev->disk = d;
	dev->number = number;
	dev->start = start;
	dev->sectors = sectors;
	dev->block_size = PAGE_SIZE;
	mutex_init(&dev->open_mutex, "block device", RANK_BLOCK_OPEN);
	i->mode = S_IFBLK | 0600;
	i->size = sectors * SECTOR_SIZE;
	i->flags |= INODE_NOCMTIME;
	i->cache.ops = &bdev_cache_ops;
	i->private = dev;
	dev->inode = i;
	list_init(&dev->link);
	list_init(&dev->part_link);
	if (number)
		list_add_tail(&d->parts, &dev->part_link);
	mutex_lock(&devices_mutex);
	dev->dev = i->rdev = d->major && number < d->minors ? abi_makedev(d->major, d->first_minor + number) : abi_makedev(BLOCK_EXT_MAJOR, ext_minors++);
	list_add(place_of(dev), &dev->link);
	mutex_unlock(&devices_mutex);
	devfs_block_node(dev->name, 0660, dev->dev);
	if (number)
		tell_changed(dev);
	return dev;
}

int block_device_hide_parts(struct disk *d)
{
	struct block_device *dev;
	bool busy = false;

	list_for_each(dev, &d->parts, part_link) {
		mutex_lock(&dev->open_mutex);
		busy |= dev->holder || dev->openers;
		mutex_unlock(&dev->open_mutex);
	}
	if (busy)
		return -EBUSY;
	/* From here on nobody finds one. If somebody was faster, all that have sectors come back. */
	list_for_each(dev, &d->parts, part_link) {
		mutex_lock(&dev->open_mutex);
		busy |= dev->holder || dev->openers;
		atomic_store(&dev->gone, true);
		mutex_unlock(&dev->open_mutex);
	}
	list_for_each(dev, &d->parts, part_link) {
		if (busy) {
			atomic_store(&dev->gone, !dev->sectors);
		} else if (dev->sectors) {
			dev->sectors = 0;
			devfs_remove_node(dev->name);
			tell_changed(dev);
		}
	}
	return busy ? -EBUSY : 0;
}

void block_device_for_each(void (*fn)(struct block_device *dev, void *arg), void *arg)
{
	struct block_device *dev;

	mutex_lock(&devices_mutex);
	list_for_each(dev, &devices, link)
		if (!atomic_load(&dev->gone))
			fn(dev, arg);
	mutex_unlock(&devices_mutex);
}

struct block_device *block_device_find(u64 number)
{
	struct block_device *dev, *found = NULL;

	mutex_lock(&devices_mutex);
	list_for_each(dev, &devices, link)
		if (dev->dev == number && !atomic_load(&dev->gone))
			found = dev;
	mutex_unlock(&devices_mutex);
	return found;
}

static bool same_uuid(const char *a, const char *b)
{
	for (; *a && *b; a++, b++)
		if ((*a | 32) != (*b | 32))
			return false;
	return !*a && !*b;
}

struct block_device *block_device_by_name(const char *name)
{
	struct block_device *dev, *found = NULL;
	bool uuid = str_starts(name, "PARTUUID=");

	name += uuid ? 9 : str_starts(name, "/dev/") ? 5 : 0;
	mutex_lock(&devices_mutex);
	list_for_each(dev, &devices, link)
		if (!atomic_load(&dev->gone) && (uuid ? dev->uuid[0] && same_uuid(dev->uuid, name) : !strcmp(dev->name, name)))
			found = dev;
	mutex_unlock(&devices_mutex);
	return found;
}

struct block_device *block_device_of_path(const char *path)
{
	struct lookup_result r;
	struct block_device *dev = block_device_by_name(path);
	int err = path_lookup(AT_FDCWD, path, LOOKUP_FOLLOW, &r);

	if (err)
		return dev ? dev : ERR_PTR(err);
	if (S_ISBLK(r.path.dentry->inode->mode)) {
		dev = block_device_find(r.path.dentry->inode->rdev);
		if (!dev)
			dev = ERR_PTR(-ENXIO);
	} else {
		dev = ERR_PTR(-ENOTBLK);
	}
	path_put(&r.path);
	return dev;
}

/* --- who uses it ------------------------------------------------------------------------------------------------------------- */

int block_device_flush_cache(struct block_device *dev)
{
	int err = pagecache_writeback(&dev->inode->cache, 0, UINT64_MAX, true), e = block_flush(dev);

	pagecache_truncate(&dev->inode->cache, 0);
	return err ? err : e;
}

bool block_device_in_use(struct block_device *dev, u32 opens)
{
	bool used;

	mutex_lock(&dev->open_mutex);
	used = dev->holder || dev->openers > opens;
	mutex_unlock(&dev->open_mutex);
	return used;
}

static void tell_unused(struct block_device *dev)
{
	if (dev->disk->ops->unused && !block_device_in_use(dev, 0))
		dev->disk->ops->unused(dev->disk);
}

int block_device_claim(struct block_device *dev, const void *holder, bool write)
{
	int err = 0;

	if (write && block_device_read_only(dev))
		return -EROFS;
	mutex_lock(&dev->open_mutex);
	if (atomic_load(&dev->gone))
		err = -ENXIO;
	else if (dev->holder && dev->holder != holder)
		err = -EBUSY;
	else
		dev->holder = holder;
	mutex_unlock(&dev->open_mutex);
	/* What was written through /dev must be on the device, and none of it may come later over what the holder writes. */
	return err ? err : block_device_flush_cache(dev);
}

void block_device_release(struct block_device *dev, const void *holder)
{
	mutex_lock(&dev->open_mutex);
	if (dev->holder == holder)
		dev->holder = NULL;
	mutex_unlock(&dev->open_mutex);
	pagecache_truncate(&dev->inode->cache, 0);
	tell_unused(dev);
}

/* --- page cache ----------------------------------------------------------------------------------------------------------------- */

static int bdev_map(struct pagecache *pc, u64 pos, u64 length, struct cache_run *run)
{
	u64 size = pc->inode->size;

	*run = (struct cache_run){ .mapped = pos < size, .sector = pos / SECTOR_SIZE, .length = pos < size ? MIN(length, size - pos) : length };
	return 0;
}

static struct cache_backing backing_of(struct pagecache *pc)
{
	struct block_device *dev = pc->inode->private;

	return (struct cache_backing){ .dev = dev, .block_size = dev->disk->logical_size, .map = bdev_map };
}

static int bdev_read_page(struct pagecache *pc, struct frame *f)
{
	struct cache_backing b = backing_of(pc);

	return cache_read_page(&b, pc, f);
}

static int bdev_read_pages(struct pagecache *pc, u64 index, u32 count)
{
	struct cache_backing b = backing_of(pc);

	return cache_read_pages(&b, pc, index, count);
}

static int bdev_write_page(struct pagecache *pc, struct frame *f)
{
	struct cache_backing b = backing_of(pc);

	return cache_write_page(&b, pc, f);
}

static int bdev_write_pages(struct pagecache *pc, u64 first, u64 last)
{
	struct cache_backing b = backing_of(pc);

	return cache_write_pages(&b, pc, first, last);
}

static ssize_t bdev_direct_io(struct pagecache *pc, struct uio *u, s64 pos, bool write)
{
	struct cache_backing b = backing_of(pc);

	return cache_direct_io(&b, pc, u, pos, write);
}

static const struct pagecache_ops bdev_cache_ops = {
	.read_page = bdev_read_page,
	.read_pages = bdev_read_pages,
	.write_page = bdev_write_page,
	.write_pages = bdev_write_pages,
	.charge = pagecache_charge_backed,
	.direct_io = bdev_direct_io,
};

/* --- file operations ---------------------------------------------------------------------------------------------------------------- */

static struct block_device *device_of(const struct file *f)
{
	return f->inode->private;
}

static ssize_t bdev_write(struct file *f, struct uio *from, s64 *pos)
{
	u64 size = f->inode->size, rest;
	ssize_t n;

	if (block_device_read_only(device_of(f)))
		return -EPERM;
	if (f->flags & O_APPEND || from->flags & UIO_APPEND)
		*pos = size;
	if (!from->left)
		return 0;
	if ((u64)*pos >= size)
		return -ENOSPC;
	rest = from->left;
	from->left = MIN(from->left, size - *pos);
	rest -= from->left;
	n = generic_file_write(f, from, pos);
	from->left += rest;
	return n;
}

static int bdev_fsync(struct file *f, s64 start, s64 end, bool data_only __unused)
{
	int err = file_writeback(f, start, end), e = block_flush(device_of(f));

	return err ? err : e;
}

static void bdev_release(struct file *f)
{
	struct block_device *dev = device_of(f);

	mutex_lock(&dev->open_mutex);
	if (--dev->openers == 0)
		block_device_flush_cache(dev);
	mutex_unlock(&dev->open_mutex);
	tell_unused(dev);
}

/* The node's own attributes: f->inode is the device's. */
static int bdev_stat(struct file *f, struct kstat *st)
{
	struct path p = { f->mount, f->dentry };

	return vfs_stat(&p, st);
}

/* BLKDISCARD and BLKZEROOUT: first byte and count of bytes. */
static long ioctl_range(struct file *f, const void __user *arg, int (*fn)(struct block_device *dev, u64 sector, u64 sectors))
{
	struct block_device *dev = device_of(f);
	u64 range[2], unit = dev->disk->logical_size;

	if (!(f->mode & FILE_WRITE))
		return -EBADF;
	if (copy_from_user(range, arg, sizeof(range)))
		return -EFAULT;
	if ((range[0] | range[1]) % unit || range[0] > f->inode->size || range[1] > f->inode->size - range[0])
		return -EINVAL;
	pagecache_drop_range(&f->inode->cache, range[0], range[0] + range[1]);
	return fn(dev, range[0] / SECTOR_SIZE, range[1] / SECTOR_SIZE);
}

struct hd_geometry {
	u8 heads, sectors;
	u16 cylinders;
	u64 start;
};

static long ioctl_geometry(struct block_device *dev, void __user *arg)
{
	struct hd_geometry g = { .heads = 16, .sectors = 63, .cylinders = (u16)MIN(dev->disk->sectors / (16 * 63), 65535ul), .start = dev->start };

	return copy_to_user(arg, &g, sizeof(g)) ? -EFAULT : 0;
}

enum {
	BLKROSET = 0x125d, BLKROGET, BLKRRPART = 0x125f, BLKGETSIZE = 0x1260, BLKFLSBUF = 0x1261, BLKRAGET = 0x1263, BLKSECTGET = 0x1267, BLKSSZGET = 0x1268, BLKDISCARD = 0x1277,
	BLKIOMIN = 0x1278, BLKIOOPT = 0x1279, BLKALIGNOFF = 0x127a, BLKPBSZGET = 0x127b, BLKDISCARDZEROES = 0x127c, BLKROTATIONAL = 0x127e, BLKZEROOUT = 0x127f,
	HDIO_GETGEO = 0x301,
};
#define BLKBSZGET 0x80081270u
#define BLKBSZSET 0x40081271u
#define BLKGETSIZE64 0x80081272u
#define BLKGETDISKSEQ 0x80081280u

static long bdev_ioctl(struct file *f, u32 cmd, u64 arg)
{
	struct block_device *dev = device_of(f);
	void __user *out = (void __user *)arg;
	u16 number = 0;
	u32 size;

	switch (cmd) {
	case BLKROGET:
		return put_user_u32(block_device_read_only(dev), out);
	case BLKROSET:
		if (!file_capable(CAP_SYS_ADMIN))
			return -EACCES;
		if (copy_from_user(&size, out, sizeof(size)))
			return -EFAULT;
		atomic_store(&dev->told_read_only, size != 0);
		return 0;
	case BLKGETSIZE:
		return put_user_u64(dev->sectors, out);
	case BLKGETSIZE64:
		return put_user_u64(dev->sectors * SECTOR_SIZE, out);
	case BLKSSZGET:
		return put_user_u32(dev->disk->logical_size, out);
	case BLKPBSZGET:
		return put_user_u32(dev->disk->physical_size, out);
	case BLKBSZGET:
		return put_user_u32(dev->block_size, out);
	case BLKBSZSET:
		if (!file_capable(CAP_SYS_ADMIN))
			return -EACCES;
		if (copy_from_user(&size, out, sizeof(size)))
			return -EFAULT;
		if (size < dev->disk->logical_size || size > PAGE_SIZE || size & (size - 1))
			return -EINVAL;
		dev->block_size = size;
		return 0;
	case BLKIOMIN:
		return put_user_u32(dev->disk->physical_size, out);
	case BLKIOOPT:
	case BLKALIGNOFF:
	case BLKDISCARDZEROES:
		return put_user_u32(0, out);
	case BLKRAGET:
		return put_user_u64(256, out);
	case BLKROTATIONAL:
		return copy_to_user(out, &number, sizeof(number)) ? -EFAULT : 0;
	case BLKGETDISKSEQ:
		return put_user_u64(dev->disk->sequence, out);
	case BLKFLSBUF:
		if (!file_capable(CAP_SYS_ADMIN))
			return -EACCES;
		return block_device_flush_cache(dev);
	case BLKRRPART:
		if (!file_capable(CAP_SYS_ADMIN))
			return -EACCES;
		return dev->number || dev->disk->no_partitions ? -EINVAL : partitions_read_again(dev->disk);
	case BLKSECTGET:
		number = (u16)MIN(dev->disk->max_sectors, 65535u);
		return copy_to_user(out, &number, sizeof(number)) ? -EFAULT : 0;
	case BLKDISCARD:
		return ioctl_range(f, out, block_discard);
	case BLKZEROOUT:
		return ioctl_range(f, out, block_zero);
	case HDIO_GETGEO:
		return ioctl_geometry(dev, out);
	}
	if (dev->disk->ops->ioctl) {
		long err = dev->disk->ops->ioctl(dev, f, cmd, arg);
		if (err != -ENOTTY)
			return err;
	}
	return generic_file_ioctl(f, cmd, arg);
}

static const struct file_ops bdev_file_ops = {
	.name = "block",
	.read = generic_file_read,
	.write = bdev_write,
	.lseek = generic_file_lseek,
	.mmap = generic_file_mmap,
	.fsync = bdev_fsync,
	.ioctl = bdev_ioctl,
	.set_flags = generic_file_set_flags,
	.release = bdev_release,
	.stat = bdev_stat,
};

static int bdev_open(struct inode *inode, struct file *f)
{
	struct block_device *dev = block_device_find(inode->rdev);
	int err;

	if (!dev)
		return -ENXIO;
	mutex_lock(&dev->open_mutex);
	err = atomic_load(&dev->gone) ? -ENXIO : f->flags & O_EXCL && dev->holder ? -EBUSY : 0;
	dev->openers += !err;
	mutex_unlock(&dev->open_mutex);
	if (err)
		return err;
	f->ops = &bdev_file_ops;
	f->inode = dev->inode;
	file_sample_errors(f);
	return 0;
}

/* --- the file system of devices -------------------------------------------------------------------------------------------------------- */

static void sync_device(struct block_device *dev, void *err)
{
	int e = pagecache_writeback(&dev->inode->cache, 0, UINT64_MAX, true);

	if (e)
		*(int *)err = e;
}

static int bdev_sync(struct superblock *sb __unused, bool wait __unused)
{
	int err = 0;

	block_device_for_each(sync_device, &err);
	return err;
}

static const struct super_ops bdev_super_ops = { .sync = bdev_sync };

int block_device_setup(void)
{
	mutex_init(&devices_mutex, "block devices", RANK_BLOCK_LIST);
	bdev_super = superblock_alloc(&bdev_type);
	if (!bdev_super)
		return -ENOMEM;
	bdev_super->ops = &bdev_super_ops;
	block_device_open = bdev_open;
	return 0;
}
