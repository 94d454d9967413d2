/* sources: core/ticket.c; under tsan: the lock must order what it guards, not only count to one */
#include "core/spinlock.h"

typedef unsigned long pthread_t;
extern int pthread_create(pthread_t *t, const void *attr, void *(*fn)(void *), void *arg);
extern int pthread_join(pthread_t t, void **result);

enum { THREADS = 2, TURNS = 3000 };
static struct ticket_lock lock;
static u64 guarded, tried;

static void *work(void *arg)
{
	for (unsigned i = 0; i < TURNS; i++) {
		if (arg && i % 3 == 0) {
			if (!ticket_try_acquire(&lock))
				continue;
			tried++;
		} else {
			ticket_acquire(&lock);
			guarded++;
		}
		ticket_release(&lock);
	}
	return NULL;
}

int main(void)
{
	pthread_t t[THREADS];

	for (u64 i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, work, (void *)(i & 1)), 0);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	CHECK_EQ(guarded, TURNS + TURNS - (TURNS + 2) / 3);
	CHECK(tried <= (TURNS + 2) / 3);
	CHECK_EQ(lock.next, lock.owner);
	return unit_failures != 0;
}
