/* Files: newlib's functions on Linux calls. Flags and struct stat are translated here, both ways. */
#include "linux.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
	int newlib, linux;
} open_flags[] = {
	{ O_CREAT, 00000100 }, { O_EXCL, 00000200 }, { O_NOCTTY, 00000400 }, { O_TRUNC, 00001000 },
	{ O_APPEND, 00002000 }, { O_NONBLOCK, 00004000 }, { O_SYNC, 04010000 }, { O_DIRECTORY, 00200000 },
	{ O_NOFOLLOW, 00400000 }, { O_CLOEXEC, 02000000 },
};
#define OPEN_FLAGS (sizeof(open_flags) / sizeof(open_flags[0]))

static int flags_to_linux(int flags)
{
	int result = flags & O_ACCMODE;

	for (size_t i = 0; i < OPEN_FLAGS; i++)
		if (flags & open_flags[i].newlib)
			result |= open_flags[i].linux;
	return result;
}

static int flags_from_linux(int flags)
{
	int result = flags & O_ACCMODE;

	for (size_t i = 0; i < OPEN_FLAGS; i++)
		if ((flags & open_flags[i].linux) == open_flags[i].linux)
			result |= open_flags[i].newlib;
	return result;
}

int open(const char *path, int flags, ...)
{
	int mode = 0;

	if (flags & O_CREAT) {
		va_list args;

		va_start(args, flags);
		mode = va_arg(args, int);
		va_end(args);
	}
	return (int)LINUX3(open, path, flags_to_linux(flags), mode);
}

_READ_WRITE_RETURN_TYPE read(int fd, void *buf, size_t count)
{
	return LINUX3(read, fd, buf, count);
}

_READ_WRITE_RETURN_TYPE write(int fd, const void *buf, size_t count)
{
	return LINUX3(write, fd, buf, count);
}

int close(int fd)
{
	return (int)LINUX1(close, fd);
}

off_t lseek(int fd, off_t offset, int whence)
{
	return LINUX3(lseek, fd, offset, whence);
}

/* newlib's dev_t and ino_t are 16 bits wide: ls -i and friends show what is left of the number. */
static int stat_result(long result, const struct linux_stat *from, struct stat *st)
{
	if (result < 0)
		return -1;
	memset(st, 0, sizeof(*st));
	st->st_dev = (dev_t)from->dev;
	st->st_ino = (ino_t)from->ino;
	st->st_mode = from->mode;
	st->st_nlink = (nlink_t)from->nlink;
	st->st_uid = (uid_t)from->uid;
	st->st_gid = (gid_t)from->gid;
	st->st_rdev = (dev_t)from->rdev;
	st->st_size = from->size;
	st->st_blksize = from->blksize;
	st->st_blocks = from->blocks;
	st->st_atim = (struct timespec){ from->atime, from->atime_nsec };
	st->st_mtim = (struct timespec){ from->mtime, from->mtime_nsec };
	st->st_ctim = (struct timespec){ from->ctime, from->ctime_nsec };
	return 0;
}

int stat(const char *path, struct stat *st)
{
	struct linux_stat from;

	return stat_result(LINUX2(stat, path, &from), &from, st);
}

int lstat(const char *path, struct stat *st)
{
	struct linux_stat from;

	return stat_result(LINUX2(lstat, path, &from), &from, st);
}

int fstat(int fd, struct stat *st)
{
	struct linux_stat from;

	return stat_result(LINUX2(fstat, fd, &from), &from, st);
}

int fcntl(int fd, int command, ...)
{
	va_list args;
	long arg, result;

	va_start(args, command);
	arg = va_arg(args, long);
	va_end(args);
	switch (command) {
	case F_DUPFD:
	case F_GETFD:
	case F_SETFD:
		return (int)LINUX3(fcntl, fd, command, arg);
	case F_GETFL:
		result = LINUX3(fcntl, fd, command, 0);
		return result < 0 ? -1 : flags_from_linux((int)result);
	case F_SETFL:
		return (int)LINUX3(fcntl, fd, command, flags_to_linux((int)arg));
	default:
		errno = EINVAL;
		return -1;
	}
}

int dup(int fd)
{
	return (int)LINUX1(dup, fd);
}

int dup2(int from, int to)
{
	return (int)LINUX2(dup2, from, to);
}

int pipe(int fds[2])
{
	return (int)LINUX1(pipe, fds);
}

int access(const char *path, int mode)
{
	return (int)LINUX2(access, path, mode);
}

int link(const char *from, const char *to)
{
	return (int)LINUX2(link, from, to);
}

int symlink(const char *target, const char *path)
{
	return (int)LINUX2(symlink, target, path);
}

ssize_t readlink(const char *path, char *buf, size_t size)
{
	return LINUX3(readlink, path, buf, size);
}

int unlink(const char *path)
{
	return (int)LINUX1(unlink, path);
}

int rename(const char *from, const char *to)
{
	return (int)LINUX2(rename, from, to);
}

/* newlib's rename() goes through this one, by link and unlink, were it not here. */
struct _reent;
int _rename_r(struct _reent *reent, const char *from, const char *to);
int _rename_r(struct _reent *reent, const char *from, const char *to)
{
	(void)reent;
	return rename(from, to);
}

int mkdir(const char *path, mode_t mode)
{
	return (int)LINUX2(mkdir, path, mode);
}

int rmdir(const char *path)
{
	return (int)LINUX1(rmdir, path);
}

int chdir(const char *path)
{
	return (int)LINUX1(chdir, path);
}

char *getcwd(char *buf, size_t size)
{
	return LINUX2(getcwd, buf, size) < 0 ? NULL : buf;
}

int chmod(const char *path, mode_t mode)
{
	return (int)LINUX2(chmod, path, mode);
}

mode_t umask(mode_t mask)
{
	return (mode_t)LINUX1(umask, mask);
}

int truncate(const char *path, off_t size)
{
	return (int)LINUX2(truncate, path, size);
}

int ftruncate(int fd, off_t size)
{
	return (int)LINUX2(ftruncate, fd, size);
}

int fsync(int fd)
{
	return (int)LINUX1(fsync, fd);
}

void sync(void)
{
	LINUX0(sync);
}
