/*
 * inotify: what happens to files, as events that can be read.
 *
 *   struct inotify ── by_wd (tree by number) ── struct inotify_watch ── (vfs/watch.h) ── inode
 *        └── events (list), at most max_events of them, and then one that says that some were lost
 *
 * The watches of an inotify are guarded by fs_watch_lock, as they are below. It has two ends: the last close of its descriptor, which ends all watches, and the
 * last of these that another processor is just letting go; so it is counted: one for the file, one for each watch.
 *
 * An event that is equal to the one before it is not queued twice. One that finds no memory counts as lost, as does one that finds the queue full.
 */
#include "ipc_priv.h"

#include "abi/termios.h"
#include "core/registry.h"
#include "file/async.h"
#include "lib/rbtree.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "proc/cred.h"
#include "syscalls_gen.h"
#include "vfs/vfs.h"

/* Beside the events, whose numbers are FS_*. */
#define IN_Q_OVERFLOW 0x4000u
#define IN_IGNORED 0x8000u
#define IN_ONLYDIR 0x01000000u
#define IN_DONT_FOLLOW 0x02000000u
#define IN_EXCL_UNLINK 0x04000000u
#define IN_MASK_CREATE 0x10000000u
#define IN_MASK_ADD 0x20000000u
#define IN_ONESHOT 0x80000000u
#define IN_ALL_BITS (FS_EVENTS | FS_UNMOUNT | IN_Q_OVERFLOW | IN_IGNORED | FS_ISDIR | IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK | IN_MASK_CREATE | IN_MASK_ADD | IN_ONESHOT)

struct abi_inotify_event {
	s32 wd;
	u32 mask, cookie, len;
};
_Static_assert(sizeof(struct abi_inotify_event) == 16, "Linux");

struct queued_event {
	struct list link;
	s32 wd;
	u32 mask, cookie;
	u32 name_len; /* 0: none */
	char name[];
};

struct inotify {
	struct refcount ref;
	struct user_account *user;    /* who made it: counted */
	struct rbtree by_wd;          /* fs_watch_lock */
	s32 last_wd;                  /* fs_watch_lock */
	struct spinlock lock;         /* inside of fs_watch_lock */
	struct list events;           /* lock */
	u32 count, max_events;        /* lock; set once */
	size_t bytes;                 /* that reading all events would give: lock */
	bool overflowed;              /* `overflow` is on the list: lock */
	struct queued_event *overflow;
	struct wait_queue wait;
	struct async_list async;
};

struct inotify_watch {
	struct fs_watch watch;
	struct inotify *owner; /* counted */
	struct rbnode node;    /* owner->by_wd */
	s32 wd;
	bool once;             /* fs_watch_lock */
};

static const struct fs_watch_ops watch_ops;

IPC_LIMIT(limit_inotify_instances, "fs/inotify/max_user_instances", 128, 0, INT32_MAX);
IPC_LIMIT(limit_inotify_watches, "fs/inotify/max_user_watches", 8192, 0, INT32_MAX);
IPC_LIMIT(limit_inotify_events, "fs/inotify/max_queued_events", 16384, 0, INT32_MAX);

static struct inotify_watch *watch_of(struct fs_watch *w) { return container_of(w, struct inotify_watch, watch); }

static void inotify_put(struct inotify *in)
{
	if (!refcount_put(&in->ref))
		return;
	while (!list_empty(&in->events)) {
		struct queued_event *e = list_first(&in->events, struct queued_event, link);
		list_del(&e->link);
		if (e != in->overflow)
			kfree(e);
	}
	kfree(in->overflow);
	account_put(in->user);
	kfree(in);
}

/* --- events come in ---------------------------------------------------------------------------------------------------- */

/* A name is followed by as many zeroes as fill its last piece. */
static size_t event_size(const struct queued_event *e)
{
	return sizeof(struct abi_inotify_event) + (e->name_len ? ALIGN_UP(e->name_len + 1, sizeof(struct abi_inotify_event)) : 0);
}

static bool same_as_last(const struct inotify *in, s32 wd, const struct fs_event *e)
{
	const struct queued_event *last;

	if (list_empty(&in->events))
		return false;
	last = list_last(&in->events, struct queued_event, link);
	return last->mask == e->mask && last->wd == wd && !(last->mask & IN_IGNORED) && last->name_len == e->name_len &&
		(!e->name_len || !memcmp(last->name, e->name, e->name_len));
}

static struct queued_event *event_alloc(s32 wd, const struct fs_event *e)
{
	struct queued_event *q = kmalloc(sizeof(*q) + e->name_len + 1, ALLOC_NOWAIT);

	if (!q)
		return NULL;
	q->wd = wd;
	q->mask = e->mask;
	q->cookie = e->cookie;
	q->name_len = e->name_len;
	if (e->name_len)
		memcpy(q->name, e->name, e->name_len);
	q->name[e->name_len] = 0;
	return q;
}

static void queue_event(struct inotify *in, s32 wd, const struct fs_event *e)
{
	struct queued_event *q = NULL;
	bool added = false;

	spin_lock(&in->lock);
	if (in->count < in->max_events) {
		if (same_as_last(in, wd, e))
			goto unlock;
		q = event_alloc(wd, e);
	}
	if (!q && !in->overflowed) {
		q = in->overflow;
		in->overflowed = true;
	}
	if (q) {
		list_add_tail(&in->events, &q->link);
		in->count++;
		in->bytes += event_size(q);
		added = true;
	}
unlock:
	spin_unlock(&in->lock);
	if (added) {
		wait_wake(&in->wait, ~0u, (void *)(u64)(POLLIN | POLLRDNORM));
		async_notify(&in->async, POLL_IN, FILE_READ);
	}
}

static bool watch_event(struct fs_watch *fw, const struct fs_event *e)
{
	struct inotify_watch *w = watch_of(fw);
	struct fs_event shown = *e;

	/* Of the file itself one knows what it is. */
	if (e->mask & (FS_DELETE_SELF | FS_MOVE_SELF))
		shown.mask &= ~FS_ISDIR;
	queue_event(w->owner, w->wd, &shown);
	return w->once;
}

static void watch_removed(struct fs_watch *fw)
{
	struct inotify_watch *w = watch_of(fw);
	struct fs_event e = { .mask = IN_IGNORED };

	rb_erase(&w->owner->by_wd, &w->node);
	queue_event(w->owner, w->wd, &e);
}

static void watch_free(struct inotify_watch *w)
{
	inotify_put(w->owner);
	kfree(w);
}

static void watch_release(struct fs_watch *fw)
{
	struct inotify_watch *w = watch_of(fw);

	account_release(w->owner->user, ACCOUNT_INOTIFY_WATCHES, 1);
	watch_free(w);
}

static const struct fs_watch_ops watch_ops = {
	.event = watch_event,
	.removed = watch_removed,
	.release = watch_release,
};

/* --- and are read ------------------------------------------------------------------------------------------------------ */

/* The first event, taken off, if it fits into room; NULL: there is none; ERR_PTR(-EINVAL): it does not. */
static struct queued_event *take_event(struct inotify *in, size_t room)
{
	struct queued_event *e = NULL;

	spin_lock(&in->lock);
	if (!list_empty(&in->events)) {
		e = list_first(&in->events, struct queued_event, link);
		if (event_size(e) > room) {
			e = ERR_PTR(-EINVAL);
		} else {
			list_del(&e->link);
			in->count--;
			in->bytes -= event_size(e);
			if (e == in->overflow)
				in->overflowed = false;
		}
	}
	spin_unlock(&in->lock);
	return e;
}

/* 0 or -EFAULT; the event is gone either way. */
static ssize_t give_event(struct inotify *in, struct queued_event *e, struct uio *to)
{
	static const char zeroes[sizeof(struct abi_inotify_event)];
	size_t name_room = event_size(e) - sizeof(struct abi_inotify_event);
	struct abi_inotify_event head = { .wd = e->wd, .mask = e->mask, .cookie = e->cookie, .len = name_room };
	size_t pad = name_room - e->name_len;
	bool good = uio_write(to, &head, sizeof(head)) == sizeof(head) && uio_write(to, e->name, e->name_len) == e->name_len && uio_write(to, zeroes, pad) == pad;

	if (e != in->overflow)
		kfree(e);
	return good ? 0 : -EFAULT;
}

static ssize_t inotify_read(struct file *f, struct uio *to, s64 *pos __unused)
{
	struct inotify *in = f->private;
	size_t room = to->left;
	ssize_t err;

	for (;;) {
		struct queued_event *e = take_event(in, to->left);
		size_t done = room - to->left;
		if (!e && !done && !(f->flags & O_NONBLOCK)) {
			err = wait_event_interruptible(&in->wait, READ_ONCE(in->count));
			if (err)
				return err;
			continue;
		}
		if (!e)
			return done ? (ssize_t)done : -EAGAIN;
		if (IS_ERR(e))
			return done ? (ssize_t)done : PTR_ERR(e);
		err = give_event(in, e, to);
		if (err)
			return err;
	}
}

static u32 inotify_poll(struct file *f, struct poll_table *pt)
{
	struct inotify *in = f->private;

	poll_wait(pt, f, &in->wait);
	smp_mb();
	return READ_ONCE(in->count) ? POLLIN | POLLRDNORM : 0;
}

static long inotify_ioctl(struct file *f, u32 cmd, u64 arg)
{
	struct inotify *in = f->private;

	if (cmd != FIONREAD)
		return -ENOTTY;
	return put_user_u32(READ_ONCE(in->bytes), (u32 __user *)arg);
}

/* The newest first. The handle of a file is not shown, as by a Linux that has none. */
static int inotify_show(struct file *f, struct seq *s)
{
	struct inotify *in = f->private;

	spin_lock(&fs_watch_lock);
	for (struct rbnode *n = rb_last(&in->by_wd); n; n = rb_prev(n)) {
		struct inotify_watch *w = container_of(n, struct inotify_watch, node);
		u32 mask = (w->watch.mask & FS_EVENTS) | (w->watch.excludes_unlinked ? IN_EXCL_UNLINK : 0) | (w->once ? IN_ONESHOT : 0);
		u64 dev = w->watch.inode->sb->dev;
		seq_printf(s, "inotify wd:%x ino:%lx sdev:%lx mask:%x ignored_mask:0 \n", (u32)w->wd, w->watch.inode->ino,
			   (u64)abi_major(dev) << 20 | abi_minor(dev), mask);
	}
	spin_unlock(&fs_watch_lock);
	return 0;
}

static struct async_list *inotify_async(struct file *f)
{
	return &((struct inotify *)f->private)->async;
}

static void inotify_release(struct file *f)
{
	struct inotify *in = f->private;

	for (;;) {
		spin_lock(&fs_watch_lock);
		struct rbnode *n = rb_first(&in->by_wd);
		struct inotify_watch *w = n ? container_of(n, struct inotify_watch, node) : NULL;
		if (w) {
			rb_erase(&in->by_wd, &w->node);
			fs_watch_remove(&w->watch);
		}
		spin_unlock(&fs_watch_lock);
		if (!w)
			break;
		fs_watch_release(&w->watch);
	}
	account_release(in->user, ACCOUNT_INOTIFY, 1);
	inotify_put(in);
}

static const struct file_ops inotify_ops = {
	.name = "inotify",
	.no_splice = NO_SPLICE,
	.lseek = ipc_no_lseek,
	.read = inotify_read,
	.poll = inotify_poll,
	.ioctl = inotify_ioctl,
	.show_fdinfo = inotify_show,
	.async = inotify_async,
	.release = inotify_release,
};

/* --- the calls --------------------------------------------------------------------------------------------------------- */

static struct inotify *inotify_create(void)
{
	struct user_account *user = account_get(cred_current()->euid);
	struct inotify *in = user ? kzalloc(sizeof(*in), 0) : NULL;
	int err = -ENOMEM;

	if (!in)
		goto fail;
	in->overflow = kzalloc(sizeof(*in->overflow), 0);
	if (!in->overflow)
		goto fail;
	err = -EMFILE;
	if (!account_charge(user, ACCOUNT_INOTIFY, 1, READ_ONCE(limit_inotify_instances.value)))
		goto fail;
	refcount_set(&in->ref, 1);
	in->user = user;
	spin_init(&in->lock, "inotify", RANK_IPC_OBJECT);
	list_init(&in->events);
	wait_queue_init(&in->wait);
	async_init(&in->async);
	in->max_events = READ_ONCE(limit_inotify_events.value);
	*in->overflow = (struct queued_event){ .wd = -1, .mask = IN_Q_OVERFLOW };
	return in;
fail:
	if (in)
		kfree(in->overflow);
	kfree(in);
	if (user)
		account_put(user);
	return ERR_PTR(err);
}

long sys_inotify_init1(int flags)
{
	struct inotify *in;
	long fd;

	if (flags & ~(O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	in = inotify_create();
	if (IS_ERR(in))
		return PTR_ERR(in);
	fd = ipc_new_fd("anon_inode:inotify", &inotify_ops, O_RDONLY | (flags & O_NONBLOCK), flags & O_CLOEXEC, in);
	if (fd < 0) {
		account_release(in->user, ACCOUNT_INOTIFY, 1);
		inotify_put(in);
	}
	return fd;
}

long sys_inotify_init(void)
{
	return sys_inotify_init1(0);
}

static void set_wishes(struct inotify_watch *w, u32 mask)
{
	if (!(mask & IN_MASK_ADD)) {
		w->watch.mask = 0;
		w->watch.excludes_unlinked = w->once = false;
	}
	/* Everybody hears of an unmount. */
	w->watch.mask |= (mask & FS_EVENTS) | FS_UNMOUNT;
	w->watch.excludes_unlinked |= (mask & IN_EXCL_UNLINK) != 0;
	w->once |= (mask & IN_ONESHOT) != 0;
}

/* fs_watch_lock held. */
static struct inotify_watch *find_by_inode(struct inotify *in, struct inode *inode)
{
	hlist_for_each(n, &inode->watches) {
		struct fs_watch *fw = container_of(n, struct fs_watch, link);
		if (fw->ops == &watch_ops && watch_of(fw)->owner == in)
			return watch_of(fw);
	}
	return NULL;
}

static struct inotify_watch *find_by_wd(struct inotify *in, s32 wd)
{
	struct rbnode *n = in->by_wd.root;

	while (n) {
		struct inotify_watch *w = container_of(n, struct inotify_watch, node);
		if (w->wd == wd)
			return w;
		n = wd < w->wd ? n->left : n->right;
	}
	return NULL;
}

/* The next number, after those that were given before; from 1 again after the last. Links w there. */
static void number(struct inotify *in, struct inotify_watch *w)
{
	struct rbnode **link = &in->by_wd.root, *parent = NULL;

	do
		in->last_wd = in->last_wd == INT32_MAX ? 1 : in->last_wd + 1;
	while (find_by_wd(in, in->last_wd));
	w->wd = in->last_wd;
	while (*link) {
		parent = *link;
		link = w->wd < container_of(parent, struct inotify_watch, node)->wd ? &parent->left : &parent->right;
	}
	rb_insert(&in->by_wd, &w->node, parent, link);
}

/* A watch that is on nothing yet; NULL if memory is short. */
static struct inotify_watch *watch_alloc(struct inotify *in)
{
	struct inotify_watch *w = kzalloc(sizeof(*w), 0);

	if (!w)
		return NULL;
	w->watch.ops = &watch_ops;
	refcount_get(&in->ref);
	w->owner = in;
	return w;
}

/* Puts w on inode: its number, or -ENOSPC. One that was refused for the limit has used up its number, as on Linux. fs_watch_lock held. */
static long watch_begin(struct inotify *in, struct inotify_watch *w, struct inode *inode)
{
	number(in, w);
	if (!account_charge(in->user, ACCOUNT_INOTIFY_WATCHES, 1, READ_ONCE(limit_inotify_watches.value))) {
		rb_erase(&in->by_wd, &w->node);
		return -ENOSPC;
	}
	fs_watch_add(&w->watch, inode);
	return w->wd;
}

/* The number of the watch on inode, which is changed if it is there, else made; or -errno. */
static long watch_inode(struct inotify *in, struct inode *inode, u32 mask)
{
	struct inotify_watch *fresh = NULL, *w;
	long result;

	for (;;) {
		spin_lock(&fs_watch_lock);
		w = find_by_inode(in, inode);
		if (w || fresh)
			break;
		spin_unlock(&fs_watch_lock);
		fresh = watch_alloc(in);
		if (!fresh)
			return -ENOMEM;
	}
	if (w) {
		result = mask & IN_MASK_CREATE ? -EEXIST : w->wd;
	} else {
		result = watch_begin(in, fresh, inode);
		if (result >= 0) {
			w = fresh;
			fresh = NULL;
		}
	}
	if (result >= 0)
		set_wishes(w, mask);
	spin_unlock(&fs_watch_lock);
	if (fresh)
		watch_free(fresh);
	return result;
}

long sys_inotify_add_watch(int fd, const char __user *name, unsigned mask)
{
	struct fdref r;
	struct path p;
	long result;

	if (mask & ~IN_ALL_BITS || !mask)
		return -EINVAL;
	r = fdref_get(fd, false);
	if (!r.file)
		return -EBADF;
	result = -EINVAL;
	if ((mask & IN_MASK_ADD && mask & IN_MASK_CREATE) || r.file->ops != &inotify_ops)
		goto out;
	result = user_path(AT_FDCWD, name, (mask & IN_DONT_FOLLOW ? 0 : LOOKUP_FOLLOW) | (mask & IN_ONLYDIR ? LOOKUP_DIRECTORY : 0), &p);
	if (result)
		goto out;
	result = inode_permission(p.dentry->inode, MAY_READ);
	if (!result)
		result = watch_inode(r.file->private, p.dentry->inode, mask);
	path_put(&p);
out:
	fdref_put(r);
	return result;
}

long sys_inotify_rm_watch(int fd, int wd)
{
	struct fdref r = fdref_get(fd, false);
	struct inotify_watch *w = NULL;

	if (!r.file)
		return -EBADF;
	if (r.file->ops == &inotify_ops) {
		spin_lock(&fs_watch_lock);
		w = find_by_wd(r.file->private, wd);
		if (w) {
			fs_watch_remove(&w->watch);
			watch_removed(&w->watch);
		}
		spin_unlock(&fs_watch_lock);
	}
	if (w)
		fs_watch_release(&w->watch);
	fdref_put(r);
	return w ? 0 : -EINVAL;
}

/* As many as take one percent of memory, with the inodes that they keep. */
static int inotify_init(void)
{
	struct mem_stats mem;

	mem_stats(&mem);
	limit_inotify_watches.value = MIN(MAX(mem.total * PAGE_SIZE / 100 / (sizeof(struct inotify_watch) + 2 * sizeof(struct inode)), 8192ul), 1048576ul);
	return 0;
}
SUBSYSTEM(inotify, .needs = "vfs proc", .init = inotify_init, .stage = "09-ipc");
