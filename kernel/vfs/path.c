/* Around the path walk: names from user memory, where a walk starts, one step of it, and paths back to text. */
#include "vfs_priv.h"
#include "lib/format.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "proc/proc.h"
#include "usermode/uaccess.h"

#define CLONE_FS 0x200

struct fs_context init_fs = {
	.ref = REFCOUNT_INIT(1), .lock = SPINLOCK_INIT("fs context", RANK_FILES), .umask = 022,
};
static struct slab_cache name_cache;

/* --- names ----------------------------------------------------------------------------------------------------------- */

char *path_name_get(const char __user *name, u32 flags)
{
	char *buf = slab_alloc(&name_cache, 0);
	ssize_t len;

	if (!buf)
		return ERR_PTR(-ENOMEM);
	len = strncpy_from_user(buf, name, PATH_MAX);
	if (len > 0 || (len == 0 && flags & LOOKUP_EMPTY))
		return buf;
	slab_free(&name_cache, buf);
	return ERR_PTR(len ? len : -ENOENT);
}

void path_name_free(char *name)
{
	if (!IS_ERR(name))
		slab_free(&name_cache, name);
}

int name_lookup(int dirfd, const char *name, u32 flags, struct lookup_result *out)
{
	return IS_ERR(name) ? (int)PTR_ERR(name) : path_lookup(dirfd, name, flags, out);
}

int user_path(int dirfd, const char __user *name, u32 flags, struct path *out)
{
	struct lookup_result r;
	char *text = path_name_get(name, flags);
	int err;

	if (IS_ERR(text))
		return PTR_ERR(text);
	err = path_lookup(dirfd, text, flags, &r);
	path_name_free(text);
	*out = err ? (struct path){ NULL, NULL } : r.path;
	return err;
}

/* --- root and working directory --------------------------------------------------------------------------------------- */

struct fs_context *current_fs(void)
{
	return current->fs ? current->fs : &init_fs;
}

static void fs_path(struct path *out, bool cwd)
{
	struct fs_context *fs = current_fs();

	spin_lock(&fs->lock);
	*out = cwd ? fs->cwd : fs->root;
	path_get(out);
	spin_unlock(&fs->lock);
}

void fs_root(struct path *out)
{
	fs_path(out, false);
}

void fs_cwd(struct path *out)
{
	fs_path(out, true);
}

int dirfd_path(int dirfd, struct path *out)
{
	struct fdref r;

	if (dirfd == AT_FDCWD) {
		fs_cwd(out);
		return 0;
	}
	r = fdref_get(dirfd, true);
	if (!r.file)
		return -EBADF;
	*out = (struct path){ r.file->mount, r.file->dentry };
	if (out->dentry)
		path_get(out);
	fdref_put(r);
	return out->dentry ? 0 : -ENOTDIR;
}

int fs_context_clone(struct thread *to, struct thread *from, bool share)
{
	struct fs_context *old = from->fs ? from->fs : &init_fs, *fs;

	if (share) {
		refcount_get(&old->ref);
		to->fs = old;
		return 0;
	}
	fs = kzalloc(sizeof(*fs), 0);
	if (!fs)
		return -ENOMEM;
	refcount_set(&fs->ref, 1);
	spin_init(&fs->lock, "fs context", RANK_FILES);
	spin_lock(&old->lock);
	fs->root = old->root;
	fs->cwd = old->cwd;
	fs->umask = old->umask;
	path_get(&fs->root);
	path_get(&fs->cwd);
	spin_unlock(&old->lock);
	to->fs = fs;
	return 0;
}

void fs_context_put(struct fs_context *fs)
{
	if (!fs || !refcount_put(&fs->ref))
		return;
	path_put(&fs->root);
	path_put(&fs->cwd);
	kfree(fs);
}

static void fork_hook(const struct fork_request *r, int *err)
{
	if (!*err)
		*err = fs_context_clone(r->thread, r->parent_thread, r->flags & CLONE_FS);
}

/* Under the tree's lock, so that who looks at another thread's place (procfs, pivot_root) finds it whole or not at all. */
static void change_context(struct thread *t, struct fs_context *fs)
{
	struct fs_context *old;

	spin_lock(&process_tree_lock);
	old = t->fs;
	t->fs = fs;
	spin_unlock(&process_tree_lock);
	fs_context_put(old);
}

static void exit_hook(struct thread *t)
{
	change_context(t, NULL);
}

static void unshare_hook(u64 flags, int *err)
{
	struct thread own = { .fs = NULL };

	if (*err || !(flags & CLONE_FS) || refcount_read(&current->fs->ref) == 1)
		return;
	*err = fs_context_clone(&own, current, false);
	if (!*err)
		change_context(current, own.fs);
}

NOTIFIER(process_fork, fork_hook);
NOTIFIER(thread_lets_go, exit_hook);
NOTIFIER(thread_unshare, unshare_hook);

/* --- one step --------------------------------------------------------------------------------------------------------- */

/* A cached dentry that its file system wants to be asked about (proc): NULL if it is stale, and out of the cache then. */
static struct dentry *revalidate(struct dentry *d)
{
	if (likely(!(d->flags & DENTRY_REVALIDATE)) || d->sb->ops->dentry_revalidate(d))
		return d;
	dentry_unhash(d);
	dentry_put(d);
	return NULL;
}

static struct dentry *lookup_cached(struct dentry *dir, const char *name, u32 len)
{
	struct dentry *d = dentry_lookup(dir, name, len);

	return d ? revalidate(d) : NULL;
}

struct dentry *dir_lookup_locked(struct dentry *dir, const char *name, u32 len)
{
	struct inode *inode = dir->inode;
	struct dentry *d;
	int err;

	if (len > NAME_MAX)
		return ERR_PTR(-ENAMETOOLONG);
	d = lookup_cached(dir, name, len);
	if (d)
		return d;
	if (inode->flags & INODE_DEAD)
		return ERR_PTR(-ENOENT);
	if (!inode->ops || !inode->ops->lookup)
		return ERR_PTR(-ENOTDIR);
	d = dentry_alloc(dir, name, len);
	if (!d)
		return ERR_PTR(-ENOMEM);
	err = inode->ops->lookup(inode, d);
	if (err) {
		dentry_put(d);
		return ERR_PTR(err);
	}
	if (!(d->flags & DENTRY_HASHED))
		dentry_hash(d);
	return d;
}

struct dentry *dir_lookup(struct dentry *dir, const char *name, u32 len)
{
	struct dentry *d;

	if (len > NAME_MAX)
		return ERR_PTR(-ENAMETOOLONG);
	d = lookup_cached(dir, name, len);
	if (likely(d))
		return d;
	rwlock_write(&dir->inode->lock);
	d = dir_lookup_locked(dir, name, len);
	rwlock_write_done(&dir->inode->lock);
	return d;
}

const char *link_read(const struct path *p, char **to_free)
{
	struct inode *i = p->dentry->inode;

	*to_free = NULL;
	if (!i->ops || !i->ops->get_link)
		return ERR_PTR(-EINVAL);
	path_accessed(p);
	return i->ops->get_link(i, p->dentry, to_free);
}

/* --- paths as text ----------------------------------------------------------------------------------------------------- */

static bool text_prepend(char *buf, char **at, const char *text, size_t len)
{
	if ((size_t)(*at - buf) < len)
		return false;
	*at -= len;
	memcpy(*at, text, len);
	return true;
}

/* Written from the end of buf backwards. *reached: the walk upwards came to root. */
char *path_text_walk(const struct path *p, const struct path *root, char *buf, size_t size, bool *reached)
{
	struct dentry *d = p->dentry;
	struct mount *m = p->mount;
	char *at = buf + size - 1;
	bool fits = true;

	*at = 0;
	if (d->parent != d && !(d->flags & DENTRY_HASHED))
		fits = text_prepend(buf, &at, " (deleted)", 10);
	read_lock(&mount_lock);
	read_lock(&rename_lock);
	*reached = true;
	while (fits && !(d == root->dentry && m == root->mount)) {
		if (d == m->root || d->parent == d) {
			if (!m->parent) {
				*reached = false;
				break;
			}
			d = m->mountpoint;
			m = m->parent;
			continue;
		}
		fits = text_prepend(buf, &at, d->name, d->name_len) && text_prepend(buf, &at, "/", 1);
		d = d->parent;
	}
	read_unlock(&rename_lock);
	read_unlock(&mount_lock);
	if (fits && *at != '/')
		fits = text_prepend(buf, &at, "/", 1);
	return fits ? at : ERR_PTR(-ENAMETOOLONG);
}

char *path_text_from(const struct path *p, const struct path *root, char *buf, size_t size)
{
	bool reached;

	if (dentry_is_anon(p->dentry)) {
		anon_dentry_text(p->dentry, buf, size);
		return buf;
	}
	return path_text_walk(p, root, buf, size, &reached);
}

char *path_text(const struct path *p, char *buf, size_t size)
{
	struct path root;
	char *text;

	fs_root(&root);
	text = path_text_from(p, &root, buf, size);
	path_put(&root);
	return text;
}

int path_init(void)
{
	slab_cache_init(&name_cache, "path names", PATH_MAX, 64);
	return 0;
}
