/* stage: 09; libc: musl; run: host+guest
 * Pipes and FIFOs: capacity, atomic writes, end of input, SIGPIPE, non-blocking, the poll events of each state. */
#include "t.h"
#include <poll.h>
#include <sys/ioctl.h>

static int rd, wr;

static void events(const char *what)
{
	struct pollfd p[2] = { { .fd = rd, .events = POLLIN | POLLOUT }, { .fd = wr, .events = POLLIN | POLLOUT } };

	poll(p, 2, 0);
	say("%s: read end%s%s%s, write end%s%s%s\n", what, p[0].revents & POLLIN ? " IN" : "", p[0].revents & POLLHUP ? " HUP" : "",
	    p[0].revents & POLLERR ? " ERR" : "", p[1].revents & POLLOUT ? " OUT" : "", p[1].revents & POLLERR ? " ERR" : "",
	    p[1].revents & POLLHUP ? " HUP" : "");
}

int main(void)
{
	static char big[200000];
	char buf[64];
	int fds[2], n;
	long total = 0;
	struct stat st;
	pid_t pid;

	R(pipe((int *)8));
	R(SYS(pipe2, fds, 0x1000000));
	R(pipe2(fds, O_CLOEXEC | O_NONBLOCK));
	V(fcntl(fds[0], F_GETFD));
	X(fcntl(fds[1], F_GETFL) & O_NONBLOCK);
	X(fcntl(fds[0], F_GETFL) & O_ACCMODE);
	X(fcntl(fds[1], F_GETFL) & O_ACCMODE);
	rd = fds[0];
	wr = fds[1];
	events("empty");
	R(read(rd, buf, 1));
	R(write(rd, buf, 1));
	R(read(wr, buf, 1));
	R(lseek(rd, 0, SEEK_SET));
	R(pread(rd, buf, 1, 0));
	R(fstat(rd, &st));
	T(S_ISFIFO(st.st_mode));
	R(ftruncate(wr, 0));
	R(fsync(wr));
	R(write(wr, "hello", 5));
	events("some");
	R(ioctl(rd, FIONREAD, &n));
	V(n);
	R(read(rd, buf, 3));
	R(read(rd, buf, 30));
	R(write(wr, buf, 0));
	R(read(rd, buf, 0));
	R(fcntl(rd, F_GETPIPE_SZ));
	while ((n = (int)write(wr, big, 4096)) > 0)
		total += n;
	say("filled with %ld, then %s\n", total, errname(errno));
	events("full");
	R(write(wr, "x", 1));
	R(read(rd, big, 100));
	R(write(wr, big, 4096));
	R(read(rd, big, 4096));
	events("a page free");
	R(write(wr, big, 4096));
	R(write(wr, big, 100000));
	R(read(rd, big, sizeof(big)));
	R(read(rd, big, sizeof(big)));
	R(write(wr, big, 100000));
	R(read(rd, big, sizeof(big)));

	/* The end of input. */
	write(wr, "last", 4);
	close(wr);
	wr = -1;
	events("writer gone, data left");
	R(read(rd, buf, 10));
	events("writer gone");
	R(read(rd, buf, 10));
	close(rd);

	/* Nobody reads. */
	NEED(pipe(fds) == 0);
	rd = -1;
	wr = fds[1];
	close(fds[0]);
	events("reader gone");
	IN_CHILD("SIGPIPE")
		write(wr, "x", 1);
	signal(SIGPIPE, SIG_IGN);
	R(write(wr, "x", 1));
	R(write(wr, "x", 0));
	signal(SIGPIPE, SIG_DFL);
	close(wr);

	/* A writer that must wait, in many pieces; nothing is lost or mixed up. */
	NEED(pipe(fds) == 0);
	pid = fork();
	if (pid == 0) {
		close(fds[0]);
		for (int i = 0; i < (int)sizeof(big); i++)
			big[i] = (char)(i % 251);
		n = (int)write(fds[1], big, sizeof(big));
		_exit(n == sizeof(big) ? 0 : 1);
	}
	close(fds[1]);
	total = 0;
	n = 0;
	for (long got; (got = read(fds[0], buf, 37)) > 0;)
		for (long i = 0; i < got; i++, total++)
			n += (unsigned char)buf[i] != total % 251;
	say("%ld bytes, %d wrong\n", total, n);
	reap("writer", pid);
	close(fds[0]);

	/* Writes up to PIPE_BUF are whole, from many writers. */
	NEED(pipe(fds) == 0);
	for (int w = 0; w < 4; w++)
		if (fork() == 0) {
			memset(big, 'a' + w, 4096);
			for (int i = 0; i < 50; i++)
				write(fds[1], big, 1000);
			_exit(0);
		}
	close(fds[1]);
	n = 0;
	total = 0;
	for (;;) {
		long have = 0, got = 0;

		while (have < 1000 && (got = read(fds[0], big + have, (size_t)(1000 - have))) > 0)
			have += got;
		if (have == 0)
			break;
		total += have;
		for (long i = 1; i < have; i++)
			n += big[i] != big[0];
	}
	say("%ld bytes, %d mixed\n", total, n);
	while (wait(NULL) > 0)
		;
	close(fds[0]);

	/* Reader killed while the writer waits. */
	NEED(pipe(fds) == 0);
	pid = fork();
	if (pid == 0) {
		close(fds[1]);
		nap(50);
		_exit(0);
	}
	close(fds[0]);
	signal(SIGPIPE, SIG_IGN);
	total = write(fds[1], big, sizeof(big));
	say("partly written %d\n", total > 0 && total < (long)sizeof(big));
	R(write(fds[1], big, 1));
	waitpid(pid, NULL, 0);
	close(fds[1]);

	/* FIFOs. */
	t_dir();
	mkfifo("p", 0644);
	R(open("p", O_WRONLY | O_NONBLOCK));
	rd = open("p", O_RDONLY | O_NONBLOCK);
	wr = -1;
	T(rd >= 0);
	events("no writer yet");
	R(read(rd, buf, 1));
	wr = open("p", O_WRONLY | O_NONBLOCK);
	events("open");
	R(read(rd, buf, 1));
	write(wr, "abc", 3);
	R(read(rd, buf, 10));
	close(wr);
	wr = -1;
	events("writer gone");
	close(rd);
	pid = fork();
	if (pid == 0) {
		wr = open("p", O_WRONLY);
		write(wr, "through", 7);
		_exit(0);
	}
	rd = open("p", O_RDONLY);
	memset(buf, 0, sizeof(buf));
	read(rd, buf, sizeof(buf));
	S(buf);
	reap("FIFO writer", pid);
	R(fcntl(rd, F_SETPIPE_SZ, 100));
	R(fcntl(rd, F_GETPIPE_SZ));
	R(fcntl(rd, F_SETPIPE_SZ, 1 << 20));
	return 0;
}
