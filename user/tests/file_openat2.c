/* stage: 12; libc: musl; run: guest+golden
 * openat2(2): the size of its struct, flags that open ignores, and each rule for the walk (RESOLVE_*) with names, `..`, links, absolute links, links of /proc,
 * mounts, and files that are made. */
#include "t.h"

#include <sys/mount.h>

#define NO_XDEV 1
#define NO_MAGICLINKS 2
#define NO_SYMLINKS 4
#define BENEATH 8
#define IN_ROOT 16
#define CACHED 32

struct how {
	uint64_t flags, mode, resolve, more, much_more;
};

static int base;

static int open2(int dir, const char *name, uint64_t flags, uint64_t mode, uint64_t resolve)
{
	struct how h = { flags, mode, resolve, 0, 0 };

	return (int)syscall(SYS_openat2, dir, name, &h, 24);
}

/* What was opened: the end of its path. */
static void show(const char *rule, const char *name, int dir, uint64_t flags, uint64_t mode, uint64_t resolve)
{
	int fd = open2(dir, name, flags, mode, resolve);
	char link[32], path[256] = "";
	struct stat st;

	say("%s %s: ", rule, name);
	if (fd < 0) {
		say("%s\n", errname(errno));
		return;
	}
	fstat(fd, &st);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, path, sizeof(path) - 1);
	char *tail = n > 0 ? strrchr(path, '/') : NULL;
	say("%s%s\n", tail && st.st_ino != 1 ? tail : "", S_ISDIR(st.st_mode) ? " dir" : S_ISLNK(st.st_mode) ? " link" : S_ISREG(st.st_mode) ? " file" : " other");
	close(fd);
}

static void sizes(void)
{
	static struct { struct how h; char rest[8192]; } big;
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct how *h = (struct how *)(page + 4096 - 24);

	munmap(page + 4096, 4096);
	say("--- sizes\n");
	R(syscall(SYS_openat2, base, "file", &big, 0));
	R(syscall(SYS_openat2, base, "file", &big, 23));
	OK(syscall(SYS_openat2, base, "file", &big, 24));
	OK(syscall(SYS_openat2, base, "file", &big, 25));
	OK(syscall(SYS_openat2, base, "file", &big, 40));
	OK(syscall(SYS_openat2, base, "file", &big, 4096));
	big.h.more = 1;
	R(syscall(SYS_openat2, base, "file", &big, 32));
	big.h.more = 0;
	big.rest[4000] = 1;
	R(syscall(SYS_openat2, base, "file", &big, 4096));
	R(syscall(SYS_openat2, base, "file", h, 32));
	OK(syscall(SYS_openat2, base, "file", h, 24));
	R(syscall(SYS_openat2, base, "file", NULL, 24));
	R(syscall(SYS_openat2, base, NULL, &big, 24));
	R(syscall(SYS_openat2, base, "", &big, 24));
	R(syscall(SYS_openat2, 99, "file", &big, 24));
	R(syscall(SYS_openat2, 99, NULL, &big, 23));
	for (int fd = 3; fd < 30; fd++)
		if (fd != base)
			close(fd);
}

static void flags(void)
{
	say("--- flags\n");
	R(open2(base, "file", 0x10000000, 0, 0));
	R(open2(base, "file", 0x100000000, 0, 0));
	R(open2(base, "file", O_RDONLY, 0600, 0));
	R(open2(base, "new", O_CREAT | O_WRONLY, 010000, 0));
	R(open2(base, "new", O_CREAT | O_WRONLY, 0100000600, 0));
	R(open2(base, "file", O_RDONLY, 0, 0x40));
	R(open2(base, "file", O_RDONLY, 0, 0x100000000));
	R(open2(base, "file", O_RDONLY, 0, BENEATH | IN_ROOT));
	R(open2(base, "file", O_PATH | O_RDWR, 0, 0));
	R(open2(base, "file", O_PATH | O_CREAT, 0600, 0));
	R(open2(base, "file", O_PATH | O_NOATIME, 0, 0));
	R(open2(base, "sub", O_CREAT | O_DIRECTORY, 0600, 0));
	R(open2(base, "sub", O_TMPFILE | O_RDONLY, 0600, 0));
	R(open2(base, "sub", (O_TMPFILE & ~O_DIRECTORY) | O_RDWR, 0600, 0));
	R(open2(base, "sub", O_TMPFILE | O_CREAT | O_RDWR, 0600, 0));
	R(open2(base, "file", O_RDONLY | O_TRUNC, 0, CACHED));
	R(open2(base, "file", O_CREAT | O_RDWR, 0600, CACHED));
	R(open2(base, "sub", O_TMPFILE | O_RDWR, 0600, CACHED));
	int fd = open2(base, "file", O_RDWR | O_CLOEXEC | O_APPEND | O_NONBLOCK, 0, 0);
	say("flags %o cloexec %d\n", fcntl(fd, F_GETFL), fcntl(fd, F_GETFD));
	close(fd);
	fd = open2(base, "sub", O_TMPFILE | O_RDWR, 0640, BENEATH);
	struct stat st;
	fstat(fd, &st);
	say("mode %o links %d\n", (unsigned)st.st_mode, (int)st.st_nlink);
	close(fd);
	umask(027);
	fd = open2(base, "made", O_CREAT | O_EXCL | O_RDWR, 0666, 0);
	fstat(fd, &st);
	say("mode %o flags %o\n", (unsigned)st.st_mode, fcntl(fd, F_GETFL));
	close(fd);
	umask(022);
	unlinkat(base, "made", 0);
	fd = open2(base, "file", O_PATH, 0, 0);
	say("flags %o\n", fcntl(fd, F_GETFL));
	close(fd);
}

static void names(const char *rule, uint64_t resolve)
{
	static const char *const all[] = {
		"file", "sub/inner", "sub", "sub/", "file/", "file/x", "none", "none/x", ".", "./", "..", "../", "../top", "sub/..", "sub/../..", "sub/../../top", "sub/../file",
		"/", "/file", "/..", "/none", "//file", "link", "link/", "to_sub/inner", "to_sub/..", "to_sub", "to_sub/", "up", "up/top", "absolute", "absolute_sub/inner", "to_root", "loop",
		"loop/x", "dangling", "chain", "self_up", "to_self", "deep/er/../../file", "deep/er/../../../top", "mnt", "mnt/", "mnt/..", "mnt/../file", "mnt/in_mount", "to_mnt/in_mount",
		"mnt/out", "mnt/../mnt/in_mount", "proc/self/root", "proc/self/root/", "proc/self/cwd", "proc/self/cwd/file", "proc/self/exe", "proc/self/status", "fd_file", "fd_dir", "fd_dir/inner",
	};
	int fds = 0;

	say("--- %s\n", rule);
	for (size_t i = 0; i < COUNT(all); i++) {
		show("", all[i], base, O_RDONLY, 0, resolve);
		if (strstr(all[i], "lin") || strstr(all[i], "to_") || strstr(all[i], "fd_"))
			show("nofollow", all[i], base, O_PATH | O_NOFOLLOW, 0, resolve);
	}
	show("cwd", "file", AT_FDCWD, O_RDONLY, 0, resolve);
	show("cwd", "../base/file", AT_FDCWD, O_RDONLY, 0, resolve);
	show("not a directory", "x", open2(base, "file", O_RDONLY, 0, 0), O_RDONLY, 0, resolve);
	for (int fd = 3; fd < 30; fd++)
		if (fd != base && fcntl(fd, F_GETFD) >= 0 && fd < 20)
			close(fd), fds++;
	V(fds);
}

static void creating(const char *rule, uint64_t resolve)
{
	static const char *const all[] = {
		"made", "sub/made", "sub/../made", "../made", "/made", "made_link", "made_abs", "made_up", "link", "sub", "sub/", "made/", ".", "..", "/", "to_sub/made", "mnt/made", "loop", "mnt",
		"fd_file", "fd_dir", "none/made", "to_self/made",
	};

	say("--- making, %s\n", rule);
	for (size_t i = 0; i < COUNT(all); i++) {
		show("", all[i], base, O_CREAT | O_RDWR, 0600, resolve);
		show("excl", all[i], base, O_CREAT | O_EXCL | O_RDWR, 0600, resolve);
		show("nofollow", all[i], base, O_CREAT | O_NOFOLLOW | O_RDWR, 0600, resolve);
		for (size_t k = 0; k < 4; k++) {
			static const char *const where[] = { "made", "sub/made", "../made", "mnt/made" };
			if (unlinkat(base, where[k], 0) == 0)
				say("    it was %s\n", where[k]);
		}
		if (unlink("/made") == 0)
			say("    it was /made\n");
	}
	show("tmpfile", "sub", base, O_TMPFILE | O_RDWR, 0600, resolve);
	show("tmpfile", "mnt", base, O_TMPFILE | O_RDWR, 0600, resolve);
	show("tmpfile", "..", base, O_TMPFILE | O_RDWR, 0600, resolve);
	show("tmpfile", "to_sub", base, O_TMPFILE | O_RDWR, 0600, resolve);
}

static void put(const char *name)
{
	close(open(name, O_CREAT | O_WRONLY, 0600));
}

int main(void)
{
	char here[200], there[256];

	t_dir();
	NEED(getcwd(here, sizeof(here)) != NULL);
	NEED(mkdir("outer", 0755) == 0 && chdir("outer") == 0 && mkdir("base", 0755) == 0);
	put("top");
	NEED(chdir("base") == 0);
	put("file");
	NEED(mkdir("sub", 0755) == 0 && mkdir("deep", 0755) == 0 && mkdir("deep/er", 0755) == 0 && mkdir("mnt", 0755) == 0 && mkdir("proc", 0755) == 0);
	put("sub/inner");
	NEED(mount("none", "mnt", "tmpfs", 0, NULL) == 0 && mount("none", "proc", "proc", 0, NULL) == 0);
	put("mnt/in_mount");
	symlink("../file", "mnt/out");
	symlink("file", "link");
	symlink("sub", "to_sub");
	symlink("..", "up");
	symlink("/file", "absolute");
	symlink("/sub", "absolute_sub");
	symlink("/", "to_root");
	symlink("loop", "loop");
	symlink("none", "dangling");
	symlink("to_sub/inner", "chain");
	symlink("../base/file", "self_up");
	symlink(".", "to_self");
	symlink("mnt", "to_mnt");
	symlink("made", "made_link");
	symlink("/made", "made_abs");
	symlink("../made", "made_up");
	base = open(".", O_PATH);
	NEED(dup2(base, 40) == 40);
	close(base);
	base = 40;
	NEED(dup2(open("file", O_RDONLY), 41) == 41 && dup2(open("sub", O_RDONLY), 42) == 42);
	close(3);
	close(4);
	symlink("/proc/self/fd/41", "fd_file");
	symlink("proc/self/fd/42", "fd_dir");
	sizes();
	flags();
	names("none", 0);
	names("no other mount", NO_XDEV);
	names("no magic links", NO_MAGICLINKS);
	names("no links", NO_SYMLINKS);
	names("beneath", BENEATH);
	names("in root", IN_ROOT);
	names("in root, no links", IN_ROOT | NO_SYMLINKS);
	names("beneath, no other mount", BENEATH | NO_XDEV);
	creating("none", 0);
	creating("beneath", BENEATH);
	creating("in root", IN_ROOT);
	creating("no links", NO_SYMLINKS);
	creating("no other mount", NO_XDEV);
	show("cached", "file", base, O_RDONLY, 0, CACHED);
	show("cached", "sub/inner", base, O_RDONLY, 0, CACHED);
	snprintf(there, sizeof(there), "%s/outer/base/file", here);
	int absolute = open2(AT_FDCWD, there, O_RDONLY, 0, IN_ROOT);
	T(absolute < 0);
	umount2("mnt", MNT_DETACH);
	umount2("proc", MNT_DETACH);
	return 0;
}
