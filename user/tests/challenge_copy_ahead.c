/* stage: 07; libc: musl; run: challenge */
/*
 * Lab 07's optional challenge `copy-ahead`: after fork neither side faults when it writes to the page of its stack pointer. All other pages are shared as
 * before, until they are written. A program of its own kind: Linux copies nothing ahead.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096
#define DEEP 32

struct seen {
	struct rusage before, after;
	long deep_faults;
	int value;
};

static long faults(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return u.ru_minflt;
}

/*
 * From fork to the second look at the count of faults in one piece, which lies in one page of code, so that nothing but the one store in the middle touches what
 * fork copied. `mine` is in shared memory, and is brought in before the first look.
 */
static __attribute__((noinline)) long fork_and_touch(struct seen *parent, struct seen *child)
{
	register long pid __asm__("r12");
	register struct seen *mine __asm__("r13") = parent;

	__asm__ volatile(".p2align 8\n\t"
			 "mov %[nr_fork], %%eax; syscall; mov %%rax, %%r12\n\t"
			 "test %%rax, %%rax; cmovz %[child], %%r13; movq $0, (%%r13)\n\t"
			 "mov %[nr_getrusage], %%eax; xor %%edi, %%edi; mov %%r13, %%rsi; syscall\n\t"
			 "lock orq $0, (%%rsp)\n\t"
			 "mov %[nr_getrusage], %%eax; xor %%edi, %%edi; lea %c[size](%%r13), %%rsi; syscall"
			 : "=&r"(pid), "+&r"(mine)
			 : [child] "r"(child), [nr_fork] "i"(SYS_fork), [nr_getrusage] "i"(SYS_getrusage), [size] "i"(sizeof(struct rusage))
			 : "rax", "rcx", "r11", "rdi", "rsi", "memory", "cc");
	return pid;
}

static int check(const char *what, long got, long least, long most)
{
	int ok = got >= least && got <= most;
	if (!ok)
		printf("%s: %ld, wanted %ld to %ld\n", what, got, least, most);
	return !ok;
}

static long touched(struct seen *s) { return s->after.ru_minflt - s->before.ru_minflt; }

int main(void)
{
	struct seen *seen = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	volatile char deep[DEEP * PAGE];
	volatile int value = 1;
	int bad = 0, status;
	pid_t first = 0;

	for (int i = 0; i < DEEP; i++)
		deep[i * PAGE] = (char)i;
	for (int turn = 0; turn < 3; turn++) {
		long pid = fork_and_touch(&seen[0], &seen[1]);
		if (pid == 0) {
			long before = faults();
			for (int i = 0; i < DEEP; i++)
				deep[i * PAGE]++;
			seen[1].deep_faults = faults() - before;
			seen[1].value = value++;
			if (turn == 0) /* the first one lives on: its page is another one for good */
				for (;;)
					pause();
			_exit(value);
		}
		if (turn == 0)
			first = pid;
		value += 10;
		if (turn)
			waitpid(pid, &status, 0);
		else
			while (!*(volatile int *)&seen[1].value)
				usleep(1000);
		bad += check("faults of the parent", touched(&seen[0]), 0, 0);
		bad += check("faults of the child", touched(&seen[1]), 0, 0);
		bad += check("faults of the child elsewhere in its stack", seen[1].deep_faults, DEEP - 4, 2 * DEEP);
		bad += check("what the child found", seen[1].value, 1 + turn * 10, 1 + turn * 10);
		if (turn)
			bad += check("what the child made of it", WEXITSTATUS(status), 2 + turn * 10, 2 + turn * 10);
		seen[1].value = 0;
	}
	kill(first, SIGKILL);
	waitpid(first, &status, 0);
	bad += check("what the parent made of it", value, 31, 31);
	for (int i = 0; i < DEEP; i++)
		bad += check("a page of the parent", deep[i * PAGE], i, i);
	return bad != 0;
}
