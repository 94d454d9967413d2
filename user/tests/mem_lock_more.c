/* stage: 12; libc: musl; run: guest+golden
 * mlock2, advice on locked pages, and what smaps says of them; faults beyond user space say nothing of what is there. */
#include "t.h"
#include <setjmp.h>
#include <ucontext.h>

#define PAGE 4096

static sigjmp_buf again;

static void on_fault(int sig, siginfo_t *info, void *context)
{
	ucontext_t *u = context;

	say("signal %s code %d error %lx\n", signame(sig), info->si_code, (long)u->uc_mcontext.gregs[REG_ERR]);
	siglongjmp(again, 1);
}

/* A line of /proc/self/smaps, of the mapping that begins at p. */
static void show(void *p, const char *key)
{
	char line[512], start[32];
	FILE *f = fopen("/proc/self/smaps", "r");
	int inside = 0;

	snprintf(start, sizeof(start), "%lx-", (unsigned long)p);
	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, start, strlen(start)))
			inside = 1;
		else if (inside && !strncmp(line, key, strlen(key))) {
			say("%s", line);
			break;
		}
	}
	fclose(f);
}

int main(void)
{
	char *a = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *b = mmap(NULL, 6 * PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned char there[4];
	static const unsigned long far[] = { 0x7ffffffff000, 0xffff888000000123, 0xffffffff80000000, 0xffffffff81000000, 0xffffc00000000000, 0xffffffffff600000 };

	R(SYS(mlock2, a, 2 * PAGE, 2));
	R(SYS(mlock2, a, 2 * PAGE, 1));
	R(mincore(a, 4 * PAGE, there));
	V(there[0] & 1);
	show(a, "Locked:");
	a[0] = 1;
	show(a, "Locked:");
	R(SYS(mlock2, a, 2 * PAGE, 0));
	R(mincore(a, 4 * PAGE, there));
	V(there[1] & 1);
	show(a, "Locked:");
	R(madvise(a, 4 * PAGE, MADV_DONTNEED));
	R(madvise(a, 2 * PAGE, 24));
	V(a[0]);
	R(madvise(a, 2 * PAGE, MADV_FREE));
	R(munlock(a, PAGE));
	show(a, "Locked:");
	R(madvise(a, PAGE, MADV_DONTNEED));
	R(madvise(b, PAGE, 24));

	for (size_t i = 0; i < COUNT(far); i++) {
		struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
		sigaction(SIGSEGV, &action, NULL);
		if (!sigsetjmp(again, 1))
			(void)*(volatile char *)far[i];
		if (!sigsetjmp(again, 1))
			*(volatile char *)far[i] = 1;
		if (!sigsetjmp(again, 1))
			((void (*)(void))far[i])();
	}
	return 0;
}
