/* stage: 12; libc: musl; run: host+guest
 * Names: mkdir, rmdir, link, unlink, symlink, and rename as a matrix; trailing slashes, dots, loops, lengths. */
#include "t.h"
#include <dirent.h>

static void remove_all(const char *path)
{
	char inner[512];
	struct dirent *e;
	DIR *dir;

	if (unlink(path) == 0 || errno == ENOENT)
		return;
	while (rmdir(path) < 0 && (errno == ENOTEMPTY || errno == EEXIST)) {
		dir = opendir(path);
		while ((e = readdir(dir)) != NULL) {
			if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
				continue;
			snprintf(inner, sizeof(inner), "%s/%s", path, e->d_name);
			remove_all(inner);
		}
		closedir(dir);
	}
}

static void world(void)
{
	remove_all("w");
	NEED(mkdir("w", 0755) == 0);
	NEED(chdir("w") == 0);
	mkdir("empty", 0755);
	mkdir("empty2", 0755);
	mkdir("full", 0755);
	put_text("full/in", "inner");
	mkdir("other", 0755);
	put_text("other/in", "inner");
	put_text("file", "one");
	put_text("file2", "two");
	symlink("file", "link");
	symlink("empty", "dlink");
	symlink("nowhere", "dangling");
	NEED(chdir("..") == 0);
}

int main(void)
{
	static const char *const names[] = { "file", "file2", "empty", "full", "link", "dlink", "dangling", "none", "full/in",
					     "empty/", "file/", "none/", "dlink/", ".", "..", "full/..", "full/sub/x" };
	char name[5100];
	const char *home;
	struct stat st;

	home = t_dir();

	/* rename: everything onto everything. */
	for (size_t i = 0; i < COUNT(names); i++)
		for (size_t j = 0; j < COUNT(names); j++) {
			world();
			NEED(chdir("w") == 0);
			errno = 0;
			if (rename(names[i], names[j]) == 0)
				say("rename %s -> %s: 0, source %s\n", names[i], names[j], lstat(names[i], &st) == 0 ? "stays" : "gone");
			else
				say("rename %s -> %s: %s\n", names[i], names[j], errname(errno));
			NEED(chdir("..") == 0);
		}
	world();
	NEED(chdir("w") == 0);
	R(rename("full", "full/sub"));
	R(rename("full", "full/sub/deeper"));
	R(rename("file", "/proc/x"));
	R(rename((char *)8, "x"));
	R(rename("file", (char *)8));
	R(rename("", "x"));
	R(rename("file", ""));
	link("file", "new");
	R(rename("file", "new"));
	R(stat("file", &st));
	V(st.st_nlink);
	R(SYS(renameat2, AT_FDCWD, "file", AT_FDCWD, "file2", 1));
	R(SYS(renameat2, AT_FDCWD, "file", AT_FDCWD, "full", 2));
	R(lstat("file", &st));
	T(S_ISDIR(st.st_mode));
	R(SYS(renameat2, AT_FDCWD, "file", AT_FDCWD, "full", 2));
	R(SYS(renameat2, AT_FDCWD, "none", AT_FDCWD, "full", 2));
	R(SYS(renameat2, AT_FDCWD, "file", AT_FDCWD, "full", 3));
	R(SYS(renameat2, AT_FDCWD, "file", AT_FDCWD, "full", 64));
	NEED(chdir("..") == 0);

	/* The single-name calls on each of them. */
	for (size_t i = 0; i < COUNT(names); i++) {
		say("%s:", names[i]);
		world(); chdir("w"); errno = 0; mkdir(names[i], 0755); say(" mkdir %s", errname(errno)); chdir("..");
		world(); chdir("w"); errno = 0; rmdir(names[i]); say(" rmdir %s", errname(errno)); chdir("..");
		world(); chdir("w"); errno = 0; unlink(names[i]); say(" unlink %s", errname(errno)); chdir("..");
		world(); chdir("w"); errno = 0; symlink("x", names[i]); say(" symlink %s", errname(errno)); chdir("..");
		world(); chdir("w"); errno = 0; link("file", names[i]); say(" link-to %s", errname(errno)); chdir("..");
		world(); chdir("w"); errno = 0; link(names[i], "new"); say(" link-from %s", errname(errno)); chdir("..");
		world(); chdir("w"); errno = 0; mkfifo(names[i], 0600); say(" mkfifo %s", errname(errno)); chdir("..");
		world(); chdir("w"); errno = 0; chdir(names[i]); say(" chdir %s", errname(errno)); say("\n");
		NEED(chdir("/") == 0);
		NEED(chdir(home) == 0);
	}

	/* Loops and lengths. */
	world();
	NEED(chdir("w") == 0);
	symlink("b", "a");
	symlink("a", "b");
	R(open("a", O_RDONLY));
	R(stat("a", &st));
	R(lstat("a", &st));
	R(stat("a/x", &st));
	symlink("file", "c0");
	for (int i = 1; i < 60; i++) {
		char target[16], from[16];

		snprintf(target, sizeof(target), "c%d", i - 1);
		snprintf(from, sizeof(from), "c%d", i);
		symlink(target, from);
	}
	R(stat("c39", &st));
	R(stat("c40", &st));
	R(stat("c59", &st));
	memset(name, 'x', sizeof(name));
	name[255] = '\0';
	R(mkdir(name, 0755));
	R(rmdir(name));
	name[255] = 'x';
	name[256] = '\0';
	R(mkdir(name, 0755));
	R(stat(name, &st));
	memset(name, '/', sizeof(name));
	name[4095] = '\0';
	R(stat(name, &st));
	name[4095] = '/';
	name[4096] = '\0';
	R(stat(name, &st));
	for (int i = 0; i < 2000; i++)
		memcpy(name + 2 * i, "./", 2);
	strcpy(name + 4000, "file");
	R(stat(name, &st));
	R(symlink("", "empty-target"));
	memset(name, 'x', sizeof(name));
	name[4095] = '\0';
	R(symlink(name, "long"));
	R(readlink("long", name, sizeof(name)));
	R(readlink("long", name, 10));
	R(readlink("long", name, 0));
	R(readlink("file", name, 10));
	R(readlink("none", name, 10));
	R(unlink("long"));
	name[4095] = 'x';
	name[4096] = '\0';
	R(symlink(name, "long"));

	/* Slashes, dots. */
	R(stat("//tmp", &st));
	R(stat("w/../../..//../..", &st));
	R(stat("/../..", &st));
	R(stat("full/./in", &st));
	R(stat("full//in", &st));
	R(stat("full/in/.", &st));
	R(stat("full/in/..", &st));
	R(stat("link/", &st));
	R(stat("dlink/", &st));
	R(lstat("dlink/", &st));
	T(S_ISDIR(st.st_mode));
	R(lstat("dlink", &st));
	T(S_ISLNK(st.st_mode));
	R(stat("dangling", &st));
	R(stat("none/..", &st));
	R(unlink("full/"));
	R(rmdir("/"));
	R(mkdir("/", 0755));
	R(rmdir("full/in/.."));
	R(mkdir("sub/", 0755));
	R(rmdir("sub/"));
	R(mkdir("sub/.", 0755));
	R(link("/proc/self/stat", "cross"));
	R(link("empty", "hard"));
	return 0;
}
