/* stage: 13; libc: musl; run: guest+golden; smp: 4
 * The limits of tmpfs hold to the last inode and the last page, however many processes take and give at a time. */
#define _GNU_SOURCE
#include "t.h"
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/wait.h>

enum { WORKERS = 4, ROUNDS = 6 };

static volatile unsigned *made;
static char page[4096];

static void full(const char *what)
{
	struct statfs st;

	NEED(statfs("/tmp/limits", &st) == 0);
	say("%s: %ld of %ld inodes free, %ld of %ld pages\n", what, (long)st.f_ffree, (long)st.f_files, (long)st.f_bfree, (long)st.f_blocks);
}

static unsigned all_made(void)
{
	unsigned sum = 0;

	for (int i = 0; i < WORKERS; i++)
		sum += made[i];
	return sum;
}

static void in_parallel(void (*work)(int who))
{
	memset((void *)made, 0, WORKERS * sizeof(*made));
	for (int i = 0; i < WORKERS; i++) {
		pid_t pid = fork();

		NEED(pid >= 0);
		if (pid == 0) {
			work(i);
			_exit(0);
		}
	}
	for (int i = 0; i < WORKERS; i++) {
		int status;

		NEED(wait(&status) > 0 && status == 0);
	}
}

static const char *name_of(int who, unsigned n)
{
	static char name[64];

	snprintf(name, sizeof(name), "/tmp/limits/f%d-%u", who, n);
	return name;
}

static void names(int who)
{
	while (mknod(name_of(who, made[who]), S_IFREG | 0600, 0) == 0)
		made[who]++;
	NEED(errno == ENOSPC);
}

static void take_away(int who)
{
	unsigned n = 0;

	while (unlink(name_of(who, n)) == 0)
		n++;
	NEED(errno == ENOENT);
}

/* Takes and gives far from the limit first, so that CPUs hold something of their own. */
static void come_and_go(int who)
{
	for (int i = 0; i < 200; i++)
		NEED(mknod(name_of(who, (unsigned)i % 7), S_IFREG | 0600, 0) == 0 && unlink(name_of(who, (unsigned)i % 7)) == 0);
}

static void pages(int who)
{
	int fd = open(name_of(who, 0), O_WRONLY | O_CREAT | O_APPEND, 0600);

	NEED(fd >= 0);
	while (write(fd, page, sizeof(page)) == sizeof(page))
		made[who]++;
	NEED(errno == ENOSPC);
	close(fd);
}

int main(void)
{
	unsigned wrong = 0;

	klogctl(6, NULL, 0); /* the console is ours */
	made = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	NEED((void *)made != MAP_FAILED);
	NEED(mkdir("/tmp/limits", 0755) == 0 && mount("none", "/tmp/limits", "tmpfs", 0, "nr_inodes=700,size=1200k") == 0);
	full("empty");
	for (int round = 0; round < ROUNDS; round++) {
		in_parallel(come_and_go);
		in_parallel(names);
		wrong += all_made() != 699;
		if (round == ROUNDS - 1)
			full("names");
		in_parallel(take_away);
		in_parallel(pages);
		wrong += all_made() != 300;
		if (round == ROUNDS - 1)
			full("pages");
		in_parallel(take_away);
	}
	say("wrong in %u of %d rounds\n", wrong, ROUNDS);
	full("empty again");
	R(mount(NULL, "/tmp/limits", NULL, MS_REMOUNT, "nr_inodes=10,size=8k"));
	made[0] = 0;
	names(0);
	say("names: %u\n", made[0]);
	R(mount(NULL, "/tmp/limits", NULL, MS_REMOUNT, "nr_inodes=9,size=8k"));
	R(mount(NULL, "/tmp/limits", NULL, MS_REMOUNT, "nr_inodes=11,size=4k"));
	full("after remounts");
	R(mknod(name_of(1, 0), S_IFREG | 0600, 0));
	R(mknod(name_of(1, 1), S_IFREG | 0600, 0));
	R(umount("/tmp/limits"));
	return 0;
}
