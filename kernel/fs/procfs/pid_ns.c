/* /proc/PID/ns: there is one namespace of each kind; programs compare the numbers. */
#include "abi/stat.h"
#include "lib/format.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "procfs_priv.h"

static const struct {
	const char *name, *kind;
	u32 number;
} spaces[] = {
	{ "cgroup", "cgroup", 4026531835 }, { "ipc", "ipc", 4026531839 }, { "mnt", "mnt", 4026531841 }, { "net", "net", 4026531840 },
	{ "pid", "pid", 4026531836 }, { "pid_for_children", "pid", 4026531836 }, { "time", "time", 4026531834 }, { "time_for_children", "time", 4026531834 },
	{ "user", "user", 4026531837 }, { "uts", "uts", 4026531838 },
};

static const char *ns_text(struct inode *i, struct dentry *d __unused, char **to_free)
{
	struct proc_inode *pi = proc_of(i);
	char text[40];
	int err = process_may_trace(proc_thread(pi), false);
	if (err)
		return ERR_PTR(err);
	ksnprintf(text, sizeof(text), "%s:[%u]", spaces[pi->fd].kind, spaces[pi->fd].number);
	*to_free = kstrdup(text, 0);
	return *to_free ? *to_free : ERR_PTR(-ENOMEM);
}

/* A namespace has no place in the tree that could be opened: the link leads nowhere. */
static const struct inode_ops ns_link_ops = { .get_link = ns_text, .permission = proc_permission, .getattr = proc_getattr, .setattr = proc_setattr };
static const struct pid_entry ns_entry = { .name = "", .mode = S_IFLNK | 0777, .ops = &ns_link_ops, .in_ns = true };

static int ns_lookup(struct inode *dir, struct dentry *d)
{
	d->flags |= DENTRY_REVALIDATE | DENTRY_NOCACHE;
	for (size_t k = 0; k < ARRAY_SIZE(spaces); k++) {
		if (strcmp(spaces[k].name, d->name) != 0)
			continue;
		struct inode *i = proc_inode_below(dir, &ns_entry, (int)k, ns_entry.mode);
		if (!i)
			return -ENOMEM;
		dentry_instantiate(d, i);
		return 0;
	}
	return -ENOENT;
}

static int ns_readdir(struct file *f, struct dir_context *c)
{
	if (!dir_emit_dots(f, c))
		return 0;
	for (; f->pos < (s64)(2 + ARRAY_SIZE(spaces)); f->pos++)
		if (!dir_emit(c, spaces[f->pos - 2].name, strlen(spaces[f->pos - 2].name), f->inode->ino + 512 + (u64)f->pos, S_IFLNK, (u64)f->pos + 1))
			return 0;
	return 0;
}

static s64 ns_lseek(struct file *f, s64 off, int whence) { return generic_lseek(f, off, whence, INT64_MAX, 0); }

const struct inode_ops ns_dir_inode_ops = { .lookup = ns_lookup, .permission = proc_permission, .getattr = proc_getattr, .setattr = proc_setattr };
const struct file_ops ns_dir_ops = { .name = "proc ns", .readdir = ns_readdir, .lseek = ns_lseek };
