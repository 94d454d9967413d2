/* The life of an open file, and the calls through its operations. */
#include "file/file.h"
#include "core/registry.h"
#include "file/async.h"
#include "mm/slab.h"

struct limit open_files;
u32 file_watches;
long (*file_lock_hook)(struct file *f, int fd, u32 cmd, u64 arg);
long (*file_notify_hook)(struct file *f, int fd, u32 events);
int (*file_flags_check)(struct file *f, u32 flags);
void (*file_path_release)(struct file *f);
bool (*file_unlimited_hook)(void);

static struct slab_cache file_cache;

/* Who may administer the system is not held by its limit: how else could it be put right? */
static bool unlimited(void)
{
	return file_unlimited_hook && file_unlimited_hook();
}

int file_room(void)
{
	return limit_has_room(&open_files, 1) || unlimited() ? 0 : -ENFILE;
}

static int count_file(void)
{
	if (likely(!limit_take(&open_files, 1)))
		return 0;
	if (!unlimited())
		return -ENFILE;
	limit_take_beyond(&open_files, 1);
	return 0;
}

struct file *file_alloc(const struct file_ops *ops, u32 flags, void *private)
{
	static const u8 modes[4] = { FILE_READ, FILE_WRITE, FILE_READ | FILE_WRITE, 0 };
	struct file *f;

	if (count_file())
		return ERR_PTR(-ENFILE);
	f = slab_alloc(&file_cache, ALLOC_ZERO);
	if (!f) {
		limit_give(&open_files, 1);
		return ERR_PTR(-ENOMEM);
	}
	refcount_set(&f->ref, 1);
	f->flags = flags & ~(O_CREAT | O_EXCL | O_TRUNC | O_CLOEXEC); /* O_NOCTTY is for the device that is opened */
	f->mode = flags & O_PATH ? FILE_PATH_ONLY : modes[flags & O_ACCMODE];
	f->ops = ops;
	f->private = private;
	mutex_init(&f->pos_lock, "file position", RANK_FILE_POS);
	spin_init(&f->lock, "file", RANK_FILES);
	list_init(&f->epoll_links);
	return f;
}

void file_get(struct file *f)
{
	refcount_get(&f->ref);
}

void file_put(struct file *f)
{
	if (!refcount_put(&f->ref))
		return;
	NOTIFIER_CALL(file_release, f);
	async_release(f);
	if (f->ops && f->ops->release)
		f->ops->release(f);
	if (f->dentry)
		file_path_release(f);
	slab_free(&file_cache, f);
	limit_give(&open_files, 1);
}

void file_tell_watchers(struct file *f, bool written)
{
	NOTIFIER_CALL(file_used, f, written);
}

ssize_t file_read(struct file *f, struct uio *to, s64 *pos)
{
	if (!(f->mode & FILE_READ))
		return -EBADF;
	if (!f->ops->read)
		return f->ops->readdir ? -EISDIR : -EINVAL;
	return f->ops->read(f, to, pos ? pos : &f->pos);
}

ssize_t file_write(struct file *f, struct uio *from, s64 *pos)
{
	if (!(f->mode & FILE_WRITE))
		return -EBADF;
	if (!f->ops->write)
		return -EINVAL;
	return f->ops->write(f, from, pos ? pos : &f->pos);
}

ssize_t file_read_kernel(struct file *f, void *buf, size_t n, s64 *pos)
{
	struct uio_vec vec;
	struct uio u;

	uio_init_kernel(&u, &vec, buf, MIN(n, MAX_RW_COUNT));
	return file_read(f, &u, pos);
}

ssize_t file_write_kernel(struct file *f, const void *buf, size_t n, s64 *pos)
{
	struct uio_vec vec;
	struct uio u;

	uio_init_kernel(&u, &vec, (void *)buf, MIN(n, MAX_RW_COUNT));
	return file_write(f, &u, pos);
}

u32 file_poll(struct file *f, struct poll_table *pt)
{
	if (!f->ops->poll)
		return POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
	return f->ops->poll(f, pt);
}

static int file_init(void)
{
	struct mem_stats mem;

	slab_cache_init(&file_cache, "file", sizeof(struct file), 64);
	/* One per KiB of a tenth of memory, as Linux sizes it; enough for 10,000 open files on the smallest machine. */
	mem_stats(&mem);
	return limit_init(&open_files, MAX(16384ul, mem.total * 4 / 10));
}

SUBSYSTEM(file, .needs = "usermode", .init = file_init, .stage = "05-usermode");
