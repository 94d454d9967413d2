/* The operations on names, owners, rights and times; those on contents and attributes are in content.c. Each draws its arguments, becomes someone, calls, comes back, notes. */
#include "arguments.h"
#include "ops.h"
#include <dirent.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

int fds[FDS];
unsigned op_number;
size_t op_who;

static struct place one, two;

static void op_mkdir(void)
{
	mode_t mode = mode_some();

	place_some(&one);
	TELL(AS(mkdirat(one.at, one.path, mode)), "mkdir(%s, %04o)", one.words, mode);
}

static void op_mknod(void)
{
	static const mode_t kinds[] = { S_IFREG, 0, S_IFIFO, S_IFIFO, S_IFSOCK, S_IFCHR, S_IFCHR, S_IFBLK, S_IFDIR, S_IFLNK };
	mode_t mode = mode_some() | PICK(kinds);
	dev_t dev = below(2) ? makedev(1, 3) : makedev(60, 1);

	if (S_ISBLK(mode))
		dev = makedev(60, 1);
	place_some(&one);
	TELL(AS(SYS(mknodat, one.at, one.path, mode, dev)), "mknod(%s, %06o)", one.words, mode);
}

static void op_symlink(void)
{
	static char text[PATH_ROOM];
	char words[1024];

	target_some(text);
	place_some(&one);
	path_words(text, words, sizeof(words));
	TELL(AS(symlinkat(text, one.at, one.path)), "symlink(%s, %s)", words, one.words);
}

static void op_link(void)
{
	static const int choice[] = { 0, 0, AT_SYMLINK_FOLLOW, AT_EMPTY_PATH, AT_EMPTY_PATH | AT_SYMLINK_FOLLOW, 0x100 };
	int flags = PICK(choice);

	place_some(&one);
	place_some(&two);
	if (flags & AT_EMPTY_PATH && below(2)) {
		int slot = slot_some();

		one.at = fds[slot];
		*one.path = '\0';
		snprintf(one.words, sizeof(one.words), "fd %d", slot);
	}
	TELL(AS(linkat(one.at, one.path, two.at, two.path, flags)), "link(%s, %s, %#x)", one.words, two.words, flags);
}

static void op_unlink(void)
{
	static const int choice[] = { 0, 0, 0, 0, 0, 1 };
	int flags = PICK(choice);

	place_some(&one);
	TELL(AS(unlinkat(one.at, one.path, flags)), "unlink(%s, %#x)", one.words, flags);
}

static void op_rmdir(void)
{
	place_some(&one);
	TELL(AS(unlinkat(one.at, one.path, AT_REMOVEDIR)), "rmdir(%s)", one.words);
}

static void op_rename(void)
{
	static const unsigned choice[] = { 0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 2, 4, 4, 5, 3, 6, 8 };
	unsigned flags = PICK(choice);
	struct stat st;

	place_some(&one);
	place_some(&two);
	/* Linux's ext4 puts the whiteout in and takes it out again, and stamps the directory so, where another cannot be replaced. */
	if (fstatat(two.at, two.path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode))
		flags &= ~4u;
	TELL(AS(SYS(renameat2, one.at, one.path, two.at, two.path, flags)), "rename(%s, %s, %u)", one.words, two.words, flags);
}

static void op_chmod(void)
{
	mode_t mode = mode_some();

	place_some(&one);
	TELL(AS(SYS(fchmodat, one.at, one.path, mode)), "chmod(%s, %04o)", one.words, mode);
}

static void op_fchmod(void)
{
	mode_t mode = mode_some();
	int slot = slot_some();

	TELL(AS(SYS(fchmod, fds[slot], mode)), "fchmod(fd %d, %04o)", slot, mode);
}

static void op_chown(void)
{
	static const int choice[] = { 0, 0, AT_SYMLINK_NOFOLLOW, AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW };
	int flags = PICK(choice);
	uid_t uid = id_some();
	gid_t gid = id_some();

	place_some(&one);
	TELL(AS(fchownat(one.at, one.path, uid, gid, flags)), "chown(%s, %d, %d, %#x)", one.words, (int)uid, (int)gid, flags);
}

static void op_fchown(void)
{
	int slot = slot_some();
	uid_t uid = id_some();
	gid_t gid = id_some();

	TELL(AS(SYS(fchown, fds[slot], uid, gid)), "fchown(fd %d, %d, %d)", slot, (int)uid, (int)gid);
}

static struct timespec time_some(void)
{
	static const struct timespec times[] = {
		{ 0, UTIME_NOW }, { 0, UTIME_NOW }, { 0, UTIME_OMIT }, { 0, UTIME_OMIT }, { 1000, 5 }, { 2000, 999999999 }, { 0, 0 }, { -1, 1 }, { 0, 1000000000 }, { 5, -1 },
		{ 1l << 33, 7 },
	};

	return PICK(times);
}

static void op_utimes(void)
{
	static const int choice[] = { 0, 0, AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH };
	struct timespec times[2] = { time_some(), time_some() };
	int flags = PICK(choice), slot = below(4) ? -1 : slot_some();
	bool now = !below(4);

	if (!below(4))
		times[0] = times[1] = (struct timespec){ 0, UTIME_NOW };
	if (slot >= 0) {
		TELL(AS(SYS(utimensat, fds[slot], NULL, now ? NULL : times, 0)), "utimes(fd %d, %d %ld.%ld %ld.%ld)", slot, now, (long)times[0].tv_sec, times[0].tv_nsec, (long)times[1].tv_sec, times[1].tv_nsec);
		return;
	}
	place_some(&one);
	TELL(AS(SYS(utimensat, one.at, one.path, now ? NULL : times, flags)), "utimes(%s, %d %ld.%ld %ld.%ld, %#x)", one.words, now, (long)times[0].tv_sec, times[0].tv_nsec, (long)times[1].tv_sec,
	     times[1].tv_nsec, flags);
}

static void op_access(void)
{
	static const int choice[] = { 0, 0, AT_EACCESS, AT_EACCESS, AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH, AT_EACCESS | AT_EMPTY_PATH };
	int flags = PICK(choice);
	unsigned mode = below(9);

	place_some(&one);
	TELL(AS(SYS(faccessat2, one.at, one.path, mode, flags)), "access(%s, %u, %#x)", one.words, mode, flags);
}

static void op_stat(void)
{
	static const int choice[] = { 0, 0, AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH };
	int flags = PICK(choice);
	struct stat st = { .st_mode = 0 };

	place_some(&one);
	TELL(AS(fstatat(one.at, one.path, &st, flags)), "stat(%s, %#x) %06o", one.words, flags, st.st_mode);
}

static void op_statfs(void)
{
	struct statfs st = { .f_type = 0 };

	place_some(&one);
	TELL(AS(statfs(one.path, &st)), "statfs(%s) %lx", one.words, (unsigned long)st.f_type);
}

static void op_readlink(void)
{
	static char text[PATH_ROOM];
	size_t size = below(5) ? sizeof(text) : below(5);
	long result;

	place_some(&one);
	result = AS(SYS(readlinkat, one.at, one.path, text, size));
	TELL(result, "readlink(%s, %zu) %08x", one.words, size, result > 0 ? (unsigned)hash_bytes(HASH_START, text, (size_t)result) : 0);
}

static void op_chdir(void)
{
	unsigned how = below(4);
	int slot = slot_some();

	place_some(&one);
	if (how)
		TELL(AS(SYS(chdir, one.path)), "chdir(%s)", one.words);
	else
		TELL(AS(SYS(fchdir, fds[slot])), "fchdir(fd %d)", slot);
}

static void op_getcwd(void)
{
	static char text[PATH_ROOM];
	char words[1024];
	long result = AS(SYS(getcwd, text, sizeof(text)));

	path_words(result > 0 ? text : "", words, sizeof(words));
	TELL(result, "getcwd() %s", words);
}

static void op_umask(void)
{
	static const mode_t masks[] = { 0, 0, 022, 077, 027, 02, 0777 };
	mode_t mask = PICK(masks);

	TELL((long)umask(mask), "umask(%03o)", mask);
}

static void keep_file(int slot, long result)
{
	if (result < 0)
		return;
	if (fds[slot] >= 0)
		close(fds[slot]);
	fds[slot] = (int)result;
}

static int open_flags(void)
{
	static const int ways[] = { O_RDONLY, O_RDONLY, O_RDONLY, O_WRONLY, O_RDWR, O_RDWR, O_ACCMODE };
	static const struct { int flag; unsigned percent; } more[] = {
		{ O_CREAT, 40 }, { O_EXCL, 12 }, { O_TRUNC, 15 }, { O_APPEND, 10 }, { O_DIRECTORY, 10 }, { O_NOFOLLOW, 12 }, { O_PATH, 10 }, { O_NOATIME, 8 }, { O_TMPFILE, 6 },
	};
	int flags = PICK(ways) | O_NONBLOCK | O_CLOEXEC;

	for (size_t n = 0; n < COUNT(more); n++)
		if (below(100) < more[n].percent)
			flags |= more[n].flag;
	return flags;
}

static void op_open(void)
{
	int flags = open_flags(), slot = (int)below(FDS);
	mode_t mode = mode_some();
	long result;

	place_some(&one);
	result = AS(SYS(openat, one.at, one.path, flags, mode));
	keep_file(slot, result);
	TELL(result < 0 ? result : 0, "open(%s, %#o, %04o) as fd %d", one.words, flags, mode, slot);
}

static void op_openat2(void)
{
	static const uint64_t choice[] = { 0, 2, 4, 8, 8, 16, 16, 4 | 8, 4 | 16, 8 | 16, 64 };
	struct {
		uint64_t flags, mode, resolve;
	} how = { .resolve = PICK(choice) };
	int slot = (int)below(FDS);
	long result;

	how.flags = (uint64_t)(open_flags() & ~(below(2) ? O_PATH : 0));
	if (how.flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY)))
		how.mode = mode_some();
	place_some(&one);
	result = AS(SYS(openat2, one.at, one.path, &how, sizeof(how)));
	keep_file(slot, result);
	TELL(result < 0 ? result : 0, "openat2(%s, %#lo, %04lo, %#lx) as fd %d", one.words, (unsigned long)how.flags, (unsigned long)how.mode, (unsigned long)how.resolve, slot);
}

static void op_close(void)
{
	int slot = slot_some();
	long result = fds[slot] < 0 ? -EBADF : close(fds[slot]);

	fds[slot] = -1;
	TELL(result, "close(fd %d)", slot);
}

/* How many names, and which, in whatever order. */
static void op_getdents(void)
{
	static char buf[65536];
	int slot = slot_some();
	unsigned names = 0;
	uint64_t sum = 0;
	long got;

	lseek(fds[slot], 0, SEEK_SET);
	got = AS(SYS(getdents64, fds[slot], buf, sizeof(buf)));
	for (long at = 0; at < got; at += ((struct dirent *)(buf + at))->d_reclen) {
		const struct dirent *d = (const struct dirent *)(buf + at);

		sum += hash_bytes(HASH_START + d->d_type, d->d_name, strlen(d->d_name));
		names++;
	}
	TELL(got < 0 ? got : 0, "getdents(fd %d) %u names %08x", slot, names, (unsigned)sum);
}

static const struct {
	void (*run)(void);
	unsigned weight;
} operations[] = {
	{ op_mkdir, 10 }, { op_mknod, 7 }, { op_symlink, 8 }, { op_link, 10 }, { op_unlink, 8 }, { op_rmdir, 5 }, { op_rename, 22 }, { op_chmod, 12 }, { op_fchmod, 4 },
	{ op_chown, 10 }, { op_fchown, 4 }, { op_utimes, 8 }, { op_access, 6 }, { op_stat, 4 }, { op_statfs, 1 }, { op_readlink, 3 }, { op_chdir, 4 }, { op_getcwd, 1 },
	{ op_umask, 1 }, { op_open, 22 }, { op_openat2, 5 }, { op_close, 1 }, { op_getdents, 3 },
	{ op_truncate, 5 }, { op_ftruncate, 3 }, { op_write, 6 }, { op_read, 3 }, { op_fallocate, 3 }, { op_copy, 3 }, { op_setxattr, 8 }, { op_getxattr, 4 }, { op_listxattr, 2 },
	{ op_removexattr, 3 }, { op_flags, 2 },
};

/* Root makes some room, and the top a place where work is possible. */
static void tidy(void)
{
	static const mode_t tops[] = { 0777, 0777, 01777, 02777, 03777, 0775 };

	op_who = 0;
	flags_clear("/");
	NEED(chmod("/", PICK(tops)) == 0 && chown("/", below(3) ? 0 : 1000, 0) == 0);
	if (below(2))
		NEED(chdir("/") == 0);
	for (int n = path_count; n-- > 0;)
		if (path_count > 150 && !below(2)) {
			struct stat st;

			if (lstat(paths[n], &st) == 0 && remove(paths[n]) < 0 && !below(2))
				flags_clear(paths[n]);
		}
}

void operation(unsigned number)
{
	unsigned sum = 0, draw;
	size_t n = 0;

	if (number % 100 == 1)
		tidy();
	for (size_t k = 0; k < COUNT(operations); k++)
		sum += operations[k].weight;
	draw = below(sum);
	while (draw >= operations[n].weight)
		draw -= operations[n++].weight;
	op_number = number;
	op_who = below((unsigned)who_count());
	operations[n].run();
}

void ops_start(void)
{
	for (int n = 0; n < FDS; n++)
		fds[n] = -1;
	for (unsigned n = 0; n < 8; n++) {
		char name[8];

		snprintf(name, sizeof(name), "/%c", 'a' + n);
		NEED(mkdir(name, 0777) == 0 && chmod(name, mode_some() | 0111) == 0 && chown(name, id_some(), id_some()) == 0);
		snprintf(name, sizeof(name), "/%c/f", 'a' + n);
		put_text(name, "contents");
		NEED(chmod(name, mode_some()) == 0 && chown(name, id_some(), id_some()) == 0);
	}
}

void ops_end(void)
{
	NEED(chdir("/") == 0);
	for (int n = 0; n < FDS; n++)
		if (fds[n] >= 0)
			close(fds[n]);
}
