/* Stage 05: open files and their numbers. The descriptor calls work on current's table, so the test lends its thread a process. */
#include "core/ktest.h"

#include "core/err.h"
#include "file/file.h"
#include "lib/string.h"
#include "mm/slab.h"

static u32 released;
static void count_release(struct file *f __unused)
{
	released++;
}
static ssize_t give_x(struct file *f __unused, struct uio *to, s64 *pos)
{
	size_t n = uio_write(to, "xyz", 3);

	*pos += n;
	return n;
}
static const struct file_ops test_ops = { .name = "test", .read = give_x, .release = count_release };

static struct process *lend(void)
{
	struct process *p = process_alloc("ktest");

	if (!p)
		return NULL;
	current->files = files_create();
	p->thread_count = 1;
	p->rlimits[RLIM_NOFILE] = (struct rlimit){ 3000, 3000 };
	current->process = p;
	return current->files ? p : NULL;
}

static void give_back(struct process *p __unused)
{
	files_put(current->files);
	current->files = NULL;
	current->process = NULL;
	/* The bare process is left: its thread never ran, so nobody reaps it. */
}

static int open_one(void)
{
	struct file *f = file_alloc(&test_ops, O_RDONLY, NULL);

	return IS_ERR(f) ? (int)PTR_ERR(f) : fd_open(f, false);
}

KTEST(05, the_lowest_free_number_is_given)
{
	struct process *p = lend();

	KREQUIRE(p != NULL);
	released = 0;
	for (int i = 0; i < 10; i++)
		KEXPECT_EQ(open_one(), i);
	KEXPECT_EQ(fd_close(7), 0);
	KEXPECT_EQ(fd_close(3), 0);
	KEXPECT_EQ(fd_close(3), -EBADF);
	KEXPECT_EQ(open_one(), 3);
	KEXPECT_EQ(open_one(), 7);
	KEXPECT_EQ(open_one(), 10);
	KEXPECT_EQ(fd_reserve(2000), 2000);
	KEXPECT(fd_get(2000) == NULL); /* reserved is not open */
	fd_release(2000);
	KEXPECT_EQ(fd_reserve(3000), -EMFILE);
	KEXPECT(fd_get(-1) == NULL && fd_get(INT32_MAX) == NULL);
	give_back(p);
	KEXPECT_EQ(released, 13);
}

KTEST(05, tables_are_copied_whole)
{
	struct process *p = lend();
	struct files *copy;
	struct file *f;
	int fd;

	KREQUIRE(p != NULL);
	released = 0;
	for (int i = 0; i < 2500; i++)
		KREQUIRE(open_one() == i);
	fd = fd_reserve(0);
	copy = files_clone(current->files);
	KREQUIRE(!IS_ERR(copy));
	fd_release(fd);
	KEXPECT_EQ(files_count(copy), 2500);
	f = files_lookup(copy, 2499);
	KEXPECT(f && refcount_read(&f->ref) == 3);
	if (f)
		file_put(f);
	KEXPECT(files_lookup(copy, fd) == NULL);
	files_put(copy);
	KEXPECT_EQ(released, 0);
	give_back(p);
	KEXPECT_EQ(released, 2500);
}

KTEST(05, a_scatter_list_is_filled_in_order)
{
	char a[3] = "", b[5] = "", c[4] = "";
	struct uio_vec vec[] = { { a, 2 }, { NULL, 0 }, { b, 4 }, { c, 3 } };
	struct uio u = { .vec = vec, .vec_count = 4, .left = 9, .kernel = true };

	KEXPECT_EQ(uio_write(&u, "abcd", 4), 4);
	KEXPECT_EQ(u.left, 5);
	uio_skip(&u, 1);
	KEXPECT_EQ(uio_write(&u, "xyzXYZ", 6), 4);
	KEXPECT_EQ(u.left, 0);
	KEXPECT(!strcmp(a, "ab") && !strncmp(b, "cd\0x", 4) && !strcmp(c, "yzX"));
	KEXPECT_EQ(uio_write(&u, "more", 4), 0);
}
