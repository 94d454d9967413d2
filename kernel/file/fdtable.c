/*
 * The descriptor table: small numbers for open files.
 *
 *   file[]    what each number refers to; NULL: free, or reserved and not installed yet
 *   used      bit: taken (reserved or open)         cloexec   bit: closed by execve
 *   next      no number below it is free, so that finding the lowest one does not start at 0
 *
 * The three arrays are one allocation of `size` slots, replaced by one twice as large when it is full. `lock` guards all;
 * nothing sleeps under it. Files are closed after it was let go, since closing may sleep.
 *
 * Each thread that uses a table holds a reference to it. The fast path takes no lock and no further reference: where the table
 * has one owner, nobody but the running call itself could close the descriptor. Whoever else looks at a table (/proc/PID/fd)
 * holds a reference to it, and only ever adds references to files; or holds nothing but the locks, files_peek: the last reference
 * closes files, which takes many locks, so none may be given back where an inode is locked.
 */
#include "file_priv.h"
#include "lib/bitmap.h"
#include "lib/string.h"
#include "mm/pagetable.h"
#include "mm/slab.h"

#define FILES_FIRST 64         /* slots of a new table */
u64 files_limit = 1u << 20;

struct files {
	struct refcount ref;
	struct spinlock lock; /* guards all below */
	u32 size;             /* slots; a multiple of 64 */
	u32 next;
	u32 count;            /* open files */
	struct file **file;   /* start of the allocation */
	u64 *used, *cloexec;  /* inside it */
};

struct file *(*console_open_hook)(void);

/* --- the allocation -------------------------------------------------------------------------------------------------- */

static size_t slots_bytes(u32 size)
{
	return size * sizeof(struct file *) + 2 * BITMAP_WORDS(size) * sizeof(u64);
}

/* Past a size that the buddy gives easily the table is mapped page by page. */
static bool slots_mapped(u32 size)
{
	return slots_bytes(size) > 128 * 1024;
}

static void *slots_alloc(u32 size)
{
	if (slots_mapped(size)) {
		void *p = kmap_alloc(slots_bytes(size), 0);
		if (p)
			memset(p, 0, slots_bytes(size));
		return p;
	}
	return kzalloc(slots_bytes(size), 0);
}

static void slots_free(void *slots, u32 size)
{
	if (slots_mapped(size))
		kmap_free(slots);
	else
		kfree(slots);
}

static void files_set_slots(struct files *fs, void *slots, u32 size)
{
	fs->file = slots;
	fs->used = (u64 *)(fs->file + size);
	fs->cloexec = fs->used + BITMAP_WORDS(size);
	fs->size = size;
}

/* Copies the first n slots' bits and pointers (n a multiple of 64). */
static void files_copy_slots(struct files *to, const struct file *const *file, const u64 *used, const u64 *cloexec, u32 n)
{
	memcpy(to->file, file, n * sizeof(*file));
	memcpy(to->used, used, BITMAP_WORDS(n) * sizeof(u64));
	memcpy(to->cloexec, cloexec, BITMAP_WORDS(n) * sizeof(u64));
}

/* Grows the table so that slot `fd` exists: 0, -EMFILE, -ENOMEM. Called and returns with the lock held, but lets it go. */
static int files_grow(struct files *fs, u32 fd)
{
	u32 size = fs->size, old_size;
	void *slots, *old;

	if (fd < size)
		return 0;
	if (fd >= READ_ONCE(files_limit))
		return -EMFILE;
	while (size <= fd)
		size *= 2;
	spin_unlock(&fs->lock);
	slots = slots_alloc(size);
	spin_lock(&fs->lock);
	if (!slots)
		return -ENOMEM;
	old = slots;
	old_size = size;
	if (fs->size < size) {
		const struct file *const *file = (const struct file *const *)fs->file;
		const u64 *used = fs->used, *cloexec = fs->cloexec;
		old = fs->file;
		old_size = fs->size;
		files_set_slots(fs, slots, size);
		files_copy_slots(fs, file, used, cloexec, old_size);
	}
	spin_unlock(&fs->lock);
	slots_free(old, old_size);
	spin_lock(&fs->lock);
	return 0;
}

/* --- life of a table ------------------------------------------------------------------------------------------------- */

static struct files *files_alloc(u32 size)
{
	struct files *fs = kzalloc(sizeof(*fs), 0);
	void *slots;

	if (!fs)
		return NULL;
	slots = slots_alloc(size);
	if (!slots) {
		kfree(fs);
		return NULL;
	}
	refcount_set(&fs->ref, 1);
	spin_init(&fs->lock, "files", RANK_FILES);
	files_set_slots(fs, slots, size);
	return fs;
}

struct files *files_create(void)
{
	return files_alloc(FILES_FIRST);
}

/* Slots needed for all numbers in use. Lock held. */
static u32 files_extent(struct files *fs)
{
	u32 words = BITMAP_WORDS(fs->size);

	while (words > 1 && !fs->used[words - 1])
		words--;
	return words * 64;
}

struct files *files_clone(struct files *from)
{
	struct files *to;
	u32 size = FILES_FIRST, extent;

	/* The old table may grow while the new one is allocated: then again. */
	for (;;) {
		spin_lock(&from->lock);
		extent = files_extent(from);
		spin_unlock(&from->lock);
		while (size < extent)
			size *= 2;
		to = files_alloc(size);
		if (!to)
			return ERR_PTR(-ENOMEM);
		spin_lock(&from->lock);
		extent = files_extent(from);
		if (extent <= size)
			break;
		spin_unlock(&from->lock);
		slots_free(to->file, to->size);
		kfree(to);
	}
	files_copy_slots(to, (const struct file *const *)from->file, from->used, from->cloexec, extent);
	to->next = from->next;
	for (u32 w = 0; w < extent / 64; w++) {
		for (u64 bits = to->used[w]; bits; bits &= bits - 1) {
			u32 fd = w * 64 + __builtin_ctzl(bits);
			if (to->file[fd]) {
				file_get(to->file[fd]);
				to->count++;
			} else {
				/* Reserved by a call of another thread: not open here. */
				bit_clear(to->used, fd);
				bit_clear(to->cloexec, fd);
				to->next = MIN(to->next, fd);
			}
		}
	}
	spin_unlock(&from->lock);
	return to;
}

void files_get(struct files *fs)
{
	refcount_get(&fs->ref);
}

static int file_close(struct files *fs, struct file *f)
{
	int err = f->ops->flush && !(f->mode & FILE_PATH_ONLY) ? f->ops->flush(f) : 0;

	NOTIFIER_CALL(fd_closed, fs, f);
	file_put(f);
	return err;
}

void files_put(struct files *fs)
{
	if (!refcount_put(&fs->ref))
		return;
	for (u32 w = 0; w < BITMAP_WORDS(fs->size); w++)
		for (u64 bits = fs->used[w]; bits; bits &= bits - 1) {
			struct file *f = fs->file[w * 64 + __builtin_ctzl(bits)];
			if (f)
				file_close(fs, f);
		}
	slots_free(fs->file, fs->size);
	kfree(fs);
}

static struct spinlock owner_lock = SPINLOCK_INIT("owners of files", RANK_FILES_OWNER); /* thread->files, for who is not that thread */

static void change_table(struct thread *t, struct files *fs)
{
	struct files *old = t->files;

	spin_lock(&owner_lock);
	t->files = fs;
	spin_unlock(&owner_lock);
	if (old)
		files_put(old);
}

int files_unshare(void)
{
	struct files *own;

	if (refcount_read(&current->files->ref) == 1)
		return 0;
	own = files_clone(current->files);
	if (IS_ERR(own))
		return PTR_ERR(own);
	change_table(current, own);
	return 0;
}

void files_drop(struct thread *t)
{
	change_table(t, NULL);
}

struct files *files_get_of(struct thread *t)
{
	struct files *fs;

	spin_lock(&owner_lock);
	fs = t->files;
	if (fs)
		files_get(fs);
	spin_unlock(&owner_lock);
	return fs;
}

/* Takes descriptor fd out: its file, or NULL if it was not open. Lock held. */
static struct file *files_take(struct files *fs, u32 fd)
{
	struct file *f = fd < fs->size ? fs->file[fd] : NULL;

	if (!f)
		return NULL;
	WRITE_ONCE(fs->file[fd], NULL);
	bit_clear(fs->used, fd);
	bit_clear(fs->cloexec, fd);
	fs->next = MIN(fs->next, fd);
	fs->count--;
	return f;
}

void files_close_on_exec(struct files *fs)
{
	spin_lock(&fs->lock);
	for (u32 w = 0; w < BITMAP_WORDS(fs->size); w++)
		while (fs->cloexec[w] & fs->used[w]) {
			u32 fd = w * 64 + __builtin_ctzl(fs->cloexec[w] & fs->used[w]);
			struct file *f = files_take(fs, fd);
			if (!f) {
				bit_clear(fs->cloexec, fd);
				continue;
			}
			spin_unlock(&fs->lock);
			file_close(fs, f);
			spin_lock(&fs->lock);
		}
	spin_unlock(&fs->lock);
}

/* --- look-up --------------------------------------------------------------------------------------------------------- */

static struct files *current_files(void)
{
	return current->files;
}

struct file *files_lookup(struct files *fs, int fd)
{
	struct file *f = NULL;

	spin_lock(&fs->lock);
	if ((u32)fd < fs->size)
		f = fs->file[fd];
	if (f)
		file_get(f);
	spin_unlock(&fs->lock);
	return f;
}

struct file *fd_get(int fd)
{
	struct files *fs = current_files();

	return fs ? files_lookup(fs, fd) : NULL;
}

u32 fd_table_size(void)
{
	struct files *fs = current_files();

	return fs ? READ_ONCE(fs->size) : 0;
}

struct fdref fdref_get(int fd, bool path_ok)
{
	struct files *fs = current_files();
	struct fdref r = { NULL, false };

	if (unlikely(!fs))
		return r;
	if (likely(refcount_read(&fs->ref) == 1)) {
		if ((u32)fd < fs->size)
			r.file = fs->file[fd];
	} else {
		r.file = files_lookup(fs, fd);
		r.counted = r.file != NULL;
	}
	if (r.file && unlikely(r.file->mode & FILE_PATH_ONLY) && !path_ok) {
		fdref_put(r);
		r = (struct fdref){ NULL, false };
	}
	return r;
}

bool files_peek(struct thread *t, int *fd, u32 *mode)
{
	size_t at = *fd < 0 ? 0 : *fd;
	bool found = false;

	spin_lock(&owner_lock);
	struct files *fs = t->files;
	if (fs) {
		spin_lock(&fs->lock);
		while (!found && at < fs->size && (at = bitmap_find_set(fs->used, fs->size, at)) < fs->size) {
			found = fs->file[at] != NULL;
			if (found)
				*mode = fs->file[at]->mode;
			else
				at++;
		}
		spin_unlock(&fs->lock);
	}
	spin_unlock(&owner_lock);
	*fd = at;
	return found;
}

u32 files_count(struct files *fs)
{
	return READ_ONCE(fs->count);
}

bool fd_cloexec(int fd)
{
	struct files *fs = current_files();
	bool on;

	spin_lock(&fs->lock);
	on = (u32)fd < fs->size && bit_test(fs->cloexec, fd);
	spin_unlock(&fs->lock);
	return on;
}

int fd_set_cloexec(int fd, bool on)
{
	struct files *fs = current_files();
	int err = -EBADF;

	spin_lock(&fs->lock);
	if ((u32)fd < fs->size && fs->file[fd]) {
		(on ? bit_set : bit_clear)(fs->cloexec, fd);
		err = 0;
	}
	spin_unlock(&fs->lock);
	return err;
}

/* --- open and close -------------------------------------------------------------------------------------------------- */

int fd_reserve(int min)
{
	struct files *fs = current_files();
	u64 limit = current->process->rlimits[RLIM_NOFILE].cur;
	size_t fd;
	int err;

	spin_lock(&fs->lock);
	for (;;) {
		fd = MAX((u32)min, fs->next);
		if (fd < fs->size)
			fd = bitmap_find_zero(fs->used, fs->size, fd);
		err = -EMFILE;
		if (fd >= limit)
			goto out;
		if (fd < fs->size)
			break;
		err = files_grow(fs, fd);
		if (err)
			goto out;
	}
	bit_set(fs->used, fd);
	bit_clear(fs->cloexec, fd);
	if ((u32)min <= fs->next)
		fs->next = fd + 1;
	err = fd;
out:
	spin_unlock(&fs->lock);
	return err;
}

void fd_install(int fd, struct file *f, bool cloexec)
{
	struct files *fs = current_files();

	spin_lock(&fs->lock);
	if (cloexec)
		bit_set(fs->cloexec, fd);
	fs->file[fd] = f;
	fs->count++;
	spin_unlock(&fs->lock);
}

void fd_release(int fd)
{
	struct files *fs = current_files();

	spin_lock(&fs->lock);
	bit_clear(fs->used, fd);
	fs->next = MIN(fs->next, (u32)fd);
	spin_unlock(&fs->lock);
}

int fd_open(struct file *f, bool cloexec)
{
	int fd = fd_reserve(0);

	if (fd >= 0)
		fd_install(fd, f, cloexec);
	return fd;
}

int fd_close(int fd)
{
	struct files *fs = current_files();
	struct file *f;

	spin_lock(&fs->lock);
	f = files_take(fs, fd);
	spin_unlock(&fs->lock);
	return f ? file_close(fs, f) : -EBADF;
}

/* dup2 and dup3: `to` becomes f (counted by the caller, taken over on success). The number, -EBUSY while another thread opens it, -EMFILE, -ENOMEM. */
int fd_replace(int to, struct file *f, bool cloexec)
{
	struct files *fs = current_files();
	struct file *old;
	int err;

	spin_lock(&fs->lock);
	err = files_grow(fs, to);
	if (err)
		goto fail;
	err = -EBUSY;
	if (!fs->file[to] && bit_test(fs->used, to))
		goto fail;
	old = fs->file[to];
	fs->file[to] = f;
	bit_set(fs->used, to);
	(cloexec ? bit_set : bit_clear)(fs->cloexec, to);
	fs->count += !old;
	spin_unlock(&fs->lock);
	if (old)
		file_close(fs, old);
	return to;

fail:
	spin_unlock(&fs->lock);
	return err;
}

/* close_range: closes, or marks close-on-exec, every open descriptor of [first, last]. */
void fd_close_range(u32 first, u32 last, bool mark_only)
{
	struct files *fs = current_files();
	size_t fd = first;

	spin_lock(&fs->lock);
	while (fd < fs->size && (fd = bitmap_find_set(fs->used, fs->size, fd)) < fs->size && fd <= last) {
		struct file *f;
		if (mark_only) {
			bit_set(fs->cloexec, fd++);
			continue;
		}
		f = files_take(fs, fd++);
		if (!f)
			continue;
		spin_unlock(&fs->lock);
		file_close(fs, f);
		spin_lock(&fs->lock);
	}
	spin_unlock(&fs->lock);
}

int files_open_console(struct process *p)
{
	struct files *fs = p->leader->files;
	struct file *f;

	if (!fs)
		fs = p->leader->files = files_create();
	if (!fs)
		return -ENOMEM;
	f = console_open_hook ? console_open_hook() : ERR_PTR(-ENOENT);
	if (IS_ERR(f))
		f = console_file_open();
	if (IS_ERR(f))
		return PTR_ERR(f);
	for (int fd = 0; fd < 3; fd++) {
		file_get(f);
		fs->file[fd] = f;
		bit_set(fs->used, fd);
	}
	fs->count = fs->next = 3;
	file_put(f);
	return 0;
}
