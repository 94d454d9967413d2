/*
 * Segments in memory: how one PT_LOAD becomes areas.
 *
 *   file:    ……|offset ════════ offset+filesz|……
 *                  │                 │
 *   memory:  |page │ file's bytes    │ zeroes to the page's end | zero pages … |
 *            start vaddr        vaddr+filesz                    vaddr+memsz (rounded up)
 *
 * A file of the VFS is mapped, private, so that its pages come by demand and are shared until written. A member of an archive has no page cache: its
 * bytes are copied.
 */
#include "exec/exec.h"

#include "abi/elf.h"
#include "core/random.h"
#include "exec_priv.h"
#include "mm/slab.h"

#define PROGRAM_BASE 0x555555554000ul /* two thirds of user space, as Linux places position-independent programs */
#define RANDOM_PAGES (1ul << 28)
#define COPY_CHUNK (16 * 1024ul)

int exec_read(struct exec_source *s, void *buf, size_t n, u64 off)
{
	ssize_t got = s->read_at(s, buf, n, off);

	return got < 0 ? (int)got : (size_t)got < n ? -EIO : 0;
}

static int zero_range(struct aspace *as, vaddr_t from, vaddr_t to)
{
	static const u8 zeroes[256];

	while (from < to) {
		size_t n = MIN(to - from, sizeof(zeroes));
		if (vm_access(as, from, (void *)zeroes, n, true) != n)
			return -EFAULT;
		from += n;
	}
	return 0;
}

static int copy_file(struct exec_source *s, struct aspace *as, vaddr_t to, u64 n, u64 off)
{
	char *buf = kmalloc(COPY_CHUNK, 0);
	int err = buf ? 0 : -ENOMEM;

	while (!err && n) {
		ssize_t got = s->read_at(s, buf, MIN(n, COPY_CHUNK), off);
		if (got <= 0) { /* past the end of the file: zeroes */
			err = got;
			break;
		}
		if (vm_access(as, to, buf, got, true) != (size_t)got)
			err = -ENOMEM;
		to += got;
		off += got;
		n -= got;
	}
	kfree(buf);
	return err;
}

/* A file that is cut short maps all the same, as on Linux: who touches what is missing gets SIGBUS. */
static bool page_is_past_the_end(struct exec_source *s, u64 off)
{
	char byte;

	return s->read_at(s, &byte, 1, ALIGN_DOWN(off, PAGE_SIZE)) == 0;
}

int segment_map(struct exec_source *s, struct aspace *as, const struct elf64_phdr *ph, vaddr_t bias)
{
	vaddr_t base = ph->vaddr + bias;
	vaddr_t start = ALIGN_DOWN(base, PAGE_SIZE), file_end = base + ph->filesz, mem_end = base + ph->memsz;
	vaddr_t file_top = ph->filesz ? ALIGN_UP(file_end, PAGE_SIZE) : start, mem_top = ALIGN_UP(mem_end, PAGE_SIZE);
	u32 prot = (ph->flags & PF_R ? PROT_READ : 0) | (ph->flags & PF_W ? PROT_WRITE : 0) | (ph->flags & PF_X ? PROT_EXEC : 0);
	u32 first_prot = prot;
	long at;

	if ((ph->offset ^ ph->vaddr) & (PAGE_SIZE - 1))
		return -EINVAL;
	if (file_top > start && s->file) {
		/* Bytes of the file behind the segment are not the program's: to be zeroed, so writable for that time. */
		bool tail = ph->memsz > ph->filesz && (file_end & (PAGE_SIZE - 1));
		if (tail)
			first_prot |= PROT_READ | PROT_WRITE;
		at = vm_map(as, start, file_top - start, first_prot, MAP_PRIVATE | MAP_FIXED, s->file, ALIGN_DOWN(ph->offset, PAGE_SIZE) >> PAGE_SHIFT);
		if (at < 0)
			return at;
		if (tail && !page_is_past_the_end(s, ph->offset + ph->filesz)) {
			int err = zero_range(as, file_end, file_top);
			if (err)
				return err;
		}
	} else if (file_top > start) {
		first_prot = PROT_READ | PROT_WRITE;
		at = vm_map(as, start, file_top - start, first_prot, MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, NULL, 0);
		if (at < 0)
			return at;
		int err = copy_file(s, as, base, ph->filesz, ph->offset);
		if (err)
			return err;
	}
	if (first_prot != prot) {
		int err = vm_protect(as, start, file_top - start, prot);
		if (err)
			return err;
	}
	if (mem_top > file_top) {
		at = vm_map(as, file_top, mem_top - file_top, prot, MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, NULL, 0);
		if (at < 0)
			return at;
	}
	return 0;
}

long segment_place(struct aspace *as, u64 len, bool program_with_interpreter)
{
	vaddr_t hint = 0;
	u32 flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

	if (program_with_interpreter) {
		hint = PROGRAM_BASE + (exec_randomizes() ? (random_u64() % RANDOM_PAGES) << PAGE_SHIFT : 0);
		flags |= MAP_FIXED;
	}
	long at = vm_map(as, hint, len, PROT_NONE, flags, NULL, 0);
	if (at < 0)
		return at;
	long err = vm_unmap(as, at, len);
	return err ? err : at;
}

vaddr_t exec_program_base(void) { return PROGRAM_BASE; }
