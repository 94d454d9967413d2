/*
 * open(2): from a name to a struct file.
 *
 * Without O_CREAT the path walk finds the end, links included. With O_CREAT the last component is this file's business: it is
 * looked up in its parent, made if it is missing, and if it is a link, the same begins again with the link's text.
 */
#include "vfs_priv.h"
#include "lib/format.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "syscalls_gen.h"

#define O_TMPFILE_BIT 0x400000

static const struct file_ops path_only_ops = { .name = "O_PATH" };

/* --- a place becomes an open file ------------------------------------------------------------------------------------------ */

static u32 access_mask(u32 flags)
{
	static const u8 masks[4] = { MAY_READ, MAY_WRITE, MAY_READ | MAY_WRITE, MAY_READ | MAY_WRITE };

	return masks[flags & O_ACCMODE] | (flags & O_TRUNC ? MAY_WRITE : 0) | (flags & O_APPEND ? MAY_APPEND : 0);
}

static int flags_check(struct file *f, u32 flags)
{
	if (!f->inode)
		return 0;
	if (flags & ~f->flags & O_NOATIME && !inode_is_owner(f->inode))
		return -EPERM;
	return (flags ^ f->flags) & O_APPEND && f->inode->flags & INODE_APPEND ? -EPERM : 0;
}

/* Type and rights, in Linux's order. */
static int may_open(const struct path *p, u32 flags)
{
	struct inode *i = p->dentry->inode;
	u32 mask = access_mask(flags);
	int err;

	switch (i->mode & S_IFMT) {
	case S_IFLNK:
		return -ELOOP;
	case S_IFDIR:
		if (mask & MAY_WRITE)
			return -EISDIR;
		break;
	case S_IFBLK:
	case S_IFCHR:
		if (p->mount->flags & MS_NODEV)
			return -EACCES;
		break;
	}
	err = inode_permission(i, mask);
	if (!err && mask & MAY_WRITE && S_ISREG(i->mode))
		err = path_may_write(p);
	if (!err && i->flags & INODE_APPEND && ((flags & O_ACCMODE && !(flags & O_APPEND)) || flags & O_TRUNC))
		err = -EPERM;
	if (!err && flags & O_NOATIME && !inode_is_owner(i))
		err = -EPERM;
	return err;
}

static int truncate_at_open(const struct path *p)
{
	struct iattr a = { .valid = ATTR_SIZE | ATTR_MTIME | ATTR_CTIME | ATTR_KILL_CAPS, .size = 0 };

	if (!file_capable(CAP_FSETID))
		a.valid |= ATTR_KILL_SUID;
	return vfs_setattr(p, &a);
}

/* O_RDONLY|O_TRUNC cuts as well, and counts as a writer for this moment. */
static int truncate_read_only(const struct path *p)
{
	struct inode *i = p->dentry->inode;
	int err = path_want_write(p);

	if (err)
		return err;
	err = inode_write_get(i);
	if (!err) {
		err = truncate_at_open(p);
		inode_write_put(i);
	}
	path_done_write(p);
	return err;
}

/* Fills a fresh file for the place; its rights were checked. `f` keeps what it got even on an error: file_put undoes it. */
int file_open_dentry(struct file *f, const struct path *p)
{
	struct inode *i = p->dentry->inode;

	path_get(p);
	f->mount = p->mount;
	f->dentry = p->dentry;
	f->inode = i;
	if (f->flags & O_PATH) {
		f->ops = &path_only_ops;
		return 0;
	}
	f->mode |= FILE_SEEKABLE;
	file_sample_errors(f);
	if (S_ISREG(i->mode) && f->mode & FILE_WRITE) {
		int err = path_want_write(p);
		if (err)
			return err;
		err = inode_write_get(i);
		if (err) {
			path_done_write(p);
			return err;
		}
		f->mode |= FILE_WRITER;
	}
	/* A block device's node has no pages of its own: its driver's inode has, and can. */
	if (f->flags & O_DIRECT && !S_ISBLK(i->mode) && !inode_can_direct(i))
		return -EINVAL;
	if (S_ISCHR(i->mode) || S_ISBLK(i->mode) || S_ISFIFO(i->mode) || S_ISSOCK(i->mode)) {
		int err = special_open(i, f);
		f->flags &= ~O_NOCTTY;
		if (err)
			return err;
	} else {
		f->flags &= ~O_NOCTTY;
		f->ops = i->fops;
		int err = f->ops && f->ops->open ? f->ops->open(f) : 0;
		if (err)
			return err;
	}
	if (!f->ops)
		return -ENXIO;
	if (S_ISDIR(i->mode))
		f->mode |= FILE_DIR;
	f->mode |= FILE_OPENED;
	return 0;
}

/* Opens the place with a fresh file, which is let go of on an error. created: the place is new, so that nothing is checked or cut. */
static struct file *open_with(struct file *f, const struct path *p, u32 flags, bool created)
{
	struct inode *i = p->dentry->inode;
	int err = flags & O_PATH || created ? 0 : may_open(p, flags);

	if (!err)
		err = file_open_dentry(f, p);
	if (!err && flags & O_TRUNC && !created && S_ISREG(i->mode))
		err = f->mode & FILE_WRITER ? truncate_at_open(p) : truncate_read_only(p);
	if (err) {
		file_put(f);
		return ERR_PTR(err);
	}
	if (f->mode & FILE_OPENED)
		fs_notify_file(FS_OPEN, f);
	return f;
}

static struct file *open_place(const struct path *p, u32 flags, bool created)
{
	struct file *f = file_alloc(NULL, flags, NULL);

	return IS_ERR(f) ? f : open_with(f, p, flags, created);
}

struct file *file_open_path(const struct path *p, u32 flags, const struct cred *cred __unused)
{
	return open_place(p, flags, false);
}

struct file *file_open_with(const struct path *p, const struct file_ops *ops, u32 flags, void *private)
{
	struct file *f = file_alloc(ops, flags, private);

	if (IS_ERR(f))
		return f;
	path_get(p);
	f->mount = p->mount;
	f->dentry = p->dentry;
	f->inode = p->dentry->inode;
	f->mode |= FILE_OPENED;
	return f;
}

static void path_release(struct file *f)
{
	struct path p = { f->mount, f->dentry };

	if (f->mode & FILE_WRITER) {
		inode_write_put(f->inode);
		path_done_write(&p);
	}
	if (f->mode & FILE_DENY_WRITE)
		inode_write_allow(f->inode);
	if (f->mode & FILE_OPENED)
		fs_notify_file(f->mode & FILE_WRITE ? FS_CLOSE_WRITE : FS_CLOSE_NOWRITE, f);
	path_put(&p);
}

/* --- O_CREAT ---------------------------------------------------------------------------------------------------------------- */

u32 current_umask(void)
{
	return current_fs()->umask;
}

/* Makes a regular file for the negative dentry's name; parent locked for writing. */
static int create_file(const struct path *parent, struct dentry *d, u32 mode)
{
	struct inode *dir = parent->dentry->inode;
	int err = path_want_write(parent);

	if (err)
		return err;
	err = may_create(dir);
	if (!err)
		err = dir->ops->create ? dir->ops->create(dir, d, new_file_mode(dir, mode & 07777)) : -EACCES;
	path_done_write(parent);
	if (!err)
		fs_notify_name(FS_CREATE, dir, d->inode, d->name, d->name_len, 0);
	return err;
}

/* The last component below *parent: *out is a positive dentry, *created if it was made now. */
static int lookup_or_create(const struct path *parent, const struct lookup_result *r, u32 flags, u32 mode, struct dentry **out, bool *created)
{
	struct inode *dir = parent->dentry->inode;
	struct dentry *d = dir_lookup(parent->dentry, r->last, r->last_len);
	int err = 0;

	if (!IS_ERR(d) && !d->inode) {
		dentry_put(d);
		rwlock_write(&dir->lock);
		d = dir_lookup_locked(parent->dentry, r->last, r->last_len);
		if (!IS_ERR(d) && !d->inode) {
			err = create_file(parent, d, mode);
			*created = !err;
		}
		rwlock_write_done(&dir->lock);
	}
	if (IS_ERR(d))
		return PTR_ERR(d);
	if (!err && flags & O_EXCL && !*created)
		err = -EEXIST;
	if (err)
		dentry_put(d);
	else
		*out = d;
	return err;
}

/* What a walk that ended in `.`, `..` or `/` means for O_CREAT. */
static int create_odd(const struct lookup_result *r, u32 flags)
{
	if (r->last_type == LAST_NORMAL)
		return r->trailing_slash ? -EISDIR : 0;
	return flags & O_EXCL ? -EEXIST : -EISDIR;
}

/* The texts of links that are met stay valid while the link is held. */
struct file *file_open_create(struct lookup_result *r, u32 flags, u32 mode, bool follow)
{
	struct path link = { NULL, NULL };
	/* Before the name: one that is made stays, and whoever finds no memory then would find it there with the next try. */
	struct file *f = file_alloc(NULL, flags, NULL), *fresh = IS_ERR(f) ? NULL : f;
	char *to_free = NULL;
	u32 links = 0;
	int err = fresh ? 0 : (int)PTR_ERR(f);

	while (!err) {
		struct path at = { r->path.mount, NULL }, start;
		bool created = false;
		const char *text;

		err = create_odd(r, flags);
		if (!err)
			err = lookup_or_create(&r->path, r, flags, mode, &at.dentry, &created);
		if (err)
			break;
		mount_get(at.mount);
		mount_follow_down(&at);
		if (!S_ISLNK(at.dentry->inode->mode)) {
			err = S_ISDIR(at.dentry->inode->mode) ? -EISDIR : created ? 0 : may_open_for_create(r->path.dentry->inode, at.dentry->inode);
			if (!err) {
				f = open_with(fresh, &at, flags, created);
				fresh = NULL;
			}
			path_put(&at);
			if (err)
				break;
			goto done;
		}
		if (!follow || flags & O_NOFOLLOW)
			err = may_open_for_create(r->path.dentry->inode, at.dentry->inode) ? -EACCES : -ELOOP;
		else
			err = ++links > SYMLINKS_MAX ? -ELOOP : may_follow_link(r->path.dentry->inode, at.dentry->inode);
		if (err) {
			path_put(&at);
			break;
		}
		path_put(&link);
		kfree(to_free);
		to_free = NULL;
		link = at;
		if (at.dentry->inode->ops->jump_link) {
			struct path to;
			err = at.dentry->inode->ops->jump_link(at.dentry->inode, &to);
			if (err)
				break;
			f = open_with(fresh, &to, flags, false);
			fresh = NULL;
			path_put(&to);
			goto done;
		}
		text = link_read(&at, &to_free);
		if (IS_ERR(text)) {
			err = PTR_ERR(text);
			break;
		}
		start = r->path;
		err = path_lookup_from(&start, text, LOOKUP_PARENT, r);
		path_put(&start);
		if (err)
			r->path = (struct path){ NULL, NULL };
	}
	f = ERR_PTR(err);
done:
	if (fresh)
		file_put(fresh);
	path_put(&r->path);
	path_put(&link);
	kfree(to_free);
	return f;
}

/* --- O_TMPFILE ---------------------------------------------------------------------------------------------------------------- */

struct file *file_open_tmpfile(const struct path *at, u32 flags, u32 mode)
{
	struct inode *dir = at->dentry->inode;
	struct path p = { at->mount, NULL };
	struct file *f;
	char label[24];
	int err = path_want_write(at);

	if (err)
		return ERR_PTR(err);
	err = inode_permission(dir, MAY_WRITE | MAY_EXEC);
	if (!err && !dir->ops->tmpfile)
		err = -EOPNOTSUPP;
	if (err)
		goto done;
	ksnprintf(label, sizeof(label), "#%lu", dir->sb->next_ino + 1);
	p.dentry = dentry_alloc(at->dentry, label, strlen(label));
	if (!p.dentry) {
		err = -ENOMEM;
		goto done;
	}
	err = dir->ops->tmpfile(dir, p.dentry, new_file_mode(dir, mode & 07777));
	if (!err && !(flags & O_EXCL))
		p.dentry->inode->flags |= INODE_LINKABLE;
	f = err ? ERR_PTR(err) : open_place(&p, flags & ~O_TRUNC, true);
	err = IS_ERR(f) ? (int)PTR_ERR(f) : 0;
	dentry_put(p.dentry);
done:
	path_done_write(at);
	return err ? ERR_PTR(err) : f;
}

/* --- the calls ------------------------------------------------------------------------------------------------------------------ */

/* Flags that do not go together: 0 or -EINVAL. */
int open_flags_refused(u32 flags)
{
	if (flags & O_PATH)
		return 0; /* most are ignored then */
	if (flags & O_TMPFILE_BIT)
		return !(flags & O_DIRECTORY) || flags & O_CREAT || !(access_mask(flags & O_ACCMODE) & MAY_WRITE) ? -EINVAL : 0;
	return flags & O_CREAT && flags & O_DIRECTORY ? -EINVAL : 0;
}

struct file *file_open(int dirfd, const char *name, u32 flags, u32 mode)
{
	struct lookup_result r;
	struct file *f;
	u32 walk = flags & O_NOFOLLOW ? 0 : LOOKUP_FOLLOW;
	int err = open_flags_refused(flags);

	if (!err)
		err = file_room(); /* before a file is made that could not be opened then */
	if (err)
		return ERR_PTR(err);
	if (flags & O_PATH)
		flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	else
		flags |= O_LARGEFILE;
	if (flags & O_CREAT) {
		err = path_lookup(dirfd, name, LOOKUP_PARENT, &r);
		return err ? ERR_PTR(err) : file_open_create(&r, flags, mode, true);
	}
	if (flags & O_DIRECTORY)
		walk |= LOOKUP_DIRECTORY;
	err = path_lookup(dirfd, name, walk, &r);
	if (err)
		return ERR_PTR(err);
	f = flags & O_TMPFILE_BIT ? file_open_tmpfile(&r.path, flags, mode) : open_place(&r.path, flags, false);
	path_put(&r.path);
	return f;
}

static long do_open(int dirfd, const char __user *path, u32 flags, u32 mode)
{
	char *name;
	struct file *f;
	int fd = open_flags_refused(flags); /* even before the name is looked at */

	if (fd)
		return fd;
	name = path_name_get(path, 0);
	if (IS_ERR(name))
		return PTR_ERR(name);
	fd = fd_reserve(0);
	if (fd < 0)
		goto out;
	f = file_open(dirfd, name, flags, mode);
	if (IS_ERR(f)) {
		fd_release(fd);
		fd = PTR_ERR(f);
	} else {
		fd_install(fd, f, flags & O_CLOEXEC);
	}
out:
	path_name_free(name);
	return fd;
}

long sys_open(const char __user *path, int flags, u32 mode)
{
	return do_open(AT_FDCWD, path, flags, mode);
}

long sys_openat(int dirfd, const char __user *path, int flags, u32 mode)
{
	return do_open(dirfd, path, flags, mode);
}

long sys_creat(const char __user *path, u32 mode)
{
	return do_open(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

static bool unlimited(void)
{
	return file_capable(CAP_SYS_ADMIN);
}

void open_init(void)
{
	file_path_release = path_release;
	file_flags_check = flags_check;
	file_unlimited_hook = unlimited;
}
