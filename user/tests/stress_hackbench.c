/* stage: 09; libc: musl; run: host+guest; memory: 512 MiB
 * The load of hackbench: groups of 20 senders and 20 receivers, each sender to each receiver, all at once. Every message must arrive, whole; and all must end. */
#include "t.h"

#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

#define EACH 20  /* senders of a group, and receivers */
#define SIZE 100

static int loops = 1;
static int ready_pipe[2], go_pipe[2];

struct member {
	int fds[EACH]; /* sender: its way to each receiver. receiver: fds[0] */
	int sends;
};

/* Everybody says that it is there, and starts when all are. */
static void wait_for_all(void)
{
	struct pollfd go = { go_pipe[0], POLLIN, 0 };

	NEED(write(ready_pipe[1], "r", 1) == 1);
	while (poll(&go, 1, -1) != 1)
		NEED(errno == EINTR);
}

static void send_all(const struct member *m)
{
	char data[SIZE];

	for (int loop = 0; loop < loops; loop++)
		for (int to = 0; to < EACH; to++) {
			memset(data, 'a' + (loop + to) % 20, sizeof(data));
			for (size_t done = 0; done < sizeof(data);) {
				ssize_t n = write(m->fds[to], data + done, sizeof(data) - done);
				NEED(n > 0);
				done += (size_t)n;
			}
		}
}

/* All messages are equal within, so a mixture shows. */
static void receive_all(const struct member *m)
{
	char data[SIZE];

	for (int message = 0; message < loops * EACH; message++) {
		for (size_t done = 0; done < sizeof(data);) {
			ssize_t n = read(m->fds[0], data + done, sizeof(data) - done);
			NEED(n > 0);
			done += (size_t)n;
		}
		for (int i = 1; i < SIZE; i++)
			NEED(data[i] == data[0]);
	}
}

static void *member_main(void *arg)
{
	const struct member *m = arg;

	wait_for_all();
	if (m->sends)
		send_all(m);
	else
		receive_all(m);
	return NULL;
}

static struct member members[2 * EACH * 32];
static pid_t pids[2 * EACH * 32];
static pthread_t threads[2 * EACH * 32];

static void start(int i, int as_threads)
{
	if (as_threads) {
		pthread_attr_t attr;
		pthread_attr_init(&attr);
		pthread_attr_setstacksize(&attr, 32768);
		NEED(pthread_create(&threads[i], &attr, member_main, &members[i]) == 0);
		return;
	}
	pids[i] = fork();
	NEED(pids[i] >= 0);
	if (!pids[i]) {
		member_main(&members[i]);
		_exit(0);
	}
}

static void run(int groups, int pipes, int as_threads)
{
	int count = groups * 2 * EACH, bad = 0, status;
	char c;

	NEED(pipe(ready_pipe) == 0 && pipe(go_pipe) == 0);
	for (int g = 0; g < groups; g++) {
		struct member *senders = &members[g * 2 * EACH], *receivers = senders + EACH;
		int ends[EACH];

		for (int i = 0; i < EACH; i++) {
			int pair[2];
			NEED((pipes ? pipe(pair) : socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) == 0);
			receivers[i] = (struct member){ .fds = { pair[0] } };
			ends[i] = pair[1];
		}
		for (int i = 0; i < EACH; i++) {
			senders[i].sends = 1;
			memcpy(senders[i].fds, ends, sizeof(ends));
		}
		for (int i = 0; i < 2 * EACH; i++)
			start(g * 2 * EACH + i, as_threads);
		for (int i = 0; i < EACH && !as_threads; i++) {
			close(ends[i]);
			close(receivers[i].fds[0]);
		}
	}
	for (int i = 0; i < count; i++)
		NEED(read(ready_pipe[0], &c, 1) == 1);
	NEED(write(go_pipe[1], "g", 1) == 1);
	for (int i = 0; i < count; i++) {
		if (as_threads) {
			NEED(pthread_join(threads[i], NULL) == 0);
			continue;
		}
		NEED(waitpid(pids[i], &status, 0) == pids[i]);
		bad += status != 0;
	}
	for (int i = 0; i < count && as_threads; i++)
		if (!members[i].sends) {
			close(members[i].fds[0]);
			close(members[i - EACH].fds[i % (2 * EACH) - EACH]);
		}
	close(ready_pipe[0]);
	close(ready_pipe[1]);
	close(go_pipe[0]);
	close(go_pipe[1]);
	say("%d groups of %s over %s: %d failed\n", groups, as_threads ? "threads" : "processes", pipes ? "pipes" : "sockets", bad);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		loops = atoi(argv[1]);
	run(8, 0, 0);
	run(8, 1, 0);
	run(8, 0, 1);
	run(8, 1, 1);
	run(16, 0, 0);
	run(32, 0, 0);
	return 0;
}
