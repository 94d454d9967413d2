/* What a C library's threads stand on, with eight of them: mutexes of every kind, conditions, barriers, read-write locks, cancellation, TLS. A whole program, that
 * is compiled for two C libraries (thread_sync.c, thread_sync_glibc.c): their locks use different futex operations. */
#ifndef SWITCHBACK_TESTS_THREAD_SYNC_H
#define SWITCHBACK_TESTS_THREAD_SYNC_H

#include "t.h"
#include <pthread.h>
#include <semaphore.h>

enum { THREADS = 8, ROUNDS = 160 };

static pthread_t threads[THREADS];

static void all(void *(*fn)(void *))
{
	for (long i = 0; i < THREADS; i++)
		NEED(pthread_create(&threads[i], NULL, fn, (void *)i) == 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

/* --- mutexes ---- */

struct shared {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	pthread_rwlock_t rwlock;
	pthread_barrier_t barrier;
	long counter, readers, writers, wrong;
};
static struct shared *sh;

static void *count(void *arg)
{
	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		pthread_mutex_lock(&sh->mutex);
		long was = sh->counter;
		if (i % 16 == 0)
			sched_yield();
		sh->counter = was + 1;
		pthread_mutex_unlock(&sh->mutex);
	}
	return NULL;
}

static void mutex_of(const char *name, int type, int protocol, int robust, int shared)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, type);
	NEED(pthread_mutexattr_setprotocol(&attr, protocol) == 0);
	pthread_mutexattr_setrobust(&attr, robust);
	pthread_mutexattr_setpshared(&attr, shared);
	NEED(pthread_mutex_init(&sh->mutex, &attr) == 0);
	sh->counter = 0;
	all(count);
	say("%s: %ld\n", name, sh->counter);
	if (shared == PTHREAD_PROCESS_SHARED) {
		sh->counter = 0;
		for (int i = 0; i < 4; i++)
			if (fork() == 0) {
				count(NULL);
				_exit(0);
			}
		while (wait(NULL) > 0)
			;
		say("%s between processes: %ld\n", name, sh->counter);
	}
}

static void *try_wrong(void *arg)
{
	(void)arg;
	say("another: trylock %s, unlock %s\n", errname(pthread_mutex_trylock(&sh->mutex)), errname(pthread_mutex_unlock(&sh->mutex)));
	return NULL;
}

static void *die_with(void *arg)
{
	pthread_mutex_lock(&sh->mutex);
	if (arg)
		nap(60);
	return NULL;
}

static void mutex_rules(const char *name, int protocol)
{
	pthread_mutexattr_t attr;
	struct timespec ts;
	pthread_t t;
	pid_t pid;

	say("rules, %s\n", name);
	pthread_mutexattr_init(&attr);
	NEED(pthread_mutexattr_setprotocol(&attr, protocol) == 0);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutex_init(&sh->mutex, &attr);
	say("error checking: %s", errname(pthread_mutex_lock(&sh->mutex)));
	say(" %s", errname(pthread_mutex_lock(&sh->mutex)));
	say(" %s", errname(pthread_mutex_unlock(&sh->mutex)));
	say(" %s\n", errname(pthread_mutex_unlock(&sh->mutex)));
	pthread_mutex_lock(&sh->mutex);
	pthread_create(&t, NULL, try_wrong, NULL);
	pthread_join(t, NULL);
	pthread_mutex_unlock(&sh->mutex);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&sh->mutex, &attr);
	pthread_mutex_lock(&sh->mutex);
	say("recursive: %s", errname(pthread_mutex_lock(&sh->mutex)));
	say(" %s", errname(pthread_mutex_unlock(&sh->mutex)));
	say(" %s", errname(pthread_mutex_unlock(&sh->mutex)));
	say(" %s\n", errname(pthread_mutex_unlock(&sh->mutex)));
	/* Robust: the next one learns that the owner ended, thread or process, before and while somebody waits. */
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_NORMAL);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	for (long waits = 0; waits < 2; waits++) {
		pthread_mutex_init(&sh->mutex, &attr);
		pthread_create(&t, NULL, die_with, (void *)waits);
		nap(30);
		say("thread ended: %s", errname(pthread_mutex_lock(&sh->mutex)));
		say(" %s", errname(pthread_mutex_consistent(&sh->mutex)));
		say(" %s", errname(pthread_mutex_unlock(&sh->mutex)));
		say(" %s\n", errname(pthread_mutex_lock(&sh->mutex)));
		pthread_mutex_unlock(&sh->mutex);
		pthread_join(t, NULL);
		pthread_mutex_init(&sh->mutex, &attr);
		if ((pid = fork()) == 0) {
			die_with((void *)waits);
			if (waits)
				kill(getpid(), SIGKILL);
			_exit(0);
		}
		nap(30);
		say("process ended: %s", errname(pthread_mutex_lock(&sh->mutex)));
		say(" %s\n", errname(pthread_mutex_unlock(&sh->mutex)));
		reap("it", pid);
		say("given up: %s\n", errname(pthread_mutex_lock(&sh->mutex)));
	}
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_STALLED);
	pthread_mutex_init(&sh->mutex, &attr);
	pthread_mutex_lock(&sh->mutex);
	IN_CHILD("another process") {
		clock_gettime(CLOCK_REALTIME, &ts);
		ts.tv_nsec += 40000000;
		ts.tv_sec += ts.tv_nsec / 1000000000;
		ts.tv_nsec %= 1000000000;
		say("timed: %s\n", errname(pthread_mutex_timedlock(&sh->mutex, &ts)));
		say("try: %s\n", errname(pthread_mutex_trylock(&sh->mutex)));
	}
	say("mine: %s\n", errname(pthread_mutex_unlock(&sh->mutex)));
}

/* --- conditions, barriers, read-write locks ---- */

static void *turns(void *arg)
{
	long me = (long)(intptr_t)arg;

	for (int i = 0; i < 15; i++) {
		pthread_mutex_lock(&sh->mutex);
		while (sh->counter % THREADS != me)
			pthread_cond_wait(&sh->cond, &sh->mutex);
		sh->counter++;
		pthread_cond_broadcast(&sh->cond);
		pthread_mutex_unlock(&sh->mutex);
	}
	return NULL;
}

/* Producers and consumers: every signal wakes one who finds something. */
static void *pass(void *arg)
{
	long me = (long)(intptr_t)arg;

	for (int i = 0; i < ROUNDS; i++) {
		pthread_mutex_lock(&sh->mutex);
		if (me % 2) {
			sh->counter++;
			pthread_cond_signal(&sh->cond);
		} else {
			while (!sh->counter)
				pthread_cond_wait(&sh->cond, &sh->mutex);
			sh->counter--;
		}
		pthread_mutex_unlock(&sh->mutex);
	}
	return NULL;
}

static void conditions(const char *name, int protocol)
{
	pthread_mutexattr_t attr;
	pthread_condattr_t cattr;
	struct timespec ts;

	pthread_mutexattr_init(&attr);
	NEED(pthread_mutexattr_setprotocol(&attr, protocol) == 0);
	pthread_mutex_init(&sh->mutex, &attr);
	pthread_condattr_init(&cattr);
	pthread_condattr_setclock(&cattr, CLOCK_MONOTONIC);
	pthread_cond_init(&sh->cond, &cattr);
	sh->counter = 0;
	all(turns);
	say("conditions, %s: %ld turns\n", name, sh->counter);
	sh->counter = 0;
	all(pass);
	say("passed, %ld left\n", sh->counter);
	pthread_mutex_lock(&sh->mutex);
	clock_gettime(CLOCK_MONOTONIC, &ts);
	say("timed: %s\n", errname(pthread_cond_timedwait(&sh->cond, &sh->mutex, &ts)));
	ts.tv_nsec = 1000000000;
	say("bad time: %s\n", errname(pthread_cond_timedwait(&sh->cond, &sh->mutex, &ts)));
	pthread_mutex_unlock(&sh->mutex);
}

static long phase[THREADS];
static int serial;

static void *barriers(void *arg)
{
	long me = (long)(intptr_t)arg;

	for (int i = 0; i < 40; i++) {
		__atomic_store_n(&phase[me], i, __ATOMIC_RELAXED);
		if (pthread_barrier_wait(&sh->barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
			__atomic_fetch_add(&serial, 1, __ATOMIC_RELAXED);
		for (int k = 0; k < THREADS; k++)
			if (__atomic_load_n(&phase[k], __ATOMIC_RELAXED) != i)
				__atomic_fetch_add(&sh->wrong, 1, __ATOMIC_RELAXED);
		pthread_barrier_wait(&sh->barrier);
	}
	return NULL;
}

static void *read_write(void *arg)
{
	long me = (long)(intptr_t)arg;

	for (int i = 0; i < ROUNDS / 2; i++) {
		if ((i + me) % 4 == 0) {
			pthread_rwlock_wrlock(&sh->rwlock);
			if (__atomic_add_fetch(&sh->writers, 1, __ATOMIC_SEQ_CST) != 1 || __atomic_load_n(&sh->readers, __ATOMIC_SEQ_CST))
				sh->wrong++;
			sh->counter++;
			__atomic_fetch_sub(&sh->writers, 1, __ATOMIC_SEQ_CST);
		} else {
			pthread_rwlock_rdlock(&sh->rwlock);
			__atomic_fetch_add(&sh->readers, 1, __ATOMIC_SEQ_CST);
			if (__atomic_load_n(&sh->writers, __ATOMIC_SEQ_CST))
				__atomic_fetch_add(&sh->wrong, 1, __ATOMIC_SEQ_CST);
			__atomic_fetch_sub(&sh->readers, 1, __ATOMIC_SEQ_CST);
		}
		pthread_rwlock_unlock(&sh->rwlock);
	}
	return NULL;
}

/* --- cancellation, TLS, once ---- */

static __thread long own = 7;
static __thread char big[5000];
static pthread_key_t key;
static int destroyed, cleaned;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int times;

static void destroy(void *value) { __atomic_fetch_add(&destroyed, (int)(intptr_t)value, __ATOMIC_SEQ_CST); }
static void only_once(void) { nap(20); times++; }

static void *local(void *arg)
{
	long me = (long)(intptr_t)arg;

	pthread_once(&once, only_once);
	if (times != 1 || own != 7 || big[4999])
		__atomic_fetch_add(&sh->wrong, 1, __ATOMIC_SEQ_CST);
	own = me;
	memset(big, (int)me + 1, sizeof(big));
	pthread_setspecific(key, (void *)(me + 1));
	for (int i = 0; i < 50; i++) {
		sched_yield();
		if (own != me || big[i] != me + 1 || pthread_getspecific(key) != (void *)(me + 1))
			__atomic_fetch_add(&sh->wrong, 1, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

static void clean(void *arg)
{
	if (arg)
		pthread_mutex_unlock(arg);
	__atomic_fetch_add(&cleaned, 1, __ATOMIC_SEQ_CST);
}

static sem_t never;

static void *cancelled(void *arg)
{
	long how = (long)(intptr_t)arg;

	pthread_cleanup_push(clean, how % 4 == 0 ? &sh->mutex : NULL);
	if (how % 4 == 0) {
		pthread_mutex_lock(&sh->mutex);
		for (;;)
			pthread_cond_wait(&sh->cond, &sh->mutex);
	} else if (how % 4 == 1) {
		sem_wait(&never);
	} else if (how % 4 == 2) {
		for (;;)
			pause();
	} else {
		pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
		for (;;)
			;
	}
	pthread_cleanup_pop(0);
	return NULL;
}

static void cancellation(void)
{
	int right = 0;
	void *result;

	pthread_mutex_init(&sh->mutex, NULL);
	pthread_cond_init(&sh->cond, NULL);
	sem_init(&never, 0, 0);
	for (long i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, cancelled, (void *)i);
	nap(50);
	for (int i = 0; i < THREADS; i++)
		pthread_cancel(threads[i]);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &result);
		right += result == PTHREAD_CANCELED;
	}
	V(right);
	V(cleaned);
	say("%s\n", errname(pthread_mutex_trylock(&sh->mutex)));
}

int main(void)
{
	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	NEED(sh != MAP_FAILED);
	mutex_of("normal", PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE);
	mutex_of("error checking", PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE);
	mutex_of("recursive, shared", PTHREAD_MUTEX_RECURSIVE, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_SHARED);
	mutex_of("robust, shared", PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_ROBUST, PTHREAD_PROCESS_SHARED);
	mutex_of("inheriting", PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE);
	mutex_of("inheriting, shared", PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_SHARED);
	mutex_of("inheriting, robust", PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_ROBUST, PTHREAD_PROCESS_SHARED);
	mutex_rules("plain", PTHREAD_PRIO_NONE);
	mutex_rules("inheriting", PTHREAD_PRIO_INHERIT);
	conditions("plain", PTHREAD_PRIO_NONE);
	conditions("inheriting", PTHREAD_PRIO_INHERIT);
	pthread_barrier_init(&sh->barrier, NULL, THREADS);
	all(barriers);
	say("barriers: %d, wrong %ld\n", serial, sh->wrong);
	sh->counter = 0;
	pthread_rwlock_init(&sh->rwlock, NULL);
	all(read_write);
	say("read-write lock: %ld, wrong %ld\n", sh->counter, sh->wrong);
	pthread_key_create(&key, destroy);
	all(local);
	say("local: wrong %ld, destroyed %d, own %ld\n", sh->wrong, destroyed, own);
	cancellation();
	return 0;
}

#endif
