/* stage: 10; libc: musl; run: scenario
 * Four processes give, move, exchange and take the same few names, directories into each other above all; then the tree is looked at: whether each directory counts its
 * subdirectories, each file its names, and whether everything that is still allocated can be reached (a directory that moved below itself could not). On a memory's file
 * system and on the disk; SEED= draws. */
#include "disk.h"
#include <dirent.h>
#include <stdbool.h>
#include <sys/statfs.h>

enum { WORKERS = 4, ROUNDS = 6, CALLS = 1000, MOST = 4096 };

static unsigned long state;
static const char *top;

static unsigned draw(unsigned n)
{
	state = state * 6364136223846793005ul + 1442695040888963407ul;
	return (unsigned)((state >> 33) % n);
}

/* One to four components of four names: most of them meet somebody else's. */
static void some_path(char *to)
{
	int used = sprintf(to, "%s", top);

	for (unsigned n = 1 + draw(4); n--;)
		used += sprintf(to + used, "/%c", 'a' + draw(4));
}

/* None of the answers matters. */
static void work(int me, unsigned round)
{
	char a[200], b[200];
	int fd;

	state = seed() + (unsigned)me * 7919 + round * 104729 + 1;
	for (int n = 0; n < CALLS; n++) {
		some_path(a);
		some_path(b);
		switch (draw(12)) {
		case 0: case 1: case 2:
			mkdir(a, 0777);
			break;
		case 3: case 4: case 5:
			rename(a, b);
			break;
		case 6:
			SYS(renameat2, AT_FDCWD, a, AT_FDCWD, b, 2);
			break;
		case 7:
			rmdir(a);
			break;
		case 8:
			link(a, b);
			break;
		case 9:
			unlink(a);
			break;
		case 10:
			symlink(b, a);
			break;
		default:
			fd = open(a, O_CREAT | O_WRONLY | O_TRUNC, 0666);
			if (fd >= 0) {
				write(fd, a, strlen(a));
				close(fd);
			}
		}
	}
	_exit(0);
}

static struct { ino_t ino; nlink_t links, names; } files[MOST];
static unsigned file_count, name_count, directory_count;

static void count_name(const struct stat *st)
{
	unsigned k = 0;

	while (k < file_count && files[k].ino != st->st_ino)
		k++;
	must(k < MOST, "so many files");
	if (k == file_count)
		file_count++;
	files[k].ino = st->st_ino;
	files[k].links = st->st_nlink;
	files[k].names++;
	name_count++;
}

/* Also takes everything away, where `take` says so. */
static void look(const char *path, int depth, bool take)
{
	unsigned long subdirectories = 0;
	struct dirent *d;
	char name[4096];
	struct stat st;
	DIR *dir = opendir(path);

	must(dir != NULL && depth < 500, path);
	directory_count++;
	while ((d = readdir(dir)) != NULL) {
		if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, ".."))
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, d->d_name);
		must(lstat(name, &st) == 0, name);
		if (S_ISDIR(st.st_mode)) {
			subdirectories++;
			look(name, depth + 1, take);
		} else {
			count_name(&st);
		}
		if (take)
			must(remove(name) == 0, name);
	}
	closedir(dir);
	if (take)
		return;
	errno = 0;
	must(stat(path, &st) == 0 && st.st_nlink == 2 + subdirectories, path);
}

/* Inodes in use below where it is mounted. */
static unsigned long in_use(void)
{
	struct statfs st;

	must(statfs(top, &st) == 0, "statfs");
	return st.f_files - st.f_ffree;
}

/* by_name: where each name of a file counts as an inode (tmpfs). */
static void race(const char *where, bool by_name)
{
	char place[64];
	unsigned found;
	unsigned long before;

	snprintf(place, sizeof(place), "%s/r", where);
	top = place;
	must(mkdir(place, 0777) == 0, "mkdir");
	before = in_use();
	for (unsigned round = 0; round < ROUNDS; round++) {
		pid_t pid[WORKERS];
		int status;

		for (int k = 0; k < WORKERS; k++) {
			pid[k] = fork();
			if (pid[k] == 0)
				work(k, round);
		}
		for (int k = 0; k < WORKERS; k++)
			must(waitpid(pid[k], &status, 0) == pid[k] && status == 0, "a worker");
		memset(files, 0, sizeof(files));
		file_count = name_count = directory_count = 0;
		look(place, 0, false);
		for (unsigned k = 0; k < file_count; k++)
			must(files[k].links == files[k].names, "a file's count of names");
		found = (by_name ? name_count : file_count) + directory_count - 1;
		if (in_use() - before != found) {
			say("%s: %lu inodes are in use, %u can be reached\n", where, in_use() - before, found);
			_exit(1);
		}
		look(place, 0, true);
		must(in_use() == before, "what is left");
	}
}

int main(void)
{
	mkdir("/t", 0755);
	must(mount("none", "/t", "tmpfs", 0, NULL) == 0, "mount");
	race("/t", true);
	mount_it();
	race("/m", false);
	must(umount("/m") == 0, "umount");
	say("as it should be\n");
	return 0;
}
