/* stage: 08; libc: musl; run: host+guest
 * Malformed ELF files: each is refused, and nothing else happens. Where Linux answers with an errno, it is that
 * one. Where Linux has let go of the old image already, and kills, a kernel may be kinder: "refused" is both. */
#include "t.h"
#include <elf.h>

static unsigned char image[1 << 20];
static size_t image_size;

/* A sound program of one segment that exits with 5, to be spoilt field by field. */
static const unsigned char code[] = { 0xb8, 231, 0, 0, 0, 0xbf, 5, 0, 0, 0, 0x0f, 0x05 };

static void build(void)
{
	Elf64_Ehdr *e = (Elf64_Ehdr *)image;
	Elf64_Phdr *p = (Elf64_Phdr *)(e + 1);

	memset(image, 0, sizeof(image));
	memcpy(e->e_ident, ELFMAG, SELFMAG);
	e->e_ident[EI_CLASS] = ELFCLASS64;
	e->e_ident[EI_DATA] = ELFDATA2LSB;
	e->e_ident[EI_VERSION] = EV_CURRENT;
	e->e_type = ET_EXEC;
	e->e_machine = EM_X86_64;
	e->e_version = EV_CURRENT;
	e->e_entry = 0x400000 + 0x200;
	e->e_phoff = sizeof(*e);
	e->e_ehsize = sizeof(*e);
	e->e_phentsize = sizeof(*p);
	e->e_phnum = 1;
	p->p_type = PT_LOAD;
	p->p_flags = PF_R | PF_X;
	p->p_vaddr = p->p_paddr = 0x400000;
	p->p_filesz = p->p_memsz = 0x1000;
	p->p_align = 0x1000;
	memcpy(image + 0x200, code, sizeof(code));
	image_size = 0x1000;
}

static Elf64_Ehdr *E;
static Elf64_Phdr *P;

static void try(const char *what, int exact)
{
	char *argv[] = { "e", NULL };
	int status;
	pid_t pid;

	unlink("e");
	put_file("e", image, image_size);
	chmod("e", 0755);
	pid = fork();
	if (pid == 0) {
		execve("e", argv, argv + 1);
		if (exact)
			say("%s: %s\n", what, errname(errno));
		_exit(0);
	}
	waitpid(pid, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 5)
		say("%s: runs\n", what);
	else if (!exact)
		say("%s: %s\n", what, WIFSIGNALED(status) || WEXITSTATUS(status) == 0 ? "refused" : "?");
	else if (WIFSIGNALED(status))
		say_status(what, status);
	build();
}

static void run(const char *what)
{
	try(what, 1);
}

static void refuse(const char *what)
{
	try(what, 0);
}

int main(void)
{
	t_dir();
	E = (Elf64_Ehdr *)image;
	P = (Elf64_Phdr *)(E + 1);
	build();
	run("sound");
	image_size = 3; run("three bytes");
	image_size = 63; run("short header");
	image_size = 64; run("no program headers in the file");
	image_size = 100; run("half a program header");
	E->e_ident[0] = 0; run("magic");
	E->e_ident[EI_CLASS] = ELFCLASS32; run("class 32");
	E->e_ident[EI_CLASS] = 0; E->e_ident[EI_DATA] = ELFDATA2MSB; E->e_ident[EI_VERSION] = 9; E->e_version = 9; run("no class, big-endian, another version");
	E->e_machine = EM_386; run("machine");
	E->e_machine = EM_AARCH64; run("another machine");
	E->e_type = ET_REL; run("relocatable");
	E->e_type = ET_CORE; run("core");
	E->e_phnum = 0; run("no segments");
	E->e_phnum = 65535; run("65,535 program headers");
	E->e_phnum = 2000; run("2,000 program headers");
	E->e_phentsize = 55; run("program header size");
	E->e_phoff = 0x100000; run("program headers past the end");
	E->e_phoff = ~0ul; run("program headers at the end of numbers");
	E->e_phoff = 1ul << 63; run("program headers at a negative place");
	P->p_type = PT_NULL; refuse("no loadable segment");
	E->e_entry = 0; refuse("entry 0");
	E->e_entry = 0x500000; refuse("entry outside");
	E->e_entry = 0xffffffff80000000; refuse("entry in the kernel");
	E->e_entry = 0x8000000000000000; refuse("entry at no address");
	P->p_flags = PF_R; refuse("code not executable");
	P->p_flags = 0; refuse("code with no rights");
	P->p_vaddr = 0x800000000000; refuse("segment above user space");
	P->p_vaddr = 0xffffffff80000000; refuse("segment in the kernel");
	P->p_vaddr = 0x7fffffffe000; refuse("segment at the top");
	P->p_vaddr = 0x7ffffffff000; refuse("segment over the top");
	P->p_vaddr = 0; refuse("segment at 0");
	P->p_vaddr = 0x400001; refuse("misaligned");
	P->p_filesz = 0x2000; P->p_memsz = 0x1000; refuse("file size above memory size");
	P->p_memsz = ~0ul; refuse("memory size at the end of numbers");
	P->p_memsz = 1ul << 47; refuse("memory size of all user space");
	P->p_filesz = P->p_memsz = ~0ul; refuse("both sizes");
	P->p_filesz = 0x10000000; P->p_memsz = 0x10000000; E->e_entry = 0x400200; run("file shorter than its segment");
	P->p_offset = 0x100000; refuse("offset past the end");
	P->p_offset = ~0xffful; refuse("offset at the end of numbers");
	P->p_align = 3; run("alignment 3");
	P->p_align = 0; run("alignment 0");
	P->p_align = 1ul << 40; run("alignment huge");
	P->p_memsz = 0x3000; run("BSS on read-only memory");
	P->p_flags = PF_R | PF_W | PF_X; P->p_memsz = 0x3000; run("BSS");
	P->p_filesz = 0; refuse("nothing from the file");
	P->p_memsz = P->p_filesz = 0; refuse("empty segment");

	/* Interpreters. */
	E->e_phnum = 2;
	P[1].p_type = PT_INTERP; P[1].p_offset = 0x300; P[1].p_filesz = 12;
	memcpy(image + 0x300, "/none/ld.so", 12);
	run("interpreter missing");
	E->e_phnum = 2; P[1].p_type = PT_INTERP; P[1].p_offset = 0x300; P[1].p_filesz = 1; run("interpreter of no length");
	E->e_phnum = 2; P[1].p_type = PT_INTERP; P[1].p_offset = 0x300; P[1].p_filesz = 5000; run("interpreter too long");
	E->e_phnum = 2; P[1].p_type = PT_INTERP; P[1].p_offset = 0x300; P[1].p_filesz = 4;
	memcpy(image + 0x300, "/tmp", 4); run("interpreter not terminated");
	E->e_phnum = 2; P[1].p_type = PT_INTERP; P[1].p_offset = 0x300; P[1].p_filesz = 5;
	memcpy(image + 0x300, "/tmp", 5); run("interpreter is a folder");
	E->e_phnum = 2; P[1].p_type = PT_INTERP; P[1].p_offset = 0x200000; P[1].p_filesz = 5; run("interpreter outside");
	E->e_phnum = 2; P[1].p_type = PT_INTERP; P[1].p_offset = 0x300; P[1].p_filesz = 6;
	memcpy(image + 0x300, "plain", 6); put_text("plain", "text"); chmod("plain", 0755); run("interpreter is text");

	/* Two segments over each other: the later one lies on top. */
	E->e_phnum = 2; P[1] = P[0]; run("the same segment twice");
	E->e_type = ET_DYN; P->p_vaddr = 0; E->e_entry = 0x200; run("movable");
	E->e_type = ET_DYN; P->p_vaddr = 0x7fffffff0000; E->e_entry = P->p_vaddr + 0x200; run("movable with a high wish");
	E->e_type = ET_DYN; P->p_vaddr = ~0xffful; E->e_entry = 0x200; refuse("movable at the end of numbers");
	return 0;
}
