/*
 * pidfd: a process as a descriptor. Its number may be given to another one when it was waited for; its descriptor stays what it is. It becomes readable
 * when the process has ended.
 */
#include "ipc_priv.h"

#include "core/atomic.h"
#include "core/registry.h"
#include "proc/proc.h"
#include "proc/signal.h"
#include "syscalls_gen.h"
#include "vfs/vfs.h"

struct process *(*pidfd_of_directory)(struct file *f);

static u32 pidfd_poll(struct file *f, struct poll_table *pt)
{
	struct process *p = f->private;

	poll_wait(pt, f, &p->signal->end_wait);
	smp_mb();
	return READ_ONCE(p->zombie) ? POLLIN | POLLRDNORM : 0;
}

static int pidfd_show(struct file *f, struct seq *s)
{
	struct process *p = f->private;
	int pid = process_is_published(p) ? p->pid : -1;

	seq_printf(s, "Pid:\t%d\nNSpid:\t%d\n", pid, pid);
	return 0;
}

static void pidfd_release(struct file *f)
{
	if (f->private)
		process_put(f->private);
}

static const struct file_ops pidfd_ops = {
	.name = "[pidfd]",
	.no_splice = NO_SPLICE,
	.poll = pidfd_poll,
	.show_fdinfo = pidfd_show,
	.release = pidfd_release,
};

static const char class_name[] = "anon_inode:[pidfd]";

/* The process behind a descriptor, counted; ERR_PTR(-EBADF). */
static struct process *process_of(int fd, bool *nonblock)
{
	struct fdref r = fdref_get(fd, false);
	struct process *p = r.file && r.file->ops == &pidfd_ops ? r.file->private : ERR_PTR(-EBADF);

	if (!IS_ERR(p)) {
		process_get(p);
		*nonblock = r.file->flags & O_NONBLOCK;
	}
	fdref_put(r);
	return p;
}

/* --- clone(CLONE_PIDFD): the descriptor is made before the process, so that nothing can fail after it -------------------- */

static int prepare(struct file **out, u32 __user *word)
{
	struct file *f;
	int fd = fd_reserve(0);

	if (fd < 0)
		return fd;
	f = file_anonymous(class_name, &pidfd_ops, O_RDWR, NULL);
	if (!IS_ERR(f) && put_user_u32(fd, word)) {
		file_put(f);
		f = ERR_PTR(-EFAULT);
	}
	if (IS_ERR(f)) {
		fd_release(fd);
		return PTR_ERR(f);
	}
	*out = f;
	return fd;
}

static void install(int fd, struct file *f, struct process *p)
{
	process_get(p);
	f->private = p;
	fd_install(fd, f, true);
}

static void cancel(int fd, struct file *f)
{
	fd_release(fd);
	file_put(f);
}

static const struct pidfd_maker maker = { .prepare = prepare, .install = install, .cancel = cancel, .process_of = process_of };

/* --- the calls --------------------------------------------------------------------------------------------------------- */

long sys_pidfd_open(int pid, unsigned flags)
{
	struct process *p;
	long fd;

	if (flags & ~O_NONBLOCK || pid <= 0)
		return -EINVAL;
	p = process_find(pid);
	if (!p) /* a thread, a group or a session may have the number, though no process has */
		return process_number_used(pid) ? -EINVAL : -ESRCH;
	fd = ipc_new_fd(class_name, &pidfd_ops, O_RDWR | (flags & O_NONBLOCK), true, p);
	if (fd < 0)
		process_put(p);
	return fd;
}

/* A directory of /proc will do, too, for a signal. */
static struct process *process_to_signal(int fd)
{
	struct fdref r = fdref_get(fd, false);
	struct process *p = NULL;

	if (r.file && r.file->ops == &pidfd_ops)
		p = r.file->private;
	else if (r.file && pidfd_of_directory)
		p = pidfd_of_directory(r.file);
	if (p)
		process_get(p);
	fdref_put(r);
	return p ? p : ERR_PTR(-EBADF);
}

static long send(struct process *p, int sig, const void __user *user_info)
{
	struct abi_siginfo info;

	if (user_info) {
		int err = signal_info_import(&info, user_info, NULL);
		if (err)
			return err;
		if (info.signo != sig)
			return -EINVAL;
		/* Nobody may pretend to be the kernel, or kill(2), to others. */
		if ((info.code >= 0 || info.code == SI_TKILL) && p != current->process)
			return -EPERM;
	} else {
		signal_info_user(&info, sig, SI_USER);
	}
	if (!process_is_published(p))
		return -ESRCH;
	if (sig < 0 || sig > NSIG)
		return -EINVAL;
	return signal_may_send(p->leader, sig) ? signal_send_process(p, sig, &info) : -EPERM;
}

long sys_pidfd_send_signal(int fd, int sig, const void __user *info, unsigned flags)
{
	struct process *p;
	long result;

	if (flags)
		return -EINVAL;
	p = process_to_signal(fd);
	if (IS_ERR(p))
		return PTR_ERR(p);
	result = send(p, sig, info);
	process_put(p);
	return result;
}

/* The file at a descriptor of another process, counted; ERR_PTR. */
static struct file *file_of_other(struct process *p, int fd)
{
	struct files *files;
	struct file *f;

	if (!process_is_published(p))
		return ERR_PTR(-ESRCH);
	if (process_may_trace(p->leader, true))
		return ERR_PTR(-EPERM);
	files = files_get_of(p->leader);
	if (!files)
		return ERR_PTR(-ESRCH);
	f = files_lookup(files, fd);
	files_put(files);
	return f ? f : ERR_PTR(-EBADF);
}

long sys_pidfd_getfd(int pidfd, int fd, unsigned flags)
{
	struct process *p;
	struct file *f;
	bool nonblock;
	long result;

	if (flags)
		return -EINVAL;
	p = process_of(pidfd, &nonblock);
	if (IS_ERR(p))
		return PTR_ERR(p);
	f = file_of_other(p, fd);
	process_put(p);
	if (IS_ERR(f))
		return PTR_ERR(f);
	result = fd_open(f, true);
	if (result < 0)
		file_put(f);
	return result;
}

static int pidfd_init(void)
{
	pidfd_maker = &maker;
	return 0;
}
SUBSYSTEM(pidfd, .needs = "vfs proc", .init = pidfd_init, .stage = "09-ipc");
