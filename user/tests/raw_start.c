/* stage: 06; libc: none; run: host+guest
 * What a program finds on its stack at its first instruction: alignment, argc, argv, envp, auxv. */
#include "raw.h"

static uint64_t aux(long *auxv, long type, int *found)
{
	for (; auxv[0]; auxv += 2)
		if (auxv[0] == type) {
			*found = 1;
			return (uint64_t)auxv[1];
		}
	*found = 0;
	return 0;
}

static long bss[4096];
static long data[4] = { 1, 2, 3, 4 };
extern const char __ehdr_start[];

int test_main(long *stack)
{
	static const struct { long type; const char *name; } wanted[] = {
		{ 3, "AT_PHDR" }, { 4, "AT_PHENT" }, { 5, "AT_PHNUM" }, { 6, "AT_PAGESZ" }, { 7, "AT_BASE" },
		{ 8, "AT_FLAGS" }, { 9, "AT_ENTRY" }, { 11, "AT_UID" }, { 12, "AT_EUID" }, { 13, "AT_GID" },
		{ 14, "AT_EGID" }, { 15, "AT_PLATFORM" }, { 16, "AT_HWCAP" }, { 17, "AT_CLKTCK" },
		{ 23, "AT_SECURE" }, { 25, "AT_RANDOM" }, { 31, "AT_EXECFN" },
	};
	long argc = stack[0], sum = 0, *p = stack + 1, *auxv;
	char **argv = (char **)p;
	const unsigned char *random;
	int found, zeros = 0;

	V((uintptr_t)stack % 16);
	V(argc);
	V(p[argc] == 0);
	V(raw_length(argv[0]) > 0);
	for (p += argc + 1; *p; p++)
		;
	auxv = p + 1;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		aux(auxv, wanted[i].type, &found);
		put_result(wanted[i].name, found);
	}
	V(aux(auxv, 3, &found) == (uintptr_t)__ehdr_start + 64);
	V(aux(auxv, 4, &found));
	V(aux(auxv, 5, &found) == *(uint16_t *)(__ehdr_start + 56));
	V(aux(auxv, 6, &found));
	V(aux(auxv, 7, &found));
	V(aux(auxv, 8, &found));
	V(aux(auxv, 9, &found) == *(uint64_t *)(__ehdr_start + 24));
	V(aux(auxv, 17, &found));
	V(aux(auxv, 23, &found));
	put((const char *)aux(auxv, 15, &found));
	put("\n");
	random = (const unsigned char *)aux(auxv, 25, &found);
	for (int i = 0; i < 16; i++)
		zeros += random[i] == 0;
	V(zeros < 8);
	for (size_t i = 0; i < sizeof(bss) / sizeof(bss[0]); i++)
		sum |= bss[i];
	V(sum);
	V(data[0] + data[1] + data[2] + data[3]);
	data[3] = 40;
	V(data[3]);
	return 0;
}
