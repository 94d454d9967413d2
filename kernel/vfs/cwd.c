/* A process's place in the tree: working directory, root, umask. */
#include "vfs_priv.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "syscalls_gen.h"
#include "usermode/uaccess.h"

/* Takes over the references of *to. */
static void set_place(struct fs_context *fs, struct path *place, struct path to)
{
	struct path old;

	spin_lock(&fs->lock);
	old = *place;
	*place = to;
	spin_unlock(&fs->lock);
	path_put(&old);
}

int vfs_enter_root(const char *name)
{
	struct lookup_result r;
	int err = path_lookup(AT_FDCWD, name, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &r);

	if (err)
		return err;
	err = vfs_mount(name, "/", NULL, MS_MOVE, "");
	if (err) {
		path_put(&r.path);
		return err;
	}
	path_get(&r.path);
	set_place(current_fs(), &current_fs()->root, r.path);
	set_place(current_fs(), &current_fs()->cwd, r.path);
	return 0;
}

static int may_enter(const struct path *p)
{
	return inode_permission(p->dentry->inode, MAY_EXEC);
}

long sys_chdir(const char __user *path)
{
	struct path p;
	long err = user_path(AT_FDCWD, path, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &p);

	if (err)
		return err;
	err = may_enter(&p);
	if (err)
		path_put(&p);
	else
		set_place(current_fs(), &current_fs()->cwd, p);
	return err;
}

long sys_fchdir(int fd)
{
	struct fdref r = fdref_get(fd, true);
	struct path p;
	long err = -EBADF;

	if (!r.file)
		return err;
	p = (struct path){ r.file->mount, r.file->dentry };
	err = p.dentry && S_ISDIR(p.dentry->inode->mode) ? may_enter(&p) : -ENOTDIR;
	if (!err) {
		path_get(&p);
		set_place(current_fs(), &current_fs()->cwd, p);
	}
	fdref_put(r);
	return err;
}

long sys_chroot(const char __user *path)
{
	struct path p;
	long err = user_path(AT_FDCWD, path, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &p);

	if (err)
		return err;
	err = may_enter(&p);
	if (!err && !file_capable(CAP_SYS_CHROOT))
		err = -EPERM;
	if (err)
		path_put(&p);
	else
		set_place(current_fs(), &current_fs()->root, p);
	return err;
}

long sys_getcwd(void __user *buf, size_t size)
{
	struct path cwd, root;
	char *name = kmalloc(PATH_MAX, 0), *text;
	bool reached;
	long ret = -ENOENT;

	if (!name)
		return -ENOMEM;
	fs_cwd(&cwd);
	fs_root(&root);
	if (cwd.dentry->parent != cwd.dentry && !(cwd.dentry->flags & DENTRY_HASHED))
		goto out;
	text = path_text_walk(&cwd, &root, name, PATH_MAX, &reached);
	ret = PTR_ERR(text);
	if (IS_ERR(text))
		goto out;
	if (!reached && text - name >= 13)
		text = memcpy(text - 13, "(unreachable)", 13);
	ret = strlen(text) + 1;
	if ((size_t)ret > size)
		ret = -ERANGE;
	else if (copy_to_user(buf, text, ret))
		ret = -EFAULT;
out:
	path_put(&root);
	path_put(&cwd);
	kfree(name);
	return ret;
}

long sys_umask(u32 mask)
{
	return atomic_xchg(&current_fs()->umask, mask & 0777);
}
