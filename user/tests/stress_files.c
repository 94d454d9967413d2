/* stage: 08; libc: musl; run: host+guest; memory: 512 MiB
 * Large folders stay fast, deep trees, many links, several processes at work in one place. */
#include "t.h"
#include <dirent.h>

enum { FILES = 20000 };

int main(void)
{
	char name[64];
	int wrong = 0, count = 0, fd;
	struct stat st;

	t_dir();
	mkdir("many", 0755);
	NEED(chdir("many") == 0);
	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "file-%d", i * 7919 % FILES);
		fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0644);
		wrong += fd < 0;
		close(fd);
	}
	V(wrong);
	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "file-%d", i);
		wrong += stat(name, &st) < 0;
		snprintf(name, sizeof(name), "missing-%d", i);
		wrong += stat(name, &st) == 0;
	}
	V(wrong);
	for (int i = 0; i < FILES; i += 2) {
		snprintf(name, sizeof(name), "file-%d", i);
		wrong += unlink(name) < 0;
	}
	{
		DIR *dir = opendir(".");

		for (struct dirent *e; (e = readdir(dir)) != NULL;)
			count += e->d_name[0] != '.';
		closedir(dir);
	}
	V(count);
	for (int i = 1; i < FILES; i += 2) {
		snprintf(name, sizeof(name), "file-%d", i);
		wrong += unlink(name) < 0;
	}
	V(wrong);
	NEED(chdir("..") == 0);
	R(rmdir("many"));

	/* A thousand deep. */
	for (count = 0; count < 1000; count++)
		if (mkdir("d", 0755) < 0 || chdir("d") < 0)
			break;
	V(count);
	for (; count > 0; count--)
		if (chdir("..") < 0 || rmdir("d") < 0)
			break;
	V(count);

	/* Links. */
	put_text("base", "x");
	for (int i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "link-%d", i);
		wrong += link("base", name) < 0;
	}
	stat("base", &st);
	V(st.st_nlink);
	for (int i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "link-%d", i);
		wrong += unlink(name) < 0;
	}
	stat("base", &st);
	V(st.st_nlink);
	V(wrong);

	/* Six processes create, rename and remove the same names; nobody sees nonsense. */
	for (int w = 0; w < 6; w++)
		if (fork() == 0) {
			int odd = 0;

			for (int i = 0; i < 400; i++) {
				fd = open("race", O_RDWR | O_CREAT, 0644);
				odd += fd < 0;
				if (fd >= 0) {
					odd += write(fd, "data", 4) != 4;
					close(fd);
				}
				if (rename("race", i & 1 ? "race2" : "race3") < 0)
					odd += errno != ENOENT;
				if (unlink("race2") < 0)
					odd += errno != ENOENT;
				if (mkdir("racedir", 0755) < 0)
					odd += errno != EEXIST;
				if (rmdir("racedir") < 0)
					odd += errno != ENOENT;
				if (stat("race3", &st) == 0)
					odd += st.st_size > 4;
			}
			_exit(odd);
		}
	for (int w = 0; w < 6; w++) {
		int status;

		wait(&status);
		wrong += WEXITSTATUS(status);
	}
	V(wrong);
	return 0;
}
