/* stage: 12; libc: musl; run: guest+golden
 * What /proc/meminfo says of memory that programs have mapped: it grows with what is touched, counts a page once for all who map it, and is as it was when nobody does. */
#include "t.h"
#include <sys/mman.h>
#include <sys/wait.h>

#define MIB (1l << 20)
#define SIZE (8 * MIB)

static long kilobytes(const char *name)
{
	static char text[8192];
	int fd = open("/proc/meminfo", O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);
	char *at;

	close(fd);
	text[n > 0 ? n : 0] = 0;
	at = strstr(text, name);
	return at ? strtol(at + strlen(name), NULL, 10) : -1;
}

static long mapped, anon;

static void start(void)
{
	mapped = kilobytes("\nMapped:");
	anon = kilobytes("\nAnonPages:");
}

/* In whole MiB: others use some as well. */
static void show(const char *when)
{
	long m = kilobytes("\nMapped:") - mapped, a = kilobytes("\nAnonPages:") - anon;

	say("%s: files %ld MiB, own memory %ld MiB\n", when, (m + 10240 + 512) / 1024 - 10, (a + 10240 + 512) / 1024 - 10);
}

static void touch(volatile char *p, int how)
{
	for (long at = 0; at < SIZE; at += 4096) {
		if (how == PROT_WRITE)
			p[at] = 1;
		else
			(void)p[at];
	}
}

int main(void)
{
	int fd = open("mapped", O_RDWR | O_CREAT, 0600);
	char *p, *q;

	NEED(fd >= 0 && !ftruncate(fd, SIZE));
	p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	NEED(p != MAP_FAILED);
	touch(p, PROT_WRITE);
	munmap(p, SIZE);
	start();
	show("a file in memory that nobody has mapped");
	p = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, 0);
	show("mapped, not touched");
	touch(p, PROT_READ);
	show("touched");
	q = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	touch(q, PROT_READ);
	show("touched a second time");
	if (!fork()) {
		touch(p, PROT_READ);
		show("in a child as well");
		_exit(0);
	}
	wait(NULL);
	touch(q, PROT_WRITE);
	show("the second is written, for its own");
	munmap(p, SIZE);
	show("the first is gone");
	munmap(q, SIZE);
	show("both are gone");
	p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	touch(p, PROT_WRITE);
	show("written");
	ftruncate(fd, SIZE / 2);
	show("the file is cut");
	munmap(p, SIZE);
	show("gone");
	close(fd);
	unlink("mapped");
	return 0;
}
