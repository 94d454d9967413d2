/*
 * devpts: the directory of the slaves' nodes, /dev/pts. Each mount is an instance of its own, with numbers of its own and a
 * node `ptmx`; /dev/ptmx speaks for the instance that is mounted on `pts` beside it.
 *
 * A node's inode is made with its pair and keeps owner and mode until the master goes; after that its name is dropped when
 * somebody walks over it (dentry_revalidate). fs->lock guards the table; inode->private is the pair or NULL, under it too.
 */
#include "abi/stat.h"
#include "core/node.h"
#include "lib/bitmap.h"
#include "lib/format.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "tty/pty_priv.h"

#define DEVPTS_MAGIC 0x1cd1
#define INO_PTMX 2
#define INO_FIRST 3

static const struct super_ops devpts_super_ops;

static bool is_devpts(const struct superblock *sb) { return sb && sb->ops == &devpts_super_ops; }
static struct devpts *devpts_of(const struct superblock *sb) { return sb->private; }

struct mount *devpts_of_ptmx(struct file *f)
{
	struct mount *m = NULL;
	struct lookup_result r;
	if (!f->mount || !f->dentry)
		return NULL;
	if (is_devpts(f->dentry->sb)) {
		mount_get(f->mount);
		return f->mount;
	}
	struct path start = { f->mount, f->dentry->parent };
	if (path_lookup_from(&start, "pts", LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &r))
		return NULL;
	if (is_devpts(r.path.dentry->sb)) {
		m = r.path.mount;
		mount_get(m);
	}
	path_put(&r.path);
	return m;
}

u64 pty_count, pty_limit = PTY_MAX;

int devpts_add(struct mount *m, struct pty *p)
{
	const struct cred *c = cred_current();
	struct devpts *fs = devpts_of(m->sb);
	int err = 0;
	p->mount = m;
	p->fs = fs;
	mutex_lock(&fs->lock);
	size_t index = bitmap_find_zero(fs->used, PTY_MAX, 0);
	if (index >= PTY_MAX || fs->count >= fs->max || READ_ONCE(pty_count) + 1 >= READ_ONCE(pty_limit)) {
		err = -ENOSPC;
		goto unlock;
	}
	struct inode *inode = inode_alloc(m->sb);
	if (!inode) {
		err = -ENOMEM;
		goto unlock;
	}
	inode->ino = INO_FIRST + index;
	inode->mode = S_IFCHR | fs->mode;
	inode->uid = fs->set_uid ? fs->uid : c->fsuid;
	inode->gid = fs->set_gid ? fs->gid : c->fsgid;
	inode->nlink = 1;
	inode->rdev = p->slave.rdev = abi_makedev(136, (u32)index);
	inode->private = p;
	p->index = (int)index;
	p->inode = inode;
	ksnprintf(p->name, sizeof(p->name), "pts/%d", p->index);
	bit_set(fs->used, index);
	fs->ptys[index] = p;
	fs->count++;
	atomic_fetch_add(&pty_count, 1ul);
unlock:
	mutex_unlock(&fs->lock);
	return err;
}

void devpts_remove(struct pty *p)
{
	struct devpts *fs = p->fs;
	mutex_lock(&fs->lock);
	struct inode *inode = p->inode;
	p->inode = NULL;
	inode->private = NULL;
	inode->nlink = 0;
	bit_clear(fs->used, (size_t)p->index);
	fs->ptys[p->index] = NULL;
	fs->count--;
	atomic_fetch_sub(&pty_count, 1ul);
	mutex_unlock(&fs->lock);
	inode_put(inode);
}

struct pty *devpts_find(struct inode *inode)
{
	if (!is_devpts(inode->sb))
		return NULL;
	struct devpts *fs = devpts_of(inode->sb);
	mutex_lock(&fs->lock);
	struct pty *p = inode->private;
	if (p)
		tty_get(&p->slave);
	mutex_unlock(&fs->lock);
	return p;
}

int pts_open(struct inode *inode, struct file *f)
{
	struct pty *p = devpts_find(inode);
	if (!p)
		return -EIO;
	int err = tty_open_file(&p->slave, f, true);
	tty_put(&p->slave);
	return err;
}

int devpts_slave_path(struct pty *p, struct path *out)
{
	struct lookup_result r;
	char name[16];
	struct path start = { p->mount, p->mount->root };
	ksnprintf(name, sizeof(name), "%d", p->index);
	int err = path_lookup_from(&start, name, 0, &r);
	if (!err)
		*out = r.path;
	return err;
}

/* --- the file system ------------------------------------------------------------------------------------------- */

static int devpts_lookup(struct inode *dir, struct dentry *d)
{
	struct devpts *fs = devpts_of(dir->sb);
	struct inode *inode = NULL;
	const char *end;
	d->flags |= DENTRY_REVALIDATE;
	if (strcmp(d->name, "ptmx") == 0) {
		inode = fs->ptmx;
		inode_get(inode);
	} else if (d->name[0] >= '0' && d->name[0] <= '9' && (d->name[0] != '0' || d->name_len == 1)) {
		u64 index = parse_u64(d->name, &end, 10);
		mutex_lock(&fs->lock);
		if (!*end && index < PTY_MAX && fs->ptys[index]) {
			inode = fs->ptys[index]->inode;
			inode_get(inode);
		}
		mutex_unlock(&fs->lock);
	}
	if (inode)
		dentry_instantiate(d, inode);
	return 0;
}

static int devpts_revalidate(struct dentry *d)
{
	struct inode *inode = d->inode;
	return inode && (inode->ino <= INO_PTMX || READ_ONCE(inode->private) != NULL);
}

static int devpts_readdir(struct file *f, struct dir_context *c)
{
	struct devpts *fs = devpts_of(f->inode->sb);
	if (f->pos == 0) {
		if (!c->emit(c, ".", 1, f->inode->ino, DT_DIR, 1))
			return 0;
		f->pos = 1;
	}
	if (f->pos == 1) {
		if (!c->emit(c, "..", 2, f->inode->ino, DT_DIR, 2))
			return 0;
		f->pos = 2;
	}
	if (f->pos == 2) {
		if (!c->emit(c, "ptmx", 4, INO_PTMX, DT_CHR, 3))
			return 0;
		f->pos = 3;
	}
	for (size_t i = (size_t)f->pos - 3; i < PTY_MAX; i++) {
		char name[16];
		mutex_lock(&fs->lock);
		i = bitmap_find_set(fs->used, PTY_MAX, i);
		mutex_unlock(&fs->lock);
		if (i >= PTY_MAX)
			break;
		int n = ksnprintf(name, sizeof(name), "%lu", i);
		if (!c->emit(c, name, (size_t)n, INO_FIRST + i, DT_CHR, (u64)i + 4))
			return 0;
		f->pos = (s64)i + 4;
	}
	return 0;
}

static s64 devpts_dir_lseek(struct file *f, s64 off, int whence)
{
	return generic_lseek(f, off, whence, PTY_MAX + 4, PTY_MAX + 4);
}

static const struct inode_ops devpts_dir_inode_ops = { .lookup = devpts_lookup };
static const struct file_ops devpts_dir_ops = { .name = "devpts", .readdir = devpts_readdir, .lseek = devpts_dir_lseek };

/* uid= gid= mode= ptmxmode= max=; newinstance is what every mount is. */
static int parse_options(struct devpts *fs, const char *text)
{
	while (*text) {
		const char *end = strchr(text, ','), *stop;
		size_t len = end ? (size_t)(end - text) : strlen(text);
		const char *eq = memchr(text, '=', len);
		if (eq) {
			size_t key = (size_t)(eq - text);
			bool octal = key >= 4 && strncmp(eq - 4, "mode", 4) == 0;
			u64 v = parse_u64(eq + 1, &stop, octal ? 8 : 10);
			if (stop != text + len || stop == eq + 1 || v > UINT32_MAX)
				return -EINVAL;
			if (key == 3 && strncmp(text, "uid", 3) == 0) {
				fs->uid = (u32)v;
				fs->set_uid = true;
			} else if (key == 3 && strncmp(text, "gid", 3) == 0) {
				fs->gid = (u32)v;
				fs->set_gid = true;
			} else if (key == 4 && strncmp(text, "mode", 4) == 0) {
				fs->mode = v & 07777;
			} else if (key == 8 && strncmp(text, "ptmxmode", 8) == 0) {
				fs->ptmx_mode = v & 07777;
			} else if (key == 3 && strncmp(text, "max", 3) == 0) {
				fs->max = (u32)MIN(v, (u64)PTY_MAX);
			} else {
				return -EINVAL;
			}
		} else if (len && !(len == 11 && strncmp(text, "newinstance", 11) == 0)) {
			return -EINVAL;
		}
		text += len + (end != NULL);
	}
	return 0;
}

static int devpts_remount(struct superblock *sb, u32 flags __unused, const char *options)
{
	struct devpts *fs = devpts_of(sb);
	mutex_lock(&fs->lock);
	int err = parse_options(fs, options);
	if (!err)
		fs->ptmx->mode = S_IFCHR | fs->ptmx_mode;
	mutex_unlock(&fs->lock);
	return err;
}

static void devpts_show_options(struct superblock *sb, struct seq *s)
{
	struct devpts *fs = devpts_of(sb);
	if (fs->set_uid)
		seq_printf(s, ",uid=%u", fs->uid);
	if (fs->set_gid)
		seq_printf(s, ",gid=%u", fs->gid);
	seq_printf(s, ",mode=%03o,ptmxmode=%03o", fs->mode, fs->ptmx_mode);
	if (fs->max < PTY_MAX)
		seq_printf(s, ",max=%u", fs->max);
}

static int devpts_statfs(struct superblock *sb __unused, struct abi_statfs *st)
{
	st->type = DEVPTS_MAGIC;
	st->bsize = st->frsize = 4096;
	st->namelen = NAME_MAX;
	return 0;
}

static void devpts_put(struct superblock *sb)
{
	struct devpts *fs = devpts_of(sb);
	if (fs->ptmx)
		inode_put(fs->ptmx);
	kfree(fs);
}

static const struct super_ops devpts_super_ops = {
	.statfs = devpts_statfs,
	.put = devpts_put,
	.remount = devpts_remount,
	.show_options = devpts_show_options,
	.dentry_revalidate = devpts_revalidate,
};

static struct superblock *devpts_mount(const struct fs_type *t, const char *source __unused, u32 flags __unused, const char *options)
{
	struct devpts *fs = kzalloc(sizeof(*fs), 0);
	if (!fs)
		return ERR_PTR(-ENOMEM);
	fs->mode = 0600;
	fs->max = PTY_MAX;
	mutex_init(&fs->lock, "devpts", RANK_NONE);
	int err = parse_options(fs, options);
	if (err) {
		kfree(fs);
		return ERR_PTR(err);
	}
	struct superblock *sb = superblock_alloc(t);
	if (!sb) {
		kfree(fs);
		return ERR_PTR(-ENOMEM);
	}
	fs->sb = sb;
	sb->private = fs;
	sb->ops = &devpts_super_ops;
	struct inode *root = inode_alloc(sb);
	fs->ptmx = root ? inode_alloc(sb) : NULL;
	if (!root || !fs->ptmx)
		goto no_memory;
	root->ino = 1;
	root->mode = S_IFDIR | 0755;
	root->nlink = 2;
	root->ops = &devpts_dir_inode_ops;
	root->fops = &devpts_dir_ops;
	fs->ptmx->ino = INO_PTMX;
	fs->ptmx->mode = S_IFCHR | fs->ptmx_mode;
	fs->ptmx->nlink = 1;
	fs->ptmx->rdev = abi_makedev(5, 2);
	sb->root = dentry_make_root(root);
	if (!sb->root) {
		root = NULL;
		goto no_memory;
	}
	return sb;

no_memory:
	if (root)
		inode_put(root);
	superblock_put(sb);
	return ERR_PTR(-ENOMEM);
}

FS_TYPE(devpts, .name = "devpts", .nodev = true, .magic = DEVPTS_MAGIC, .mount = devpts_mount);
