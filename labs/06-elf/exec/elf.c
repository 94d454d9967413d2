/*
 * ELF64: is this file a program, and where do its pieces go?
 *
 *   +--------------+ 0
 *   | elf64_header |  type, machine, entry, phoff, phnum
 *   +--------------+ phoff (mostly 64)
 *   | program      |  phnum records of 56 bytes; PT_LOAD says: these bytes of the file belong at that address,
 *   | headers      |  PT_INTERP: the name of the dynamic linker, PT_GNU_STACK: may the stack be executed
 *   +--------------+
 *   | segments …   |
 *
 * A program of type ET_EXEC stands at the addresses that it names. One of type ET_DYN may stand anywhere: all its addresses move by one number, the bias.
 * Everything in the file may be a lie: each number is checked before it is used, sums against wrap-around.
 */
#include "exec/exec.h"

#include "abi/elf.h"
#include "core/todo.h"
#include "lib/string.h"
#include "mm/slab.h"

#define PHDRS_MAX (PAGE_SIZE / sizeof(struct elf64_phdr))

int elf_check(const struct elf64_header *h, u64 file_size)
{
	TODO("06-elf");
}

int elf_load(struct exec_source *s, struct aspace *as, bool is_interpreter, struct elf_object *out)
{
	TODO("06-elf");
}
