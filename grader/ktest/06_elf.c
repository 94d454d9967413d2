/* Stage 06: what is no ELF file is refused, and areas behave at their edges. */
#include "core/ktest.h"

#include "core/err.h"
#include "exec/exec.h"
#include "lib/string.h"
#include "vm/aspace.h"

/* An ELF64 header by its bytes (ELF-64 object file format, figure 2). */
static u8 header[64] __aligned(8);

static void put(unsigned offset, unsigned bytes, u64 value)
{
	memcpy(header + offset, &value, bytes);
}

static void good_header(void)
{
	memset(header, 0, sizeof(header));
	memcpy(header, "\177ELF", 4);
	put(4, 1, 2);         /* 64 bits */
	put(5, 1, 1);         /* little-endian */
	put(6, 1, 1);         /* version */
	put(16, 2, 2);        /* ET_EXEC */
	put(18, 2, 62);       /* x86-64 */
	put(20, 4, 1);
	put(24, 8, 0x401000); /* entry */
	put(32, 8, 64);       /* program headers */
	put(52, 2, 64);
	put(54, 2, 56);
	put(56, 2, 3);
}

static int check(void)
{
	return elf_check((const struct elf64_header *)header, 0x4000);
}

KTEST(06, a_good_header_passes)
{
	good_header();
	KEXPECT_EQ(check(), 0);
	put(16, 2, 3); /* ET_DYN */
	KEXPECT_EQ(check(), 0);
}

KTEST(06, bad_headers_are_refused)
{
	static const struct {
		const char *what;
		u16 offset, bytes;
		u64 value;
	} bad[] = {
		{ "magic", 0, 4, 0x46454c00 }, { "the end of the magic", 3, 1, 'G' },
		{ "relocatable", 16, 2, 1 }, { "core file", 16, 2, 4 }, { "other machine", 18, 2, 3 },
		{ "size of a program header", 54, 2, 55 }, { "no program headers", 56, 2, 0 },
		{ "program headers past the end", 32, 8, 0x3fff }, { "program headers that wrap", 32, 8, ~0ul - 63 },
		{ "too many program headers", 56, 2, 0xffff },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		good_header();
		put(bad[i].offset, bad[i].bytes, bad[i].value);
		if (!ktest_check_equal(check(), -ENOEXEC, __FILE__, __LINE__, bad[i].what))
			continue;
	}
}

KTEST(06, areas_split_and_merge_at_their_edges)
{
	struct aspace *as = aspace_create();
	u32 flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;

	KREQUIRE(as != NULL);
	KEXPECT_EQ(vm_map(as, 0x1000000, 16 * PAGE_SIZE, PROT_READ | PROT_WRITE, flags, NULL, 0), 0x1000000);
	KEXPECT_EQ(vm_unmap(as, 0x1004000, PAGE_SIZE), 0);
	rwlock_read(&as->lock);
	KEXPECT(area_at(as, 0x1003fff) != NULL);
	KEXPECT(area_at(as, 0x1004000) == NULL);
	KEXPECT(area_at(as, 0x1005000) != NULL);
	KEXPECT(area_at(as, 0x1010000) == NULL);
	rwlock_read_done(&as->lock);
	KEXPECT_EQ(vm_unmap(as, 0x1000000, 16 * PAGE_SIZE), 0);
	rwlock_read(&as->lock);
	KEXPECT(area_first(as) == NULL);
	rwlock_read_done(&as->lock);
	KEXPECT_EQ(as->total_pages, 0);
	aspace_put_user(as);
}

KTEST(06, faults_follow_the_rights)
{
	struct aspace *as = aspace_create();
	u32 flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
	int code = 0, level;

	KREQUIRE(as != NULL);
	vm_map(as, 0x2000000, 4 * PAGE_SIZE, PROT_READ, flags, NULL, 0);
	vm_map(as, 0x3000000, 4 * PAGE_SIZE, PROT_READ | PROT_WRITE, flags, NULL, 0);
	KEXPECT_EQ(vm_fault(as, 0x3001000, VM_WRITE, &code), 0);
	KEXPECT(pt_lookup(as->pt, 0x3001000, &level) & PTE_WRITE);
	KEXPECT(pt_lookup(as->pt, 0x3001000, &level) & PTE_NX);
	KEXPECT_EQ(pt_lookup(as->pt, 0x3002000, &level), 0); /* only what was touched */
	KEXPECT_EQ(vm_fault(as, 0x2000000, VM_WRITE, &code), -EFAULT);
	KEXPECT_EQ(code, 2); /* SEGV_ACCERR */
	KEXPECT_EQ(vm_fault(as, 0x3000000, VM_EXEC, &code), -EFAULT);
	KEXPECT_EQ(code, 2);
	KEXPECT_EQ(vm_fault(as, 0x5000000, VM_READ, &code), -EFAULT);
	KEXPECT_EQ(code, 1); /* SEGV_MAPERR */
	aspace_put_user(as);
}

/* Leaves memory full of something, so that a page that is not cleared shows it. */
static void soil_memory(void)
{
	static struct frame *frames[512];

	for (unsigned i = 0; i < ARRAY_SIZE(frames); i++)
		if ((frames[i] = frame_alloc(0, 0)))
			memset(frame_to_virt(frames[i]), 0xa5, PAGE_SIZE);
	for (unsigned i = 0; i < ARRAY_SIZE(frames); i++)
		if (frames[i])
			frame_free(frames[i], 0);
}

KTEST(06, fresh_memory_is_zero)
{
	struct aspace *as = aspace_create();
	u64 text = 0x1234567890;
	int code;

	KREQUIRE(as != NULL);
	soil_memory();
	vm_map(as, 0x4000000, 64 * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0);
	for (unsigned i = 0; i < 64; i++) {
		u64 word = 1;
		if (i % 2) /* half of them are written to first, half only read */
			KEXPECT_EQ(vm_fault(as, 0x4000000 + i * PAGE_SIZE, VM_WRITE, &code), 0);
		KEXPECT_EQ(vm_access(as, 0x4000000 + i * PAGE_SIZE + 8 * (i % 512), &word, 8, false), 8);
		KEXPECT_EQ(word, 0);
	}
	KEXPECT_EQ(vm_access(as, 0x4000ffc, &text, 8, true), 8); /* across two pages */
	text = 0;
	KEXPECT_EQ(vm_access(as, 0x4000ffc, &text, 8, false), 8);
	KEXPECT_EQ(text, 0x1234567890);
	aspace_put_user(as);
}

KTEST(06, an_address_space_gives_everything_back)
{
	struct mem_stats before, after;
	int code;

	for (unsigned round = 0; round < 6; round++) {
		if (round == 2)
			mem_stats(&before);
		struct aspace *as = aspace_create();
		KREQUIRE(as != NULL);
		vm_map(as, 0x10000000, 512 * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0);
		for (unsigned i = 0; i < 512; i++)
			KEXPECT_EQ(vm_fault(as, 0x10000000 + i * PAGE_SIZE, VM_WRITE, &code), 0);
		aspace_put_user(as);
	}
	mem_stats(&after);
	KEXPECT(after.free + 32 >= before.free);
	KEXPECT_EQ(after.anon, before.anon);
}
