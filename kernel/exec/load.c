/*
 * From a path to a complete image: #! scripts, the program, its interpreter, brk, stack.
 *
 * The image is a whole address space beside the old one; until process_exec installs it, nothing of the caller has changed, so any failure is just an
 * errno (Linux gives up the old image earlier and has to kill the process for some of them).
 *
 *   0x555555554000 + random     a position-independent program that has an interpreter, then its brk
 *   mmap_top, downwards         interpreter, libraries, mappings; static position-independent programs
 *   stack_top = USER_END - random, 8 MiB (RLIMIT_STACK) downwards
 */
#include "exec/exec.h"

#include "abi/elf.h"
#include "core/random.h"
#include "exec_priv.h"
#include "lib/string.h"
#include "mm/slab.h"

#define SCRIPTS_MAX 5
#define STACK_RANDOM_PAGES 0x3ffffful
#define MMAP_RANDOM_PAGES (1ul << 28)
#define BRK_RANDOM (1ul << 30)
#define STACK_GAP_MIN (128ul << 20)
#define STACK_EXTRA (128 * 1024ul) /* mapped below the first stack pointer at once */
#define STACK_GUARD (256 * PAGE_SIZE)

int (*exec_open_hook)(const char *path, struct exec_source *s) = archive_open;

u64 exec_randomize = EXEC_RANDOM_BREAK;

bool exec_randomizes(void)
{
	struct process *p = current ? current->process : NULL;

	return READ_ONCE(exec_randomize) && (!p || !(p->personality & PERSONALITY_NO_RANDOMIZE));
}

static u64 random_pages(u64 pages)
{
	return exec_randomizes() ? (random_u64() % pages) << PAGE_SHIFT : 0;
}

static void source_close(struct exec_source *s)
{
	if (s->close)
		s->close(s);
}

/* --- #! ------------------------------------------------------------------------------------------------------------ */

/* Opens `path`, through scripts, until something is no script: *src open, args changed. */
static int open_program(const char *path, struct exec_args *args, struct exec_source *src)
{
	char line[SCRIPT_LINE + 1];
	char *name = kstrdup(path, 0);

	if (!name)
		return -ENOMEM;
	for (int depth = 0;; depth++) {
		memset(src, 0, sizeof(*src));
		int err = exec_open_hook(name, src);
		if (err)
			return kfree(name), err;
		memset(line, 0, sizeof(line));
		ssize_t got = src->read_at(src, line, SCRIPT_LINE, 0);
		if (got >= 0 && (line[0] != '#' || line[1] != '!'))
			return kfree(name), 0;

		char *interpreter = NULL, *argument = NULL;
		err = got < 0 ? (int)got : depth == SCRIPTS_MAX ? -ELOOP : exec_parse_script(line, &interpreter, &argument);
		source_close(src);
		if (!err) {
			const char *front[3] = { interpreter, argument ? argument : name, name };
			err = exec_args_replace_first(args, front, argument ? 3 : 2);
		}
		kfree(name);
		name = err ? NULL : kstrdup(interpreter, 0);
		if (!name)
			return err ? err : -ENOMEM;
	}
}

/* --- the address space --------------------------------------------------------------------------------------------- */

static u64 stack_limit(void)
{
	struct process *p = current ? current->process : NULL;

	return p ? p->rlimits[RLIM_STACK].cur : 8ul << 20;
}

static void place_top(struct aspace *as)
{
	u64 gap = MIN(MAX(stack_limit(), STACK_GAP_MIN), USER_END / 6 * 5);

	as->stack_top = USER_END - random_pages(STACK_RANDOM_PAGES);
	as->mmap_top = ALIGN_DOWN(USER_END - gap - (STACK_RANDOM_PAGES << PAGE_SHIFT) - STACK_GUARD - random_pages(MMAP_RANDOM_PAGES), PAGE_SIZE);
}

static void place_brk(struct aspace *as, const struct elf_object *program)
{
	/* A movable program without interpreter stands among the mappings: its heap would have no room there. */
	vaddr_t at = program->is_dyn && !program->interp[0] ? exec_program_base() : ALIGN_UP(program->brk, PAGE_SIZE);

	if (READ_ONCE(exec_randomize) >= EXEC_RANDOM_BREAK)
		at += random_pages(BRK_RANDOM >> PAGE_SHIFT);
	as->brk_start = as->brk = at;
	as->code_start = program->code_start;
	as->code_end = program->code_end;
	as->data_start = program->data_start;
	as->data_end = program->data_end;
}

static int make_stack(struct aspace *as, const struct exec_args *args, struct exec_image *img)
{
	u64 pointers = (args->argc + args->envc + 64ul) * sizeof(u64);
	u64 size = ALIGN_UP(args->used + pointers + strlen(img->path) + 2 * PAGE_SIZE, PAGE_SIZE) + STACK_EXTRA;
	u32 prot = PROT_READ | PROT_WRITE | (img->exec_stack ? PROT_EXEC : 0);
	long at = vm_map(as, as->stack_top - size, size, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_GROWSDOWN | MAP_STACK, NULL, 0);

	if (at < 0)
		return at;
	long sp = stack_build(as, args, img, as->stack_top);
	if (sp < 0)
		return sp;
	img->sp = sp;
	/* What is there from the start may be no more than what it may grow to: a program that needs more finds out by a fault. */
	vaddr_t lowest = ALIGN_DOWN((vaddr_t)sp, PAGE_SIZE), bottom = as->stack_top - size;
	if (size > stack_limit())
		bottom = MIN(lowest, ALIGN_UP(as->stack_top - stack_limit(), PAGE_SIZE));
	return bottom > as->stack_top - size ? vm_unmap(as, as->stack_top - size, bottom - (as->stack_top - size)) : 0;
}

static int load_interpreter(const char *path, struct exec_image *img)
{
	struct exec_source src;
	struct elf_object *obj = kmalloc(sizeof(*obj), 0);
	int err = -ENOMEM;

	if (!obj)
		return err;
	memset(&src, 0, sizeof(src));
	err = exec_open_hook(path, &src);
	if (err)
		goto free_object;
	err = elf_load(&src, img->aspace, true, obj);
	source_close(&src);
	if (!err) {
		img->entry = obj->entry;
		img->interp_base = obj->bias;
	}
free_object:
	kfree(obj);
	return err;
}

static int build(struct exec_source *src, struct exec_args *args, struct exec_image *img)
{
	struct elf_object *obj = kmalloc(sizeof(*obj), 0);
	int err = -ENOMEM;

	if (!obj)
		return err;
	img->aspace = aspace_create();
	if (!img->aspace)
		goto free_object;
	place_top(img->aspace);
	err = elf_load(src, img->aspace, false, obj);
	if (err)
		goto free_object;
	img->program_entry = img->entry = obj->entry;
	img->phdr = obj->phdr;
	img->phnum = obj->phnum;
	img->phent = sizeof(struct elf64_phdr);
	img->load_bias = obj->bias;
	img->exec_stack = obj->exec_stack;
	if (obj->interp[0])
		err = load_interpreter(obj->interp, img);
	if (err)
		goto free_object;
	place_brk(img->aspace, obj);
	NOTIFIER_CALL(exec_image_ready, img, &err);
	if (!err)
		err = make_stack(img->aspace, args, img);
free_object:
	kfree(obj);
	return err;
}

int exec_load(const char *path, struct exec_args *args, struct exec_image *img)
{
	struct exec_source src;
	const char *slash = strrchr(path, '/');

	memset(img, 0, sizeof(*img));
	img->suid = img->sgid = ~0u;
	strlcpy(img->comm, slash ? slash + 1 : path, sizeof(img->comm));
	img->path = kstrdup(path, 0);
	if (!img->path)
		return -ENOMEM;
	int err = open_program(path, args, &src);
	if (err)
		goto drop;
	if (!src.nosuid && (src.mode & 04000))
		img->suid = src.uid;
	if (!src.nosuid && (src.mode & 02010) == 02010)
		img->sgid = src.gid;
	err = build(&src, args, img);
	if (!err && src.file) {
		file_get(src.file);
		img->exe = src.file;
	}
	source_close(&src);
	if (!err)
		return 0;
drop:
	exec_image_drop(img);
	return err;
}

void exec_image_drop(struct exec_image *img)
{
	if (img->aspace)
		aspace_put_user(img->aspace);
	if (img->exe)
		file_put(img->exe);
	kfree(img->path);
	memset(img, 0, sizeof(*img));
}
