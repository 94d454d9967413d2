/* stage: 13; libc: musl; run: host+guest
 * A thread sleeps, or does not, while another changes the memory that both had looked at a moment before: it finds the change and nothing of what was. Each has a
 * processor of its own where there are two. */
#include "t.h"
#include "linux_futex.h"
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>

enum { ROUNDS = 180, PAGE = 4096, PAGES = 40 };

static char *page;
static int turn;	/* whose turn it is: 0 who changes, 1 who looks */
static bool wait_awake;
static int wrong[4];
static sigjmp_buf landing;

static void give(int to)
{
	__atomic_store_n(&turn, to, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, &turn, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void take(int who)
{
	int now;

	while ((now = __atomic_load_n(&turn, __ATOMIC_SEQ_CST)) != who)
		if (!wait_awake)
			syscall(SYS_futex, &turn, FUTEX_WAIT, now, NULL, NULL, 0);
		else
			sched_yield();
}

static void stay_on(unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set); /* there may be one only */
}

static void land(int signo)
{
	siglongjmp(landing, signo);
}

/* What a look at the page finds: its byte, or 256 where it may not be read. */
static int look(int i)
{
	return sigsetjmp(landing, 1) ? 256 : *(volatile unsigned char *)(page + i * PAGE);
}

/* May it be written? */
static bool writes(int i)
{
	if (sigsetjmp(landing, 1))
		return false;
	*(volatile unsigned char *)(page + i * PAGE) = 9;
	return true;
}

static void fill(int what)
{
	for (int i = 0; i < PAGES; i++)
		page[i * PAGE] = (char)what;
}

static void *looker(void *unused)
{
	(void)unused;
	stay_on(1);
	for (int round = 0; round < ROUNDS; round++) {
		take(1);
		for (int i = 0; i < PAGES; i++) /* what the processor will remember */
			wrong[0] += look(i) != 1;
		give(0);
		take(1);
		for (int i = 0; i < PAGES; i++)
			switch (round % 3) {
			case 0: wrong[1] += look(i) != 2; break;
			case 1: wrong[2] += look(i) != 256; break;
			case 2: wrong[3] += writes(i) || look(i) != 1; break;
			}
		give(0);
	}
	return NULL;
}

static char *fresh(void)
{
	return mmap(page, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | (page ? MAP_FIXED : 0), -1, 0);
}

int main(void)
{
	pthread_t thread;

	NEED((page = fresh()) != MAP_FAILED);
	signal(SIGSEGV, land);
	stay_on(0);
	NEED(pthread_create(&thread, NULL, looker, NULL) == 0);
	for (int round = 0; round < ROUNDS; round++) {
		take(0);
		fill(1);
		wait_awake = round / 3 % 8 == 7;
		give(1);
		take(0);
		switch (round % 3) {
		case 0:
			NEED(fresh() == page);
			fill(2);
			break;
		case 1:
			NEED(munmap(page, PAGES * PAGE) == 0);
			break;
		case 2:
			NEED(mprotect(page, PAGES * PAGE, PROT_READ) == 0);
			break;
		}
		give(1);
		take(0);
		NEED(fresh() == page);
	}
	V(wrong[0]);
	V(wrong[1]);
	V(wrong[2]);
	V(wrong[3]);
	return 0;
}
