/*
 * POSIX message queues: their names. They live in a file system of their own, "mqueue": one tree, which mq_open and mq_unlink reach by themselves, and which may
 * be mounted (at /dev/mqueue) to be looked at, where `cat`, `ls`, `rm` and `touch` do what one expects.
 */
#include "mqueue_priv.h"

#include "core/registry.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "syscalls_gen.h"

#define MQUEUE_MAGIC 0x19800202
#define FILE_SIZE 80   /* what a queue's file says it has: the most that its text can be */
#define NAME_SIZE 20   /* what each name adds to the directory's size */
#define HARD_MESSAGES 65536
#define HARD_SIZE (16 << 20)
/* What a queue counts for, beside its messages' bytes: as Linux reckons, so that the same RLIMIT_MSGQUEUE allows the same. */
#define MESSAGE_OVERHEAD 48
#define LEVEL_OVERHEAD 48

IPC_LIMIT(limit_queues, "fs/mqueue/queues_max", 256, 0, INT32_MAX);
IPC_LIMIT(limit_messages, "fs/mqueue/msg_max", 10, 1, HARD_MESSAGES);
IPC_LIMIT(limit_size, "fs/mqueue/msgsize_max", 8192, 128, HARD_SIZE);
IPC_LIMIT(limit_default_messages, "fs/mqueue/msg_default", 10, 1, HARD_MESSAGES);
IPC_LIMIT(limit_default_size, "fs/mqueue/msgsize_default", 8192, 128, HARD_SIZE);

static struct superblock *tree;  /* made once, never taken down: one reference is ours */
static struct mount *tree_mount;
static u32 queues;               /* atomic: that there are */
static const struct inode_ops queue_inode_ops, root_ops;
static const struct super_ops super_ops;

static struct path root_path(void) { return (struct path){ tree_mount, tree->root }; }

/* --- making a queue ------------------------------------------------------------------------------------------------ */

static int check_attr(const struct abi_mq_attr *a)
{
	bool free_hand = capable(CAP_SYS_RESOURCE);
	s64 most = free_hand ? HARD_MESSAGES : (s64)READ_ONCE(limit_messages.value), longest = free_hand ? HARD_SIZE : (s64)READ_ONCE(limit_size.value);

	return a->maxmsg <= 0 || a->msgsize <= 0 || a->maxmsg > most || a->msgsize > longest ? -EINVAL : 0;
}

/* attr NULL: the defaults. */
static struct mqueue *queue_alloc(const struct abi_mq_attr *attr)
{
	struct abi_mq_attr a = { .maxmsg = MIN(limit_messages.value, limit_default_messages.value), .msgsize = MIN(limit_size.value, limit_default_size.value) };

	if (attr) {
		int err = check_attr(attr);
		if (err)
			return ERR_PTR(err);
		a = *attr;
	}
	struct mqueue *q = kzalloc(sizeof(*q), 0);
	if (!q)
		return ERR_PTR(-ENOMEM);
	spin_init(&q->lock, "mqueue", RANK_IPC_OBJECT);
	q->max_messages = a.maxmsg;
	q->max_size = a.msgsize;
	list_init(&q->receivers);
	list_init(&q->senders);
	wait_queue_init(&q->wait);
	q->user = cred_current()->user;
	account_hold(q->user);
	u64 bytes = a.maxmsg * (a.msgsize + MESSAGE_OVERHEAD) + MIN(a.maxmsg, MQ_PRIO_MAX) * LEVEL_OVERHEAD;
	if (!account_charge(q->user, ACCOUNT_QUEUE_BYTES, bytes, current->process->rlimits[RLIM_MSGQUEUE].cur)) {
		mqueue_free(q);
		return ERR_PTR(-EMFILE);
	}
	q->charged = bytes;
	return q;
}

/* The directory is locked for writing; d is negative. */
static int make_queue(struct inode *dir, struct dentry *d, u32 mode, const struct abi_mq_attr *attr)
{
	if (atomic_add_return(&queues, 1u) > READ_ONCE(limit_queues.value) && !capable(CAP_SYS_RESOURCE)) {
		atomic_fetch_sub(&queues, 1u);
		return -ENOSPC;
	}
	struct mqueue *q = queue_alloc(attr);
	if (IS_ERR(q)) {
		atomic_fetch_sub(&queues, 1u);
		return PTR_ERR(q);
	}
	struct inode *i = inode_alloc(dir->sb);
	if (!i) {
		atomic_fetch_sub(&queues, 1u);
		mqueue_free(q);
		return -ENOMEM;
	}
	inode_init_owner(i, dir, S_IFREG | mode);
	i->ops = &queue_inode_ops;
	i->fops = &mqueue_file_ops;
	i->size = FILE_SIZE;
	i->private = q;
	dentry_instantiate(d, i);
	dir_store_add(dir, d);
	dir->size += NAME_SIZE;
	inode_touch(dir, ATTR_ATIME | ATTR_MTIME | ATTR_CTIME);
	return 0;
}

static int dir_create(struct inode *dir, struct dentry *d, u32 mode)
{
	return make_queue(dir, d, mode, NULL);
}

static int dir_lookup_nothing(struct inode *dir __unused, struct dentry *d __unused)
{
	return 0;
}

static int dir_unlink(struct inode *dir, struct dentry *d)
{
	d->inode->nlink--;
	inode_touch(d->inode, ATTR_CTIME);
	dir_store_remove(dir, d);
	dir->size -= NAME_SIZE;
	inode_touch(dir, ATTR_ATIME | ATTR_MTIME | ATTR_CTIME);
	return 0;
}

static void evict(struct inode *i)
{
	if (S_ISDIR(i->mode)) {
		kfree(i->private);
	} else if (i->private) {
		mqueue_free(i->private);
		atomic_fetch_sub(&queues, 1u);
	}
}

/* --- mq_open, mq_unlink -------------------------------------------------------------------------------------------- */

/* A name is one component. */
static int check_name(const char *name)
{
	return strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, "..") ? -EACCES : 0;
}

/* The directory is locked. 0 when d is a queue that current may open so. */
static int prepare(struct inode *dir, struct dentry *d, int flags, u32 mode, const struct abi_mq_attr *attr)
{
	static const u8 access[] = { MAY_READ, MAY_WRITE, MAY_READ | MAY_WRITE };

	if (!d->inode) {
		if (!(flags & O_CREAT))
			return -ENOENT;
		int err = inode_permission(dir, MAY_WRITE | MAY_EXEC);
		return err ? err : make_queue(dir, d, mode & 07777 & ~current_umask(), attr);
	}
	if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
		return -EEXIST;
	if ((flags & O_ACCMODE) == O_ACCMODE)
		return -EINVAL;
	return inode_permission(d->inode, access[flags & O_ACCMODE]);
}

static struct file *open_queue(const char *name, int flags, u32 mode, const struct abi_mq_attr *attr)
{
	struct path p = root_path();
	struct inode *dir = p.dentry->inode;
	struct file *f;
	int err = check_name(name);

	if (err)
		return ERR_PTR(err);
	rwlock_write(&dir->lock);
	struct dentry *d = dir_lookup_locked(p.dentry, name, strlen(name));
	if (IS_ERR(d)) {
		f = (struct file *)d;
		goto unlock;
	}
	bool made = !d->inode;
	err = prepare(dir, d, flags, mode, attr);
	p.dentry = d;
	if (!err && made)
		fs_notify_name(FS_CREATE, dir, d->inode, d->name, d->name_len, 0);
	f = err ? ERR_PTR(err) : file_open_with(&p, &mqueue_file_ops, flags & (O_ACCMODE | O_NONBLOCK), NULL);
	if (!IS_ERR(f))
		f->mode |= FILE_SEEKABLE;
	dentry_put(d);
unlock:
	rwlock_write_done(&dir->lock);
	return f;
}

long sys_mq_open(const char __user *uname, int flags, u32 mode, const void __user *uattr)
{
	struct abi_mq_attr attr;

	if (uattr && copy_from_user(&attr, uattr, sizeof(attr)))
		return -EFAULT;
	char *name = path_name_get(uname, 0);
	if (IS_ERR(name))
		return PTR_ERR(name);
	long fd = fd_reserve(0);
	if (fd >= 0) {
		struct file *f = open_queue(name, flags, mode, uattr ? &attr : NULL);
		if (IS_ERR(f)) {
			fd_release(fd);
			fd = PTR_ERR(f);
		} else {
			fd_install(fd, f, true); /* never kept by exec */
		}
	}
	path_name_free(name);
	return fd;
}

long sys_mq_unlink(const char __user *uname)
{
	struct path root = root_path();
	char *name = path_name_get(uname, 0);

	if (IS_ERR(name))
		return PTR_ERR(name);
	long err = check_name(name);
	if (!err)
		err = vfs_unlink_from(&root, name);
	path_name_free(name);
	return err;
}

/* --- the file system ----------------------------------------------------------------------------------------------- */

static struct superblock *mqueue_mount(const struct fs_type *t __unused, const char *source __unused, u32 flags __unused, const char *options __unused)
{
	return tree ? tree : ERR_PTR(-ENODEV);
}

FS_TYPE(mqueue, .name = "mqueue", .nodev = true, .magic = MQUEUE_MAGIC, .mount = mqueue_mount);

static int mqueue_init(void)
{
	struct superblock *sb = superblock_alloc(fs_type_find("mqueue"));
	struct inode *root = sb ? inode_alloc(sb) : NULL;

	if (!root)
		return -ENOMEM;
	sb->ops = &super_ops;
	root->mode = S_IFDIR | 01777;
	root->nlink = 2;
	root->size = 2 * NAME_SIZE;
	root->ops = &root_ops;
	root->fops = &dcache_dir_ops;
	root->private = dir_store_alloc();
	sb->root = root->private ? dentry_make_root(root) : NULL;
	if (!sb->root)
		return -ENOMEM;
	tree = sb;
	superblock_get(sb);
	tree_mount = mount_of_superblock(sb, "mqueue");
	return tree_mount ? 0 : -ENOMEM;
}
SUBSYSTEM(mqueue, .needs = "vfs proc", .init = mqueue_init, .stage = "09-ipc");

static const struct inode_ops queue_inode_ops = { 0 };
static const struct inode_ops root_ops = {
	.lookup = dir_lookup_nothing,
	.create = dir_create,
	.unlink = dir_unlink,
};
static const struct super_ops super_ops = {
	.evict = evict,
};
