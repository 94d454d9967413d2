/*
 * Two sound little programs (one at a fixed place, one movable with a field for an interpreter's name), and changes of their
 * headers with values from the edges.
 */
#ifndef SWITCHBACK_TESTS_ELF_MUTANTS_H
#define SWITCHBACK_TESTS_ELF_MUTANTS_H

#include "campaign.h"
#include <elf.h>

static unsigned char image[8192], mutant[8192];
/* exit_group(5) */
static const unsigned char code[] = { 0xb8, 231, 0, 0, 0, 0xbf, 5, 0, 0, 0, 0x0f, 0x05 };

static void build(int movable)
{
	Elf64_Ehdr *e = (Elf64_Ehdr *)image;
	Elf64_Phdr *p = (Elf64_Phdr *)(e + 1);
	uint64_t base = movable ? 0 : 0x400000;

	memset(image, 0, sizeof(image));
	memcpy(e->e_ident, ELFMAG, SELFMAG);
	e->e_ident[EI_CLASS] = ELFCLASS64;
	e->e_ident[EI_DATA] = ELFDATA2LSB;
	e->e_ident[EI_VERSION] = EV_CURRENT;
	e->e_type = movable ? ET_DYN : ET_EXEC;
	e->e_machine = EM_X86_64;
	e->e_version = EV_CURRENT;
	e->e_entry = base + 0x200;
	e->e_phoff = sizeof(*e);
	e->e_ehsize = sizeof(*e);
	e->e_phentsize = sizeof(*p);
	e->e_phnum = 4;
	p[0] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = base, .p_paddr = base, .p_filesz = 0x1000, .p_memsz = 0x1000,
			     .p_align = 0x1000 };
	p[1] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_flags = PF_R | PF_W, .p_offset = 0x1000, .p_vaddr = base + 0x2000, .p_filesz = 0x800,
			     .p_memsz = 0x3000, .p_align = 0x1000 };
	p[2] = (Elf64_Phdr){ .p_type = PT_GNU_STACK, .p_flags = PF_R | PF_W };
	p[3] = (Elf64_Phdr){ .p_type = movable ? PT_NOTE : PT_GNU_RELRO, .p_offset = 0x300, .p_vaddr = base + 0x300, .p_filesz = 0x20, .p_memsz = 0x20,
			     .p_align = 4 };
	memcpy(image + 0x200, code, sizeof(code));
	memcpy(image + 0x300, "interp", 7);
}

static uint64_t odd_value(uint64_t old)
{
	static const uint64_t values[] = {
		0, 1, 2, 3, 4, 7, 56, 64, 0xff, 0x100, 0x1000, 0x2000, 0x7fff, 0x8000, 0xffff, 0x10000, 0x400000, 0x7fffffff, 0x80000000,
		0xffffffff, 0x100000000, 0x7fffffffe000, 0x7ffffffff000, 0x800000000000, 0x7fffffffffffffff, 0x8000000000000000,
		0xffffffff80000000, 0xfffffffffffff000, 0xffffffffffffffff,
	};

	switch (below(4)) {
	case 0: return old ^ 1ull << below(64);
	case 1: return old + below(9) - 4;
	default: return values[below(COUNT(values))];
	}
}

static char story[200];

static void change(const char *what, uint64_t index, unsigned char *at, size_t width)
{
	uint64_t value = 0, old = 0;

	memcpy(&value, at, width);
	old = value;
	value = odd_value(value);
	memcpy(at, &value, width);
	value = 0;
	memcpy(&value, at, width);
	snprintf(story + strlen(story), sizeof(story) - strlen(story), " %s[%d] %#lx -> %#lx", what, (int)index, (unsigned long)old, (unsigned long)value);
}

static const struct { const char *name; size_t at, width; } header[] = {
#define F(f) { #f, offsetof(Elf64_Ehdr, f), sizeof(((Elf64_Ehdr *)0)->f) }
	{ "magic", 0, 4 }, { "version", 6, 1 }, { "abi", 7, 1 }, F(e_type), F(e_machine), F(e_version), F(e_entry), F(e_phoff), F(e_shoff), F(e_flags),
	F(e_ehsize), F(e_phentsize), F(e_phnum), F(e_shentsize), F(e_shnum), F(e_shstrndx),
}, segment[] = {
#undef F
#define F(f) { #f, offsetof(Elf64_Phdr, f), sizeof(((Elf64_Phdr *)0)->f) }
	F(p_type), F(p_flags), F(p_offset), F(p_vaddr), F(p_paddr), F(p_filesz), F(p_memsz), F(p_align),
};

static size_t mutate(void)
{
	size_t size = 0x1800;

	memcpy(mutant, image, sizeof(mutant));
	story[0] = '\0';
	for (uint64_t n = 1 + below(3) / 2; n > 0; n--) {
		if (below(2)) {
			size_t k = below(COUNT(header));

			change(header[k].name, 0, mutant + header[k].at, header[k].width);
		} else {
			size_t k = below(COUNT(segment));
			uint64_t n = below(4);

			if (strcmp(segment[k].name, "p_filesz") == 0)
				n |= 1;

			change(segment[k].name, n, mutant + sizeof(Elf64_Ehdr) + n * sizeof(Elf64_Phdr) + segment[k].at, segment[k].width);
		}
	}
	if (below(12) == 0) {
		size = below(0x130);
		snprintf(story + strlen(story), sizeof(story) - strlen(story), " size %zu", size);
	}
	return size;
}

#endif
