/* Threads and their locks: one of the storms of campaign_stress.c. */
#include "storm.h"
#include <pthread.h>

static atomic_long turns;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static long plain;

static void *lock_thread(void *arg)
{
	for (int i = 0; i < 200; i++) {
		pthread_mutex_lock(&mutex);
		plain++;
		if (below(4) == 0)
			pthread_cond_signal(&cond);
		pthread_mutex_unlock(&mutex);
	}
	atomic_fetch_add(&turns, 1);
	return arg;
}

void storm_threads(int me)
{
	while (going(me)) {
		pthread_t thread[6];
		int n = 0;

		plain = 0;
		while (n < 6 && pthread_create(&thread[n], NULL, lock_thread, NULL) == 0)
			n++;
		for (int i = 0; i < n; i++)
			pthread_join(thread[i], NULL);
		if (plain != n * 200)
			mistake("a lock let two in");
	}
}
