/* stage: 13; libc: glibc; run: debug
 * Calls of later subsystems while each thing in them that can fail does, in turn (fault.h): watching names, descriptors of processes, timers, moving
 * pages, scheduling, terminals' other ends, loop devices, texts of /proc and /sys, kinds of mounts. */
#include "fault.h"
#include <linux/futex.h>
#include <linux/sched.h>
#include <mqueue.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/timerfd.h>
#include <sys/uio.h>

enum { LOOP_SET = 0x4c00, LOOP_CLEAR = 0x4c01, LOOP_FREE = 0x4c82 };

static int fd = -1, other = -1, ends[2], second[2], target;
static pid_t child;

static void drop(long r) { (void)r; if (fd >= 0) close(fd); if (other >= 0) close(other); fd = other = -1; }
static void drop_result(long r) { shut(r); drop(0); }

/* --- names that are watched */

static long do_inotify(void) { return SYS(inotify_init1, IN_NONBLOCK); }
static void a_watch(void) { NEED((fd = inotify_init1(IN_NONBLOCK)) >= 0); }
static long do_add_watch(void) { return SYS(inotify_add_watch, fd, "d", IN_ALL_EVENTS); }
static void an_event(void) { a_watch(); NEED(do_add_watch() > 0); put_text("d/noise", "x"); }
/* What cannot be copied is lost, on Linux too: here and with a terminal the next try has something new to read. */
static long do_read_event(void)
{
	long r = SYS(read, fd, buffer, sizeof(buffer));
	int error = errno;

	if (r <= 0) {
		arm(0);
		put_text("d/noise", "x");
	}
	errno = error;
	return r > 0 ? 0 : -1;
}
static void more_events(long r) { unlink("d/noise"); drop(r); }
static void a_folder(void) { NEED((fd = open("d", O_RDONLY)) >= 0); }
static long do_notify(void) { return SYS(fcntl, fd, F_NOTIFY, DN_CREATE | DN_MULTISHOT); }
static void a_file(void) { NEED((fd = open("data", O_RDONLY)) >= 0); }
static void a_file_rw(void) { NEED((fd = open("data", O_RDWR)) >= 0); }
static long do_ofd_lock(void) { struct flock l = { .l_type = F_WRLCK, .l_start = 10, .l_len = 10 }; return SYS(fcntl, fd, F_OFD_SETLK, &l); }
static long do_owner(void) { struct f_owner_ex o = { F_OWNER_PID, getpid() }; return SYS(fcntl, fd, F_SETOWN_EX, &o); }
static long do_exchange(void) { return SYS(renameat2, AT_FDCWD, "data", AT_FDCWD, "x", RENAME_EXCHANGE); }
static void exchange_back(long r) { (void)r; do_exchange(); }
static long do_openat2(void) { struct { unsigned long flags, mode, resolve; } how = { O_RDONLY, 0, 8 }; return SYS(openat2, AT_FDCWD, "d/../data", &how, sizeof(how)); }

/* --- processes */

static void a_child(void) { NEED((child = fork()) >= 0); if (!child) for (;;) pause(); }
static void no_child(long r) { (void)r; kill(child, SIGKILL); waitpid(child, NULL, 0); }
static void no_child_shut(long r) { shut(r); no_child(0); }
static long do_pidfd(void) { return SYS(pidfd_open, child, 0); }
static void a_pidfd(void) { a_child(); NEED((fd = (int)do_pidfd()) >= 0); }
static void no_pidfd(long r) { no_child(r); drop(r); }
static long do_pidfd_getfd(void) { return SYS(pidfd_getfd, fd, target, 0); }
static void no_pidfd_shut(long r) { shut(r); no_pidfd(0); }
static long do_pidfd_signal(void) { return SYS(pidfd_send_signal, fd, SIGCONT, NULL, 0); }
static long do_clone3(void)
{
	int pidfd = -1;
	struct clone_args a = { .flags = CLONE_PIDFD, .pidfd = (uintptr_t)&pidfd, .exit_signal = SIGCHLD };
	long pid = SYS(clone3, &a, sizeof(a));

	if (pid == 0)
		_exit(0);
	if (pid > 0)
		close(pidfd);
	return pid;
}
static void reap_it(long pid) { waitpid((pid_t)pid, NULL, 0); }
static long do_unshare_files(void) { return SYS(unshare, CLONE_FILES | CLONE_FS); }
static long do_close_range(void) { return SYS(close_range, 900, 1000, 2); }
static long do_affinity(void) { unsigned long mask = 1; return SYS(sched_setaffinity, 0, sizeof(mask), &mask); }
static long do_scheduler(void) { struct sched_param p = { 0 }; return SYS(sched_setscheduler, 0, SCHED_BATCH, &p); }
static long do_capget(void) { static unsigned head[2] = { 0x20080522, 0 }; return SYS(capget, head, buffer); }
static long do_waitid(void) { siginfo_t i; return SYS(waitid, P_PIDFD, fd, &i, WNOHANG | WEXITED, NULL); }

/* --- time */

static long do_timer_create(void) { static int id; struct sigevent e = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2 }; return SYS(timer_create, CLOCK_MONOTONIC, &e, &id) ? -1 : id; }
static void delete_timer(long id) { SYS(timer_delete, id); }
static int timer;
static void a_timer(void) { timer = (int)do_timer_create(); NEED(timer >= 0); }
static long do_timer_settime(void) { struct itimerspec v = { .it_value.tv_sec = 1000 }, old; return SYS(timer_settime, timer, 0, &v, &old); }
static void no_timer(long r) { (void)r; delete_timer(timer); }
static void a_timerfd(void) { NEED((fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK)) >= 0); }
static long do_timerfd_settime(void) { struct itimerspec v = { .it_value.tv_nsec = 1 }, old; return SYS(timerfd_settime, fd, 0, &v, &old); }
static long do_waitv(void)
{
	static unsigned words[40];
	static struct { unsigned long value, address; unsigned flags, reserved; } v[40];
	struct timespec limit;

	clock_gettime(CLOCK_MONOTONIC, &limit);
	for (int i = 0; i < 40; i++)
		v[i].address = (uintptr_t)&words[i], v[i].flags = 2;
	return SYS(futex_waitv, v, 40, 0, &limit, CLOCK_MONOTONIC) < 0 && errno == ETIMEDOUT ? 0 : -1;
}
static mqd_t queue;
static void a_queue(void) { NEED((queue = mq_open("/fault-more", O_CREAT | O_RDWR, 0600, NULL)) >= 0); }
static long do_mq_notify(void) { struct sigevent e = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2 }; return SYS(mq_notify, queue, &e); }
static void no_queue(long r) { (void)r; mq_close(queue); mq_unlink("/fault-more"); }

/* --- pages that move */

static void two_pipes(void) { NEED(pipe2(ends, O_NONBLOCK) == 0 && pipe2(second, O_NONBLOCK) == 0 && write(ends[1], buffer, 8000) == 8000); }
static void no_pipes(long r) { (void)r; close(ends[0]); close(ends[1]); close(second[0]); close(second[1]); }
static long do_tee(void) { return SYS(tee, ends[0], second[1], 8000, 0); }
static long do_vmsplice(void) { struct iovec v = { buffer, 8000 }; return SYS(vmsplice, second[1], &v, 1, 0); }
static long do_splice(void) { loff_t to = 0; return SYS(splice, ends[0], NULL, fd, &to, 4000, 0); }
static void pipe_and_file(void) { two_pipes(); a_file_rw(); }
static void no_pipe_and_file(long r) { no_pipes(r); drop(r); }
static long do_copy_range(void) { loff_t from = 0, to = 16384; return SYS(copy_file_range, fd, &from, fd, &to, 8192, 0); }
static void cut(long r) { ftruncate(fd, 8192); drop(r); }
static long do_pwritev2(void) { struct iovec v[20]; for (int i = 0; i < 20; i++) v[i] = (struct iovec){ buffer, 900 }; return SYS(pwritev2, fd, v, 20, 8192, 0, 0); }
static long do_shared(void) { return SYS(mmap, 0, 32768, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0); }
static void no_shared(long at) { munmap((void *)at, 32768); }
static long do_mlockall(void) { return SYS(mlockall, MCL_CURRENT); }
static void unlock(long r) { (void)r; munlockall(); }

/* --- terminals and devices */

static void a_terminal(void) { int off = 0; NEED((fd = open("/dev/ptmx", O_RDWR | O_NOCTTY)) >= 0 && ioctl(fd, TIOCSPTLCK, &off) == 0); }
static long do_peer(void) { return SYS(ioctl, fd, TIOCGPTPEER, O_RDWR | O_NOCTTY); }
static void a_line(void) { a_terminal(); NEED((other = ioctl(fd, TIOCGPTPEER, O_RDWR | O_NOCTTY)) >= 0 && write(fd, "words\n", 6) == 6); }
static long do_read_line(void)
{
	long r = SYS(read, other, buffer, 100);
	int error = errno;

	if (r <= 0) {
		arm(0);
		NEED(write(fd, "words\n", 6) == 6);
	}
	errno = error;
	return r;
}
static void a_loop(void)
{
	int control = open("/dev/loop-control", O_RDWR), n;
	char name[32];

	NEED(control >= 0 && (n = ioctl(control, LOOP_FREE)) >= 0);
	close(control);
	snprintf(name, sizeof(name), "/dev/loop%d", n);
	NEED((fd = open(name, O_RDWR)) >= 0 && (other = open("data", O_RDWR)) >= 0);
}
static long do_loop(void) { return SYS(ioctl, fd, LOOP_SET, other); }
static void no_loop(long r) { ioctl(fd, LOOP_CLEAR); drop(r); }
static void a_used_loop(void) { a_loop(); NEED(do_loop() == 0); }
static long do_read_loop(void) { return SYS(pread64, fd, buffer, 4096, 0); }
static void random_device(void) { NEED((fd = open("/dev/urandom", O_RDONLY)) >= 0); }
static long do_random(void) { return SYS(read, fd, buffer, 600); }

/* --- texts: opened, read whole, closed */

static const char *path;
static long do_text(void)
{
	long r, got = SYS(open, path, O_RDONLY);

	if (got < 0)
		return -1;
	while ((r = SYS(read, got, buffer, 4000)) > 0)
		;
	int error = errno;
	close((int)got);
	errno = error;
	return r;
}
#define TEXT(name, file) static void name(void) { path = file; }
TEXT(meminfo, "/proc/meminfo") TEXT(status, "/proc/self/status") TEXT(mountinfo, "/proc/self/mountinfo") TEXT(smaps, "/proc/self/smaps") TEXT(slabinfo, "/proc/slabinfo")
TEXT(net_tcp, "/proc/net/tcp") TEXT(route, "/proc/net/route") TEXT(cpuinfo, "/proc/cpuinfo") TEXT(interrupts, "/proc/interrupts") TEXT(online, "/sys/devices/system/cpu/online")
TEXT(cmdline, "/proc/self/cmdline") TEXT(fdinfo, "/proc/self/fdinfo/0") TEXT(hostname, "/proc/sys/kernel/hostname") TEXT(partitions, "/proc/partitions")

/* --- kinds of mounts */

static const char *kind;
static long do_mount(void) { return SYS(mount, "none", "d", kind, 0, NULL); }
static void undo_mount(long r) { (void)r; umount2("d", 0); }
#define KIND(name, text) static void name(void) { kind = text; }
KIND(of_proc, "proc") KIND(of_sysfs, "sysfs") KIND(of_devtmpfs, "devtmpfs") KIND(of_devpts, "devpts") KIND(of_mqueue, "mqueue")
static void two_mounts(void) { mkdir("from", 0700); mkdir("to", 0700); NEED(mount("t", "from", "tmpfs", 0, NULL) == 0); }
static long do_move(void) { return SYS(mount, "from", "to", NULL, MS_MOVE, NULL); }
static void no_mounts(long r) { (void)r; umount2("to", 0); umount2("from", 0); }

static const struct one cases[] = {
	{ "inotify_init", nothing, do_inotify, shut, 0 }, { "inotify_add_watch", a_watch, do_add_watch, drop, 0 }, { "read of inotify", an_event, do_read_event, more_events, 0 },
	{ "F_NOTIFY", a_folder, do_notify, drop, 0 }, { "F_OFD_SETLK", a_file_rw, do_ofd_lock, drop, 0 },
	{ "F_SETOWN_EX", a_file, do_owner, drop, 0 }, { "RENAME_EXCHANGE", nothing, do_exchange, exchange_back, 0 }, { "openat2", nothing, do_openat2, drop_result, 0 },
	{ "pidfd_open", a_child, do_pidfd, no_child_shut, 0 }, { "pidfd_getfd", a_pidfd, do_pidfd_getfd, no_pidfd_shut, 0 },
	{ "pidfd_send_signal", a_pidfd, do_pidfd_signal, no_pidfd, 0 }, { "waitid", a_pidfd, do_waitid, no_pidfd, 0 }, { "clone3", nothing, do_clone3, reap_it, 0 },
	{ "unshare", nothing, do_unshare_files, none, 0 }, { "close_range", nothing, do_close_range, none, 0 }, { "sched_setaffinity", nothing, do_affinity, none, 0 },
	{ "sched_setscheduler", nothing, do_scheduler, none, 0 }, { "capget", nothing, do_capget, none, 0 }, { "timer_create with a signal", nothing, do_timer_create, delete_timer, 0 },
	{ "timer_settime", a_timer, do_timer_settime, no_timer, 0 }, { "timerfd_settime", a_timerfd, do_timerfd_settime, drop, 0 }, { "futex_waitv", nothing, do_waitv, none, 0 },
	{ "mq_notify", a_queue, do_mq_notify, no_queue, 0 }, { "tee", two_pipes, do_tee, no_pipes, 0 }, { "vmsplice", two_pipes, do_vmsplice, no_pipes, 0 },
	{ "splice to a file", pipe_and_file, do_splice, no_pipe_and_file, 0 }, { "copy_file_range", a_file_rw, do_copy_range, cut, 0 }, { "pwritev2", a_file_rw, do_pwritev2, cut, 0 },
	{ "mmap MAP_SHARED", nothing, do_shared, no_shared, 0 }, { "mlockall", nothing, do_mlockall, unlock, 0 }, { "TIOCGPTPEER", a_terminal, do_peer, drop_result, 0 },
	{ "read of a terminal", a_line, do_read_line, drop, 0 }, { "LOOP_SET_FD", a_loop, do_loop, no_loop, 0 }, { "read of a loop device", a_used_loop, do_read_loop, no_loop, 0 },
	{ "read of /dev/urandom", random_device, do_random, drop, 0 }, { "/proc/meminfo", meminfo, do_text, none, 0 }, { "/proc/self/status", status, do_text, none, 0 },
	{ "/proc/self/mountinfo", mountinfo, do_text, none, 0 }, { "/proc/self/smaps", smaps, do_text, none, 0 }, { "/proc/slabinfo", slabinfo, do_text, none, 0 },
	{ "/proc/net/tcp", net_tcp, do_text, none, 0 }, { "/proc/net/route", route, do_text, none, 0 }, { "/proc/cpuinfo", cpuinfo, do_text, none, 0 },
	{ "/proc/interrupts", interrupts, do_text, none, 0 }, { "/sys/devices/system/cpu/online", online, do_text, none, 0 }, { "/proc/self/cmdline", cmdline, do_text, none, 0 },
	{ "/proc/self/fdinfo/0", fdinfo, do_text, none, 0 }, { "/proc/sys/kernel/hostname", hostname, do_text, none, 0 }, { "/proc/partitions", partitions, do_text, none, 0 },
	{ "mount of proc", of_proc, do_mount, undo_mount, 0 }, { "mount of sysfs", of_sysfs, do_mount, undo_mount, 0 }, { "mount of devtmpfs", of_devtmpfs, do_mount, undo_mount, 0 },
	{ "mount of devpts", of_devpts, do_mount, undo_mount, 0 }, { "mount of mqueue", of_mqueue, do_mount, undo_mount, 0 }, { "mount MS_MOVE", two_mounts, do_move, no_mounts, 0 },
};

static void prepare(void)
{
	memset(buffer, 'x', sizeof(buffer));
	mkdir("d", 0700);
	put_file("data", buffer, sizeof(buffer));
	put_text("x", "other");
	NEED((target = open("data", O_RDONLY)) >= 0);
}

static void mend(void) {}
static int allowed(const struct one *c, int error)
{
	return error == ENOMEM || error == EFAULT || (error == EAGAIN && c->call == do_timer_create) || (error == ENOLCK && c->call == do_ofd_lock) || (error == EIO && c->call == do_read_loop);
}

int main(void)
{
	return try_all(cases, COUNT(cases));
}
