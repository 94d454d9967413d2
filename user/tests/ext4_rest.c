/* stage: 13; libc: musl; run: guest+golden; disk: ext4
 * A file system that is made read-only says on the disk that its journal is empty, and that it is in use when it is writable again, whoever is about meanwhile. */
#include "ext4.h"
#include <sched.h>
#include <signal.h>
#include <sys/klog.h>
#include <sys/wait.h>

static unsigned char *super;

/* As the device has it. */
static const char *state(void)
{
	int fd = open(DISK, O_RDONLY | O_DIRECT);

	NEED(fd >= 0 && pread(fd, super, 4096, 0) == 4096);
	close(fd);
	return super[1024 + 96] & 4 ? "to be recovered" : "clean";
}

/* Changes and reads, as far as it is let, and is quiet now and then: only while nobody has a file open for writing can it be made read-only. */
static void busy(int n)
{
	char name[32];

	for (unsigned k = 0;; k++) {
		int fd;

		snprintf(name, sizeof(name), "busy%d_%u", n, k % 7);
		fd = open(name, O_CREAT | O_RDWR, 0644);
		if (fd >= 0) {
			pwrite(fd, name, 8, k % 9000);
			close(fd);
		}
		if (!(k % 3))
			unlink(name);
		if ((fd = open("read", O_RDONLY)) >= 0) {
			pread(fd, name, 8, 0);
			close(fd);
		}
		if (!(k % 11)) {
			mkdir("folder", 0755);
			rmdir("folder");
		}
		if (!(k % 32))
			usleep(1000);
	}
}

int main(void)
{
	int fd, odd = 0, quiet = 0, least;
	pid_t child[2];

	klogctl(6, NULL, 0);
	NEED((super = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) != MAP_FAILED);
	disk_enter();
	NEED((fd = open("read", O_CREAT | O_RDWR, 0644)) >= 0 && write(fd, "some text", 9) == 9);
	S(state());
	R(mount(NULL, disk_top, NULL, MS_REMOUNT | MS_RDONLY, NULL));
	S(state());
	close(fd);
	R(mount(NULL, disk_top, NULL, MS_REMOUNT | MS_RDONLY, NULL));
	S(state());
	R(mkdir("d", 0755));
	R(mount(NULL, disk_top, NULL, MS_REMOUNT, NULL));
	S(state());
	R(mkdir("d", 0755));
	R(rmdir("d"));
	for (int n = 0; n < 2; n++)
		if (!(child[n] = fork()))
			busy(n);
	/* On one processor each round lasts as long as the turns of the busy ones. */
	least = sysconf(_SC_NPROCESSORS_ONLN) > 1 ? 300 : 150;
	for (int n = 0; n < least || (quiet < 20 && n < 20000); n++) {
		if (mount(NULL, disk_top, NULL, MS_REMOUNT | MS_RDONLY, NULL) < 0) {
			odd += errno != EBUSY;
			sched_yield();
			continue;
		}
		quiet++;
		for (int k = 0; k < 3; k++)
			odd += strcmp(state(), "clean") != 0;
		if (mount(NULL, disk_top, NULL, MS_REMOUNT, NULL) < 0 || strcmp(state(), "clean") == 0)
			odd++;
	}
	for (int n = 0; n < 2; n++)
		NEED(kill(child[n], SIGKILL) == 0 && waitpid(child[n], NULL, 0) == child[n]);
	T(quiet > 0);
	V(odd);
	R(mount(NULL, disk_top, NULL, MS_REMOUNT | MS_RDONLY, NULL));
	disk_again();
	S(state());
	disk_leave();
	S(state());
	klogctl(7, NULL, 0);
	return 0;
}
