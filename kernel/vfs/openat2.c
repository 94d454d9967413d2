/*
 * openat2(2): open with rules for the walk.
 *
 * The rules (RESOLVE_*) forbid to leave a mount or a directory, or to follow links. What they are about (`..`, links, mounts) is inside of the plain walk
 * (namei.c), so this is a walk of its own over the same steps. It follows a link at the end itself, so that what makes a file finds none.
 *
 *   root   where `..` ends and where absolute links begin: the process's root, or with IN_ROOT and BENEATH the directory of dirfd
 *
 * A directory that is moved while we are in it could lead `..` past root: after each `..` it is made sure that root is still above, or the caller shall try
 * again (EAGAIN), as on Linux.
 */
#include "vfs_priv.h"
#include "lib/format.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "syscalls_gen.h"
#include "usermode/uaccess.h"

#define RESOLVE_NO_XDEV 0x01u
#define RESOLVE_NO_MAGICLINKS 0x02u
#define RESOLVE_NO_SYMLINKS 0x04u
#define RESOLVE_BENEATH 0x08u
#define RESOLVE_IN_ROOT 0x10u
#define RESOLVE_CACHED 0x20u
#define RESOLVE_ALL 0x3fu
#define RESOLVE_SCOPED (RESOLVE_BENEATH | RESOLVE_IN_ROOT)

#define O_TMPFILE_BIT 0x400000u
#define OPEN_FLAGS (O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_SYNC | O_DSYNC | O_ASYNC | O_DIRECT | O_LARGEFILE | \
		    O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC | O_PATH | O_TMPFILE_BIT)

struct abi_open_how {
	u64 flags, mode, resolve;
};
_Static_assert(sizeof(struct abi_open_how) == 24, "Linux");

struct walk {
	struct path at;   /* where we are; counted */
	struct path root; /* counted */
	const char *name; /* what is still to be walked */
	char *text;       /* the buffer that holds it, once a link was followed */
	u32 rules, links;
	bool magic;       /* the last step was a link of the kernel's own */
};
/* What the caller wants of the end. */
enum { END_FOLLOW = 1, END_DIRECTORY = 2, END_PARENT = 4 /* of what is to be made */ };

static void walk_to(struct walk *w, struct path to)
{
	path_put(&w->at);
	w->at = to;
}

/* An absolute link, or name. */
static int jump_to_root(struct walk *w)
{
	if (w->rules & RESOLVE_BENEATH || (w->rules & RESOLVE_NO_XDEV && w->at.mount && w->at.mount != w->root.mount))
		return -EXDEV;
	path_get(&w->root);
	walk_to(w, w->root);
	return 0;
}

static bool is_below(const struct path *p, const struct path *root)
{
	struct dentry *d = p->dentry;
	struct mount *m = p->mount;
	bool found;

	read_lock(&mount_lock);
	read_lock(&rename_lock);
	while (!(found = d == root->dentry && m == root->mount)) {
		if (d != m->root && d->parent != d) {
			d = d->parent;
		} else if (m->parent) {
			d = m->mountpoint;
			m = m->parent;
		} else {
			break;
		}
	}
	read_unlock(&rename_lock);
	read_unlock(&mount_lock);
	return found;
}

static int walk_up(struct walk *w)
{
	const struct mount *before = w->at.mount;

	if (path_equal(&w->at, &w->root))
		return w->rules & RESOLVE_BENEATH ? -EXDEV : 0;
	path_parent(&w->at, &w->root);
	if (w->rules & RESOLVE_NO_XDEV && w->at.mount != before)
		return -EXDEV;
	return w->rules & RESOLVE_SCOPED && !is_below(&w->at, &w->root) ? -EAGAIN : 0;
}

/* A link of the kernel's own (in /proc), which leads to a place and not to a name. */
static int walk_magic(struct walk *w, struct inode *link)
{
	struct path to;
	int err = w->rules & RESOLVE_NO_MAGICLINKS ? -ELOOP : link->ops->jump_link(link, &to);

	if (err)
		return err;
	if (w->rules & RESOLVE_SCOPED || (w->rules & RESOLVE_NO_XDEV && to.mount != w->at.mount)) {
		path_put(&to);
		return -EXDEV;
	}
	walk_to(w, to);
	w->magic = true;
	return 0;
}

/* rest: what stands behind the link, from its slash on. */
static int walk_link(struct walk *w, const struct path *link, const char *rest, bool last)
{
	size_t len, rest_len = strlen(rest) + 1;
	struct inode *i = link->dentry->inode;
	char *text, *to_free;
	const char *target;
	int err;

	if (++w->links > SYMLINKS_MAX)
		return -ELOOP;
	err = last ? may_follow_link(w->at.dentry->inode, i) : 0;
	if (err)
		return err;
	if (w->rules & RESOLVE_NO_SYMLINKS || link->mount->flags & MS_NOSYMFOLLOW)
		return -ELOOP;
	if (i->ops->jump_link)
		return walk_magic(w, i);
	target = link_read(link, &to_free);
	if (IS_ERR(target))
		return PTR_ERR(target);
	len = strlen(target) + rest_len;
	err = *target ? -ENOMEM : -ENOENT;
	text = *target ? kmalloc(len, 0) : NULL;
	if (text)
		ksnprintf(text, len, "%s%s", target, rest);
	kfree(to_free);
	if (!text)
		return err;
	kfree(w->text);
	w->name = w->text = text;
	return *text == '/' ? jump_to_root(w) : 0;
}

/* The child of the place where we are, and what is mounted on it: its dentry may be negative. */
static int child(struct walk *w, const char *name, u32 len, struct path *out)
{
	struct dentry *d = w->rules & RESOLVE_CACHED ? dentry_lookup(w->at.dentry, name, len) : dir_lookup(w->at.dentry, name, len);

	if (!d)
		return -EAGAIN;
	if (IS_ERR(d))
		return PTR_ERR(d);
	*out = (struct path){ w->at.mount, d };
	mount_get(out->mount);
	mount_follow_down(out);
	if (w->rules & RESOLVE_NO_XDEV && out->mount != w->at.mount) {
		path_put(out);
		return -EXDEV;
	}
	return 0;
}

/* One name. *done: it is the last one, to be made in w->at. */
static int walk_name(struct walk *w, const char *name, u32 len, const char *rest, u32 end, bool *done)
{
	bool last = !*w->name, follow = !last || *rest || end & END_FOLLOW;
	struct path next;
	int err;

	/* With a slash behind it, nothing is made, whatever it is. */
	if (last && *rest && end & END_PARENT) {
		*done = true;
		return 0;
	}
	err = child(w, name, len, &next);
	if (err)
		return err;
	if (next.dentry->inode && S_ISLNK(next.dentry->inode->mode) && follow) {
		err = walk_link(w, &next, rest, last);
	} else if (last && end & END_PARENT) {
		*done = true;
	} else if (!next.dentry->inode) {
		err = -ENOENT;
	} else {
		walk_to(w, next);
		return 0;
	}
	path_put(&next);
	return err;
}

/* With END_PARENT, r gets the last component, whose directory w->at is then; LAST_ROOT if there is none to be made: the name ends in dots. */
static int walk(struct walk *w, u32 end, struct lookup_result *r)
{
	bool done = false;
	int err = 0;

	r->last_type = LAST_ROOT;
	while (*w->name == '/')
		w->name++;
	while (*w->name) {
		const char *start = w->name, *rest;
		size_t len;
		w->magic = false;
		if (!S_ISDIR(w->at.dentry->inode->mode))
			return -ENOTDIR;
		err = inode_permission(w->at.dentry->inode, MAY_EXEC);
		if (err)
			return err;
		while (*w->name && *w->name != '/')
			w->name++;
		rest = w->name;
		len = rest - start;
		while (*w->name == '/')
			w->name++;
		if (!*w->name && *rest)
			end |= END_DIRECTORY;
		if (len == 2 && start[0] == '.' && start[1] == '.')
			err = walk_up(w);
		else if (len != 1 || start[0] != '.')
			err = walk_name(w, start, len, rest, end, &done);
		if (err)
			return err;
		if (done) {
			r->last_type = LAST_NORMAL;
			r->last = start;
			r->last_len = len;
			r->trailing_slash = *rest;
			return 0;
		}
		while (*w->name == '/')
			w->name++;
	}
	return end & END_DIRECTORY && !S_ISDIR(w->at.dentry->inode->mode) ? -ENOTDIR : 0;
}

static int walk_begin(struct walk *w, int dirfd, const char *name)
{
	int err = 0;

	w->name = name;
	if (*name == '/' && !(w->rules & RESOLVE_IN_ROOT)) {
		fs_root(&w->root);
		return jump_to_root(w);
	}
	err = dirfd_path(dirfd, &w->at);
	if (err)
		return err;
	/* A name that is only slashes has no component to find that out with. */
	if (*name && !S_ISDIR(w->at.dentry->inode->mode))
		return -ENOTDIR;
	if (w->rules & RESOLVE_SCOPED) {
		w->root = w->at;
		path_get(&w->root);
	} else {
		fs_root(&w->root);
	}
	return 0;
}

static struct file *walk_and_open(struct walk *w, u32 flags, u32 mode)
{
	struct lookup_result r = { .last = NULL };
	u32 end = 0;
	int err;

	if (flags & O_CREAT)
		end |= END_PARENT;
	if (!(flags & O_NOFOLLOW) && (flags & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL))
		end |= END_FOLLOW;
	if (flags & O_DIRECTORY)
		end |= END_DIRECTORY;
	err = walk(w, end, &r);
	if (err)
		return ERR_PTR(err);
	if (flags & O_TMPFILE_BIT)
		return file_open_tmpfile(&w->at, flags, mode);
	if (!(flags & O_CREAT) || w->magic)
		return file_open_path(&w->at, flags, cred_current());
	r.path = w->at;
	path_get(&r.path);
	return file_open_create(&r, flags, mode, false);
}

static struct file *open_by_rules(int dirfd, const char *name, const struct abi_open_how *how)
{
	struct walk w = { .rules = (u32)how->resolve };
	u32 flags = (u32)how->flags;
	struct file *f;
	int err = file_room();

	if (err)
		return ERR_PTR(err);
	if (!(flags & O_PATH))
		flags |= O_LARGEFILE;
	err = walk_begin(&w, dirfd, name);
	f = err ? ERR_PTR(err) : walk_and_open(&w, flags, (u32)how->mode);
	path_put(&w.at);
	path_put(&w.root);
	kfree(w.text);
	return f;
}

/* Unlike open, nothing is ignored that is not known or does not go together. */
static int how_refused(const struct abi_open_how *how)
{
	u64 flags = how->flags & ~(u64)O_CLOEXEC;
	bool creates = flags & (O_CREAT | O_TMPFILE_BIT);

	if (flags & ~(u64)OPEN_FLAGS || how->resolve & ~(u64)RESOLVE_ALL || (how->resolve & RESOLVE_SCOPED) == RESOLVE_SCOPED)
		return -EINVAL;
	if (how->mode & ~(creates ? 07777ul : 0ul))
		return -EINVAL;
	if (open_flags_refused((u32)flags & ~O_PATH) || (flags & O_PATH && flags & ~(u64)(O_DIRECTORY | O_NOFOLLOW | O_PATH)))
		return -EINVAL;
	/* What changes something is never done from the cache alone. */
	return how->resolve & RESOLVE_CACHED && flags & (O_TRUNC | O_CREAT | O_TMPFILE_BIT) ? -EAGAIN : 0;
}

long sys_openat2(int dirfd, const char __user *path, const void __user *user_how, size_t size)
{
	struct abi_open_how how;
	struct file *f;
	char *name;
	long fd;

	if (size < sizeof(how))
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	fd = copy_struct_from_user(&how, sizeof(how), user_how, size);
	if (!fd)
		fd = how_refused(&how);
	if (fd)
		return fd;
	name = path_name_get(path, 0);
	if (IS_ERR(name))
		return PTR_ERR(name);
	fd = fd_reserve(0);
	if (fd < 0)
		goto out;
	f = open_by_rules(dirfd, name, &how);
	if (IS_ERR(f)) {
		fd_release(fd);
		fd = PTR_ERR(f);
	} else {
		fd_install(fd, f, how.flags & O_CLOEXEC);
	}
out:
	path_name_free(name);
	return fd;
}
