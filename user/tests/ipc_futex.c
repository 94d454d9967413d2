/* stage: 09; libc: musl; run: host+guest
 * futex by hand, between processes and threads: wait, wake, requeue, bitsets, timeouts, errnos. */
#include "t.h"
#include "linux_futex.h"

static int *word, *other;

static long futex(int *uaddr, int op, int val, const struct timespec *timeout, int *uaddr2, int val3)
{
	return SYS(futex, uaddr, op, val, timeout, uaddr2, val3);
}

/* Waits until n sleep at word: moving all of them to where they are tells how many. */
static void settle(int n)
{
	for (int i = 0; i < 2000 && futex(word, FUTEX_REQUEUE, 0, (void *)1000L, word, 0) != n; i++)
		nap(5);
}

static pid_t waiter(int op, int val3, int code)
{
	pid_t pid = fork();

	if (pid == 0) {
		long r = futex(word, op, 0, NULL, NULL, val3);

		_exit(r == 0 ? code : 100 + errno);
	}
	return pid;
}

int main(void)
{
	struct timespec ts, now;
	pid_t pids[4];
	int status, ended;

	word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	other = word + 16;
	NEED(word != MAP_FAILED);

	R(futex(word, FUTEX_WAKE, 1, NULL, NULL, 0));
	*word = 1;
	R(futex(word, FUTEX_WAIT, 0, NULL, NULL, 0));
	*word = 0;
	ts = (struct timespec){ 0, 20000000 };
	R(futex(word, FUTEX_WAIT, 0, &ts, NULL, 0));
	ts = (struct timespec){ 0, 1000000000 };
	R(futex(word, FUTEX_WAIT, 0, &ts, NULL, 0));
	ts = (struct timespec){ -1, 0 };
	R(futex(word, FUTEX_WAIT, 0, &ts, NULL, 0));
	R(futex((int *)8, FUTEX_WAIT, 0, NULL, NULL, 0));
	R(futex((int *)((char *)word + 1), FUTEX_WAIT, 0, NULL, NULL, 0));
	R(futex((int *)((char *)word + 1), FUTEX_WAKE, 0, NULL, NULL, 0));
	R(futex((int *)0xffffffff80000000, FUTEX_WAIT, 0, NULL, NULL, 0));
	R(futex(word, 99, 0, NULL, NULL, 0));
	R(futex(word, FUTEX_WAIT_BITSET, 0, NULL, NULL, 0));
	clock_gettime(CLOCK_MONOTONIC, &now);
	R(futex(word, FUTEX_WAIT_BITSET, 0, &now, NULL, -1));
	clock_gettime(CLOCK_REALTIME, &now);
	now.tv_sec--;
	R(futex(word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &now, NULL, -1));

	/* Shared between processes. */
	for (int i = 0; i < 4; i++)
		pids[i] = waiter(FUTEX_WAIT, 0, i + 1);
	settle(4);
	R(futex(word, FUTEX_WAKE, 1, NULL, NULL, 0));
	NEED(wait(&status) > 0);
	T(WIFEXITED(status) && WEXITSTATUS(status) <= 4);
	R(futex(word, FUTEX_WAKE, 100, NULL, NULL, 0));
	for (ended = 0; wait(&status) > 0; ended++)
		T(WIFEXITED(status) && WEXITSTATUS(status) <= 4);
	V(ended);

	/* A private futex in shared memory is another one. */
	pids[0] = waiter(FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 0, 1);
	nap(60);
	R(futex(word, FUTEX_WAKE, 100, NULL, NULL, 0));
	kill(pids[0], SIGKILL);
	reap("private", pids[0]);

	/* Bitsets. */
	pids[0] = waiter(FUTEX_WAIT_BITSET, 1, 11);
	pids[1] = waiter(FUTEX_WAIT_BITSET, 2, 12);
	settle(2);
	R(futex(word, FUTEX_WAKE_BITSET, 100, NULL, NULL, 4));
	R(futex(word, FUTEX_WAKE_BITSET, 100, NULL, NULL, 2));
	reap("second", pids[1]);
	R(futex(word, FUTEX_WAKE_BITSET, 100, NULL, NULL, 3));
	reap("first", pids[0]);
	R(futex(word, FUTEX_WAKE_BITSET, 100, NULL, NULL, 0));

	/* Requeue: one wakes, the others move. */
	for (int i = 0; i < 4; i++)
		pids[i] = waiter(FUTEX_WAIT, 0, 20);
	settle(4);
	R(SYS(futex, word, FUTEX_CMP_REQUEUE, 1, 2L, other, 5));
	R(SYS(futex, word, FUTEX_CMP_REQUEUE, 1, 2L, other, 0));
	R(futex(word, FUTEX_WAKE, 100, NULL, NULL, 0));
	R(futex(other, FUTEX_WAKE, 100, NULL, NULL, 0));
	for (ended = 0; wait(&status) > 0; ended++)
		T(WIFEXITED(status) && WEXITSTATUS(status) == 20);
	V(ended);
	for (int i = 0; i < 3; i++)
		pids[i] = waiter(FUTEX_WAIT, 0, 21);
	settle(3);
	R(SYS(futex, word, FUTEX_REQUEUE, 0, 100L, other, 0));
	R(futex(other, FUTEX_WAKE, 2, NULL, NULL, 0));
	R(futex(other, FUTEX_WAKE, 2, NULL, NULL, 0));
	while (wait(NULL) > 0)
		;
	/* An operation that there is not, before a pointer that is bad. */
	R(SYS(futex, word, FUTEX_WAKE_OP | FUTEX_PRIVATE_FLAG, 1, 1L, 8L, 0x61000000));
	R(SYS(futex, word, FUTEX_WAKE_OP | FUTEX_PRIVATE_FLAG, 1, 1L, 8L, 0x01000000));
	R(SYS(futex, word, FUTEX_CMP_REQUEUE_PI | FUTEX_PRIVATE_FLAG, 1, 1L, 8L, *word));
	R(SYS(futex, 0L, FUTEX_WAIT_REQUEUE_PI, 1, NULL, 2L, 0));
	/* WAKE_OP: change the second word, wake by what it was. */
	*other = 5;
	R(SYS(futex, word, FUTEX_WAKE_OP, 1, 1L, other, FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_EQ, 5)));
	V(*other);
	/* A signal. */
	pids[0] = fork();
	if (pids[0] == 0) {
		nap(50);
		kill(getppid(), SIGUSR1);
		_exit(0);
	}
	signal(SIGUSR1, SIG_IGN);
	ts = (struct timespec){ 0, 150000000 };
	R(futex(word, FUTEX_WAIT, 0, &ts, NULL, 0));
	waitpid(pids[0], NULL, 0);
	R(SYS(set_robust_list, NULL, 1));
	return 0;
}
