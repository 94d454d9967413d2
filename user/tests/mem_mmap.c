/* stage: 07; libc: musl; run: host+guest
 * mmap, munmap, mprotect: arguments, errnos, holes, splits, fixed places. */
#include "t.h"

#define PAGE 4096ul
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

static char *map(size_t pages, int prot)
{
	char *p = mmap(NULL, pages * PAGE, prot, ANON, -1, 0);

	NEED(p != MAP_FAILED);
	return p;
}

static void touch(const char *what, char *p, int write_it)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (write_it)
			*(volatile char *)p = 1;
		else
			(void)*(volatile char *)p;
		_exit(0);
	}
	reap(what, pid);
}

static void gone(int sig)
{
	(void)sig;
	_exit(3);
}

int main(void)
{
	char *p, *q;
	long sum = 0;

	/* Arguments. */
	R(mmap(NULL, 0, PROT_READ, ANON, -1, 0));
	R(mmap(NULL, PAGE, PROT_READ, MAP_ANONYMOUS, -1, 0));
	R(SYS(mmap, NULL, PAGE, PROT_READ, ANON, -1, 1));
	R(mmap((void *)1, PAGE, PROT_READ, ANON | MAP_FIXED, -1, 0));
	R(mmap((void *)0x800000000000, PAGE, PROT_READ, ANON | MAP_FIXED, -1, 0));
	R(mmap((void *)0x7ffffffff000, PAGE, PROT_READ, ANON | MAP_FIXED, -1, 0));
	R(mmap((void *)0xffffffff80000000, PAGE, PROT_READ, ANON | MAP_FIXED, -1, 0));
	R(SYS(mmap, NULL, -1ul, PROT_READ, ANON, -1, 0));
	R(SYS(mmap, NULL, 1ul << 47, PROT_READ, ANON, -1, 0));
	R(SYS(mmap, NULL, -PAGE, PROT_READ, ANON, -1, 0));
	R(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, -1, 0));
	R(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, 99, 0));
	R(munmap((void *)1, PAGE));
	R(munmap(NULL, 0));
	R(munmap((void *)0x800000000000, PAGE));
	R(munmap((void *)0x7ffffffff000, PAGE * 2));
	R(munmap((void *)0x10000, PAGE));
	R(mprotect((void *)1, PAGE, PROT_READ));
	R(mprotect((void *)0x10000, PAGE, PROT_READ));
	R(mprotect((void *)0x10000, 0, PROT_READ));

	/* New memory is zero, and a length is rounded up. */
	p = mmap(NULL, PAGE + 1, PROT_READ | PROT_WRITE, ANON, -1, 0);
	for (size_t i = 0; i < 2 * PAGE; i++)
		sum |= p[i];
	V(sum);
	p[2 * PAGE - 1] = 5;
	V(p[2 * PAGE - 1]);
	R(munmap(p, PAGE + 1));
	touch("unmapped", p + PAGE, 0);

	/* A hole in the middle splits the area. */
	p = map(5, PROT_READ | PROT_WRITE);
	memset(p, 7, 5 * PAGE);
	R(munmap(p + 2 * PAGE, PAGE));
	touch("below the hole", p + PAGE, 1);
	touch("in the hole", p + 2 * PAGE, 0);
	touch("above the hole", p + 3 * PAGE, 1);
	R(mprotect(p, 5 * PAGE, PROT_READ));
	touch("below, read", p + PAGE, 0);
	touch("below, write after a protection that met a hole", p + PAGE, 1);
	touch("above, write: it stopped at the hole", p + 3 * PAGE, 1);
	R(munmap(p, 5 * PAGE));
	R(munmap(p, 5 * PAGE));

	/* Protections, page by page. */
	p = map(4, PROT_READ | PROT_WRITE);
	p[0] = p[PAGE] = p[2 * PAGE] = p[3 * PAGE] = 9;
	R(mprotect(p + PAGE, PAGE, PROT_NONE));
	R(mprotect(p + 2 * PAGE, PAGE, PROT_READ));
	touch("none, read", p + PAGE, 0);
	touch("read only, read", p + 2 * PAGE, 0);
	touch("read only, write", p + 2 * PAGE, 1);
	touch("after it, write", p + 3 * PAGE, 1);
	R(mprotect(p, 4 * PAGE, PROT_READ | PROT_WRITE));
	V(p[0] + p[PAGE] + p[2 * PAGE] + p[3 * PAGE]);
	p[PAGE] = 1;
	R(munmap(p, 4 * PAGE));

	/* MAP_FIXED replaces, MAP_FIXED_NOREPLACE does not, a hint is taken when it is free. */
	p = map(3, PROT_READ | PROT_WRITE);
	memset(p, 3, 3 * PAGE);
	q = mmap(p + PAGE, PAGE, PROT_READ | PROT_WRITE, ANON | MAP_FIXED, -1, 0);
	T(q == p + PAGE);
	V(p[0] + p[PAGE] + p[2 * PAGE]);
	R(mmap(p + PAGE, PAGE, PROT_READ, ANON | MAP_FIXED_NOREPLACE, -1, 0));
	R(munmap(p + PAGE, PAGE));
	q = mmap(p + PAGE, PAGE, PROT_READ, ANON | MAP_FIXED_NOREPLACE, -1, 0);
	T(q == p + PAGE);
	R(munmap(p + PAGE, PAGE));
	q = mmap(p + PAGE, PAGE, PROT_READ | PROT_WRITE, ANON, -1, 0);
	T(q == p + PAGE);
	q = mmap(p + PAGE, PAGE, PROT_READ | PROT_WRITE, ANON, -1, 0);
	T(q != p + PAGE && q != MAP_FAILED);

	/* Code is run from what may be run, and from nothing else. */
	p = map(1, PROT_READ | PROT_WRITE);
	p[0] = (char)0xc3;
	IN_CHILD("run what is only data")
		((void (*)(void))(uintptr_t)p)();
	R(mprotect(p, PAGE, PROT_READ | PROT_EXEC));
	IN_CHILD("run what is code")
		((void (*)(void))(uintptr_t)p)();

	/* The null page, and a mapping at address 0. */
	IN_CHILD("read address 0")
		(void)*(volatile char *)0;
	IN_CHILD("write address 8")
		*(volatile char *)8 = 1;
	IN_CHILD("call address 0")
		((void (*)(void))0)();
	IN_CHILD("read the kernel")
		(void)*(volatile char *)0xffffffff81000000;
	IN_CHILD("read the first kernel address")
		(void)*(volatile char *)0xffff800000000000;
	IN_CHILD("read a non-canonical address")
		(void)*(volatile char *)0x800000000000;

	/* A program that takes away everything that it has: the fault behind the call ends it, whatever it does with SIGSEGV. */
	for (int how = 0; how < 4; how++) {
		static const char *const names[] = { "default", "ignored", "blocked", "a handler" };
		sigset_t set;

		IN_CHILD(names[how]) {
			sigemptyset(&set);
			sigaddset(&set, SIGSEGV);
			if (how == 1)
				signal(SIGSEGV, SIG_IGN);
			if (how == 2)
				sigprocmask(SIG_BLOCK, &set, NULL);
			if (how == 3)
				signal(SIGSEGV, gone);
			for (unsigned long n = 1ul << 63; n > PAGE; n >>= 1)
				SYS(munmap, 0, n - PAGE);
			say("still here\n");
		}
	}
	return 0;
}
