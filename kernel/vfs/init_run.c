/*
 * Where boot ends from stage 08 on: the root file system is filled, and the first program runs as process 1.
 * Which program is proc's affair (proc/first.c); here is what root= asks for when the initramfs holds none.
 */
#include "vfs_priv.h"
#include "core/cmdline.h"
#include "core/printk.h"
#include "core/registry.h"
#include "lib/string.h"
#include "proc/proc.h"

CMDLINE_PARAM(root, "root");
CMDLINE_PARAM(rootfstype, "rootfstype");
CMDLINE_PARAM(rootflags, "rootflags");
CMDLINE_PARAM(rootwait, "rootwait");
CMDLINE_PARAM(ro, "ro");
CMDLINE_PARAM(rw, "rw");

int (*root_mount_hook)(const char *device, const char *type, const char *options, bool read_only);

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
	initramfs_unpack();
	init_start(mount_root);
}

DESTINATION(8, run_init);
