/* stage: 12; libc: musl; run: campaign
 * Random system calls, chosen and filled by the kernel's own table, from several workers at once.
 *
 * Arguments are mostly of the kind that the table names (a descriptor, a path, a place in memory), sometimes at an edge,
 * sometimes anything. Half of the children are nobody in particular and may fork; the others are root and may not. */
#include "campaign_pen.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>

static const struct row { int number; const char *name, *arguments; } rows[] = {
#define ROW(n, name, arguments) { n, #name, arguments },
#include "calls.h"
};

static char *arena;		/* 64 KiB to play with; then a hole, then a page that can only be read */
static const char *only;
enum { ARENA = 65536 };

static const char *const paths[] = {
	"f", "d", "d/f", "l", "loop", "", ".", "..", "/", "nothing", "d/nothing", "f/x", "fifo", "/proc/self/fd/3", "/proc/self/maps",
	"/proc/self/mem", "/proc/self/status", "/proc/self/stat", "/proc/self/environ", "/proc/self/cwd", "/proc/self/exe", "/proc/self/fd",
	"/proc/self/task", "/proc/stat", "/proc/meminfo", "/proc/mounts", "/proc/1/stat", "/dev/null", "/dev/zero", "/dev/full", "/dev/ptmx",
	"/dev/pts/0", "/dev/pts", "/dev/tty", "/dev/random", "/dev/kmsg", "d/d/d/d", "new1", "new2", "d/new3", "d/new4", "x", "/proc", "/dev",
	"tmpfs", "proc", "devpts", "user.a", "user.b", "trusted.c", "size=1m", "/tests/campaign_calls", "./////d/./../d",
};

static uint64_t edge(void)
{
	static const uint64_t edges[] = {
		0, 1, 8, 0xfff, 0x1000, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0x7fffffffe000, 0x7fffffffefff, 0x7ffffffff000,
		0x7fffffffffff, 0x800000000000, 0x7fffffffffffffff, 0x8000000000000000, 0xffff800000000000, 0xffff888000000000,
		0xffffffff80000000, 0xffffffff81000000, 0xfffffffffffff000, 0xffffffffffffffff, 0xfffffffffffffffe, -4095ull, -9ull,
	};

	return edges[below(COUNT(edges))] + (below(4) ? 0 : below(16) - 8);
}

static uint64_t place(void)
{
	switch (below(12)) {
	case 0: return 0;
	case 1: return edge();
	case 2: return (uint64_t)arena + ARENA - below(64);		/* across the end */
	case 3: return (uint64_t)arena + ARENA + 4096 + below(4096);	/* only for reading */
	case 4: return (uint64_t)arena + below(ARENA);
	default: return (uint64_t)arena + below(64) * 512;
	}
}

static uint64_t size(void)
{
	static const uint64_t sizes[] = { 0, 1, 2, 4, 8, 16, 24, 32, 64, 128, 144, 4095, 4096, 4097, 8192, 65536, 1 << 20, 1 << 24 };

	return below(12) ? sizes[below(COUNT(sizes))] : below(2) ? below(300) : edge();
}

static uint64_t number(void)
{
	switch (below(8)) {
	case 0: return edge();
	case 1: return 1ull << below(32);
	case 2: return 1ull << below(32) | 1ull << below(20) | 1ull << below(13);
	case 3: return rnd() & 0xffffffff;
	case 4: return (uint64_t)-1 - below(3);
	default: return below(40);
	}
}

static uint64_t text_at(void)
{
	char *at = arena + below(100) * 512;

	if (below(16) == 0)
		return place();
	if (below(40) == 0) {
		memset(at, 'n', 5000);
		at[below(2) ? 255 : 4097] = '\0';
	} else {
		strcpy(at, paths[below(COUNT(paths))]);
	}
	return (uint64_t)at;
}

/* Words that are often sound: small numbers, descriptors, addresses of the arena. */
static void fill(void)
{
	uint64_t *word = (uint64_t *)(arena + below(64) * 512);

	for (int i = 0; i < 32; i++)
		switch (below(6)) {
		case 0: word[i] = place(); break;
		case 1: word[i] = size(); break;
		case 2: word[i] = number(); break;
		case 3: word[i] = below(40) | below(40) << 32; break;
		case 4: word[i] = 0; break;
		default: word[i] = below(64); break;
		}
}

static uint64_t argument(const char *type, bool root)
{
	if (below(50) == 0)
		return below(2) ? edge() : rnd();
	if (strncmp(type, "fd:", 3) == 0)
		return below(20) ? below(45) : number();
	if (strncmp(type, "dirfd:", 6) == 0)
		return below(2) ? (uint64_t)AT_FDCWD : below(45);
	if (strncmp(type, "path:", 5) == 0 || strncmp(type, "str:", 4) == 0)
		return text_at();
	if (strncmp(type, "buf:", 4) == 0 || strncmp(type, "data:", 5) == 0 || strncmp(type, "ptr:", 4) == 0)
		return place();
	if (strncmp(type, "size:", 5) == 0 || strncmp(type, "off:", 4) == 0)
		return size();
	if (strncmp(type, "sig:", 4) == 0)
		return below(70);
	if (strncmp(type, "pid:", 4) == 0)
		return below(3) ? (uint64_t)getpid() : root ? 0 : below(3);
	if (strncmp(type, "ulong:addr", 10) == 0 || strncmp(type, "ulong:stack", 11) == 0)
		return below(3) ? place() & ~0xfffull : place();
	if (strncmp(type, "uid:", 4) == 0 || strncmp(type, "gid:", 4) == 0)
		return below(2) ? 65534 : number();
	return number();
}

static void prepare(void)
{
	int fds[2], at = 3;

	mkdir("d", 0777);
	mkdir("d/d", 0777);
	put_text("f", "0123456789");
	put_text("d/f", "more");
	symlink("f", "l");
	symlink("loop", "loop");
	mkfifo("fifo", 0666);
	for (size_t i = 0; i < COUNT(paths); i++)
		if (paths[i][0] && below(3) == 0)
			at = open(paths[i], (int)below(3) | O_NONBLOCK | O_NOCTTY);
	pipe2(fds, (int)below(2) * O_NONBLOCK);
	pipe2(fds, O_NONBLOCK);
	SYS(eventfd2, 1, O_NONBLOCK);
	SYS(epoll_create1, 0);
	SYS(timerfd_create, CLOCK_MONOTONIC, O_NONBLOCK);
	SYS(memfd_create, "m", 3);
	SYS(signalfd4, -1, "\0\0\0\0\0\0\0", 8, O_NONBLOCK);
	open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK);
	socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds);
	open("f", O_PATH);
	open(".", O_TMPFILE | O_RDWR, 0600);
	(void)at;
}

/* Calls that would end the campaign and prove nothing. */
static bool spared(const struct row *row, uint64_t a[6], bool root)
{
	const char *name = row->name;

	if (strcmp(name, "reboot") == 0)
		return true;
	/* What they make outlives who made it, and would look like a leak; sysv_*.c and posix_mq.c are theirs. */
	if (strcmp(name, "shmget") == 0 || strcmp(name, "semget") == 0 || strcmp(name, "msgget") == 0 || strcmp(name, "mq_open") == 0)
		return true;
	if (root) {
		/* Among them chroot: with a second one root leaves the pen, unmounts /tmp, and makes names that nobody clears up. */
		static const char *const never[] = {
			"chroot", "fork", "vfork", "clone", "clone3", "pivot_root", "sched_setscheduler", "settimeofday", "clock_settime", "setpriority",
		};

		for (size_t i = 0; i < COUNT(never); i++)
			if (strcmp(name, never[i]) == 0)
				return true;
		if (strcmp(name, "kill") == 0 || strcmp(name, "tkill") == 0 || strcmp(name, "rt_sigqueueinfo") == 0 ||
		    strcmp(name, "tgkill") == 0 || strcmp(name, "rt_tgsigqueueinfo") == 0 || strcmp(name, "prlimit64") == 0)
			a[0] = (uint64_t)getpid();
	}
	/* What ends or stops the child itself, only now and then. */
	static const char *const rare[] = {
		"exit", "exit_group", "pause", "kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "rt_sigsuspend", "execve", "execveat",
		"vhangup", "nanosleep", "clock_nanosleep", "rt_sigreturn",
	};

	for (size_t i = 0; i < COUNT(rare); i++)
		if (strcmp(name, rare[i]) == 0)
			return below(8);
	return false;
}

static void child(int worker, uint64_t round, volatile uint64_t *calls)
{
	bool root = below(2);

	(void)round;
	prepare();
	pen_limits();
	if (!root)
		pen_become_nobody(worker);
	for (int i = 0; i < 4; i++)
		fill();
	for (int i = 0; i < 2000; i++) {
		const struct row *row = &rows[below(COUNT(rows))];
		uint64_t a[6] = { 0 };
		const char *at = row->arguments;

		if (only && !strstr(only, row->name))
			continue;
		for (int k = 0; k < 6 && at && *at != '-'; k++) {
			a[k] = argument(at, root);
			at = strchr(at, ',');
			if (at)
				at++;
		}
		if (below(8) == 0)
			fill();
		if (spared(row, a, root))
			continue;
		++*calls;
		syscall(row->number, a[0], a[1], a[2], a[3], a[4], a[5]);
	}
	_exit(0);
}

int main(void)
{
	only = getenv("ONLY");
	arena = mmap((void *)0x10000000, ARENA + 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	NEED(arena != MAP_FAILED);
	munmap(arena + ARENA, 4096);
	mprotect(arena + ARENA + 4096, 4096, PROT_READ);
	return pen_campaign("random system calls", "calls", child);
}
