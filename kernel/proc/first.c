/*
 * The first process: how it gets its place in the tables, and which program it runs.
 *
 * As on Linux: rdinit= names a program of the initramfs (default /init), init= one of the root file system; then /sbin/init, /etc/init, /bin/init, /bin/sh.
 * Words of the command line that the kernel does not know are handed on: `key=value` in the environment, others (and all behind `--`) as arguments.
 */
#include "proc_priv.h"

#include "core/cmdline.h"
#include "core/panic.h"
#include "core/printk.h"
#include "core/registry.h"
#include "exec/exec.h"
#include "lib/string.h"
#include "mm/frame.h"
#include "mm/pagetable.h"
#include "mm/slab.h"

CMDLINE_PARAM(init, "init");
CMDLINE_PARAM(rdinit, "rdinit");

/* --- a place in the tables ----------------------------------------------------------------------------------------- */

static void first_process(struct process *p, int *err)
{
	struct session *s = session_create(0);
	struct pgroup *g = s ? pgroup_create(0, s) : NULL;

	if (!g)
		goto no_memory;
	p->sighand = sighand_create();
	if (!p->sighand || thread_signal_create(p->leader) || !process_signal_create(p))
		goto no_memory;
	cred_first(p, err);
	if (*err)
		goto put;
	p->rlimits[RLIM_NPROC].cur = p->rlimits[RLIM_NPROC].max = thread_max / 2;
	p->rlimits[RLIM_SIGPENDING].cur = p->rlimits[RLIM_SIGPENDING].max = thread_max / 2;
	p->exit_signal = SIGCHLD;
	p->is_init = p->pid == 1;
	p->did_exec = true;
	spin_lock(&process_tree_lock);
	if (p->is_init)
		init_process = p;
	thread_publish(p->leader);
	process_publish(p);
	p->parent = p == init_process ? NULL : init_process;
	if (p->parent)
		list_add_tail(&p->parent->children, &p->sibling);
	p->session = s;
	pgroup_enter(p, g);
	spin_unlock(&process_tree_lock);
	return;

no_memory:
	*err = -ENOMEM;
put:
	pgroup_put(g);
	session_put(s);
}
NOTIFIER(process_first, first_process);

/* --- which program ------------------------------------------------------------------------------------------------- */

#define WORDS_MAX 32
static const char *argv[WORDS_MAX + 2]; /* [0]: the program, put there when it is tried */
static const char *envp[WORDS_MAX + 3] = { "HOME=/", "TERM=linux" };

/* "NAME=" of what is there already is replaced, as Linux does for TERM. */
static void add_environment(char *word, u32 *count)
{
	size_t key = strchr(word, '=') - word + 1;

	for (u32 i = 0; i < *count; i++)
		if (!strncmp(envp[i], word, key)) {
			envp[i] = word;
			return;
		}
	if (*count < WORDS_MAX + 2)
		envp[(*count)++] = word;
}

/* A word as it stands, without the quotes of key="a b". */
static char *copy_word(const char *word, size_t len)
{
	char *copy = kmalloc(len + 1, 0);
	size_t n = 0;

	if (!copy)
		return NULL;
	for (size_t i = 0; i < len; i++)
		if (word[i] != '"')
			copy[n++] = word[i];
	copy[n] = '\0';
	return copy;
}

static void collect_words(void)
{
	const char *pos = boot_cmdline, *word;
	u32 args = 1, envs = 2;
	bool all_args = false;
	size_t len;

	while ((len = cmdline_next(&pos, &word))) {
		const char *equals = memchr(word, '=', len);
		char *copy;

		if (len == 2 && !memcmp(word, "--", 2) && !all_args) {
			all_args = true;
			continue;
		}
		/* module.parameter=value is nobody's. */
		if (!all_args && (cmdline_is_known(word, len) || memchr(word, '.', equals ? (size_t)(equals - word) : len)))
			continue;
		copy = copy_word(word, len);
		if (!copy)
			return;
		if (!all_args && equals)
			add_environment(copy, &envs);
		else if (args < WORDS_MAX + 1)
			argv[args++] = copy;
	}
}

static int try_init(const char *path)
{
	argv[0] = path;
	return exec_first(path, argv, envp);
}

void init_start(void (*mount_root)(void))
{
	static const char *const places[] = { "/sbin/init", "/etc/init", "/bin/init", "/bin/sh" };
	static char name[256];
	bool named = !cmdline_get("rdinit", name, sizeof(name));
	int err;

	collect_words();
	if (!named)
		strlcpy(name, "/init", sizeof(name));
	err = try_init(name);
	if (!err)
		return;
	if (err != -ENOENT)
		pr_err("Failed to execute %s (error %d)\n", name, err);
	else if (named)
		pr_warn("check access for rdinit=%s failed: %d, ignoring\n", name, err);
	if (mount_root)
		mount_root();
	if (!cmdline_get("init", name, sizeof(name))) {
		err = try_init(name);
		if (!err)
			return;
		panic("Requested init %s failed (error %d).", name, err);
	}
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		err = try_init(places[i]);
		if (!err)
			return;
		if (err != -ENOENT && err != -ENOTDIR)
			pr_err("Starting init: %s exists but couldn't execute it (error %d)\n", places[i], err);
	}
	panic("No working init found. Give one in the initramfs (-initrd), or name it by init= or rdinit=.");
}

static void run_init(void)
{
	init_start(NULL);
}
DESTINATION(7, run_init);

u32 thread_max;

static int proc_init(void)
{
	struct mem_stats m;

	mem_stats(&m);
	thread_max = MIN(MAX(m.total * PAGE_SIZE / (8 * KSTACK_SIZE), 64ul), TID_MAX - 300ul);
	exit_init();
	return 0;
}
SUBSYSTEM(proc, .needs = "exec vm usermode", .init = proc_init, .stage = "07-processes");
