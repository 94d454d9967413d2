/* stage: 09; libc: musl; run: guest+golden
 * futex_waitv(2): what it refuses and in which order, wake-ups of one of many words, the index that it gives, values, timeouts on both clocks, signals,
 * words shared between processes, and a wake-up that moves waiters to another word. */
#include "t.h"

#include <pthread.h>
#include "linux_futex.h"

#define FUTEX_32 2
#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

struct waitv {
	uint64_t value, word;
	uint32_t flags, reserved;
};

static uint32_t words[256];
static struct waitv all[256];
static uint32_t *shared;

static long waitv(struct waitv *w, unsigned n, unsigned flags, struct timespec *until, int clock)
{
	return syscall(SYS_futex_waitv, w, n, flags, until, clock);
}

static long wake(uint32_t *word, int n, int private)
{
	return syscall(SYS_futex, word, FUTEX_WAKE | private, n, NULL, NULL, 0);
}

static void fill(unsigned n, uint32_t flags)
{
	for (unsigned i = 0; i < n; i++)
		all[i] = (struct waitv){ words[i], (uint64_t)(uintptr_t)&words[i], flags, 0 };
}

static void refused(void)
{
	struct timespec soon = { 0, 1 }, bad = { 0, 1000000000 }, negative = { -1, 0 };
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(page + 4096, 4096);
	fill(2, FUTEX_32 | FUTEX_PRIVATE_FLAG);
	R(waitv(all, 2, 1, &soon, CLOCK_MONOTONIC));
	R(waitv(all, 0, 0, &soon, CLOCK_MONOTONIC));
	R(waitv(all, 129, 0, &soon, CLOCK_MONOTONIC));
	R(waitv(NULL, 1, 0, &soon, CLOCK_MONOTONIC));
	R(waitv((void *)1, 1, 0, &soon, CLOCK_MONOTONIC));
	R(waitv((void *)(page + 4096 - 24), 2, 0, &soon, CLOCK_MONOTONIC));
	R(waitv(all, 2, 0, (void *)1, CLOCK_MONOTONIC));
	R(waitv(all, 2, 0, &bad, CLOCK_MONOTONIC));
	R(waitv(all, 2, 0, &negative, CLOCK_MONOTONIC));
	R(waitv(all, 2, 0, &soon, CLOCK_BOOTTIME));
	R(waitv(all, 2, 0, &soon, -1));
	R(waitv(all, 129, 0, (void *)1, 77));
	all[1].flags = FUTEX_PRIVATE_FLAG;
	R(waitv(all, 2, 0, &soon, CLOCK_MONOTONIC));
	all[1].flags = FUTEX_32 | 0x100;
	R(waitv(all, 2, 0, &soon, CLOCK_MONOTONIC));
	all[1].flags = FUTEX_32;
	all[1].reserved = 1;
	R(waitv(all, 2, 0, &soon, CLOCK_MONOTONIC));
	all[1].reserved = 0;
	all[1].word = 0;
	R(waitv(all, 2, 0, &soon, CLOCK_MONOTONIC));
	all[1].word = 2;
	R(waitv(all, 2, 0, &soon, CLOCK_MONOTONIC));
	all[1].word = 0x800000000000;
	R(waitv(all, 2, 0, &soon, CLOCK_MONOTONIC));
	all[1].word = (uint64_t)(uintptr_t)(page + 4096);
	all[1].flags = FUTEX_32 | FUTEX_PRIVATE_FLAG;
	R(waitv(all, 2, 0, &soon, CLOCK_MONOTONIC));
	all[0].value = 1;
	R(waitv(all, 2, 0, &soon, CLOCK_MONOTONIC));
	fill(2, FUTEX_32 | FUTEX_PRIVATE_FLAG);
	all[1].value = 1;
	R(waitv(all, 2, 0, NULL, 77));
	all[1].value = 0x100000000;
	R(waitv(all, 2, 0, &soon, CLOCK_MONOTONIC));
	fill(128, FUTEX_32 | FUTEX_PRIVATE_FLAG);
	R(waitv(all, 128, 0, &soon, CLOCK_REALTIME));
	R(waitv(all, 128, 0, &soon, CLOCK_MONOTONIC));
	/* A page that was not touched yet is read as zero. */
	fill(1, FUTEX_32 | FUTEX_PRIVATE_FLAG);
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	all[0].word = (uint64_t)(uintptr_t)page;
	R(waitv(all, 1, 0, &soon, CLOCK_MONOTONIC));
	page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	all[0].word = (uint64_t)(uintptr_t)page;
	R(waitv(all, 1, 0, &soon, CLOCK_MONOTONIC));
}

static struct waiting {
	unsigned n;
	uint32_t flags;
	long result;
	int error;
} waiting;

static void *waiter(void *arg)
{
	struct waiting *w = arg;

	w->result = waitv(all, w->n, 0, NULL, 0);
	w->error = errno;
	return NULL;
}

/* Until so many sleep on a word: woken by nobody, but moved onto itself. */
static void until_sleeping(uint32_t *word, int private)
{
	while (syscall(SYS_futex, word, FUTEX_REQUEUE | private, 0, INT_MAX, word, 0) < 1)
		usleep(1000);
}

static void one_of(unsigned n, unsigned which, uint32_t flags)
{
	int private = flags & FUTEX_PRIVATE_FLAG;
	pthread_t t;

	fill(n, flags);
	waiting = (struct waiting){ .n = n };
	NEED(pthread_create(&t, NULL, waiter, &waiting) == 0);
	until_sleeping(&words[which], private);
	R(wake(&words[which], 1, private));
	pthread_join(t, NULL);
	V(waiting.result);
	R(wake(&words[0], 1, private));
	R(wake(&words[n - 1], 1, private));
}

static void moved(void)
{
	static uint32_t target;
	pthread_t t;

	fill(3, FUTEX_32 | FUTEX_PRIVATE_FLAG);
	waiting = (struct waiting){ .n = 3 };
	NEED(pthread_create(&t, NULL, waiter, &waiting) == 0);
	until_sleeping(&words[1], FUTEX_PRIVATE_FLAG);
	R(syscall(SYS_futex, &words[1], FUTEX_REQUEUE | FUTEX_PRIVATE_FLAG, 0, INT_MAX, &target, 0));
	R(wake(&words[1], 1, FUTEX_PRIVATE_FLAG));
	R(wake(&target, 1, FUTEX_PRIVATE_FLAG));
	pthread_join(t, NULL);
	V(waiting.result);
	R(wake(&target, 1, FUTEX_PRIVATE_FLAG));
}

/* The same word more than once: each waits for itself. */
static void twice(void)
{
	pthread_t t;

	fill(3, FUTEX_32 | FUTEX_PRIVATE_FLAG);
	all[2].word = all[0].word;
	waiting = (struct waiting){ .n = 3 };
	NEED(pthread_create(&t, NULL, waiter, &waiting) == 0);
	until_sleeping(&words[1], FUTEX_PRIVATE_FLAG);
	R(wake(&words[1], 1, FUTEX_PRIVATE_FLAG));
	pthread_join(t, NULL);
	V(waiting.result);
	R(wake(&words[0], 9, FUTEX_PRIVATE_FLAG));
}

static volatile sig_atomic_t ticks;

static void tick(int sig)
{
	(void)sig;
	ticks++;
}

static void *wake_after_ticks(void *arg)
{
	(void)arg;
	while (ticks < 3 || wake(&words[1], 1, FUTEX_PRIVATE_FLAG) < 1)
		usleep(1000);
	return NULL;
}

/* A signal ends the wait, unless its handler restarts calls: then the wait outlasts any number of them. */
static void signals(int flags)
{
	struct sigaction a = { .sa_handler = tick, .sa_flags = flags };
	struct itimerval every = { { 0, 20000 }, { 0, 20000 } }, off = { { 0, 0 }, { 0, 0 } };
	pthread_t t;

	ticks = 0;
	sigaction(SIGALRM, &a, NULL);
	fill(2, FUTEX_32 | FUTEX_PRIVATE_FLAG);
	if (flags) {
		sigset_t alarm;

		sigemptyset(&alarm);
		sigaddset(&alarm, SIGALRM);
		pthread_sigmask(SIG_BLOCK, &alarm, NULL);
		NEED(pthread_create(&t, NULL, wake_after_ticks, NULL) == 0);
		pthread_sigmask(SIG_UNBLOCK, &alarm, NULL);
	}
	setitimer(ITIMER_REAL, &every, NULL);
	R(waitv(all, 2, 0, NULL, 0));
	setitimer(ITIMER_REAL, &off, NULL);
	if (flags)
		pthread_join(t, NULL);
}

static void processes(void)
{
	int status;
	pid_t pid;

	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid = fork();
	if (pid == 0) {
		fill(2, FUTEX_32 | FUTEX_PRIVATE_FLAG);
		all[1] = (struct waitv){ 0, (uint64_t)(uintptr_t)&shared[5], FUTEX_32, 0 };
		_exit((int)waitv(all, 2, 0, NULL, 0));
	}
	while (wake(&shared[5], 1, 0) != 1)
		usleep(1000);
	waitpid(pid, &status, 0);
	V(WEXITSTATUS(status));
	/* One that is killed stands in no queue any more. */
	pid = fork();
	if (pid == 0) {
		fill(1, FUTEX_32);
		all[0] = (struct waitv){ 0, (uint64_t)(uintptr_t)&shared[6], FUTEX_32, 0 };
		waitv(all, 1, 0, NULL, 0);
		_exit(1);
	}
	until_sleeping(&shared[6], 0);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	T(WIFSIGNALED(status));
	R(wake(&shared[6], 1, 0));
}

/* Many rounds of two threads that wake each other by any of a few words: nothing is lost. */
static uint32_t turn[4];
static unsigned rounds;

static void *answerer(void *arg)
{
	struct waitv w[4];

	(void)arg;
	for (unsigned r = 0; r < rounds; r++) {
		unsigned k = r % 4;
		while (__atomic_load_n(&turn[k], __ATOMIC_SEQ_CST) != r + 1) {
			for (unsigned i = 0; i < 4; i++)
				w[i] = (struct waitv){ __atomic_load_n(&turn[i], __ATOMIC_SEQ_CST), (uint64_t)(uintptr_t)&turn[i], FUTEX_32 | FUTEX_PRIVATE_FLAG, 0 };
			if (w[k].value != r + 1)
				waitv(w, 4, 0, NULL, 0);
		}
		__atomic_store_n(&words[200], r + 1, __ATOMIC_SEQ_CST);
		wake(&words[200], 1, FUTEX_PRIVATE_FLAG);
	}
	return NULL;
}

static void many_rounds(unsigned n)
{
	pthread_t t;

	rounds = n;
	NEED(pthread_create(&t, NULL, answerer, NULL) == 0);
	for (unsigned r = 0; r < n; r++) {
		uint32_t seen;
		__atomic_store_n(&turn[r % 4], r + 1, __ATOMIC_SEQ_CST);
		wake(&turn[r % 4], 1, FUTEX_PRIVATE_FLAG);
		while ((seen = __atomic_load_n(&words[200], __ATOMIC_SEQ_CST)) != r + 1)
			syscall(SYS_futex, &words[200], FUTEX_WAIT | FUTEX_PRIVATE_FLAG, seen, NULL, NULL, 0);
	}
	pthread_join(t, NULL);
	say("rounds done\n");
}

int main(void)
{
	refused();
	one_of(1, 0, FUTEX_32 | FUTEX_PRIVATE_FLAG);
	one_of(3, 1, FUTEX_32 | FUTEX_PRIVATE_FLAG);
	one_of(128, 127, FUTEX_32 | FUTEX_PRIVATE_FLAG);
	one_of(128, 0, FUTEX_32);
	one_of(7, 3, FUTEX_32);
	moved();
	twice();
	signals(0);
	signals(SA_RESTART);
	processes();
	many_rounds(3000);
	return 0;
}
