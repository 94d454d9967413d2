/* Stage 08: file contents in memory, and the file system that the tests work in. */
#include "08_files.h"
#include "core/ktest.h"

#include "core/err.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "sched/thread.h"
#include "vfs/vfs.h"
#include "vm/aspace.h"

bool files_begin(const char *options)
{
	int err = vfs_mkdir(AT_FDCWD, TOP, 0755);

	if (err && err != -EEXIST)
		return false;
	return vfs_mount("ktest", TOP, "tmpfs", 0, options) == 0;
}

void files_end(void)
{
	KEXPECT_EQ(vfs_umount(TOP, 0), 0); /* EBUSY if a reference was kept */
	KEXPECT_EQ(vfs_rmdir(AT_FDCWD, TOP), 0);
}

int walk_from(int dirfd, const char *name, u32 flags)
{
	struct lookup_result r;
	int err = path_lookup(dirfd, name, flags, &r);

	if (!err)
		path_put(&r.path);
	return err;
}

struct kstat stat_of(const char *name)
{
	struct lookup_result r;
	struct kstat st = { 0 };

	if (path_lookup(AT_FDCWD, name, 0, &r))
		return st;
	vfs_stat(&r.path, &st);
	path_put(&r.path);
	return st;
}

int make_file(const char *name, const char *text)
{
	struct file *f = file_open(AT_FDCWD, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	ssize_t n;

	if (IS_ERR(f))
		return PTR_ERR(f);
	n = file_write_kernel(f, text, strlen(text), NULL);
	file_put(f);
	return n == (ssize_t)strlen(text) ? 0 : n < 0 ? (int)n : -EIO;
}

/* --- contents -------------------------------------------------------------------------------------------------------- */

KTEST(08, what_is_written_is_read)
{
	size_t size = 3 * PAGE_SIZE + 100;
	u8 *data = kmalloc(size, 0), *back = kmalloc(size, 0);
	struct file *f;

	KREQUIRE(data && back && files_begin(""));
	for (size_t i = 0; i < size; i++)
		data[i] = ktest_random();
	f = file_open(AT_FDCWD, TOP "/f", O_RDWR | O_CREAT, 0644);
	KREQUIRE(!IS_ERR(f));
	/* In pieces that cross pages. */
	for (size_t at = 0; at < size;) {
		size_t n = MIN(size - at, 1 + ktest_random() % 5000);
		s64 pos = at;
		KEXPECT_EQ(file_write_kernel(f, data + at, n, &pos), n);
		KEXPECT_EQ(pos, at + n);
		at += n;
	}
	KEXPECT_EQ(f->inode->size, size);
	for (int i = 0; i < 50; i++) {
		size_t at = ktest_random() % size, n = ktest_random() % size, want = MIN(n, size - at);
		s64 pos = at;
		memset(back, 0xee, size);
		KEXPECT_EQ(file_read_kernel(f, back, n, &pos), want);
		KEXPECT(!memcmp(back, data + at, want));
	}
	s64 pos = size;
	KEXPECT_EQ(file_read_kernel(f, back, 10, &pos), 0);
	file_put(f);
	files_end();
	kfree(data);
	kfree(back);
}

/* Leaves frames behind that are anything but zero. */
static void soil_frames(void)
{
	struct frame *f[64];

	for (size_t i = 0; i < ARRAY_SIZE(f); i++) {
		f[i] = frame_alloc(0, 0);
		if (f[i])
			memset(frame_to_virt(f[i]), 0xaa, PAGE_SIZE);
	}
	for (size_t i = 0; i < ARRAY_SIZE(f); i++)
		if (f[i])
			frame_put(f[i]);
}

KTEST(08, holes_read_as_zeroes_and_cost_nothing)
{
	const s64 far = 1l << 44;
	u8 *back = kmalloc(2 * PAGE_SIZE, 0);
	struct file *f;
	s64 pos;

	KREQUIRE(back && files_begin(""));
	f = file_open(AT_FDCWD, TOP "/f", O_RDWR | O_CREAT, 0644);
	KREQUIRE(!IS_ERR(f));
	soil_frames();
	pos = 10 * PAGE_SIZE + 5;
	KEXPECT_EQ(file_write_kernel(f, "end", 3, &pos), 3);
	KEXPECT_EQ(f->inode->size, 10 * PAGE_SIZE + 8);
	KEXPECT_EQ(f->inode->cache.pages.count, 1);
	pos = 3 * PAGE_SIZE + 1;
	memset(back, 0xee, 2 * PAGE_SIZE);
	KEXPECT_EQ(file_read_kernel(f, back, PAGE_SIZE, &pos), PAGE_SIZE);
	for (size_t i = 0; i < PAGE_SIZE; i++)
		KREQUIRE(back[i] == 0);
	KEXPECT_EQ(f->inode->cache.pages.count, 1);
	pos = 10 * PAGE_SIZE;
	KEXPECT_EQ(file_read_kernel(f, back, PAGE_SIZE, &pos), 8);
	KEXPECT(!memcmp(back, "\0\0\0\0\0end", 8));
	/* So far off that neither the page's number nor what lies between fits 32 bits. */
	pos = far;
	KEXPECT_EQ(file_write_kernel(f, "far", 3, &pos), 3);
	KEXPECT_EQ(f->inode->size, far + 3);
	KEXPECT_EQ(f->inode->cache.pages.count, 2);
	for (s64 at = 0; at <= far; at += far) {
		pos = at;
		KEXPECT_EQ(file_read_kernel(f, back, 3, &pos), 3);
		KEXPECT(!memcmp(back, at ? "far" : "\0\0\0", 3));
	}
	pos = far + 2 - (1l << 32); /* 2^32 + 1 bytes before the end */
	KEXPECT_EQ(file_read_kernel(f, back, 3, &pos), 3);
	file_put(f);
	files_end();
	kfree(back);
}

static bool no_page(int kind) { return kind == 1; }

KTEST(08, a_full_file_system_says_so_and_recovers)
{
	char *page = kzalloc(PAGE_SIZE, 0);
	struct file *f;
	s64 pos = 0;
	ssize_t n;
	int pages = 0;

	KREQUIRE(page && files_begin("size=64k,nr_inodes=5"));
	f = file_open(AT_FDCWD, TOP "/f", O_RDWR | O_CREAT, 0644);
	KREQUIRE(!IS_ERR(f));
	/* A page that memory is short of is not charged. */
	bool (*saved)(int kind) = alloc_fail_hook;
	alloc_fail_hook = no_page;
	n = file_write_kernel(f, page, PAGE_SIZE, &pos);
	alloc_fail_hook = saved;
	KEXPECT_EQ(n, -ENOMEM);
	KEXPECT_EQ(f->inode->size, 0);
	while ((n = file_write_kernel(f, page, PAGE_SIZE, &pos)) == (ssize_t)PAGE_SIZE)
		pages++;
	KEXPECT_EQ(n, -ENOSPC);
	KEXPECT_EQ(pages, 16);
	KEXPECT_EQ(f->inode->size, 16 * PAGE_SIZE);
	/* What is there can be written over. */
	pos = 0;
	KEXPECT_EQ(file_write_kernel(f, "x", 1, &pos), 1);
	file_put(f);
	KEXPECT_EQ(vfs_unlink(AT_FDCWD, TOP "/f"), 0);
	KEXPECT_EQ(make_file(TOP "/g", "some"), 0);
	KEXPECT_EQ(make_file(TOP "/h", ""), 0);
	KEXPECT_EQ(vfs_mkdir(AT_FDCWD, TOP "/i", 0755), 0);
	KEXPECT_EQ(make_file(TOP "/j", ""), 0);
	KEXPECT_EQ(vfs_mkdir(AT_FDCWD, TOP "/k", 0755), -ENOSPC);
	KEXPECT_EQ(vfs_symlink("x", AT_FDCWD, TOP "/k"), -ENOSPC);
	KEXPECT_EQ(vfs_rmdir(AT_FDCWD, TOP "/i"), 0);
	KEXPECT_EQ(vfs_symlink("x", AT_FDCWD, TOP "/k"), 0);
	files_end();
	kfree(page);
}

/* Reader of the last resort: fills pages with their own number, or fails. */
static u32 fills, fail_at;
static int fill_with_index(struct pagecache *pc __unused, struct frame *f)
{
	u64 *word = frame_to_virt(f);

	fills++;
	KEXPECT_EQ(f->flags & (FRAME_LOCKED | FRAME_UPTODATE), FRAME_LOCKED); /* whoever finds it now is to wait */
	atomic_fetch_or(&f->flags, FRAME_REFERENCED); /* page replacement makes its notes at any time */
	if (f->index == fail_at)
		return -EIO;
	for (size_t i = 0; i < PAGE_SIZE / 8; i++)
		word[i] = f->index;
	return 0;
}

static s64 charged;
static bool race;

/* Somebody else wants the page too, and is quicker. */
static int charge_and_race(struct pagecache *pc, s64 pages)
{
	charged += pages;
	if (race && !spin_is_held(&pc->lock)) {
		race = false;
		struct frame *f = pagecache_get(pc, 100 + fills, true);
		if (!IS_ERR(f))
			frame_put(f);
	}
	return 0;
}

/* Who comes second takes the first one's page, and gives back what it had got for its own. */
static void two_want_the_same_page(struct pagecache *pc)
{
	static const struct pagecache_ops ops = { .read_page = fill_with_index, .charge = charge_and_race };
	enum { PAGES = 60 };
	u64 cached = atomic_load(&mem_cache_frames), free = frame_free_now();

	pc->ops = &ops;
	fills = 0;
	charged = 0;
	for (u64 i = 0; i < PAGES; i++) {
		race = true;
		struct frame *f = pagecache_get(pc, 100 + i, true);
		race = false;
		if (!KEXPECT(f && !IS_ERR(f)))
			break;
		KEXPECT(*(u64 *)frame_to_virt(f) == 100 + i && refcount_read(&f->ref) == 2);
		frame_put(f);
	}
	KEXPECT_EQ(fills, PAGES);
	KEXPECT_EQ(charged, PAGES);
	KEXPECT_EQ(atomic_load(&mem_cache_frames), cached + PAGES);
	pagecache_truncate(pc, 100 * PAGE_SIZE);
	KEXPECT_EQ(charged, 0);
	KEXPECT(frame_free_now() + PAGES / 2 > free);
}

KTEST(08, a_missing_page_is_filled_once)
{
	static const struct pagecache_ops ops = { .read_page = fill_with_index };
	struct lookup_result r;
	struct inode *i;
	struct frame *f, *g;

	KREQUIRE(files_begin(""));
	KREQUIRE(path_lookup(AT_FDCWD, TOP, 0, &r) == 0);
	i = inode_alloc(r.path.dentry->sb);
	KREQUIRE(i != NULL);
	u64 cached = atomic_load(&mem_cache_frames);
	const struct super_ops *saved = i->sb->ops;
	i->mode = S_IFREG;
	i->cache.ops = &ops;
	fills = 0;
	fail_at = 7;
	KEXPECT(pagecache_get(&i->cache, 3, false) == NULL);
	KEXPECT_EQ(fills, 0);
	f = pagecache_get(&i->cache, 3, true);
	KREQUIRE(!IS_ERR(f) && f);
	KEXPECT_EQ(*(u64 *)frame_to_virt(f), 3);
	KEXPECT_EQ(refcount_read(&f->ref), 2); /* the cache's and ours */
	KEXPECT(f->flags & FRAME_UPTODATE && !(f->flags & FRAME_LOCKED));
	KEXPECT(f->flags & FRAME_REFERENCED);
	g = pagecache_get(&i->cache, 3, false);
	KEXPECT(g == f);
	KEXPECT_EQ(fills, 1);
	KEXPECT_EQ(atomic_load(&mem_cache_frames), cached + 1);
	frame_put(g);
	frame_put(f);
	/* One that cannot be read gives the error, is not held, and may be tried again. */
	KEXPECT_EQ((u64)pagecache_get(&i->cache, 7, true), (u64)ERR_PTR(-EIO));
	fail_at = ~0u;
	f = pagecache_get(&i->cache, 7, true);
	KEXPECT(!IS_ERR(f) && *(u64 *)frame_to_virt(f) == 7);
	if (!IS_ERR(f))
		frame_put(f);
	two_want_the_same_page(&i->cache);
	i->cache.ops = &ops;
	pagecache_destroy(&i->cache);
	i->sb->ops = NULL; /* tmpfs did not make this inode */
	inode_put(i);
	r.path.dentry->sb->ops = saved;
	path_put(&r.path);
	files_end();
}

static struct pagecache waited_for;
static struct frame *volatile came_back;
static void want_page(void *arg __unused)
{
	came_back = pagecache_get(&waited_for, 5, true);
}
static void want_page_if_there(void *arg __unused)
{
	came_back = pagecache_get(&waited_for, 5, false);
}

/* Filled by the one who made it: who waited takes it as it is. */
static void filled_meanwhile(void (*want)(void *arg))
{
	struct frame *f = pagecache_add_locked(&waited_for, 5);

	fills = 0;
	came_back = NULL;
	KREQUIRE(f && kthread_run("wants a page", want, NULL) != NULL);
	thread_sleep_ns(5 * NSEC_PER_MSEC);
	KEXPECT(came_back == NULL);
	*(u64 *)frame_to_virt(f) = 77;
	atomic_fetch_or(&f->flags, FRAME_UPTODATE);
	page_unlock(f);
	for (int i = 0; i < 1000 && !came_back; i++)
		thread_sleep_ns(NSEC_PER_MSEC);
	KREQUIRE(came_back == f);
	KEXPECT_EQ(*(u64 *)frame_to_virt(f), 77);
	KEXPECT_EQ(fills, 0);
	frame_put(f);
	frame_put(f);
}

KTEST(08, who_finds_a_locked_page_waits_and_looks_again)
{
	static const struct pagecache_ops ops = { .read_page = fill_with_index };
	struct frame *f;

	pagecache_init(&waited_for, NULL, &ops);
	fills = 0;
	fail_at = ~0u;
	came_back = NULL;
	f = pagecache_add_locked(&waited_for, 5);
	KREQUIRE(f != NULL);
	KREQUIRE(kthread_run("wants a page", want_page, NULL) != NULL);
	thread_sleep_ns(5 * NSEC_PER_MSEC);
	KEXPECT(came_back == NULL);
	KEXPECT_EQ(fills, 0);
	/* A truncation takes it out, as page_drop does. */
	spin_lock(&waited_for.lock);
	radix_remove(&waited_for.pages, 5);
	spin_unlock(&waited_for.lock);
	f->owner = NULL;
	atomic_fetch_and(&f->flags, ~FRAME_CACHE);
	atomic_fetch_sub(&mem_cache_frames, 1ul);
	frame_put(f);
	page_unlock(f);
	for (int i = 0; i < 1000 && !came_back; i++)
		thread_sleep_ns(NSEC_PER_MSEC);
	KREQUIRE(came_back && !IS_ERR(came_back));
	KEXPECT(came_back != f);
	KEXPECT(came_back->owner == &waited_for && came_back->index == 5);
	KEXPECT_EQ(*(u64 *)frame_to_virt(came_back), 5);
	KEXPECT_EQ(refcount_read(&f->ref), 1); /* ours: who found it has let it go */
	frame_put(came_back);
	frame_put(f);
	pagecache_destroy(&waited_for);
	static void (*const wants[])(void *arg) = { want_page, want_page_if_there }; /* it is there: also for who would not make it */
	for (size_t i = 0; i < ARRAY_SIZE(wants); i++) {
		pagecache_init(&waited_for, NULL, &ops);
		filled_meanwhile(wants[i]);
		pagecache_destroy(&waited_for);
	}
}

KTEST(08, a_write_brings_no_memory_in)
{
	const vaddr_t at = 0x30000000;
	u8 *buf = kmalloc(PAGE_SIZE, 0);
	struct aspace *as = aspace_create();
	struct file *f;
	struct uio_vec vec;
	struct uio from;
	s64 pos = 0;

	KREQUIRE(buf && as && files_begin(""));
	f = file_open(AT_FDCWD, TOP "/f", O_RDWR | O_CREAT, 0644);
	KREQUIRE(!IS_ERR(f));
	memset(buf, 'w', PAGE_SIZE);
	vm_map(as, at, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0);
	KEXPECT_EQ(vm_access(as, at, buf, PAGE_SIZE, true), PAGE_SIZE);
	aspace_activate(as);
	/* The first page of the program is there, the second is not: what is there is written, and the size tells. */
	uio_init_user(&from, &vec, (void *)(at + 1000), PAGE_SIZE);
	rwlock_write(&f->inode->lock);
	KEXPECT_EQ(pagecache_write(&f->inode->cache, &from, &pos), PAGE_SIZE - 1000);
	KEXPECT_EQ(from.left, 1000);
	KEXPECT_EQ(pos, PAGE_SIZE - 1000);
	KEXPECT_EQ(f->inode->size, PAGE_SIZE - 1000);
	KEXPECT_EQ(pagecache_write(&f->inode->cache, &from, &pos), -EFAULT);
	KEXPECT_EQ(f->inode->size, PAGE_SIZE - 1000);
	KEXPECT_EQ(current->pagefault_off, 0);
	rwlock_write_done(&f->inode->lock);
	/* The caller brings it in and comes back. */
	KEXPECT_EQ(uio_fault_in(&from, 1000, false), 0);
	rwlock_write(&f->inode->lock);
	KEXPECT_EQ(pagecache_write(&f->inode->cache, &from, &pos), 1000);
	rwlock_write_done(&f->inode->lock);
	aspace_activate(NULL);
	aspace_put_user(as);
	KEXPECT_EQ(f->inode->size, PAGE_SIZE);
	pos = 0;
	KEXPECT_EQ(file_read_kernel(f, buf, PAGE_SIZE, &pos), PAGE_SIZE);
	for (size_t i = 0; i < PAGE_SIZE; i++)
		KREQUIRE(buf[i] == (i < PAGE_SIZE - 1000 ? 'w' : 0));
	file_put(f);
	files_end();
	kfree(buf);
}
