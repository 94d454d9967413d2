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

long stack_build(struct aspace *as, const struct exec_args *args, const struct exec_image *img, vaddr_t stack_top)
{
	(void)platform;
	TODO("06-elf");
}
