/*
 * devfs: the tree of device nodes.
 *
 * It is one tmpfs tree, mounted as often as one likes ("devtmpfs", "devfs"), that gets a node for each registered character device,
 * and loses it again with the device. Root may add to it and change it, as on Linux. Links and directories that programs
 * expect are made with it.
 */
#include "fs/devfs/devfs.h"
#include "fs/ramfs/ramfs.h"
#include "core/printk.h"
#include "core/registry.h"
#include "devfs_priv.h"
#include "lib/string.h"

#define TMPFS_MAGIC 0x01021994

static struct superblock *tree;  /* made once, never taken down: one reference is ours */
static struct mount *tree_mount; /* by which the kernel itself reaches it */

static struct superblock *devfs_mount(const struct fs_type *t __unused, const char *source __unused, u32 flags __unused, const char *options __unused)
{
	if (!tree)
		return ERR_PTR(-ENODEV);
	return tree;
}

/* The parent directory of `name` ("pts/0": makes "pts") below the tree; its last component in *last. */
static int parent_of(const char *name, struct path *dir, const char **last)
{
	const char *slash = strrchr(name, '/');
	struct path root = { tree_mount, tree->root };
	struct lookup_result r;
	char text[64];
	int err;

	*last = slash ? slash + 1 : name;
	if (!slash) {
		*dir = root;
		path_get(dir);
		return 0;
	}
	if (strlcpy(text, name, sizeof(text)) >= sizeof(text))
		return -ENAMETOOLONG;
	text[slash - name] = 0;
	err = path_lookup_from(&root, text, LOOKUP_DIRECTORY, &r);
	*dir = r.path;
	return err;
}

/* Makes a node, directory or link in the tree, by the kernel's own right: 0 or -errno. */
static int make(const char *name, u32 mode, u64 rdev, const char *target)
{
	const char *last;
	struct path dir;
	struct inode *i;
	struct dentry *d;
	int err = parent_of(name, &dir, &last);

	if (err)
		return err;
	i = dir.dentry->inode;
	rwlock_write(&i->lock);
	d = dir_lookup_locked(dir.dentry, last, strlen(last));
	err = PTR_ERR(d);
	if (!IS_ERR(d)) {
		if (d->inode)
			err = -EEXIST;
		else if (target)
			err = i->ops->symlink(i, d, target);
		else if (S_ISDIR(mode))
			err = i->ops->mkdir(i, d, mode & 07777);
		else
			err = i->ops->mknod(i, d, mode, rdev);
		dentry_put(d);
	}
	rwlock_write_done(&i->lock);
	path_put(&dir);
	return err;
}

static void remove(const char *name)
{
	const char *last;
	struct path dir;
	struct inode *i;
	struct dentry *d;

	if (parent_of(name, &dir, &last))
		return;
	i = dir.dentry->inode;
	rwlock_write(&i->lock);
	d = dir_lookup_locked(dir.dentry, last, strlen(last));
	if (!IS_ERR(d) && d->inode && !S_ISDIR(d->inode->mode)) {
		i->ops->unlink(i, d);
		dentry_unhash(d);
	}
	rwlock_write_done(&i->lock);
	if (!IS_ERR(d))
		dentry_put(d);
	path_put(&dir);
}

static void device_added(struct char_device *d)
{
	if (d->name)
		make(d->name, S_IFCHR | d->mode, abi_makedev(d->major, d->minor), NULL);
}

static void device_removed(struct char_device *d)
{
	if (d->name)
		remove(d->name);
}

int devfs_block_node(const char *name, u32 mode, u64 rdev)
{
	return make(name, S_IFBLK | mode, rdev, NULL);
}

void devfs_remove_node(const char *name)
{
	remove(name);
}

static int devfs_init(void)
{
	static const struct {
		const char *name, *target;
		u32 mode;
	} start[] = {
		{ "pts", NULL, 0755 }, { "shm", NULL, 01777 }, { "fd", "/proc/self/fd", 0 }, { "stdin", "/proc/self/fd/0", 0 },
		{ "stdout", "/proc/self/fd/1", 0 }, { "stderr", "/proc/self/fd/2", 0 },
	};
	const struct fs_type *t = fs_type_find("devtmpfs");
	struct superblock *sb;
	struct mem_stats mem;

	mem_stats(&mem);
	sb = tmpfs_superblock(t, 0, "mode=755", mem.total / 2);
	if (IS_ERR(sb))
		return PTR_ERR(sb);
	tree = sb;
	superblock_get(sb);
	tree_mount = mount_of_superblock(sb, "devtmpfs");
	if (!tree_mount)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(start); i++)
		make(start[i].name, S_IFDIR | start[i].mode, 0, start[i].target);
	char_device_watch.added = device_added;
	char_device_watch.removed = device_removed;
	char_device_for_each(device_added);
	return memory_devices_init();
}

FS_TYPE(devtmpfs, .name = "devtmpfs", .nodev = true, .magic = TMPFS_MAGIC, .mount = devfs_mount);
SUBSYSTEM(devfs, .needs = "vfs", .init = devfs_init, .stage = "08-vfs");
