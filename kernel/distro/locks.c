/*
 * File locks: flock(2), record locks of fcntl(2), and those of open files (F_OFD_*).
 *
 * One spinlock guards all of it: locks are few and short-lived. A state hangs on an inode only while there is a lock or a waiter.
 * What a closing descriptor or the last reference to an open file leaves behind is unlocked by notifiers of file/.
 *
 * Deadlock (POSIX locks only): before it sleeps, a waiter writes down for whom it waits. If the chain "whom does he wait for" leads back to the waiter,
 * it gets EDEADLK.
 */
#include "distro_priv.h"

#include "abi/fcntl.h"
#include "core/node.h"
#include "core/registry.h"
#include "file/file.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "proc/proc.h"
#include "syscalls_gen.h"
#include "usermode/uaccess.h"
#include "vfs/vfs.h"

#define LOCK_SH 1
#define LOCK_EX 2
#define LOCK_NB 4
#define LOCK_MAND 32
#define LOCK_UN 8
#define CHAIN_MAX 32

struct abi_flock {
	s16 type, whence;
	s32 pad;
	s64 start, len;
	s32 pid, pad2;
};
struct waiter {
	struct list link;
	const void *owner, *blocker; /* POSIX owners */
};

static struct spinlock lock_table_lock = SPINLOCK_INIT("file locks", RANK_FILES);
static struct list states = LIST_INIT(states);   /* lock_table_lock */
static struct list waiters = LIST_INIT(waiters); /* lock_table_lock: of POSIX locks */

/* --- states and records -------------------------------------------------------------------------------------------- */

static void free_list(struct list *spare)
{
	while (!list_empty(spare)) {
		struct file_lock *l = list_first(spare, struct file_lock, link);
		list_del(&l->link);
		kfree(l);
	}
}

static int fill_spare(struct list *spare)
{
	list_init(spare);
	for (int i = 0; i < 2; i++) {
		struct file_lock *l = kmalloc(sizeof(*l), 0);
		if (!l) {
			free_list(spare);
			return -ENOMEM;
		}
		list_add(spare, &l->link);
	}
	return 0;
}

/* The inode's state, or with `fresh` that one becomes it. Lock held. */
static struct flock_state *state_of(struct inode *inode, struct flock_state **fresh)
{
	if (!inode->locks && fresh && *fresh) {
		struct flock_state *s = *fresh;
		*fresh = NULL;
		list_init(&s->locks);
		wait_queue_init(&s->wait);
		s->waiters = 0;
		s->inode = inode;
		list_add_tail(&states, &s->all);
		inode->locks = s;
	}
	return inode->locks;
}

/* Lock held: the state if nothing needs it any more, for the caller to free. */
static struct flock_state *state_unused(struct flock_state *s)
{
	if (!s || !list_empty(&s->locks) || s->waiters)
		return NULL;
	s->inode->locks = NULL;
	list_del(&s->all);
	return s;
}

/* --- waiting ------------------------------------------------------------------------------------------------------- */

static bool would_deadlock(const void *me, const void *blocker)
{
	for (int steps = 0; steps < CHAIN_MAX; steps++) {
		struct waiter *w;
		const void *next = NULL;
		if (blocker == me)
			return true;
		list_for_each(w, &waiters, link)
			if (w->owner == blocker)
				next = w->blocker;
		if (!next)
			return false;
		blocker = next;
	}
	return false;
}

/* One try. 0 done, -EAGAIN, -EDEADLK; after -EAGAIN with `w` it is among the waiters. */
static int try_lock(struct inode *inode, const struct file_lock *want, struct flock_state **fresh, struct list *spare, struct waiter *w)
{
	int err = 0;

	spin_lock(&lock_table_lock);
	struct flock_state *s = state_of(inode, fresh);
	struct file_lock *conflict = want->type == LOCK_NONE ? NULL : lock_find_conflict(s, want);
	if (w && !list_empty(&w->link))
		list_del(&w->link);
	if (!conflict) {
		if (lock_apply(s, want, spare))
			wait_wake_all(&s->wait);
	} else {
		err = -EAGAIN;
		if (w && want->kind == LOCK_KIND_POSIX && conflict->kind == LOCK_KIND_POSIX) {
			if (would_deadlock(want->owner, conflict->owner)) {
				err = -EDEADLK;
			} else {
				w->owner = want->owner;
				w->blocker = conflict->owner;
				list_add(&waiters, &w->link);
			}
		}
	}
	spin_unlock(&lock_table_lock);
	return err;
}

static int lock_or_wait(struct inode *inode, const struct file_lock *want, struct flock_state **fresh, struct list *spare, struct waiter *w)
{
	struct wait_entry e;
	int err;

	spin_lock(&lock_table_lock);
	struct flock_state *s = state_of(inode, fresh);
	s->waiters++; /* keeps the state */
	spin_unlock(&lock_table_lock);
	wait_entry_init(&e);
	for (;;) {
		wait_prepare(&s->wait, &e, true);
		err = try_lock(inode, want, NULL, spare, w);
		if (err != -EAGAIN)
			break;
		if (thread_interrupted()) {
			err = -ERESTARTSYS;
			break;
		}
		schedule();
	}
	wait_finish(&s->wait, &e);
	spin_lock(&lock_table_lock);
	if (!list_empty(&w->link))
		list_del(&w->link);
	s->waiters--;
	spin_unlock(&lock_table_lock);
	return err;
}

static int set_lock(struct inode *inode, const struct file_lock *want, bool wait)
{
	struct flock_state *fresh = kmalloc(sizeof(*fresh), 0), *unused;
	struct waiter w;
	struct list spare;
	int err = fresh ? fill_spare(&spare) : -ENOMEM;

	if (err) {
		kfree(fresh);
		return want->kind == LOCK_KIND_FLOCK ? err : -ENOLCK; /* each by its own name, as on Linux */
	}
	list_init(&w.link);
	err = try_lock(inode, want, &fresh, &spare, NULL);
	if (err == -EAGAIN && wait)
		err = lock_or_wait(inode, want, &fresh, &spare, &w);
	spin_lock(&lock_table_lock);
	unused = state_unused(inode->locks);
	spin_unlock(&lock_table_lock);
	free_list(&spare);
	kfree(fresh);
	kfree(unused);
	return err;
}

/* Unlocks all that `owner` has of a kind; needs no memory. */
static void unlock_all(struct inode *inode, const void *owner, enum lock_kind kind)
{
	struct file_lock want = { .owner = owner, .kind = kind, .type = LOCK_NONE, .start = 0, .end = LOCK_END };
	struct flock_state *unused = NULL;
	struct list spare;

	list_init(&spare);
	spin_lock(&lock_table_lock);
	struct flock_state *s = inode->locks;
	if (s) {
		if (lock_apply(s, &want, &spare))
			wait_wake_all(&s->wait);
		unused = state_unused(s);
	}
	spin_unlock(&lock_table_lock);
	free_list(&spare);
	kfree(unused);
}

/* --- flock --------------------------------------------------------------------------------------------------------- */

long sys_flock(int fd, int op)
{
	static const s8 types[] = { [LOCK_SH] = LOCK_READ, [LOCK_EX] = LOCK_WRITE, [LOCK_UN] = LOCK_NONE };
	int what = op & ~LOCK_NB;
	struct fdref r;
	long err;

	if (op & LOCK_MAND)
		return 0; /* a kind of lock that there is no more: it is granted, and means nothing */
	if (what != LOCK_SH && what != LOCK_EX && what != LOCK_UN)
		return -EINVAL;
	r = fdref_get(fd, false);
	if (!r.file)
		return -EBADF;
	struct file_lock want = { .owner = r.file, .kind = LOCK_KIND_FLOCK, .type = types[what], .start = 0, .end = LOCK_END, .pid = current->process->pid };
	if (!r.file->inode) {
		err = -EINVAL;
	} else {
		/* A change of type is no single step: the old lock goes first, as on Linux, and others may be faster. */
		err = set_lock(r.file->inode, &want, false);
		if (err == -EAGAIN) {
			unlock_all(r.file->inode, r.file, LOCK_KIND_FLOCK);
			err = set_lock(r.file->inode, &want, !(op & LOCK_NB));
		}
	}
	fdref_put(r);
	return err;
}

/* --- fcntl --------------------------------------------------------------------------------------------------------- */

static int range_of(struct file *f, const struct abi_flock *l, struct file_lock *want)
{
	s64 start;

	switch (l->whence) {
	case SEEK_SET: start = 0; break;
	case SEEK_CUR: start = f->pos; break;
	case SEEK_END: start = READ_ONCE(f->inode->size); break;
	default: return -EINVAL;
	}
	if (l->start > LOCK_END - start)
		return -EOVERFLOW;
	start += l->start;
	if (start < 0)
		return -EINVAL;
	if (l->len > 0) {
		if (l->len - 1 > LOCK_END - start)
			return -EOVERFLOW;
		want->start = start;
		want->end = start + (l->len - 1); /* start + len may lie past the last number */
	} else if (l->len < 0) {
		if (start + l->len < 0)
			return -EINVAL;
		want->end = start - 1;
		want->start = start + l->len;
	} else {
		want->start = start;
		want->end = LOCK_END;
	}
	return 0;
}

static long get_lock(struct file *f, const struct file_lock *want, struct abi_flock *l)
{
	spin_lock(&lock_table_lock);
	struct flock_state *s = f->inode->locks;
	struct file_lock *c = s ? lock_find_conflict(s, want) : NULL;
	if (c) {
		l->type = c->type;
		l->whence = SEEK_SET;
		l->start = c->start;
		l->len = c->end == LOCK_END ? 0 : (s64)(c->end - c->start + 1);
		l->pid = c->pid;
	} else {
		l->type = LOCK_NONE;
	}
	spin_unlock(&lock_table_lock);
	return 0;
}

static long fcntl_lock(struct file *f, int fd, u32 cmd, u64 arg)
{
	bool ofd = cmd == F_OFD_GETLK || cmd == F_OFD_SETLK || cmd == F_OFD_SETLKW;
	bool get = cmd == F_GETLK || cmd == F_OFD_GETLK, wait = cmd == F_SETLKW || cmd == F_OFD_SETLKW;
	struct file_lock want = { .kind = ofd ? LOCK_KIND_OFD : LOCK_KIND_POSIX };
	struct abi_flock l;

	if (cmd == F_GETLEASE)
		return LOCK_NONE;
	if (cmd == F_SETLEASE)
		return arg == LOCK_NONE ? -EAGAIN : -EINVAL;
	if (copy_from_user(&l, (void __user *)arg, sizeof(l)))
		return -EFAULT;
	if (!f->inode)
		return -EINVAL;
	if (l.type < LOCK_READ || l.type > LOCK_NONE || (get && l.type == LOCK_NONE) || (ofd && l.pid))
		return -EINVAL;
	int err = range_of(f, &l, &want);
	if (err)
		return err;
	want.type = l.type;
	want.owner = ofd ? (void *)f : (void *)current->files;
	want.pid = ofd ? -1 : current->process->pid;
	if (get) {
		get_lock(f, &want, &l);
		return copy_to_user((void __user *)arg, &l, sizeof(l)) ? -EFAULT : 0;
	}
	if ((l.type == LOCK_READ && !(f->mode & FILE_READ)) || (l.type == LOCK_WRITE && !(f->mode & FILE_WRITE)))
		return -EBADF;
	err = set_lock(f->inode, &want, wait);
	/* Another thread closed the descriptor meanwhile: its close did not see this lock. */
	if (!err && !ofd && l.type != LOCK_NONE) {
		struct fdref again = fdref_get(fd, true);
		if (again.file != f)
			unlock_all(f->inode, want.owner, LOCK_KIND_POSIX);
		if (again.file)
			fdref_put(again);
	}
	return err;
}

/* --- what goes by itself ------------------------------------------------------------------------------------------- */

static void descriptor_closed(struct files *fs, struct file *f)
{
	if (f->inode && READ_ONCE(f->inode->locks))
		unlock_all(f->inode, fs, LOCK_KIND_POSIX);
}
NOTIFIER(fd_closed, descriptor_closed);

static void file_gone(struct file *f)
{
	if (!f->inode || !READ_ONCE(f->inode->locks))
		return;
	unlock_all(f->inode, f, LOCK_KIND_FLOCK);
	unlock_all(f->inode, f, LOCK_KIND_OFD);
}
NOTIFIER(file_release, file_gone);

static int show_locks(struct seq *out)
{
	static const char *const kinds[] = { "FLOCK", "POSIX", "OFDLCK" };
	struct flock_state *s;
	struct file_lock *l;
	int n = 1;

	spin_lock(&lock_table_lock);
	list_for_each(s, &states, all) {
		list_for_each(l, &s->locks, link) {
			u64 dev = s->inode->sb ? s->inode->sb->dev : 0;
			seq_printf(out, "%d: %-6s ADVISORY  %s %d %02lx:%02lx:%lu %lu ", n++, kinds[l->kind], l->type == LOCK_WRITE ? "WRITE" : "READ ", l->pid, dev >> 8 & 0xfff, dev & 0xff,
				   s->inode->ino, l->start);
			if (l->end == LOCK_END)
				seq_puts(out, "EOF\n");
			else
				seq_printf(out, "%lu\n", l->end);
		}
	}
	spin_unlock(&lock_table_lock);
	return 0;
}
NODE(locks, .path = "locks", .show = show_locks);

static int distro_init(void)
{
	file_lock_hook = fcntl_lock;
	return vdso_init();
}
SUBSYSTEM(distro, .needs = "vfs", .init = distro_init, .stage = "13-alpine");
