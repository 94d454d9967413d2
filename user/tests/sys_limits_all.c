/* stage: 13; libc: musl; run: guest+golden
 * The limits that sys_limits does not reach: inherited ones, real time, niceness, queued signals, locked memory, and those that Linux only keeps. */
#include "t.h"
#include <sys/resource.h>

static void limit(int what, rlim_t soft, rlim_t hard)
{
	struct rlimit l = { soft, hard };

	NEED(setrlimit(what, &l) == 0);
}

static volatile sig_atomic_t caught;
static void on_xcpu(int sig) { (void)sig; caught++; }

/* Some microseconds of computing: an emulator that counts instructions gets over these soon, so that its guest's seconds cost little. */
static void burn(void)
{
	__asm__ volatile(".rept 500\n\tnop\n\t.endr");
}

static void spin(void)
{
	for (;;)
		burn();
}

static void nobody(void)
{
	NEED(SYS(setresuid, 4322, 4322, 4322) == 0);
}

int main(void)
{
	struct sched_param high = { .sched_priority = 10 };
	struct rlimit l;
	long page = 4096;
	char *p;
	int n;

	for (n = 0; n < 16; n++) {
		NEED(getrlimit(n, &l) == 0);
		say("limit %d: soft no larger than hard %d\n", n, l.rlim_cur <= l.rlim_max);
	}
	IN_CHILD("CPU, from the parent") {
		limit(RLIMIT_CPU, 1, 2);
		IN_CHILD("its child") spin();
	}
	IN_CHILD("CPU, the soft limit moves on") {
		limit(RLIMIT_CPU, 1, 4);
		catch(SIGXCPU, on_xcpu, 0);
		while (caught < 2)
			burn();
		getrlimit(RLIMIT_CPU, &l);
		V(l.rlim_cur);
		V(l.rlim_max);
	}
	IN_CHILD("RTTIME, soft") {
		limit(RLIMIT_RTTIME, 100000, RLIM_INFINITY);
		NEED(sched_setscheduler(0, SCHED_RR, &high) == 0 || SYS(sched_setscheduler, 0, SCHED_RR, &high) == 0);
		spin();
	}
	IN_CHILD("RTTIME, a handler, then hard") {
		limit(RLIMIT_RTTIME, 100000, 1300000);
		catch(SIGXCPU, on_xcpu, 0);
		NEED(SYS(sched_setscheduler, 0, SCHED_FIFO, &high) == 0);
		while (!caught)
			burn();
		getrlimit(RLIMIT_RTTIME, &l);
		V(l.rlim_cur);
		spin();
	}
	IN_CHILD("RTTIME, with sleep in between") {
		limit(RLIMIT_RTTIME, 300000, 400000);
		NEED(SYS(sched_setscheduler, 0, SCHED_RR, &high) == 0);
		for (n = 0; n < 10; n++) {
			for (long start = now_ms(); now_ms() < start + 60;)
				burn();
			nap(1);
		}
		say("not stopped\n");
	}
	IN_CHILD("RTTIME is nothing to others") {
		limit(RLIMIT_RTTIME, 1000, 2000);
		for (long start = now_ms(); now_ms() < start + 200;)
			burn();
		say("not stopped\n");
	}
	IN_CHILD("NICE and RTPRIO") {
		limit(RLIMIT_NICE, 25, 25);
		limit(RLIMIT_RTPRIO, 5, 5);
		nobody();
		R(setpriority(PRIO_PROCESS, 0, -5));
		R(setpriority(PRIO_PROCESS, 0, -6));
		high.sched_priority = 5;
		R(SYS(sched_setscheduler, 0, SCHED_FIFO, &high));
		high.sched_priority = 6;
		R(SYS(sched_setscheduler, 0, SCHED_FIFO, &high));
	}
	IN_CHILD("SIGPENDING") {
		sigset_t set;
		int queued = 0;

		sigfillset(&set);
		sigprocmask(SIG_BLOCK, &set, NULL);
		limit(RLIMIT_SIGPENDING, 10, 10);
		nobody();
		while (queued < 100 && sigqueue(getpid(), SIGRTMIN + 1, (union sigval){ .sival_int = 1 }) == 0)
			queued++;
		say("%d queued, then %s\n", queued, errname(errno));
		R(kill(getpid(), SIGRTMIN + 2));
	}
	IN_CHILD("MEMLOCK") {
		limit(RLIMIT_MEMLOCK, 4 * page, 4 * page);
		nobody();
		p = mmap(NULL, 16 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		R(mlock(p, 4 * page));
		R(mlock(p + 4 * page, page));
		R(munlock(p, page));
		R(mlock(p + 4 * page, page));
		R(mlockall(MCL_CURRENT));
		T(mmap(NULL, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0) == MAP_FAILED && errno == EAGAIN);
	}
	IN_CHILD("NOFILE") {
		int fds[2];

		limit(RLIMIT_NOFILE, 5, 5);
		for (n = 0; dup(0) >= 0; n++)
			;
		say("%d more, then %s\n", n, errname(errno));
		R(pipe(fds));
		R(open("/", O_RDONLY));
		R(fcntl(0, F_DUPFD, 5));
		R(dup2(0, 5));
		R(dup2(0, 4));
	}
	IN_CHILD("AS and the stack") {
		limit(RLIMIT_AS, 16 << 20, 16 << 20);
		T(sbrk(64 << 20) == (void *)-1);
		T(mmap(NULL, 64 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == ENOMEM);
	}
	IN_CHILD("DATA and brk") {
		limit(RLIMIT_DATA, 1 << 20, 1 << 20);
		T(sbrk(4 << 20) == (void *)-1);
		p = mmap(NULL, 4 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		T(mprotect(p, 4 << 20, PROT_READ | PROT_WRITE) < 0 && errno == ENOMEM);
	}
	IN_CHILD("kept, and nothing more") {
		limit(RLIMIT_RSS, 1, 1);
		limit(RLIMIT_LOCKS, 0, 0);
		t_dir();
		int fd = open("f", O_RDWR | O_CREAT, 0600);
		struct flock lock = { .l_type = F_WRLCK };
		R(fcntl(fd, F_SETLK, &lock));
		p = malloc(1 << 20);
		memset(p, 1, 1 << 20);
		getrlimit(RLIMIT_RSS, &l);
		V(l.rlim_cur);
	}
	IN_CHILD("what exec keeps") {
		char *argv[] = { "/proc/self/exe", NULL };

		(void)argv;
		limit(RLIMIT_CORE, 1234, 5678);
		IN_CHILD("fork") {
			getrlimit(RLIMIT_CORE, &l);
			V(l.rlim_cur);
			V(l.rlim_max);
		}
	}
	return 0;
}
