/*
 * Programs that no program starts: the first process; and, while there are no processes that have children, the programs of the archive, one after the
 * other, each in a process of its own.
 *
 * Which programs stage 06 runs: what `programs=bin/a,bin/b` on the command line says, else the lines of the archive's etc/programs (a path and its
 * arguments), else a few of our own that need no files and wait for nobody to type.
 */
#include "exec/exec.h"

#include "acpi/acpi.h"
#include "core/cmdline.h"
#include "core/printk.h"
#include "core/registry.h"
#include "exec_priv.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "usermode/usermode.h"

static int fill_args(struct exec_args *args, const char *const *argv, const char *const *envp)
{
	int err = 0;

	memset(args, 0, sizeof(*args));
	for (; !err && *argv; argv++)
		err = exec_args_add(args, *argv, false);
	for (; !err && *envp; envp++)
		err = exec_args_add(args, *envp, true);
	if (err)
		exec_args_free(args);
	return err;
}

/* A process with this image, not started; the image is used up. NULL: memory is short. */
static struct process *make_process(struct exec_image *img)
{
	static bool had_first;
	int err = 0;
	struct process *p = process_alloc(img->comm);

	if (!p)
		goto drop;
	if (!had_first) {
		/* Number 1 is kept for it. */
		tid_free(p->leader->tid);
		p->leader->tid = p->pid = 1;
		had_first = true;
	}
	p->aspace = p->leader->aspace = img->aspace;
	p->exe = img->exe;
	img->aspace = NULL;
	img->exe = NULL;
	if (files_open_console(p))
		goto free_process;
	NOTIFIER_CALL(process_first, p, &err);
	if (err)
		goto free_process;
	user_frame_init(thread_user_frame(p->leader), img->entry, img->sp);
	exec_image_drop(img);
	return p;

free_process:
	files_drop(p->leader);
	aspace_put_user(p->aspace);
	if (p->exe)
		file_put(p->exe);
	p->aspace = p->leader->aspace = NULL;
	struct thread *t = p->leader;
	process_put(p);
	thread_put(t);
drop:
	exec_image_drop(img);
	return NULL;
}

/* A process with the program in it, which does not run yet. Counted for the caller. */
static struct process *load_program(const char *path, const char *const *argv, const char *const *envp, int *err)
{
	struct exec_args args;
	struct exec_image img;

	*err = fill_args(&args, argv, envp);
	if (*err)
		return NULL;
	*err = exec_load(path, &args, &img);
	exec_args_free(&args);
	if (*err)
		return NULL;
	struct process *p = make_process(&img);
	if (!p) {
		*err = -ENOMEM;
		return NULL;
	}
	process_get(p);
	thread_set_entry(p->leader, ret_from_fork, sizeof(struct trapframe), 0, 0);
	return p;
}

int exec_first(const char *path, const char *const *argv, const char *const *envp)
{
	int err;
	struct process *p = load_program(path, argv, envp, &err);

	if (!p)
		return err;
	printk("Run %s as init process\n", path); /* before it runs: the console is its own from then on */
	thread_start(p->leader);
	process_put(p);
	return 0;
}

/* --- stage 06: one after the other --------------------------------------------------------------------------------- */

static WAIT_QUEUE(program_ended);

/* How a program ends while there are no processes that wait for others. */
static void __noreturn program_exit(int wait_status, bool whole_process __unused)
{
	struct process *p = current->process;
	struct aspace *as = p->aspace;

	p->aspace = current->aspace = NULL;
	files_drop(current);
	if (p->exe)
		file_put(p->exe);
	p->exe = NULL;
	aspace_put_user(as);
	p->exit_status = wait_status;
	p->zombie = true;
	wait_wake_all(&program_ended);
	thread_exit();
}

#define WORDS_MAX 16
struct run_state {
	u32 run, failed;
};

static void run_line(struct run_state *rs, char *line)
{
	static const char *const environment[] = { "PATH=/bin", "HOME=/", "TERM=linux", NULL };
	const char *argv[WORDS_MAX + 1];
	u32 n = 0;
	int err;

	for (char *s = line; *s && n < WORDS_MAX;) {
		while (*s == ' ' || *s == '\t')
			*s++ = '\0';
		if (!*s || *s == '#')
			break;
		argv[n++] = s;
		while (*s && *s != ' ' && *s != '\t')
			s++;
	}
	argv[n] = NULL;
	if (!n)
		return;
	rs->run++;
	printk("program: %s\n", argv[0]);
	struct process *p = load_program(argv[0], argv, environment, &err);
	if (!p) {
		printk("program: %s: cannot be run (error %d)\n", argv[0], err);
		rs->failed++;
		return;
	}
	thread_start(p->leader);
	wait_event(&program_ended, READ_ONCE(p->zombie));
	if (p->exit_status & 0x7f)
		printk("program: %s: killed by signal %d\n", argv[0], p->exit_status & 0x7f);
	else
		printk("program: %s: exit %d\n", argv[0], p->exit_status >> 8 & 0xff);
	rs->failed += p->exit_status != 0;
	process_put(p);
}

/* Lines of a text, parted by any of the characters in `ends`. */
static void run_text(struct run_state *rs, const char *text, size_t size, const char *ends)
{
	char line[256];

	while (size) {
		size_t n = 0;
		while (n < size && !strchr(ends, text[n]))
			n++;
		size_t keep = MIN(n, sizeof(line) - 1);
		memcpy(line, text, keep);
		line[keep] = '\0';
		run_line(rs, line);
		n += n < size;
		text += n;
		size -= n;
	}
}

static void run_programs(void)
{
	struct run_state rs = { 0, 0 };
	char list[1024];
	size_t size;
	static const char usual[] = "/bin/hello\n/bin/hello-pie\n/bin/echo programs run\n/bin/true\n";
	const char *text = archive_text("etc/programs", &size);

	if (!cmdline_get("programs", list, sizeof(list)))
		run_text(&rs, list, strlen(list), ",");
	else if (text)
		run_text(&rs, text, size, "\n");
	else
		run_text(&rs, usual, strlen(usual), "\n");
	printk("programs: %u run, %u failed\n", rs.run, rs.failed);
	if (!rs.run)
		printk("programs: the initramfs holds none\n");
	acpi_poweroff();
	for (;;)
		thread_sleep_ns(NSEC_PER_SEC);
}
DESTINATION(6, run_programs);
CMDLINE_PARAM(programs, "programs");

static int exec_init(void)
{
	user_exit_hook = program_exit;
	return 0;
}
SUBSYSTEM(exec, .needs = "vm usermode file", .init = exec_init, .stage = "06-elf");
