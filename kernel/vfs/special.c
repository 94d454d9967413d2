/*
 * Files that are not on any disk: device nodes, FIFOs and sockets by their inode's type, and files that have no name at all.
 */
#include "vfs_priv.h"
#include "lib/format.h"
#include "lib/string.h"
#include "mm/slab.h"

int (*block_device_open)(struct inode *inode, struct file *f);
int (*fifo_open)(struct inode *inode, struct file *f);
int (*socket_node_open)(struct inode *inode, struct file *f);

/* --- character devices --------------------------------------------------------------------------------------------------------- */

static struct mutex devices_mutex;              /* guards the list */
static struct list devices = LIST_INIT(devices);
struct char_device_watch char_device_watch;

static struct char_device *device_find(u32 major, u32 minor)
{
	struct char_device *d;

	list_for_each(d, &devices, link)
		if (d->major == major && minor - d->minor < d->count)
			return d;
	return NULL;
}

int char_device_register(struct char_device *d)
{
	int err = 0;

	mutex_lock(&devices_mutex);
	for (u32 i = 0; i < d->count && !err; i++) {
		struct char_device *old = device_find(d->major, d->minor + i);
		if (old && old->provisional && !d->provisional)
			list_del(&old->link);
		else if (old)
			err = -EBUSY;
	}
	if (!err)
		list_add_tail(&devices, &d->link);
	mutex_unlock(&devices_mutex);
	if (!err && char_device_watch.added)
		char_device_watch.added(d);
	return err;
}

void char_device_unregister(struct char_device *d)
{
	if (char_device_watch.removed)
		char_device_watch.removed(d);
	mutex_lock(&devices_mutex);
	list_del(&d->link);
	mutex_unlock(&devices_mutex);
}

void char_device_for_each(void (*fn)(struct char_device *d))
{
	struct char_device *d;

	mutex_lock(&devices_mutex);
	list_for_each(d, &devices, link)
		fn(d);
	mutex_unlock(&devices_mutex);
}

static int device_open(struct inode *inode, struct file *f)
{
	struct char_device *d;

	mutex_lock(&devices_mutex);
	d = device_find(abi_major(inode->rdev), abi_minor(inode->rdev));
	mutex_unlock(&devices_mutex);
	return d ? d->open(inode, f) : -ENXIO;
}

int special_open(struct inode *inode, struct file *f)
{
	int (*open)(struct inode *, struct file *);

	switch (inode->mode & S_IFMT) {
	case S_IFCHR:
		open = device_open;
		break;
	case S_IFBLK:
		open = block_device_open;
		break;
	case S_IFIFO:
		open = fifo_open;
		break;
	default:
		open = socket_node_open;
	}
	return open ? open(inode, f) : -ENXIO;
}

/* --- files without a name --------------------------------------------------------------------------------------------------------- */

/* One superblock and one mount, for ever, hold the inodes of pipes, sockets and the like. */
static const struct fs_type anon_type = { .name = "anon_inodefs", .nodev = true, .magic = 0x09041934 };
static struct mount *anon_mount;

/* Class names with a colon ("anon_inode:[eventfd]") are shown as they are, others ("pipe") with their inode number. */
struct file *file_anonymous(const char *class_name, const struct file_ops *ops, u32 flags, void *private)
{
	static const struct {
		const char *name;
		u32 mode;
	} modes[] = { { "pipe", S_IFIFO | 0600 }, { "socket", S_IFSOCK | 0777 } };
	struct superblock *sb = anon_mount->sb;
	struct file *f = file_alloc(ops, flags, private);
	struct inode *i;
	struct dentry *d;

	if (IS_ERR(f))
		return f;
	i = inode_alloc(sb);
	if (!i)
		goto no_inode;
	i->mode = 0600;
	i->flags |= INODE_ANONYMOUS;
	for (size_t k = 0; k < ARRAY_SIZE(modes); k++)
		if (!strcmp(class_name, modes[k].name))
			i->mode = modes[k].mode;
	i->uid = file_cred()->fsuid;
	i->gid = file_cred()->fsgid;
	d = dentry_alloc(sb->root, class_name, strlen(class_name));
	if (!d)
		goto no_dentry;
	dentry_instantiate(d, i);
	mount_get(anon_mount);
	f->mount = anon_mount;
	f->dentry = d;
	f->inode = i;
	f->mode |= FILE_OPENED | FILE_NO_PREAD;
	return f;

no_dentry:
	inode_put(i);
no_inode:
	/* The operations have seen nothing of it yet: their release must not. */
	f->ops = NULL;
	file_put(f);
	return ERR_PTR(-ENOMEM);
}

bool dentry_is_anon(const struct dentry *d)
{
	return d->sb->type == &anon_type && d->parent != d;
}

const char *anon_dentry_text(struct dentry *d, char *buf, size_t size)
{
	if (strchr(d->name, ':'))
		strlcpy(buf, d->name, size);
	else
		ksnprintf(buf, size, "%s:[%lu]", d->name, d->inode->ino);
	return buf;
}

int anon_init(void)
{
	struct superblock *sb = superblock_alloc(&anon_type);
	struct inode *root;

	if (!sb)
		return -ENOMEM;
	root = inode_alloc(sb);
	if (root)
		root->mode = S_IFDIR | 0555;
	sb->root = dentry_make_root(root);
	if (!sb->root)
		return -ENOMEM;
	anon_mount = mount_of_superblock(sb, "anon_inodefs");
	return anon_mount ? 0 : -ENOMEM;
}

int device_init(void)
{
	mutex_init(&devices_mutex, "character devices", RANK_SUBSYS_MUTEX);
	return 0;
}
