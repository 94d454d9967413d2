/*
 * The path walk: from a name like "/usr/../bin/sh" to a place in the tree.
 *
 *        "/usr//lib/x"      start: root for a leading slash, else the directory of dirfd
 *          ^^^  ^^^  ^      one component after the other:
 *                             .          stays
 *                             ..         one up, across mounts, never above root   (path_parent)
 *                             a name     look it up; cross what is mounted there   (dir_lookup, mount_follow_down)
 *                             a link     its text takes the place of the component, and the walk goes on with
 *                                        text + rest, from the link's directory or from root
 *
 * What must hold in each step: the place is a directory (ENOTDIR), one may search it (EACCES), the name is at most
 * NAME_MAX long, it exists (ENOENT), and no more than SYMLINKS_MAX links were followed in all (ELOOP). A name that ends in a
 * slash must be a directory, and a link there is always followed.
 */
#include "vfs/vfs.h"
#include "core/todo.h"
#include "lib/string.h"
#include "mm/slab.h"

#ifdef SOLUTION
struct walk {
	struct path at;   /* where we are; counted */
	struct path root; /* `/`, and the end of every `..`; counted */
	const char *name; /* what is still to be walked */
	char *text;       /* the buffer that holds it, once a link was followed */
	u32 links;        /* followed so far */
};

static void walk_to(struct walk *w, struct path to)
{
	path_put(&w->at);
	w->at = to;
}

static void skip_slashes(struct walk *w)
{
	while (*w->name == '/')
		w->name++;
}

/* Starts on a text: a leading slash means root. */
static void walk_start(struct walk *w, const char *name)
{
	w->name = name;
	if (*name == '/') {
		path_get(&w->root);
		walk_to(w, w->root);
	}
	skip_slashes(w);
}

static int may_search(const struct path *p)
{
	struct inode *dir = p->dentry->inode;

	return S_ISDIR(dir->mode) ? inode_permission(dir, MAY_EXEC) : -ENOTDIR;
}

/* Follows the link, which lies in w->at. rest: what stands behind it, from its slash on. */
static int walk_link(struct walk *w, const struct path *link, const char *rest)
{
	const struct inode_ops *ops = link->dentry->inode->ops;
	size_t len, rest_len = strlen(rest) + 1;
	const char *target;
	char *text, *to_free;

	if (++w->links > SYMLINKS_MAX || link->mount->flags & MS_NOSYMFOLLOW)
		return -ELOOP;
	if (ops->jump_link) {
		struct path to;
		int err = ops->jump_link(link->dentry->inode, &to);
		if (!err)
			walk_to(w, to);
		return err;
	}
	target = link_read(link, &to_free);
	if (IS_ERR(target))
		return PTR_ERR(target);
	len = strlen(target);
	text = len ? kmalloc(len + rest_len, 0) : NULL;
	if (text) {
		memcpy(text, target, len);
		memcpy(text + len, rest, rest_len);
	}
	kfree(to_free);
	if (!text)
		return len ? -ENOMEM : -ENOENT;
	kfree(w->text);
	w->text = text;
	walk_start(w, text);
	return 0;
}

/* Looks up one name in w->at and goes there. rest: what follows it. */
static int walk_name(struct walk *w, const char *name, u32 len, const char *rest, u32 flags)
{
	struct path next;
	bool last = !*w->name, follow = !last || *rest || flags & LOOKUP_FOLLOW;
	int err;

	next.dentry = dir_lookup(w->at.dentry, name, len);
	if (IS_ERR(next.dentry))
		return PTR_ERR(next.dentry);
	next.mount = w->at.mount;
	mount_get(next.mount);
	mount_follow_down(&next);
	if (!next.dentry->inode) {
		err = -ENOENT;
	} else if (S_ISLNK(next.dentry->inode->mode) && follow) {
		err = last ? may_follow_link(w->at.dentry->inode, next.dentry->inode) : 0;
		if (!err)
			err = walk_link(w, &next, rest);
	} else {
		walk_to(w, next);
		return 0;
	}
	path_put(&next);
	return err;
}

static void note_last(struct lookup_result *out, const char *name, u32 len, bool slash)
{
	bool dots = len > 0 && len <= 2 && name[0] == '.' && name[len - 1] == '.';

	out->last = name;
	out->last_len = len;
	out->trailing_slash = slash;
	out->last_type = len == 0 ? LAST_ROOT : !dots ? LAST_NORMAL : len == 1 ? LAST_DOT : LAST_DOTDOT;
}

static int walk(struct walk *w, const char *name, u32 flags, struct lookup_result *out)
{
	const char *end = name + strlen(name);
	int err = 0;

	walk_start(w, name);
	note_last(out, end, 0, *name == '/');
	while (*w->name) {
		const char *start = w->name, *rest;
		bool slash;

		err = may_search(&w->at);
		if (err)
			return err;
		while (*w->name && *w->name != '/')
			w->name++;
		rest = w->name;
		slash = *rest;
		skip_slashes(w);
		if (!*w->name && flags & LOOKUP_PARENT) {
			/* What is walked always ends as the caller's string does. */
			note_last(out, end - strlen(start), rest - start, slash);
			return 0;
		}
		if (rest - start == 2 && start[0] == '.' && start[1] == '.')
			path_parent(&w->at, &w->root);
		else if (rest - start != 1 || start[0] != '.')
			err = walk_name(w, start, rest - start, rest, flags);
		if (err)
			return err;
		if (!*w->name && slash)
			flags |= LOOKUP_DIRECTORY;
	}
	if (flags & LOOKUP_DIRECTORY && !S_ISDIR(w->at.dentry->inode->mode))
		return -ENOTDIR;
	return 0;
}

int path_lookup_from(const struct path *start, const char *name, u32 flags, struct lookup_result *out)
{
	struct walk w = { .links = 0 };
	int err;

	memset(out, 0, sizeof(*out));
	if (!*name && !(flags & LOOKUP_EMPTY))
		return -ENOENT;
	fs_root(&w.root);
	w.at = start->mount ? *start : w.root;
	path_get(&w.at);
	err = walk(&w, name, flags, out);
	if (err)
		path_put(&w.at);
	else
		out->path = w.at;
	path_put(&w.root);
	kfree(w.text);
	return err;
}

int path_lookup(int dirfd, const char *name, u32 flags, struct lookup_result *out)
{
	struct path start = { NULL, NULL };
	int err;

	if (*name != '/' && (*name || flags & LOOKUP_EMPTY)) {
		err = dirfd_path(dirfd, &start);
		if (err)
			return err;
	}
	err = path_lookup_from(&start, name, flags, out);
	path_put(&start);
	return err;
}
#else
/* Walks `name` from *start (mount NULL: from current's root). Flags and errors: vfs.h. Helpers: the block above path_lookup there. */
int path_lookup_from(const struct path *start, const char *name, u32 flags, struct lookup_result *out)
{
	TODO("08-vfs");
}

/* The same from dirfd; a name with a leading slash does not look at dirfd. */
int path_lookup(int dirfd, const char *name, u32 flags, struct lookup_result *out)
{
	TODO("08-vfs");
}
#endif
