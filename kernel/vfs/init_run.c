/*
 * Where boot ends from stage 08 on: the root file system is filled, and the first program runs as process 1.
 *
 * Which program, in Linux's order: rdinit=, or /init; then, when there is none, init=; then the usual places. What stands on the
 * command line and no part of the kernel knows goes to it: words as arguments, key=value into the environment.
 */
#include "vfs_priv.h"
#include "core/cmdline.h"
#include "core/panic.h"
#include "core/printk.h"
#include "core/registry.h"
#include "exec/exec.h"
#include "lib/string.h"
#include "mm/slab.h"

#define WORDS_MAX 32

CMDLINE_PARAM(init, "init");
CMDLINE_PARAM(rdinit, "rdinit");
CMDLINE_PARAM(root, "root");
CMDLINE_PARAM(rootfstype, "rootfstype");
CMDLINE_PARAM(rootflags, "rootflags");
CMDLINE_PARAM(rootwait, "rootwait");
CMDLINE_PARAM(ro, "ro");
CMDLINE_PARAM(rw, "rw");

int (*root_mount_hook)(const char *device, const char *type, const char *options, bool read_only);

static const char *argv[WORDS_MAX + 2];
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
	copy[n] = 0;
	return copy;
}

static void collect_words(void)
{
	const char *pos = boot_cmdline, *word;
	u32 args = 1, envs = 2;
	bool all_args = false;
	size_t len;

	while ((len = cmdline_next(&pos, &word))) {
		size_t key = 0;
		char *copy;

		if (len == 2 && !memcmp(word, "--", 2) && !all_args) {
			all_args = true;
			continue;
		}
		while (key < len && word[key] != '=')
			key++;
		/* module.parameter=value is nobody's. */
		if (!all_args && (cmdline_is_known(word, len) || memchr(word, '.', key)))
			continue;
		copy = copy_word(word, len);
		if (!copy)
			return;
		if (!all_args && key < len)
			add_environment(copy, &envs);
		else if (args < WORDS_MAX + 1)
			argv[args++] = copy;
	}
}

static int try_init(const char *path)
{
	int err;

	argv[0] = path;
	err = exec_first(path, argv, envp);
	if (!err)
		printk("Run %s as init process\n", path);
	return err;
}

/* root= asks for a device: mounted by a later stage's hook, over the rootfs. */
static void mount_root(void)
{
	char device[128], type[32] = "", options[128] = "";
	int err = -ENODEV;

	if (cmdline_get("root", device, sizeof(device)) || !strcmp(device, "/dev/ram0") || !strcmp(device, "rootfs"))
		return;
	cmdline_get("rootfstype", type, sizeof(type));
	cmdline_get("rootflags", options, sizeof(options));
	if (root_mount_hook)
		err = root_mount_hook(device, type, options, !cmdline_has("rw"));
	if (err)
		pr_err("VFS: cannot mount root device \"%s\"%s%s: error %d%s; going on with the initramfs\n", device, *type ? " as " : "", type, err,
			root_mount_hook ? "" : " (this kernel has no disks)");
}

static void run_init(void)
{
	static const char *const places[] = { "/sbin/init", "/etc/init", "/bin/init", "/bin/sh" };
	static char name[256];
	struct lookup_result r;
	int err;

	initramfs_unpack();
	collect_words();
	if (cmdline_get("rdinit", name, sizeof(name)))
		strlcpy(name, "/init", sizeof(name));
	err = path_lookup(AT_FDCWD, name, LOOKUP_FOLLOW, &r);
	if (!err) {
		path_put(&r.path);
		err = try_init(name);
		if (!err)
			return;
		pr_err("Failed to execute %s (error %d)\n", name, err);
	} else if (strcmp(name, "/init")) {
		pr_warn("check access for rdinit=%s failed: %d, ignoring\n", name, err);
	}
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

DESTINATION(8, run_init);
