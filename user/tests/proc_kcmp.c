/* stage: 09; libc: musl; run: guest+golden
 * kcmp(2): what two processes or threads share, files by number and in an epoll, and what is refused. */
#include "t.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/prctl.h>

enum { FILES_ONE, VM, FILES, FS, SIGHAND, IO, SYSVSEM, WATCHED };

struct slot {
	uint32_t epoll, watched, skip;
};

static long kcmp(pid_t a, pid_t b, int type, unsigned long x, unsigned long y)
{
	return syscall(SYS_kcmp, a, b, type, x, y);
}

/* The order is not said, only whether there is one. */
#define SAME(call) do { long r_ = (call); say("%s: %s\n", #call, r_ < 0 ? errname(errno) : r_ == 0 ? "same" : r_ <= 2 ? "other" : "?"); } while (0)

static void compare_all(pid_t a, pid_t b)
{
	SAME(kcmp(a, b, VM, 0, 0));
	SAME(kcmp(a, b, FILES, 0, 0));
	SAME(kcmp(a, b, FS, 0, 0));
	SAME(kcmp(a, b, SIGHAND, 0, 0));
	SAME(kcmp(a, b, IO, 0, 0));
	SAME(kcmp(a, b, SYSVSEM, 0, 0));
}

static int sleeper(void *arg)
{
	char c;

	(void)arg;
	read(*(int *)arg, &c, 1);
	return 0;
}

static void clones(int flags, const char *name)
{
	static char stack[65536] __attribute__((aligned(16)));
	int go[2], status;
	pid_t pid;

	say("--- %s\n", name);
	NEED(pipe(go) == 0);
	pid = clone(sleeper, stack + sizeof(stack), flags | SIGCHLD, go);
	NEED(pid > 0);
	compare_all(getpid(), pid);
	SAME(kcmp(getpid(), pid, FILES_ONE, (unsigned long)go[0], (unsigned long)go[0]));
	SAME(kcmp(getpid(), pid, FILES_ONE, (unsigned long)go[0], (unsigned long)go[1]));
	write(go[1], "x", 1);
	waitpid(pid, &status, 0);
	SAME(kcmp(getpid(), pid, VM, 0, 0));
	close(go[0]);
	close(go[1]);
}

static pid_t thread_id;
static int wait_for[2];

static void *thread(void *arg)
{
	char c;

	(void)arg;
	__atomic_store_n(&thread_id, (pid_t)syscall(SYS_gettid), __ATOMIC_SEQ_CST);
	read(wait_for[0], &c, 1);
	return NULL;
}

static void files(void)
{
	pid_t me = getpid();
	int a = open("/dev/null", O_RDONLY), b = open("/dev/null", O_RDONLY), c = dup(a);
	unsigned long first, second;

	say("--- files\n");
	SAME(kcmp(me, me, FILES_ONE, (unsigned long)a, (unsigned long)a));
	SAME(kcmp(me, me, FILES_ONE, (unsigned long)a, (unsigned long)c));
	SAME(kcmp(me, me, FILES_ONE, (unsigned long)a, (unsigned long)b));
	/* An order that holds both ways. */
	first = (unsigned long)kcmp(me, me, FILES_ONE, (unsigned long)a, (unsigned long)b);
	second = (unsigned long)kcmp(me, me, FILES_ONE, (unsigned long)b, (unsigned long)a);
	T(first + second == 3);
	SAME(kcmp(me, me, FILES_ONE, 99, (unsigned long)a));
	SAME(kcmp(me, me, FILES_ONE, (unsigned long)a, 99));
	SAME(kcmp(me, me, FILES_ONE, (unsigned long)a, 0x7fffffff));
	SAME(kcmp(me, me, FILES_ONE, (unsigned long)a, 0xfffffffffffffffful));
	int path = open("/dev/null", O_PATH);
	SAME(kcmp(me, me, FILES_ONE, (unsigned long)path, (unsigned long)path));
	close(path);

	struct epoll_event e = { .events = EPOLLIN };
	int ep = epoll_create1(0), pair[2];
	struct slot s;
	NEED(pipe(pair) == 0 && epoll_ctl(ep, EPOLL_CTL_ADD, pair[0], &e) == 0);
	s = (struct slot){ (uint32_t)ep, (uint32_t)pair[0], 0 };
	SAME(kcmp(me, me, WATCHED, (unsigned long)pair[0], (unsigned long)&s));
	SAME(kcmp(me, me, WATCHED, (unsigned long)pair[1], (unsigned long)&s));
	s.skip = 1;
	SAME(kcmp(me, me, WATCHED, (unsigned long)pair[0], (unsigned long)&s));
	/* Another file under the same number: the first is still watched. */
	int kept = dup(pair[0]);
	dup2(a, pair[0]);
	close(pair[0]);
	NEED(dup2(pair[1], pair[0]) == pair[0]);
	int again = epoll_ctl(ep, EPOLL_CTL_ADD, pair[0], &e);
	T(again == 0);
	s.skip = 0;
	int x = (int)kcmp(me, me, WATCHED, (unsigned long)kept, (unsigned long)&s);
	s.skip = 1;
	int y = (int)kcmp(me, me, WATCHED, (unsigned long)kept, (unsigned long)&s);
	T((x == 0) + (y == 0) == 1);
	s.skip = 2;
	SAME(kcmp(me, me, WATCHED, (unsigned long)kept, (unsigned long)&s));
	s = (struct slot){ (uint32_t)a, (uint32_t)pair[0], 0 };
	SAME(kcmp(me, me, WATCHED, (unsigned long)kept, (unsigned long)&s));
	s = (struct slot){ 99, (uint32_t)pair[0], 0 };
	SAME(kcmp(me, me, WATCHED, (unsigned long)kept, (unsigned long)&s));
	s = (struct slot){ (uint32_t)ep, 77, 0 };
	SAME(kcmp(me, me, WATCHED, (unsigned long)kept, (unsigned long)&s));
	SAME(kcmp(me, me, WATCHED, 99, (unsigned long)&s));
	SAME(kcmp(me, me, WATCHED, 99, 1));
	SAME(kcmp(me, me, WATCHED, (unsigned long)kept, 1));
}

static void refused(void)
{
	pid_t me = getpid(), pid;
	int status;

	say("--- refused\n");
	SAME(kcmp(0, me, VM, 0, 0));
	SAME(kcmp(me, 0, VM, 0, 0));
	SAME(kcmp(me, -1, VM, 0, 0));
	SAME(kcmp(me, 4000000, VM, 0, 0));
	SAME(kcmp(me, me, 8, 0, 0));
	SAME(kcmp(me, me, -1, 0, 0));
	SAME(kcmp(me, 4000000, 8, 0, 0));
	pid = fork();
	if (pid == 0) {
		NEED(setresgid(1000, 1000, 1000) == 0 && setresuid(1000, 1000, 1000) == 0);
		SAME(kcmp(getpid(), getppid(), VM, 0, 0));
		SAME(kcmp(getppid(), getpid(), 8, 0, 0));
		SAME(kcmp(getpid(), getpid(), VM, 0, 0));
		SAME(kcmp(getpid(), getpid(), 8, 0, 0));
		_exit(0);
	}
	waitpid(pid, &status, 0);
	/* A zombie has nothing. */
	pid = fork();
	if (pid == 0)
		_exit(0);
	waitid(P_PID, (id_t)pid, NULL, WEXITED | WNOWAIT);
	SAME(kcmp(me, pid, VM, 0, 0));
	SAME(kcmp(me, pid, FILES, 0, 0));
	SAME(kcmp(me, pid, FS, 0, 0));
	SAME(kcmp(me, pid, FILES_ONE, 0, 0));
	waitpid(pid, &status, 0);
}

int main(void)
{
	pthread_t t;

	clones(0, "fork");
	clones(CLONE_VM, "memory");
	clones(CLONE_FILES, "descriptors");
	clones(CLONE_FS, "places");
	clones(CLONE_VM | CLONE_SIGHAND, "handlers");
	say("--- thread\n");
	NEED(pipe(wait_for) == 0);
	NEED(pthread_create(&t, NULL, thread, NULL) == 0);
	while (!__atomic_load_n(&thread_id, __ATOMIC_SEQ_CST))
		usleep(1000);
	compare_all(getpid(), thread_id);
	write(wait_for[1], "x", 1);
	pthread_join(t, NULL);
	compare_all(getpid(), getpid());
	files();
	refused();
	return 0;
}
