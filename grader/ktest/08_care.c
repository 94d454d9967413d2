/* Stage 08: what a walk or an operation holds while it works is let go on every way out, and what a file system is told about a write is what happened. */
#include "08_files.h"
#include "core/ktest.h"

#include "core/err.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "proc/cred.h"
#include "sched/thread.h"
#include "vfs/vfs.h"
#include "vm/aspace.h"

#define LONG_TEXT "./././././././././././././././././././././././././././././././././." /* from one of the larger caches of the heap */

/* --- what a walk holds ------------------------------------------------------------------------------------------------ */

static const struct {
	const char *name;
	u32 flags;
	int err;
} walks[] = {
	{ TOP "/d/f", 0, 0 }, { "/../.." TOP "/d/f", 0, 0 }, { TOP "/none", 0, -ENOENT }, { TOP "/d/f/x", 0, -ENOTDIR }, { TOP "/d/f/", 0, -ENOTDIR },
	{ TOP "/l/l/f", 0, 0 }, { TOP "/l/l/none", 0, -ENOENT }, { TOP "/abs/l/l/f", 0, 0 }, { TOP "/loop", LOOKUP_FOLLOW, -ELOOP },
	{ TOP "/l/l", LOOKUP_FOLLOW, 0 }, { TOP "/l/new", LOOKUP_PARENT, 0 }, { TOP "/d/../d/..", 0, 0 }, { "/", 0, 0 },
};

KTEST(08, a_walk_lets_go_of_what_it_held)
{
	enum { ROUNDS = 50 };
	struct path root, cwd;

	KREQUIRE(files_begin(""));
	vfs_mkdir(AT_FDCWD, TOP "/d", 0755);
	KEXPECT_EQ(make_file(TOP "/d/f", "x"), 0);
	vfs_symlink(LONG_TEXT "/d", AT_FDCWD, TOP "/l");
	vfs_symlink("../" LONG_TEXT "/d", AT_FDCWD, TOP "/d/l");
	vfs_symlink(TOP "/l/", AT_FDCWD, TOP "/abs");
	vfs_symlink("loop", AT_FDCWD, TOP "/loop");
	fs_root(&root);
	fs_cwd(&cwd);
	for (size_t i = 0; i < ARRAY_SIZE(walks); i++) {
		KEXPECT_EQ(walk_from(AT_FDCWD, walks[i].name, walks[i].flags), walks[i].err); /* what is cached of it is there now */
		u64 objects = slab_all_in_use();
		u32 dentry = refcount_read(&root.dentry->ref);
		u64 mount = mount_references(root.mount);
		for (unsigned n = 0; n < ROUNDS; n++)
			walk_from(AT_FDCWD, walks[i].name, walks[i].flags);
		bool kept = slab_all_in_use() >= objects + ROUNDS || refcount_read(&root.dentry->ref) >= dentry + ROUNDS || mount_references(root.mount) >= mount + ROUNDS;
		if (!KEXPECT(!kept))
			ktest_note("the walk's number", i);
	}
	/* From a place that the caller gives, even one that is not looked at. */
	u32 before = refcount_read(&cwd.dentry->ref);
	for (unsigned n = 0; n < ROUNDS; n++)
		walk_from(AT_FDCWD, "none", 0);
	KEXPECT(refcount_read(&cwd.dentry->ref) < before + ROUNDS);
	path_put(&cwd);
	path_put(&root);
	KEXPECT_EQ(walk_from(-2, TOP "/d/f", 0), 0); /* a leading slash: where the caller is does not matter */
	KEXPECT_EQ(walk_from(-2, "d/f", 0), -EBADF);
	KEXPECT_EQ(walk_from(-2, "", 0), -ENOENT); /* nor if there is nothing to walk */
	files_end();
}

static const char *no_text(struct inode *inode __unused, struct dentry *d __unused, char **to_free __unused) { return ""; }
static const char *own_text(struct inode *inode __unused, struct dentry *d __unused, char **to_free)
{
	*to_free = kstrdup("d", 0);
	return *to_free ? *to_free : ERR_PTR(-ENOMEM);
}
static const char *own_empty_text(struct inode *inode __unused, struct dentry *d __unused, char **to_free)
{
	*to_free = kstrdup("", 0);
	return *to_free ? *to_free : ERR_PTR(-ENOMEM);
}
/*
 * Memory of the size of a short text is taken, and `returned` pieces of it are given back before the walk goes on: whatever the heap keeps at hand, it is
 * full up in one of the rounds, and what is freed next loses its first bytes.
 */
static void *taken[48];
static size_t returned;

static const char *text_and_stir(struct inode *inode __unused, struct dentry *d __unused, char **to_free __unused)
{
	for (size_t i = 0; i < ARRAY_SIZE(taken); i++)
		taken[i] = kmalloc(sizeof("l/f"), 0);
	for (size_t i = 0; i < returned; i++) {
		kfree(taken[i]);
		taken[i] = NULL;
	}
	return LONG_TEXT "/d";
}

/* What stands behind a link is in the text of the link before it, until it was copied. */
static void what_follows_is_kept(struct inode *link)
{
	static const struct inode_ops stirs = { .get_link = text_and_stir };
	u64 f = stat_of(TOP "/d/f").ino;
	bool found = true;

	link->ops = &stirs;
	for (returned = 0; returned < ARRAY_SIZE(taken) && found; returned++) {
		found = stat_of(TOP "/k/f").ino == f;
		for (size_t i = 0; i < ARRAY_SIZE(taken); i++)
			kfree(taken[i]);
	}
	KEXPECT(found);
}

static int no_jump(struct inode *inode __unused, struct path *out __unused) { return -EACCES; }

KTEST(08, links_of_other_file_systems_are_followed)
{
	static const struct inode_ops empty = { .get_link = no_text }, made = { .get_link = own_text }, own_empty = { .get_link = own_empty_text }, shut = { .jump_link = no_jump };
	const struct inode_ops *saved;
	struct lookup_result link;

	KREQUIRE(files_begin(""));
	vfs_mkdir(AT_FDCWD, TOP "/d", 0755);
	vfs_symlink("none", AT_FDCWD, TOP "/l");
	KREQUIRE(path_lookup(AT_FDCWD, TOP "/l", 0, &link) == 0);
	saved = link.path.dentry->inode->ops;
	link.path.dentry->inode->ops = &empty;
	KEXPECT_EQ(walk_from(AT_FDCWD, TOP "/l", LOOKUP_FOLLOW), -ENOENT); /* a link to nowhere */
	KEXPECT_EQ(walk_from(AT_FDCWD, TOP "/l/d", 0), -ENOENT);
	link.path.dentry->inode->ops = &shut;
	KEXPECT_EQ(walk_from(AT_FDCWD, TOP "/l", LOOKUP_FOLLOW), -EACCES);
	link.path.dentry->inode->ops = &made;
	KEXPECT_EQ(walk_from(AT_FDCWD, TOP "/l", LOOKUP_FOLLOW), 0);
	u64 objects = slab_all_in_use();
	for (unsigned n = 0; n < 50; n++)
		walk_from(AT_FDCWD, TOP "/l", LOOKUP_FOLLOW);
	KEXPECT(slab_all_in_use() < objects + 50); /* a text that was made for the walk */
	link.path.dentry->inode->ops = &own_empty;
	objects = slab_all_in_use();
	for (unsigned n = 0; n < 50; n++)
		KEXPECT_EQ(walk_from(AT_FDCWD, TOP "/l", LOOKUP_FOLLOW), -ENOENT);
	KEXPECT(slab_all_in_use() < objects + 50);
	KEXPECT_EQ(make_file(TOP "/d/f", "x"), 0);
	vfs_symlink("l", AT_FDCWD, TOP "/k");
	what_follows_is_kept(link.path.dentry->inode);
	link.path.dentry->inode->ops = saved;
	path_put(&link.path);
	files_end();
}

KTEST(08, each_directory_is_asked_for_search)
{
	static struct cred stranger = { .uid = 1000, .euid = 1000, .suid = 1000, .fsuid = 1000, .gid = 1000, .egid = 1000, .sgid = 1000, .fsgid = 1000 };
	struct cred *saved = current->cred;

	KREQUIRE(files_begin(""));
	refcount_set(&stranger.ref, 1);
	vfs_mkdir(AT_FDCWD, TOP "/open", 0755);
	vfs_mkdir(AT_FDCWD, TOP "/shut", 0744);
	vfs_mkdir(AT_FDCWD, TOP "/shut/d", 0755);
	KEXPECT_EQ(make_file(TOP "/open/f", "x"), 0);
	KEXPECT_EQ(make_file(TOP "/shut/f", "x"), 0);
	current->cred = &stranger;
	int open = walk_from(AT_FDCWD, TOP "/open/f", 0), itself = walk_from(AT_FDCWD, TOP "/shut", 0), last = walk_from(AT_FDCWD, TOP "/shut/f", 0);
	int middle = walk_from(AT_FDCWD, TOP "/shut/d/x", 0), up = walk_from(AT_FDCWD, TOP "/shut/..", 0), dot = walk_from(AT_FDCWD, TOP "/shut/.", 0);
	int parent = walk_from(AT_FDCWD, TOP "/shut/new", LOOKUP_PARENT), file = walk_from(AT_FDCWD, TOP "/open/f/x", 0);
	current->cred = saved;
	KEXPECT_EQ(open, 0);
	KEXPECT_EQ(itself, 0);
	KEXPECT_EQ(last, -EACCES);
	KEXPECT_EQ(middle, -EACCES);
	KEXPECT_EQ(up, -EACCES);
	KEXPECT_EQ(dot, -EACCES);
	KEXPECT_EQ(parent, -EACCES);
	KEXPECT_EQ(file, -ENOTDIR); /* what kind it is comes before who may search it */
	files_end();
}

/* --- what a write tells ------------------------------------------------------------------------------------------------- */

static struct {
	u32 begins, ends;
	u64 begin_pos, end_pos;
	size_t begin_n, end_n;
	int answer;
} told;

static int begin(struct pagecache *pc __unused, u64 pos, size_t n, struct frame *f __unused)
{
	told.begins++;
	told.begin_pos = pos;
	told.begin_n = n;
	return told.answer;
}
static int end(struct pagecache *pc __unused, u64 pos, size_t n, struct frame *f __unused)
{
	told.ends++;
	told.end_pos = pos;
	told.end_n = n;
	return 0;
}

static ssize_t write_at(struct file *f, struct uio *from, s64 pos)
{
	rwlock_write(&f->inode->lock);
	ssize_t n = pagecache_write(&f->inode->cache, from, &pos);
	rwlock_write_done(&f->inode->lock);
	return n;
}

static u32 counts_of(struct file *f, u64 index)
{
	struct frame *page = radix_lookup(&f->inode->cache.pages, index);
	return page ? refcount_read(&page->ref) : 0;
}

KTEST(08, a_file_system_hears_of_each_part_of_a_write)
{
	const vaddr_t at = 0x30000000;
	static struct pagecache_ops ops;
	u8 *buf = kzalloc(2 * PAGE_SIZE, 0);
	struct aspace *as = aspace_create();
	const struct pagecache_ops *saved;
	struct uio_vec vec;
	struct uio u;
	s64 pos;

	KREQUIRE(buf && as && files_begin(""));
	struct file *f = file_open(AT_FDCWD, TOP "/f", O_RDWR | O_CREAT, 0644);
	KREQUIRE(!IS_ERR(f));
	saved = f->inode->cache.ops;
	ops = *saved;
	ops.write_begin = begin;
	ops.write_end = end;
	f->inode->cache.ops = &ops;
	/* A refusal is the result, nothing is written, and nobody keeps the page. */
	memset(&told, 0, sizeof(told));
	told.answer = -EDQUOT;
	uio_init_kernel(&u, &vec, buf, 10);
	KEXPECT_EQ(write_at(f, &u, 5), -EDQUOT);
	KEXPECT_EQ(u.left, 10);
	KEXPECT(told.begins == 1 && told.begin_pos == 5 && told.begin_n == 10 && told.ends == 0);
	KEXPECT_EQ(f->inode->size, 0);
	KEXPECT(counts_of(f, 0) <= 1);
	/* Part by part; each page is changed now, and the cache's alone. */
	told.answer = 0;
	uio_init_kernel(&u, &vec, buf, 5000);
	KEXPECT_EQ(write_at(f, &u, 100), 5000);
	KEXPECT(told.begins == 3 && told.begin_pos == PAGE_SIZE && told.begin_n == 1004);
	KEXPECT(told.ends == 2 && told.end_pos == PAGE_SIZE && told.end_n == 1004);
	for (u64 i = 0; i < 2; i++) {
		struct frame *page = radix_lookup(&f->inode->cache.pages, i);
		KEXPECT(page && page->flags & FRAME_DIRTY);
		KEXPECT_EQ(counts_of(f, i), 1);
	}
	KEXPECT_EQ(f->inode->size, 5100);
	uio_init_kernel(&u, &vec, buf, 10);
	KEXPECT_EQ(write_at(f, &u, 50), 10);
	KEXPECT_EQ(f->inode->size, 5100); /* a write in the middle makes no file shorter */
	/* The page counts as changed when it is, not before: who writes it back meanwhile would leave it clean, without the new bytes. Its flags write themselves. */
	struct frame *first = radix_lookup(&f->inode->cache.pages, 0);
	KREQUIRE(first != NULL);
	atomic_fetch_and(&first->flags, ~FRAME_DIRTY);
	uio_init_kernel(&u, &vec, &first->flags, sizeof(first->flags));
	KEXPECT_EQ(write_at(f, &u, 64), sizeof(first->flags));
	typeof(first->flags) flags = *(typeof(first->flags) *)((u8 *)frame_to_virt(first) + 64);
	KEXPECT(!(flags & FRAME_DIRTY) || flags & FRAME_LOCKED);
	KEXPECT(first->flags & FRAME_DIRTY);
	/* A copy that stops in the middle: the end tells of what was written. */
	vm_map(as, at, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0);
	KEXPECT_EQ(vm_access(as, at, buf, PAGE_SIZE, true), PAGE_SIZE);
	aspace_activate(as);
	uio_init_user(&u, &vec, (void *)(at + PAGE_SIZE - 300), 1000);
	KEXPECT_EQ(write_at(f, &u, 200), 300);
	KEXPECT(told.begin_pos == 200 && told.begin_n == 1000 && told.end_pos == 200 && told.end_n == 300);
	/* And a read into memory that is not there gives what went out before. */
	pos = 0;
	uio_init_user(&u, &vec, (void *)(at + PAGE_SIZE - 300), 1000);
	KEXPECT_EQ(pagecache_read(&f->inode->cache, &u, &pos, 5100), 300);
	KEXPECT_EQ(pos, 300);
	pos = 10000; /* in a hole too */
	uio_init_user(&u, &vec, (void *)(at + PAGE_SIZE - 300), 1000);
	KEXPECT_EQ(pagecache_read(&f->inode->cache, &u, &pos, 20000), 300);
	uio_init_user(&u, &vec, (void *)(at + PAGE_SIZE), 1000);
	KEXPECT_EQ(pagecache_read(&f->inode->cache, &u, &pos, 20000), -EFAULT);
	aspace_activate(NULL);
	aspace_put_user(as);
	f->inode->cache.ops = saved;
	file_put(f);
	files_end();
	kfree(buf);
}

static u32 unreadable;
static int read_all_but_one(struct pagecache *pc __unused, struct frame *f)
{
	if (f->index == unreadable)
		return -EIO;
	memset(frame_to_virt(f), 'r', PAGE_SIZE);
	return 0;
}

KTEST(08, an_error_in_the_middle_hides_nothing)
{
	static struct pagecache_ops ops;
	u8 *buf = kzalloc(3 * PAGE_SIZE, 0);
	const struct pagecache_ops *saved;
	struct uio_vec vec;
	struct uio u;
	s64 pos = PAGE_SIZE / 2;

	KREQUIRE(buf && files_begin("size=64k"));
	struct file *f = file_open(AT_FDCWD, TOP "/f", O_RDWR | O_CREAT, 0644);
	KREQUIRE(!IS_ERR(f));
	saved = f->inode->cache.ops;
	ops = *saved;
	ops.read_page = read_all_but_one;
	f->inode->cache.ops = &ops;
	unreadable = 1;
	uio_init_kernel(&u, &vec, buf, 3 * PAGE_SIZE);
	KEXPECT_EQ(pagecache_read(&f->inode->cache, &u, &pos, 4 * PAGE_SIZE), PAGE_SIZE / 2);
	KEXPECT_EQ(pos, PAGE_SIZE);
	for (unsigned n = 0; n < 3; n++) { /* each time anew */
		KEXPECT_EQ(pagecache_read(&f->inode->cache, &u, &pos, 4 * PAGE_SIZE), -EIO);
		KEXPECT(counts_of(f, 1) <= 1);
	}
	KEXPECT_EQ(pos, PAGE_SIZE);
	f->inode->cache.ops = saved;
	/* The last page that there is room for, and one more. */
	pos = 14 * PAGE_SIZE;
	for (u64 i = 1; i < 14; i++) { /* page 1, whose fill failed, may be there or not */
		struct uio one;
		uio_init_kernel(&one, &vec, buf, PAGE_SIZE);
		KEXPECT_EQ(write_at(f, &one, i * PAGE_SIZE), PAGE_SIZE);
	}
	uio_init_kernel(&u, &vec, buf, 3 * PAGE_SIZE);
	KEXPECT_EQ(write_at(f, &u, pos), 2 * PAGE_SIZE);
	KEXPECT_EQ(f->inode->size, 16 * PAGE_SIZE);
	KEXPECT_EQ(write_at(f, &u, 16 * PAGE_SIZE), -ENOSPC);
	file_put(f);
	files_end();
	kfree(buf);
}

/* --- names -------------------------------------------------------------------------------------------------------------- */

KTEST(08, what_has_a_name_is_told_truly)
{
	KREQUIRE(files_begin(""));
	KEXPECT_EQ(vfs_mknod(AT_FDCWD, TOP "/null", S_IFCHR | 0600, 0x103), 0);
	KEXPECT_EQ(stat_of(TOP "/null").rdev, 0x103);
	KEXPECT_EQ(vfs_mknod(AT_FDCWD, TOP "/disk", S_IFBLK | 0600, 0x801), 0);
	KEXPECT_EQ(stat_of(TOP "/disk").rdev, 0x801);
	struct lookup_result disk;
	KREQUIRE(path_lookup(AT_FDCWD, TOP "/disk", 0, &disk) == 0);
	KEXPECT(disk.path.dentry->inode->fops == NULL); /* what it can is its driver's, not this file system's */
	path_put(&disk.path);
	KEXPECT_EQ(vfs_symlink("twelve bytes", AT_FDCWD, TOP "/l"), 0);
	KEXPECT_EQ(stat_of(TOP "/l").size, 12);
	KEXPECT_EQ(stat_of(TOP "/l").mode, S_IFLNK | 0777);
	/* A directory that went has no name left, its `.` included. */
	vfs_mkdir(AT_FDCWD, TOP "/d", 0755);
	struct file *d = file_open(AT_FDCWD, TOP "/d", O_RDONLY | O_DIRECTORY, 0);
	KREQUIRE(!IS_ERR(d));
	d->inode->ctime.sec = 1;
	KEXPECT_EQ(vfs_rmdir(AT_FDCWD, TOP "/d"), 0);
	KEXPECT_EQ(d->inode->nlink, 0);
	KEXPECT(d->inode->ctime.sec != 1);
	file_put(d);
	/* A victim that cannot go: nothing moved, no count changed. */
	vfs_mkdir(AT_FDCWD, TOP "/a", 0755);
	vfs_mkdir(AT_FDCWD, TOP "/a/d", 0755);
	vfs_mkdir(AT_FDCWD, TOP "/full", 0755);
	vfs_mkdir(AT_FDCWD, TOP "/full/x", 0755);
	struct kstat a = stat_of(TOP "/a"), top = stat_of(TOP);
	KEXPECT_EQ(vfs_rename(AT_FDCWD, TOP "/a/d", AT_FDCWD, TOP "/full", 0), -ENOTEMPTY);
	KEXPECT(stat_of(TOP "/a").nlink == a.nlink && stat_of(TOP "/a").size == a.size);
	KEXPECT(stat_of(TOP).nlink == top.nlink && stat_of(TOP).size == top.size);
	KEXPECT_EQ(walk_from(AT_FDCWD, TOP "/a/d", 0), 0);
	KEXPECT_EQ(vfs_rmdir(AT_FDCWD, TOP "/a/d"), 0);
	KEXPECT_EQ(vfs_rmdir(AT_FDCWD, TOP "/a"), 0);
	files_end();
}

/* Memory runs out at the n-th request of this thread. */
static struct thread *starved;
static u32 allowed_requests;
static bool short_of_memory(int kind __unused)
{
	return current == starved && allowed_requests-- == 0;
}

static int make_directory(void) { return vfs_mkdir(AT_FDCWD, TOP "/new", 0755); }
static int make_link(void) { return vfs_symlink("a text of some length, for which memory is asked", AT_FDCWD, TOP "/new"); }
static int make_regular(void) { return vfs_mknod(AT_FDCWD, TOP "/new", S_IFREG | 0644, 0); }
/* Whoever says that he came to the end must be at d, and not at the link. */
static int follow(void)
{
	struct lookup_result end;
	int err = path_lookup(AT_FDCWD, TOP "/l", LOOKUP_FOLLOW, &end);

	if (err)
		return err;
	bool there = S_ISDIR(end.path.dentry->inode->mode) && !strcmp(end.path.dentry->name, "d");
	path_put(&end.path);
	return there ? 0 : -EIO;
}

/* A link whose text is made for each walk: wherever that fails, neither its text nor the walk's stays. */
static void short_in_a_link(void)
{
	static const struct inode_ops of_link = { .get_link = own_text };
	bool (*saved)(int kind) = alloc_fail_hook;
	struct lookup_result link;

	KREQUIRE(path_lookup(AT_FDCWD, TOP "/l", 0, &link) == 0);
	const struct inode_ops *ops = link.path.dentry->inode->ops;
	link.path.dentry->inode->ops = &of_link;
	for (u32 n = 0; n < 4; n++) {
		u64 objects = slab_all_in_use();
		for (u32 i = 0; i < 50; i++) {
			allowed_requests = n;
			alloc_fail_hook = short_of_memory;
			follow();
			alloc_fail_hook = saved;
		}
		KEXPECT(slab_all_in_use() < objects + 50);
	}
	link.path.dentry->inode->ops = ops;
	path_put(&link.path);
}

KTEST(08, short_of_memory_nothing_is_left_over)
{
	static int (*const made[])(void) = { make_directory, make_link, make_regular, follow };
	bool (*saved)(int kind) = alloc_fail_hook;

	KREQUIRE(files_begin("nr_inodes=4")); /* its root, d, l and one more */
	vfs_mkdir(AT_FDCWD, TOP "/d", 0755);
	vfs_symlink("d", AT_FDCWD, TOP "/l");
	starved = current;
	for (size_t i = 0; i < ARRAY_SIZE(made); i++) {
		u32 size = stat_of(TOP).size;
		int err = -ENOMEM;
		for (u32 n = 0; n < 40 && err; n++) {
			walk_from(AT_FDCWD, TOP "/new", 0); /* the name is known from now on: one request less, which else would move the others on */
			allowed_requests = n;
			alloc_fail_hook = short_of_memory;
			err = made[i]();
			alloc_fail_hook = saved;
			if (err && !KEXPECT_EQ(err, -ENOMEM))
				ktest_note("the operation's number", i);
			if (err)
				KEXPECT_EQ(stat_of(TOP).size, size);
		}
		KEXPECT_EQ(err, 0); /* the inodes that were not made after all would be missing by now */
		if (made[i] == make_directory)
			vfs_rmdir(AT_FDCWD, TOP "/new");
		else if (made[i] != follow)
			vfs_unlink(AT_FDCWD, TOP "/new");
	}
	short_in_a_link();
	files_end();
}
