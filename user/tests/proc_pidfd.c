/* stage: 09; libc: musl; run: guest+golden
 * pidfd: opened, waited for, signalled, polled; made by clone and clone3; files of other processes; every error. */
#include "t.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define P_PIDFD_ 3
#define CLONE_PIDFD_ 0x1000

struct clone_args {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};

static long pidfd_open_(pid_t pid, unsigned flags) { return syscall(434, pid, flags); }
static long pidfd_send(int fd, int sig, siginfo_t *info, unsigned flags) { return syscall(424, fd, sig, info, flags); }
static long pidfd_getfd_(int pidfd, int fd, unsigned flags) { return syscall(438, pidfd, fd, flags); }
static int wait_fd(int fd, siginfo_t *info, int options)
{
	memset(info, 0, sizeof(*info));
	return waitid(P_PIDFD_, fd, info, options);
}

/* A child that lives until it is killed, or until the other end of the pipe is closed. */
static pid_t sleeper(int *end)
{
	int p[2];

	NEED(pipe2(p, O_CLOEXEC) == 0);
	pid_t pid = fork();
	NEED(pid >= 0);
	if (!pid) {
		char c;
		close(p[1]);
		while (read(p[0], &c, 1) < 0 && errno == EINTR)
			;
		_exit(7);
	}
	close(p[0]);
	*end = p[1];
	return pid;
}

static short ready(int fd, int timeout)
{
	struct pollfd p = { fd, POLLIN | POLLOUT, 0 };

	return poll(&p, 1, timeout) < 0 ? -1 : p.revents;
}

static volatile sig_atomic_t got;
static volatile int got_code, got_value;

static void handler(int sig, siginfo_t *info, void *context)
{
	(void)context;
	got = sig;
	got_code = info->si_code;
	got_value = info->si_value.sival_int;
}

static void life(void)
{
	siginfo_t info;
	struct epoll_event e = { EPOLLIN, { 0 } };
	int end, ep = epoll_create1(0), n;
	pid_t pid = sleeper(&end);
	int fd = pidfd_open_(pid, 0), fd2 = pidfd_open_(pid, O_NONBLOCK);

	say("--- one child\n");
	T(fd >= 0 && fd2 > fd);
	R(fcntl(fd, F_GETFD));
	X(fcntl(fd, F_GETFL));
	X(fcntl(fd2, F_GETFL));
	R(read(fd, &n, 4));
	R(write(fd, &n, 4));
	R(lseek(fd, 0, SEEK_SET));
	R(ioctl(fd, FIONREAD, &n));
	R(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0);
	V(ready(fd, 0));
	R(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e));
	R(epoll_wait(ep, &e, 1, 0));
	R(wait_fd(fd, &info, WEXITED | WNOHANG));
	V(info.si_pid);
	R(wait_fd(fd2, &info, WEXITED | WNOHANG));
	R(wait_fd(fd2, &info, WEXITED));
	R(pidfd_send(fd, 0, NULL, 0));
	R(pidfd_send(fd, SIGSTOP, NULL, 0));
	R(wait_fd(fd, &info, WSTOPPED));
	say("%s, status %s\n", info.si_code == CLD_STOPPED ? "stopped" : "?", signame(info.si_status));
	R(pidfd_send(fd, SIGCONT, NULL, 0));
	R(wait_fd(fd, &info, WCONTINUED));
	T(info.si_code == CLD_CONTINUED && info.si_pid == pid);
	close(end);
	X(ready(fd, -1));
	R(epoll_wait(ep, &e, 1, -1));
	X(e.events);
	say("a zombie\n");
	R(pidfd_send(fd, SIGTERM, NULL, 0));
	int again = pidfd_open_(pid, 0);
	T(again >= 0);
	X(ready(again, 0));
	R(pidfd_getfd_(fd, 0, 0));
	R(wait_fd(fd, &info, WEXITED | WNOWAIT));
	V(info.si_status);
	R(wait_fd(fd2, &info, WEXITED));
	T(info.si_pid == pid && info.si_code == CLD_EXITED && info.si_signo == SIGCHLD && info.si_uid == getuid());
	V(info.si_status);
	say("gone\n");
	R(wait_fd(fd, &info, WEXITED));
	R(wait_fd(fd2, &info, WEXITED | WNOHANG));
	X(ready(fd, 0));
	R(pidfd_send(fd, 0, NULL, 0));
	R(pidfd_send(fd, SIGKILL, NULL, 0));
	R(pidfd_send(fd, 1000, NULL, 0));
	R(pidfd_getfd_(fd, 0, 0));
	R(pidfd_open_(pid, 0));
	close(fd);
	close(fd2);
	close(again);
	close(ep);
}

static int thread_body(void *arg)
{
	char c;

	return read(*(int *)arg, &c, 1) < 0;
}

static void errors(void)
{
	static char stack[16384] __attribute__((aligned(16)));
	int null = open("/dev/null", O_RDWR), end, p[2];
	pid_t child = sleeper(&end), tid;
	int fd = pidfd_open_(child, 0), own = pidfd_open_(getpid(), 0);
	siginfo_t info;

	say("--- errors\n");
	R(pidfd_open_(0, 0));
	R(pidfd_open_(-1, 0));
	R(pidfd_open_(1 << 30, 0));
	R(pidfd_open_(child, 1));
	R(pidfd_open_(child, O_CLOEXEC));
	R(pidfd_send(fd, 0, NULL, 1));
	R(pidfd_send(-1, 0, NULL, 0));
	R(pidfd_send(null, 0, NULL, 0));
	R(pidfd_send(fd, 65, NULL, 0));
	R(pidfd_send(fd, -1, NULL, 0));
	R(pidfd_send(fd, 0, (siginfo_t *)8, 0));
	memset(&info, 0, sizeof(info));
	info.si_signo = SIGUSR1;
	info.si_code = SI_QUEUE;
	R(pidfd_send(fd, SIGUSR2, &info, 0));
	R(pidfd_send(fd, 0, &info, 0));
	info.si_code = SI_USER;
	R(pidfd_send(fd, SIGUSR1, &info, 0));
	info.si_code = SI_TKILL;
	R(pidfd_send(fd, SIGUSR1, &info, 0));
	R(wait_fd(-1, &info, WEXITED));
	R(wait_fd(1000, &info, WEXITED));
	R(wait_fd(null, &info, WEXITED));
	R(wait_fd(fd, &info, 0));
	R(wait_fd(own, &info, WEXITED));
	R(pidfd_getfd_(fd, 0, 1));
	R(pidfd_getfd_(-1, 0, 0));
	R(pidfd_getfd_(null, 0, 0));
	R(pidfd_getfd_(fd, 1000, 0));
	R(pidfd_getfd_(fd, -1, 0));
	/* The number of a thread that is no process. */
	NEED(pipe(p) == 0);
	tid = clone(thread_body, stack + sizeof(stack), CLONE_VM | CLONE_THREAD | CLONE_SIGHAND | CLONE_FILES, &p[0]);
	NEED(tid > 0);
	R(pidfd_open_(tid, 0));
	close(p[1]);
	while (syscall(SYS_tgkill, getpid(), tid, 0) == 0)
		sched_yield();
	close(p[0]);
	IN_CHILD("another user") {
		NEED(setuid(1000) == 0);
		R(pidfd_send(fd, 0, NULL, 0));
		R(pidfd_send(fd, SIGKILL, NULL, 0));
		R(pidfd_getfd_(fd, 0, 0));
		R(pidfd_getfd_(fd, 1000, 0));
		R(pidfd_open_(child, 0) >= 0);
	}
	IN_CHILD("who is not the parent") {
		R(wait_fd(fd, &info, WEXITED | WNOHANG));
		V(ready(fd, 0));
	}
	struct rlimit few = { 0, 0 };
	IN_CHILD("no room") {
		NEED(setrlimit(RLIMIT_NOFILE, &few) == 0);
		R(pidfd_open_(child, 0));
		R(pidfd_getfd_(fd, 0, 0));
		struct clone_args a = { .flags = CLONE_PIDFD_, .pidfd = (uintptr_t)&p[0], .exit_signal = SIGCHLD };
		R(SYS(clone3, &a, sizeof(a)));
		R(waitpid(-1, NULL, WNOHANG));
	}
	close(end);
	reap("child", child);
	close(fd);
	close(own);
	close(null);
}

static void signals(void)
{
	struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
	int fd = pidfd_open_(getpid(), 0);
	siginfo_t info;

	say("--- signals\n");
	NEED(sigaction(SIGUSR1, &action, NULL) == 0);
	R(pidfd_send(fd, SIGUSR1, NULL, 0));
	T(got == SIGUSR1 && got_code == SI_USER);
	memset(&info, 0, sizeof(info));
	info.si_signo = SIGUSR1;
	info.si_code = SI_QUEUE;
	info.si_value.sival_int = 42;
	got = 0;
	R(pidfd_send(fd, SIGUSR1, &info, 0));
	T(got == SIGUSR1 && got_code == SI_QUEUE && got_value == 42);
	/* Oneself may be told anything. */
	info.si_code = SI_USER;
	got_code = 1;
	R(pidfd_send(fd, SIGUSR1, &info, 0));
	V(got_code);
	close(fd);
}

static void clones(void)
{
	siginfo_t info;
	int fd = -1, word = -1, status;
	struct clone_args a = { .flags = CLONE_PIDFD_, .pidfd = (uintptr_t)&fd, .exit_signal = SIGCHLD };
	pid_t pid;

	say("--- clone\n");
	pid = SYS(clone3, &a, sizeof(a));
	if (!pid) {
		/* It is the parent's alone. */
		_exit(fcntl(fd, F_GETFD) == -1 && errno == EBADF ? 3 : 4);
	}
	T(pid > 0 && fd >= 0);
	R(fcntl(fd, F_GETFD));
	R(fcntl(fd, F_GETFL) & O_NONBLOCK);
	R(wait_fd(fd, &info, WEXITED));
	V(info.si_status);
	R(close(fd));
	pid = syscall(SYS_clone, CLONE_PIDFD_ | SIGCHLD, 0, &fd, 0, 0);
	if (!pid)
		_exit(5);
	T(pid > 0 && fd >= 0);
	X(ready(fd, -1));
	R(waitpid(pid, &status, 0) == pid);
	V(WEXITSTATUS(status));
	R(close(fd));
	/* Both words; a child that shares the descriptors has it as well. */
	a.flags = CLONE_PIDFD_ | CLONE_PARENT_SETTID | CLONE_FILES;
	a.parent_tid = (uintptr_t)&word;
	pid = SYS(clone3, &a, sizeof(a));
	if (!pid)
		_exit(fcntl(fd, F_GETFD) == 1 ? 6 : 7);
	T(word == pid);
	R(wait_fd(fd, &info, WEXITED));
	V(info.si_status);
	R(close(fd));
	/* vfork's child has ended when the call returns. */
	a.flags = CLONE_PIDFD_ | CLONE_VFORK;
	a.parent_tid = 0;
	pid = SYS(clone3, &a, sizeof(a));
	if (!pid)
		_exit(8);
	X(ready(fd, -1));
	R(wait_fd(fd, &info, WEXITED));
	V(info.si_status);
	R(close(fd));
	/* Nobody waits for those of a parent that does not want to know; the end is seen all the same. */
	NEED(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
	a.flags = CLONE_PIDFD_;
	pid = SYS(clone3, &a, sizeof(a));
	if (!pid)
		_exit(9);
	X(ready(fd, -1));
	R(wait_fd(fd, &info, WEXITED));
	R(close(fd));
	NEED(signal(SIGCHLD, SIG_DFL) != SIG_ERR);
	say("bad\n");
	fd = -1;
	R(syscall(SYS_clone, CLONE_PIDFD_ | CLONE_PARENT_SETTID | SIGCHLD, 0, &fd, 0, 0));
	R(syscall(SYS_clone, CLONE_PIDFD_ | CLONE_DETACHED | SIGCHLD, 0, &fd, 0, 0));
	R(syscall(SYS_clone, CLONE_PIDFD_ | CLONE_THREAD | CLONE_VM | CLONE_SIGHAND, 0, &fd, 0, 0));
	R(syscall(SYS_clone, CLONE_PIDFD_ | SIGCHLD, 0, 8, 0, 0));
	a.flags = CLONE_PIDFD_ | CLONE_PARENT_SETTID;
	a.parent_tid = a.pidfd;
	R(SYS(clone3, &a, sizeof(a)));
	a.pidfd = 8;
	R(SYS(clone3, &a, sizeof(a)));
	V(fd);
	R(waitpid(-1, NULL, 0));
	int next = dup(0);
	T(next >= 0 && next < 10);
	close(next);
}

static void others_files(void)
{
	int pair[2], end, copy;
	char text[10] = "";

	say("--- files of others\n");
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	NEED(fcntl(pair[0], F_DUPFD, 77) == 77);
	pid_t pid = sleeper(&end);
	int fd = pidfd_open_(pid, 0);
	close(77);
	R(fcntl(77, F_GETFD));
	copy = pidfd_getfd_(fd, 77, 0);
	T(copy >= 0);
	R(fcntl(copy, F_GETFD));
	NEED(write(copy, "hello", 5) == 5);
	R(read(pair[1], text, 9));
	S(text);
	/* One of our own is a duplicate. */
	int own = pidfd_open_(getpid(), 0);
	int dupe = pidfd_getfd_(own, copy, 0);
	T(dupe >= 0);
	NEED(fcntl(dupe, F_SETFL, O_NONBLOCK) == 0);
	T(fcntl(copy, F_GETFL) & O_NONBLOCK);
	IN_CHILD("of one that is not to be looked into") {
		int other = pidfd_open_(getppid(), 0);
		NEED(setgid(1000) == 0 && setuid(1000) == 0);
		R(pidfd_getfd_(other, 0, 0));
	}
	close(end);
	reap("child", pid);
	close(fd);
	close(own);
	close(copy);
	close(dupe);
	close(pair[0]);
	close(pair[1]);
}

/* A descriptor that travels: whoever has it can signal, and see the end. */
static void passed_on(void)
{
	int end, p[2];
	pid_t pid = sleeper(&end), watcher;
	int fd = pidfd_open_(pid, 0);

	say("--- passed on\n");
	NEED(pipe(p) == 0);
	watcher = fork();
	NEED(watcher >= 0);
	if (!watcher) {
		close(end);
		_exit(ready(fd, -1));
	}
	R(pidfd_send(fd, SIGKILL, NULL, 0));
	reap("child", pid);
	reap("watcher", watcher);
	close(end);
	close(fd);
	close(p[0]);
	close(p[1]);
}

int main(void)
{
	life();
	errors();
	signals();
	clones();
	others_files();
	passed_on();
	return 0;
}
