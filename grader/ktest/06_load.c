/* Stage 06: ELF files made by hand, loaded piece by piece; and faults on areas whose pages an object provides. */
#include "core/ktest.h"

#include "abi/elf.h"
#include "abi/signal.h"
#include "core/err.h"
#include "exec/exec.h"
#include "lib/string.h"
#include "mm/pagetable.h"
#include "mm/slab.h"
#include "vm/aspace.h"

/* --- files made by hand -------------------------------------------------------------------------------------------------- */

enum { FILE_BYTES = 0x3000, SLOTS = 4 };
static u8 file[FILE_BYTES] __aligned(8);
static u64 file_bytes;

static struct elf64_header *head(void) { return (struct elf64_header *)file; }
static struct elf64_phdr *slot(unsigned i) { return (struct elf64_phdr *)(file + 64) + i; }

static ssize_t read_at(struct exec_source *s __unused, void *buf, size_t n, u64 off)
{
	n = off >= file_bytes ? 0 : MIN(n, file_bytes - off);
	memcpy(buf, file + off, n);
	return n;
}

/* Two segments, code at 0x400000 and data with 0x900 zeroes behind it, and two slots that say nothing. */
static void make_file(void)
{
	for (unsigned i = 0; i < FILE_BYTES; i++)
		file[i] = (u8)(i * 7 + i / 256);
	file_bytes = FILE_BYTES;
	memset(file, 0, 64 + SLOTS * 56);
	memcpy(file, ELF_MAGIC, 4);
	file[EI_CLASS] = ELFCLASS64;
	file[EI_DATA] = ELFDATA2LSB;
	*head() = (struct elf64_header){ .type = ET_EXEC, .machine = EM_X86_64, .entry = 0x400800, .phoff = 64, .phentsize = 56, .phnum = SLOTS };
	memcpy(file, ELF_MAGIC, 4);
	file[EI_CLASS] = ELFCLASS64;
	file[EI_DATA] = ELFDATA2LSB;
	*slot(0) = (struct elf64_phdr){ .type = PT_LOAD, .flags = PF_R | PF_X, .vaddr = 0x400000, .filesz = 0x1234, .memsz = 0x1234 };
	*slot(1) = (struct elf64_phdr){ .type = PT_LOAD, .flags = PF_R | PF_W, .offset = 0x1800, .vaddr = 0x403800, .filesz = 0x700, .memsz = 0x1000 };
}

static struct elf_object object;
static struct aspace *space;

static int load(bool is_interpreter)
{
	struct exec_source s = { .read_at = read_at, .size = file_bytes };

	if (space)
		aspace_put_user(space);
	space = aspace_create();
	return space ? elf_load(&s, space, is_interpreter, &object) : -1;
}

static void end_loading(void)
{
	if (space)
		aspace_put_user(space);
	space = NULL;
}

static bool in_memory(vaddr_t va, const u8 *wanted, size_t n)
{
	static u8 got[0x2000];

	return vm_access(space, va, got, n, false) == n && !memcmp(got, wanted, n);
}

KTEST(06, a_program_is_where_its_headers_say)
{
	static const u8 zeroes[0x900];

	make_file();
	KREQUIRE(load(false) == 0);
	KEXPECT_EQ(object.bias, 0);
	KEXPECT_EQ(object.entry, 0x400800);
	KEXPECT_EQ(object.phdr, 0x400040);
	KEXPECT_EQ(object.phnum, SLOTS);
	KEXPECT_EQ(object.lowest, 0x400000);
	KEXPECT_EQ(object.highest, 0x404800);
	KEXPECT_EQ(object.code_start, 0x400000);
	KEXPECT_EQ(object.code_end, 0x401234);
	KEXPECT_EQ(object.data_start, 0x403800);
	KEXPECT_EQ(object.data_end, 0x403f00);
	KEXPECT_EQ(object.brk, 0x404800);
	KEXPECT(!object.is_dyn && !object.exec_stack && !object.interp[0]);
	KEXPECT(in_memory(0x400000, file, 0x1234));
	KEXPECT(in_memory(0x403800, file + 0x1800, 0x700));
	KEXPECT(in_memory(0x403f00, zeroes, sizeof(zeroes)));
	/* The order of the segments in the file does not matter. */
	struct elf64_phdr swap = *slot(0);
	*slot(0) = *slot(1);
	*slot(1) = swap;
	head()->phoff = 64;
	KREQUIRE(load(false) == 0);
	KEXPECT_EQ(object.lowest, 0x400000);
	KEXPECT_EQ(object.highest, 0x404800);
	KEXPECT_EQ(object.data_start, 0x403800);
	KEXPECT_EQ(object.data_end, 0x403f00);
	KEXPECT_EQ(object.brk, 0x404800);
	KEXPECT_EQ(object.phdr, 0x400040);
	/* Program headers within a segment that is not the file's beginning. */
	make_file();
	slot(0)->offset = 0x1000, slot(0)->vaddr = 0x401000, slot(0)->filesz = slot(0)->memsz = 0x800;
	memcpy(file + 0x1100, slot(0), SLOTS * 56);
	head()->phoff = 0x1100;
	KREQUIRE(load(false) == 0);
	KEXPECT_EQ(object.phdr, 0x401100);
	/* Program headers in no segment: nowhere in memory. An empty segment is none. */
	make_file();
	slot(0)->offset = 0x1000, slot(0)->vaddr = 0x401000, slot(0)->filesz = slot(0)->memsz = 0x800;
	*slot(2) = (struct elf64_phdr){ .type = PT_LOAD, .flags = PF_X, .vaddr = 0x600000 };
	head()->entry = 0x401000;
	KREQUIRE(load(false) == 0);
	KEXPECT_EQ(object.phdr, 0);
	KEXPECT_EQ(object.code_start, 0x401000);
	KEXPECT_EQ(object.code_end, 0x401800);
	end_loading();
}

KTEST(06, a_movable_program_moves_as_a_whole)
{
	make_file();
	head()->type = ET_DYN;
	head()->entry = 0x10800;
	slot(0)->vaddr = 0x10000;
	slot(1)->vaddr = 0x13800;
	KREQUIRE(load(false) == 0);
	KEXPECT(object.is_dyn);
	KEXPECT(object.bias != 0 && (object.bias & (PAGE_SIZE - 1)) == 0);
	KEXPECT_EQ(object.lowest, object.bias + 0x10000);
	KEXPECT_EQ(object.highest, object.bias + 0x14800);
	KEXPECT_EQ(object.entry, object.bias + 0x10800);
	KEXPECT_EQ(object.phdr, object.bias + 0x10040);
	KEXPECT_EQ(object.code_start, object.bias + 0x10000);
	KEXPECT_EQ(object.brk, object.bias + 0x14800);
	KEXPECT(in_memory(object.bias + 0x13800, file + 0x1800, 0x700));
	/* One that begins within a page: the page is where it begins. */
	slot(0)->offset = 0x100, slot(0)->vaddr = 0x10100, slot(0)->filesz = slot(0)->memsz = 0x1134;
	KREQUIRE(load(false) == 0);
	KEXPECT_EQ(object.bias & (PAGE_SIZE - 1), 0);
	KEXPECT_EQ(object.lowest, object.bias + 0x10000);
	KEXPECT_EQ(object.entry, object.bias + 0x10800);
	KEXPECT(in_memory(object.bias + 0x10100, file + 0x100, 0x1134));
	/* It stands in the room that was found for it: what lies above is somebody else's. */
	struct exec_source s = { .read_at = read_at, .size = file_bytes };
	end_loading();
	space = aspace_create();
	KREQUIRE(space != NULL);
	long above = vm_map(space, 0, 32 * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0);
	KREQUIRE(above > 0);
	for (u64 i = 0; i < 32; i++)
		KEXPECT_EQ(vm_access(space, above + i * PAGE_SIZE, &i, 8, true), 8);
	KREQUIRE(elf_load(&s, space, false, &object) == 0);
	for (u64 i = 0; i < 32; i++)
		KEXPECT(in_memory(above + i * PAGE_SIZE, (u8 *)&i, 8));
	end_loading();
}

/*
 * The optional challenge `alignment`: what a segment asks for by p_align holds wherever the program is put. What lies above is a mapping of somebody else's.
 */
KTEST(06, challenge_alignment)
{
	static const u64 aligns[] = { 0x10000, 0x200000, 0x4000 };
	struct exec_source s = { .read_at = read_at };

	for (unsigned turn = 0; turn < 18; turn++) {
		u64 align = aligns[turn % ARRAY_SIZE(aligns)], word = 0x5eed;

		make_file();
		head()->type = ET_DYN;
		head()->entry = 0x31800;
		slot(0)->vaddr = 0x31000; /* the first page is no multiple of it: congruent is what it must stay */
		slot(0)->align = turn & 1 ? PAGE_SIZE : align;
		slot(1)->vaddr = 0x34800;
		slot(1)->align = turn & 1 ? align : 0x3000; /* what is no power of two counts as nothing, as on Linux */
		*slot(2) = (struct elf64_phdr){ .type = PT_GNU_STACK, .align = 1ul << 30 };
		end_loading();
		space = aspace_create();
		KREQUIRE(space != NULL);
		s.size = file_bytes;
		long above = vm_map(space, 0, (1 + turn) * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0);
		KEXPECT_EQ(vm_access(space, above, &word, 8, true), 8);
		KREQUIRE(elf_load(&s, space, false, &object) == 0);
		KEXPECT_EQ(object.bias & (align - 1), 0);
		KEXPECT_EQ(object.lowest, object.bias + 0x31000);
		KEXPECT_EQ(object.entry, object.bias + 0x31800);
		KEXPECT(object.highest <= (u64)above);
		KEXPECT((u64)above - object.highest < (4ul << 20)); /* nor anywhere far away */
		KEXPECT(in_memory(object.bias + 0x31000, file, 0x1234));
		KEXPECT(in_memory(object.bias + 0x34800, file + 0x1800, 0x700));
		KEXPECT(in_memory(above, (u8 *)&word, 8));
	}
	end_loading();
}

KTEST(06, the_interpreter_is_named)
{
	make_file();
	*slot(2) = (struct elf64_phdr){ .type = PT_INTERP, .offset = 0x2000, .filesz = 12 };
	memcpy(file + 0x2000, "/lib/ld.so.1", 13);
	KEXPECT_EQ(load(false), -ENOEXEC); /* its NUL is missing */
	file[0x2004] = '\0';
	KEXPECT_EQ(load(false), -ENOEXEC); /* one in the middle is none */
	file[0x2004] = '/';
	slot(2)->filesz = 13;
	KEXPECT_EQ(load(false), 0);
	KEXPECT(!strcmp(object.interp, "/lib/ld.so.1"));
	*slot(3) = (struct elf64_phdr){ .type = PT_INTERP, .offset = 0x2100, .filesz = 5 };
	memcpy(file + 0x2100, "/two", 5);
	KEXPECT_EQ(load(false), 0);
	KEXPECT(!strcmp(object.interp, "/lib/ld.so.1")); /* the first one counts */
	KEXPECT_EQ(load(true), 0); /* an interpreter has none of its own */
	KEXPECT(!object.interp[0]);
	slot(2)->filesz = 1;
	KEXPECT_EQ(load(false), -ENOEXEC);
	memset(file + 0x2000, 'a', 299);
	file[0x2000 + 299] = '\0';
	slot(2)->filesz = 300;
	KEXPECT_EQ(load(false), -ENOENT);
	slot(2)->filesz = PAGE_SIZE + 1;
	KEXPECT_EQ(load(false), -ENOEXEC);
	slot(2)->filesz = 2;
	memcpy(file + 0x2000, "x", 2);
	KEXPECT_EQ(load(false), 0);
	slot(2)->offset = FILE_BYTES - 1; /* cut off */
	KEXPECT_EQ(load(false), -EIO);
	make_file();
	slot(2)->type = PT_GNU_STACK;
	slot(2)->flags = PF_R | PF_W | PF_X;
	KEXPECT_EQ(load(false), 0);
	KEXPECT(object.exec_stack);
	slot(2)->flags = PF_R | PF_W;
	KEXPECT_EQ(load(false), 0);
	KEXPECT(!object.exec_stack);
	end_loading();
}

KTEST(06, a_file_that_lies_is_refused)
{
	make_file();
	slot(1)->filesz = slot(1)->memsz + 1;
	KEXPECT_EQ(load(false), -EINVAL);
	make_file();
	slot(1)->memsz = USER_END + 1;
	KEXPECT_EQ(load(false), -ENOMEM);
	make_file();
	slot(1)->vaddr = USER_END - 0x800;
	KEXPECT_EQ(load(false), -ENOMEM);
	make_file();
	slot(1)->vaddr = ~0xffful;
	KEXPECT_EQ(load(false), -ENOMEM);
	make_file();
	slot(1)->offset = ~0ul - 0x100;
	KEXPECT_EQ(load(false), -EINVAL);
	make_file();
	slot(0)->type = slot(1)->type = 4; /* nothing to load */
	KEXPECT_EQ(load(false), -ENOEXEC);
	make_file();
	head()->entry = USER_END;
	KEXPECT_EQ(load(false), -EINVAL);
	make_file();
	slot(0)->vaddr += 8; /* which is not where a page of the file can be; the next segment is all right */
	KEXPECT_EQ(load(false), -EINVAL);
	make_file();
	head()->machine = 3;
	KEXPECT_EQ(load(false), -ENOEXEC);
	KEXPECT_EQ(load(true), -ELIBBAD);
	make_file();
	file_bytes = 63; /* not even a header */
	KEXPECT_EQ(load(false), -ENOEXEC);
	KEXPECT_EQ(load(true), -EIO);
	make_file();
	file_bytes = 64 + SLOTS * 56 - 1;
	KEXPECT_EQ(load(false), -ENOEXEC);
	end_loading();
	/* Sizes that are just right. */
	make_file();
	KEXPECT_EQ(elf_check(head(), 64 + SLOTS * 56), 0);
	KEXPECT_EQ(elf_check(head(), 64), -ENOEXEC);
	head()->phnum = PAGE_SIZE / 56;
	KEXPECT_EQ(elf_check(head(), 1 << 20), 0);
	head()->phnum++;
	KEXPECT_EQ(elf_check(head(), 1 << 20), -ENOEXEC);
	head()->phnum = 1;
	head()->phoff = 1ul << 40;
	KEXPECT_EQ(elf_check(head(), 1 << 20), -ENOEXEC);
}

static void lie_about_size(void) { slot(1)->filesz = slot(1)->memsz + 1; }
static void lie_about_place(void) { slot(0)->vaddr += 8; }
static void lie_about_entry(void) { head()->entry = USER_END; }
static void name_nothing(void) { *slot(2) = (struct elf64_phdr){ .type = PT_INTERP, .offset = FILE_BYTES, .filesz = 2 }; }
static void ask_for_everything(void)
{
	head()->type = ET_DYN; /* nowhere is so much room in one piece */
	slot(1)->memsz = USER_END - slot(1)->vaddr;
}
static void say_the_truth(void) {}

enum { TIMES = 64 }; /* what is lost each time is told from what others take meanwhile */

static u64 settled(void)
{
	end_loading();
	NOTIFIER_CALL(memory_settle);
	return slab_all_in_use();
}

KTEST(06, what_a_load_takes_it_gives_back)
{
	static void (*const lies[])(void) = { say_the_truth, lie_about_size, lie_about_place, lie_about_entry, name_nothing, ask_for_everything };

	for (unsigned i = 0; i < ARRAY_SIZE(lies); i++) {
		make_file();
		lies[i]();
		load(false);
		u64 before = settled();
		for (unsigned k = 0; k < TIMES; k++)
			KEXPECT_EQ(load(false) != 0, i > 0);
		if (!KEXPECT(settled() < before + TIMES / 2))
			ktest_note("lie", i);
	}
}

/* --- the first stack -------------------------------------------------------------------------------------------------------- */

#define STACK_TOP 0x7ffffff000ul

KTEST(06, the_first_stack_is_as_drawn)
{
	static char strings[] = "one\0two words\0\0A=1\0PATH=/bin:/sbin";
	static char path[] = "/bin/program";
	static u64 words[64];
	static char text[64];

	make_file();
	KREQUIRE(load(false) == 0);
	vm_map(space, STACK_TOP - 16 * PAGE_SIZE, 16 * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0);
	for (unsigned shift = 0; shift < 16; shift += 5) { /* paths of several lengths: the padding differs */
		struct exec_args args = { .strings = strings, .used = sizeof(strings), .argc = 3, .envc = 2, .env_offset = 15 };
		struct exec_image img = { .aspace = space, .entry = 0x400800, .phdr = 0x400040, .phnum = SLOTS, .phent = 56, .path = path + shift % 12 };
		size_t path_bytes = strlen(img.path) + 1;
		long sp = stack_build(space, &args, &img, STACK_TOP);
		KREQUIRE(sp > 0);
		KEXPECT_EQ(sp & 15, 0);
		size_t bytes = MIN(sizeof(words), STACK_TOP - sp);
		memset(words, 0, sizeof(words));
		KREQUIRE(vm_access(space, sp, words, bytes, false) == bytes);
		vaddr_t start = STACK_TOP - 8 - path_bytes - sizeof(strings);
		KEXPECT_EQ(words[0], 3);
		KEXPECT_EQ(words[1], start);
		KEXPECT_EQ(words[2], start + 4);
		KEXPECT_EQ(words[3], start + 14);
		KEXPECT_EQ(words[4], 0);
		KEXPECT_EQ(words[5], start + 15);
		KEXPECT_EQ(words[6], start + 19);
		KEXPECT_EQ(words[7], 0);
		KEXPECT(in_memory(start, (u8 *)strings, sizeof(strings)));
		KEXPECT(in_memory(STACK_TOP - 8 - path_bytes, (u8 *)img.path, path_bytes));
		KEXPECT(in_memory(STACK_TOP - 8, (const u8 *)"\0\0\0\0\0\0\0", 8));
		KEXPECT_EQ(space->arg_start, start);
		KEXPECT_EQ(space->arg_end, start + 15);
		KEXPECT_EQ(space->env_start, start + 15);
		KEXPECT_EQ(space->env_end, STACK_TOP - 8 - path_bytes);
		u64 random = 0, execfn = 0, platform = 0, phdr = 0;
		unsigned i = 8;
		for (; i < ARRAY_SIZE(words) - 1 && words[i]; i += 2) {
			random = words[i] == 25 ? words[i + 1] : random;
			execfn = words[i] == 31 ? words[i + 1] : execfn;
			platform = words[i] == 15 ? words[i + 1] : platform;
			phdr = words[i] == AT_PHDR ? words[i + 1] : phdr;
		}
		KEXPECT(words[i] == AT_NULL && words[i + 1] == 0);
		KEXPECT(!memcmp(space->auxv, words + 8, 16));
		KEXPECT_EQ(execfn, STACK_TOP - 8 - path_bytes);
		KEXPECT_EQ(phdr, 0x400040);
		KEXPECT(random >= (u64)sp + 8 * (i + 2) && random + 16 <= platform && platform + 7 <= start);
		KREQUIRE(vm_access(space, platform, text, 7, false) == 7);
		KEXPECT(!memcmp(text, "x86_64", 7));
		static u64 last[2];
		u64 seed[2];
		KREQUIRE(vm_access(space, random, seed, 16, false) == 16);
		KEXPECT(seed[0] != last[0] && seed[1] != last[1] && seed[0] != seed[1]); /* random, each time anew */
		memcpy(last, seed, 16);
	}
	struct exec_args args = { .strings = strings, .used = sizeof(strings), .argc = 3, .envc = 2, .env_offset = 15 };
	struct exec_image img = { .aspace = space, .path = path };
	KEXPECT_EQ(stack_build(space, &args, &img, 0x10000000), -EFAULT); /* no stack there */
	/* Room for the strings, but not for the pointers. */
	vm_map(space, 0x20000000, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0);
	KEXPECT_EQ(stack_build(space, &args, &img, 0x20000000 + 160), -EFAULT);
	u64 before = slab_all_in_use();
	for (unsigned i = 0; i < TIMES; i++)
		stack_build(space, &args, &img, 0x20000000 + 160);
	KEXPECT(slab_all_in_use() < before + TIMES / 2);
	end_loading();
}

/* --- faults on objects -------------------------------------------------------------------------------------------------------- */

#define OBJECT 0x30000000ul
enum { OBJECT_PAGES = 4 };
static struct frame *pages[OBJECT_PAGES];
static unsigned asked, asked_to_write, told;
static int answer, telling;
static u64 asked_page;

static int give_page(struct area *a __unused, u64 pgoff, bool write, struct frame **out)
{
	asked++;
	asked_to_write += write;
	asked_page = pgoff;
	if (answer) {
		int err = answer;
		if (err == -EAGAIN)
			answer = 0;
		return err;
	}
	if (pgoff >= OBJECT_PAGES)
		return -EFAULT;
	frame_get(pages[pgoff]);
	*out = pages[pgoff];
	return 0;
}

static int hear_of_write(struct area *a __unused, struct frame *f __unused)
{
	told++;
	return telling;
}

static const struct vm_ops quiet_ops = { .name = "ktest", .fault = give_page }, careful_ops = { .name = "ktest", .fault = give_page, .make_writable = hear_of_write };

static bool map_object(u32 prot, u32 flags, const struct vm_ops *ops)
{
	end_loading();
	space = aspace_create();
	asked = asked_to_write = told = 0;
	answer = telling = 0;
	return KEXPECT(space != NULL) && KEXPECT_EQ(vm_map_special(space, OBJECT, (OBJECT_PAGES + 1) * PAGE_SIZE, prot, flags, ops, NULL), 0);
}

static pte_t entry(unsigned page)
{
	int level;
	return pt_lookup(space->pt, OBJECT + page * PAGE_SIZE, &level);
}

static int fault(unsigned page, u32 access)
{
	int code = 0;
	return vm_fault(space, OBJECT + page * PAGE_SIZE + 123, access, &code);
}

KTEST(06, pages_of_an_object_are_shown_and_copied)
{
	for (unsigned i = 0; i < OBJECT_PAGES; i++) {
		KREQUIRE((pages[i] = frame_alloc(0, 0)) != NULL);
		memset(frame_to_virt(pages[i]), 'a' + i, PAGE_SIZE);
	}
	/* Private: the object's own page for reading, a copy for writing. */
	KREQUIRE(map_object(PROT_READ | PROT_WRITE, 0, &quiet_ops));
	KEXPECT_EQ(fault(1, VM_READ), 0);
	KEXPECT_EQ(asked_page, 1);
	KEXPECT_EQ(entry(1) & PTE_ADDR, frame_to_phys(pages[1]));
	KEXPECT_EQ(entry(1) & PTE_WRITE, 0);
	KEXPECT_EQ(refcount_read(&pages[1]->ref), 2);
	KEXPECT_EQ(fault(2, VM_WRITE), 0);
	KEXPECT_EQ(asked_to_write, 0); /* the object itself is not written */
	KEXPECT(entry(2) & PTE_WRITE);
	KEXPECT((entry(2) & PTE_ADDR) != frame_to_phys(pages[2]));
	KEXPECT(!memcmp(phys_to_virt(entry(2) & PTE_ADDR), frame_to_virt(pages[2]), PAGE_SIZE));
	KEXPECT_EQ(refcount_read(&pages[2]->ref), 1);
	asked = 0;
	KEXPECT_EQ(fault(1, VM_READ), 0); /* it is there already */
	KEXPECT_EQ(asked, 0);
	KEXPECT_EQ(fault(OBJECT_PAGES, VM_READ), -EIO); /* past its end: the program gets SIGBUS */
	answer = -ENOMEM;
	KEXPECT_EQ(fault(3, VM_READ), -ENOMEM);
	answer = -EAGAIN;
	KEXPECT_EQ(fault(3, VM_READ), 0); /* tried again */
	KEXPECT_EQ(entry(3) & PTE_ADDR, frame_to_phys(pages[3]));
	/* Shared, and nobody wants to hear of writes: writable from the start. */
	KREQUIRE(map_object(PROT_READ | PROT_WRITE, AREA_SHARED, &quiet_ops));
	for (unsigned i = 0; i < OBJECT_PAGES; i++)
		KEXPECT_EQ(refcount_read(&pages[i]->ref), 1); /* the space before gave all back */
	KEXPECT_EQ(fault(0, VM_READ), 0);
	KEXPECT(entry(0) & PTE_WRITE);
	KREQUIRE(map_object(PROT_READ, AREA_SHARED, &quiet_ops));
	KEXPECT_EQ(fault(0, VM_READ), 0);
	KEXPECT_EQ(entry(0) & PTE_WRITE, 0);
	KEXPECT_EQ(fault(0, VM_WRITE), -EFAULT);
	/* Shared, and the object is told of the first write to each page. */
	KREQUIRE(map_object(PROT_READ | PROT_WRITE, AREA_SHARED, &careful_ops));
	KEXPECT_EQ(fault(0, VM_READ), 0);
	KEXPECT_EQ(entry(0) & PTE_WRITE, 0);
	KEXPECT_EQ(told, 0);
	KEXPECT_EQ(fault(0, VM_WRITE), 0);
	KEXPECT_EQ(told, 1);
	KEXPECT(entry(0) & PTE_WRITE && entry(0) & PTE_DIRTY);
	KEXPECT_EQ(fault(1, VM_WRITE), 0);
	KEXPECT_EQ(told, 2);
	KEXPECT_EQ(asked_to_write, 1);
	KEXPECT(entry(1) & PTE_WRITE);
	KEXPECT_EQ(entry(1) & PTE_ADDR, frame_to_phys(pages[1]));
	telling = -ENOSPC;
	KEXPECT_EQ(fault(2, VM_WRITE), -EIO);
	KEXPECT_EQ(entry(2), 0);
	KEXPECT_EQ(fault(3, VM_READ), 0);
	KEXPECT_EQ(fault(3, VM_WRITE), -EIO);
	KEXPECT_EQ(entry(3) & PTE_WRITE, 0);
	end_loading();
	for (unsigned i = 0; i < OBJECT_PAGES; i++) {
		KEXPECT_EQ(refcount_read(&pages[i]->ref), 1);
		frame_put(pages[i]);
	}
}

KTEST(06, rights_are_those_of_the_area)
{
	static const struct {
		u32 prot;
		bool read, write, exec;
	} cases[] = {
		{ PROT_NONE, false, false, false }, { PROT_READ, true, false, false }, { PROT_WRITE, true, true, false },
		{ PROT_EXEC, true, false, true }, { PROT_READ | PROT_EXEC, true, false, true }, { PROT_READ | PROT_WRITE, true, true, false },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		static const u32 access[] = { VM_READ, VM_WRITE, VM_EXEC };
		bool allowed[] = { cases[i].read, cases[i].write, cases[i].exec };
		for (unsigned k = 0; k < 3; k++) {
			int code = 0, level;
			end_loading();
			space = aspace_create();
			KREQUIRE(space != NULL);
			vm_map(space, OBJECT, PAGE_SIZE, cases[i].prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0);
			KEXPECT_EQ(vm_fault(space, OBJECT + 5, access[k], &code), allowed[k] ? 0 : -EFAULT);
			KEXPECT_EQ(code, allowed[k] ? 0 : SEGV_ACCERR);
			pte_t e = pt_lookup(space->pt, OBJECT, &level);
			KEXPECT_EQ(!!(e & PTE_PRESENT), allowed[k]);
			KEXPECT_EQ(!!(e & PTE_WRITE), allowed[k] && access[k] == VM_WRITE);
			if (e)
				KEXPECT_EQ(!(e & PTE_NX), cases[i].exec);
			KEXPECT(rwlock_try_read(&space->lock)); /* the lock was given back */
			rwlock_read_done(&space->lock);
		}
	}
	end_loading();
}
