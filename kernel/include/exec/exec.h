/* Programs: ELF64 and #! scripts become address spaces. */
#ifndef EXEC_EXEC_H
#define EXEC_EXEC_H

#include "vm/aspace.h"

/*
 * What exec reads a program from: an archive member in stage 06, a file of the VFS from 08 on. Whoever opens one fills it; exec calls close.
 */
struct exec_source {
	ssize_t (*read_at)(struct exec_source *s, void *buf, size_t n, u64 off); /* bytes (short at the end) or -errno */
	u64 size;
	struct file *file;   /* mappable file (08 on) or NULL: then pages are copied */
	void (*close)(struct exec_source *s);
	const void *data;    /* archive member */
	u32 uid, gid, mode;  /* for set-uid */
	bool nosuid;
};
/* Opens by path (kernel string): 0, or -ENOENT, -EACCES …; allocates nothing on error. Set by exec (archive) and replaced by vfs. */
extern int (*exec_open_hook)(const char *path, struct exec_source *s);
/* How much of a program's addresses is random: EXEC_RANDOM_*, each with what those before it have. Administrators set it; a program may ask for none (personality(2)). */
extern u64 exec_randomize;
enum { EXEC_RANDOM_NOTHING, EXEC_RANDOM_MAPPINGS, EXEC_RANDOM_BREAK };

/* Arguments gathered in kernel memory before the old image goes. */
struct exec_args {
	char *strings;       /* argv then envp strings, each with NUL */
	size_t used, capacity;
	u32 argc, envc;
	size_t env_offset;   /* where envp's strings start */
};
/* 0, -E2BIG, -ENOMEM. All of argv first. */
int exec_args_add(struct exec_args *a, const char *s, bool env);
/* Puts n strings in the place of argv[0] (none: before the first): what a #! line does. 0, -E2BIG, -ENOMEM. */
int exec_args_replace_first(struct exec_args *a, const char *const *strings, u32 n);
/* From user arrays: 0, -EFAULT, -E2BIG, -ENOMEM. */
int exec_args_import(struct exec_args *a, char __user *const __user *argv, char __user *const __user *envp);
void exec_args_free(struct exec_args *a);
/* Scratch memory of any size, of the heap or mapped page by page: NULL if memory is short. Freed with the same size. */
void *exec_buffer_alloc(size_t bytes);
void exec_buffer_free(void *buf, size_t bytes);

/* A new image, built completely beside the old one. */
struct exec_image {
	struct aspace *aspace;
	vaddr_t entry, sp;   /* first user instruction and stack pointer */
	vaddr_t phdr, load_bias, interp_base, program_entry;
	u16 phent, phnum;
	bool exec_stack;
	char *path;          /* what AT_EXECFN says; kmalloc'd */
	char comm[16];
	struct file *exe;    /* counted; NULL in stage 06 */
	u32 suid, sgid;      /* ~0: none */
};
/*
 * Loads `path` (following #! up to 4 times; args are changed then). 0 and *img filled, or an errno as Linux gives (ENOENT, EACCES, ENOEXEC, E2BIG, ELOOP, ENOMEM, ELIBBAD, EINVAL for a bad
 * interpreter …); nothing else has happened then.
 */
int exec_load(const char *path, struct exec_args *args, struct exec_image *img);
void exec_image_drop(struct exec_image *img);

/* Student's. exec/elf.c: checks header and program headers of a file (no memory touched). 0 or -ENOEXEC, … */
struct elf64_header;
int elf_check(const struct elf64_header *h, u64 file_size);
/* Given (exec/segment.c): maps one PT_LOAD segment, moved by bias: file part, zeroed rest. 0 or -errno. */
struct elf64_phdr;
int segment_map(struct exec_source *s, struct aspace *as, const struct elf64_phdr *ph, vaddr_t bias);
/* Given: where `len` bytes of a movable object go: its first address, or -errno. A program with an interpreter has a region of its own. */
long segment_place(struct aspace *as, u64 len, bool program_with_interpreter);
/* Given: reads exactly n bytes: 0, -EIO when the file is short, or another -errno. */
int exec_read(struct exec_source *s, void *buf, size_t n, u64 off);
/* Maps the segments of one ELF object into as at bias; fills entry etc. in *out. */
struct elf_object {
	vaddr_t bias, entry, phdr, lowest, highest, code_start, code_end, data_start, data_end, brk;
	u16 phnum;
	char interp[256]; /* PT_INTERP, "" if none */
	bool exec_stack, is_dyn; /* is_dyn: ET_DYN */
};
int elf_load(struct exec_source *s, struct aspace *as, bool is_interpreter, struct elf_object *out);
/* exec/stack.c: strings, argv, envp, auxv at the top of the stack area; the stack pointer, -EFAULT if it cannot be written there, or -ENOMEM. */
long stack_build(struct aspace *as, const struct exec_args *args, const struct exec_image *img, vaddr_t stack_top);
/* Upper stages add auxiliary vector entries (uids: proc; vDSO: distro). */
#define AUXV_MAX 24
struct auxv_list {
	u64 v[AUXV_MAX][2];
	u32 n;
};
void auxv_add(struct auxv_list *l, u64 type, u64 value); /* or changes the value of a type that is there */
/* Given (exec/auxv.c): everything but the three addresses that only stack_build knows, in Linux's order, AT_NULL at the end. */
void auxv_collect(struct auxv_list *l, struct aspace *as, const struct exec_image *img, vaddr_t random, vaddr_t execfn, vaddr_t platform);
NOTIFIER_DECLARE(exec_auxv, struct aspace *as, const struct exec_image *img, struct auxv_list *l);
/* A first process was allocated (no threads started): proc gives it signals, credentials, a place in the tables; *err to refuse. */
NOTIFIER_DECLARE(process_first, struct process *p, int *err);
/* The image is complete and may still get mappings (vDSO); *err can be set to refuse. */
NOTIFIER_DECLARE(exec_image_ready, struct exec_image *img, int *err);

/* Starts the first user program in a process of its own: pid 1. -errno if it cannot be loaded. */
int exec_first(const char *path, const char *const *argv, const char *const *envp);

#endif
