/* stage: 09; libc: musl; run: guest
 * Rows of talking to each other: pipes, sockets, futexes, semaphores. */
#include "bench.h"
#include <sys/sem.h>
#include <sys/socket.h>

enum { FUTEX_WAIT = 0, FUTEX_WAKE = 1, FUTEX_WAKE_PRIVATE = 129 };

static void pipe_latency(long count, long argument UNUSED)
{
	int there[2], back[2];
	char c = 0;
	pid_t pid;

	NEED(pipe(there) == 0 && pipe(back) == 0);
	pid = fork();
	if (pid == 0) {
		close(there[1]);
		while (read(there[0], &c, 1) == 1)
			if (write(back[1], &c, 1) != 1)
				break;
		_exit(0);
	}
	close(there[0]);
	while (count--)
		NEED(write(there[1], &c, 1) == 1 && read(back[0], &c, 1) == 1);
	close(there[1]);
	close(back[0]);
	close(back[1]);
	waitpid(pid, NULL, 0);
}

/* Per 4 KiB, in writes and reads of 64 KiB. */
static void pipe_bandwidth(long count, long argument UNUSED)
{
	static char piece[65536];
	int fds[2];
	long left = count * 4096;
	pid_t pid;

	NEED(pipe(fds) == 0);
	pid = fork();
	if (pid == 0) {
		close(fds[0]);
		for (long sent = 0; sent < count * 4096; sent += (long)sizeof(piece))
			if (write(fds[1], piece, sizeof(piece)) != (ssize_t)sizeof(piece))
				_exit(1);
		_exit(0);
	}
	close(fds[1]);
	while (left > 0) {
		ssize_t got = read(fds[0], piece, sizeof(piece));

		NEED(got > 0);
		left -= got;
	}
	close(fds[0]);
	waitpid(pid, NULL, 0);
}

/* The same two over a UNIX socket: of the type, to and fro. */
static void socket_latency(long count, long type)
{
	int fds[2];

	NEED(socketpair(AF_UNIX, (int)type, 0, fds) == 0);
	words_there_and_back(fds, count);
}

static void socket_bandwidth(long count, long argument UNUSED)
{
	int fds[2];

	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	stream_from_child(fds, count);
}

static long futex(int *word, int operation, int value)
{
	return syscall(SYS_futex, word, operation, value, NULL, NULL, 0);
}

/* Two processes hand a word to and fro; whoever has nothing to do sleeps on it. */
static void futex_latency(long count, long argument UNUSED)
{
	int *word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	NEED(word != MAP_FAILED);
	pid = fork();
	for (long i = 0; i < count; i++) {
		int mine = pid == 0, theirs = !mine;

		while (__atomic_load_n(word, __ATOMIC_SEQ_CST) != mine)
			futex(word, FUTEX_WAIT, theirs);
		__atomic_store_n(word, theirs, __ATOMIC_SEQ_CST);
		futex(word, FUTEX_WAKE, 1);
	}
	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	munmap(word, 4096);
}

/* A wake-up that finds nobody: what every unlock of a contended mutex may cost. */
static void futex_wake(long count, long argument UNUSED)
{
	static int word;

	while (count--)
		NEED(futex(&word, FUTEX_WAKE_PRIVATE, 1) == 0);
}

/* Two processes and two System V semaphores: each takes its own and gives the other's. */
static void semaphore_latency(long count, long argument UNUSED)
{
	int id = semget(IPC_PRIVATE, 2, 0600);
	pid_t pid;

	NEED(id >= 0 && semctl(id, 0, SETVAL, 1) == 0);
	pid = fork();
	for (long i = 0; i < count; i++) {
		unsigned short mine = pid == 0;
		struct sembuf take = { mine, -1, 0 }, give = { !mine, 1, 0 };

		NEED(semop(id, &take, 1) == 0 && semop(id, &give, 1) == 0);
	}
	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	semctl(id, 0, IPC_RMID);
}

static const struct row rows[] = {
	{ "pipe-latency", pipe_latency, 2000, 0 },   { "pipe-4k", pipe_bandwidth, 4096, 0 },
	{ "socket-latency", socket_latency, 2000, SOCK_STREAM }, { "datagram-latency", socket_latency, 2000, SOCK_DGRAM },
	{ "socket-4k", socket_bandwidth, 4096, 0 },
	{ "futex-latency", futex_latency, 2000, 0 }, { "futex-wake", futex_wake, 20000, 0 },
	{ "semaphore-latency", semaphore_latency, 2000, 0 },
};

int main(int argc, char **argv)
{
	return run_rows(rows, COUNT(rows), argc, argv);
}
