/*
 * The little that every test shares. A test prints what the kernel answered, in words that do not change
 * from run to run: no addresses, process ids or times. So its output on Linux is the expectation
 * (expect/NAME.out), and there is no list of right answers to get wrong.
 *
 *	R(open("f", O_RDONLY));		open("f", O_RDONLY) = 3        or      = ENOENT
 *	OK(fork());			fork() ok                      value not shown
 *	T(p == q);			p == q: yes
 *	V(st.st_size);			st.st_size = 12
 *
 * Only write(2) is used for output, at once, so order holds across fork and at a crash, and a kernel of
 * an early stage suffices.
 */
#ifndef SWITCHBACK_TESTS_T_H
#define SWITCHBACK_TESTS_T_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define UNUSED __attribute__((unused))
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

UNUSED static void say(const char *format, ...)
{
	char line[2048];
	va_list args;
	int saved = errno, length;
	size_t done = 0;

	va_start(args, format);
	length = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (length > (int)sizeof(line) - 1)
		length = sizeof(line) - 1;
	while (done < (size_t)length) {
		ssize_t n = write(1, line + done, (size_t)length - done);

		if (n <= 0)
			break;
		done += (size_t)n;
	}
	errno = saved;
}

UNUSED static const char *errname(int error)
{
	static const char *const names[] = {
		[0] = "0", [1] = "EPERM", "ENOENT", "ESRCH", "EINTR", "EIO", "ENXIO", "E2BIG", "ENOEXEC", "EBADF",
		"ECHILD", "EAGAIN", "ENOMEM", "EACCES", "EFAULT", "ENOTBLK", "EBUSY", "EEXIST", "EXDEV", "ENODEV",
		"ENOTDIR", "EISDIR", "EINVAL", "ENFILE", "EMFILE", "ENOTTY", "ETXTBSY", "EFBIG", "ENOSPC", "ESPIPE",
		"EROFS", "EMLINK", "EPIPE", "EDOM", "ERANGE", "EDEADLK", "ENAMETOOLONG", "ENOLCK", "ENOSYS",
		"ENOTEMPTY", "ELOOP", [61] = "ENODATA", [62] = "ETIME", [75] = "EOVERFLOW", [84] = "EILSEQ",
		[88] = "ENOTSOCK", [89] = "EDESTADDRREQ", [90] = "EMSGSIZE", [91] = "EPROTOTYPE", [92] = "ENOPROTOOPT",
		[93] = "EPROTONOSUPPORT", [94] = "ESOCKTNOSUPPORT", [95] = "EOPNOTSUPP", [97] = "EAFNOSUPPORT",
		[98] = "EADDRINUSE", [103] = "ECONNABORTED", [104] = "ECONNRESET", [106] = "EISCONN",
		[107] = "ENOTCONN", [110] = "ETIMEDOUT", [111] = "ECONNREFUSED", [114] = "EALREADY",
		[115] = "EINPROGRESS", [116] = "ESTALE", [125] = "ECANCELED", [130] = "EOWNERDEAD",
		[131] = "ENOTRECOVERABLE",
	};
	static char number[16];

	if (error >= 0 && (size_t)error < COUNT(names) && names[error])
		return names[error];
	snprintf(number, sizeof(number), "E%d", error);
	return number;
}

UNUSED static const char *signame(int sig)
{
	static const char *const names[] = {
		"0", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE",
		"ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ",
		"VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
	};
	static char number[16];

	if (sig >= 0 && (size_t)sig < COUNT(names))
		return names[sig];
	snprintf(number, sizeof(number), "RT%d", sig);
	return number;
}

#define R(call) do { \
	long r_; errno = 0; r_ = (long)(call); \
	if (r_ == -1 && errno) say("%s = %s\n", #call, errname(errno)); \
	else say("%s = %ld\n", #call, r_); \
} while (0)
#define OK(call) ({ \
	__auto_type o_ = (call); \
	if ((long)o_ == -1) say("%s = %s\n", #call, errname(errno)); else say("%s ok\n", #call); \
	o_; \
})
#define T(condition) say("%s: %s\n", #condition, (condition) ? "yes" : "no")
#define V(value) say("%s = %ld\n", #value, (long)(value))
#define X(value) say("%s = %#lx\n", #value, (unsigned long)(value))
#define S(text) say("%s = \"%s\"\n", #text, text)

/* What must work for the test to mean anything. */
#define NEED(condition) do { \
	if (!(condition)) { say("setup failed: %s (%s)\n", #condition, errname(errno)); _exit(99); } \
} while (0)

/* A raw call: errno set as libc does, no libc in between. */
#define SYS(name, ...) syscall(SYS_##name, ##__VA_ARGS__)

UNUSED static void say_status(const char *who, int status)
{
	if (WIFEXITED(status))
		say("%s: exit %d\n", who, WEXITSTATUS(status));
	else if (WIFSIGNALED(status))
		say("%s: killed by %s\n", who, signame(WTERMSIG(status)));
	else if (WIFSTOPPED(status))
		say("%s: stopped by %s\n", who, signame(WSTOPSIG(status)));
	else if (WIFCONTINUED(status))
		say("%s: continued\n", who);
	else
		say("%s: status %#x\n", who, status);
}

/* Wait for a child of ours and say how it ended. */
UNUSED static void reap(const char *who, pid_t pid)
{
	int status = 0;
	pid_t got;

	do
		got = waitpid(pid, &status, 0);
	while (got < 0 && errno == EINTR);
	if (got != pid)
		say("%s: waitpid = %s\n", who, errname(errno));
	else
		say_status(who, status);
}

/* IN_CHILD("name") { statements } runs them in a child, waits, says how it ended. */
#define IN_CHILD(name) \
	for (pid_t p_ = fork(), once_ = 1; once_; once_ = 0, \
	     p_ == 0 ? _exit(0) : reap(name, p_)) \
		if (p_ == 0)

UNUSED static void nap(long milliseconds)
{
	struct timespec want = { milliseconds / 1000, milliseconds % 1000 * 1000000 };

	while (nanosleep(&want, &want) < 0 && errno == EINTR)
		;
}

UNUSED static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* A fresh folder of the test's own, entered: its path. It is made in $T_DIR, if that is set, so that a host can clear up. */
UNUSED static const char *t_dir(void)
{
	static char name[128];
	const char *top = getenv("T_DIR");

	snprintf(name, sizeof(name), "%s/tXXXXXX", top ? top : "/tmp");
	NEED(mkdtemp(name));
	NEED(chmod(name, 0755) == 0);
	NEED(chdir(name) == 0);
	umask(022);
	return name;
}

UNUSED static void put_file(const char *path, const void *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	NEED(fd >= 0);
	NEED(write(fd, data, size) == (ssize_t)size);
	NEED(close(fd) == 0);
}

UNUSED static void put_text(const char *path, const char *text)
{
	put_file(path, text, strlen(text));
}

UNUSED static void catch(int sig, void (*handler)(int), int flags)
{
	struct sigaction act;

	memset(&act, 0, sizeof(act));
	act.sa_handler = handler;
	act.sa_flags = flags;
	NEED(sigaction(sig, &act, NULL) == 0);
}

UNUSED static void catch_info(int sig, void (*handler)(int, siginfo_t *, void *), int flags)
{
	struct sigaction act;

	memset(&act, 0, sizeof(act));
	act.sa_sigaction = handler;
	act.sa_flags = flags | SA_SIGINFO;
	NEED(sigaction(sig, &act, NULL) == 0);
}

#endif
