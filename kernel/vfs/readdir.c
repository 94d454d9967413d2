/* Directories as files: getdents, and the directories that are kept as dentries. */
#include "vfs_priv.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "syscalls_gen.h"
#include "usermode/uaccess.h"

#define POS_BASE (1ul << 48) /* of a name: minus its cookie; above the positions of `.` and `..` */
#define GETDENTS_MAX (32 * 1024) /* bytes gathered in one call */

/* --- the store of names -------------------------------------------------------------------------------------------------- */

struct dir_store *dir_store_alloc(void)
{
	struct dir_store *s = kzalloc(sizeof(*s), 0);

	if (s)
		s->next_cookie = 2;
	return s;
}

void dir_store_add(struct inode *dir, struct dentry *d)
{
	struct dir_store *s = dir->private;
	struct rbnode *parent = rb_last(&s->names);

	/* The cookie is larger than all there: the new name is the rightmost. */
	d->cookie = s->next_cookie++;
	rb_insert(&s->names, &d->dir_node, parent, parent ? &parent->right : &s->names.root);
	s->count++;
	dentry_get(d);
	atomic_fetch_or(&d->flags, DENTRY_PINNED);
}

void dir_store_remove(struct inode *dir, struct dentry *d)
{
	struct dir_store *s = dir->private;

	rb_erase(&s->names, &d->dir_node);
	s->count--;
	atomic_fetch_and(&d->flags, ~DENTRY_PINNED);
	dentry_put(d);
}

bool dir_store_empty(const struct inode *dir)
{
	return ((const struct dir_store *)dir->private)->count == 0;
}

/* The newest name comes first, as on Linux: positions go up as cookies go down. */
static u64 store_pos(const struct dentry *d)
{
	return POS_BASE - d->cookie;
}

/* The first name at or after a position. */
static struct dentry *store_find(struct dir_store *s, u64 pos)
{
	struct rbnode *n = s->names.root;
	struct dentry *found = NULL;

	while (n) {
		struct dentry *d = container_of(n, struct dentry, dir_node);
		if (store_pos(d) >= pos) {
			found = d;
			n = n->right;
		} else {
			n = n->left;
		}
	}
	return found;
}

bool dir_emit(struct dir_context *c, const char *name, size_t len, u64 ino, u32 mode, u64 next)
{
	return c->emit(c, name, len, ino, (mode & S_IFMT) >> 12, next);
}

bool dir_emit_dots(struct file *f, struct dir_context *c)
{
	struct dentry *d = f->dentry;

	if (f->pos == 0) {
		if (!dir_emit(c, ".", 1, d->inode->ino, S_IFDIR, 1))
			return false;
		f->pos = 1;
	}
	if (f->pos == 1) {
		u64 ino;
		read_lock(&rename_lock);
		ino = d->parent->inode->ino;
		read_unlock(&rename_lock);
		if (!dir_emit(c, "..", 2, ino, S_IFDIR, 2))
			return false;
		f->pos = 2;
	}
	return true;
}

static int store_readdir(struct file *f, struct dir_context *c)
{
	struct dir_store *s = f->inode->private;

	if (!dir_emit_dots(f, c))
		return 0;
	for (struct dentry *d = store_find(s, f->pos); d;) {
		struct rbnode *next = rb_prev(&d->dir_node);
		if (!dir_emit(c, d->name, d->name_len, d->inode->ino, d->inode->mode, store_pos(d) + 1))
			break;
		f->pos = store_pos(d) + 1;
		d = next ? container_of(next, struct dentry, dir_node) : NULL;
	}
	return 0;
}

static s64 store_lseek(struct file *f, s64 off, int whence)
{
	if (whence != SEEK_SET && whence != SEEK_CUR)
		return -EINVAL;
	return generic_lseek(f, off, whence, INT64_MAX, 0);
}

static ssize_t dir_read(struct file *f __unused, struct uio *to __unused, s64 *pos __unused)
{
	return -EISDIR;
}

static int dir_fsync(struct file *f __unused, s64 start __unused, s64 end __unused, bool data_only __unused)
{
	return 0;
}

const struct file_ops dcache_dir_ops = {
	.name = "directory",
	.read = dir_read,
	.lseek = store_lseek,
	.readdir = store_readdir,
	.ioctl = generic_file_ioctl,
	.fsync = dir_fsync,
};

/* --- getdents ------------------------------------------------------------------------------------------------------------ */

struct abi_dirent64 {
	u64 ino;
	s64 off;
	u16 reclen;
	u8 type;
	char name[];
};
struct abi_dirent {
	u64 ino, off;
	u16 reclen;
	char name[]; /* NUL; the last byte of the record is the type */
};

struct gather {
	struct dir_context context;
	char *buf;
	size_t size, used;
	bool old;
	bool too_small; /* an entry did not fit */
};

static bool gather_emit(struct dir_context *c, const char *name, size_t len, u64 ino, u8 type, u64 next)
{
	struct gather *g = container_of(c, struct gather, context);
	size_t head = g->old ? offsetof(struct abi_dirent, name) + 2 : offsetof(struct abi_dirent64, name) + 1;
	size_t reclen = ALIGN_UP(head + len, 8);
	char *at = g->buf + g->used, *text;

	if (reclen > g->size - g->used) {
		g->too_small = true;
		return false;
	}
	memset(at + reclen - 8, 0, 8);
	if (g->old) {
		struct abi_dirent *e = (struct abi_dirent *)at;
		e->ino = ino;
		e->off = next;
		e->reclen = reclen;
		text = e->name;
		at[reclen - 1] = type;
	} else {
		struct abi_dirent64 *e = (struct abi_dirent64 *)at;
		e->ino = ino;
		e->off = next;
		e->reclen = reclen;
		e->type = type;
		text = e->name;
	}
	memcpy(text, name, len);
	text[len] = 0;
	g->used += reclen;
	return true;
}

static long gather_entries(struct file *f, struct gather *g)
{
	struct inode *dir = f->inode;
	int err;

	if (!f->ops->readdir)
		return -ENOTDIR;
	rwlock_read(&dir->lock);
	err = dir->flags & INODE_DEAD ? -ENOENT : f->ops->readdir(f, &g->context);
	rwlock_read_done(&dir->lock);
	if (err && !g->used)
		return err;
	file_tell_used(f, false);
	file_accessed(f);
	return g->used ? (long)g->used : g->too_small ? -EINVAL : 0;
}

static long do_getdents(int fd, void __user *dirent, u32 count, bool old)
{
	struct gather g = { .context.emit = gather_emit, .size = MIN(count, (u32)GETDENTS_MAX), .old = old };
	struct fdref r = fdref_get(fd, false);
	s64 pos;
	long ret;

	if (!r.file)
		return -EBADF;
	ret = -ENOTDIR;
	if (!r.file->inode || !S_ISDIR(r.file->inode->mode))
		goto out;
	ret = -ENOMEM;
	g.buf = kmalloc(g.size + 8, 0);
	if (!g.buf)
		goto out;
	mutex_lock(&r.file->pos_lock);
	pos = r.file->pos;
	ret = gather_entries(r.file, &g);
	if (ret > 0 && copy_to_user(dirent, g.buf, ret)) {
		r.file->pos = pos;
		ret = -EFAULT;
	}
	mutex_unlock(&r.file->pos_lock);
	kfree(g.buf);
out:
	fdref_put(r);
	return ret;
}

long sys_getdents64(int fd, void __user *dirent, unsigned count)
{
	return do_getdents(fd, dirent, count, false);
}

long sys_getdents(int fd, void __user *dirent, unsigned count)
{
	return do_getdents(fd, dirent, count, true);
}
