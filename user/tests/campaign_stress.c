/* stage: 12; libc: musl; run: campaign
 * Storms of legal work on all CPUs, one kind after the other (ONLY= names some): what is looked for is a panic, work that
 * stops going on (a lost wake-up), wrong contents, and memory that does not come back. */
#include "campaign.h"
#include <dirent.h>
#include "linux_futex.h"
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <termios.h>

struct shared {
	atomic_ulong done[64];		/* of each worker */
	atomic_int word[64];
	atomic_int stop;
	atomic_ulong wrong;
};
static struct shared *shared;
static long end;

static bool going(int me)
{
	atomic_fetch_add(&shared->done[me], 1);
	return now_ms() < end && !atomic_load(&shared->stop);
}

static void mistake(const char *what)
{
	if (atomic_fetch_add(&shared->wrong, 1) < 10)
		say("WRONG: %s (%s)\n", what, errname(errno));
}

/* fork, exec, exit and wait, generations deep. */
static void forks(int me)
{
	char *argv[] = { "campaign_stress", "exit", NULL };

	while (going(me)) {
		int status = 0, want = (int)below(100);
		pid_t pid = fork();

		if (pid == 0) {
			pid_t inner = below(2) ? vfork() : fork();

			if (inner == 0) {
				if (want & 1)
					execv("/proc/self/exe", argv);
				_exit(want);
			}
			if (below(3))
				while (waitpid(inner, &status, 0) < 0 && errno == EINTR)
					;
			_exit(want);
		}
		if (pid < 0)
			continue;
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		if (!WIFEXITED(status) || WEXITSTATUS(status) != want)
			mistake("exit status");
	}
}

/* Threads of one process map, fault, change and unmap next to each other, while others fork. */
static void *map_thread(void *arg)
{
	int me = (int)(long)arg;

	while (going(me)) {
		size_t size = (1 + below(32)) * 4096;
		char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, (below(2) ? MAP_PRIVATE : MAP_SHARED) | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED)
			continue;
		for (size_t i = 0; i < size; i += 4096)
			*(int *)(p + i) = me + (int)i;
		if (below(3) == 0)
			mprotect(p, size / 2, PROT_READ);
		if (below(8) == 0) {
			pid_t pid = fork();

			if (pid == 0) {
				for (size_t i = 0; i < size; i += 4096)
					if (*(int *)(p + i) != me + (int)i)
						_exit(1);
				_exit(0);
			}
			int status = 0;

			if (pid > 0 && waitpid(pid, &status, 0) == pid && status)
				mistake("memory of a child");
		}
		if (below(4) == 0) {
			char *moved = mremap(p, size, size + 8192, MREMAP_MAYMOVE);

			if (moved != MAP_FAILED) {
				p = moved;
				munmap(p + size, 8192);
			}
		}
		if (below(4) == 0)
			madvise(p, size, MADV_DONTNEED);
		else
			for (size_t i = 0; i < size; i += 4096)
				if (*(int *)(p + i) != me + (int)i)
					mistake("memory");
		munmap(p, size);
	}
	return NULL;
}

static void maps(int me)
{
	pthread_t thread[3];

	for (int i = 0; i < 3; i++)
		pthread_create(&thread[i], NULL, map_thread, (void *)(long)me);
	map_thread((void *)(long)me);
	for (int i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
}

/* A ring of pipes: a byte goes round. */
static void pipes(int me)
{
	while (going(me)) {
		int to[2], from[2], status;
		pid_t pid;

		if (pipe(to) < 0 || pipe(from) < 0)
			return;
		pid = fork();
		if (pid == 0) {
			static char buffer[70000];
			ssize_t n;

			close(to[1]);
			close(from[0]);
			while ((n = read(to[0], buffer, 1 + below(sizeof(buffer)))) > 0)
				for (ssize_t k = 0; k < n;) {
					ssize_t w = write(from[1], buffer + k, (size_t)(n - k));

					if (w <= 0)
						_exit(1);
					k += w;
				}
			_exit(0);
		}
		close(to[0]);
		close(from[1]);
		if (pid > 0) {
			static unsigned char out[70000], in[70000];

			for (int round = 0; round < 20; round++) {
				size_t want = 1 + below(round & 1 ? 60000 : 100), got = 0;

				for (size_t i = 0; i < want; i++)
					out[i] = (unsigned char)(i * 7 + (size_t)round);
				if (write(to[1], out, want) != (ssize_t)want)
					mistake("pipe: write");
				while (got < want) {
					struct pollfd p = { from[0], POLLIN, 0 };
					ssize_t n;

					if (poll(&p, 1, 20000) <= 0) {
						mistake("pipe: no answer in 20 s");
						break;
					}
					n = read(from[0], in + got, want - got);
					if (n <= 0)
						break;
					got += (size_t)n;
				}
				if (memcmp(in, out, want) != 0)
					mistake("pipe: contents");
				going(me);
			}
		}
		close(to[1]);
		close(from[0]);
		if (pid > 0)
			waitpid(pid, &status, 0);
	}
}

/* Neighbours hand a token to each other through a futex word in shared memory. */
static void futexes(int me)
{
	int pair = me / 2, mine = me & 1;

	while (going(me)) {
		while (atomic_load(&shared->word[pair]) != mine) {
			struct timespec long_time = { 10, 0 };

			if (now_ms() >= end)
				return;
			if (SYS(futex, &shared->word[pair], FUTEX_WAIT, !mine, &long_time, NULL, 0) < 0 && errno == ETIMEDOUT &&
			    atomic_load(&shared->word[pair]) == mine)
				mistake("futex: a wake-up was lost");
		}
		atomic_store(&shared->word[pair], !mine);
		SYS(futex, &shared->word[pair], FUTEX_WAKE, 1, NULL, NULL, 0);
	}
	atomic_store(&shared->word[pair], !mine);
	SYS(futex, &shared->word[pair], FUTEX_WAKE, 1, NULL, NULL, 0);
}

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

static void threads(int me)
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

/* All in the same two folders. */
static void names(int me)
{
	char a[64], b[64], buffer[64];
	int fd;

	mkdir("/tmp/n", 0777);
	mkdir("/tmp/n/x", 0777);
	mkdir("/tmp/n/y", 0777);
	while (going(me)) {
		snprintf(a, sizeof(a), "/tmp/n/%c/%d", 'x' + (int)below(2), (int)below(8));
		snprintf(b, sizeof(b), "/tmp/n/%c/%d", 'x' + (int)below(2), (int)below(8));
		switch (below(10)) {
		case 0: rename(a, b); break;
		case 1: unlink(a); break;
		case 2: link(a, b); break;
		case 3: symlink(b, a); break;
		case 4: mkdir(a, 0777); break;
		case 5: rmdir(a); break;
		case 6: SYS(renameat2, AT_FDCWD, a, AT_FDCWD, b, 2); break;
		case 7: access(a, F_OK); break;
		case 8: {
			DIR *d = opendir(below(2) ? "/tmp/n/x" : "/tmp/n/y");

			while (d && readdir(d))
				;
			if (d)
				closedir(d);
			break;
		}
		default:
			fd = open(a, O_RDWR | O_CREAT, 0666);
			if (fd >= 0) {
				write(fd, "something", 9);
				pread(fd, buffer, sizeof(buffer), 0);
				ftruncate(fd, (off_t)below(100000));
				close(fd);
			}
		}
	}
}

static void on_signal(int sig)
{
	(void)sig;
}

/* Signals of all kinds between processes that work, sleep, fork and stop. */
static void signals(int me)
{
	sigset_t all, none;

	sigfillset(&all);
	sigemptyset(&none);
	while (going(me)) {
		int status;
		pid_t target;

		sigprocmask(SIG_SETMASK, &all, NULL);
		target = fork();
		if (target)
			sigprocmask(SIG_SETMASK, &none, NULL);
		if (target == 0) {
			for (int s = 1; s < 64; s++)
				if (s != SIGKILL && s != SIGSTOP && s != 32 && s != 33 && s != 34) {
					struct sigaction act = { .sa_handler = on_signal, .sa_flags = below(2) ? SA_RESTART : SA_NODEFER };

					sigaction(s, &act, NULL);
				}
			sigprocmask(SIG_SETMASK, &none, NULL);
			for (int i = 0;; i++) {
				if (i % 3 == 0)
					nap(1);
				else if (i % 7 == 0) {
					pid_t pid = fork();

					if (pid == 0)
						_exit(0);
					while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
						;
				} else
					SYS(getppid);
				if (getppid() == 1)
					_exit(0);
			}
		}
		if (target < 0)
			continue;
		for (int i = 0; i < 60; i++) {
			int sig = 1 + (int)below(63);

			if (sig != SIGKILL && (sig < 32 || sig > 34))
				kill(target, sig);
			if (sig == SIGSTOP || sig == SIGTSTP)
				kill(target, SIGCONT);
			if (below(8) == 0)
				sched_yield();
		}
		kill(target, SIGKILL);
		while (waitpid(target, &status, 0) < 0 && errno == EINTR)
			;
		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
			mistake("killed, and not dead of it");
	}
}

/* Terminals: both ends write, read, change modes, and one end goes away in the middle. */
static void ptys(int me)
{
	while (going(me)) {
		char name[64], buffer[512];
		int master = open("/dev/ptmx", O_RDWR | O_NOCTTY), zero = 0, n;
		pid_t pid;

		if (master < 0 || ioctl(master, TIOCSPTLCK, &zero) < 0 || ioctl(master, TIOCGPTN, &n) < 0) {
			mistake("ptmx");
			nap(10);
			continue;
		}
		snprintf(name, sizeof(name), "/dev/pts/%d", n);
		pid = fork();
		if (pid == 0) {
			int slave;
			struct termios t;

			signal(SIGTTOU, SIG_IGN);
			setsid();
			slave = open(name, O_RDWR);
			close(master);
			for (int i = 0; i < 50 && slave >= 0; i++) {
				switch (below(5)) {
				case 0: write(slave, "some text\n", 10); break;
				case 1: tcgetattr(slave, &t); t.c_lflag ^= ICANON; tcsetattr(slave, (int)below(3), &t); break;
				case 2: {
					struct pollfd p = { slave, POLLIN, 0 };

					if (poll(&p, 1, 5) > 0)
						read(slave, buffer, sizeof(buffer));
					break;
				}
				case 3: tcflush(slave, (int)below(3)); break;
				default: sched_yield();
				}
			}
			_exit(0);
		}
		fcntl(master, F_SETFL, O_NONBLOCK);
		for (int i = 0, rounds = (int)below(60); i < rounds; i++) {
			write(master, "typed\n\3\4\32", below(9) + 1);
			read(master, buffer, sizeof(buffer));
			sched_yield();
		}
		close(master);
		kill(pid, SIGCONT);
		if (pid > 0)
			wait_or_kill(pid, 5000);
	}
}

/* /proc of processes that come and go, read in odd pieces. */
static void procs(int me)
{
	static const char *const files[] = {
		"stat", "status", "statm", "maps", "smaps", "cmdline", "environ", "exe", "cwd", "root", "fd", "fd/0", "fd/3", "task", "comm",
		"limits", "mountinfo", "mounts", "oom_score", "io", "wchan", "syscall", "auxv", "mem", "fdinfo/0", "ns", "attr", "stack", "trace",
		"../meminfo", "../stat", "../mounts", "../loadavg", "../uptime", "../subsystems", "../syscalls", "../vmstat", "../interrupts",
		"../cpuinfo", "../version", "../slabinfo", "../buddyinfo", "../zoneinfo", "../filesystems", "../partitions", "../devices", "..",
	};

	while (going(me)) {
		pid_t pid = fork();

		if (pid == 0) {
			for (uint64_t i = below(50); i > 0; i--)
				mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), sched_yield();
			_exit(0);
		}
		for (int i = 0; i < 30 && pid > 0; i++) {
			char path[96], buffer[5000];
			int fd;

			snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, files[below(COUNT(files))]);
			readlink(path, buffer, sizeof(buffer));
			fd = open(path, (int)below(2) * O_DIRECTORY | O_NONBLOCK);
			if (fd < 0)
				continue;
			for (int k = 0; k < 4; k++) {
				switch (below(5)) {
				case 0: lseek(fd, (off_t)(below(2) ? below(10000) : rnd()), (int)below(4)); break;
				case 1: pread(fd, buffer, 1 + below(sizeof(buffer)), (off_t)below(100000)); break;
				case 2: SYS(getdents64, fd, buffer, below(300)); break;
				case 3: mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0); break;
				default: read(fd, buffer, 1 + below(sizeof(buffer)));
				}
			}
			close(fd);
		}
		if (pid > 0)
			if (wait_or_kill(pid, 10000) < 0)
				mistake("a process that only ends did not, in 10 s");
	}
}

/* Mounts come and go while files in them are open. */
static void mounts(int me)
{
	char place[64], file[80];

	snprintf(place, sizeof(place), "/tmp/m%d", me);
	snprintf(file, sizeof(file), "%s/file", place);
	mkdir(place, 0755);
	while (going(me)) {
		int fd;

		if (mount("t", place, below(6) ? "tmpfs" : "proc", 0, NULL) < 0)
			mistake("mount");
		fd = open(file, O_RDWR | O_CREAT, 0644);
		if (fd >= 0) {
			write(fd, "contents", 8);
			if (umount(place) == 0)
				mistake("umount of what is in use");
			if (below(2)) {
				umount2(place, MNT_DETACH);
				if (write(fd, "more", 4) != 4)
					mistake("write after a detach");
			}
			close(fd);
		}
		if (below(4) == 0)
			mount("/tmp", place, NULL, MS_BIND | (below(2) ? MS_REC : 0), NULL);
		for (int i = 0; i < 20 && umount2(place, MNT_DETACH) == 0; i++)
			;
	}
}

/* Files that are mapped shrink, vanish and are executed. */
static void on_bus(int sig)
{
	_exit(sig == SIGBUS ? 0 : 1);
}

static void files(int me)
{
	char name[64];

	snprintf(name, sizeof(name), "/tmp/f%d", me);
	while (going(me)) {
		int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0755), status;
		char *p;
		pid_t pid;

		if (fd < 0 || ftruncate(fd, 65536) < 0) {
			mistake("file");
			continue;
		}
		p = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		memset(p, 'a', 65536);
		pid = fork();
		if (pid == 0) {
			signal(SIGBUS, on_bus);
			for (;;)
				for (int i = 0; i < 65536; i += 4096)
					p[i]++;
		}
		sched_yield();
		if (below(2))
			unlink(name);
		ftruncate(fd, (off_t)below(8) * 4096);
		if (pid > 0) {
			status = wait_or_kill(pid, 10000);
			if (status != 0)
				mistake("no SIGBUS behind the end of a file");
		}
		munmap(p, 65536);
		close(fd);
	}
}

/* Memory runs out again and again. */
static void hogs(int me)
{
	while (going(me)) {
		pid_t pid = fork();
		int status;

		if (pid == 0) {
			int adj = open("/proc/self/oom_score_adj", O_WRONLY);

			write(adj, "1000", 4);
			for (size_t n = 0;; n += 1 << 20) {
				char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

				if (p == MAP_FAILED)
					_exit(0);
				memset(p, 1, 1 << 20);
			}
		}
		while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	}
}

static const struct { const char *name; void (*run)(int me); } kinds[] = {
	{ "forks", forks }, { "maps", maps }, { "pipes", pipes }, { "futexes", futexes }, { "threads", threads }, { "names", names },
	{ "signals", signals }, { "ptys", ptys }, { "procs", procs }, { "mounts", mounts }, { "files", files }, { "hogs", hogs },
};

static void run(size_t kind, int workers, long seconds, uint64_t seed)
{
	unsigned long before = 0, after, last = 0;
	long free_before = meminfo("MemFree:"), stuck = 0, start = now_ms();
	pid_t pid[64];

	memset(shared, 0, sizeof(*shared));
	end = now_ms() + seconds * 1000;
	for (int i = 0; i < workers; i++) {
		pid[i] = fork();
		if (pid[i] == 0) {
			random_state = seed * 1000 + (uint64_t)i + kind * 77;
			setpgid(0, 0);
			kinds[kind].run(i);
			_exit(0);
		}
	}
	for (int left = workers; left > 0;) {
		nap(200);
		while (left > 0 && waitpid(-1, NULL, WNOHANG) > 0)
			left--;
		after = 0;
		for (int i = 0; i < workers; i++)
			after += atomic_load(&shared->done[i]);
		stuck = after == last ? stuck + 1 : 0;
		last = after;
		if (stuck == 100)
			say("STUCK: %s: nothing went on for 20 s\n", kinds[kind].name);
		if (now_ms() > end + 40000) {
			say("STUCK: %s: %d workers do not end\n", kinds[kind].name, left);
			for (int i = 0; i < workers; i++) {
				char path[64], text[256];
				int fd;
				ssize_t n;

				snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid[i]);
				fd = open(path, O_RDONLY);
				n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
				text[n > 0 ? n : 0] = '\0';
				close(fd);
				say("  %s", text);
				kill(-pid[i], SIGKILL);
				kill(pid[i], SIGKILL);
			}
			nap(2000);
			while (waitpid(-1, NULL, WNOHANG) > 0)
				;
			break;
		}
	}
	(void)before;
	for (int i = 0; i < workers; i++)
		if (pid[i] > 0)
			kill(-pid[i], SIGKILL);
	nap(300);
	say("%s: %ld s, %lu rounds, %lu wrong, free KiB %ld before, %ld after\n", kinds[kind].name, (now_ms() - start) / 1000, last,
	    (unsigned long)atomic_load(&shared->wrong), free_before, meminfo("MemFree:"));
}

static int remove_tree(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	char name[512];

	while (d && (e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		if (unlink(name) < 0)
			remove_tree(name);
	}
	if (d)
		closedir(d);
	return rmdir(path);
}

int main(int argc, char **argv)
{
	long seconds = told("TIME", 60), workers = told("WORKERS", 6), each;
	uint64_t seed = (uint64_t)told("SEED", 1);
	const char *only = getenv("ONLY");
	int count = 0;

	(void)argv;
	if (argc > 1)
		return 0;
	for (size_t i = 0; i < COUNT(kinds); i++)
		count += !only || strstr(only, kinds[i].name);
	each = seconds / (count ? count : 1) + 1;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	NEED(shared != MAP_FAILED && workers <= 64);
	say("storms: seed %lu, %ld seconds each, %ld workers\n", (unsigned long)seed, each, workers);
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (!only || strstr(only, kinds[i].name)) {
			run(i, (int)workers, each, seed);
			remove_tree("/tmp/n");
		}
	return 0;
}
