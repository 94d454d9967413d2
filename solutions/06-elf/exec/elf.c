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

#ifdef SOLUTION
int elf_check(const struct elf64_header *h, u64 file_size)
{
	if (file_size < sizeof(*h) || memcmp(h->ident, ELF_MAGIC, 4))
		return -ENOEXEC;
	if (h->machine != EM_X86_64) /* says the class and the byte order too: Linux does not look at those */
		return -ENOEXEC;
	if (h->type != ET_EXEC && h->type != ET_DYN)
		return -ENOEXEC;
	if (h->phentsize != sizeof(struct elf64_phdr) || h->phnum == 0 || h->phnum > PHDRS_MAX)
		return -ENOEXEC;
	if (h->phoff > file_size || file_size - h->phoff < h->phnum * sizeof(struct elf64_phdr))
		return -ENOEXEC;
	return 0;
}

/* The numbers of one PT_LOAD make sense by themselves. */
static int check_segment(const struct elf64_phdr *ph)
{
	if (ph->filesz > ph->memsz)
		return -EINVAL;
	if (ph->memsz > USER_END || ph->vaddr > USER_END - ph->memsz)
		return -ENOMEM;
	if (ph->offset + ph->filesz < ph->offset)
		return -EINVAL;
	return 0;
}

static int read_interp(struct exec_source *s, const struct elf64_phdr *ph, struct elf_object *out)
{
	if (ph->filesz < 2 || ph->filesz > PAGE_SIZE)
		return -ENOEXEC;
	if (ph->filesz > sizeof(out->interp))
		return -ENOENT;
	int err = exec_read(s, out->interp, ph->filesz, ph->offset);
	if (err)
		return err;
	return out->interp[ph->filesz - 1] == '\0' ? 0 : -ENOEXEC;
}

/* First pass: what the program headers say, without touching memory. */
static int survey(struct exec_source *s, const struct elf64_phdr *ph, u32 n, bool is_interpreter, struct elf_object *out)
{
	bool any = false;

	out->lowest = USER_END;
	for (u32 i = 0; i < n; i++) {
		int err = 0;
		if (ph[i].type == PT_LOAD) {
			err = check_segment(&ph[i]);
			out->lowest = MIN(out->lowest, ALIGN_DOWN(ph[i].vaddr, PAGE_SIZE));
			out->highest = MAX(out->highest, ph[i].vaddr + ph[i].memsz);
			any = true;
		} else if (ph[i].type == PT_INTERP && !is_interpreter && !out->interp[0]) {
			err = read_interp(s, &ph[i], out);
		} else if (ph[i].type == PT_GNU_STACK) {
			out->exec_stack = ph[i].flags & PF_X;
		}
		if (err)
			return err;
	}
	return any ? 0 : -ENOEXEC;
}

/* What /proc and brk want to know of a segment that was mapped. */
static void note_segment(const struct elf64_header *h, const struct elf64_phdr *ph, struct elf_object *out)
{
	vaddr_t start = ph->vaddr + out->bias, file_end = start + ph->filesz;

	if (h->phoff >= ph->offset && h->phoff - ph->offset < ph->filesz)
		out->phdr = start + (h->phoff - ph->offset);
	if (ph->flags & PF_X) {
		out->code_start = out->code_start ? MIN(out->code_start, start) : start;
		out->code_end = MAX(out->code_end, file_end);
	}
	out->data_start = MAX(out->data_start, start);
	out->data_end = MAX(out->data_end, file_end);
	out->brk = MAX(out->brk, start + ph->memsz);
}

int elf_load(struct exec_source *s, struct aspace *as, bool is_interpreter, struct elf_object *out)
{
	struct elf64_header h;
	struct elf64_phdr *ph = NULL;
	int err;

	memset(out, 0, sizeof(*out));
	memset(&h, 0, sizeof(h));
	ssize_t got = s->read_at(s, &h, sizeof(h), 0);
	if (got < 0)
		return got;
	if (is_interpreter && (size_t)got < sizeof(h))
		return -EIO;
	err = elf_check(&h, s->size);
	if (err)
		return is_interpreter ? -ELIBBAD : err;

	size_t bytes = h.phnum * sizeof(*ph);
	ph = kmalloc(bytes, 0);
	if (!ph)
		return -ENOMEM;
	err = exec_read(s, ph, bytes, h.phoff);
	if (!err)
		err = survey(s, ph, h.phnum, is_interpreter, out);
	if (err)
		goto free_headers;

	out->is_dyn = h.type == ET_DYN;
	if (out->is_dyn) {
		u64 span = ALIGN_UP(out->highest, PAGE_SIZE) - out->lowest;
		long at = segment_place(as, span, out->interp[0] != '\0');
		if (at < 0) {
			err = at;
			goto free_headers;
		}
		out->bias = at - out->lowest;
	}
	for (u32 i = 0; i < h.phnum && !err; i++) {
		if (ph[i].type != PT_LOAD || !ph[i].memsz)
			continue;
		err = segment_map(s, as, &ph[i], out->bias);
		if (!err)
			note_segment(&h, &ph[i], out);
	}
	out->lowest += out->bias;
	out->highest += out->bias;
	out->entry = h.entry + out->bias;
	out->phnum = h.phnum;
	if (!err && out->entry >= USER_END)
		err = -EINVAL;
free_headers:
	kfree(ph);
	return err;
}
#else
int elf_check(const struct elf64_header *h, u64 file_size)
{
	TODO("06-elf");
}

int elf_load(struct exec_source *s, struct aspace *as, bool is_interpreter, struct elf_object *out)
{
	TODO("06-elf");
}
#endif
