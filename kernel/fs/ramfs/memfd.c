/* memfd_create(2): a file of a tmpfs that is mounted nowhere, and that has no name. */
#include "ramfs_priv.h"
#include "fs/ramfs/ramfs.h"
#include "core/registry.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "syscalls_gen.h"
#include "usermode/uaccess.h"

#define MEMFD_PREFIX "memfd:"
#define MEMFD_NAME_MAX (NAME_MAX - 6)

static struct mount *memfd_mount;

struct file *tmpfs_file_unnamed(const char *name)
{
	struct superblock *sb = memfd_mount->sb;
	struct dentry *d = dentry_alloc(sb->root, name, strlen(name));
	struct path p = { memfd_mount, d };
	struct inode *i;
	struct file *f;

	if (!d)
		return ERR_PTR(-ENOMEM);
	i = ramfs_new_inode(sb, NULL, S_IFREG | 0777, 0);
	if (IS_ERR(i)) {
		dentry_put(d);
		return (struct file *)i;
	}
	i->nlink = 0;
	dentry_instantiate(d, i);
	f = file_open_path(&p, O_RDWR | O_LARGEFILE, NULL);
	dentry_put(d);
	return f;
}

long sys_memfd_create(const char __user *uname, unsigned flags)
{
	char name[NAME_MAX + 1] = MEMFD_PREFIX;
	struct file *f;
	ssize_t len;
	int fd;

	/* Huge pages are not to be had. */
	if (flags & ~(MFD_CLOEXEC | MFD_ALLOW_SEALING))
		return -EINVAL;
	len = strncpy_from_user(name + strlen(MEMFD_PREFIX), uname, MEMFD_NAME_MAX + 1);
	if (len < 0)
		return len == -ENAMETOOLONG ? -EINVAL : len;
	f = tmpfs_file_unnamed(name);
	if (IS_ERR(f))
		return PTR_ERR(f);
	if (flags & MFD_ALLOW_SEALING)
		f->inode->seals = 0;
	fd = fd_open(f, flags & MFD_CLOEXEC);
	if (fd < 0)
		file_put(f);
	return fd;
}

static int memfd_init(void)
{
	struct mount *m = mount_internal("tmpfs");

	if (IS_ERR(m))
		return PTR_ERR(m);
	memfd_mount = m;
	return 0;
}

SUBSYSTEM(memfd, .needs = "vfs", .init = memfd_init, .stage = "08-vfs");
