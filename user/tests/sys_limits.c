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

/* What the program does when it was started again by this test. */
static int again(const char *what)
{
	if (strcmp(what, "deep") == 0) {
		*((volatile char *)__builtin_frame_address(0) - (40 << 10)) = 1;
		say("40 KiB deep\n");
		*((volatile char *)__builtin_frame_address(0) - (100 << 10)) = 1;
		say("100 KiB deep\n");
		return 0;
	}
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	say("fork: %s\n", pid > 0 ? "0" : errname(errno));
	return 0;
}

/* Some microseconds of computing: an emulator that counts instructions gets over these soon, so that its guest's seconds cost little. */
static void burn(void)
{
	__asm__ volatile(".rept 500\n\tnop\n\t.endr");
}

int main(int argc, char **argv)
{
	struct rlimit l, old;
	struct rusage usage;
	char *p;
	int fd, n;

	if (argc > 1)
		return again(argv[1]);
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
	IN_CHILD("STACK of one page") {
		limit(RLIMIT_STACK, 4096);
		execl("/proc/self/exe", "x", "deep", (char *)NULL);
		say("exec: %s\n", errname(errno));
	}
	IN_CHILD("STACK of one page, arguments of two") {
		static char long_word[8192];

		memset(long_word, 'a', sizeof(long_word) - 1);
		limit(RLIMIT_STACK, 4096);
		execl("/proc/self/exe", "x", "deep", long_word, (char *)NULL);
		say("exec: %s\n", errname(errno));
	}
	IN_CHILD("STACK of 64 KiB") {
		limit(RLIMIT_STACK, 64 << 10);
		execl("/proc/self/exe", "x", "deep", (char *)NULL);
	}
	/* The caller does not count for the user that it becomes: exec fails at one more than the limit, fork at the limit. */
	for (rlim_t most = 0; most < 2; most++) {
		int ready[2];
		char byte;

		NEED(pipe(ready) == 0);
		pid_t sleeper = fork();
		if (sleeper == 0) {
			NEED(SYS(setuid, 4322) == 0 && write(ready[1], "r", 1) == 1);
			for (;;)
				pause();
		}
		NEED(read(ready[0], &byte, 1) == 1);
		close(ready[0]);
		close(ready[1]);
		for (int uid = 4322; uid < 4324; uid++) {
			say("NPROC %d, %d there: ", (int)most, uid == 4322);
			pid_t pid = fork();

			if (pid == 0) {
				limit(RLIMIT_NPROC, most);
				NEED(SYS(setuid, uid) == 0);
				execl("/proc/self/exe", "x", "fork", (char *)NULL);
				say("exec: %s\n", errname(errno));
				_exit(1);
			}
			reap("it", pid);
		}
		kill(sleeper, SIGKILL);
		waitpid(sleeper, NULL, 0);
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
		for (;;)
			burn();
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
		R(SYS(sched_getaffinity, 0, 0x20000000, &set));
		R(SYS(sched_getaffinity, 0, 0x100000000, &set));
		T(SYS(sched_getaffinity, 0, 0x100000400, &set) > 0);
		R(SYS(sched_getscheduler, 0));
	}
	return 0;
}
