/*
 * From the kernel's stack to main.
 *
 * A static-PIE is loaded anywhere, and nobody but itself moves the addresses in its data: the dynamic
 * section lists them, and on x86-64 all of them are R_X86_64_RELATIVE, "the load address plus this".
 * Until that is done no pointer in data may be used and nothing may be reached through the global offset
 * table: relocate() touches only its arguments and the hidden __ehdr_start. (ELF gABI, "Dynamic Section".)
 */
#include "linux.h"

#include <elf.h>
#include <stdlib.h>

#define DYNAMIC_RELA		7
#define DYNAMIC_RELASZ		8
#define RELOC_RELATIVE		8

struct dynamic {
	int64_t tag;
	uint64_t value;
};

struct rela {
	uint64_t offset;
	uint64_t info;
	int64_t addend;
};

extern char **environ;
extern const char __ehdr_start[] __attribute__((visibility("hidden")));
extern void (*__preinit_array_start[])(void) __attribute__((weak, visibility("hidden")));
extern void (*__preinit_array_end[])(void) __attribute__((weak, visibility("hidden")));
extern void (*__init_array_start[])(void) __attribute__((weak, visibility("hidden")));
extern void (*__init_array_end[])(void) __attribute__((weak, visibility("hidden")));
extern void (*__fini_array_start[])(void) __attribute__((weak, visibility("hidden")));
extern void (*__fini_array_end[])(void) __attribute__((weak, visibility("hidden")));

int main(int argc, char **argv, char **envp);
void start_c(long *stack, const struct dynamic *dynamic) __attribute__((noreturn));

static inline void relocate(const struct dynamic *dynamic)
{
	uintptr_t base = (uintptr_t)__ehdr_start;
	const struct rela *rela = NULL;
	size_t bytes = 0;

	for (; dynamic->tag; dynamic++) {
		if (dynamic->tag == DYNAMIC_RELA)
			rela = (const struct rela *)(base + dynamic->value);
		else if (dynamic->tag == DYNAMIC_RELASZ)
			bytes = dynamic->value;
	}
	for (; rela && bytes >= sizeof(*rela); rela++, bytes -= sizeof(*rela))
		if ((uint32_t)rela->info == RELOC_RELATIVE)
			*(uint64_t *)(base + rela->offset) = base + (uint64_t)rela->addend;
}

static void run_fini(void)
{
	size_t count = (size_t)(__fini_array_end - __fini_array_start);

	while (count--)
		__fini_array_start[count]();
}

void start_c(long *stack, const struct dynamic *dynamic)
{
	long argc = stack[0];
	char **argv = (char **)(stack + 1);

	if (dynamic)
		relocate(dynamic);
	environ = argv + argc + 1;
	atexit(run_fini);
	for (void (**call)(void) = __preinit_array_start; call < __preinit_array_end; call++)
		(*call)();
	for (void (**call)(void) = __init_array_start; call < __init_array_end; call++)
		(*call)();
	exit(main((int)argc, argv, environ));
}

/* newlib's own start-up and exit call these; the arrays above do their work. */
void _init(void)
{
}

void _fini(void)
{
}
