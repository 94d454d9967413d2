/*
 * A copy of the vDSO behind a page of data of our own, where nobody writes but us. The page is as the kernel's distro/vdso_code.h has it: on Linux it looks
 * otherwise. Symbols are found as a C library finds them.
 */
#ifndef SWITCHBACK_TESTS_VDSO_COPY_H
#define SWITCHBACK_TESTS_VDSO_COPY_H

#include <elf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <time.h>

#define PAGE 4096

struct data {
	uint32_t seq, shift;
	uint64_t mult, base_tsc, base_ns, realtime_offset_ns;
};

static int (*clock_of_copy)(int, struct timespec *);
static volatile struct data *data;
static const char *copy_code, *copy_end; /* its code: [copy_code, copy_end) */

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

/* Makes the copy, with the kernel's data in its page; ends the program if there is none to be had. */
static void copy_the_vdso(void)
{
	const char *image = (const char *)getauxval(AT_SYSINFO_EHDR);
	size_t size = image ? image_size((unsigned long)image) : 0, at = size ? symbol(image, "__vdso_clock_gettime") : 0;
	char *copy = mmap(NULL, PAGE + size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (!at || copy == MAP_FAILED) {
		printf("there is no vDSO, or no clock in it\n");
		exit(1);
	}
	memcpy(copy, image - PAGE, PAGE);
	memcpy(copy + PAGE, image, size);
	mprotect(copy + PAGE, size, PROT_READ | PROT_EXEC);
	data = (volatile struct data *)copy;
	copy_code = copy + PAGE;
	copy_end = copy_code + size;
	clock_of_copy = (int (*)(int, struct timespec *))(copy + PAGE + at);
}

#endif
