/*
 * Stage 09: a pipe at random, beside a model. Byte x of everything that was ever written is a function of x, so the model only keeps which bytes lie in the pipe, and what of
 * them is a packet. Memory ends in the middle of calls or is short, either side may be gone, slots are reserved, and after each call the ring, the wake-ups and what poll says
 * are compared.
 *
 * How bytes are laid out in pages is the student's: a small write may be filled up into the last page, or go there as a whole or not at all.
 */
#include "core/ktest.h"

#include "core/atomic.h"
#include "ipc/pipe_priv.h"
#include "lib/string.h"
#include "sched/thread.h"
#include "time/time.h"
#include "vm/aspace.h"

enum { CALLS = 1500, PIECES = 64, SLOTS = PIPE_SLOTS_DEFAULT, MAPPED = 5 * PAGE_SIZE };
#define AT 0x30000000ul

static struct file *ends[2];
static struct pipe *p;
static struct aspace *as;
static bool wrong;
static u8 bytes[MAPPED], seen[MAPPED];

/* What lies in the pipe, oldest first; bytes of a stream that follow each other are one piece. */
static struct piece {
	u64 first;
	u32 len;
	bool packet;
} pieces[PIECES];
static u32 piece_count;
static u64 written; /* so many bytes were ever */

static u32 data_told, room_told; /* wake-ups, and whether each was meant for this side */
static bool told_wrong;
static s32 pages_left; /* that memory has still; -1: enough */

#define CHECK(cond) do { if (!wrong && !KEXPECT(cond)) wrong = true; } while (0)
#define CHECK_EQ(got, wanted) do { if (!wrong && !KEXPECT_EQ(got, wanted)) wrong = true; } while (0)

static u32 dice(u32 n) { return ktest_random() % n; }
static u8 byte_at(u64 x) { return (u8)((x * 2654435761u) >> 13 ^ x); }

static bool count_data(struct wait_entry *e __unused, void *key)
{
	data_told++;
	told_wrong |= key && !((u64)key & POLLIN);
	return false;
}

static bool count_room(struct wait_entry *e __unused, void *key)
{
	room_told++;
	told_wrong |= key && !((u64)key & POLLOUT);
	return false;
}

static bool memory_is_short(int kind)
{
	return kind && pages_left >= 0 && !(pages_left && pages_left--);
}

/* --- the ring against the model ---------------------------------------------------------------------------------------- */

static bool slot_is(const struct pipe_slot *s, u64 first)
{
	for (u32 i = 0; i < s->len; i++)
		if ((u8)s->page[s->start + i] != byte_at(first + i))
			return false;
	return true;
}

static void compare_ring(void)
{
	u32 used = pipe_used(p), k = 0, taken = 0;

	CHECK(used + p->reserved <= p->slot_count);
	for (u32 i = 0; i < used && !wrong; i++) {
		const struct pipe_slot *s = pipe_slot(p, p->tail + i);
		CHECK(s->page && s->len && s->start + s->len <= PAGE_SIZE);
		CHECK(k < piece_count);
		if (wrong)
			return;
		CHECK_EQ(s->packet, pieces[k].packet);
		CHECK(pieces[k].packet ? s->len == pieces[k].len : taken + s->len <= pieces[k].len);
		CHECK(slot_is(s, pieces[k].first + taken));
		taken += s->len;
		if (taken == pieces[k].len)
			k++, taken = 0;
	}
	CHECK_EQ(k, piece_count);
	CHECK_EQ(taken, 0);
}

static void compare_poll(void)
{
	u32 reader = (piece_count ? POLLIN | POLLRDNORM : 0) | (p->writers ? 0 : POLLHUP);
	u32 writer = (pipe_free_slots(p) ? POLLOUT | POLLWRNORM : 0) | (p->readers ? 0 : POLLERR);

	CHECK_EQ(pipe_events(p, true, false), reader);
	CHECK_EQ(pipe_events(p, false, true), writer);
	CHECK_EQ(pipe_events(p, true, true), reader | writer);
}

/* --- writing ----------------------------------------------------------------------------------------------------------- */

static u32 random_size(void)
{
	switch (dice(4)) {
	case 0: return dice(40);
	case 1: return dice(PAGE_SIZE + 1);
	case 2: return PAGE_SIZE * (1 + dice(3)) - 1 + dice(3);
	default: return dice(MAPPED);
	}
}

static void write_some(bool packets)
{
	u32 n = random_size(), there = dice(6) ? n : dice(n + 1); /* so many bytes, and behind them is no memory */
	u32 slots = pipe_free_slots(p), used = pipe_used(p), rest = 0, pages = slots;
	bool memory = dice(6), full = false;
	long least, most, error = -EAGAIN;
	struct uio_vec vec;
	struct uio u;

	if (used && !packets && !pipe_slot(p, p->head - 1)->packet)
		rest = PAGE_SIZE - pipe_slot(p, p->head - 1)->start - pipe_slot(p, p->head - 1)->len;
	if (!memory) {
		pages_left = (s32)dice(4);
		if ((u32)pages_left + !!p->spare < slots) {
			pages = (u32)pages_left + !!p->spare;
			error = -ENOMEM;
		}
	}
	for (u32 i = 0; i < there; i++)
		bytes[i] = byte_at(written + i);
	KEXPECT_EQ(vm_access(as, AT + MAPPED - there, bytes, there, true), there);

	/* As far as there is room: a stream's bytes may use the last page's rest. */
	least = MIN(n, pages * PAGE_SIZE);
	most = MIN(n, rest + pages * PAGE_SIZE);
	if (n <= PIPE_BUF && (pages || rest >= n))
		least = n;
	else if (n <= PIPE_BUF && error == -EAGAIN)
		least = most = 0; /* whole or not at all */
	full = least < n;
	if (there < n) {
		/* As far as it could be copied page by page. */
		most = MIN(most, (long)there);
		least = MIN(least, MAX((long)there - (long)PAGE_SIZE + 1, 0l));
	}
	if (!p->readers && n)
		least = most = 0, error = -EPIPE;

	data_told = room_told = 0;
	uio_init_user(&u, &vec, (void *)(AT + MAPPED - there), n);
	if (!memory)
		alloc_fail_hook = memory_is_short;
	ssize_t got = pipe_write(p, &u, full || dice(2), packets);
	alloc_fail_hook = NULL;
	pages_left = -1;

	long done = MAX(got, 0l);
	CHECK(done >= least && done <= most);
	if (n && !done) /* where two things stand in the way either may be told */
		CHECK(got == error || (there < n && p->readers && got == -EFAULT));
	else
		CHECK(got >= 0);
	if (n && there < n && !full && done && done < n && p->readers) /* pages as a whole, and what may go behind the last one's bytes */
		CHECK(done % PAGE_SIZE == 0 || done % PAGE_SIZE == n % PAGE_SIZE || (rest && done % PAGE_SIZE == rest % PAGE_SIZE));
	CHECK_EQ(data_told, done > 0);
	CHECK_EQ(room_told, 0);
	if (wrong) {
		ktest_note("bytes to write", n);
		ktest_note("of them in memory", there);
		ktest_note("slots free", slots);
		ktest_note("room in the last page", rest);
		ktest_note("pages in memory", pages);
		ktest_note("bytes taken", (u64)done);
	}
	while (done > 0) {
		u32 len = packets ? MIN((u32)done, (u32)PAGE_SIZE) : (u32)done;
		struct piece *last = piece_count ? &pieces[piece_count - 1] : NULL;
		if (!packets && last && !last->packet)
			last->len += len;
		else if (piece_count < PIECES)
			pieces[piece_count++] = (struct piece){ written, len, packets };
		written += len;
		done -= len;
	}
}

/* --- reading ----------------------------------------------------------------------------------------------------------- */

/* n bytes of the first piece are gone. */
static void drop(u32 n)
{
	pieces[0].first += n;
	pieces[0].len -= n;
	if (!pieces[0].len || pieces[0].packet)
		memmove(pieces, pieces + 1, --piece_count * sizeof(pieces[0]));
}

/* What of n bytes comes before the end of memory, slot by slot, up to the first packet, which counts if `packet` does. */
static u32 readable(u32 n, u32 there, bool packet)
{
	u32 got = 0;

	for (u32 i = 0; i < pipe_used(p) && got < n; i++) {
		const struct pipe_slot *s = pipe_slot(p, p->tail + i);
		u32 take = MIN(n - got, s->len);
		if ((s->packet && i && !packet) || got + take > there)
			break;
		got += take;
		if (s->packet)
			break;
	}
	return got;
}

static void read_some(void)
{
	u32 n = random_size(), there = dice(6) ? n : dice(n + 1), used = pipe_used(p), got = 0;
	u32 with = readable(n, there, true), without = readable(n, there, false); /* a stream's bytes before a packet: it may be taken with them, as on Linux, or not */
	long error = !n || (!used && !p->writers) ? 0 : used ? -EFAULT : -EAGAIN;
	struct uio_vec vec;
	struct uio u;

	data_told = room_told = 0;
	uio_init_user(&u, &vec, (void *)(AT + MAPPED - there), n);
	ssize_t result = pipe_read(p, &u, error == -EAGAIN || dice(2));
	CHECK(result == (with ? (long)with : error) || (without && result == (long)without));
	CHECK_EQ(data_told, 0);
	CHECK_EQ(room_told, pipe_used(p) != used);
	if (wrong) {
		ktest_note("bytes to read", n);
		ktest_note("of them in memory", there);
		ktest_note("slots in use", used);
		ktest_note("bytes wanted", with);
		return;
	}
	if (result <= 0)
		return;
	KEXPECT_EQ(vm_access(as, AT + MAPPED - there, seen, (size_t)result, false), result);
	while (got < result) {
		u32 take = MIN((u32)result - got, pieces[0].len);
		u64 first = pieces[0].first;
		for (u32 i = 0; i < take; i++)
			if (seen[got + i] != byte_at(first + i)) {
				CHECK_EQ(seen[got + i], byte_at(first + i));
				return;
			}
		got += take;
		drop(take);
	}
}

/* --- one call after the other --------------------------------------------------------------------------------------------- */

static bool begin(void)
{
	as = aspace_create();
	wrong = told_wrong = false;
	piece_count = 0;
	written = ktest_random() % 100000;
	pages_left = -1;
	if (!as || !KEXPECT_EQ(pipe_create(ends, 0), 0))
		return false;
	p = pipe_of(ends[0]);
	memset(bytes, 0, sizeof(bytes));
	return KEXPECT_EQ(vm_map(as, AT, MAPPED, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0), AT) &&
	       KEXPECT_EQ(vm_access(as, AT, bytes, MAPPED, true), MAPPED);
}

static void end(void)
{
	file_put(ends[0]);
	file_put(ends[1]);
	aspace_put_user(as);
}

KTEST(09, pipes_at_random)
{
	struct wait_entry data, room;

	KREQUIRE(begin());
	aspace_activate(as);
	wait_entry_init(&data);
	wait_entry_init(&room);
	data.fn = count_data;
	room.fn = count_room;
	wait_add(&p->data, &data);
	wait_add(&p->space, &room);
	u32 calls;
	for (calls = 0; calls < CALLS && !wrong; calls++) {
		bool packets = dice(1 + dice(4)); /* for a while mostly the one, then the other */
		u32 most = SLOTS - pipe_used(p);

		p->reserved = MIN(most, SLOTS - 1 - dice(5)); /* so that few slots are left, and few bytes to compare */
		p->readers = dice(16) != 0;
		p->writers = dice(8) != 0;
		if (dice(2))
			write_some(packets);
		else
			read_some();
		compare_ring();
		compare_poll();
		CHECK(!told_wrong);
	}
	if (wrong)
		ktest_note("in call", calls);
	p->reserved = 0;
	p->readers = p->writers = 1;
	wait_remove(&p->data, &data);
	wait_remove(&p->space, &room);
	aspace_activate(NULL);
	end();
}

/* --- the lock ---------------------------------------------------------------------------------------------------------- */

static bool through; /* atomic */

static void call_it(void *arg)
{
	char c = 'x';
	struct uio_vec vec;
	struct uio u;

	uio_init_kernel(&u, &vec, &c, 1);
	KEXPECT_EQ(arg ? pipe_write(p, &u, true, false) : pipe_read(p, &u, true), 1);
	atomic_store(&through, true);
}

/* While somebody else has the pipe's lock nothing is put in, and nothing taken out. */
KTEST(09, a_pipe_belongs_to_its_lock)
{
	KREQUIRE(begin());
	for (u64 writes = 1; writes != ~0ul; writes--) {
		u32 head, tail;

		atomic_store(&through, false);
		mutex_lock(&p->lock);
		head = p->head, tail = p->tail;
		if (!KEXPECT(kthread_run("ktest", call_it, (void *)writes) != NULL)) {
			mutex_unlock(&p->lock);
			break;
		}
		thread_sleep_ns(3 * NSEC_PER_MSEC);
		KEXPECT(!atomic_load(&through));
		KEXPECT(p->head == head && p->tail == tail);
		mutex_unlock(&p->lock);
		for (int tries = 0; tries < 1000 && !atomic_load(&through); tries++)
			thread_sleep_ns(NSEC_PER_MSEC);
		KEXPECT(atomic_load(&through));
	}
	end();
}
