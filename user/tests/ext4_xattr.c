/* stage: 13; libc: musl; run: guest+golden; disk: ext4
 * Extended attributes on a disk: every namespace, on every kind of file, by root and by others; flags, sizes, what does not fit, and that they are kept. */
#include "ext4.h"
#include <sys/sysmacros.h>
#include <sys/xattr.h>

static char big[70000], buf[70000];
static const char *const kinds[] = { "file", "dir", "link", "fifo", "node", "sock" };

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void list(const char *path)
{
	const char *names[128];
	ssize_t n = llistxattr(path, buf, sizeof(buf));
	int count = 0;

	say("%s has", path);
	for (ssize_t at = 0; at < n; at += (ssize_t)strlen(buf + at) + 1)
		names[count++] = buf + at;
	qsort(names, (size_t)count, sizeof(*names), compare);
	for (int i = 0; i < count; i++)
		say(" %s", names[i]);
	say(n < 0 ? " %s\n" : "\n", errname(errno));
}

static const char *outcome(long n)
{
	static char text[16];

	if (n < 0)
		return errname(errno);
	snprintf(text, sizeof(text), "%ld", n);
	return text;
}

static void try_all(const char *who)
{
	static const char *const names[] = {
		"user.a", "user.", "trusted.a", "trusted.", "system.a", "system.", "system.posix_acl_other", "btrfs.a", "a",
		"user", "os2.a", "USER.a", ".a",
	};

	for (size_t k = 0; k < COUNT(kinds); k++)
		for (size_t n = 0; n < COUNT(names); n++) {
			say("%s: %s on %s: set %s", who, names[n], kinds[k], outcome(lsetxattr(kinds[k], names[n], "value", 5, 0)));
			say(", get %s", outcome(lgetxattr(kinds[k], names[n], buf, 100)));
			say(", remove %s\n", outcome(lremovexattr(kinds[k], names[n])));
		}
}

/* Those of security modules, by root: Debian's kernel lets everybody write them, for a reason of its own. */
static void security(void)
{
	static const unsigned capability[6] = { 0x02000000, 1, 0, 0, 0, 0 };

	for (size_t k = 0; k < COUNT(kinds); k++) {
		R(lsetxattr(kinds[k], "security.a", "value", 5, 0));
		R(lgetxattr(kinds[k], "security.a", buf, 100));
		R(lremovexattr(kinds[k], "security.a"));
		R(lsetxattr(kinds[k], "security.", "value", 5, 0));
		R(lgetxattr(kinds[k], "security.capability", buf, 100));
		R(lsetxattr(kinds[k], "security.capability", "value", 5, 0));
		R(lsetxattr(kinds[k], "security.capability", capability, 24, 0));
	}
	R(setxattr("file", "security.capability", capability, 20, 0));
	R(getxattr("file", "security.capability", buf, 100));
	IN_CHILD("other") {
		NEED(setuid(1000) == 0);
		R(setxattr("file", "security.capability", capability, 20, 0));
	}
	R(removexattr("file", "security.capability"));
}

static void flags_and_sizes(void)
{
	R(setxattr("file", "user.a", "value", 5, XATTR_REPLACE));
	R(setxattr("file", "user.a", "value", 5, XATTR_CREATE));
	R(setxattr("file", "user.a", "value", 5, XATTR_CREATE));
	R(setxattr("file", "user.a", "value", 5, XATTR_CREATE | XATTR_REPLACE));
	R(setxattr("file", "user.b", "value", 5, XATTR_CREATE | XATTR_REPLACE));
	R(setxattr("file", "user.a", "value", 5, 4));
	R(setxattr("file", "user.a", "longer value", 12, XATTR_REPLACE));
	R(getxattr("file", "user.a", buf, 0));
	R(getxattr("file", "user.a", buf, 11));
	R(getxattr("file", "user.a", buf, 12));
	R(getxattr("file", "user.a", NULL, 12));
	R(getxattr("file", "user.none", NULL, 12));
	R(setxattr("file", "user.empty", "", 0, 0));
	R(setxattr("file", "user.empty", NULL, 0, 0));
	R(getxattr("file", "user.empty", buf, 10));
	R(setxattr("file", "user.a", NULL, 4, 0));
	R(listxattr("file", buf, 3));
	R(listxattr("file", NULL, 0));
	R(listxattr("none", NULL, 0));
	memset(big, 'n', 300);
	memcpy(big, "user.", 5);
	big[255] = '\0';
	R(setxattr("file", big, "v", 1, 0));
	R(getxattr("file", big, buf, 1));
	R(removexattr("file", big));
	big[255] = 'n';
	big[256] = '\0';
	R(setxattr("file", big, "v", 1, 0));
	R(getxattr("file", big, buf, 1));
	R(removexattr("file", big));
	R(setxattr("file", "", "v", 1, 0));
	R(removexattr("file", ""));
	R(removexattr("file", "user.none"));
	R(removexattr("none", "user.none"));
	memset(big, 'v', sizeof(big));
	R(setxattr("file", "user.big", big, 3900, 0));
	R(setxattr("file", "user.big2", big, 3900, 0));
	R(setxattr("file", "user.big", big, 4096, 0));
	R(getxattr("file", "user.big", buf, 5000));
	R(setxattr("file", "user.big", big, 65536, 0));
	R(setxattr("file", "user.big", big, 65537, 0));
	R(setxattr("file", "user.mid", big, 90, 0));
	list("file");
	V(disk_blocks("file"));
	R(removexattr("file", "user.big"));
	V(disk_blocks("file"));
	list("file");
}

static void many(void)
{
	char name[32];
	int n;

	put_text("many", "");
	for (n = 0; n < 1000; n++) {
		snprintf(name, sizeof(name), "user.%03d", n);
		if (setxattr("many", name, name, 8, 0))
			break;
	}
	say("after %s, more than 50: %d, fewer than 200: %d\n", errname(errno), n > 50, n < 200);
	for (int k = 0; k < n; k += 2) {
		snprintf(name, sizeof(name), "user.%03d", k);
		if (removexattr("many", name))
			say("%s: %s\n", name, errname(errno));
	}
	T(listxattr("many", NULL, 0) == 9 * (n / 2));
	disk_again();
	T(listxattr("many", NULL, 0) == 9 * (n / 2));
	R(getxattr("many", "user.001", buf, 20));
	R(getxattr("many", "user.002", buf, 20));
}

static void kept(void)
{
	for (size_t k = 0; k < COUNT(kinds); k++) {
		lsetxattr(kinds[k], "trusted.kept", kinds[k], strlen(kinds[k]), 0);
		lsetxattr(kinds[k], "security.kept", big, 300, 0);
	}
	/* Those of the same contents may share one block. */
	disk_again();
	for (size_t k = 0; k < COUNT(kinds); k++) {
		list(kinds[k]);
		memset(buf, 0, 10);
		R(lgetxattr(kinds[k], "trusted.kept", buf, 10));
		S(buf);
		R(lgetxattr(kinds[k], "security.kept", buf, 1000));
	}
	R(unlink("fifo"));
	R(lgetxattr("sock", "security.kept", buf, 1000));
}

static void rights(void)
{
	struct stat before, after;

	NEED(chmod("file", 0604) == 0 && chmod("dir", 0707) == 0 && mkdir("sticky", 01777) == 0 && chmod("sticky", 01777) == 0);
	stat("file", &before);
	nap(20);
	R(setxattr("file", "user.t", "v", 1, 0));
	stat("file", &after);
	T(before.st_ctim.tv_nsec != after.st_ctim.tv_nsec || before.st_ctim.tv_sec != after.st_ctim.tv_sec);
	T(before.st_mtim.tv_nsec == after.st_mtim.tv_nsec);
	R(setxattr("sticky", "user.t", "v", 1, 0));
	IN_CHILD("other") {
		NEED(setuid(1000) == 0);
		R(getxattr("file", "user.t", buf, 10));
		R(setxattr("file", "user.t", "w", 1, 0));
		R(setxattr("dir", "user.t", "w", 1, 0));
		R(setxattr("sticky", "user.t", "w", 1, 0));
		R(removexattr("sticky", "user.t"));
		R(getxattr("sticky", "user.t", buf, 10));
		R(setxattr("file", "trusted.t", "w", 1, 0));
		R(getxattr("file", "security.kept", buf, 1000));
		list("file");
	}
	NEED(chmod("file", 0600) == 0);
	IN_CHILD("other") {
		NEED(setuid(1000) == 0);
		R(getxattr("file", "user.t", buf, 10));
		R(getxattr("file", "security.kept", buf, 1000));
		list("file");
	}
	R(mount(NULL, disk_top, NULL, MS_REMOUNT | MS_RDONLY, NULL));
	R(setxattr("file", "user.t", "v", 1, 0));
	R(removexattr("file", "user.t"));
	R(getxattr("file", "user.t", buf, 10));
	R(mount(NULL, disk_top, NULL, MS_REMOUNT, NULL));
}

int main(void)
{
	disk_enter();
	put_text("file", "x");
	NEED(mkdir("dir", 0777) == 0 && symlink("file", "link") == 0 && mkfifo("fifo", 0666) == 0 && mknod("node", S_IFCHR | 0666, makedev(1, 3)) == 0);
	NEED(mknod("sock", S_IFSOCK | 0666, 0) == 0);
	try_all("root");
	IN_CHILD("other") {
		NEED(setuid(1000) == 0);
		try_all("other");
	}
	security();
	flags_and_sizes();
	many();
	kept();
	rights();
	return 0;
}
