/*
 * procfs: processes and the state of the kernel as files.
 *
 *   /proc/NAME …        information nodes (core/node.h), one tree for all mounts
 *   /proc/PID …         made when looked up, from the table pid_entries
 *   /proc/self, thread-self
 *
 * Inodes of processes are not kept: each look-up makes one, with a reference to the process, and it goes with its last user
 * (DENTRY_NOCACHE), or the memory of a dead process would stay for as long as its name is cached. A dentry in use whose process
 * is gone is dropped when the next walk comes over it (dentry_revalidate), so a number that is used again shows the new one.
 */
#include "abi/stat.h"
#include "core/registry.h"
#include "ipc/ipc.h"
#include "lib/format.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "procfs_priv.h"

#define PROC_MAGIC 0x9fa0
#define FIRST_PID_POS 0x10000 /* positions of the root directory: nodes below, FIRST_PID_POS + pid for processes */

static struct tree_node *root_node;
struct tree_node *net_node;

/* --- root directory --------------------------------------------------------------------------------------------- */

static const char *self_link(struct inode *i __unused, struct dentry *d __unused, char **to_free)
{
	char text[16];
	if (!current->process)
		return ERR_PTR(-ENOENT);
	ksnprintf(text, sizeof(text), "%d", current->process->pid);
	*to_free = kstrdup(text, 0);
	return *to_free ? *to_free : ERR_PTR(-ENOMEM);
}

static const char *thread_self_link(struct inode *i __unused, struct dentry *d __unused, char **to_free)
{
	char text[40];
	if (!current->process)
		return ERR_PTR(-ENOENT);
	ksnprintf(text, sizeof(text), "%d/task/%d", current->process->pid, current->tid);
	*to_free = kstrdup(text, 0);
	return *to_free ? *to_free : ERR_PTR(-ENOMEM);
}

static const struct inode_ops self_ops = { .get_link = self_link };
static const struct inode_ops thread_self_ops = { .get_link = thread_self_link };
static const struct {
	const char *name;
	const struct inode_ops *ops;
	u64 ino;
} own_links[] = { { "self", &self_ops, 0xe0000001 }, { "thread-self", &thread_self_ops, 0xe0000002 } };

/* A decimal number without leading zero; -1 if it is none. */
static int name_number(const struct dentry *d)
{
	u64 v = 0;
	if (d->name_len == 0 || d->name_len > 9 || (d->name[0] == '0' && d->name_len > 1))
		return -1;
	for (u32 i = 0; i < d->name_len; i++) {
		if (d->name[i] < '0' || d->name[i] > '9')
			return -1;
		v = v * 10 + (u64)(d->name[i] - '0');
	}
	return (int)v;
}

static int root_lookup(struct inode *dir, struct dentry *d)
{
	struct inode *i = NULL;
	int pid = name_number(d);
	d->flags |= DENTRY_REVALIDATE;
	if (pid > 0) {
		struct process *p = process_find(pid);
		struct thread *t = p ? NULL : thread_find(pid);
		if (!p && t && t->process) { /* the number of a thread works as well, though it is not listed: its own view of its process */
			p = t->process;
			process_get(p);
		}
		i = p ? proc_inode_new(dir->sb, p, t, IN_PROCESS, &pid_dir_entry, -1, S_IFDIR | 0555) : NULL;
		if (t)
			thread_put(t);
		if (!p)
			return -ENOENT; /* never a negative dentry: no name can be made here */
		process_put(p);
		if (!i)
			return -ENOMEM;
		i->nlink = 9;
		d->flags |= DENTRY_NOCACHE;
		dentry_instantiate(d, i);
		return 0;
	}
	for (size_t k = 0; k < ARRAY_SIZE(own_links); k++)
		if (strcmp(d->name, own_links[k].name) == 0) {
			i = inode_alloc(dir->sb);
			if (!i)
				return -ENOMEM;
			i->ino = own_links[k].ino;
			i->mode = S_IFLNK | 0777;
			i->nlink = 1;
			i->ops = own_links[k].ops;
			dentry_instantiate(d, i);
			return 0;
		}
	int err = nodetree_lookup(dir, d);
	return !err && !d->inode ? -ENOENT : err;
}

static int root_readdir(struct file *f, struct dir_context *c)
{
	if (!dir_emit_dots(f, c))
		return 0;
	if (f->pos < FIRST_PID_POS) {
		for (; f->pos < (s64)(2 + ARRAY_SIZE(own_links)); f->pos++) {
			size_t k = (size_t)f->pos - 2;
			if (!dir_emit(c, own_links[k].name, strlen(own_links[k].name), own_links[k].ino, S_IFLNK, (u64)f->pos + 1))
				return 0;
		}
		if (!nodetree_emit(root_node, f, c, 2 + ARRAY_SIZE(own_links)))
			return 0;
		f->pos = FIRST_PID_POS;
	}
	int pid = (int)(f->pos - FIRST_PID_POS);
	struct process *p;
	while ((p = process_next(&pid))) {
		char name[16];
		int n = ksnprintf(name, sizeof(name), "%d", p->pid);
		process_put(p);
		if (!dir_emit(c, name, (size_t)n, (u64)pid << 12, S_IFDIR, FIRST_PID_POS + (u64)pid))
			return 0;
		f->pos = FIRST_PID_POS + pid;
	}
	return 0;
}

static int root_getattr(struct inode *i, struct kstat *st)
{
	int err = inode_getattr(i, st);
	st->nlink = 2 + root_node->subdirs + READ_ONCE(process_count);
	return err;
}

static s64 root_lseek(struct file *f, s64 off, int whence)
{
	return generic_lseek(f, off, whence, INT64_MAX, 0);
}

static const struct inode_ops root_inode_ops = { .lookup = root_lookup, .getattr = root_getattr };
static const struct file_ops root_dir_ops = { .name = "proc", .readdir = root_readdir, .lseek = root_lseek };

/* --- the file system --------------------------------------------------------------------------------------------- */

static int revalidate(struct dentry *d)
{
	struct inode *i = d->inode;
	if (!i)
		return 0; /* a name that is not there now may be there next time */
	return i->sb->ops->evict && (i->flags & INODE_PROCESS) ? proc_dentry_alive(d) : 1;
}

static void evict(struct inode *i)
{
	if (!(i->flags & INODE_PROCESS))
		return;
	struct proc_inode *pi = proc_of(i);
	if (pi->thread)
		thread_put(pi->thread);
	process_put(pi->process);
	kfree(pi);
}

static int proc_statfs(struct superblock *sb __unused, struct abi_statfs *st)
{
	st->type = PROC_MAGIC;
	st->bsize = st->frsize = 4096;
	st->namelen = NAME_MAX;
	return 0;
}

static const struct super_ops proc_super_ops = { .statfs = proc_statfs, .evict = evict, .dentry_revalidate = revalidate };

static struct superblock *proc_mount(const struct fs_type *t, const char *source __unused, u32 flags __unused, const char *options __unused)
{
	if (!root_node)
		return ERR_PTR(-ENODEV);
	struct superblock *sb = superblock_alloc(t);
	if (!sb)
		return ERR_PTR(-ENOMEM);
	sb->ops = &proc_super_ops;
	struct inode *i = nodetree_inode(sb, root_node);
	if (i) {
		i->ino = 1;
		i->ops = &root_inode_ops;
		i->fops = &root_dir_ops;
		sb->root = dentry_make_root(i);
	}
	if (!i || !sb->root) {
		superblock_put(sb);
		return ERR_PTR(-ENOMEM);
	}
	return sb;
}
FS_TYPE(proc, .name = "proc", .nodev = true, .magic = PROC_MAGIC, .mount = proc_mount);

static int procfs_init(void)
{
	struct tree_node *root = nodetree_create();
	if (!root)
		return -ENOMEM;
	struct tree_node *sys = nodetree_dir(root, "sys");
	if (sys) {
		sys->plain_links = true;
		sys->by_mode_alone = true;
	}
	nodetree_add_nodes(root, "", "net/");
	sysctl_build(root);
	pidfd_of_directory = proc_dir_process;
	/* /proc/net is a link to the directory of whoever asks. */
	net_node = nodetree_create();
	if (net_node)
		nodetree_add_nodes(net_node, "net/", NULL);
	nodetree_link(root, "net", "self/net");
	nodetree_link(root, "mounts", "self/mounts");
	nodetree_dir(root, "tty");
	nodetree_dir(root, "fs");
	nodetree_dir(root, "bus");
	nodetree_dir(root, "driver");
	nodetree_dir(root, "irq");
	nodetree_dir(root, "sysvipc");
	struct tree_node *kmsg = nodetree_file(root, "kmsg", 0400, NULL, NULL);
	if (kmsg)
		kmsg->fops = &kmsg_file_ops;
	root_node = root;
	return 0;
}
SUBSYSTEM(procfs, .needs = "vfs proc linux tty", .init = procfs_init, .stage = "12-linux");
