/* stage: 09; libc: musl; run: guest+golden
 * Signals about files: owners (F_SETOWN, F_SETOWN_EX) and what becomes of them, O_ASYNC on pipes, FIFOs and sockets with and without F_SETSIG, what the
 * signal says, to whom it goes, and when none is sent. */
#include "t.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#define RT (SIGRTMIN + 2)

struct owner_ex {
	int type, pid;
};
enum { TID, PID, PGRP };

static const char *code_name(int code)
{
	static const char *const names[] = { "0", "IN", "OUT", "MSG", "ERR", "PRI", "HUP" };

	return code >= 0 && code < (int)COUNT(names) ? names[code] : code == SI_SIGIO ? "SIGIO" : code == 0x80 ? "KERNEL" : "?";
}

/* What has come, one after the other; those of one kind in a row are counted. */
static void came(const char *what)
{
	struct timespec none = { 0, 0 };
	siginfo_t si, last;
	int times = 0;
	sigset_t all;

	sigfillset(&all);
	say("%s:", what);
	memset(&last, 0, sizeof(last));
	for (;;) {
		memset(&si, 0, sizeof(si));
		int got = sigtimedwait(&all, &si, &none);
		if (got > 0 && times && si.si_signo == last.si_signo && si.si_code == last.si_code && si.si_fd == last.si_fd) {
			times++;
			continue;
		}
		if (times > 1)
			say(" x%d", times);
		if (got <= 0)
			break;
		last = si;
		times = 1;
		say(" %s %s", got == SIGIO ? "SIGIO" : got == SIGURG ? "SIGURG" : got == SIGUSR1 ? "USR1" : got == SIGCHLD ? "CHLD" : got == RT ? "RT" : "other",
		    code_name(si.si_code));
		if (si.si_code > 0 && si.si_code < 7 && got != SIGCHLD)
			say(" band %lx fd %d", (long)si.si_band, si.si_fd);
	}
	say("\n");
}

static void async(int fd, int signo, int on)
{
	NEED(fcntl(fd, F_SETOWN, getpid()) == 0);
	NEED(fcntl(fd, F_SETSIG, signo) == 0);
	NEED(fcntl(fd, F_SETFL, on ? O_ASYNC | O_NONBLOCK : O_NONBLOCK) == 0);
}

static void owners(void)
{
	struct owner_ex ex = { 9, 9 };
	int fd[2], status;
	pid_t pid, number;

	NEED(pipe(fd) == 0);
	R(fcntl(fd[0], F_GETOWN));
	R(fcntl(fd[0], F_GETOWN_EX, &ex));
	V(ex.type);
	V(ex.pid);
	R(fcntl(fd[0], F_SETOWN, getpid()));
	T(fcntl(fd[0], F_GETOWN) == getpid());
	R(fcntl(fd[0], F_SETOWN, -getpgrp()));
	T(fcntl(fd[0], F_GETOWN) == -getpgrp());
	R(fcntl(fd[0], F_GETOWN_EX, &ex));
	V(ex.type);
	T(ex.pid == getpgrp());
	ex = (struct owner_ex){ TID, getpid() };
	R(fcntl(fd[0], F_SETOWN_EX, &ex));
	T(fcntl(fd[0], F_GETOWN) == getpid());
	ex.type = 3;
	R(fcntl(fd[0], F_SETOWN_EX, &ex));
	ex.type = -1;
	R(fcntl(fd[0], F_SETOWN_EX, &ex));
	ex = (struct owner_ex){ PID, 4000000 };
	R(fcntl(fd[0], F_SETOWN_EX, &ex));
	ex = (struct owner_ex){ PID, -1 };
	R(fcntl(fd[0], F_SETOWN_EX, &ex));
	ex = (struct owner_ex){ PGRP, 0 };
	R(fcntl(fd[0], F_SETOWN_EX, &ex));
	R(fcntl(fd[0], F_GETOWN_EX, &ex));
	V(ex.type);
	V(ex.pid);
	R(fcntl(fd[0], F_SETOWN_EX, 1));
	R(fcntl(fd[0], F_GETOWN_EX, 1));
	R(fcntl(fd[0], F_SETOWN, 4000000));
	R(fcntl(fd[0], F_SETOWN, -4000000));
	R(fcntl(fd[0], F_SETOWN, INT_MIN));
	R(fcntl(fd[0], F_SETSIG, 65));
	R(fcntl(fd[0], F_SETSIG, -1));
	R(fcntl(fd[0], F_SETSIG, 64));
	R(fcntl(fd[0], F_GETSIG));
	/* One that ended is no owner any more, and neither is who gets its number. */
	pid = fork();
	if (pid == 0) {
		pause();
		_exit(0);
	}
	R(fcntl(fd[0], F_SETOWN, pid));
	T(fcntl(fd[0], F_GETOWN) == pid);
	kill(pid, SIGKILL);
	NEED(waitid(P_PID, (id_t)pid, NULL, WEXITED | WNOWAIT) == 0);
	T(fcntl(fd[0], F_GETOWN) == pid);
	NEED(waitpid(pid, &status, 0) == pid);
	R(fcntl(fd[0], F_GETOWN));
	number = pid;
	for (int i = 0; i < 3; i++) {
		pid = fork();
		if (pid == 0)
			_exit(0);
		waitpid(pid, &status, 0);
	}
	T(number > 0);
	R(fcntl(fd[0], F_GETOWN));
	close(fd[0]);
	close(fd[1]);
	came("left");
}

static void pipes(void)
{
	char big[70000];
	int fd[2];

	memset(big, 0, sizeof(big));
	NEED(pipe2(fd, O_NONBLOCK) == 0);
	NEED(fcntl(fd[0], F_SETFL, O_ASYNC | O_NONBLOCK) == 0);
	T(fcntl(fd[0], F_GETFL) & O_ASYNC);
	R(write(fd[1], "a", 1));
	came("nobody is the owner");
	async(fd[0], 0, 1);
	R(write(fd[1], "a", 1));
	came("plain");
	async(fd[0], RT, 1);
	R(write(fd[1], "a", 1));
	came("one");
	R(write(fd[1], "b", 1));
	R(write(fd[1], "c", 1));
	came("two more");
	R(read(fd[0], big, 100));
	came("read");
	R(write(fd[1], big, sizeof(big)));
	came("full");
	async(fd[1], RT, 1);
	R(write(fd[1], big, 1));
	came("fuller");
	R(read(fd[0], big, 10));
	came("ten bytes read");
	R(read(fd[0], big, 8192));
	came("two pages read");
	async(fd[0], RT, 0);
	R(write(fd[1], big, 10));
	came("reader is out");
	async(fd[0], SIGUSR1, 1);
	R(write(fd[1], big, 10));
	came("another signal");
	async(fd[0], SIGCHLD, 1);
	R(write(fd[1], big, 10));
	came("one whose codes are taken");
	async(fd[0], RT, 1);
	close(fd[1]);
	came("writer closed");
	close(fd[0]);
	NEED(pipe2(fd, O_NONBLOCK) == 0);
	async(fd[1], RT, 1);
	int other = dup(fd[0]);
	close(fd[0]);
	came("one reader closed");
	close(other);
	came("last reader closed");
	signal(SIGPIPE, SIG_IGN);
	R(write(fd[1], "x", 1));
	close(fd[1]);
	came("broken");
	/* ioctl, and the number by which it was asked for. */
	int on = 1, off = 0;
	NEED(pipe2(fd, O_NONBLOCK) == 0);
	int second = fcntl(fd[0], F_DUPFD, 30);
	NEED(fcntl(fd[0], F_SETOWN, getpid()) == 0 && fcntl(fd[0], F_SETSIG, RT) == 0);
	R(ioctl(second, FIOASYNC, &on));
	R(write(fd[1], "x", 1));
	came("by the second number");
	close(second);
	R(write(fd[1], "x", 1));
	came("which is closed");
	R(ioctl(fd[0], FIOASYNC, &off));
	R(write(fd[1], "x", 1));
	came("off");
	R(ioctl(fd[0], FIOASYNC, 1));
	close(fd[0]);
	close(fd[1]);
	NEED(mkfifo("fifo", 0600) == 0);
	fd[0] = open("fifo", O_RDWR | O_NONBLOCK);
	async(fd[0], RT, 1);
	R(write(fd[0], "x", 1));
	came("both ends in one");
	R(read(fd[0], big, 10));
	came("read");
	close(fd[0]);
}

static void stream(int type)
{
	char big[4096] = { 0 };
	int fd[2], n = 0;

	NEED(socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, fd) == 0);
	R(ioctl(fd[0], FIOSETOWN, &(int){ getpid() }));
	async(fd[0], RT, 1);
	R(write(fd[1], "a", 1));
	came("one");
	R(write(fd[1], "b", 1));
	R(read(fd[0], big, 100));
	came("again");
	while (write(fd[0], big, sizeof(big)) > 0)
		n++;
	T(n > 10);
	came("full");
	while (read(fd[1], big, sizeof(big)) > 0)
		;
	came("drained");
	R(write(fd[0], big, 10));
	R(read(fd[1], big, 100));
	came("never full");
	if (type == SOCK_STREAM) {
		R(send(fd[1], "!", 1, MSG_OOB));
		came("urgent");
	}
	R(shutdown(fd[1], SHUT_WR));
	came("no more");
	R(shutdown(fd[1], SHUT_RD));
	came("nothing taken");
	close(fd[1]);
	came("closed");
	close(fd[0]);
}

static void listener(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "sock" };
	int l = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), c = socket(AF_UNIX, SOCK_STREAM, 0), s;

	NEED(bind(l, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(l, 5) == 0);
	async(l, RT, 1);
	R(connect(c, (struct sockaddr *)&a, sizeof(a)));
	came("a connection");
	s = accept(l, NULL, NULL);
	T(fcntl(s, F_GETFL) & O_ASYNC);
	R(fcntl(s, F_GETOWN));
	R(write(c, "x", 1));
	came("data for the accepted");
	async(s, RT, 1);
	R(write(c, "x", 1));
	came("data");
	close(c);
	came("closed");
	close(s);
	close(l);
}

/* To a group, to one thread, and not to those whom the owner may not signal. */
static void receivers(void)
{
	struct owner_ex ex;
	int fd[2], go[2], status;
	char c;

	NEED(pipe2(fd, O_NONBLOCK) == 0 && pipe(go) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		ex = (struct owner_ex){ PGRP, getpid() };
		NEED(fcntl(fd[0], F_SETOWN_EX, &ex) == 0 && fcntl(fd[0], F_SETSIG, RT) == 0 && fcntl(fd[0], F_SETFL, O_ASYNC) == 0);
		if (fork() == 0) {
			read(go[0], &c, 1);
			came("child");
			_exit(0);
		}
		R(write(fd[1], "x", 1));
		write(go[1], "x", 1);
		wait(&status);
		came("parent");
		_exit(0);
	}
	waitpid(pid, &status, 0);
	came("who is not of the group");
	R(write(fd[1], "x", 1));
	came("group is gone");
	/* Named by one who may not signal us. */
	NEED(fcntl(fd[0], F_SETFL, 0) == 0);
	pid = fork();
	if (pid == 0) {
		NEED(setresuid(1000, 1000, 1000) == 0);
		R(fcntl(fd[0], F_SETOWN, getppid()));
		_exit(0);
	}
	waitpid(pid, &status, 0);
	NEED(fcntl(fd[0], F_SETFL, O_ASYNC) == 0);
	R(write(fd[1], "x", 1));
	came("may not");
	R(fcntl(fd[0], F_SETOWN, getpid()));
	R(write(fd[1], "x", 1));
	came("may");
	close(fd[0]);
	close(fd[1]);
}

static void others(void)
{
	struct signalfd_siginfo info;
	sigset_t set;
	int fd, pair[2], n = inotify_init1(IN_NONBLOCK);

	NEED(inotify_add_watch(n, ".", IN_CREATE) > 0);
	async(n, RT, 1);
	close(open("made", O_CREAT | O_WRONLY, 0600));
	came("inotify");
	close(n);
	fd = open("made", O_RDWR);
	R(fcntl(fd, F_SETFL, O_ASYNC));
	T(fcntl(fd, F_GETFL) & O_ASYNC);
	R(ioctl(fd, FIOASYNC, &(int){ 1 }));
	R(ioctl(fd, FIOASYNC, &(int){ 0 }));
	R(write(fd, "x", 1));
	came("a plain file");
	close(fd);
	sigemptyset(&set);
	sigaddset(&set, RT);
	fd = signalfd(-1, &set, SFD_NONBLOCK);
	NEED(pipe2(pair, O_NONBLOCK) == 0);
	async(pair[0], RT, 1);
	R(write(pair[1], "x", 1));
	R(read(fd, &info, sizeof(info)) == sizeof(info));
	V(info.ssi_code);
	V(info.ssi_band);
	T(info.ssi_fd == pair[0]);
	close(fd);
	close(pair[0]);
	close(pair[1]);
}

int main(void)
{
	sigset_t all;

	t_dir();
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	owners();
	pipes();
	say("--- stream\n");
	stream(SOCK_STREAM);
	say("--- records\n");
	stream(SOCK_SEQPACKET);
	say("--- datagrams\n");
	stream(SOCK_DGRAM);
	say("--- listener\n");
	listener();
	receivers();
	others();
	return 0;
}
