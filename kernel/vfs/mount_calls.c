/*
 * mount(2), umount2(2), pivot_root(2).
 *
 * mount(2) is five calls in one, chosen by its flags: remount, bind, change of propagation, move, and a new mount. Propagation
 * flags are accepted and have no effect: there is one tree of mounts, and every mount in it is private.
 */
#include "vfs_priv.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "proc/proc.h"
#include "syscalls_gen.h"
#include "usermode/uaccess.h"

/* What a mount keeps for itself; the others belong to the file system. */
#define MOUNT_FLAGS (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME | MS_RELATIME | MS_NOSYMFOLLOW)
#define SUPER_FLAGS (MS_RDONLY | MS_SYNCHRONOUS | MS_DIRSYNC | MS_LAZYTIME)
#define PROPAGATION (MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE)

static u32 mount_flags(u64 flags)
{
	u32 f = flags & MOUNT_FLAGS;

	if (!(flags & (MS_NOATIME | MS_STRICTATIME)))
		f |= MS_RELATIME;
	if (flags & (MS_NOATIME | MS_STRICTATIME))
		f &= ~MS_RELATIME;
	return f;
}

/* --- new, bind, move --------------------------------------------------------------------------------------------------------- */

/* Hangs a finished mount at a place: 0 or -errno. m is the tree's then, else the caller's. `fresh`: not where the same file system is mounted already. */
static int place_mount(struct mount *m, struct path *at, bool fresh)
{
	int err;

	mutex_lock(&mount_mutex);
	/* Somebody may have mounted there meanwhile: on top of that, then. */
	mount_follow_down(at);
	err = S_ISDIR(m->root->inode->mode) == S_ISDIR(at->dentry->inode->mode) ? 0 : -ENOTDIR;
	if (!err && at->mount->detached)
		err = -EINVAL;
	if (!err && fresh && at->mount->sb == m->sb && at->dentry == at->mount->root)
		err = -EBUSY;
	if (!err)
		err = mount_attach(m, at);
	mutex_unlock(&mount_mutex);
	return err;
}

static int mount_new(struct path *at, const char *source, const char *type, u64 flags, const char *options)
{
	const struct fs_type *t = fs_type_find(type);
	struct superblock *sb;
	struct mount *m;
	int err;

	if (!t)
		return -ENODEV;
	sb = t->mount(t, source, flags & SUPER_FLAGS, options);
	if (IS_ERR(sb))
		return PTR_ERR(sb);
	m = mount_alloc(sb, sb->root, source, mount_flags(flags));
	if (!m) {
		if (!atomic_load(&sb->mount_count))
			superblock_put(sb);
		return -ENOMEM;
	}
	err = place_mount(m, at, true);
	if (err)
		mount_put(m);
	return err;
}

static int mount_bind(struct path *at, const char *source, u64 flags)
{
	struct lookup_result r;
	struct mount *m;
	int err;

	if (!*source)
		return -EINVAL;
	err = path_lookup(AT_FDCWD, source, LOOKUP_FOLLOW, &r);
	if (err)
		return err;
	/* The copy is whole before it hangs anywhere: its place may lie below what it shows. */
	mutex_lock(&mount_mutex);
	m = mount_copy_tree(r.path.mount, r.path.dentry, flags & MS_REC);
	mutex_unlock(&mount_mutex);
	if (!m) {
		err = -ENOMEM;
		goto out;
	}
	err = place_mount(m, at, false);
	if (err) {
		mutex_lock(&mount_mutex);
		mount_tree_detach(m);
		mutex_unlock(&mount_mutex);
	}
out:
	path_put(&r.path);
	return err;
}

static bool mount_is_below(struct mount *m, const struct mount *top)
{
	while (m && m != top)
		m = m->parent;
	return m == top;
}

static int mount_move(struct path *at, const char *source)
{
	struct lookup_result r;
	struct path from;
	struct mount *m;
	int err = *source ? path_lookup(AT_FDCWD, source, LOOKUP_FOLLOW, &r) : -EINVAL;

	if (err)
		return err;
	m = r.path.mount;
	mutex_lock(&mount_mutex);
	err = -EINVAL;
	if (r.path.dentry != m->root || !m->parent || m->detached || S_ISDIR(m->root->inode->mode) != S_ISDIR(at->dentry->inode->mode))
		goto out;
	err = -ELOOP;
	if (mount_is_below(at->mount, m))
		goto out;
	mount_lift(m, &from);
	err = mount_attach(m, at);
	if (err)
		mount_attach(m, &from);
	path_put(&from);
out:
	mutex_unlock(&mount_mutex);
	path_put(&r.path);
	return err;
}

/* --- remount ------------------------------------------------------------------------------------------------------------------- */

/* The gate that is to be shut before that: of this mount alone, or of the file system and so of all its mounts. NULL: none, it is read-only or stays writable. */
static struct write_gate *gate_to_shut(struct mount *m, u64 flags)
{
	bool bind = flags & MS_BIND;

	if (!(flags & MS_RDONLY) || (bind ? m->flags : m->sb->flags) & MS_RDONLY)
		return NULL;
	return bind ? &m->gate : &m->sb->gate;
}

static int mount_remount(struct path *at, u64 flags, const char *options)
{
	struct mount *m = at->mount;
	struct superblock *sb = m->sb;
	struct write_gate *gate;
	int err;

	if (at->dentry != m->root)
		return -EINVAL;
	mutex_lock(&mount_mutex);
	gate = gate_to_shut(m, flags);
	err = gate ? write_gate_shut(gate) : 0;
	if (err)
		gate = NULL;
	if (!err && !(flags & MS_BIND)) {
		if (sb->ops && sb->ops->remount)
			err = sb->ops->remount(sb, flags & SUPER_FLAGS, options);
		if (!err)
			sb->flags = (sb->flags & ~SUPER_FLAGS) | (flags & SUPER_FLAGS);
	}
	if (!err) {
		u32 new = mount_flags(flags);
		/* Without a word about access times they stay as they were. */
		if (!(flags & (MS_NOATIME | MS_NODIRATIME | MS_RELATIME | MS_STRICTATIME)))
			new = (new & ~(MS_NOATIME | MS_NODIRATIME | MS_RELATIME)) | (m->flags & (MS_NOATIME | MS_NODIRATIME | MS_RELATIME));
		m->flags = new;
		mount_changed();
	}
	if (gate)
		write_gate_open(gate);
	mutex_unlock(&mount_mutex);
	return err;
}

int vfs_mount(const char *source, const char *target, const char *type, u64 flags, const char *options)
{
	struct lookup_result r;
	int err;

	if ((flags & MS_MGC_MSK) == MS_MGC_VAL)
		flags &= ~MS_MGC_MSK;
	err = path_lookup(AT_FDCWD, target, LOOKUP_FOLLOW, &r);
	if (err)
		return err;
	source = source ? source : "none";
	options = options ? options : "";
	if (!file_capable(CAP_SYS_ADMIN))
		err = -EPERM;
	else if (flags & MS_REMOUNT)
		err = mount_remount(&r.path, flags, options);
	else if (flags & MS_BIND)
		err = mount_bind(&r.path, source, flags);
	else if (flags & PROPAGATION)
		err = __builtin_popcountl(flags & PROPAGATION) == 1 && r.path.dentry == r.path.mount->root ? 0 : -EINVAL;
	else if (flags & MS_MOVE)
		err = mount_move(&r.path, source);
	else
		err = type ? mount_new(&r.path, source, type, flags, options) : -EINVAL;
	path_put(&r.path);
	return err;
}

/* --- umount --------------------------------------------------------------------------------------------------------------------- */

static int umount_place(struct path *p, int flags)
{
	struct mount *m = p->mount;
	int err = -EINVAL;

	mutex_lock(&mount_mutex);
	if (p->dentry != m->root || m->detached)
		goto out;
	if (m == root_mount) {
		err = -EINVAL;
		goto out;
	}
	err = 0;
	if (flags & MNT_DETACH) {
		mount_tree_detach(m);
	} else if (flags & MNT_EXPIRE && !m->expire) {
		err = mount_detach_unused(m, true);
		if (!err) {
			m->expire = true;
			err = -EAGAIN;
		}
	} else {
		err = mount_detach_unused(m, false);
	}
out:
	mutex_unlock(&mount_mutex);
	return err;
}

static int umount_name(const char *target, int flags)
{
	struct lookup_result r;
	int err = path_lookup(AT_FDCWD, target, flags & UMOUNT_NOFOLLOW ? 0 : LOOKUP_FOLLOW, &r);

	if (err)
		return err;
	err = file_capable(CAP_SYS_ADMIN) ? umount_place(&r.path, flags) : -EPERM;
	path_put(&r.path);
	return err;
}

int vfs_umount(const char *target, int flags)
{
	if (flags & ~(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW) || (flags & MNT_EXPIRE && flags & (MNT_FORCE | MNT_DETACH)))
		return -EINVAL;
	return umount_name(target, flags);
}

struct mount *mount_internal(const char *type)
{
	const struct fs_type *t = fs_type_find(type);
	struct superblock *sb = t ? t->mount(t, type, 0, "size=0,nr_inodes=0") : ERR_PTR(-ENODEV);
	struct mount *m;

	if (IS_ERR(sb))
		return (struct mount *)sb;
	m = mount_of_superblock(sb, type);
	return m ? m : ERR_PTR(-ENOMEM);
}

/* --- pivot_root ------------------------------------------------------------------------------------------------------------------- */

/* One place of a context: how many references to `from` it gave up. The mount's and dentry's counts do not fall to 0 by that. */
static u32 move_place(struct path *place, const struct path *from, const struct path *to)
{
	if (!path_equal(place, from))
		return 0;
	path_get(to);
	*place = *to;
	return 1;
}

static u32 move_context(struct fs_context *fs, const struct path *from, const struct path *to)
{
	u32 moved;

	spin_lock(&fs->lock);
	moved = move_place(&fs->root, from, to) + move_place(&fs->cwd, from, to);
	spin_unlock(&fs->lock);
	return moved;
}

/* Every process that stood in the old root directory stands in the new one afterwards. */
static void move_processes(const struct path *from, const struct path *to)
{
	struct process *p;
	struct thread *t;
	u32 moved = move_context(&init_fs, from, to);

	spin_lock(&process_tree_lock);
	list_for_each(p, &process_list, all_link)
		list_for_each(t, &p->threads, process_link)
			if (t->fs)
				moved += move_context(t->fs, from, to);
	spin_unlock(&process_tree_lock);
	while (moved--)
		path_put(from);
}

static int pivot(const struct path *new, const struct path *put_old, const struct path *root)
{
	struct path root_at, new_at;
	struct mount *old_mount = root->mount;
	int err;

	if (new->mount->detached || put_old->mount->detached || old_mount->detached)
		return -EINVAL;
	if (new->mount == old_mount || put_old->mount == old_mount)
		return -EBUSY;
	if (root->dentry != old_mount->root || new->dentry != new->mount->root || !new->mount->parent)
		return -EINVAL;
	if (!mount_is_below(put_old->mount, new->mount) || (put_old->mount == new->mount && !dentry_is_ancestor(new->dentry, put_old->dentry)))
		return -EINVAL;
	/* What the initramfs was unpacked into stays where it is, as on Linux: switch_root instead. */
	if (!old_mount->parent)
		return -EINVAL;
	mount_lift(new->mount, &new_at);
	mount_lift(old_mount, &root_at);
	err = mount_attach(old_mount, put_old);
	mount_attach(new->mount, &root_at);
	path_put(&new_at);
	path_put(&root_at);
	return err;
}

long sys_pivot_root(const char __user *new_root, const char __user *put_old)
{
	struct path new, old, root;
	long err;

	if (!file_capable(CAP_SYS_ADMIN))
		return -EPERM;
	err = user_path(AT_FDCWD, new_root, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &new);
	if (err)
		return err;
	err = user_path(AT_FDCWD, put_old, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &old);
	if (err)
		goto put_new;
	fs_root(&root);
	mutex_lock(&mount_mutex);
	err = pivot(&new, &old, &root);
	mutex_unlock(&mount_mutex);
	if (!err)
		move_processes(&root, &new);
	path_put(&root);
	path_put(&old);
put_new:
	path_put(&new);
	return err;
}

/* --- calls -------------------------------------------------------------------------------------------------------------------------- */

/* A page of options: what can be read up to its end, cut at a NUL. */
static char *options_get(const void __user *data)
{
	char *text;
	size_t n;

	if (!data)
		return NULL;
	text = kmalloc(PAGE_SIZE, 0);
	if (!text)
		return ERR_PTR(-ENOMEM);
	n = PAGE_SIZE - copy_from_user(text, data, PAGE_SIZE);
	if (!n) {
		kfree(text);
		return ERR_PTR(-EFAULT);
	}
	text[MIN(n, PAGE_SIZE - 1)] = 0;
	return text;
}

long sys_mount(const char __user *source, const char __user *target, const char __user *type, unsigned long flags, void __user *data)
{
	char *names[3] = { NULL, NULL, NULL }, *options = NULL;
	const char __user *from[3] = { type, source, target };
	long err = 0;

	for (int i = 0; i < 3 && !err; i++) {
		/* Type and source may be absent. */
		if (!from[i] && i < 2)
			continue;
		names[i] = path_name_get(from[i], i < 2 ? LOOKUP_EMPTY : 0);
		if (IS_ERR(names[i])) {
			err = PTR_ERR(names[i]);
			names[i] = NULL;
		}
	}
	if (!err) {
		options = options_get(data);
		if (IS_ERR(options))
			err = PTR_ERR(options);
		else
			err = vfs_mount(names[1], names[2], names[0], flags, options);
	}
	if (!IS_ERR(options))
		kfree(options);
	for (int i = 0; i < 3; i++)
		if (names[i])
			path_name_free(names[i]);
	return err;
}

long sys_umount2(const char __user *target, int flags)
{
	char *name;
	long err;

	if (flags & ~(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW))
		return -EINVAL;
	name = path_name_get(target, 0);
	if (IS_ERR(name))
		return PTR_ERR(name);
	err = vfs_umount(name, flags);
	path_name_free(name);
	return err;
}
