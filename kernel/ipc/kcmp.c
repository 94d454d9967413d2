/*
 * kcmp(2): do two threads share something? It orders the kernel's own addresses, but not by what they are: mixed with numbers of chance, so that the order
 * tells nothing of them.
 */
#include "epoll_priv.h"
#include "ipc_priv.h"
#include "thread_priv.h"

#include "core/random.h"
#include "core/registry.h"
#include "proc/proc.h"
#include "proc/signal.h"
#include "sched/thread.h"
#include "syscalls_gen.h"

enum { KCMP_FILE, KCMP_VM, KCMP_FILES, KCMP_FS, KCMP_SIGHAND, KCMP_IO, KCMP_SYSVSEM, KCMP_EPOLL_TFD, KCMP_TYPES };

static u64 mix[KCMP_TYPES][2]; /* set once */

/* 0: the same; 1: a is less; 2: more. */
static long compare(const void *a, const void *b, int type)
{
	u64 x = ((u64)a ^ mix[type][0]) * mix[type][1], y = ((u64)b ^ mix[type][0]) * mix[type][1];

	return (x < y) | (x > y) << 1;
}

/* The file at a descriptor of t, counted; NULL. */
static struct file *file_of(struct thread *t, u64 fd)
{
	struct files *files = fd <= INT32_MAX ? files_get_of(t) : NULL;
	struct file *f = files ? files_lookup(files, (int)fd) : NULL;

	if (files)
		files_put(files);
	return f;
}

static long compare_files(struct thread *a, u64 fd_a, struct thread *b, u64 fd_b)
{
	struct file *x = file_of(a, fd_a), *y = file_of(b, fd_b);
	long result = x && y ? compare(x, y, KCMP_FILE) : -EBADF;

	if (x)
		file_put(x);
	if (y)
		file_put(y);
	return result;
}

/* With what an epoll of b watches under a number: of several, the one after `skip` others. */
static long compare_watched(struct thread *a, u64 fd, struct thread *b, const void __user *slot)
{
	struct {
		u32 epoll, watched, skip;
	} s;
	struct file *x, *epoll;
	const void *y;
	long result = -EBADF;

	if (copy_from_user(&s, slot, sizeof(s)))
		return -EFAULT;
	x = file_of(a, fd);
	if (!x)
		return -EBADF;
	epoll = file_of(b, s.epoll);
	if (epoll) {
		y = epoll_watched(epoll, (int)s.watched, s.skip);
		result = IS_ERR(y) ? PTR_ERR(y) : compare(x, y, KCMP_FILE);
		file_put(epoll);
	}
	file_put(x);
	return result;
}

static const void *undos(struct thread *t)
{
	struct thread_ipc *ipc = READ_ONCE(t->ipc);

	return ipc ? READ_ONCE(ipc->undos) : NULL;
}

/* Addresses alone are looked at, so that nothing need be held. */
static long compare_threads(struct thread *a, struct thread *b, int type, u64 x, u64 y)
{
	if (process_may_trace(a, true) || process_may_trace(b, true))
		return -EPERM;
	switch (type) {
	case KCMP_FILE:
		return compare_files(a, x, b, y);
	case KCMP_VM:
		return compare(READ_ONCE(a->aspace), READ_ONCE(b->aspace), type);
	case KCMP_FILES:
		return compare(READ_ONCE(a->files), READ_ONCE(b->files), type);
	case KCMP_FS:
		return compare(READ_ONCE(a->fs), READ_ONCE(b->fs), type);
	case KCMP_SIGHAND:
		return compare(READ_ONCE(a->process->sighand), READ_ONCE(b->process->sighand), type);
	case KCMP_IO:
		return 0; /* nobody has a context of its own for input and output */
	case KCMP_SYSVSEM:
		return compare(undos(a), undos(b), type);
	case KCMP_EPOLL_TFD:
		return compare_watched(a, x, b, (const void __user *)y);
	}
	return -EINVAL;
}

long sys_kcmp(int pid1, int pid2, int type, unsigned long x, unsigned long y)
{
	struct thread *a = thread_find(pid1), *b = thread_find(pid2);
	long result = a && b && a->process && b->process ? compare_threads(a, b, type, x, y) : -ESRCH;

	if (a)
		thread_put(a);
	if (b)
		thread_put(b);
	return result;
}

static int kcmp_init(void)
{
	random_bytes(mix, sizeof(mix));
	for (int i = 0; i < KCMP_TYPES; i++)
		mix[i][1] |= 1; /* odd: different stays different */
	return 0;
}
SUBSYSTEM(kcmp, .needs = "proc", .init = kcmp_init, .stage = "09-ipc");
