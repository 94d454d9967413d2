/* Magic links of a process: exe, cwd, root, fd/N. They lead straight to the file, whatever its name says; readlink tells the name. */
#include "abi/stat.h"
#include "lib/format.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "procfs_priv.h"

/* --- where a link leads: 0 and a counted path, or -ENOENT --------------------------------------------------------- */

static int file_place(struct file *f, struct path *out)
{
	if (!f->mount || !f->dentry)
		return -ENOENT;
	*out = (struct path){ f->mount, f->dentry };
	path_get(out);
	return 0;
}

static int exe_place(struct proc_inode *pi, struct path *out)
{
	spin_lock(&process_tree_lock);
	struct file *exe = pi->process->exe;
	if (exe)
		file_get(exe);
	spin_unlock(&process_tree_lock);
	if (!exe)
		return -ENOENT;
	int err = file_place(exe, out);
	file_put(exe);
	return err;
}

static int fs_place(struct proc_inode *pi, struct path *out, bool root)
{
	struct fs_context *fs = thread_fs_get(proc_thread(pi));
	if (!fs)
		return -ENOENT;
	spin_lock(&fs->lock);
	*out = root ? fs->root : fs->cwd;
	path_get(out);
	spin_unlock(&fs->lock);
	fs_context_put(fs);
	return 0;
}

static int cwd_place(struct proc_inode *pi, struct path *out) { return fs_place(pi, out, false); }
static int root_place(struct proc_inode *pi, struct path *out) { return fs_place(pi, out, true); }

static struct file *fd_file(struct proc_inode *pi)
{
	struct files *fs = files_get_of(proc_thread(pi));
	struct file *f = fs ? files_lookup(fs, pi->fd) : NULL;
	if (fs)
		files_put(fs);
	return f;
}

bool proc_fd_is_open(struct proc_inode *pi, u32 *mode)
{
	int fd = pi->fd;
	return files_peek(proc_thread(pi), &fd, mode) && fd == pi->fd;
}

static int fd_place(struct proc_inode *pi, struct path *out)
{
	struct file *f = fd_file(pi);
	if (!f)
		return -ENOENT;
	int err = file_place(f, out);
	file_put(f);
	return err;
}

/* --- the two operations of a link, over one of these --------------------------------------------------------------- */

static int jump(struct inode *i, struct path *out, int (*place)(struct proc_inode *pi, struct path *out))
{
	int err = process_may_trace(proc_thread(proc_of(i)), false);
	return err ? err : place(proc_of(i), out);
}

static const char *text_of(struct inode *i, char **to_free, int (*place)(struct proc_inode *pi, struct path *out))
{
	struct path p;
	int err = jump(i, &p, place);
	if (err)
		return ERR_PTR(err);
	char *buf = kmalloc(PATH_MAX, 0);
	char *text = buf ? path_text(&p, buf, PATH_MAX) : ERR_PTR(-ENOMEM);
	path_put(&p);
	if (IS_ERR(text))
		kfree(buf);
	else
		*to_free = buf;
	return text;
}

#define LINK(kind) \
	static int kind##_jump(struct inode *i, struct path *out) { return jump(i, out, kind##_place); } \
	static const char *kind##_text(struct inode *i, struct dentry *d __unused, char **to_free) { return text_of(i, to_free, kind##_place); } \
	const struct inode_ops kind##_link_ops = { \
		.get_link = kind##_text, .jump_link = kind##_jump, .permission = proc_permission, .getattr = proc_getattr, .setattr = proc_setattr \
	}
LINK(exe);
LINK(cwd);
LINK(root);

static int fd_jump(struct inode *i, struct path *out) { return jump(i, out, fd_place); }
static const char *fd_text(struct inode *i, struct dentry *d __unused, char **to_free) { return text_of(i, to_free, fd_place); }

/* A link's mode tells how the file is open: r for reading, w for writing. */
static u32 fd_mode(u32 file_mode)
{
	return S_IFLNK | 0100 | (file_mode & FILE_READ ? 0400 : 0) | (file_mode & FILE_WRITE ? 0200 : 0);
}

static int fd_getattr(struct inode *i, struct kstat *st)
{
	u32 mode;
	if (proc_fd_is_open(proc_of(i), &mode))
		i->mode = fd_mode(mode);
	int err = proc_getattr(i, st);
	st->size = 64;
	return err;
}

static const struct inode_ops fd_link_ops = { .get_link = fd_text, .jump_link = fd_jump, .permission = proc_permission, .getattr = fd_getattr, .setattr = proc_setattr };

/* --- fdinfo/N ------------------------------------------------------------------------------------------------------ */

static int show_fdinfo(struct seq *s, void *arg)
{
	struct proc_inode *pi = arg;
	struct file *f = fd_file(pi);
	if (!f)
		return -ENOENT;
	seq_printf(s, "pos:\t%ld\nflags:\t0%o\nmnt_id:\t%u\nino:\t%lu\n", (long)READ_ONCE(f->pos), f->flags, f->mount ? f->mount->id : 0, f->inode ? f->inode->ino : 0);
	if (f->ops->show_fdinfo)
		f->ops->show_fdinfo(f, s);
	file_put(f);
	return 0;
}

static ssize_t fdinfo_read(struct file *f, struct uio *to, s64 *pos)
{
	return textfile_read(f, to, pos, show_fdinfo, proc_of(f->inode));
}

static const struct file_ops fdinfo_file_ops = { .name = "proc fdinfo", .no_splice = NO_SPLICE, .read = fdinfo_read, .lseek = textfile_lseek, .release = textfile_release };

/* --- the two directories -------------------------------------------------------------------------------------------- */

static const struct pid_entry fd_entry = { .name = "", .mode = S_IFLNK | 0700, .ops = &fd_link_ops };
static const struct pid_entry fdinfo_entry = { .name = "", .mode = S_IFREG | 0400, .ops = &pid_file_inode_ops, .fops = &fdinfo_file_ops };

static int lookup_number(struct inode *dir, struct dentry *d, const struct pid_entry *e)
{
	struct proc_inode *pi = proc_of(dir);
	const char *end;
	d->flags |= DENTRY_REVALIDATE | DENTRY_NOCACHE;
	if (d->name[0] < '0' || d->name[0] > '9' || (d->name[0] == '0' && d->name_len > 1))
		return -ENOENT;
	u64 fd = parse_u64(d->name, &end, 10);
	if (*end || fd > INT32_MAX)
		return -ENOENT;
	int found = (int)fd;
	u32 mode;
	if (!files_peek(proc_thread(pi), &found, &mode) || found != (int)fd)
		return -ENOENT;
	struct inode *i = proc_inode_below(dir, e, (int)fd, e == &fd_entry ? fd_mode(mode) : e->mode);
	if (!i)
		return -ENOMEM;
	dentry_instantiate(d, i);
	return 0;
}

static int readdir_numbers(struct file *f, struct dir_context *c, u32 type)
{
	struct proc_inode *pi = proc_of(f->inode);
	if (!dir_emit_dots(f, c))
		return 0;
	for (;;) {
		int fd = (int)f->pos - 2;
		u32 mode;
		if (!files_peek(proc_thread(pi), &fd, &mode))
			break;
		char name[16];
		int n = ksnprintf(name, sizeof(name), "%d", fd);
		if (!dir_emit(c, name, (size_t)n, f->inode->ino + 256 + (u64)fd, type, (u64)fd + 3))
			break;
		f->pos = fd + 3;
	}
	return 0;
}

static int fd_lookup(struct inode *dir, struct dentry *d) { return lookup_number(dir, d, &fd_entry); }
static int fdinfo_lookup(struct inode *dir, struct dentry *d) { return lookup_number(dir, d, &fdinfo_entry); }
static int fd_readdir(struct file *f, struct dir_context *c) { return readdir_numbers(f, c, S_IFLNK); }
static int fdinfo_readdir(struct file *f, struct dir_context *c) { return readdir_numbers(f, c, S_IFREG); }
static s64 fd_dir_lseek(struct file *f, s64 off, int whence) { return generic_lseek(f, off, whence, INT64_MAX, 0); }

/* One's own descriptors can always be listed, whatever user one has become. */
static int fd_dir_permission(struct inode *i, u32 mask)
{
	return proc_of(i)->process == current->process && !(mask & MAY_WRITE) ? 0 : proc_permission(i, mask);
}

const struct inode_ops fd_dir_inode_ops = { .lookup = fd_lookup, .permission = fd_dir_permission, .getattr = proc_getattr, .setattr = proc_setattr };
const struct inode_ops fdinfo_dir_inode_ops = { .lookup = fdinfo_lookup, .permission = fd_dir_permission, .getattr = proc_getattr, .setattr = proc_setattr };
const struct file_ops fd_dir_ops = { .name = "proc fd", .readdir = fd_readdir, .lseek = fd_dir_lseek };
const struct file_ops fdinfo_dir_ops = { .name = "proc fdinfo dir", .readdir = fdinfo_readdir, .lseek = fd_dir_lseek };
