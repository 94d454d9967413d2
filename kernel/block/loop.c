/*
 * Loop devices: a file (or another block device) as a disk.
 *
 *   start() --> queue --> thread of the device: read, write, fsync, fallocate of the file --> disk_complete()
 *
 * A request is served by a thread, since what a file does sleeps. The thread lives from the moment at which the device gets its file to the moment at
 * which it loses it; a device without a file has no sectors, so that nothing reaches its queue.
 *
 * /dev/loop0 to loop7 are there from the start, further ones when /dev/loop-control is asked for them; none goes away, nor are partitions looked for.
 * A device with LO_FLAGS_AUTOCLEAR loses its file when nobody has it open or mounted any more: that is how `mount -o loop` clears up.
 *
 * loop_mutex guards the list of devices and which file each has. The thread reads file and offset while they cannot change. No user memory is touched
 * with it held, and no file given up: a device may be closed by the end of a mapping.
 */
#include "block_priv.h"

#include "core/err.h"
#include "core/printk.h"
#include "core/registry.h"
#include "lib/format.h"
#include "lib/string.h"
#include "mm/pagetable.h"
#include "mm/slab.h"
#include "sched/thread.h"
#include "usermode/uaccess.h"

#define LOOP_MAJOR 7
#define LOOP_FIRST 8  /* devices that are there from the start */
#define LOOP_MOST 256
#define CONTROL_MAJOR 10
#define CONTROL_MINOR 237

enum {
	LOOP_SET_FD = 0x4c00, LOOP_CLR_FD, LOOP_SET_STATUS64 = 0x4c04, LOOP_GET_STATUS64, LOOP_SET_CAPACITY = 0x4c07, LOOP_SET_DIRECT_IO, LOOP_SET_BLOCK_SIZE, LOOP_CONFIGURE,
	LOOP_CTL_ADD = 0x4c80, LOOP_CTL_REMOVE, LOOP_CTL_GET_FREE,
};
enum { LO_FLAGS_READ_ONLY = 1, LO_FLAGS_AUTOCLEAR = 4, LO_FLAGS_PARTSCAN = 8, LO_FLAGS_DIRECT_IO = 16 };

struct loop_info64 {
	u64 device, inode, rdevice, offset, sizelimit;
	u32 number, encrypt_type, encrypt_key_size, flags;
	char file_name[64], crypt_name[64];
	u8 encrypt_key[32];
	u64 init[2];
};
struct loop_config {
	u32 fd, block_size;
	struct loop_info64 info;
	u64 reserved[8];
};
_Static_assert(sizeof(struct loop_info64) == 232 && sizeof(struct loop_config) == 304, "linux/loop.h");

struct loop {
	struct disk disk;
	struct file *file;       /* loop_mutex; NULL: none */
	u64 offset, limit;       /* bytes of the file: the first; how many at most, 0: all. loop_mutex */
	u32 flags;               /* LO_FLAGS_*; loop_mutex */
	char file_name[64];      /* loop_mutex: what the user calls it */
	struct list queue;       /* disk.lock: requests for the thread */
	struct wait_queue work;
	bool stop, running;      /* atomic */
};

static struct mutex loop_mutex;
static struct loop *loops[LOOP_MOST]; /* loop_mutex; an entry is never taken away */
static WAIT_QUEUE(ended);

/* --- requests ------------------------------------------------------------------------------------------------------------------- */

static int start(struct disk *d, struct block_io *io)
{
	struct loop *l = d->private;

	list_add_tail(&l->queue, &io->link);
	return 0;
}

static void kick(struct disk *d)
{
	struct loop *l = d->private;

	wait_wake_all(&l->work);
}

static struct block_io *take(struct loop *l)
{
	struct block_io *io = NULL;
	u64 flags = spin_lock_irqsave(&l->disk.lock);

	if (!list_empty(&l->queue)) {
		io = list_first(&l->queue, struct block_io, link);
		list_del(&io->link);
	}
	spin_unlock_irqrestore(&l->disk.lock, flags);
	return io;
}

/* What a file that has become shorter does not have reads as zeroes. */
static int transfer(struct file *f, void *data, size_t n, s64 pos, bool write)
{
	struct uio_vec vec;
	struct uio u;

	uio_init_kernel(&u, &vec, data, n);
	while (u.left) {
		ssize_t done = write ? f->ops->write(f, &u, &pos) : f->ops->read(f, &u, &pos);

		if (done < 0)
			return (int)done;
		if (!done && write)
			return -EIO;
		if (!done)
			return uio_zero(&u, u.left) ? 0 : -EIO;
	}
	return 0;
}

static int serve_data(struct loop *l, struct block_io *io)
{
	s64 pos = (s64)(l->offset + io->disk_sector * SECTOR_SIZE);
	struct block_io *part = io;
	struct list *at = &io->merged;
	int err = 0;

	for (;;) {
		for (u32 i = 0; i < part->segment_count && !err; i++) {
			err = transfer(l->file, phys_to_virt(part->segments[i].address), part->segments[i].length, pos, io->op == BLOCK_WRITE);
			pos += part->segments[i].length;
		}
		at = at->next;
		if (err || at == &io->merged)
			return err;
		part = list_entry(at, struct block_io, link);
	}
}

static int serve(struct loop *l, struct block_io *io)
{
	const struct file_ops *ops = l->file->ops;

	switch (io->op) {
	case BLOCK_FLUSH:
		return ops->fsync ? ops->fsync(l->file, 0, INT64_MAX, true) : 0;
	case BLOCK_DISCARD:
		return ops->fallocate(l->file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (s64)(l->offset + io->disk_sector * SECTOR_SIZE), io->sectors * (s64)SECTOR_SIZE);
	default:
		return serve_data(l, io);
	}
}

static void loop_thread(void *arg)
{
	struct loop *l = arg;
	struct block_io *io;

	do {
		wait_event(&l->work, (io = take(l)) || atomic_load(&l->stop));
		if (io)
			disk_complete(&l->disk, io, serve(l, io));
	} while (io);
	atomic_store(&l->running, false);
	wait_wake_all(&ended);
}

/* --- getting a file and losing it -------------------------------------------------------------------------------------------------- */

static void set_size(struct loop *l)
{
	u64 size = l->file ? READ_ONCE(l->file->inode->size) : 0;

	size -= MIN(size, l->offset);
	disk_set_sectors(&l->disk, (l->limit ? MIN(size, l->limit) : size) / SECTOR_SIZE);
}

/* Could the file be the device's: 0 or -errno. A device that lies on itself would wait for itself. */
static int check_file(const struct loop *l, const struct file *f)
{
	while (f->inode && S_ISBLK(f->inode->mode) && abi_major(f->inode->rdev) == LOOP_MAJOR) {
		const struct loop *below = loops[abi_minor(f->inode->rdev) % LOOP_MOST];

		if (below == l)
			return -EBADF;
		if (!below || !below->file)
			return -EINVAL;
		f = below->file;
	}
	if (!f->inode || !(S_ISREG(f->inode->mode) || S_ISBLK(f->inode->mode)) || !f->ops->read)
		return -EINVAL;
	return f->mode & FILE_READ ? 0 : -EBADF;
}

static int apply_info(struct loop *l, const struct loop_info64 *info)
{
	if (info->encrypt_type || info->encrypt_key_size)
		return -EINVAL;
	if ((s64)info->offset < 0 || (s64)info->sizelimit < 0)
		return -EOVERFLOW;
	l->offset = info->offset;
	l->limit = info->sizelimit;
	memcpy(l->file_name, info->file_name, sizeof(l->file_name));
	l->file_name[sizeof(l->file_name) - 1] = 0;
	return 0;
}

/* loop_mutex held. */
static int attach(struct loop *l, struct file *self, u32 fd, const struct loop_info64 *info)
{
	struct fdref r = fdref_get((int)fd, false);
	int err = !r.file ? -EBADF : l->file ? -EBUSY : check_file(l, r.file);

	if (!err)
		err = apply_info(l, info);
	if (err)
		goto out;
	l->file = r.file;
	l->flags = info->flags & (LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR | LO_FLAGS_PARTSCAN);
	if (!(r.file->mode & FILE_WRITE) || !(self->mode & FILE_WRITE) || !r.file->ops->write)
		l->flags |= LO_FLAGS_READ_ONLY;
	l->stop = false;
	l->running = true;
	if (!kthread_run(l->disk.name, loop_thread, l)) {
		l->file = NULL;
		l->running = false;
		err = -ENOMEM;
		goto out;
	}
	file_get(r.file);
	l->disk.read_only = l->flags & LO_FLAGS_READ_ONLY;
	l->disk.can_flush = true;
	l->disk.max_discard = r.file->ops->fallocate && !l->disk.read_only ? 1u << 22 : 0;
	set_size(l);
out:
	fdref_put(r);
	return err;
}

/* loop_mutex held; nobody has the device open but the caller, if he has. The file, which is the caller's to give up without the mutex. */
static struct file *detach(struct loop *l)
{
	struct file *f = l->file;

	block_device_flush_cache(l->disk.whole);
	disk_set_sectors(&l->disk, 0);
	l->disk.can_flush = false;
	l->disk.max_discard = 0;
	atomic_store(&l->stop, true);
	wait_wake_all(&l->work);
	wait_event(&ended, !atomic_load(&l->running));
	l->file = NULL;
	l->offset = l->limit = 0;
	l->flags = 0;
	l->disk.read_only = false;
	return f;
}

static void unused(struct disk *d)
{
	struct loop *l = d->private;
	struct file *gone = NULL;

	mutex_lock(&loop_mutex);
	if (l->file && l->flags & LO_FLAGS_AUTOCLEAR && !block_device_in_use(d->whole, 0))
		gone = detach(l);
	mutex_unlock(&loop_mutex);
	if (gone)
		file_put(gone);
}

/* --- the device's ioctls -------------------------------------------------------------------------------------------------------------- */

static int check_config(const struct loop_config *c)
{
	if ((c->block_size && c->block_size != SECTOR_SIZE) || c->info.flags & ~(u32)(LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR | LO_FLAGS_PARTSCAN | LO_FLAGS_DIRECT_IO))
		return -EINVAL;
	return 0;
}

static int set_status(struct loop *l, const struct loop_info64 *info)
{
	int err;

	if (info->offset != l->offset || info->sizelimit != l->limit)
		block_device_flush_cache(l->disk.whole);
	err = apply_info(l, info);
	if (err)
		return err;
	/* PARTSCAN may only be switched on. */
	l->flags = (l->flags & ~(u32)LO_FLAGS_AUTOCLEAR) | (info->flags & (LO_FLAGS_AUTOCLEAR | LO_FLAGS_PARTSCAN));
	set_size(l);
	return 0;
}

/* What the device says of itself; the file, counted, says the rest without the mutex. */
static void get_status(const struct loop *l, struct loop_info64 *info, struct file **file)
{
	*info = (struct loop_info64){ .number = l->disk.first_minor, .offset = l->offset, .sizelimit = l->limit, .flags = l->flags };
	memcpy(info->file_name, l->file_name, sizeof(info->file_name));
	*file = l->file;
	file_get(l->file);
}

static int add_file_status(const struct file *f, struct loop_info64 *info)
{
	struct path p = { f->mount, f->dentry };
	struct kstat st;
	int err = vfs_stat(&p, &st);

	if (err)
		return err;
	info->device = st.dev;
	info->inode = st.ino;
	info->rdevice = st.rdev;
	return 0;
}

/* loop_mutex held. *gone: a file to give up; with LOOP_GET_STATUS64 the device's. */
static int command(struct loop *l, struct file *f, u32 cmd, u64 arg, struct loop_config *c, struct file **gone)
{
	if (cmd == LOOP_SET_FD || cmd == LOOP_CONFIGURE)
		return attach(l, f, c->fd, &c->info);
	if (!l->file)
		return -ENXIO;
	switch (cmd) {
	case LOOP_CLR_FD:
		/* One that others use as well goes when they have done. */
		if (block_device_in_use(l->disk.whole, 1))
			l->flags |= LO_FLAGS_AUTOCLEAR;
		else
			*gone = detach(l);
		return 0;
	case LOOP_SET_STATUS64:
		return f->mode & FILE_WRITE || file_capable(CAP_SYS_ADMIN) ? set_status(l, &c->info) : -EPERM;
	case LOOP_GET_STATUS64:
		get_status(l, &c->info, gone);
		return 0;
	case LOOP_SET_CAPACITY:
		set_size(l);
		return 0;
	case LOOP_SET_BLOCK_SIZE:
		return arg == SECTOR_SIZE ? 0 : -EINVAL;
	default: /* LOOP_SET_DIRECT_IO: always by the page cache */
		return arg ? -EINVAL : 0;
	}
}

static long loop_ioctl(struct block_device *dev, struct file *f, u32 cmd, u64 arg)
{
	struct loop_config *c;
	struct file *gone = NULL;
	long err = 0;

	if (cmd != LOOP_SET_FD && cmd != LOOP_CLR_FD && cmd != LOOP_SET_STATUS64 && cmd != LOOP_GET_STATUS64 && (cmd < LOOP_SET_CAPACITY || cmd > LOOP_CONFIGURE))
		return -ENOTTY;
	if (cmd == LOOP_GET_STATUS64 && !arg)
		return -EINVAL;
	c = kzalloc(sizeof(*c), 0);
	if (!c)
		return -ENOMEM;
	if (cmd == LOOP_SET_FD)
		c->fd = (u32)arg;
	else if (cmd == LOOP_CONFIGURE)
		err = copy_from_user(c, (const void __user *)arg, sizeof(*c)) ? -EFAULT : check_config(c);
	else if (cmd == LOOP_SET_STATUS64 && copy_from_user(&c->info, (const void __user *)arg, sizeof(c->info)))
		err = -EFAULT;
	if (!err) {
		mutex_lock(&loop_mutex);
		err = command(dev->disk->private, f, cmd, arg, c, &gone);
		mutex_unlock(&loop_mutex);
	}
	if (!err && cmd == LOOP_GET_STATUS64)
		err = add_file_status(gone, &c->info);
	if (!err && cmd == LOOP_GET_STATUS64 && copy_to_user((void __user *)arg, &c->info, sizeof(c->info)))
		err = -EFAULT;
	if (gone)
		file_put(gone);
	kfree(c);
	return err;
}

static const struct block_ops loop_ops = { .start = start, .kick = kick, .ioctl = loop_ioctl, .unused = unused };

/* --- /dev/loop-control ------------------------------------------------------------------------------------------------------------------ */

/* loop_mutex held: the number, or -errno. */
static long add(u32 number)
{
	struct loop *l;
	int err;

	if (number >= LOOP_MOST)
		return -ENOSPC;
	if (loops[number])
		return -EEXIST;
	l = kzalloc(sizeof(*l), 0);
	if (!l)
		return -ENOMEM;
	ksnprintf(l->disk.name, sizeof(l->disk.name), "loop%u", number);
	l->disk.major = LOOP_MAJOR;
	l->disk.first_minor = number;
	l->disk.minors = 1;
	l->disk.no_partitions = true;
	l->disk.logical_size = l->disk.physical_size = SECTOR_SIZE;
	l->disk.max_segments = 128;
	l->disk.max_sectors = 1024;
	l->disk.ops = &loop_ops;
	l->disk.private = l;
	spin_init(&l->disk.lock, "loop", RANK_DEVICE);
	list_init(&l->queue);
	wait_queue_init(&l->work);
	err = disk_add(&l->disk);
	if (err) {
		kfree(l);
		return err;
	}
	loops[number] = l;
	return number;
}

static long get_free(void)
{
	u32 n = 0;

	while (n < LOOP_MOST && loops[n] && loops[n]->file)
		n++;
	return n < LOOP_MOST && loops[n] ? (long)n : add(n);
}

static long control_ioctl(struct file *f __unused, u32 cmd, u64 arg)
{
	long ret = -ENOSYS;

	if (cmd != LOOP_CTL_GET_FREE && !file_capable(CAP_SYS_ADMIN))
		return -EPERM;
	mutex_lock(&loop_mutex);
	if (cmd == LOOP_CTL_ADD)
		ret = (s32)arg < 0 ? get_free() : add((u32)arg);
	else if (cmd == LOOP_CTL_GET_FREE)
		ret = get_free();
	else if (cmd == LOOP_CTL_REMOVE) /* no disk is ever taken away */
		ret = arg < LOOP_MOST && loops[arg] ? -EBUSY : -ENODEV;
	mutex_unlock(&loop_mutex);
	return ret;
}

static const struct file_ops control_ops = { .name = "loop-control", .ioctl = control_ioctl };

static int control_open(struct inode *inode __unused, struct file *f)
{
	f->ops = &control_ops;
	return 0;
}

static int loop_init(void)
{
	static struct char_device control = { .major = CONTROL_MAJOR, .minor = CONTROL_MINOR, .count = 1, .name = "loop-control", .mode = 0660, .open = control_open };
	long err = 0;

	mutex_init(&loop_mutex, "loop devices", RANK_LOOP);
	mutex_lock(&loop_mutex);
	for (u32 n = 0; n < LOOP_FIRST && err >= 0; n++)
		err = add(n);
	mutex_unlock(&loop_mutex);
	return err < 0 ? (int)err : char_device_register(&control);
}
SUBSYSTEM(loop, .needs = "block writeback", .init = loop_init, .stage = "10-disk");
