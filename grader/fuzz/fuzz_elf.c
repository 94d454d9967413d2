/* sources: exec/elf.c exec/segment.c lib/string.c; a program file, loaded into an address space that only remembers what was mapped */
#include "abi/elf.h"
#include "exec/exec.h"
#include "lib/string.h"
#include "exec_priv.h"

struct file_bytes { struct exec_source source; const u8 *data; };

enum { MAPS_MAX = 4096 };
static struct { vaddr_t start, end; u32 prot; } maps[MAPS_MAX];
static unsigned map_count;
static vaddr_t next_place;

bool exec_randomizes(void) { return false; }

/* What vm_map promises: whole pages of user space, or an error. */
long vm_map(struct aspace *as __unused, vaddr_t hint, u64 len, u32 prot, u32 flags, struct file *f __unused, u64 pgoff __unused)
{
	if (!len || hint & (PAGE_SIZE - 1))
		return -EINVAL;
	len = ALIGN_UP(len, PAGE_SIZE);
	if (!len || len > USER_END)
		return -ENOMEM;
	if (!(flags & MAP_FIXED)) {
		if (len > next_place)
			return -ENOMEM;
		hint = next_place -= len;
	}
	if (hint > USER_END - len)
		return -ENOMEM;
	if (map_count == MAPS_MAX)
		return -ENOMEM;
	maps[map_count].start = hint;
	maps[map_count].end = hint + len;
	maps[map_count++].prot = prot;
	return (long)hint;
}

long vm_unmap(struct aspace *as __unused, vaddr_t start, u64 len)
{
	WANT(map_count && maps[map_count - 1].start == start && maps[map_count - 1].end == start + ALIGN_UP(len, PAGE_SIZE));
	map_count--;
	return 0;
}

int vm_protect(struct aspace *as __unused, vaddr_t start, u64 len, u32 prot __unused)
{
	WANT(!(start & (PAGE_SIZE - 1)) && start + len > start && start + len <= USER_END);
	return 0;
}

/* Writes go to what was mapped, and nowhere else. */
size_t vm_access(struct aspace *as __unused, vaddr_t at, void *buf, size_t n, bool write)
{
	u8 sum = 0;

	WANT(write && n > 0);
	for (size_t i = 0; i < n; i++)
		sum += ((volatile u8 *)buf)[i];
	(void)sum;
	for (unsigned i = 0; i < map_count; i++)
		if (at >= maps[i].start && at + n <= maps[i].end && at + n >= at)
			return n;
	return 0;
}

static ssize_t read_at(struct exec_source *s, void *buf, size_t n, u64 off)
{
	struct file_bytes *f = (struct file_bytes *)s;

	if ((s64)off < 0)
		return -EINVAL;
	if (off >= s->size)
		return 0;
	n = MIN(n, s->size - off);
	memcpy(buf, f->data + off, n);
	return (ssize_t)n;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct elf_object *out = malloc(sizeof(*out));

	/* As a file of the VFS and as a member of an archive, as a program and as an interpreter. */
	for (int way = 0; way < 4; way++) {
		struct file_bytes f = { .source = { .read_at = read_at, .size = size, .file = way & 1 ? (struct file *)8 : NULL }, .data = data };
		map_count = 0;
		next_place = USER_END - (1ul << 40);
		if (elf_load(&f.source, NULL, way & 2, out))
			continue;
		WANT(out->entry < USER_END && out->lowest <= out->highest && out->brk <= USER_END);
		WANT(out->code_start <= out->code_end && out->data_start <= USER_END && out->data_end <= USER_END);
		WANT(memchr(out->interp, 0, sizeof(out->interp)));
		for (unsigned i = 0; i < map_count; i++)
			WANT(maps[i].end > maps[i].start && maps[i].end <= USER_END);
	}
	free(out);
	return 0;
}
