/*
 * Lab 08's optional challenges, on a page cache with something behind it that counts what it is asked for. Asked for by name (make grade LAB=08
 * CHALLENGE=name).
 */
#include "core/ktest.h"

#include "core/err.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "vfs/vfs.h"
#include "vm/aspace.h"

enum { PAGES = 256 };

static struct inode inode;
static struct pagecache cache;
static u8 asked[PAGES]; /* how often for each page */
static u64 broken;      /* a page that cannot be read; 0: none */

static u8 byte_of(u64 index) { return (u8)(index * 7 + 3); }

static int read_page(struct pagecache *pc __unused, struct frame *f)
{
	if (f->index < PAGES)
		asked[f->index]++;
	if (broken && f->index == broken)
		return -EIO;
	memset(frame_to_virt(f), byte_of(f->index), PAGE_SIZE);
	return 0;
}
static const struct pagecache_ops ops = { .read_page = read_page };

static void begin(u64 size)
{
	memset(&inode, 0, sizeof(inode));
	memset(asked, 0, sizeof(asked));
	broken = 0;
	inode.size = size;
	pagecache_init(&cache, &inode, &ops);
}

static unsigned total(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < PAGES; i++)
		n += asked[i];
	return n;
}

/* The first byte of what a read of n bytes finds, or -errno. */
static int read_at(s64 pos, size_t n)
{
	static u8 buf[2 * PAGE_SIZE];
	struct uio_vec vec;
	struct uio to;

	buf[0] = 0;
	uio_init_kernel(&to, &vec, buf, n);
	ssize_t got = pagecache_read(&cache, &to, &pos, inode.size);
	return got < 0 ? (int)got : got ? buf[0] : -ENODATA;
}

/* Who reads one page after the other finds the next ones there; who reads here and there gets what was asked for, and nothing else is read. */
KTEST(08, challenge_readahead)
{
	static const u8 scattered[] = { 50, 10, 90, 30, 70, 130, 110 };

	begin(61 * PAGE_SIZE + 100);
	KEXPECT_EQ(read_at(0, 100), byte_of(0));
	KEXPECT_EQ(read_at(PAGE_SIZE, 100), byte_of(1));
	for (unsigned i = 2; i < 6; i++)
		KEXPECT_EQ(asked[i], 1);
	KEXPECT(total() <= 2 + 32);
	for (unsigned i = 2; i <= 61; i++)
		KEXPECT_EQ(read_at(i * PAGE_SIZE, 50), byte_of(i));
	KEXPECT_EQ(total(), 62); /* each once, and nothing past the end */
	for (unsigned i = 0; i <= 61; i++)
		KEXPECT_EQ(asked[i], 1);
	pagecache_destroy(&cache);

	begin(PAGES * PAGE_SIZE);
	for (unsigned i = 0; i < ARRAY_SIZE(scattered); i++)
		KEXPECT_EQ(read_at(scattered[i] * PAGE_SIZE + 77, 100), byte_of(scattered[i]));
	KEXPECT_EQ(total(), ARRAY_SIZE(scattered));
	pagecache_destroy(&cache);

	/* What cannot be read ahead is an error for the one who wants it, then. */
	begin(PAGES * PAGE_SIZE);
	broken = 5;
	for (unsigned i = 0; i < 5; i++)
		KEXPECT_EQ(read_at(i * PAGE_SIZE, 100), byte_of(i));
	KEXPECT_EQ(read_at(5 * PAGE_SIZE, 100), -EIO);
	broken = 0;
	KEXPECT_EQ(read_at(5 * PAGE_SIZE, 100), byte_of(5));
	pagecache_destroy(&cache);
}

static ssize_t write_from(struct uio *from, s64 pos)
{
	return pagecache_write(&cache, from, &pos);
}

static ssize_t write_at(s64 pos, const char *buf, size_t n)
{
	struct uio_vec vec;
	struct uio from;

	uio_init_kernel(&from, &vec, (void *)buf, n);
	return write_from(&from, pos);
}

/* A page that is written from its first byte to its last is not read before; if the writer's memory ends in the middle, what was there must still be there. */
KTEST(08, challenge_whole_pages)
{
	const vaddr_t at = 0x30000000;
	char *buf = kmalloc(4 * PAGE_SIZE, 0);
	struct uio_vec vec;
	struct uio from;

	KREQUIRE(buf != NULL);
	memset(buf, 'n', 4 * PAGE_SIZE);
	begin(16 * PAGE_SIZE);
	KEXPECT_EQ(write_at(PAGE_SIZE, buf, 3 * PAGE_SIZE), 3 * PAGE_SIZE);
	KEXPECT_EQ(total(), 0);
	for (unsigned i = 1; i < 4; i++)
		KEXPECT_EQ(read_at(i * PAGE_SIZE + i * 700, 10), 'n');
	KEXPECT_EQ(total(), 0);
	/* Where a part of a page stays, it is read; once. */
	KEXPECT_EQ(write_at(6 * PAGE_SIZE + 100, buf, 2 * PAGE_SIZE), 2 * PAGE_SIZE);
	KEXPECT(asked[6] == 1 && asked[7] == 0 && asked[8] == 1);
	KEXPECT_EQ(read_at(6 * PAGE_SIZE, 1), byte_of(6));
	KEXPECT_EQ(read_at(6 * PAGE_SIZE + 100, 1), 'n');
	KEXPECT_EQ(read_at(8 * PAGE_SIZE + 99, 1), 'n');
	KEXPECT_EQ(read_at(8 * PAGE_SIZE + 100, 1), byte_of(8));
	memset(buf, 'm', PAGE_SIZE);
	KEXPECT_EQ(write_at(6 * PAGE_SIZE, buf, PAGE_SIZE), PAGE_SIZE); /* a page that is there already */
	KEXPECT_EQ(read_at(7 * PAGE_SIZE - 1, 1), 'm');
	KEXPECT_EQ(write_at(20 * PAGE_SIZE, buf, PAGE_SIZE), PAGE_SIZE); /* and one past the end */
	KEXPECT_EQ(inode.size, 21 * PAGE_SIZE);
	KEXPECT_EQ(asked[20], 0);
	/* A program's memory of which the second page is not there (the caller brings it in and comes back). */
	struct aspace *as = aspace_create();
	KREQUIRE(as != NULL);
	vm_map(as, at, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0);
	KEXPECT_EQ(vm_access(as, at, buf, PAGE_SIZE, true), PAGE_SIZE);
	aspace_activate(as);
	uio_init_user(&from, &vec, (void *)(at + 3000), PAGE_SIZE);
	KEXPECT_EQ(write_from(&from, 10 * PAGE_SIZE), PAGE_SIZE - 3000);
	KEXPECT_EQ(from.left, 3000);
	uio_init_user(&from, &vec, (void *)(at + PAGE_SIZE), PAGE_SIZE);
	KEXPECT_EQ(write_from(&from, 11 * PAGE_SIZE), -EFAULT);
	aspace_activate(NULL);
	aspace_put_user(as);
	KEXPECT_EQ(read_at(10 * PAGE_SIZE, 1), 'm');
	KEXPECT_EQ(read_at(10 * PAGE_SIZE + PAGE_SIZE - 3001, 1), 'm');
	KEXPECT_EQ(read_at(10 * PAGE_SIZE + PAGE_SIZE - 3000, 1), byte_of(10));
	KEXPECT_EQ(read_at(11 * PAGE_SIZE - 1, 1), byte_of(10));
	KEXPECT_EQ(read_at(11 * PAGE_SIZE, 1), byte_of(11));
	pagecache_destroy(&cache);
	kfree(buf);
}
