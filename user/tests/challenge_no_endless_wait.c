/* stage: 13; libc: musl; run: challenge */
/*
 * Lab 13's optional challenge `no-endless-wait`: the vDSO's clock does not wait for ever for a writer that has stopped; it asks the kernel then. The vDSO's code is
 * copied behind a page of data of our own, where nobody writes but us. A program of its own kind: on Linux the page looks otherwise.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096
#define FAR 1000000000000000ull /* ns: eleven days that the kernel does not know of */

struct data { /* as the kernel's distro/vdso_code.h has it */
	uint32_t seq, shift;
	uint64_t mult, base_tsc, base_ns, realtime_offset_ns;
};

static int (*clock_of_copy)(int, struct timespec *);
static volatile struct data *data;
static const char *doing;

static void too_long(int signo)
{
	(void)signo;
	printf("%s: it waits for ever\n", doing);
	fflush(stdout);
	_exit(1);
}

static uint64_t ns(struct timespec t) { return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec; }

static uint64_t kernel_says(int clock)
{
	struct timespec t;
	syscall(SYS_clock_gettime, clock, &t);
	return ns(t);
}

/* Whether the copy's answer lies `ahead` of the kernel's. */
static int wrong(const char *what, int clock, uint64_t ahead)
{
	struct timespec t = { -1, -1 };
	struct itimerval limit = { .it_value.tv_usec = 50000 }, off = { 0 };
	uint64_t before, after;
	int result;

	doing = what;
	before = kernel_says(clock);
	setitimer(ITIMER_VIRTUAL, &limit, NULL);
	result = clock_of_copy(clock, &t);
	setitimer(ITIMER_VIRTUAL, &off, NULL);
	after = kernel_says(clock);
	if (result == 0 && ns(t) + 2000 >= before + ahead && ns(t) <= after + ahead + 2000 && t.tv_nsec < 1000000000)
		return 0;
	printf("%s, clock %d: result %d, %lld ns from what the kernel says\n", what, clock, result, (long long)(ns(t) - before));
	return 1;
}

/* The end of the image, by /proc. */
static size_t image_size(unsigned long start)
{
	char line[256];
	unsigned long from, to;
	FILE *f = fopen("/proc/self/maps", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx-%lx", &from, &to) == 2 && from == start)
			return to - from;
	return 0;
}

/* Where a symbol lies in the image; the program headers come first, then the dynamic section tells. */
static size_t symbol(const char *image, const char *name)
{
	const Elf64_Ehdr *h = (const void *)image;
	const Elf64_Phdr *ph = (const void *)(image + h->e_phoff);
	const Elf64_Sym *symbols = NULL;
	const char *strings = NULL;

	for (int i = 0; i < h->e_phnum; i++)
		if (ph[i].p_type == PT_DYNAMIC)
			for (const Elf64_Dyn *d = (const void *)(image + ph[i].p_vaddr); d->d_tag != DT_NULL; d++) {
				if (d->d_tag == DT_SYMTAB)
					symbols = (const void *)(image + d->d_un.d_ptr);
				if (d->d_tag == DT_STRTAB)
					strings = image + d->d_un.d_ptr;
			}
	for (int i = 1; symbols && strings && (const char *)(symbols + i) < strings; i++)
		if (!strcmp(strings + symbols[i].st_name, name))
			return symbols[i].st_value;
	return 0;
}

int main(void)
{
	static const int clocks[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME };
	const char *image = (const char *)getauxval(AT_SYSINFO_EHDR);
	size_t size = image ? image_size((unsigned long)image) : 0, at = size ? symbol(image, "__vdso_clock_gettime") : 0;
	char *copy = mmap(NULL, PAGE + size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct data good;
	int bad = 0;

	if (!at || copy == MAP_FAILED) {
		printf("there is no vDSO, or no clock in it\n");
		return 1;
	}
	memcpy(copy, image - PAGE, PAGE);
	memcpy(copy + PAGE, image, size);
	mprotect(copy + PAGE, size, PROT_READ | PROT_EXEC);
	data = (volatile struct data *)copy;
	clock_of_copy = (int (*)(int, struct timespec *))(copy + PAGE + at);
	signal(SIGVTALRM, too_long);
	memcpy(&good, copy, sizeof(good));
	for (unsigned i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
		data->seq = good.seq & ~1u;
		data->base_ns = good.base_ns;
		bad += wrong("a copy of the page", clocks[i], 0);
		data->base_ns = good.base_ns + FAR;
		bad += wrong("a page of our own", clocks[i], FAR); /* so it is the page that is asked */
		data->seq |= 1;
		bad += wrong("a writer that has stopped", clocks[i], 0);
		data->seq++;
		bad += wrong("a writer that is through", clocks[i], FAR);
	}
	return bad != 0;
}
