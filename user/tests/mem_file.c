/* stage: 08; libc: musl; run: host+guest
 * File mappings: private ones copy, shared ones write through, the end of a file is SIGBUS. */
#include "t.h"

#define PAGE 4096ul
#define RW (PROT_READ | PROT_WRITE)

static void on_bus(int sig, siginfo_t *info, void *context)
{
	(void)context;
	say("signal %s code %d\n", signame(sig), info->si_code);
	_exit(3);
}

int main(void)
{
	char buf[16] = "";
	char *p, *q;
	int fd, ro, wo;

	t_dir();
	put_text("f", "hello, file");
	fd = open("f", O_RDWR);
	ro = open("f", O_RDONLY);
	wo = open("f", O_WRONLY);

	p = mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0);
	q = mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0);
	S(p);
	memcpy(p, "PRIVATE", 7);
	S(p);
	S(q);
	R(pread(fd, buf, 5, 0));
	S(buf);
	memcpy(q, "SHARED", 6);
	R(pread(fd, buf, 6, 0));
	S(buf);
	S(p);
	R(pwrite(fd, "written", 7, 0));
	S(q);
	V(q[100]);
	q[100] = 'z';
	R(lseek(fd, 0, SEEK_END));

	/* What was cut off does not come back. */
	q[100] = 0;
	R(ftruncate(fd, 200));
	R(ftruncate(fd, 5));
	R(ftruncate(fd, 11));
	R(pread(fd, buf, 11, 0));
	say("after shrink and growth: %.5s %d %d\n", buf, buf[5], buf[10]);

	/* Rights: what the descriptor cannot do the mapping cannot. */
	R(mmap(NULL, PAGE, RW, MAP_SHARED, ro, 0));
	OK(mmap(NULL, PAGE, RW, MAP_PRIVATE, ro, 0));
	R(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, wo, 0));
	R(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, wo, 0));
	p = OK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, ro, 0));
	R(mprotect(p, PAGE, RW));
	R(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, open(".", O_RDONLY), 0));
	R(SYS(mmap, NULL, PAGE, PROT_READ, MAP_SHARED, fd, 1));
	R(SYS(mmap, NULL, PAGE, PROT_READ, MAP_SHARED, fd, -PAGE));
	R(mmap(NULL, PAGE, PROT_READ, 0, fd, 0));

	/* Past the end. */
	R(ftruncate(fd, PAGE + 10));
	p = mmap(NULL, 3 * PAGE, RW, MAP_SHARED, fd, 0);
	p[PAGE + 100] = 1;
	V(p[PAGE + 10]);
	IN_CHILD("a page past the end") {
		catch_info(SIGBUS, on_bus, 0);
		p[2 * PAGE] = 1;
	}
	IN_CHILD("and without a handler")
		(void)*(volatile char *)(p + 2 * PAGE);
	R(ftruncate(fd, 10));
	IN_CHILD("a page cut off under the mapping")
		(void)*(volatile char *)(p + PAGE);
	R(ftruncate(fd, 3 * PAGE));
	V(p[PAGE]);
	V(p[2 * PAGE]);
	R((write(fd, p + PAGE, 10)));

	/* The mapping outlives descriptor and name. */
	R(unlink("f"));
	close(fd);
	close(ro);
	close(wo);
	p[0] = 'A';
	V(p[0]);
	IN_CHILD("shared across fork")
		p[1] = 'B';
	V(p[1]);

	/* Two processes, one file, each with its own mapping. */
	put_text("g", "0000");
	IN_CHILD("writer") {
		int g = open("g", O_RDWR);
		char *w = mmap(NULL, PAGE, RW, MAP_SHARED, g, 0);

		memcpy(w, "1234", 4);
	}
	fd = open("g", O_RDWR);
	memset(buf, 0, sizeof(buf));
	R(read(fd, buf, 4));
	S(buf);

	/* An offset of some pages. */
	R(ftruncate(fd, 0));
	for (int i = 0; i < 5; i++)
		pwrite(fd, &"abcde"[i], 1, (off_t)(i * PAGE));
	p = mmap(NULL, 2 * PAGE, PROT_READ, MAP_PRIVATE, fd, 3 * PAGE);
	say("%c %c\n", p[0], p[PAGE]);
	return 0;
}
