/*
 * Lab 05's destination: the first program in ring 3, before there are address spaces and ELF files.
 *
 * Its memory is made by hand: a top-level table with the kernel half, one page of code, one of stack. Nobody loads page tables at a switch yet, so the
 * thread is bound to one CPU and loads its own before it leaves for ring 3, and the kernel's again when it ends.
 */
#include "file/file.h"
#include "core/cpu.h"
#include "core/printk.h"
#include "core/registry.h"
#include "core/verdict.h"
#include "lib/string.h"
#include "mm/frame.h"
#include "mm/pagetable.h"
#include "usermode/usermode.h"

extern const char first_user_start[], first_user_end[]; /* first_user.S */

#define CODE_VA 0x400000ul
#define STACK_VA 0x7ffff000ul

struct program {
	pte_t *pt;
	void *code, *stack; /* pages */
	struct process *process;
	struct wait_queue done;
	bool ended;
};
static struct program program;

/* The new thread, in the kernel: to its own tables, and out. */
static void enter(void *arg)
{
	struct program *p = arg;
	write_cr3(virt_to_phys(p->pt));
	user_enter(current_user_frame());
}

static void __noreturn program_exit(int wait_status, bool whole_process __unused)
{
	write_cr3(virt_to_phys(kernel_pt));
	current->process->exit_status = wait_status;
	atomic_store(&program.ended, true);
	wait_wake_all(&program.done);
	thread_exit();
}

static int make(struct program *p, u64 mode)
{
	int err;
	struct trapframe *f;

	p->pt = pt_new_user();
	p->code = page_alloc(0);
	p->stack = page_alloc(0);
	p->process = process_alloc("first");
	if (!p->pt || !p->code || !p->stack || !p->process)
		return -ENOMEM;
	memcpy(p->code, first_user_start, first_user_end - first_user_start);
	err = pt_map(p->pt, CODE_VA, virt_to_phys(p->code), PTE_PRESENT | PTE_USER);
	if (!err)
		err = pt_map(p->pt, STACK_VA, virt_to_phys(p->stack), PTE_PRESENT | PTE_USER | PTE_WRITE | (cpu_has(CPU_NX) ? PTE_NX : 0));
	if (!err)
		err = files_open_console(p->process);
	if (err)
		return err;
	f = thread_user_frame(p->process->leader);
	user_frame_init(f, CODE_VA, STACK_VA + PAGE_SIZE);
	f->rdi = mode;
	thread_set_entry(p->process->leader, thread_entry, sizeof(*f), (u64)enter, (u64)p);
	return 0;
}

static void drop(struct program *p)
{
	if (p->process) {
		files_drop(p->process->leader);
		process_put(p->process);
	}
	page_free(p->stack);
	page_free(p->code);
	if (p->pt)
		pt_free_user(p->pt);
}

/* Its wait status, or -errno. */
static int run(u64 mode)
{
	struct program *p = &program;
	int result;

	memset(p, 0, sizeof(*p));
	wait_queue_init(&p->done);
	result = make(p, mode);
	if (!result) {
		thread_set_affinity(p->process->leader, 1ul << cpu_id());
		thread_start(p->process->leader);
		wait_event(&p->done, atomic_load(&p->ended));
		result = p->process->exit_status;
	} else if (p->process) {
		thread_put(p->process->leader); /* it never started: its own reference */
	}
	drop(p);
	return result;
}

static void first_user(void)
{
	int good, bad;

	user_exit_hook = program_exit;
	good = run(0);
	printk("ring 3: the first program ended with status %x\n", good);
	bad = run(1);
	printk("ring 3: reading kernel memory ended with status %x (signal %d)\n", bad, bad & 0x7f);
	verdict("ring3 good %d bad %d\n", good, bad);
}
DESTINATION(5, first_user);
