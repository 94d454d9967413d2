/* The tree of information nodes: see fs/procfs/nodetree.h. */
#include "fs/procfs/nodetree.h"
#include "abi/stat.h"
#include "lib/string.h"
#include "mm/slab.h"

static struct spinlock tree_lock = SPINLOCK_INIT("node tree", RANK_INODE_SPIN);
static u64 next_ino = 0xf0000000; /* past the numbers that processes' files have; tree_lock */

struct tree_node *nodetree_of(struct inode *i) { return i->private; }

static struct tree_node *node_alloc(const char *name, u32 len, u16 mode)
{
	struct tree_node *n = kzalloc(sizeof(*n) + len + 1, 0);
	if (!n)
		return NULL;
	char *copy = (char *)(n + 1);
	memcpy(copy, name, len);
	n->name = copy;
	n->mode = mode;
	list_init(&n->children);
	list_init(&n->sibling);
	spin_lock(&tree_lock);
	n->ino = next_ino++;
	spin_unlock(&tree_lock);
	return n;
}

struct tree_node *nodetree_create(void)
{
	return node_alloc("", 0, S_IFDIR | 0555);
}

static struct tree_node *find_locked(struct tree_node *dir, const char *name, u32 len)
{
	struct tree_node *n;
	list_for_each(n, &dir->children, sibling)
		if (strlen(n->name) == len && memcmp(n->name, name, len) == 0)
			return n;
	return NULL;
}

struct tree_node *nodetree_find(struct tree_node *dir, const char *name, u32 len)
{
	spin_lock(&tree_lock);
	struct tree_node *n = find_locked(dir, name, len);
	if (n && n->hidden)
		n = NULL;
	spin_unlock(&tree_lock);
	return n;
}

/* The child of that name; a new one of `mode` if there is none. */
static struct tree_node *child(struct tree_node *dir, const char *name, u32 len, u16 mode)
{
	spin_lock(&tree_lock);
	struct tree_node *n = find_locked(dir, name, len);
	spin_unlock(&tree_lock);
	if (n)
		return n;
	struct tree_node *fresh = node_alloc(name, len, mode);
	if (!fresh)
		return NULL;
	spin_lock(&tree_lock);
	n = find_locked(dir, name, len);
	if (!n) {
		fresh->parent = dir;
		list_add_tail(&dir->children, &fresh->sibling);
		dir->subdirs += S_ISDIR(mode);
		fresh->plain_links = dir->plain_links;
		fresh->by_mode_alone = dir->by_mode_alone;
		n = fresh;
		fresh = NULL;
	}
	spin_unlock(&tree_lock);
	kfree(fresh);
	return n;
}

static struct tree_node *make(struct tree_node *at, const char *path, u16 mode)
{
	while (at) {
		const char *slash = strchr(path, '/');
		if (!slash)
			return child(at, path, (u32)strlen(path), mode);
		at = child(at, path, (u32)(slash - path), S_IFDIR | 0555);
		path = slash + 1;
	}
	return NULL;
}

bool nodetree_hide(struct tree_node *at, const char *path, bool hidden)
{
	spin_lock(&tree_lock);
	while (at && *path) {
		const char *slash = strchr(path, '/');
		u32 len = (u32)(slash ? slash - path : (long)strlen(path));

		at = find_locked(at, path, len);
		path += len + (slash != NULL);
	}
	if (at && at->hidden != hidden) {
		at->hidden = hidden;
		if (S_ISDIR(at->mode))
			at->parent->subdirs += hidden ? -1 : 1;
	}
	spin_unlock(&tree_lock);
	return at != NULL;
}

struct tree_node *nodetree_dir(struct tree_node *at, const char *path) { return make(at, path, S_IFDIR | 0555); }

struct tree_node *nodetree_file(struct tree_node *at, const char *path, u16 mode, int (*show)(struct seq *s), void *arg)
{
	struct tree_node *n = make(at, path, S_IFREG | mode);
	if (n && !n->show) { /* the lower stage's comes first in the set, and stays */
		n->show = show;
		n->arg = arg;
	}
	return n;
}

struct tree_node *nodetree_link(struct tree_node *at, const char *path, const char *target)
{
	struct tree_node *n = make(at, path, S_IFLNK | 0777);
	if (n && !n->target) {
		n->target = kstrdup(target, 0);
		n->size = strlen(target);
	}
	return n;
}

void nodetree_add_nodes(struct tree_node *root, const char *prefix, const char *without)
{
	LINKER_SET_FOREACH(info_nodes, it) {
		const struct info_node *node = *it;
		const char *path = node->path, *colon = strchr(path, ':'), *slash = strchr(path, '/');
		bool prefixed = colon && (!slash || colon < slash);
		if ((*prefix ? !str_starts(path, prefix) : prefixed) || (without && str_starts(path, without)))
			continue;
		struct tree_node *n = nodetree_file(root, path + strlen(prefix), node->mode ? node->mode : 0444, node->show, node->arg);
		if (n && n->show == node->show && n->arg == node->arg) {
			n->store = node->store;
			n->store_arg = node->store_arg;
		}
	}
}

/* --- files ------------------------------------------------------------------------------------------------------ */

static int show_node(struct seq *s, void *arg)
{
	struct tree_node *n = arg;
	s->arg = n->arg;
	return n->show ? n->show(s) : 0;
}

static ssize_t node_read(struct file *f, struct uio *to, s64 *pos)
{
	return textfile_read(f, to, pos, show_node, nodetree_of(f->inode));
}

static ssize_t node_write(struct file *f, struct uio *from, s64 *pos)
{
	struct tree_node *n = nodetree_of(f->inode);
	size_t len;
	if (!n->store && !n->store_arg)
		return -EIO;
	char *text = textfile_input(from, &len);
	if (IS_ERR(text))
		return PTR_ERR(text);
	ssize_t ret = n->store ? n->store(text, len) : n->store_arg(n->arg, text, len);
	if (ret > 0)
		*pos += ret;
	kfree(text);
	return ret;
}

static int no_truncate(struct inode *i __unused, const struct iattr *a)
{
	return a->valid & (ATTR_MODE | ATTR_UID | ATTR_GID) ? -EPERM : 0; /* `>` sets the size to 0: nothing to do */
}

int nodetree_revalidate(struct dentry *d)
{
	/* A name that is not there now may be there next time. */
	return d->inode && !READ_ONCE(nodetree_of(d->inode)->hidden);
}

int nodetree_lookup(struct inode *dir, struct dentry *d)
{
	if (dir->sb->ops->dentry_revalidate == nodetree_revalidate)
		d->flags |= DENTRY_REVALIDATE;
	struct tree_node *n = nodetree_find(nodetree_of(dir), d->name, d->name_len);
	if (!n)
		return 0;
	struct inode *i = nodetree_inode(dir->sb, n);
	if (!i)
		return -ENOMEM;
	dentry_instantiate(d, i);
	return 0;
}

bool nodetree_emit(struct tree_node *dir, struct file *f, struct dir_context *c, u64 first)
{
	for (;;) {
		struct tree_node *n, *found = NULL;
		u64 i = first; /* of the one after n */
		spin_lock(&tree_lock);
		list_for_each(n, &dir->children, sibling)
			if (i++ >= (u64)f->pos && !n->hidden) {
				found = n;
				break;
			}
		spin_unlock(&tree_lock);
		if (!found)
			return true;
		if (!dir_emit(c, found->name, strlen(found->name), found->ino, found->mode, i))
			return false;
		f->pos = (s64)i;
	}
}

static int node_readdir(struct file *f, struct dir_context *c)
{
	if (dir_emit_dots(f, c))
		nodetree_emit(nodetree_of(f->inode), f, c, 2);
	return 0;
}

static const char *node_get_link(struct inode *i, struct dentry *d __unused, char **to_free __unused)
{
	const char *target = nodetree_of(i)->target;
	return target ? target : ERR_PTR(-ENOENT);
}

static s64 dir_lseek(struct file *f, s64 off, int whence)
{
	return generic_lseek(f, off, whence, INT64_MAX, 0);
}

/* Numbers of the system are changed by those whom the mode lets, and by no capability; what has no bit for writing, root cannot open for it. */
static int number_permission(struct inode *i, u32 mask)
{
	const struct cred *c = file_cred();
	u32 shift = c->euid == 0 ? 6 : cred_in_group(c, 0) ? 3 : 0;

	return mask & ~(i->mode >> shift) & (MAY_READ | MAY_WRITE | MAY_EXEC) ? -EACCES : 0;
}

static const struct inode_ops number_inode_ops = { .permission = number_permission, .setattr = no_truncate };
static const struct inode_ops file_inode_ops = { .setattr = no_truncate };
static const struct inode_ops link_inode_ops = { .get_link = node_get_link };
static const struct inode_ops dir_inode_ops = { .lookup = nodetree_lookup, .setattr = no_truncate };
static const struct file_ops node_file_ops = {
	.name = "node",
	.read = node_read,
	.write = node_write,
	.poll = textfile_poll,
	.lseek = textfile_lseek,
	.release = textfile_release,
};
static const struct file_ops node_dir_ops = { .name = "node directory", .readdir = node_readdir, .lseek = dir_lseek };

struct inode *nodetree_inode(struct superblock *sb, struct tree_node *n)
{
	struct inode *i = inode_alloc(sb);
	if (!i)
		return NULL;
	i->ino = n->ino;
	i->mode = n->mode;
	i->nlink = S_ISDIR(n->mode) ? 2 + n->subdirs : 1;
	i->private = n;
	i->size = n->size;
	if (S_ISDIR(n->mode) && n->plain_links)
		i->nlink = 1;
	if (S_ISDIR(n->mode)) {
		i->ops = &dir_inode_ops;
		i->fops = &node_dir_ops;
	} else if (S_ISLNK(n->mode)) {
		i->ops = &link_inode_ops;
	} else {
		i->ops = n->by_mode_alone ? &number_inode_ops : &file_inode_ops;
		i->fops = n->fops ? n->fops : &node_file_ops;
	}
	return i;
}
