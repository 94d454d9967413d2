/* stage: 12; libc: musl; run: host+guest
 * Futexes with priority inheritance: taking, waiting, handing over, death of the owner, circles, requeue, lending, bad input. */
#include "t.h"
#include "linux_futex.h"
#include <pthread.h>

static unsigned *word, *other;

static long futex(unsigned *uaddr, int op, unsigned val, const void *timeout, unsigned *uaddr2, unsigned val3)
{
	return SYS(futex, uaddr, op, val, timeout, uaddr2, val3);
}

static void lock(void) { NEED(futex(word, FUTEX_LOCK_PI, 0, NULL, NULL, 0) == 0); }
static void unlock(void) { NEED(futex(word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0) == 0); }

/* Whose it is, in words that do not change. */
static void show(const char *when, unsigned *w)
{
	unsigned v = *w, tid = v & FUTEX_TID_MASK;

	say("%s: %s%s%s\n", when, !tid ? "free" : tid == (unsigned)gettid() ? "mine" : "another's", v & FUTEX_WAITERS ? ", waited for" : "",
	    v & FUTEX_OWNER_DIED ? ", owner died" : "");
}

/* Waits for n children, then says how they ended. */
static void reap_all(const char *who, const pid_t *pid, int n)
{
	int status[4];

	for (int i = 0; i < n; i++)
		while (waitpid(pid[i], &status[i], 0) < 0 && errno == EINTR)
			;
	for (int i = 0; i < n; i++)
		say_status(who, status[i]);
}

static struct timespec in_ms(int clock, long ms)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	ts.tv_nsec += ms * 1000000;
	ts.tv_sec += ts.tv_nsec / 1000000000;
	ts.tv_nsec %= 1000000000;
	return ts;
}

static void alone(void)
{
	R(futex(word, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
	show("locked", word);
	R(futex(word, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
	R(futex(word, FUTEX_LOCK_PI2, 0, NULL, NULL, 0));
	R(futex(word, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0));
	R(futex(word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
	show("unlocked", word);
	R(futex(word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
	R(futex(word, FUTEX_TRYLOCK_PI | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 0));
	show("tried", word);
	R(futex(word, FUTEX_UNLOCK_PI | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 0));
	*word = FUTEX_TID_MASK;
	R(futex(word, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
	X(*word);
	R(futex(word, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0));
	R(futex(word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
	*word = FUTEX_OWNER_DIED;
	R(futex(word, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
	show("after a death", word);
	R(futex(word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
	show("unlocked", word);
	*word = FUTEX_WAITERS;
	R(futex(word, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
	show("nobody waits", word);
	*word |= FUTEX_WAITERS;
	R(futex(word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
	X(*word);
	R(futex((unsigned *)8, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
	R(futex((unsigned *)8, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
	R(futex((unsigned *)((char *)word + 2), FUTEX_LOCK_PI, 0, NULL, NULL, 0));
	R(futex((unsigned *)((char *)word + 2), FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
	R(futex((unsigned *)0xffffffff80000000, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
	R(futex(word, FUTEX_LOCK_PI, 0, (void *)8, NULL, 0));
	struct timespec ts = { 0, 1000000000 };
	R(futex(word, FUTEX_LOCK_PI, 0, &ts, NULL, 0));
	R(futex(word, FUTEX_LOCK_PI | FUTEX_CLOCK_REALTIME, 0, NULL, NULL, 0));
	R(futex(word, FUTEX_WAIT | FUTEX_CLOCK_REALTIME, 1, NULL, NULL, 0));
	R(futex(word, FUTEX_WAKE | FUTEX_CLOCK_REALTIME, 1, NULL, NULL, 0));
	R(futex(word, FUTEX_FD, 1, NULL, NULL, 0));
	R(futex(word, 14, 1, NULL, NULL, 0));
	R(futex(word, -1, 1, NULL, NULL, 0));
	char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	R(futex((unsigned *)page, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
	R(futex((unsigned *)page, FUTEX_LOCK_PI | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 0));
}

static void on_signal(int sig) { say("signal %s\n", signame(sig)); }

static void processes(void)
{
	pid_t pid[3];
	struct timespec ts;

	lock();
	IN_CHILD("timed out") {
		ts = in_ms(CLOCK_REALTIME, 40);
		R(futex(word, FUTEX_LOCK_PI, 0, &ts, NULL, 0));
		ts = in_ms(CLOCK_MONOTONIC, 40);
		R(futex(word, FUTEX_LOCK_PI2, 0, &ts, NULL, 0));
		ts = in_ms(CLOCK_REALTIME, 40);
		R(futex(word, FUTEX_LOCK_PI2 | FUTEX_CLOCK_REALTIME, 0, &ts, NULL, 0));
		ts = in_ms(CLOCK_MONOTONIC, 0);
		R(futex(word, FUTEX_LOCK_PI, 0, &ts, NULL, 0));
		R(futex(word, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0));
		R(futex(word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
		show("still", word);
	}
	show("mine with a mark", word);
	unlock();
	show("free", word);
	/* In their turn, each as the owner when it wakes. */
	lock();
	for (int i = 0; i < 3; i++) {
		if ((pid[i] = fork()) == 0) {
			long r = futex(word, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
			nap(60);
			say("waiter %d: %ld\n", i, r);
			show("it is", word);
			unlock();
			_exit(0);
		}
		nap(60);
	}
	R(futex(word, FUTEX_WAKE, 1, NULL, NULL, 0));
	R(futex(word, FUTEX_REQUEUE, 1, (void *)1, other, 0));
	unlock();
	show("handed over", word);
	reap_all("waiter", pid, 3);
	show("at the end", word);
	/* A signal does not end it. */
	lock();
	if ((pid[0] = fork()) == 0) {
		catch(SIGUSR1, on_signal, 0);
		_exit(futex(word, FUTEX_LOCK_PI, 0, NULL, NULL, 0) ? errno : 0);
	}
	nap(60);
	kill(pid[0], SIGUSR1);
	nap(40);
	unlock();
	reap("after a signal", pid[0]);
	/* That one ended with it, and nobody waited: the word still names it. */
	show("left behind", word);
	R(futex(word, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
	*word = 0;
	/* The owner ends while somebody waits. */
	if ((pid[0] = fork()) == 0) {
		lock();
		nap(120);
		_exit(0);
	}
	nap(40);
	if ((pid[1] = fork()) == 0) {
		nap(30);
		NEED(futex(word, FUTEX_LOCK_PI, 0, NULL, NULL, 0) == 0);
		show("second", word);
		unlock();
		show("let go", word);
		_exit(0);
	}
	R(futex(word, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
	show("inherited", word);
	nap(40);
	unlock();
	reap_all("owner and second", pid, 2);
	*word = 0;
	/* The same by a kill, and an owner that turns into another program. */
	if ((pid[0] = fork()) == 0) {
		lock();
		for (;;)
			pause();
	}
	if ((pid[1] = fork()) == 0) {
		nap(80);
		kill(pid[0], SIGKILL);
		_exit(0);
	}
	nap(30);
	R(futex(word, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
	show("of the killed", word);
	unlock();
	reap("killed", pid[0]);
	reap("killer", pid[1]);
	*word = 0;
	if ((pid[0] = fork()) == 0) {
		char *args[] = { "/proc/self/exe", "sleep", NULL };
		lock();
		nap(80);
		execv(args[0], args);
	}
	nap(30);
	R(futex(word, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
	show("of another program", word);
	unlock();
	reap("other program", pid[0]);
	*word = 0;
	/* A waiter that is killed. */
	lock();
	if ((pid[0] = fork()) == 0) {
		lock();
		_exit(0);
	}
	nap(40);
	kill(pid[0], SIGKILL);
	reap("killed waiter", pid[0]);
	show("nobody waits", word);
	unlock();
	X(*word);
}

static void mixed(void)
{
	pid_t pid = fork();

	*word = 0;
	if (pid == 0) {
		futex(word, FUTEX_WAIT, 0, NULL, NULL, 0);
		_exit(0);
	}
	nap(50);
	*word = 1;
	R(futex(word, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
	R(futex(word, FUTEX_WAKE, 1, NULL, NULL, 0));
	reap("plain waiter", pid);
	*word = 0;
	/* A number in the word that is not the owner's. */
	lock();
	if ((pid = fork()) == 0) {
		struct timespec ts = in_ms(CLOCK_REALTIME, 1500); /* later than the naps of a loaded machine */
		_exit(futex(word, FUTEX_LOCK_PI, 0, &ts, NULL, 0) ? errno : 0);
	}
	nap(60);
	unsigned right = *word;
	*word = FUTEX_WAITERS | getppid();
	IN_CHILD("wrong owner") {
		R(futex(word, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
	}
	R(futex(word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
	*word = right;
	V(ETIMEDOUT);
	reap("waiter", pid);
	unlock();
}

static pthread_barrier_t both;

static void *second_way(void *arg)
{
	(void)arg;
	R(futex(other, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
	pthread_barrier_wait(&both);
	nap(60);
	R(futex(word, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
	NEED(futex(other, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0) == 0);
	return NULL;
}

static void circle(void)
{
	pthread_t t;

	*word = *other = 0;
	pthread_barrier_init(&both, NULL, 2);
	lock();
	pthread_create(&t, NULL, second_way, NULL);
	pthread_barrier_wait(&both);
	R(futex(other, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
	show("second lock", other);
	unlock();
	pthread_join(t, NULL);
	futex(other, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0);
	X(*other);
}

/* --- conditions ---- */

static unsigned *cond;

static pid_t cond_waiter(int i)
{
	pid_t pid = fork();

	if (pid == 0) {
		long r = futex(cond, FUTEX_WAIT_REQUEUE_PI, 0, NULL, word, 0);
		if (r)
			_exit(errno);
		if ((*word & FUTEX_TID_MASK) != (unsigned)gettid())
			_exit(98);
		unlock();
		_exit(i);
	}
	nap(50);
	return pid;
}

static void conditions(void)
{
	pid_t pid[3];
	struct timespec ts;

	*word = *cond = 0;
	R(futex(cond, FUTEX_WAIT_REQUEUE_PI, 1, NULL, word, 0));
	R(futex(cond, FUTEX_WAIT_REQUEUE_PI, 0, NULL, cond, 0));
	ts = in_ms(CLOCK_MONOTONIC, 30);
	R(futex(cond, FUTEX_WAIT_REQUEUE_PI, 0, &ts, word, 0));
	R(futex(cond, FUTEX_WAIT_REQUEUE_PI, 0, NULL, (unsigned *)8, 0));
	R(futex(cond, FUTEX_CMP_REQUEUE_PI, 1, (void *)5, word, 1));
	R(futex(cond, FUTEX_CMP_REQUEUE_PI, 1, (void *)5, word, 0));
	R(futex(cond, FUTEX_CMP_REQUEUE_PI, 2, (void *)5, word, 0));
	R(futex(cond, FUTEX_CMP_REQUEUE_PI, 0, (void *)5, word, 0));
	R(futex(cond, FUTEX_CMP_REQUEUE_PI, 1, (void *)-1, word, 0));
	R(futex(cond, FUTEX_CMP_REQUEUE_PI, 1, (void *)5, cond, 0));
	/* Signalled with the lock held: all go to its queue. */
	lock();
	for (int i = 0; i < 3; i++)
		pid[i] = cond_waiter(i + 1);
	R(futex(cond, FUTEX_WAKE, 1, NULL, NULL, 0));
	R(futex(cond, FUTEX_CMP_REQUEUE_PI, 1, (void *)1, other, 0));
	R(futex(cond, FUTEX_CMP_REQUEUE_PI, 1, (void *)1, word, 0));
	show("two moved", word);
	R(futex(cond, FUTEX_CMP_REQUEUE_PI, 1, (void *)100, word, 0));
	R(futex(cond, FUTEX_CMP_REQUEUE_PI, 1, (void *)100, word, 0));
	unlock();
	reap_all("waiter", pid, 3);
	/* Signalled without it: the first gets it at once. */
	*word = 0;
	for (int i = 0; i < 2; i++)
		pid[i] = cond_waiter(i + 4);
	R(futex(cond, FUTEX_CMP_REQUEUE_PI, 1, (void *)100, word, 0));
	for (int i = 0; i < 2; i++)
		reap("waiter", pid[i]);
	*word = 0;
	pid[0] = cond_waiter(6);
	R(futex(cond, FUTEX_CMP_REQUEUE_PI, 1, NULL, word, 0));
	reap("one", pid[0]);
	X(*word);
	/* Moved, then its time runs out. */
	lock();
	if ((pid[0] = fork()) == 0) {
		ts = in_ms(CLOCK_MONOTONIC, 150);
		_exit(futex(cond, FUTEX_WAIT_REQUEUE_PI, 0, &ts, word, 0) ? errno : 0);
	}
	nap(50);
	R(futex(cond, FUTEX_CMP_REQUEUE_PI, 1, (void *)100, word, 0));
	V(ETIMEDOUT);
	reap("timed out on the lock", pid[0]);
	unlock();
}

/* --- lending: on one CPU, somebody in the middle spins while a high one waits for what a low one holds ---- */

static volatile int stop, gave_up, holds, low_tid;

static void become(int priority)
{
	struct sched_param p = { .sched_priority = priority };

	NEED(SYS(sched_setscheduler, 0, SCHED_FIFO, &p) == 0);
}

static void *low(void *arg)
{
	(void)arg;
	become(10);
	low_tid = gettid();
	lock();
	holds = 1;
	for (volatile int i = 0; i < 100000000 && !(*(volatile unsigned *)word & FUTEX_WAITERS); i++)
		;
	unlock();
	return NULL;
}

static int prio_of(int tid)
{
	char path[60], line[500] = "";
	int prio = 0;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	int fd = open(path, O_RDONLY);
	if (read(fd, line, sizeof(line) - 1) > 0 && strrchr(line, ')'))
		sscanf(strrchr(line, ')'), ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %d", &prio);
	close(fd);
	return prio;
}

static void *middle(void *arg)
{
	(void)arg;
	become(20);
	long end = now_ms() + 600;
	while (!stop)
		if (now_ms() > end) {
			gave_up = 1;
			break;
		}
	return NULL;
}

static void *high(void *arg)
{
	(void)arg;
	become(30);
	lock();
	stop = 1;
	unlock();
	return NULL;
}

static void *ordinary(void *arg)
{
	struct sched_param p = { .sched_priority = 0 };

	(void)arg;
	NEED(SYS(sched_setscheduler, 0, SCHED_OTHER, &p) == 0);
	holds = gettid();
	lock();
	unlock();
	return NULL;
}

static void *between(void *arg)
{
	(void)arg;
	become(20);
	NEED(futex(other, FUTEX_LOCK_PI, 0, NULL, NULL, 0) == 0);
	holds = gettid();
	lock();
	unlock();
	NEED(futex(other, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0) == 0);
	return NULL;
}

static void *behind(void *arg)
{
	(void)arg;
	become(60);
	NEED(futex(other, FUTEX_LOCK_PI, 0, NULL, NULL, 0) == 0);
	NEED(futex(other, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0) == 0);
	return NULL;
}

static void lending(void)
{
	pthread_t t[3];
	cpu_set_t one;

	IN_CHILD("lending") {
		CPU_ZERO(&one);
		CPU_SET(0, &one);
		NEED(sched_setaffinity(0, sizeof(one), &one) == 0);
		become(90);
		*word = 0;
		pthread_create(&t[0], NULL, low, NULL);
		while (!holds)
			nap(5);
		V(prio_of(low_tid));
		pthread_create(&t[1], NULL, middle, NULL);
		pthread_create(&t[2], NULL, high, NULL);
		for (int i = 0; i < 3; i++)
			pthread_join(t[i], NULL);
		T(gave_up);
		/* What it is seen to have, while a high one waits. */
		lock();
		become(5);
		stop = 0;
		pthread_create(&t[0], NULL, high, NULL);
		while (!(*word & FUTEX_WAITERS))
			nap(5);
		nap(20);
		V(prio_of(gettid()));
		V(SYS(sched_getscheduler, 0));
		unlock();
		V(prio_of(gettid()));
		pthread_join(t[0], NULL);
		/* The waiter becomes more urgent while it waits, and less again. */
		struct sched_param p = { .sched_priority = 40 };
		lock();
		holds = 0;
		pthread_create(&t[0], NULL, ordinary, NULL);
		while (!(*word & FUTEX_WAITERS))
			nap(5);
		nap(20);
		V(prio_of(gettid()));
		NEED(SYS(sched_setscheduler, holds, SCHED_FIFO, &p) == 0);
		V(prio_of(gettid()));
		p.sched_priority = 0;
		NEED(SYS(sched_setscheduler, holds, SCHED_OTHER, &p) == 0);
		V(prio_of(gettid()));
		unlock();
		pthread_join(t[0], NULL);
		/* Along a chain: who waits for the one that waits. */
		lock();
		*other = holds = 0;
		pthread_create(&t[0], NULL, between, NULL);
		while (!(*word & FUTEX_WAITERS))
			nap(5);
		pthread_create(&t[1], NULL, behind, NULL);
		while (!(*other & FUTEX_WAITERS))
			nap(5);
		nap(20);
		V(prio_of(gettid()));
		V(prio_of(holds));
		unlock();
		V(prio_of(gettid()));
		for (int i = 0; i < 2; i++)
			pthread_join(t[i], NULL);
		X(*word);
		X(*other);
	}
}

int main(int argc, char **argv)
{
	(void)argv;
	if (argc > 1) {
		nap(100);
		return 0;
	}
	word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	NEED(word != MAP_FAILED);
	other = word + 16;
	cond = word + 32;
	alone();
	processes();
	mixed();
	circle();
	conditions();
	lending();
	return 0;
}
