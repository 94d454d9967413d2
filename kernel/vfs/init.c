/* Brings the file system layer up: caches, the root file system, an empty tree in it. */
#include "vfs_priv.h"
#include "core/printk.h"
#include "core/registry.h"
#include "exec/exec.h"
#include "proc/proc.h"

/* --- what hangs on processes ----------------------------------------------------------------------------------------------------- */

static void first_process(struct process *p, int *err)
{
	if (*err)
		return;
	*err = fs_context_clone(p->leader, p->leader, false);
}

NOTIFIER(process_first, first_process);

/* --- the root ---------------------------------------------------------------------------------------------------------------------- */

static struct file *console_node_open(void)
{
	return file_open(AT_FDCWD, "/dev/console", O_RDWR, 0);
}

/* The first tree: a tmpfs, with what Linux's built-in archive has, so that an initramfs need not bring a console. */
static int rootfs_mount(void)
{
	static struct fs_type rootfs; /* a tmpfs by another name, as programs know it from /proc/mounts; cannot be mounted again */
	const struct fs_type *t = fs_type_find("tmpfs");
	struct superblock *sb;
	struct mount *m;
	struct path root;

	if (!t)
		return -ENODEV;
	rootfs = *t;
	rootfs.name = "rootfs";
	sb = t->mount(&rootfs, "rootfs", 0, "mode=755");
	if (IS_ERR(sb))
		return PTR_ERR(sb);
	m = mount_alloc(sb, sb->root, "rootfs", 0);
	if (!m)
		return -ENOMEM;
	mutex_lock(&mount_mutex);
	mount_tree_set_root(m);
	mutex_unlock(&mount_mutex);
	root = (struct path){ m, sb->root };
	path_get(&root);
	path_get(&root);
	init_fs.root = init_fs.cwd = root;
	vfs_mkdir(AT_FDCWD, "/dev", 0755);
	vfs_mkdir(AT_FDCWD, "/root", 0700);
	return vfs_mknod(AT_FDCWD, "/dev/console", S_IFCHR | 0600, abi_makedev(5, 1));
}

static int vfs_start(void)
{
	int (*const steps[])(void) = { dcache_init, inode_cache_init, path_init, super_init, mount_init, device_init, anon_init };
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(steps) && !err; i++)
		err = steps[i]();
	if (err)
		return err;
	open_init();
	exec_file_init();
	return 0;
}

static int rootfs_start(void)
{
	int err = rootfs_mount();

	if (!err)
		console_open_hook = console_node_open;
	return err;
}

SUBSYSTEM(vfs, .needs = "file proc pagecache", .init = vfs_start, .stage = "08-vfs");
SUBSYSTEM(rootfs, .needs = "vfs", .init = rootfs_start, .stage = "08-vfs");
