/* stage: 12; libc: musl; run: guest+golden
 * Parameters of /proc/sys that are heeded: random addresses, numbers of processes, descriptors, waiting connections, mounts, pseudo-terminals; and dirty pages'
 * limits, of which two say the same. */
#include "t.h"

#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

static long get(const char *name)
{
	char path[100];
	long value = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/sys/%s", name);
	f = fopen(path, "r");
	NEED(f && fscanf(f, "%ld", &value) == 1);
	fclose(f);
	return value;
}

/* 0, or -1 with errno. */
static int set(const char *name, long value)
{
	char path[100], text[24];
	int fd, n;

	snprintf(path, sizeof(path), "/proc/sys/%s", name);
	snprintf(text, sizeof(text), "%ld\n", value);
	fd = open(path, O_WRONLY);
	NEED(fd >= 0);
	n = (int)write(fd, text, strlen(text));
	close(fd);
	return n < 0 ? -1 : 0;
}

/* The stack, the heap's end and a mapping of a new program, which prints them. */
static void addresses(char *out, size_t size)
{
	int p[2];
	ssize_t n;

	NEED(pipe(p) == 0);
	if (fork() == 0) {
		dup2(p[1], 1);
		execl("/proc/self/exe", "tell", "tell", NULL);
		_exit(1);
	}
	close(p[1]);
	n = read(p[0], out, size - 1);
	NEED(n > 0);
	out[n] = 0;
	close(p[0]);
	wait(NULL);
}

static void random_addresses(void)
{
	char one[200], two[200];
	long before = get("kernel/randomize_va_space");

	V(before);
	addresses(one, sizeof(one));
	addresses(two, sizeof(two));
	T(strcmp(one, two));
	R(set("kernel/randomize_va_space", 0));
	addresses(one, sizeof(one));
	addresses(two, sizeof(two));
	T(!strcmp(one, two));
	R(set("kernel/randomize_va_space", 3));
	set("kernel/randomize_va_space", before);
}

static void numbers(void)
{
	long before = get("kernel/pid_max"), most = 0;

	R(set("kernel/pid_max", 300));
	R(set("kernel/pid_max", 500));
	for (int i = 0; i < 700; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		NEED(pid > 0);
		if (pid > most)
			most = pid;
		waitpid(pid, NULL, 0);
	}
	T(most < 500);
	T(most > 450);
	R(set("kernel/pid_max", before));
}

static void descriptors(void)
{
	long before = get("fs/nr_open");
	struct rlimit old, more = { 5000, 5000 };

	V(before);
	NEED(getrlimit(RLIMIT_NOFILE, &old) == 0);
	R(set("fs/nr_open", 63));
	R(set("fs/nr_open", 2048));
	R(setrlimit(RLIMIT_NOFILE, &more));
	more.rlim_cur = more.rlim_max = 2048;
	R(setrlimit(RLIMIT_NOFILE, &more));
	R(dup2(1, 2047));
	R(close(2047));
	R(set("fs/nr_open", before));
	R(setrlimit(RLIMIT_NOFILE, &old));
}

static void connections(void)
{
	struct sockaddr_un name = { AF_UNIX, "\0backlog" };
	int l = socket(AF_UNIX, SOCK_STREAM, 0), s[8];
	long before = get("net/core/somaxconn");

	V(before);
	NEED(set("net/core/somaxconn", 2) == 0);
	NEED(bind(l, (struct sockaddr *)&name, sizeof(name)) == 0);
	R(listen(l, 100));
	for (int i = 0; i < 5; i++) {
		s[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		R(connect(s[i], (struct sockaddr *)&name, sizeof(name)));
	}
	for (int i = 0; i < 5; i++)
		close(s[i]);
	close(l);
	R(set("net/core/somaxconn", before));
}

static void mounts(void)
{
	long before = get("fs/mount-max");

	V(before);
	NEED(mkdir("at", 0755) == 0);
	R(set("fs/mount-max", 0));
	R(set("fs/mount-max", 1));
	R(mount("none", "at", "tmpfs", 0, NULL));
	R(set("fs/mount-max", before));
	R(mount("none", "at", "tmpfs", 0, NULL));
	R(umount("at"));
	R(rmdir("at"));
}

static void terminals(void)
{
	long before = get("kernel/pty/max"), used = get("kernel/pty/nr");
	int fd;

	V(before);
	fd = open("/dev/ptmx", O_RDWR | O_NOCTTY);
	T(fd >= 0);
	T(get("kernel/pty/nr") == used + 1);
	R(set("kernel/pty/max", used + 2));
	R(open("/dev/ptmx", O_RDWR | O_NOCTTY));
	R(set("kernel/pty/max", used + 3));
	T(close(open("/dev/ptmx", O_RDWR | O_NOCTTY)) == 0);
	close(fd);
	T(get("kernel/pty/nr") == used);
	R(set("kernel/pty/max", before));
}

static void dirty(void)
{
	long ratio = get("vm/dirty_ratio"), background = get("vm/dirty_background_ratio");

	T(ratio > background);
	R(set("vm/dirty_ratio", 101));
	R(set("vm/dirty_bytes", 100));
	R(set("vm/dirty_bytes", 1 << 24));
	V(get("vm/dirty_ratio"));
	R(set("vm/dirty_background_bytes", 1 << 23));
	V(get("vm/dirty_background_ratio"));
	R(set("vm/dirty_ratio", ratio));
	V(get("vm/dirty_bytes"));
	R(set("vm/dirty_background_ratio", background));
	V(get("vm/dirty_background_bytes"));
	V(get("vm/dirty_writeback_centisecs"));
	V(get("vm/dirty_expire_centisecs"));
}

int main(int argc, char **argv UNUSED)
{
	if (argc > 1) {
		int here;

		say("%p %p %p\n", (void *)&here, sbrk(0), mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
		return 0;
	}
	random_addresses();
	numbers();
	descriptors();
	connections();
	mounts();
	terminals();
	dirty();
	return 0;
}
