/* Stage 09: what goes into a pipe comes out, in order and in one piece; both sides wait for each other and hear of each other's end. */
#include "core/ktest.h"

#include "core/atomic.h"
#include "ipc/pipe_priv.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "sched/thread.h"
#include "time/time.h"
#include "vm/aspace.h"

#define CAPACITY 65536

static struct file *ends[2];
static u32 left; /* atomic: helpers that are not through */

static bool open_pipe(u32 flags)
{
	return KEXPECT_EQ(pipe_create(ends, flags), 0);
}

static void close_end(int i)
{
	if (ends[i])
		file_put(ends[i]);
	ends[i] = NULL;
}

static void close_pipe(void)
{
	close_end(0);
	close_end(1);
}

static ssize_t put(const void *buf, size_t n) { return file_write_kernel(ends[1], buf, n, NULL); }
static ssize_t get(void *buf, size_t n) { return file_read_kernel(ends[0], buf, n, NULL); }

static bool run(void (*fn)(void *), void *arg)
{
	atomic_fetch_add(&left, 1u);
	if (kthread_run("ktest", fn, arg))
		return true;
	atomic_fetch_sub(&left, 1u);
	return KEXPECT(false);
}

static bool all_gone(void)
{
	u64 end = time_ns() + 10 * NSEC_PER_SEC;
	while (atomic_load(&left) && time_ns() < end)
		thread_sleep_ns(NSEC_PER_MSEC);
	return !atomic_load(&left);
}

KTEST(09, a_pipe_keeps_order_across_pages)
{
	u8 *in = kmalloc(20000, 0), *out = kmalloc(20000, 0);
	size_t written = 0, got = 0;

	KREQUIRE(in && out && open_pipe(O_NONBLOCK));
	for (size_t i = 0; i < 20000; i++)
		in[i] = (u8)(ktest_random() >> 7);
	while (written < 20000 || got < 20000) {
		size_t w = MIN(20000 - written, 1 + ktest_random() % 5000), r = 1 + ktest_random() % 7000;
		if (w) {
			ssize_t n = put(in + written, w);
			if (!KEXPECT_EQ(n, w))
				break;
			written += w;
		}
		ssize_t n = get(out + got, MIN(r, 20000 - got));
		if (n == -EAGAIN)
			continue;
		if (!KEXPECT(n > 0))
			break;
		got += n;
	}
	KEXPECT_EQ(got, 20000);
	KEXPECT_EQ(memcmp(in, out, 20000), 0);
	close_pipe();
	kfree(in);
	kfree(out);
}

KTEST(09, a_full_pipe_takes_all_of_a_small_write_or_nothing)
{
	char *buf = kzalloc(CAPACITY + 4096, 0);

	KREQUIRE(buf && open_pipe(O_NONBLOCK));
	KEXPECT_EQ(put(buf, CAPACITY - 100), CAPACITY - 100);
	KEXPECT_EQ(put(buf, 101), -EAGAIN);
	KEXPECT_EQ(put(buf, 4096), -EAGAIN);
	KEXPECT_EQ(put(buf, 100), 100);
	KEXPECT_EQ(put(buf, 1), -EAGAIN);
	KEXPECT_EQ(file_poll(ends[1], NULL) & POLLOUT, 0);
	KEXPECT_EQ(get(buf, CAPACITY + 4096), CAPACITY);
	KEXPECT_EQ(get(buf, 1), -EAGAIN);
	KEXPECT_EQ(file_poll(ends[1], NULL) & POLLOUT, POLLOUT);
	close_pipe();
	/* A larger one may be cut: to the free page, or to that and the last one's rest. */
	KREQUIRE(open_pipe(O_NONBLOCK));
	KEXPECT_EQ(put(buf, CAPACITY - 4096 - 100), CAPACITY - 4096 - 100);
	ssize_t cut = put(buf, 5000);
	KEXPECT(cut == 4096 || cut == 4196);
	KEXPECT_EQ(put(buf, 1), -EAGAIN);
	KEXPECT_EQ(file_poll(ends[1], NULL) & POLLOUT, 0);
	KEXPECT_EQ(get(buf, CAPACITY + 4096), CAPACITY - 4096 - 100 + cut);
	close_pipe();
	kfree(buf);
}

KTEST(09, both_ends_hear_of_each_other)
{
	char buf[8];
	u32 reader, writer;

	/* What poll says, state by state. */
	KREQUIRE(open_pipe(O_NONBLOCK));
	reader = file_poll(ends[0], NULL), writer = file_poll(ends[1], NULL);
	KEXPECT_EQ(reader & (POLLIN | POLLOUT | POLLHUP | POLLERR), 0);
	KEXPECT_EQ(writer & (POLLIN | POLLOUT | POLLHUP | POLLERR), POLLOUT);
	KEXPECT_EQ(put("abc", 3), 3);
	KEXPECT_EQ(file_poll(ends[0], NULL) & (POLLIN | POLLRDNORM | POLLOUT | POLLHUP | POLLERR), POLLIN | POLLRDNORM);
	KEXPECT_EQ(file_poll(ends[1], NULL) & (POLLIN | POLLOUT | POLLWRNORM | POLLHUP | POLLERR), POLLOUT | POLLWRNORM);
	KEXPECT_EQ(put("", 0), 0);
	KEXPECT_EQ(get(buf, 0), 0);
	close_end(1); /* what is in it can still be read, then comes the end */
	KEXPECT_EQ(file_poll(ends[0], NULL) & (POLLIN | POLLHUP | POLLERR), POLLIN | POLLHUP);
	KEXPECT_EQ(get(buf, 2), 2);
	KEXPECT_EQ(get(buf, 8), 1);
	KEXPECT_EQ(buf[0], 'c');
	KEXPECT_EQ(get(buf, 8), 0);
	KEXPECT_EQ(get(buf, 8), 0);
	KEXPECT_EQ(file_poll(ends[0], NULL) & (POLLIN | POLLHUP | POLLERR), POLLHUP);
	close_pipe();
	KREQUIRE(open_pipe(0)); /* and without a reader a write is broken, full or not */
	KEXPECT_EQ(put("abc", 3), 3);
	close_end(0);
	KEXPECT_EQ(file_poll(ends[1], NULL) & (POLLOUT | POLLERR | POLLHUP), POLLOUT | POLLERR);
	KEXPECT_EQ(put("abc", 3), -EPIPE);
	close_pipe();
}

KTEST(09, small_writes_share_a_page)
{
	char *buf = kmalloc(CAPACITY, 0);
	u32 n = 0;

	KREQUIRE(buf && open_pipe(O_NONBLOCK));
	while (n < 2 * CAPACITY && put("x", 1) == 1)
		n++;
	KEXPECT_EQ(n, CAPACITY); /* byte by byte as much as in one piece */
	KEXPECT_EQ(file_poll(ends[1], NULL) & POLLOUT, 0);
	KEXPECT_EQ(get(buf, 4095), 4095);
	KEXPECT_EQ(put("y", 1), -EAGAIN); /* no page is free yet */
	KEXPECT_EQ(get(buf, 1), 1);
	KEXPECT_EQ(put(buf, 4096), 4096);
	KEXPECT_EQ(put(buf, 4097), -EAGAIN);
	KEXPECT_EQ(get(buf, 5000), 5000);
	KEXPECT_EQ(put(buf, 4097), 4096); /* longer than PIPE_BUF: as much as fits */
	close_pipe();
	kfree(buf);
}

/* A program's memory of which the first page is there, and no more. */
#define AT 0x30000000ul
static ssize_t move(int end, vaddr_t where, size_t n)
{
	struct uio_vec vec;
	struct uio u;
	s64 pos = 0;

	uio_init_user(&u, &vec, (void *)where, n);
	return end ? file_write(ends[1], &u, &pos) : file_read(ends[0], &u, &pos);
}

KTEST(09, memory_that_is_not_there_loses_nothing)
{
	struct aspace *as = aspace_create();
	char *buf = kmalloc(2 * PAGE_SIZE, 0);

	KREQUIRE(as && buf && open_pipe(O_NONBLOCK));
	vm_map(as, AT, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0);
	memset(buf, 'a', PAGE_SIZE);
	memset(buf + PAGE_SIZE, 'b', PAGE_SIZE);
	KEXPECT_EQ(vm_access(as, AT, buf, PAGE_SIZE, true), PAGE_SIZE);
	aspace_activate(as);
	KEXPECT_EQ(move(1, AT, 2 * PAGE_SIZE), PAGE_SIZE);
	KEXPECT_EQ(move(1, AT + PAGE_SIZE, 10), -EFAULT);
	KEXPECT_EQ(move(1, AT + PAGE_SIZE - 10, 100), -EFAULT);
	u64 before = frame_free_now();
	for (int i = 0; i < 100; i++)
		move(1, AT + PAGE_SIZE, PAGE_SIZE);
	KEXPECT(frame_free_now() + 50 > before); /* a page for each that did not come? */
	KEXPECT_EQ(get(buf, 2 * PAGE_SIZE), PAGE_SIZE);
	KEXPECT(buf[0] == 'a' && buf[PAGE_SIZE - 1] == 'a');
	/* A reader gets what there is room for; what was not read is still there. */
	KEXPECT_EQ(put(buf, PAGE_SIZE), PAGE_SIZE);
	KEXPECT_EQ(put(buf + PAGE_SIZE, PAGE_SIZE), PAGE_SIZE);
	KEXPECT_EQ(move(0, AT + PAGE_SIZE, 2 * PAGE_SIZE), -EFAULT);
	KEXPECT_EQ(move(0, AT, 2 * PAGE_SIZE), PAGE_SIZE);
	aspace_activate(NULL);
	KEXPECT_EQ(get(buf, 2 * PAGE_SIZE), PAGE_SIZE);
	KEXPECT(buf[0] == 'b' && buf[PAGE_SIZE - 1] == 'b');
	KEXPECT_EQ(get(buf, 1), -EAGAIN);
	aspace_put_user(as);
	close_pipe();
	kfree(buf);
}

KTEST(09, packets_stay_packets)
{
	char buf[16], *big = kzalloc(2 * 4096, 0);

	KREQUIRE(big && open_pipe(O_NONBLOCK | O_DIRECT));
	KEXPECT_EQ(put("abc", 3), 3);
	KEXPECT_EQ(put("defg", 4), 4);
	KEXPECT_EQ(put("h", 1), 1);
	KEXPECT_EQ(get(buf, 16), 3); /* no more than one a read */
	KEXPECT_EQ(get(buf, 2), 2);  /* the rest of it is lost */
	KEXPECT_EQ(buf[0], 'd');
	KEXPECT_EQ(get(buf, 16), 1);
	KEXPECT_EQ(buf[0], 'h');
	KEXPECT_EQ(get(buf, 16), -EAGAIN);
	for (unsigned i = 0; i < CAPACITY / 4096; i++)
		KEXPECT_EQ(put("x", 1), 1);
	KEXPECT_EQ(put("x", 1), -EAGAIN); /* each has a slot of its own */
	KEXPECT_EQ(get(buf, 16), 1);
	KEXPECT_EQ(put(big, 3), 3);
	close_pipe();
	/* A stream's bytes do not go into a packet's page. */
	KREQUIRE(open_pipe(O_NONBLOCK | O_DIRECT));
	KEXPECT_EQ(put("abc", 3), 3);
	ends[1]->flags &= ~(u32)O_DIRECT;
	KEXPECT_EQ(put("de", 2), 2);
	KEXPECT_EQ(put("f", 1), 1);
	KEXPECT_EQ(get(buf, 16), 3);
	KEXPECT_EQ(get(buf, 16), 3);
	KEXPECT_EQ(memcmp(buf, "def", 3), 0);
	KEXPECT_EQ(get(buf, 16), -EAGAIN);
	close_pipe();
	kfree(big);
}

static void fill_then_close(void *arg __unused)
{
	char c = 'q';

	for (int i = 0; i < 3; i++) {
		thread_sleep_ns(3 * NSEC_PER_MSEC);
		put(&c, 1);
	}
	thread_sleep_ns(3 * NSEC_PER_MSEC);
	close_end(0); /* while the other one waits for room */
	atomic_fetch_sub(&left, 1u);
}

KTEST(09, a_writer_is_woken_by_the_last_readers_end)
{
	char *buf = kzalloc(CAPACITY, 0), c;

	KREQUIRE(buf && open_pipe(0));
	KREQUIRE(run(fill_then_close, NULL));
	for (int i = 0; i < 3; i++) /* sleeps for each of them */
		KEXPECT_EQ(get(&c, 1), 1);
	KEXPECT_EQ(put(buf, CAPACITY), CAPACITY);
	KEXPECT_EQ(put(buf, 10), -EPIPE);
	KEXPECT(all_gone());
	close_pipe();
	kfree(buf);
}

#define RECORD 100
#define RECORDS 3000

static void write_records(void *arg)
{
	char record[RECORD];
	memset(record, (int)(u64)arg, sizeof(record));
	for (int i = 0; i < RECORDS; i++)
		if (put(record, sizeof(record)) != sizeof(record))
			break;
	atomic_fetch_sub(&left, 1u);
}

KTEST(09, small_writes_are_not_mixed)
{
	char record[RECORD];
	u32 mixed = 0, count[2] = { 0, 0 };

	KREQUIRE(open_pipe(0));
	KREQUIRE(run(write_records, (void *)'a') && run(write_records, (void *)'b'));
	for (int i = 0; i < 2 * RECORDS; i++) {
		size_t got = 0;
		while (got < RECORD) {
			ssize_t n = get(record + got, RECORD - got);
			KREQUIRE(n > 0);
			got += n;
		}
		for (int j = 1; j < RECORD; j++)
			mixed += record[j] != record[0];
		count[record[0] == 'b']++;
	}
	KEXPECT_EQ(mixed, 0);
	KEXPECT_EQ(count[0], RECORDS);
	KEXPECT_EQ(count[1], RECORDS);
	KEXPECT(all_gone());
	close_pipe();
}

static ssize_t late_result;

static void read_one(void *arg __unused)
{
	char c = 0;
	late_result = get(&c, 1);
	if (late_result == 1)
		late_result = c;
	atomic_fetch_sub(&left, 1u);
}

KTEST(09, a_reader_sleeps_until_there_is_something)
{
	KREQUIRE(open_pipe(0));
	late_result = 0;
	KREQUIRE(run(read_one, NULL));
	thread_sleep_ns(20 * NSEC_PER_MSEC);
	KEXPECT_EQ(atomic_load(&left), 1);
	KEXPECT_EQ(put("x", 1), 1);
	KREQUIRE(all_gone());
	KEXPECT_EQ(late_result, 'x');
	/* And until nobody can write any more. */
	late_result = -1;
	KREQUIRE(run(read_one, NULL));
	thread_sleep_ns(20 * NSEC_PER_MSEC);
	KEXPECT_EQ(atomic_load(&left), 1);
	close_end(1);
	KEXPECT(all_gone());
	KEXPECT_EQ(late_result, 0);
	KEXPECT_EQ(file_poll(ends[0], NULL) & POLLHUP, POLLHUP);
	close_pipe();
}

static void write_much(void *arg __unused)
{
	char *buf = kzalloc(3 * CAPACITY, 0);
	late_result = buf ? put(buf, 3 * CAPACITY) : -ENOMEM;
	kfree(buf);
	atomic_fetch_sub(&left, 1u);
}

static void write_four_pages(void *arg __unused)
{
	char *buf = kzalloc(4 * PAGE_SIZE, 0);

	KEXPECT_EQ(buf ? put(buf, 4 * PAGE_SIZE) : -ENOMEM, 4 * PAGE_SIZE);
	kfree(buf);
	atomic_fetch_sub(&left, 1u);
}

/* Who has four pages to place is not woken by one that comes free: each wake-up is a switch. */
static void writers_hear_of_room(char *buf)
{
	KREQUIRE(open_pipe(0));
	KEXPECT_EQ(put(buf, CAPACITY), CAPACITY);
	KREQUIRE(run(write_four_pages, NULL));
	thread_sleep_ns(5 * NSEC_PER_MSEC);
	for (u32 pages = 1; pages <= 4; pages++) {
		KEXPECT_EQ(atomic_load(&left), 1);
		KEXPECT_EQ(pipe_used(pipe_of(ends[0])), CAPACITY / PAGE_SIZE - (pages - 1));
		KEXPECT_EQ(get(buf, PAGE_SIZE), PAGE_SIZE);
		thread_sleep_ns(2 * NSEC_PER_MSEC);
	}
	KEXPECT(all_gone());
	close_pipe();
}

KTEST(09, a_writer_sleeps_until_there_is_room)
{
	char *buf = kzalloc(CAPACITY, 0);
	size_t got = 0;

	KREQUIRE(buf);
	writers_hear_of_room(buf);
	KREQUIRE(open_pipe(0));
	KREQUIRE(run(write_much, NULL));
	thread_sleep_ns(20 * NSEC_PER_MSEC);
	KEXPECT_EQ(atomic_load(&left), 1);
	while (got < 3 * CAPACITY) {
		ssize_t n = get(buf, CAPACITY);
		KREQUIRE(n > 0);
		got += n;
	}
	KEXPECT(all_gone());
	KEXPECT_EQ(late_result, 3 * CAPACITY);
	close_pipe();
	kfree(buf);
}
