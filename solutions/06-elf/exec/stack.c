/*
 * The first stack of a program (AMD64 ABI 3.4.1), from high addresses to low:
 *
 *   stack_top   8 zero bytes
 *               the path of the program (AT_EXECFN)
 *   env_end     environment strings
 *   env_start   argument strings            (env_start == arg_end)
 *   arg_start   "x86_64" (AT_PLATFORM), 16 random bytes (AT_RANDOM), padding
 *               AT_NULL
 *               … auxiliary vector: pairs of type and value
 *               NULL
 *               envp[envc-1] … envp[0]
 *               NULL
 *               argv[argc-1] … argv[0]
 *   sp ──►      argc                        sp is a multiple of 16
 *
 * The address space is not loaded: everything is written into it by vm_access.
 */
#include "exec/exec.h"

#include "core/random.h"
#include "core/todo.h"
#include "lib/string.h"

static const char platform[] = "x86_64";

#ifdef SOLUTION
static bool put(struct aspace *as, vaddr_t at, const void *data, size_t n)
{
	return vm_access(as, at, (void *)data, n, true) == n;
}

/* Addresses of `count` strings that lie one after the other, then a NULL. Returns where the table ends. */
static u64 *fill_pointers(u64 *table, u32 count, const char *strings, vaddr_t at)
{
	for (u32 i = 0; i < count; i++) {
		size_t n = strlen(strings) + 1;
		*table++ = at;
		strings += n;
		at += n;
	}
	*table++ = 0;
	return table;
}

long stack_build(struct aspace *as, const struct exec_args *args, const struct exec_image *img, vaddr_t stack_top)
{
	struct auxv_list auxv;
	u8 seed[16];
	size_t path_bytes = strlen(img->path) + 1;
	vaddr_t execfn = stack_top - 8 - path_bytes;
	vaddr_t strings = execfn - args->used;
	vaddr_t platform_at = ALIGN_DOWN(strings, 16ul) - 16;
	vaddr_t random_at = platform_at - sizeof(seed);

	random_bytes(seed, sizeof(seed));
	if (!put(as, execfn, img->path, path_bytes) || !put(as, strings, args->strings, args->used) ||
	    !put(as, platform_at, platform, sizeof(platform)) || !put(as, random_at, seed, sizeof(seed)))
		return -EFAULT;
	as->arg_start = strings;
	as->arg_end = as->env_start = strings + args->env_offset;
	as->env_end = execfn;

	auxv_collect(&auxv, as, img, random_at, execfn, platform_at);
	memcpy(as->auxv, auxv.v, MIN(auxv.n * sizeof(auxv.v[0]), sizeof(as->auxv)));

	size_t words = 1 + args->argc + 1 + args->envc + 1;
	size_t bytes = words * sizeof(u64) + auxv.n * sizeof(auxv.v[0]);
	vaddr_t sp = ALIGN_DOWN(random_at - bytes, 16ul);
	u64 *table = exec_buffer_alloc(words * sizeof(u64));
	if (!table)
		return -ENOMEM;
	table[0] = args->argc;
	u64 *next = fill_pointers(table + 1, args->argc, args->strings, as->arg_start);
	fill_pointers(next, args->envc, args->strings + args->env_offset, as->env_start);
	bool ok = put(as, sp, table, words * sizeof(u64)) && put(as, sp + words * sizeof(u64), auxv.v, auxv.n * sizeof(auxv.v[0]));
	exec_buffer_free(table, words * sizeof(u64));
	return ok ? (long)sp : -EFAULT;
}
#else
long stack_build(struct aspace *as, const struct exec_args *args, const struct exec_image *img, vaddr_t stack_top)
{
	(void)platform;
	TODO("06-elf");
}
#endif
