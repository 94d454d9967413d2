/* stage: 13; libc: musl; run: debug
 * Calls of processes, memory, names, files, terminals and signals while each thing in them that can fail does, in turn (fault.h). */
#include "fault.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/sysinfo.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/xattr.h>
#include <termios.h>

static int fds[8];
static char *area;
static long scratch[64];

/* --- what is tried: `call` says what the system call said; `undo` puts back what it did */

static void reap_it(long pid) { waitpid((pid_t)pid, NULL, 0); }

static long do_fork(void)
{
	long pid = SYS(fork);

	if (pid == 0)
		_exit(0);
	return pid;
}

static int in_clone(void *unused) { (void)unused; return 0; }
static char clone_stack[16384] __attribute__((aligned(16)));
static long do_clone(void) { return clone(in_clone, clone_stack + sizeof(clone_stack), CLONE_VM | CLONE_VFORK | SIGCHLD, NULL); }
static long do_thread(void)
{
	static int gone;
	long tid;

	gone = 1;
	tid = clone(in_clone, clone_stack + sizeof(clone_stack), CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_CHILD_CLEARTID |
		    CLONE_PARENT_SETTID, NULL, &gone, NULL, &gone);
	if (tid > 0)
		while (__atomic_load_n(&gone, __ATOMIC_SEQ_CST))
			sched_yield();
	return tid;
}

/* The countdown is a thread's own: the child draws its own, and says by its exit what came. */
static long do_execve(void)
{
	char *argv[] = { "fault_nth", "child", NULL }, *envp[] = { "A=1", "B=2", NULL };
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		int own = open("/proc/self/fail-nth", O_RDWR | O_CLOEXEC);
		char text[16];
		int length = snprintf(text, sizeof(text), "%d", nth_for_child);

		if (nth_for_child)
			pwrite(own, text, (size_t)length, 0);
		execve("/tests/fault_nth", argv, envp);
		_exit(errno == ENOMEM ? 101 : errno == EFAULT ? 102 : 103);
	}
	NEED(pid > 0 && waitpid(pid, &status, 0) == pid);
	/* Past the point of no return all that is left is to kill it. */
	if (WIFSIGNALED(status))
		return errno = ENOMEM, -1;
	if (WEXITSTATUS(status) == 42)
		return 0;
	errno = WEXITSTATUS(status) == 101 ? ENOMEM : WEXITSTATUS(status) == 102 ? EFAULT : EIO;
	return -1;
}

static long do_mmap(void) { return (long)SYS(mmap, 0, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0); }
static void undo_mmap(long at) { munmap((void *)at, 65536); }
static long do_mmap_file(void) { return SYS(mmap, 0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fds[0], 0); }
static void undo_mmap_file(long at) { munmap((void *)at, 8192); }
static void three_pages(void)
{
	if (!area || area == MAP_FAILED)
		area = mmap(NULL, 12288, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	NEED(area != MAP_FAILED);
}
static void no_pages(long unused) { (void)unused; munmap(area, 12288); area = NULL; }
static long do_munmap(void) { return SYS(munmap, area + 4096, 4096); }
static long do_mprotect(void) { return SYS(mprotect, area + 4096, 4096, PROT_READ); }
static long do_madvise(void) { return SYS(madvise, area, 8192, MADV_DONTNEED); }
static long do_mremap(void) { return SYS(mremap, area, 12288, 1 << 20, MREMAP_MAYMOVE); }
static void undo_mremap(long at) { munmap((void *)at, 1 << 20); area = NULL; }
static long do_mlock(void) { return SYS(mlock, area, 8192); }
static void undo_mlock(long r) { munlock(area, 8192); no_pages(r); }
static long do_mincore(void) { return SYS(mincore, area, 12288, buffer); }
static long do_brk(void)
{
	long now = SYS(brk, 0), got = SYS(brk, now + 65536);

	return got == now + 65536 ? got : (errno = ENOMEM, -1);
}
static void undo_brk(long at) { SYS(brk, at - 65536); }

static long do_open(void) { return SYS(open, "made", O_RDWR | O_CREAT, 0600); }
static void undo_open(long fd) { close((int)fd); unlink("made"); }
static long do_tmpfile(void) { return SYS(open, ".", O_RDWR | O_TMPFILE, 0600); }
static long do_openat(void) { return SYS(openat, AT_FDCWD, "d/e", O_RDONLY | O_DIRECTORY); }
static long do_mkdir(void) { return SYS(mkdir, "d/new", 0700); }
static void undo_mkdir(long r) { (void)r; rmdir("d/new"); }
static void make_dir(void) { mkdir("d/new", 0700); }
static long do_rmdir(void) { return SYS(rmdir, "d/new"); }
static long do_rename(void) { return SYS(rename, "f", "d/g"); }
static void undo_rename(long r) { (void)r; rename("d/g", "f"); }
static void victim(void) { put_text("d/g", "over"); }
static void undo_rename_over(long r) { (void)r; rename("d/g", "f"); }
static long do_symlink(void) { return SYS(symlink, "a target of some length, so that it does not lie in the inode itself, wherever that may keep short ones ...", "s"); }
static void undo_symlink(long r) { (void)r; unlink("s"); }
static long do_link(void) { return SYS(link, "f", "d/hard"); }
static void undo_link(long r) { (void)r; unlink("d/hard"); }
static void make_link(void) { link("f", "d/hard"); }
static long do_unlink(void) { return SYS(unlink, "d/hard"); }
static long do_mknod(void) { return SYS(mknod, "fifo", S_IFIFO | 0600, 0); }
static void undo_mknod(long r) { (void)r; unlink("fifo"); }
static long do_mount(void) { return SYS(mount, "t", "d/e", "tmpfs", 0, "mode=700"); }
static void undo_mount(long r) { (void)r; umount2("d/e", 0); }
static long do_bind(void) { return SYS(mount, "d", "d/e", NULL, MS_BIND, NULL); }
static void have_mount(void) { mount("t", "d/e", "tmpfs", 0, NULL); }
static long do_umount(void) { return SYS(umount2, "d/e", 0); }
static long do_stat(void) { return SYS(stat, "d/../f", buffer); }
static long do_statx(void) { return SYS(statx, AT_FDCWD, "f", 0, 0x7ff, buffer); }
static long do_readlink(void) { return SYS(readlink, "/proc/self/exe", buffer, sizeof(buffer)); }
static long do_getcwd(void) { return SYS(getcwd, buffer, sizeof(buffer)); }
static long do_chdir(void) { return SYS(chdir, "d"); }
static void undo_chdir(long r) { (void)r; chdir(".."); }
static long do_chmod(void) { return SYS(chmod, "f", 0640); }
static long do_utimens(void) { return SYS(utimensat, AT_FDCWD, "f", NULL, 0); }
static long do_setxattr(void) { return SYS(setxattr, "f", "user.name", "value", 5, 0); }
static void undo_setxattr(long r) { (void)r; removexattr("f", "user.name"); }
static long do_getxattr(void) { return SYS(getxattr, "x", "user.kept", buffer, 100); }
static long do_statfs(void) { return SYS(statfs, ".", buffer); }
static long do_access(void) { return SYS(access, "f", R_OK); }
static long do_truncate(void) { return SYS(truncate, "f", 100); }
static void undo_truncate(long r) { (void)r; put_text("f", "0123456789"); }
static long do_getdents(void) { lseek(fds[1], 0, SEEK_SET); return SYS(getdents64, fds[1], buffer, sizeof(buffer)); }
static long do_getdents_proc(void) { lseek(fds[2], 0, SEEK_SET); return SYS(getdents64, fds[2], buffer, sizeof(buffer)); }
static long do_read_proc(void) { return SYS(pread64, fds[3], buffer, sizeof(buffer), 0); }
static long do_memfd(void) { return SYS(memfd_create, "name", 0); }

static long do_pwrite(void) { return SYS(pwrite64, fds[0], buffer, 6000, 100); }
static void undo_pwrite(long r) { (void)r; ftruncate(fds[0], 0); ftruncate(fds[0], 8192); }
static long do_pread(void) { return SYS(pread64, fds[0], buffer, 6000, 100); }
static long do_writev(void)
{
	struct iovec vec[20];

	for (int i = 0; i < 20; i++)
		vec[i] = (struct iovec){ buffer + 10 * i, 10 };
	return SYS(pwritev, fds[0], vec, 20, 0, 0);
}
static long do_sendfile(void) { off_t at = 0; return SYS(sendfile, fds[4], fds[0], &at, 4096); }
static long do_splice(void) { loff_t at = 0; return SYS(splice, fds[0], &at, fds[6], NULL, 4096, 0); }
static long do_fallocate(void) { return SYS(fallocate, fds[0], 0, 0, 16384); }
static void drain(long r) { (void)r; while (read(fds[5], buffer, sizeof(buffer)) > 0); }

static int pair[2];
static long do_pipe(void) { return SYS(pipe, pair); }
static void undo_pair(long r) { (void)r; close(pair[0]); close(pair[1]); }
static long do_pipe_write(void) { return SYS(write, fds[6], buffer, 5000); }
static long do_pipe_size(void) { return SYS(fcntl, fds[6], F_SETPIPE_SZ, 131072); }
static void undo_pipe_size(long r) { (void)r; fcntl(fds[6], F_SETPIPE_SZ, 65536); }
static long do_poll(void)
{
	struct pollfd p[40];

	for (int i = 0; i < 40; i++)
		p[i] = (struct pollfd){ fds[i % 2 ? 5 : 6], POLLIN | POLLOUT, 0 };
	return SYS(poll, p, 40, 10);
}
static long do_select(void)
{
	fd_set set;
	struct timeval limit = { 0, 1000 };

	FD_ZERO(&set);
	FD_SET(fds[5], &set);
	return SYS(select, fds[5] + 1, &set, NULL, NULL, &limit);
}
static long do_epoll_create(void) { return SYS(epoll_create1, 0); }
static struct epoll_event event = { EPOLLIN, { .u64 = 7 } };
static long do_epoll_ctl(void) { return SYS(epoll_ctl, fds[7], EPOLL_CTL_ADD, fds[5], &event); }
static void undo_epoll_ctl(long r) { (void)r; epoll_ctl(fds[7], EPOLL_CTL_DEL, fds[5], NULL); }
static long do_epoll_wait(void) { struct epoll_event e; return SYS(epoll_pwait, fds[7], &e, 1, 1, NULL, 0); }
static long do_eventfd(void) { return SYS(eventfd2, 0, 0); }
static long do_timerfd(void) { return SYS(timerfd_create, CLOCK_MONOTONIC, 0); }
static long do_signalfd(void) { sigset_t s; sigemptyset(&s); sigaddset(&s, SIGUSR2); return SYS(signalfd4, -1, &s, 8, 0); }
static long do_dup(void) { return SYS(dup, 0); }
static long do_dup_far(void) { return SYS(fcntl, 0, F_DUPFD, 900); }
static long do_setlk(void) { struct flock l = { .l_type = F_WRLCK, .l_start = 10, .l_len = 10 }; return SYS(fcntl, fds[0], F_SETLK, &l); }
static void undo_setlk(long r) { struct flock l = { .l_type = F_UNLCK }; (void)r; fcntl(fds[0], F_SETLK, &l); }
static long do_flock(void) { return SYS(flock, fds[0], LOCK_EX | LOCK_NB); }
static void undo_flock(long r) { (void)r; flock(fds[0], LOCK_UN); }

static int terminal = -1;
static long do_ptmx(void) { return SYS(open, "/dev/ptmx", O_RDWR | O_NOCTTY); }
static void a_terminal(void) { if (terminal < 0) NEED((terminal = open("/dev/ptmx", O_RDWR | O_NOCTTY)) >= 0); }
static void no_terminal(long r) { (void)r; close(terminal); terminal = -1; }
static long do_tcgets(void) { return SYS(ioctl, terminal, TCGETS, buffer); }
static long do_tcsets(void) { struct termios t; tcgetattr(terminal, &t); return SYS(ioctl, terminal, TCSETS, &t); }
static long do_winsize(void) { struct winsize w = { 24, 80, 0, 0 }; return SYS(ioctl, terminal, TIOCSWINSZ, &w); }
static long do_tty_write(void) { return SYS(write, terminal, "some words\n", 11); }

/* A signal's frame is copied to the stack: where that fails, the program is ended. */
static volatile int handled;
static void on_usr1(int sig) { (void)sig; handled = 1; }
static long do_kill(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		int own = open("/proc/self/fail-nth", O_RDWR | O_CLOEXEC);
		char text[16];
		int length = snprintf(text, sizeof(text), "%d", nth_for_child);

		catch(SIGUSR1, on_usr1, 0);
		if (nth_for_child)
			pwrite(own, text, (size_t)length, 0);
		kill(getpid(), SIGUSR1);
		_exit(handled ? 42 : 43);
	}
	NEED(pid > 0 && waitpid(pid, &status, 0) == pid);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV)
		return errno = EFAULT, -1;
	return WIFEXITED(status) && WEXITSTATUS(status) == 42 ? 0 : (errno = EIO, -1);
}
static long do_queue(void)
{
	siginfo_t info = { .si_code = SI_QUEUE };

	return SYS(rt_sigqueueinfo, getpid(), SIGRTMIN + 5, &info);
}
static void take_queued(long r)
{
	struct timespec zero = { 0, 0 };
	sigset_t s;

	(void)r;
	sigemptyset(&s);
	sigaddset(&s, SIGRTMIN + 5);
	while (sigtimedwait(&s, NULL, &zero) > 0)
		;
}
static long do_sigaction(void) { SYS(rt_sigaction, SIGUSR2, NULL, buffer, 8); return SYS(rt_sigaction, SIGUSR2, NULL, buffer, 8); }
static long do_sigaltstack(void) { stack_t s; return SYS(sigaltstack, NULL, &s); }
static long do_setitimer(void) { struct itimerval v = { { 0, 0 }, { 100, 0 } }; return SYS(setitimer, ITIMER_REAL, &v, NULL); }
static void undo_setitimer(long r) { struct itimerval v = { { 0, 0 }, { 0, 0 } }; (void)r; setitimer(ITIMER_REAL, &v, NULL); }
static int timer_id;
static long do_timer_create(void) { return SYS(timer_create, CLOCK_MONOTONIC, NULL, &timer_id); }
static void undo_timer(long r) { (void)r; SYS(timer_delete, timer_id); }
static long do_futex(void) { struct timespec t = { 0, 1000000 }; static int word; return SYS(futex, &word, 0, 0, &t, NULL, 0) < 0 && errno == ETIMEDOUT ? 0 : -1; }
static long do_nanosleep(void) { struct timespec t = { 0, 1000 }; return SYS(nanosleep, &t, NULL); }
static long do_wait(void) { return SYS(wait4, -1, buffer, WNOHANG, NULL) < 0 && errno == ECHILD ? 0 : -1; }
static long do_rusage(void) { return SYS(getrusage, RUSAGE_SELF, buffer); }
static long do_prlimit(void) { return SYS(prlimit64, 0, RLIMIT_NOFILE, NULL, buffer); }
static long do_groups(void) { int list[40] = { 1, 2, 3 }; return SYS(setgroups, 40, list); }
static long do_setuid(void) { return SYS(setresuid, -1, 0, -1); }
static long do_name(void) { return SYS(prctl, PR_SET_NAME, "fault_nth"); }
static long do_affinity(void) { return SYS(sched_getaffinity, 0, 128, buffer) > 0 ? 0 : -1; }
static long do_uname(void) { return SYS(uname, buffer); }
static long do_sysinfo(void) { return SYS(sysinfo, buffer); }
static long do_getrandom(void) { return SYS(getrandom, buffer, 300, 0); }
static long do_hostname(void) { return SYS(sethostname, "switchback", 10); }

static const struct one cases[] = {
	{ "fork", nothing, do_fork, reap_it, 0 }, { "clone (vfork)", nothing, do_clone, reap_it, 0 }, { "clone (thread)", nothing, do_thread, none, 0 },
	{ "execve", nothing, do_execve, none, 1 }, { "mmap", nothing, do_mmap, undo_mmap, 0 }, { "mmap of a file", nothing, do_mmap_file, undo_mmap_file, 0 },
	{ "munmap", three_pages, do_munmap, no_pages, 0 }, { "mprotect", three_pages, do_mprotect, no_pages, 0 }, { "madvise", three_pages, do_madvise, no_pages, 0 },
	{ "mremap", three_pages, do_mremap, undo_mremap, 0 }, { "mlock", three_pages, do_mlock, undo_mlock, 0 }, { "mincore", three_pages, do_mincore, no_pages, 0 },
	{ "brk", nothing, do_brk, undo_brk, 0 }, { "open O_CREAT", nothing, do_open, undo_open, 0 }, { "open O_TMPFILE", nothing, do_tmpfile, shut, 0 },
	{ "openat", nothing, do_openat, shut, 0 }, { "mkdir", nothing, do_mkdir, undo_mkdir, 0 }, { "rmdir", make_dir, do_rmdir, none, 0 },
	{ "rename", nothing, do_rename, undo_rename, 0 }, { "rename over a file", victim, do_rename, undo_rename_over, 0 },
	{ "symlink", nothing, do_symlink, undo_symlink, 0 }, { "link", nothing, do_link, undo_link, 0 }, { "unlink", make_link, do_unlink, none, 0 },
	{ "mknod", nothing, do_mknod, undo_mknod, 0 }, { "mount", nothing, do_mount, undo_mount, 0 }, { "mount MS_BIND", nothing, do_bind, undo_mount, 0 },
	{ "umount", have_mount, do_umount, none, 0 }, { "stat", nothing, do_stat, none, 0 }, { "statx", nothing, do_statx, none, 0 },
	{ "readlink", nothing, do_readlink, none, 0 }, { "getcwd", nothing, do_getcwd, none, 0 }, { "chdir", nothing, do_chdir, undo_chdir, 0 },
	{ "chmod", nothing, do_chmod, none, 0 }, { "utimensat", nothing, do_utimens, none, 0 }, { "setxattr", nothing, do_setxattr, undo_setxattr, 0 },
	{ "getxattr", nothing, do_getxattr, none, 0 }, { "statfs", nothing, do_statfs, none, 0 }, { "access", nothing, do_access, none, 0 },
	{ "truncate", nothing, do_truncate, undo_truncate, 0 }, { "getdents", nothing, do_getdents, none, 0 }, { "getdents of /proc/self", nothing, do_getdents_proc, none, 0 },
	{ "read of /proc/self/maps", nothing, do_read_proc, none, 0 }, { "memfd_create", nothing, do_memfd, shut, 0 },
	{ "pwrite", nothing, do_pwrite, undo_pwrite, 0 }, { "pread", nothing, do_pread, none, 0 }, { "pwritev", nothing, do_writev, undo_pwrite, 0 },
	{ "sendfile", nothing, do_sendfile, none, 0 }, { "splice", nothing, do_splice, drain, 0 }, { "fallocate", nothing, do_fallocate, undo_pwrite, 0 },
	{ "pipe", nothing, do_pipe, undo_pair, 0 }, { "pipe write", nothing, do_pipe_write, drain, 0 }, { "F_SETPIPE_SZ", nothing, do_pipe_size, undo_pipe_size, 0 },
	{ "poll", nothing, do_poll, none, 0 }, { "select", nothing, do_select, none, 0 }, { "epoll_create", nothing, do_epoll_create, shut, 0 },
	{ "epoll_ctl", nothing, do_epoll_ctl, undo_epoll_ctl, 0 }, { "epoll_wait", nothing, do_epoll_wait, none, 0 }, { "eventfd", nothing, do_eventfd, shut, 0 },
	{ "timerfd_create", nothing, do_timerfd, shut, 0 }, { "signalfd", nothing, do_signalfd, shut, 0 }, { "dup", nothing, do_dup, shut, 0 },
	{ "F_DUPFD far away", nothing, do_dup_far, shut, 0 }, { "F_SETLK", nothing, do_setlk, undo_setlk, 0 }, { "flock", nothing, do_flock, undo_flock, 0 },
	{ "open /dev/ptmx", nothing, do_ptmx, shut, 0 }, { "ioctl TCGETS", a_terminal, do_tcgets, no_terminal, 0 }, { "ioctl TCSETS", a_terminal, do_tcsets, no_terminal, 0 },
	{ "ioctl TIOCSWINSZ", a_terminal, do_winsize, no_terminal, 0 }, { "write to a terminal", a_terminal, do_tty_write, no_terminal, 0 },
	{ "kill, with a handler", nothing, do_kill, none, 1 }, { "rt_sigqueueinfo", nothing, do_queue, take_queued, 0 }, { "sigaction", nothing, do_sigaction, none, 0 },
	{ "sigaltstack", nothing, do_sigaltstack, none, 0 }, { "setitimer", nothing, do_setitimer, undo_setitimer, 0 }, { "timer_create", nothing, do_timer_create, undo_timer, 0 },
	{ "futex", nothing, do_futex, none, 0 }, { "nanosleep", nothing, do_nanosleep, none, 0 }, { "wait4", nothing, do_wait, none, 0 },
	{ "getrusage", nothing, do_rusage, none, 0 }, { "prlimit", nothing, do_prlimit, none, 0 }, { "setgroups", nothing, do_groups, none, 0 },
	{ "setresuid", nothing, do_setuid, none, 0 }, { "prctl", nothing, do_name, none, 0 }, { "sched_getaffinity", nothing, do_affinity, none, 0 },
	{ "uname", nothing, do_uname, none, 0 }, { "sysinfo", nothing, do_sysinfo, none, 0 }, { "getrandom", nothing, do_getrandom, none, 0 },
	{ "sethostname", nothing, do_hostname, none, 0 },
};

static void prepare(void)
{
	mkdir("d", 0700);
	mkdir("d/e", 0700);
	put_text("f", "0123456789");
	put_text("x", "attributes");
	setxattr("x", "user.kept", "value", 5, 0);
	NEED((fds[0] = open("data", O_RDWR | O_CREAT, 0600)) >= 0 && ftruncate(fds[0], 8192) == 0);
	NEED((fds[1] = open("d", O_RDONLY)) >= 0 && (fds[2] = open("/proc/self", O_RDONLY)) >= 0 && (fds[3] = open("/proc/self/maps", O_RDONLY)) >= 0);
	NEED((fds[4] = open("/dev/null", O_WRONLY)) >= 0);
	NEED(pipe2(fds + 5, O_NONBLOCK) == 0 && (fds[7] = epoll_create1(0)) >= 0);
	sigset_t s;
	sigemptyset(&s);
	sigaddset(&s, SIGRTMIN + 5);
	sigprocmask(SIG_BLOCK, &s, NULL);
	/* What a child would have to copy first is there, so that a fault hits the call and not the page below the program's own stack. */
	memset(buffer, 'x', sizeof(buffer));
	memset(clone_stack, 0, sizeof(clone_stack));
	memset(scratch, 0, sizeof(scratch));
}

static void mend(void) {}
static int allowed(const struct one *c, int error) { return error == ENOMEM || error == EFAULT || (error == EAGAIN && (c->call == do_queue || c->call == do_timer_create)) || (error == ENOLCK && c->call == do_setlk); }

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "child") == 0)
		return 42;
	return try_all(cases, COUNT(cases));
}
