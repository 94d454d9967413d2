/*
 * epoll: a set of files that is asked once, and then tells by itself which are ready.
 *
 *   struct epoll ── items (tree by file, fd) ── struct epoll_item ── one wait entry in each queue of the file
 *        └───────── ready (list of items that called) ◄──────────────┘
 *
 * A file's wake-up calls item_wake, which puts the item on the ready list and wakes whoever waits for this epoll. epoll_wait takes items off the list, asks
 * their files what is really true, and puts those with level-triggered events that are still true back.
 *
 * Invariants
 * 1. item->ready is true while the item is on ep->ready or on the list of a scan; it becomes false right *before* the file is asked, so an event that
 *    comes after the question puts it on again.
 * 2. Items are changed, scanned and removed under ep->mutex. An item does not count its file: the file's last reference removes it (file_release).
 *
 * Locks: `epoll_mutex` (global: files that end, epolls in epolls, the end of an epoll) -> ep->mutex -> ep->lock. ep->lock is taken inside of the file's
 * wait queue lock, so it is unranked, as are the queues of an epoll.
 *
 * An epoll may watch another: epoll_graph.c says when.
 */
#include "epoll_priv.h"
#include "ipc_priv.h"

#include "core/atomic.h"
#include "mm/slab.h"
#include "proc/cred.h"
#include "proc/signal.h"
#include "syscalls_gen.h"
#include "vfs/vfs.h"

struct abi_epoll_event {
	u32 events;
	u64 data;
} __packed;
_Static_assert(sizeof(struct abi_epoll_event) == 12, "Linux x86-64");

enum { EPOLL_CTL_ADD = 1, EPOLL_CTL_DEL, EPOLL_CTL_MOD };
#define EPOLL_CLOEXEC O_CLOEXEC
#define EPOLLEXCLUSIVE (1u << 28)
#define EPOLLWAKEUP (1u << 29)
#define EPOLLONESHOT (1u << 30)
#define EPOLLET (1u << 31)
#define PRIVATE_BITS (EPOLLEXCLUSIVE | EPOLLWAKEUP | EPOLLONESHOT | EPOLLET)
#define EXCLUSIVE_OK (POLLIN | POLLOUT | POLLERR | POLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE)

#define ALWAYS (POLLERR | POLLHUP) /* told of whether one asks or not, unless ONESHOT has disarmed the item */

struct item_wait {
	struct item_wait *next;
	struct wait_entry wait;
	struct wait_queue *queue;
};
struct epoll_table {
	struct poll_table table; /* first */
	struct epoll_item *item;
	int error;
};

MUTEX(epoll_mutex, RANK_EPOLL_GRAPH);
IPC_LIMIT(limit_epoll_watches, "fs/epoll/max_user_watches", 200000, 0, UINT32_MAX); /* of all epolls that one user made */

/* --- events come in ------------------------------------------------------------------------------------------------ */

/* With ep->lock held. True if it was not there. */
static bool add_ready(struct epoll_item *it)
{
	if (it->ready)
		return false;
	it->ready = true;
	list_add_tail(&it->ep->ready, &it->ready_link);
	return true;
}

static bool make_ready(struct epoll_item *it)
{
	u64 flags = spin_lock_irqsave(&it->ep->lock);
	bool added = add_ready(it);

	spin_unlock_irqrestore(&it->ep->lock, flags);
	return added;
}

static bool tell(struct epoll *ep)
{
	bool woke = wait_wake(&ep->waiters, 1, NULL) != 0;
	wait_wake(&ep->pollers, ~0u, (void *)(u64)(POLLIN | POLLRDNORM));
	return woke;
}

static bool item_wake(struct wait_entry *w, void *key)
{
	struct epoll_item *it = w->arg;
	u32 events = READ_ONCE(it->events);

	if (!(events & ~PRIVATE_BITS) || (key && !((u64)key & events)))
		return false;
	make_ready(it);
	bool woke = tell(it->ep);
	/* An exclusive wake-up that found nobody asleep here goes on to the next. */
	return events & EPOLLEXCLUSIVE ? woke : true;
}

static void item_add_queue(struct poll_table *pt, struct file *f __unused, struct wait_queue *q)
{
	struct epoll_table *t = (struct epoll_table *)pt;
	struct item_wait *w = kmalloc(sizeof(*w), 0);

	if (!w) {
		t->error = -ENOMEM;
		return;
	}
	wait_entry_init(&w->wait);
	w->wait.fn = item_wake;
	w->wait.arg = t->item;
	w->wait.exclusive = t->item->events & EPOLLEXCLUSIVE;
	w->queue = q;
	w->next = t->item->waits;
	t->item->waits = w;
	wait_add(q, &w->wait);
}

static u32 item_ask(struct epoll_item *it)
{
	return file_poll(it->file, NULL) & it->events & ~PRIVATE_BITS;
}

/* --- items --------------------------------------------------------------------------------------------------------- */

static int item_compare(struct file *f, int fd, const struct epoll_item *it)
{
	if (f != it->file)
		return f < it->file ? -1 : 1;
	return fd - it->fd;
}

static struct epoll_item *item_find(struct epoll *ep, struct file *f, int fd)
{
	struct rbnode *n = ep->items.root;

	while (n) {
		struct epoll_item *it = container_of(n, struct epoll_item, node);
		int c = item_compare(f, fd, it);
		if (!c)
			return it;
		n = c < 0 ? n->left : n->right;
	}
	return NULL;
}

static void item_insert(struct epoll *ep, struct epoll_item *it)
{
	struct rbnode **link = &ep->items.root, *parent = NULL;

	while (*link) {
		parent = *link;
		link = item_compare(it->file, it->fd, container_of(parent, struct epoll_item, node)) < 0 ? &parent->left : &parent->right;
	}
	rb_insert(&ep->items, &it->node, parent, link);
}

/* ep->mutex held. */
static void item_remove(struct epoll_item *it)
{
	struct epoll *ep = it->ep;

	while (it->waits) {
		struct item_wait *w = it->waits;
		it->waits = w->next;
		wait_remove(w->queue, &w->wait); /* after this its callback does not run */
		kfree(w);
	}
	spin_lock(&it->file->lock);
	list_del(&it->file_link);
	spin_unlock(&it->file->lock);
	rb_erase(&ep->items, &it->node);
	u64 flags = spin_lock_irqsave(&ep->lock);
	if (it->ready)
		list_del(&it->ready_link);
	spin_unlock_irqrestore(&ep->lock, flags);
	account_release(ep->user, ACCOUNT_EPOLL_WATCHES, 1);
	kfree(it);
}

static int item_add(struct epoll *ep, struct file *f, int fd, const struct abi_epoll_event *ev)
{
	struct epoll_item *it;
	struct epoll_table t = { .table = { .add = item_add_queue, .want = ~0u } };

	if (!account_charge(ep->user, ACCOUNT_EPOLL_WATCHES, 1, READ_ONCE(limit_epoll_watches.value)))
		return -ENOSPC;
	it = kzalloc(sizeof(*it), 0);
	if (!it) {
		account_release(ep->user, ACCOUNT_EPOLL_WATCHES, 1);
		return -ENOMEM;
	}
	t.item = it;
	it->ep = ep;
	it->file = f;
	it->fd = fd;
	it->events = ev->events | ALWAYS;
	it->data = ev->data;
	list_init(&it->ready_link);
	item_insert(ep, it);
	spin_lock(&f->lock);
	list_add_tail(&f->epoll_links, &it->file_link);
	spin_unlock(&f->lock);
	u32 now = file_poll(f, &t.table) & it->events & ~PRIVATE_BITS;
	if (t.error) {
		item_remove(it);
		return t.error;
	}
	if (now && make_ready(it))
		tell(ep);
	return 0;
}

static void file_gone(struct file *f)
{
	if (likely(list_empty(&f->epoll_links)))
		return;
	mutex_lock(&epoll_mutex);
	while (!list_empty(&f->epoll_links)) {
		struct epoll_item *it = list_first(&f->epoll_links, struct epoll_item, file_link);
		struct epoll *ep = it->ep;
		mutex_lock(&ep->mutex);
		item_remove(it);
		mutex_unlock(&ep->mutex);
	}
	mutex_unlock(&epoll_mutex);
}
NOTIFIER(file_release, file_gone);

/* --- scan ---------------------------------------------------------------------------------------------------------- */

/* What item_ask found is for the caller: stores it. False if it cannot be. Says in *keep whether the item stays ready. */
static bool report(struct epoll_item *it, u32 events, struct abi_epoll_event __user *to, bool *keep)
{
	struct abi_epoll_event ev = { events, it->data };

	*keep = true;
	if (copy_to_user(to, &ev, sizeof(ev)))
		return false;
	*keep = !(it->events & (EPOLLET | EPOLLONESHOT));
	if (it->events & EPOLLONESHOT)
		it->events &= PRIVATE_BITS;
	return true;
}

/*
 * Asks the ready items. buf NULL: only tells whether there is one (1 or 0). Else stores up to max events: how many, or -EFAULT.
 *
 * The list is taken over as a whole, so that the lock is wanted twice however many there are. An item that shall stay ready waits in `again`, since its
 * ready_link may meanwhile be in use: an event that came in has put it on ep->ready.
 */
static long scan(struct epoll *ep, struct abi_epoll_event __user *buf, long max)
{
	struct epoll_item *again = NULL, **end = &again;
	struct list todo;
	long found = 0;
	u64 flags;

	mutex_lock(&ep->mutex);
	list_init(&todo);
	flags = spin_lock_irqsave(&ep->lock);
	list_splice_tail(&todo, &ep->ready);
	spin_unlock_irqrestore(&ep->lock, flags);
	while (!list_empty(&todo) && found < max) {
		struct epoll_item *it = list_first(&todo, struct epoll_item, ready_link);
		bool keep, stored = true;

		list_del(&it->ready_link);
		WRITE_ONCE(it->ready, false);
		smp_mb(); /* invariant 1 */
		u32 now = item_ask(it);
		if (!now)
			continue;
		if (buf)
			stored = report(it, now, buf + found, &keep);
		else
			keep = true;
		if (keep) {
			it->again = NULL;
			*end = it;
			end = &it->again;
		}
		if (!stored) {
			found = found ? found : -EFAULT;
			break;
		}
		found++;
	}
	flags = spin_lock_irqsave(&ep->lock);
	/* What is left goes before what came meanwhile, and what was reported behind both. */
	list_splice_tail(&todo, &ep->ready);
	list_splice_tail(&ep->ready, &todo);
	for (struct epoll_item *it = again; it; it = it->again)
		add_ready(it);
	spin_unlock_irqrestore(&ep->lock, flags);
	mutex_unlock(&ep->mutex);
	return found;
}

static u32 epoll_poll(struct file *f, struct poll_table *pt)
{
	struct epoll *ep = f->private;

	poll_wait(pt, f, &ep->pollers);
	smp_mb();
	return !list_empty(&ep->ready) && scan(ep, NULL, 1) > 0 ? POLLIN | POLLRDNORM : 0;
}

static void epoll_release(struct file *f)
{
	struct epoll *ep = f->private;
	struct rbnode *n;

	mutex_lock(&epoll_mutex);
	mutex_lock(&ep->mutex);
	while ((n = rb_first(&ep->items)))
		item_remove(container_of(n, struct epoll_item, node));
	mutex_unlock(&ep->mutex);
	mutex_unlock(&epoll_mutex);
	account_put(ep->user);
	kfree(ep);
}

static int epoll_show(struct file *f, struct seq *s)
{
	struct epoll *ep = f->private;

	mutex_lock(&ep->mutex);
	for (struct rbnode *n = rb_first(&ep->items); n; n = rb_next(n)) {
		const struct epoll_item *it = container_of(n, struct epoll_item, node);
		const struct inode *i = it->file->inode;
		u64 dev = i->sb->dev;

		seq_printf(s, "tfd: %8d events: %8x data: %16lx  pos:%ld ino:%lx sdev:%lx\n", it->fd, it->events, it->data, READ_ONCE(it->file->pos), i->ino,
			   (u64)abi_major(dev) << 20 | abi_minor(dev));
	}
	mutex_unlock(&ep->mutex);
	return 0;
}

const struct file_ops epoll_ops = {
	.name = "[eventpoll]",
	.lseek = ipc_no_lseek,
	.poll = epoll_poll,
	.show_fdinfo = epoll_show,
	.release = epoll_release,
};

const void *epoll_watched(struct file *f, int fd, u32 skip)
{
	const void *found = ERR_PTR(-ENOENT);
	struct epoll *ep = f->private;

	if (f->ops != &epoll_ops)
		return ERR_PTR(-EINVAL);
	mutex_lock(&ep->mutex);
	for (struct rbnode *n = rb_first(&ep->items); n; n = rb_next(n)) {
		struct epoll_item *it = container_of(n, struct epoll_item, node);
		if (it->fd == fd && !skip--) {
			found = it->file;
			break;
		}
	}
	mutex_unlock(&ep->mutex);
	return found;
}

/* --- calls --------------------------------------------------------------------------------------------------------- */

long sys_epoll_create1(int flags)
{
	struct epoll *ep;

	if (flags & ~EPOLL_CLOEXEC)
		return -EINVAL;
	ep = kzalloc(sizeof(*ep), 0);
	if (!ep)
		return -ENOMEM;
	mutex_init(&ep->mutex, "epoll", RANK_EPOLL_MUTEX); /* epolls hang below each other, in no circle */
	spin_init(&ep->lock, "epoll", RANK_NONE);
	list_init(&ep->ready);
	wait_queue_init(&ep->waiters);
	wait_queue_init(&ep->pollers);
	ep->waiters.lock.rank = ep->pollers.lock.rank = RANK_NONE;
	ep->user = cred_current()->user;
	account_hold(ep->user);
	long fd = ipc_new_fd("anon_inode:[eventpoll]", &epoll_ops, O_RDWR, flags & EPOLL_CLOEXEC, ep);
	if (fd < 0) {
		account_put(ep->user);
		kfree(ep);
	}
	return fd;
}

long sys_epoll_create(int size)
{
	return size <= 0 ? -EINVAL : sys_epoll_create1(0);
}

/* With epoll_mutex held if the target is an epoll. */
static int change(struct epoll *ep, int op, struct file *target, int fd, struct abi_epoll_event *ev)
{
	struct epoll_item *it;
	int err = 0;

	mutex_lock(&ep->mutex);
	it = item_find(ep, target, fd);
	switch (op) {
	case EPOLL_CTL_ADD:
		err = it ? -EEXIST : item_add(ep, target, fd, ev);
		break;
	case EPOLL_CTL_DEL:
		if (it)
			item_remove(it);
		else
			err = -ENOENT;
		break;
	case EPOLL_CTL_MOD:
		if (!it) {
			err = -ENOENT;
		} else if ((it->events | ev->events) & EPOLLEXCLUSIVE) {
			err = -EINVAL;
		} else {
			WRITE_ONCE(it->events, ev->events | ALWAYS);
			it->data = ev->data;
			smp_mb(); /* a wake-up from here on sees the new events; what was before is asked for */
			if (item_ask(it) && make_ready(it))
				tell(ep);
		}
		break;
	}
	mutex_unlock(&ep->mutex);
	return err;
}

/* The same for an epoll that watches an epoll. */
static int change_nested(struct file *f, int op, struct file *target, int fd, struct abi_epoll_event *ev)
{
	struct epoll *ep = f->private;
	int err = -ELOOP;

	mutex_lock(&epoll_mutex);
	ep->file = f;
	if (op != EPOLL_CTL_ADD || epoll_may_watch(ep, target->private))
		err = change(ep, op, target, fd, ev);
	if (!err && op == EPOLL_CTL_ADD && epoll_is_crowded(target)) {
		change(ep, EPOLL_CTL_DEL, target, fd, ev);
		err = -EINVAL;
	}
	mutex_unlock(&epoll_mutex);
	return err;
}

long sys_epoll_ctl(int epfd, int op, int fd, const void __user *event)
{
	struct abi_epoll_event ev = { 0, 0 };
	struct fdref e, t;
	long err;

	if (op != EPOLL_CTL_DEL && copy_from_user(&ev, event, sizeof(ev)))
		return -EFAULT;
	e = fdref_get(epfd, false);
	if (!e.file)
		return -EBADF;
	t = fdref_get(fd, false);
	err = -EBADF;
	if (!t.file)
		goto put_epoll;
	err = -EPERM;
	if (!t.file->ops->poll)
		goto put;
	err = -EINVAL;
	if (e.file->ops != &epoll_ops || e.file == t.file || op < EPOLL_CTL_ADD || op > EPOLL_CTL_MOD)
		goto put;
	if (ev.events & EPOLLEXCLUSIVE && (op != EPOLL_CTL_ADD || ev.events & ~EXCLUSIVE_OK || t.file->ops == &epoll_ops))
		goto put;
	if (op == EPOLL_CTL_DEL)
		ev.events = 0;
	err = t.file->ops == &epoll_ops ? change_nested(e.file, op, t.file, fd, &ev) : change(e.file->private, op, t.file, fd, &ev);
put:
	fdref_put(t);
put_epoll:
	fdref_put(e);
	return err;
}

static long wait_events(struct epoll *ep, struct abi_epoll_event __user *buf, int max, u64 deadline)
{
	struct wait_entry e;
	long found = scan(ep, buf, max);
	bool in_time = deadline != 0;

	while (!found && in_time) {
		wait_entry_init(&e);
		e.exclusive = true;
		wait_prepare(&ep->waiters, &e, true);
		if (list_empty(&ep->ready)) {
			if (thread_interrupted())
				found = -EINTR;
			else
				in_time = schedule_until(deadline);
		}
		wait_finish(&ep->waiters, &e);
		if (!found)
			found = scan(ep, buf, max);
	}
	/* More is ready than we took: somebody else may take it. A waiter enters its queue first and then looks at the list. */
	smp_mb();
	if (!list_empty(&ep->ready) && !list_empty(&ep->waiters.entries))
		wait_wake_one(&ep->waiters);
	return found;
}

static long epoll_wait_until(int epfd, void __user *events, int maxevents, u64 deadline)
{
	struct fdref r;
	long result;

	if (maxevents <= 0 || maxevents > (int)(INT32_MAX / sizeof(struct abi_epoll_event)))
		return -EINVAL;
	if (!user_range_ok(events, maxevents * sizeof(struct abi_epoll_event)))
		return -EFAULT;
	r = fdref_get(epfd, false);
	if (!r.file)
		return -EBADF;
	result = r.file->ops == &epoll_ops ? wait_events(r.file->private, events, maxevents, deadline) : -EINVAL;
	fdref_put(r);
	return result;
}

static u64 deadline_ms(int ms)
{
	return ms < 0 ? TIME_NEVER : ms == 0 ? 0 : deadline_after((u64)ms * NSEC_PER_MSEC);
}

long sys_epoll_wait(int epfd, void __user *events, int maxevents, int timeout_ms)
{
	return epoll_wait_until(epfd, events, maxevents, deadline_ms(timeout_ms));
}

/* With another signal mask meanwhile. */
static long wait_masked(int epfd, void __user *events, int maxevents, u64 deadline, const void __user *sigmask, size_t sigsetsize)
{
	u64 mask;
	long result;

	if (sigmask) {
		result = signal_mask_from_user(&mask, sigmask, sigsetsize);
		if (result)
			return result;
		signal_set_temp_mask(mask);
	}
	result = epoll_wait_until(epfd, events, maxevents, deadline);
	if (sigmask)
		signal_restore_temp_mask(result == -EINTR);
	return result;
}

long sys_epoll_pwait(int epfd, void __user *events, int maxevents, int timeout_ms, const void __user *sigmask, size_t sigsetsize)
{
	return wait_masked(epfd, events, maxevents, deadline_ms(timeout_ms), sigmask, sigsetsize);
}

long sys_epoll_pwait2(int epfd, void __user *events, int maxevents, const void __user *timeout, const void __user *sigmask, size_t sigsetsize)
{
	u64 ns, deadline = TIME_NEVER;
	struct abi_timespec ts;

	if (timeout) {
		if (copy_from_user(&ts, timeout, sizeof(ts)))
			return -EFAULT;
		if (timespec_ns(&ts, &ns))
			return -EINVAL;
		deadline = ns ? deadline_after(ns) : 0;
	}
	return wait_masked(epfd, events, maxevents, deadline, sigmask, sigsetsize);
}
