/* stage: 08; libc: musl; run: host+guest
 * timer_create that ends in an error: no other thread finds the timer meanwhile, whatever number it guesses. */
#include "t.h"
#include <pthread.h>

#define ROUNDS 3000

static _Atomic int next, done, found;

static void *guess(void *arg)
{
	while (!done)
		found += syscall(SYS_timer_delete, next) == 0;
	return arg;
}

/* The memory's lock is busy: whoever faults waits. */
static void *keep_busy(void *arg)
{
	while (!done) {
		void *p = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

		munmap(p, 65536);
	}
	return arg;
}

int main(void)
{
	struct sigevent event = { .sigev_notify = SIGEV_NONE };
	void *nowhere = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t threads[2];
	int id = 0, others = 0;

	R(syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id));
	R(syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, nowhere));
	next = id + 2;
	pthread_create(&threads[0], NULL, guess, NULL);
	pthread_create(&threads[1], NULL, keep_busy, NULL);
	for (int i = 0; i < ROUNDS; i++) {
		others += syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, nowhere) != -1 || errno != EFAULT;
		next++;
	}
	done = 1;
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	V(others);
	V(found);
	R(syscall(SYS_timer_delete, id));
	return 0;
}
