/*
 * The first process: how it gets its place in the tables, and which program it runs.
 *
 * As on Linux: rdinit= names a program of the initramfs (default /init), init= one of the root file system; then /sbin/init, /etc/init, /bin/init, /bin/sh.
 * Words of the command line that the kernel does not know are handed on: `key=value` in the environment, others (and all behind `--`) as arguments.
 */
#include "proc_priv.h"

#include "core/cmdline.h"
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
struct init_words {
	char *buf; /* all words, NUL after each */
	const char *argv[WORDS_MAX + 2], *envp[WORDS_MAX + 3];
	u32 argc, envc;
};

static void add_word(struct init_words *w, char *word, size_t len, bool after_dashes)
{
	bool is_env = memchr(word, '=', len) && !after_dashes;

	if (!after_dashes && (cmdline_is_known(word, len) || memchr(word, '.', is_env ? (size_t)(strchr(word, '=') - word) : len)))
		return;
	if (is_env && w->envc < WORDS_MAX)
		w->envp[w->envc++] = word;
	else if (!is_env && w->argc < WORDS_MAX)
		w->argv[w->argc++] = word;
}

static int gather_words(struct init_words *w)
{
	const char *pos = boot_cmdline, *word;
	bool after_dashes = false;
	size_t len;

	memset(w, 0, sizeof(*w));
	w->buf = kmalloc(strlen(boot_cmdline) + 64, 0);
	if (!w->buf)
		return -ENOMEM;
	char *to = w->buf;
	w->argc = 1; /* [0]: the program, put there when it is tried */
	w->envp[w->envc++] = "HOME=/";
	w->envp[w->envc++] = "TERM=linux";
	while ((len = cmdline_next(&pos, &word))) {
		if (len == 2 && !memcmp(word, "--", 2)) {
			after_dashes = true;
			continue;
		}
		/* Quotes belong to the command line, not to the word. */
		char *start = to;
		for (size_t i = 0; i < len; i++)
			if (word[i] != '"')
				*to++ = word[i];
		*to++ = '\0';
		add_word(w, start, strlen(start), after_dashes);
	}
	return 0;
}

static bool try(struct init_words *w, const char *path, bool tell)
{
	w->argv[0] = path;
	int err = exec_first(path, w->argv, w->envp);

	if (!err)
		printk("Run %s as init process\n", path);
	else if (tell || err != -ENOENT)
		pr_err("Failed to execute %s (error %d)\n", path, err);
	return !err;
}

void init_start(void)
{
	static const char *const places[] = { "/sbin/init", "/etc/init", "/bin/init", "/bin/sh" };
	static struct init_words w;
	char path[256];

	if (gather_words(&w)) {
		pr_err("init: no memory\n");
		return;
	}
	bool named = !cmdline_get("rdinit", path, sizeof(path));
	if (!named)
		strlcpy(path, "/init", sizeof(path));
	if (try(&w, path, named))
		return;
	if (!cmdline_get("init", path, sizeof(path))) {
		if (try(&w, path, true))
			return;
		pr_err("Requested init %s failed.\n", path);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (try(&w, places[i], false))
			return;
	printk_level(LOG_EMERG, "No working init found.  Try passing init= option to kernel.\n");
}

static void run_init(void)
{
	init_start();
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
