/* The operations on contents, extended attributes and flags. */
#include "arguments.h"
#include "ops.h"
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/xattr.h>

/* Of linux/fs.h, which musl's compiler does not see. */
#define IOC_GETFLAGS 0x80086601ul
#define IOC_SETFLAGS 0x40086602ul
enum { IMMUTABLE = 0x10, APPEND = 0x20, NODUMP = 0x40, NOATIME = 0x80 };

static struct place one;
static char data[8192];

void op_truncate(void)
{
	long size = size_some();

	place_some(&one);
	TELL(AS(SYS(truncate, one.path, size)), "truncate(%s, %ld)", one.words, size);
}

void op_ftruncate(void)
{
	long size = size_some();
	int slot = slot_some();

	TELL(AS(SYS(ftruncate, fds[slot], size)), "ftruncate(fd %d, %ld)", slot, size);
}

void op_write(void)
{
	int slot = slot_some();
	unsigned count = below(4) ? below(40) : below(sizeof(data)), at = below(3) ? 0 : below(70000);
	bool here = below(2);

	memset(data, (int)('A' + below(26)), sizeof(data));
	TELL(AS(here ? SYS(write, fds[slot], data, count) : SYS(pwrite64, fds[slot], data, count, at)), "write(fd %d, %u, %d)", slot, count, here ? -1 : (int)at);
}

void op_read(void)
{
	int slot = slot_some();
	unsigned count = below(sizeof(data)), at = below(3) ? 0 : below(70000);
	bool here = below(2);
	long result = AS(here ? SYS(read, fds[slot], data, count) : SYS(pread64, fds[slot], data, count, at));

	TELL(result, "read(fd %d, %u, %d) %08x", slot, count, here ? -1 : (int)at, result > 0 ? (unsigned)hash_bytes(HASH_START, data, (size_t)result) : 0);
}

void op_fallocate(void)
{
	static const int modes[] = { 0, 0, 1, 3, 0x10, 0x11, 8, 0x20, 2, 0x80 };
	int mode = PICK(modes), slot = slot_some();
	long at = 4096l * below(4) + (below(2) ? below(4096) : 0), length = 4096l * below(4) + (below(2) ? below(4096) : 0);

	TELL(AS(SYS(fallocate, fds[slot], mode, at, length)), "fallocate(fd %d, %#x, %ld, %ld)", slot, mode, at, length);
}

void op_copy(void)
{
	int from = slot_some(), to = (int)below(FDS);
	unsigned count = 1 + below(5000);
	long from_at = below(2) ? 0 : below(5000), to_at = below(2) ? 0 : below(5000);
	struct stat st, other;

	/* Linux stamps a directory as read though nothing is read from it; and what comes of a file that is sent into itself depends on its pages. */
	if (fstat(fds[from], &st) < 0 || S_ISDIR(st.st_mode) || (fstat(fds[to], &other) == 0 && st.st_ino == other.st_ino))
		return;
	if (below(2))
		TELL(AS(SYS(copy_file_range, fds[from], &from_at, fds[to], &to_at, count, 0)), "copy(fd %d, %ld, fd %d, %ld, %u)", from, from_at, to, to_at, count);
	else
		TELL(AS(SYS(sendfile, fds[to], fds[from], &from_at, count)), "sendfile(fd %d, %ld, fd %d, %u)", from, from_at, to, count);
}

/* --- extended attributes --- */

static const char *attribute_some(void)
{
	static const char *const names[] = {
		"user.a", "user.a", "user.a", "user.b", "user.", "trusted.t", "trusted.t", "security.s", "security.s", "security.capability", "security.capability", "system.s", "nothing", "",
	};

	const char *name = PICK(names);

	/* Linux 6.1 has none of user.* on tmpfs; later ones do. */
	return user_attributes || strncmp(name, "user.", 5) ? name : "security.u";
}

static void value_some(const char *name, size_t *size)
{
	static const uint32_t capability[5] = { 0x02000001, 0x400, 0, 0, 0 };

	if (!strcmp(name, "security.capability") && below(4)) {
		memcpy(data, capability, sizeof(capability));
		*size = sizeof(capability);
		return;
	}
	*size = below(10) ? below(30) : below(1500);
	memset(data, (int)('a' + below(26)), *size);
}

void op_setxattr(void)
{
	static const int choice[] = { 0, 0, 0, XATTR_CREATE, XATTR_REPLACE, 4 };
	const char *name = attribute_some();
	int flags = PICK(choice), slot = slot_some();
	unsigned how = below(4);
	size_t size;

	value_some(name, &size);
	place_some(&one);
	if (how == 0)
		TELL(AS(SYS(fsetxattr, fds[slot], name, data, size, flags)), "fsetxattr(fd %d, %s, %zu, %d)", slot, name, size, flags);
	else if (how == 1)
		TELL(AS(SYS(lsetxattr, one.path, name, data, size, flags)), "lsetxattr(%s, %s, %zu, %d)", one.words, name, size, flags);
	else
		TELL(AS(SYS(setxattr, one.path, name, data, size, flags)), "setxattr(%s, %s, %zu, %d)", one.words, name, size, flags);
}

void op_getxattr(void)
{
	const char *name = attribute_some();
	int slot = slot_some();
	unsigned how = below(4);
	size_t size = below(3) ? sizeof(data) : below(20);

	place_some(&one);
	if (how == 0)
		TELL(AS(SYS(fgetxattr, fds[slot], name, data, size)), "fgetxattr(fd %d, %s, %zu)", slot, name, size);
	else if (how == 1)
		TELL(AS(SYS(lgetxattr, one.path, name, data, size)), "lgetxattr(%s, %s, %zu)", one.words, name, size);
	else
		TELL(AS(SYS(getxattr, one.path, name, data, size)), "getxattr(%s, %s, %zu)", one.words, name, size);
}

void op_listxattr(void)
{
	size_t size = below(3) ? sizeof(data) : below(20);

	place_some(&one);
	TELL(AS(SYS(listxattr, one.path, data, size)), "listxattr(%s, %zu)", one.words, size);
}

void op_removexattr(void)
{
	const char *name = attribute_some();
	int slot = slot_some();
	unsigned how = below(4);

	place_some(&one);
	if (how == 0)
		TELL(AS(SYS(fremovexattr, fds[slot], name)), "fremovexattr(fd %d, %s)", slot, name);
	else if (how == 1)
		TELL(AS(SYS(lremovexattr, one.path, name)), "lremovexattr(%s, %s)", one.words, name);
	else
		TELL(AS(SYS(removexattr, one.path, name)), "removexattr(%s, %s)", one.words, name);
}

/* --- flags --- */

static long change_flags(int fd, int set)
{
	int flags = 0;

	if (ioctl(fd, IOC_GETFLAGS, &flags) < 0)
		return -1;
	flags = (flags & ~(IMMUTABLE | APPEND | NODUMP | NOATIME)) | set;
	return ioctl(fd, IOC_SETFLAGS, &flags);
}

void op_flags(void)
{
	static const int choice[] = { 0, 0, 0, 0, IMMUTABLE, APPEND, NODUMP, NOATIME, IMMUTABLE | APPEND };
	int set = PICK(choice), fd, slot = slot_some();
	unsigned how = below(3);

	place_some(&one);
	if (how == 0) {
		TELL(AS(change_flags(fds[slot], set)), "flags(fd %d, %#x)", slot, set);
		return;
	}
	/* Whoever it is: opening is looked at elsewhere. */
	fd = openat(one.at, one.path, O_RDONLY | O_NONBLOCK | O_NOATIME);
	TELL(fd < 0 ? -errno : AS(change_flags(fd, set)), "flags(%s, %#x)", one.words, set);
	if (fd >= 0)
		close(fd);
}

void flags_clear(const char *path)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOATIME);

	if (fd < 0)
		return;
	change_flags(fd, 0);
	close(fd);
}
