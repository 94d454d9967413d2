/* stage: 09; libc: musl; run: host+guest
 * Threads: mutexes, conditions, barriers, TLS, join, cancellation, signals to one, exit of all, fork and exec from one. */
#include "t.h"
#include <pthread.h>
#include <semaphore.h>

enum { THREADS = 8, ROUNDS = 2000 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static long counter, turns;
static __thread int own = 5;
static volatile int hits;
static pthread_t target;

static void *count(void *arg)
{
	own = (int)(intptr_t)arg;
	for (int i = 0; i < ROUNDS; i++) {
		pthread_mutex_lock(&mutex);
		counter++;
		pthread_mutex_unlock(&mutex);
	}
	pthread_barrier_wait(&barrier);
	return (void *)(intptr_t)own;
}

static void *turn(void *arg)
{
	long me = (long)(intptr_t)arg;

	for (int i = 0; i < 50; i++) {
		pthread_mutex_lock(&mutex);
		while (turns % THREADS != me)
			pthread_cond_wait(&cond, &mutex);
		turns++;
		pthread_cond_broadcast(&cond);
		pthread_mutex_unlock(&mutex);
	}
	return NULL;
}

static void cleanup(void *arg)
{
	say("cleaned up %s\n", (char *)arg);
}

static void *cancelled(void *arg)
{
	(void)arg;
	pthread_cleanup_push(cleanup, "a sleeper");
	for (;;)
		pause();
	pthread_cleanup_pop(0);
	return NULL;
}

static void on_signal(int sig)
{
	(void)sig;
	if (pthread_equal(pthread_self(), target))
		hits++;
}

static void *wait_signal(void *arg)
{
	sem_t *ready = arg;

	sem_post(ready);
	while (!hits)
		nap(5);
	return NULL;
}

static void *leave(void *arg)
{
	(void)arg;
	nap(20);
	_exit(17);
}

static void *forker(void *arg)
{
	(void)arg;
	IN_CHILD("forked by a thread") {
		T(gettid() == getpid());
		V(own);
	}
	return NULL;
}

static void *die(void *arg)
{
	(void)arg;
	*(volatile int *)8 = 1;
	return NULL;
}

int main(void)
{
	pthread_t threads[THREADS];
	struct timespec ts;
	void *result;
	long sum = 0;
	sem_t ready;

	pthread_barrier_init(&barrier, NULL, THREADS);
	for (long i = 0; i < THREADS; i++)
		NEED(pthread_create(&threads[i], NULL, count, (void *)(i + 1)) == 0);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &result);
		sum += (long)result;
	}
	V(counter);
	V(sum);
	V(own);
	for (long i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, turn, (void *)i);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	V(turns);

	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_nsec += 30000000;
	ts.tv_sec += ts.tv_nsec / 1000000000;
	ts.tv_nsec %= 1000000000;
	pthread_mutex_lock(&mutex);
	say("timed wait: %s\n", errname(pthread_cond_timedwait(&cond, &mutex, &ts)));
	pthread_mutex_unlock(&mutex);

	pthread_create(&threads[0], NULL, cancelled, NULL);
	nap(20);
	pthread_cancel(threads[0]);
	pthread_join(threads[0], &result);
	T(result == PTHREAD_CANCELED);

	catch(SIGUSR1, on_signal, 0);
	sem_init(&ready, 0, 0);
	pthread_create(&target, NULL, wait_signal, &ready);
	sem_wait(&ready);
	pthread_kill(target, SIGUSR1);
	pthread_join(target, NULL);
	V(hits);

	pthread_create(&threads[0], NULL, forker, NULL);
	pthread_join(threads[0], NULL);

	IN_CHILD("exit from a thread ends all") {
		pthread_create(&threads[0], NULL, leave, NULL);
		for (;;)
			pause();
	}
	IN_CHILD("a fault in a thread kills all") {
		pthread_create(&threads[0], NULL, die, NULL);
		for (;;)
			pause();
	}
	IN_CHILD("the main thread leaves first") {
		pthread_create(&threads[0], NULL, leave, NULL);
		pthread_exit(NULL);
	}
	IN_CHILD("killed from outside, with threads") {
		for (int i = 0; i < 4; i++)
			pthread_create(&threads[i], NULL, cancelled, NULL);
		kill(getpid(), SIGKILL);
	}
	/* A thousand short ones. */
	for (int i = 0; i < 1000; i++) {
		NEED(pthread_create(&threads[0], NULL, (void *(*)(void *))(uintptr_t)pthread_self, NULL) == 0);
		pthread_join(threads[0], NULL);
	}
	say("a thousand threads came and went\n");
	return 0;
}
