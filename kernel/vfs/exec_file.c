/* Programs come from files: what exec reads through from stage 08 on, and execveat(2). */
#include "vfs_priv.h"
#include "exec/exec.h"
#include "lib/format.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "proc/proc.h"
#include "syscalls_gen.h"

#define FD_PREFIX "/dev/fd/" /* how execveat names a descriptor */

static ssize_t source_read_at(struct exec_source *s, void *buf, size_t n, u64 off)
{
	s64 pos = off;
	size_t done = 0;

	while (done < n) {
		ssize_t got = file_read_kernel(s->file, (char *)buf + done, n - done, &pos);
		if (got < 0)
			return got;
		if (!got)
			break;
		done += got;
	}
	if (done)
		file_tell_used(s->file, false);
	return done;
}

static void source_close(struct exec_source *s)
{
	file_put(s->file);
}

/* The place that a program's path names. "/dev/fd/N" and "/dev/fd/N/rest" are a descriptor, wherever /dev/fd leads. */
static int program_place(const char *path, struct path *out)
{
	struct lookup_result r;
	const char *rest;
	u64 fd;
	int err;

	if (str_starts(path, FD_PREFIX)) {
		fd = parse_u64(path + strlen(FD_PREFIX), &rest, 10);
		if (rest != path + strlen(FD_PREFIX) && fd <= INT32_MAX && (!*rest || *rest == '/')) {
			while (*rest == '/')
				rest++;
			err = *rest ? path_lookup(fd, rest, LOOKUP_FOLLOW, &r) : dirfd_path(fd, &r.path);
			*out = r.path;
			return err == -EBADF ? -ENOENT : err;
		}
	}
	err = path_lookup(AT_FDCWD, path, LOOKUP_FOLLOW, &r);
	*out = r.path;
	return err;
}

static int may_execute(const struct path *p)
{
	struct inode *i = p->dentry->inode;

	if (!S_ISREG(i->mode) || p->mount->flags & MS_NOEXEC)
		return -EACCES;
	return inode_permission(i, MAY_EXEC);
}

static int open_program(const char *path, struct exec_source *s)
{
	struct path p;
	struct inode *i;
	struct file *f;
	int err = program_place(path, &p);

	if (err)
		return err;
	i = p.dentry->inode;
	err = may_execute(&p);
	if (err)
		goto put;
	f = file_alloc(NULL, O_RDONLY | O_LARGEFILE, NULL);
	err = PTR_ERR(f);
	if (IS_ERR(f))
		goto put;
	err = file_open_dentry(f, &p);
	if (!err)
		err = inode_write_deny(i);
	if (err) {
		file_put(f);
		goto put;
	}
	f->mode |= FILE_DENY_WRITE;
	fs_notify_file(FS_OPEN, f);
	*s = (struct exec_source){
		.read_at = source_read_at, .close = source_close, .size = READ_ONCE(i->size), .file = f,
		.uid = i->uid, .gid = i->gid, .mode = i->mode, .nosuid = p.mount->flags & MS_NOSUID,
	};
	err = 0;
put:
	path_put(&p);
	return err;
}

/* --- execveat ------------------------------------------------------------------------------------------------------------------ */

/* The path that stands for (dirfd, name): kmalloc'd, or ERR_PTR. */
static char *exec_path(int dirfd, const char *name, int flags)
{
	struct lookup_result r;
	size_t size;
	char *path;
	int err;

	if (flags & AT_SYMLINK_NOFOLLOW && *name) {
		err = path_lookup(dirfd, name, 0, &r);
		if (err)
			return ERR_PTR(err);
		err = S_ISLNK(r.path.dentry->inode->mode) ? -ELOOP : 0;
		path_put(&r.path);
		if (err)
			return ERR_PTR(err);
	}
	if (*name == '/' || dirfd == AT_FDCWD) {
		path = kstrdup(name, 0);
		return path ? path : ERR_PTR(-ENOMEM);
	}
	err = dirfd_path(dirfd, &r.path);
	if (err)
		return ERR_PTR(err);
	path_put(&r.path);
	size = strlen(name) + sizeof(FD_PREFIX) + 16;
	path = kmalloc(size, 0);
	if (!path)
		return ERR_PTR(-ENOMEM);
	ksnprintf(path, size, FD_PREFIX "%d%s%s", dirfd, *name ? "/" : "", name);
	return path;
}

long sys_execveat(int dirfd, const char __user *path, const void __user *argv, const void __user *envp, int flags)
{
	struct exec_args args = { 0 };
	char *name, *full;
	long err;

	name = path_name_get(path, flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);
	if (IS_ERR(name))
		return PTR_ERR(name);
	if (flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW)) {
		path_name_free(name);
		return -EINVAL;
	}
	full = exec_path(dirfd, name, flags);
	path_name_free(name);
	if (IS_ERR(full))
		return PTR_ERR(full);
	err = exec_args_import(&args, (char __user *const __user *)argv, (char __user *const __user *)envp);
	if (!err)
		err = process_exec(full, &args);
	exec_args_free(&args);
	kfree(full);
	return err;
}

void exec_file_init(void)
{
	exec_open_hook = open_program;
}
