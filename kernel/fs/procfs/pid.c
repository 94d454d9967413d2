/* Directories of processes and threads, and what their inodes have in common: owner, permission, life. */
#include "abi/stat.h"
#include "lib/format.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "procfs_priv.h"
#include "vfs/vfs.h"

/* Numbers: a place in the table, or a descriptor, within the process's own 2^16 … */
static u64 ino_of(int id, bool task, const struct pid_entry *e, int fd)
{
	u64 index = e == &pid_dir_entry || e->in_ns ? 0 : (u64)(e - pid_entries) + 1;
	return ((u64)id << 20) + ((u64)task << 19) + (fd >= 0 ? 256 + (u64)fd * 2 + (S_ISREG(e->mode) ? 1 : 0) : index) + (1ul << 33);
}

struct inode *proc_inode_new(struct superblock *sb, struct process *p, struct thread *t, u8 where, const struct pid_entry *e, int fd, u32 mode)
{
	struct proc_inode *pi = kzalloc(sizeof(*pi), 0);
	struct inode *i = pi ? inode_alloc(sb) : NULL;
	if (!i) {
		kfree(pi);
		return NULL;
	}
	process_get(p);
	if (t)
		thread_get(t);
	*pi = (struct proc_inode){ .process = p, .thread = t, .where = where, .entry = e, .fd = fd };
	i->private = pi;
	i->flags |= INODE_PROCESS;
	i->ino = ino_of(t ? t->tid : p->pid, where == IN_TASK, e, fd);
	i->mode = mode;
	i->nlink = S_ISDIR(mode) ? 2 : 1;
	i->blksize = 1024;
	i->ops = e->ops ? e->ops : &pid_file_inode_ops;
	i->fops = e->fops ? e->fops : &pid_file_ops;
	proc_inode_owner(i);
	return i;
}

struct inode *proc_inode_below(struct inode *dir, const struct pid_entry *e, int fd, u32 mode)
{
	struct proc_inode *pi = proc_of(dir);
	return proc_inode_new(dir->sb, pi->process, pi->thread, pi->where, e, fd, mode);
}

/* Files of a process that may not be looked into belong to root, but for the directory itself. */
void proc_inode_owner(struct inode *i)
{
	struct proc_inode *pi = proc_of(i);
	struct cred *c = cred_get_of(proc_thread(pi));
	bool open = pi->process->dumpable == 1 || (i->mode & 07777) == 0555;
	i->uid = c && open ? c->euid : 0;
	i->gid = c && open ? c->egid : 0;
	if (c)
		cred_put(c);
}

int proc_permission(struct inode *i, u32 mask)
{
	struct proc_inode *pi = proc_of(i);
	proc_inode_owner(i);
	if (pi->entry->secret) {
		int err = process_may_trace(proc_thread(pi), false);
		if (err || S_ISDIR(i->mode))
			return err ? err : mask & MAY_WRITE ? -EACCES : 0;
	}
	const struct cred *c = file_cred();
	u32 shift = c->fsuid == i->uid ? 6 : cred_in_group(c, i->gid) ? 3 : 0;
	if ((mask & ~(i->mode >> shift) & 7) == 0 || file_capable(CAP_DAC_OVERRIDE))
		return 0;
	return !(mask & MAY_WRITE) && file_capable(CAP_DAC_READ_SEARCH) ? 0 : -EACCES;
}

int proc_getattr(struct inode *i, struct kstat *st)
{
	proc_inode_owner(i);
	return inode_getattr(i, st);
}

int proc_setattr(struct inode *i __unused, const struct iattr *a)
{
	return a->valid & (ATTR_MODE | ATTR_UID | ATTR_GID) ? -EPERM : 0;
}

/* Not yet waited for. */
static bool proc_is_there(struct proc_inode *pi)
{
	struct process *p = process_find(pi->process->pid);
	bool alive = p == pi->process;
	if (p)
		process_put(p);
	if (alive && pi->thread) {
		struct thread *t = thread_find(pi->thread->tid);
		alive = t == pi->thread;
		if (t)
			thread_put(t);
	}
	return alive;
}

int proc_dentry_alive(struct dentry *d)
{
	struct proc_inode *pi = proc_of(d->inode);
	bool alive = proc_is_there(pi);
	u32 mode;
	if (alive && pi->fd >= 0 && !pi->entry->in_ns)
		alive = proc_fd_is_open(pi, &mode);
	return alive;
}

struct fs_context *thread_fs_get(struct thread *t)
{
	spin_lock(&process_tree_lock);
	struct fs_context *fs = t->fs;
	if (fs)
		refcount_get(&fs->ref);
	spin_unlock(&process_tree_lock);
	return fs;
}

/* --- /proc/PID and /proc/PID/task/TID ---------------------------------------------------------------------------- */

static int pid_lookup(struct inode *dir, struct dentry *d)
{
	struct proc_inode *pi = proc_of(dir);
	d->flags |= DENTRY_REVALIDATE | DENTRY_NOCACHE;
	for (const struct pid_entry *e = pid_entries; e->name; e++) {
		if (!(e->where & pi->where) || strcmp(e->name, d->name) != 0)
			continue;
		struct inode *i = e->tree ? nodetree_inode(dir->sb, *e->tree) : proc_inode_below(dir, e, -1, e->mode);
		if (!i)
			return -ENOMEM;
		dentry_instantiate(d, i);
		return 0;
	}
	return -ENOENT;
}

static int pid_readdir(struct file *f, struct dir_context *c)
{
	struct proc_inode *pi = proc_of(f->inode);
	if (!dir_emit_dots(f, c))
		return 0;
	for (const struct pid_entry *e = &pid_entries[f->pos - 2]; e->name; e++, f->pos++)
		if ((e->where & pi->where) && !dir_emit(c, e->name, strlen(e->name), ino_of(proc_thread(pi)->tid, pi->where == IN_TASK, e, -1), e->mode, (u64)f->pos + 1))
			return 0;
	return 0;
}

static s64 pid_dir_lseek(struct file *f, s64 off, int whence)
{
	s64 end = 2;
	for (const struct pid_entry *e = pid_entries; e->name; e++)
		end++;
	return generic_lseek(f, off, whence, end, end);
}

/* --- /proc/PID/task ----------------------------------------------------------------------------------------------- */

static int task_lookup(struct inode *dir, struct dentry *d)
{
	struct proc_inode *pi = proc_of(dir);
	const char *end;
	d->flags |= DENTRY_REVALIDATE | DENTRY_NOCACHE;
	u64 tid = d->name[0] >= '1' && d->name[0] <= '9' ? parse_u64(d->name, &end, 10) : 0;
	struct thread *t = tid && tid < INT32_MAX && !*end ? thread_find((int)tid) : NULL;
	struct inode *i = NULL;
	if (!t)
		return -ENOENT;
	if (t->process == pi->process) {
		i = proc_inode_new(dir->sb, pi->process, t, IN_TASK, &pid_dir_entry, -1, S_IFDIR | 0555);
		if (i)
			dentry_instantiate(d, i);
	}
	int err = i ? 0 : t->process == pi->process ? -ENOMEM : -ENOENT;
	thread_put(t);
	return err;
}

/* The smallest thread number of p that is larger than `after`; 0 at the end. */
static int next_tid(struct process *p, int after)
{
	int best = 0;
	struct thread *t;
	spin_lock(&process_tree_lock);
	list_for_each(t, &p->threads, process_link)
		if (t->tid > after && (!best || t->tid < best))
			best = t->tid;
	spin_unlock(&process_tree_lock);
	return best;
}

static int task_readdir(struct file *f, struct dir_context *c)
{
	struct proc_inode *pi = proc_of(f->inode);
	if (!dir_emit_dots(f, c))
		return 0;
	int tid;
	while ((tid = next_tid(pi->process, (int)f->pos - 2))) {
		char name[16];
		int n = ksnprintf(name, sizeof(name), "%d", tid);
		if (!dir_emit(c, name, (size_t)n, ino_of(tid, true, &pid_dir_entry, -1), S_IFDIR, (u64)tid + 2))
			return 0;
		f->pos = tid + 2;
	}
	return 0;
}

static int task_getattr(struct inode *i, struct kstat *st)
{
	int err = proc_getattr(i, st);
	st->nlink = 2 + proc_of(i)->process->thread_count;
	return err;
}

static s64 task_lseek(struct file *f, s64 off, int whence)
{
	return generic_lseek(f, off, whence, INT64_MAX, 0);
}

/* --- files -------------------------------------------------------------------------------------------------------- */

static int show_entry(struct seq *s, void *arg)
{
	struct proc_inode *pi = arg;
	return proc_is_there(pi) ? pi->entry->show(s, pi->process, proc_thread(pi)) : -ESRCH;
}

ssize_t pid_file_read(struct file *f, struct uio *to, s64 *pos)
{
	struct proc_inode *pi = proc_of(f->inode);
	if (!pi->entry->show)
		return -EINVAL;
	int err = pi->entry->secret ? process_may_trace(proc_thread(pi), false) : 0;
	return err ? err : textfile_read(f, to, pos, show_entry, pi);
}

static ssize_t pid_file_write(struct file *f, struct uio *from, s64 *pos)
{
	struct proc_inode *pi = proc_of(f->inode);
	size_t len;
	if (!pi->entry->store)
		return -EINVAL;
	char *text = textfile_input(from, &len);
	if (IS_ERR(text))
		return PTR_ERR(text);
	ssize_t ret = pi->entry->store(pi->process, proc_thread(pi), text, len);
	if (ret > 0)
		*pos += ret;
	kfree(text);
	return ret;
}

/* What such a directory stands for, where a pidfd would do. */
struct process *proc_dir_process(struct file *f)
{
	return f->ops == &pid_dir_ops && proc_of(f->inode)->where == IN_PROCESS ? proc_of(f->inode)->process : NULL;
}

const struct pid_entry pid_dir_entry = { .name = "", .mode = S_IFDIR | 0555, .ops = &pid_dir_inode_ops, .fops = &pid_dir_ops };
const struct inode_ops pid_dir_inode_ops = { .lookup = pid_lookup, .permission = proc_permission, .getattr = proc_getattr, .setattr = proc_setattr };
const struct inode_ops task_dir_inode_ops = { .lookup = task_lookup, .permission = proc_permission, .getattr = task_getattr, .setattr = proc_setattr };
const struct inode_ops pid_file_inode_ops = { .permission = proc_permission, .getattr = proc_getattr, .setattr = proc_setattr };
const struct file_ops pid_dir_ops = { .name = "proc pid", .readdir = pid_readdir, .lseek = pid_dir_lseek };
const struct file_ops task_dir_ops = { .name = "proc task", .readdir = task_readdir, .lseek = task_lseek };
const struct file_ops pid_file_ops = {
	.name = "proc file",
	.no_splice = NO_SPLICE,
	.read = pid_file_read,
	.write = pid_file_write,
	.poll = textfile_poll,
	.lseek = textfile_lseek,
	.release = textfile_release,
};
