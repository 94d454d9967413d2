/*
 * poll, ppoll, select, pselect6.
 *
 * The core: ask every file; if none has anything, ask again with a table in which each leaves its wait queues, sleep until one of those calls, and ask all
 * again without the table.
 * `triggered` is set by the callback before it wakes us, and tested after we set our state: an event between asking and sleeping is not lost.
 */
#include "ipc_priv.h"

#include "core/atomic.h"
#include "lib/string.h"
#include "mm/pagetable.h"
#include "mm/slab.h"
#include "proc/signal.h"
#include "syscalls_gen.h"

#define INLINE_ENTRIES 8
#define ALWAYS (POLLERR | POLLHUP)

struct poller;
struct poll_entry {
	struct wait_entry wait;
	struct wait_queue *queue;
	u32 events;
};
struct poll_chunk {
	struct poll_chunk *next;
	u32 used;
	struct poll_entry entries[];
};
struct poller {
	struct poll_table table; /* first: callbacks get it */
	struct thread *thread;
	u32 triggered;
	int error;
	u32 inline_used;
	struct poll_entry entries[INLINE_ENTRIES];
	struct poll_chunk *chunks;
};
#define CHUNK_ENTRIES ((PAGE_SIZE - sizeof(struct poll_chunk)) / sizeof(struct poll_entry))

static bool poll_wake(struct wait_entry *w, void *key)
{
	struct poll_entry *e = container_of(w, struct poll_entry, wait);
	struct poller *p = w->arg;

	if (key && !((u64)key & e->events))
		return false;
	atomic_store(&p->triggered, 1u);
	thread_wake(p->thread);
	return true;
}

static struct poll_entry *new_entry(struct poller *p)
{
	if (p->inline_used < INLINE_ENTRIES)
		return &p->entries[p->inline_used++];
	if (!p->chunks || p->chunks->used == CHUNK_ENTRIES) {
		struct poll_chunk *c = page_alloc(0);
		if (!c)
			return NULL;
		c->next = p->chunks;
		c->used = 0;
		p->chunks = c;
	}
	return &p->chunks->entries[p->chunks->used++];
}

static void poll_add(struct poll_table *pt, struct file *f __unused, struct wait_queue *q)
{
	struct poller *p = (struct poller *)pt;
	struct poll_entry *e = new_entry(p);

	if (!e) {
		p->error = -ENOMEM;
		return;
	}
	wait_entry_init(&e->wait);
	e->wait.fn = poll_wake;
	e->wait.arg = p;
	e->queue = q;
	e->events = pt->want;
	wait_add(q, &e->wait);
}

static void poll_leave(struct poller *p)
{
	for (u32 i = 0; i < p->inline_used; i++)
		wait_remove(p->entries[i].queue, &p->entries[i].wait);
	while (p->chunks) {
		struct poll_chunk *c = p->chunks;
		for (u32 i = 0; i < c->used; i++)
			wait_remove(c->entries[i].queue, &c->entries[i].wait);
		p->chunks = c->next;
		page_free(c);
	}
}

/* Asks every file, with the table in hand if it is given: how many have something to say. */
static long ask(struct poller *p, struct poll_item *items, u32 n, bool leave)
{
	long found = 0;

	for (u32 i = 0; i < n; i++) {
		struct poll_item *it = &items[i];
		if (it->ref.file) {
			p->table.want = it->events;
			it->revents = file_poll(it->ref.file, leave ? &p->table : NULL) & it->events;
		}
		found += it->revents != 0;
	}
	return found;
}

long poll_wait_items(struct poll_item *items, u32 n, u64 deadline)
{
	struct poller p;
	bool in_time = deadline != 0;

	/* Mostly something is ready, and then nothing was left anywhere that would have to be taken back. */
	p.inline_used = 0;
	p.chunks = NULL;
	long found = ask(&p, items, n, false);
	if (found || !in_time)
		return found;

	p.table.add = poll_add;
	p.thread = current;
	p.triggered = 0;
	p.error = 0;
	for (bool leave = true;; leave = false) {
		found = ask(&p, items, n, leave);
		if (found || !in_time)
			break;
		if (p.error) {
			found = p.error;
			break;
		}
		if (thread_interrupted()) {
			found = -EINTR;
			break;
		}
		/* The state first: what comes from here on, a wake-up or a signal, finds a sleeper. */
		atomic_store(&current->state, (u32)THREAD_INTERRUPTIBLE);
		if (!atomic_load(&p.triggered) && !thread_interrupted())
			in_time = schedule_until(deadline);
		current->state = THREAD_RUNNABLE;
		atomic_store(&p.triggered, 0u);
	}
	poll_leave(&p);
	return found;
}

/* --- poll, ppoll --------------------------------------------------------------------------------------------------- */

#define SMALL_ITEMS 16

static void *big_alloc(size_t bytes) { return bytes <= 64 * 1024 ? kmalloc(bytes, 0) : kmap_alloc(bytes, ALLOC_USER); }
static void big_free(void *p, size_t bytes)
{
	if (bytes <= 64 * 1024)
		kfree(p);
	else
		kmap_free(p);
}

static long do_poll(struct abi_pollfd __user *ufds, u32 n, u64 deadline)
{
	struct poll_item small_items[SMALL_ITEMS], *items = small_items;
	struct abi_pollfd small_fds[SMALL_ITEMS], *fds = small_fds;
	size_t items_size = (size_t)n * sizeof(*items), fds_size = (size_t)n * sizeof(*fds);
	long found;

	if (n > current->process->rlimits[RLIM_NOFILE].cur)
		return -EINVAL;
	if (n > SMALL_ITEMS) {
		items = big_alloc(items_size);
		fds = big_alloc(fds_size);
		found = -ENOMEM;
		if (!items || !fds)
			goto out;
	}
	found = -EFAULT;
	if (copy_from_user(fds, ufds, fds_size))
		goto out;
	for (u32 i = 0; i < n; i++) {
		items[i] = (struct poll_item){ .events = (u16)fds[i].events | ALWAYS };
		if (fds[i].fd < 0)
			continue;
		items[i].ref = fdref_get(fds[i].fd, false);
		if (!items[i].ref.file)
			items[i].revents = POLLNVAL;
	}
	found = poll_wait_items(items, n, deadline);
	for (u32 i = 0; i < n; i++)
		if (items[i].ref.file)
			fdref_put(items[i].ref);
	if (found < 0)
		goto out;
	for (u32 i = 0; i < n; i++)
		fds[i].revents = items[i].revents;
	if (copy_to_user(ufds, fds, fds_size))
		found = -EFAULT;
out:
	if (n > SMALL_ITEMS) {
		if (items)
			big_free(items, items_size);
		if (fds)
			big_free(fds, fds_size);
	}
	return found;
}

static long poll_again(u64 *d)
{
	long result = do_poll((struct abi_pollfd __user *)d[0], d[1], d[2]);
	return result == -EINTR ? -ERESTART_RESTARTBLOCK : result;
}

long sys_poll(void __user *fds, unsigned nfds, int timeout_ms)
{
	u64 deadline = timeout_ms < 0 ? TIME_NEVER : timeout_ms == 0 ? 0 : deadline_after((u64)timeout_ms * NSEC_PER_MSEC);
	long result = do_poll(fds, nfds, deadline);

	if (result == -EINTR) {
		u64 *d = current->restart_data;
		d[0] = (u64)fds;
		d[1] = nfds;
		d[2] = deadline;
		current->restart_fn = poll_again;
		return -ERESTART_RESTARTBLOCK;
	}
	return result;
}

/* A relative limit from user memory (NULL: none): deadline 0 for a zero time. */
static int deadline_from_user(const struct abi_timespec __user *p, u64 *deadline)
{
	struct abi_timespec ts;
	u64 ns;

	*deadline = TIME_NEVER;
	if (!p)
		return 0;
	if (copy_from_user(&ts, p, sizeof(ts)))
		return -EFAULT;
	if (timespec_ns(&ts, &ns))
		return -EINVAL;
	*deadline = ns ? deadline_after(ns) : 0;
	return 0;
}

static u64 time_left(u64 deadline)
{
	u64 now = time_ns();
	return deadline > now ? deadline - now : 0;
}

/* What is left of the limit goes back to the caller. An interrupted call can only be restarted if that worked: else it would wait too long. */
static long finish(long result, struct abi_timespec __user *p, u64 deadline)
{
	if (result == -EINTR)
		result = -ERESTARTNOHAND;
	if (!p || deadline == TIME_NEVER)
		return result;
	u64 left = deadline ? time_left(deadline) : 0;
	struct abi_timespec ts = { .sec = left / NSEC_PER_SEC, .nsec = left % NSEC_PER_SEC };
	if (copy_to_user(p, &ts, sizeof(ts)) && result == -ERESTARTNOHAND)
		return -EINTR;
	return result;
}

long sys_ppoll(void __user *fds, unsigned nfds, void __user *timeout, const void __user *sigmask, size_t sigsetsize)
{
	u64 deadline, mask;
	long result = deadline_from_user(timeout, &deadline);

	if (result)
		return result;
	if (sigmask) {
		result = signal_mask_from_user(&mask, sigmask, sigsetsize);
		if (result)
			return result;
		signal_set_temp_mask(mask);
	}
	result = do_poll(fds, nfds, deadline);
	if (sigmask)
		signal_restore_temp_mask(result == -EINTR);
	return finish(result, timeout, deadline);
}

/* --- select, pselect6 ---------------------------------------------------------------------------------------------- */

#define WORDS(n) (((n) + 63) / 64)
enum { SET_IN, SET_OUT, SET_EX, SETS };
static const u32 set_events[SETS] = {
	POLLRDNORM | POLLRDBAND | POLLIN | POLLHUP | POLLERR,
	POLLWRBAND | POLLWRNORM | POLLOUT | POLLERR,
	POLLPRI,
};

static long do_select(int n, void __user *const user_sets[SETS], u64 deadline)
{
	u64 small[SETS * WORDS(256)], *bits = small, any;
	struct poll_item *items = NULL;
	u32 *numbers = NULL, words, count = 0, at = 0;
	long found = -ENOMEM, total = 0;

	if (n < 0)
		return -EINVAL;
	n = MIN(n, (int)fd_table_size()); /* what lies beyond is not looked at, nor is it wrong */
	words = WORDS(n);
	if (n > 256)
		bits = kmalloc(SETS * words * 8, 0);
	if (!bits)
		return -ENOMEM;
	for (int s = 0; s < SETS; s++) {
		memset(bits + s * words, 0, words * 8);
		found = -EFAULT;
		if (user_sets[s] && copy_from_user(bits + s * words, user_sets[s], words * 8))
			goto out;
		if (n % 64 && words)
			bits[s * words + words - 1] &= (1ul << n % 64) - 1;
	}
	for (u32 w = 0; w < words; w++)
		count += __builtin_popcountl(bits[w] | bits[words + w] | bits[2 * words + w]);
	found = -ENOMEM;
	items = kmalloc(count * (sizeof(*items) + sizeof(u32)) + 1, 0);
	if (!items)
		goto out;
	numbers = (u32 *)(items + count);
	for (u32 w = 0; w < words; w++) {
		for (any = bits[w] | bits[words + w] | bits[2 * words + w]; any; any &= any - 1) {
			u64 bit = any & -any;
			struct poll_item *it = &items[at];
			numbers[at] = w * 64 + __builtin_ctzl(any);
			*it = (struct poll_item){ .ref = fdref_get(numbers[at], false) };
			if (!it->ref.file) {
				found = -EBADF;
				count = at;
				goto put;
			}
			for (int s = 0; s < SETS; s++)
				if (bits[s * words + w] & bit)
					it->events |= set_events[s];
			at++;
		}
	}
	found = poll_wait_items(items, count, deadline);
	if (found < 0)
		goto put;
	for (u32 i = 0; i < count; i++) {
		u32 w = numbers[i] / 64;
		u64 bit = 1ul << numbers[i] % 64;
		for (int s = 0; s < SETS; s++) {
			if (!(bits[s * words + w] & bit))
				continue;
			if (items[i].revents & set_events[s])
				total++;
			else
				bits[s * words + w] &= ~bit;
		}
	}
	found = total;
	for (int s = 0; s < SETS; s++)
		if (user_sets[s] && copy_to_user(user_sets[s], bits + s * words, words * 8))
			found = -EFAULT;
put:
	for (u32 i = 0; i < count; i++)
		fdref_put(items[i].ref);
out:
	kfree(items);
	if (bits != small)
		kfree(bits);
	return found;
}

long sys_select(int n, void __user *in, void __user *out, void __user *ex, void __user *timeout)
{
	void __user *sets[SETS] = { in, out, ex };
	struct abi_timeval tv;
	u64 deadline = TIME_NEVER, ns;

	if (timeout) {
		if (copy_from_user(&tv, timeout, sizeof(tv)))
			return -EFAULT;
		if (tv.sec < 0 || tv.usec < 0)
			return -EINVAL;
		struct abi_timespec ts = { (s64)((u64)tv.sec + (u64)tv.usec / 1000000), tv.usec % 1000000 * 1000 };
		if (timespec_ns(&ts, &ns))
			return -EINVAL;
		deadline = ns ? deadline_after(ns) : 0;
	}
	long result = do_select(n, sets, deadline);
	if (result == -EINTR)
		result = -ERESTARTNOHAND;
	if (timeout) {
		u64 left = deadline ? time_left(deadline) : 0;
		tv = (struct abi_timeval){ left / NSEC_PER_SEC, left % NSEC_PER_SEC / NSEC_PER_USEC };
		if (copy_to_user(timeout, &tv, sizeof(tv)) && result == -ERESTARTNOHAND)
			result = -EINTR;
	}
	return result;
}

long sys_pselect6(int n, void __user *in, void __user *out, void __user *ex, void __user *timeout, const void __user *sigmask)
{
	void __user *sets[SETS] = { in, out, ex };
	struct {
		u64 mask, size;
	} arg = { 0, 0 };
	u64 deadline, mask;
	long result;

	if (sigmask && copy_from_user(&arg, sigmask, sizeof(arg)))
		return -EFAULT;
	result = deadline_from_user(timeout, &deadline);
	if (result)
		return result;
	if (arg.mask) {
		result = signal_mask_from_user(&mask, (const void __user *)arg.mask, arg.size);
		if (result)
			return result;
		signal_set_temp_mask(mask);
	}
	result = do_select(n, sets, deadline);
	if (arg.mask)
		signal_restore_temp_mask(result == -EINTR);
	return finish(result, timeout, deadline);
}
