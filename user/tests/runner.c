/* stage: 07; libc: musl; run: init
 *
 * runner: PID 1 of a test image. Runs /tests/NAME for each name, and prints
 *
 *	@@BEGIN name
 *	... output of the test ...
 *	@@LEAK name cache +n ...		only if the kernel (one with /proc/objects) holds more than before
 *	@@END name exit 0			or: signal 11, or: timeout
 *
 * then "@@DONE count", and powers off. The environment variable mark= takes the place of @@: a grader that draws it by lot knows these lines from
 * those that the kernel writes by itself. Names come from the environment variable tests= (the kernel hands
 * what it does not know on its command line to init; names are parted by commas), or from /tests.list.
 * seconds= bounds one test. Only fork, execve, wait4 and write are needed; what else fails, fails silently,
 * so that the runner serves kernels of early stages.
 */
#define _GNU_SOURCE
#include "objects.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t expired;
static volatile pid_t running;

static void print(const char *text)
{
	size_t length = strlen(text);

	while (length) {
		ssize_t n = write(1, text, length);

		if (n <= 0)
			return;
		text += n;
		length -= (size_t)n;
	}
}

static void on_alarm(int sig)
{
	(void)sig;
	expired = 1;
	if (running > 0) {
		kill(-running, SIGKILL);
		kill(running, SIGKILL);
	}
}

static char text[2048], more[8192];
static const char *mark = "@@";

/* For a Linux whose drivers are modules; there are none in an image for Switchback. */
static void load_modules(void)
{
	char path[32];
	int fd;

	for (int n = 0; snprintf(path, sizeof(path), "/modules/%d", n), (fd = open(path, O_RDONLY | O_CLOEXEC)) >= 0; n++) {
		if (syscall(SYS_finit_module, fd, "", 0) < 0) {
			print(path);
			print(" cannot be loaded\n");
		}
		close(fd);
	}
}

static void prepare(void)
{
	/* Only the console may be open: tests print descriptor numbers. */
	for (int fd = 3; fd < 16; fd++)
		close(fd);
	mkdir("/proc", 0755);
	mkdir("/sys", 0755);
	mkdir("/dev", 0755);
	mkdir("/tmp", 01777);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	mkdir("/dev/pts", 0755);
	mkdir("/dev/shm", 01777);
	mount("devpts", "/dev/pts", "devpts", 0, "mode=0620,ptmxmode=0666");
	load_modules();
	signal(SIGALRM, on_alarm);
	memset(more, 1, sizeof(more));
	objects_warm(text, sizeof(text));
}

/* What tests leave in the common folders goes with these. */
static void fresh_tmp(void)
{
	mount("tmpfs", "/tmp", "tmpfs", 0, "mode=1777");
	mount("tmpfs", "/dev/shm", "tmpfs", 0, "mode=1777");
}

/* System V objects outlive who made them. */
static void drop_ipc(void)
{
	struct shminfo shm;
	struct seminfo sem;
	struct msginfo msg;
	struct shmid_ds shm_one;
	struct semid_ds sem_one;
	struct msqid_ds msg_one;
	union { int value; struct seminfo *info; struct semid_ds *one; } argument;
	int id, last;

	last = shmctl(0, SHM_INFO, (struct shmid_ds *)&shm);
	for (int i = 0; i <= last; i++)
		if ((id = shmctl(i, SHM_STAT, &shm_one)) >= 0)
			shmctl(id, IPC_RMID, NULL);
	argument.info = &sem;
	last = semctl(0, 0, SEM_INFO, argument);
	argument.one = &sem_one;
	for (int i = 0; i <= last; i++)
		if ((id = semctl(i, 0, SEM_STAT, argument)) >= 0)
			semctl(id, 0, IPC_RMID);
	last = msgctl(0, MSG_INFO, (struct msqid_ds *)&msg);
	for (int i = 0; i <= last; i++)
		if ((id = msgctl(i, MSG_STAT, &msg_one)) >= 0)
			msgctl(id, IPC_RMID, NULL);
}

static void drop_tmp(void)
{
	drop_ipc();
	umount2("/tmp", MNT_DETACH);
	umount2("/dev/shm", MNT_DETACH);
}

static void write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd >= 0) {
		if (write(fd, text, strlen(text)) < 0)
			errno = 0;
		close(fd);
	}
}

/* Says what the kernel holds that it did not hold before, and, where it knows, who allocated it. */
static void tell_leaks(const char *name, const struct objects *before)
{
	ssize_t got;
	int fd;

	if (!objects_grown(before, text, sizeof(text)))
		return;
	snprintf(more, sizeof(more), "\n%sLEAK %s%s\n", mark, name, text);
	print(more);
	fd = open("/proc/leaks", O_RDONLY | O_CLOEXEC);
	got = fd < 0 ? 0 : read(fd, more, sizeof(more) - 1);
	if (fd >= 0)
		close(fd);
	more[got > 0 ? got : 0] = '\0';
	print(more);
}

static void run(const char *name, int seconds)
{
	static struct objects before;
	static char *environment[8] = { "PATH=/bin:/sbin:/usr/bin:/usr/sbin", "HOME=/root", "TERM=vt100", NULL };
	char path[256], line[320];
	char *argv[] = { (char *)name, NULL };
	int status = 0;
	pid_t pid, got;

	/* What a campaign is told on the kernel's command line. */
	for (char **e = environ, **to = environment + 3; *e && to < environment + 7; e++)
		if (strncmp(*e, "SEED=", 5) == 0 || strncmp(*e, "TIME=", 5) == 0 || strncmp(*e, "WORKERS=", 8) == 0 ||
		    strncmp(*e, "ONLY=", 5) == 0)
			*to++ = *e;
	snprintf(path, sizeof(path), "/tests/%s", name);
	snprintf(line, sizeof(line), "%sBEGIN %s\n", mark, name);
	print(line);
	objects_read(&before);
	write_to("/proc/leaks", "mark");
	fresh_tmp();
	pid = fork();
	if (pid == 0) {
		setsid();
		chdir("/");
		execve(path, argv, environment);
		snprintf(line, sizeof(line), "runner: %s: %s\n", path, strerror(errno));
		print(line);
		_exit(127);
	}
	if (pid < 0) {
		snprintf(line, sizeof(line), "runner: fork: %s\n%sEND %s nofork\n", strerror(errno), mark, name);
		print(line);
		drop_tmp();
		return;
	}
	expired = 0;
	running = pid;
	alarm((unsigned int)seconds);
	for (;;) {
		got = waitpid(-1, &status, 0);
		if (got == pid || (got < 0 && errno != EINTR))
			break;
	}
	alarm(0);
	running = 0;
	/* What the test left behind must not print into the next one, nor hold anything. A thousand processes take their time to die on a loaded machine. */
	kill(-pid, SIGKILL);
	kill(-1, SIGKILL);
	for (int tries = 0; tries < 10000; tries++) {
		struct timespec pause = { 0, 1000000 };
		pid_t other = waitpid(-1, NULL, WNOHANG);

		if (other < 0)
			break;
		if (other == 0)
			nanosleep(&pause, NULL);
	}
	drop_tmp();
	tell_leaks(name, &before);
	if (expired)
		snprintf(line, sizeof(line), "\n%sEND %s timeout\n", mark, name);
	else if (got == pid && WIFSIGNALED(status))
		snprintf(line, sizeof(line), "\n%sEND %s signal %d\n", mark, name, WTERMSIG(status));
	else
		snprintf(line, sizeof(line), "\n%sEND %s exit %d\n", mark, name, got == pid ? WEXITSTATUS(status) : -1);
	print(line);
}

static char *read_list(void)
{
	static char buffer[16384];
	int fd = open("/tests.list", O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, buffer, sizeof(buffer) - 1);

	if (fd >= 0)
		close(fd);
	buffer[got > 0 ? got : 0] = '\0';
	return buffer;
}

int main(void)
{
	char *list = getenv("tests"), *seconds = getenv("seconds");
	char line[64];
	int count = 0;

	if (list)
		list = strdup(list);
	if (getenv("mark"))
		mark = strdup(getenv("mark"));
	prepare();
	if (!list)
		list = read_list();
	for (char *name = strtok(list, ", \t\r\n"); name; name = strtok(NULL, ", \t\r\n")) {
		run(name, seconds ? atoi(seconds) : 60);
		count++;
	}
	snprintf(line, sizeof(line), "%sDONE %d\n", mark, count);
	print(line);
	sync();
	reboot(RB_POWER_OFF);
	_exit(0);
}
