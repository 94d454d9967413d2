/* stage: 12; libc: musl; run: host+guest
 * Resource limits and what happens at them; priorities; rusage. */
#include "t.h"
#include <sys/resource.h>

static void limit(int what, rlim_t value)
{
	struct rlimit l = { value, value };

	NEED(setrlimit(what, &l) == 0);
}

static void on_signal(int sig)
{
	say("caught %s\n", signame(sig));
}

static int deep(int n)
{
	volatile char frame[4096];

	frame[0] = (char)n;
	return n ? deep(n - 1) + frame[0] * 0 : 0;
}

int main(void)
{
	struct rlimit l, old;
	struct rusage usage;
	char *p;
	int fd, n;

	t_dir();
	R(getrlimit(99, &l));
	R(SYS(getrlimit, RLIMIT_NOFILE, (void *)8));
	R(SYS(prlimit64, 0, RLIMIT_NOFILE, (void *)8, NULL));
	R(SYS(prlimit64, 1 << 30, RLIMIT_NOFILE, NULL, &l));
	R(SYS(prlimit64, 0, 99, NULL, &l));
	l = (struct rlimit){ 100, 50 };
	R(setrlimit(RLIMIT_NOFILE, &l));
	IN_CHILD("lowered and not raised again") {
		NEED(SYS(setuid, 1000) == 0);
		l = (struct rlimit){ 50, 60 };
		R(setrlimit(RLIMIT_NOFILE, &l));
		l = (struct rlimit){ 60, 60 };
		R(setrlimit(RLIMIT_NOFILE, &l));
		l = (struct rlimit){ 50, 61 };
		R(setrlimit(RLIMIT_NOFILE, &l));
		l = (struct rlimit){ 50, 60 };
		R(prlimit(0, RLIMIT_NOFILE, &l, &old));
		say("%ld %ld\n", (long)old.rlim_cur, (long)old.rlim_max);
	}
	IN_CHILD("FSIZE, a handler") {
		catch(SIGXFSZ, on_signal, 0);
		limit(RLIMIT_FSIZE, 10);
		fd = open("f", O_RDWR | O_CREAT, 0644);
		R(write(fd, "0123456", 7));
		R(write(fd, "0123456", 7));
		R(write(fd, "0", 1));
		R(ftruncate(fd, 11));
		R(ftruncate(fd, 10));
		R(pwrite(fd, "x", 1, 100));
		R(lseek(fd, 0, SEEK_END));
	}
	IN_CHILD("FSIZE, no handler") {
		limit(RLIMIT_FSIZE, 0);
		fd = open("g", O_RDWR | O_CREAT, 0644);
		write(fd, "x", 1);
	}
	IN_CHILD("AS") {
		limit(RLIMIT_AS, 64 << 20);
		T(mmap(NULL, 128 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == ENOMEM);
		p = mmap(NULL, 16 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		T(p != MAP_FAILED);
		T(mremap(p, 16 << 20, 128 << 20, MREMAP_MAYMOVE) == MAP_FAILED && errno == ENOMEM);
		T(malloc(100 << 20) == NULL);
	}
	IN_CHILD("DATA") {
		limit(RLIMIT_DATA, 8 << 20);
		T(mmap(NULL, 32 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == ENOMEM);
		T(mmap(NULL, 32 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
	}
	IN_CHILD("STACK") {
		struct rlimit small = { 256 << 10, 256 << 10 };

		setrlimit(RLIMIT_STACK, &small);
		deep(30);
		say("thirty pages deep\n");
		deep(100);
	}
	IN_CHILD("NPROC") {
		int children = 0;

		limit(RLIMIT_NPROC, 5);
		NEED(SYS(setuid, 4321) == 0);
		for (n = 0; n < 20; n++) {
			pid_t pid = fork();

			if (pid == 0) {
				pause();
				_exit(0);
			}
			if (pid < 0)
				break;
			children++;
		}
		say("%d children, then %s\n", children, errname(errno));
		kill(-1, SIGKILL);
	}
	IN_CHILD("CPU") {
		struct rlimit cpu = { 1, 3 };

		setrlimit(RLIMIT_CPU, &cpu);
		catch(SIGXCPU, on_signal, SA_RESETHAND);
		for (volatile long i = 0;; i++)
			;
	}
	IN_CHILD("CORE and others are only kept") {
		limit(RLIMIT_CORE, 0);
		R(getrlimit(RLIMIT_CORE, &l));
		V(l.rlim_cur);
		limit(RLIMIT_MEMLOCK, 0);
	}
	/* Priorities. */
	R(getpriority(PRIO_PROCESS, 0));
	R(setpriority(PRIO_PROCESS, 0, 5));
	R(getpriority(PRIO_PROCESS, 0));
	R(setpriority(PRIO_PROCESS, 0, 100));
	R(getpriority(PRIO_PROCESS, 0));
	R(setpriority(PRIO_PROCESS, 1 << 30, 0));
	R(setpriority(99, 0, 0));
	IN_CHILD("nice is inherited, and not lowered by others") {
		R(getpriority(PRIO_PROCESS, 0));
		NEED(SYS(setuid, 1000) == 0);
		R(setpriority(PRIO_PROCESS, 0, 0));
	}
	/* Usage. */
	R(getrusage(RUSAGE_SELF, &usage));
	T(usage.ru_maxrss > 0);
	T(usage.ru_minflt > 0);
	R(getrusage(RUSAGE_CHILDREN, &usage));
	T(usage.ru_utime.tv_sec >= 1);
	R(getrusage(77, &usage));
	R(SYS(getrusage, RUSAGE_SELF, (void *)8));
	R(sched_yield());
	{
		cpu_set_t set;

		CPU_ZERO(&set);
		T(sched_getaffinity(0, sizeof(set), &set) >= 0);
		T(CPU_COUNT(&set) >= 1);
		T(sched_setaffinity(0, sizeof(set), &set) == 0);
		CPU_ZERO(&set);
		R(sched_setaffinity(0, sizeof(set), &set));
		R(SYS(sched_getaffinity, 0, 1, &set));
		R(SYS(sched_getscheduler, 0));
	}
	return 0;
}
