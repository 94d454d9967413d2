/* stage: 09; libc: newlib; run: host+guest
 * The border of newlib and the kernel: flags, errno and signal numbers survive the way there and back. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile int caught;

static void handler(int sig)
{
	caught = sig;
}

int main(void)
{
	char name[80], buf[64];
	int fd, fds[2], status, count = 0;
	struct stat st;
	sigset_t set, old;
	pid_t pid;
	DIR *dir;

	setvbuf(stdout, NULL, _IOLBF, 0);
	fd = 0;
	do { /* newlib's own mkdtemp makes nothing */
		snprintf(name, sizeof(name), "%s/tn%d.%d", getenv("T_DIR") ? getenv("T_DIR") : "/tmp", (int)getpid(), fd);
	} while ((status = mkdir(name, 0755)) < 0 && errno == EEXIST && fd++ < 1000);
	printf("mkdir %d\n", status);
	printf("chdir %d\n", chdir(name));
	printf("open missing: %s\n", open("none", O_RDONLY) < 0 && errno == ENOENT ? "ENOENT" : "?");
	fd = open("file", O_RDWR | O_CREAT | O_EXCL, 0640);
	printf("create %d\n", fd >= 0);
	printf("again: %s\n", open("file", O_CREAT | O_EXCL | O_RDWR, 0) < 0 && errno == EEXIST ? "EEXIST" : "?");
	printf("write %d\n", (int)write(fd, "hello\n", 6));
	printf("append flag %s\n", fcntl(fd, F_SETFL, O_APPEND) == 0 && (fcntl(fd, F_GETFL, 0) & O_APPEND) ? "kept" : "lost");
	lseek(fd, 0, SEEK_SET);
	write(fd, "world\n", 6);
	fstat(fd, &st);
	printf("size %ld, regular %d, mode %o, links %d\n", (long)st.st_size, S_ISREG(st.st_mode), st.st_mode & 0777, st.st_nlink);
	close(fd);
	printf("mkdir d %d\n", mkdir("d", 0700));
	printf("unlink of a folder: %s\n", unlink("d") < 0 && errno == EISDIR ? "EISDIR" : "?");
	printf("rmdir of a full one: %s\n", rmdir(name) < 0 && errno == ENOTEMPTY ? "ENOTEMPTY" : "?");
	printf("rename %d\n", rename("file", "d/moved"));
	printf("link %d\n", link("d/moved", "d/second"));
	printf("symlink %d\n", symlink("moved", "d/soft"));
	buf[readlink("d/soft", buf, sizeof(buf) - 1)] = '\0';
	printf("readlink %.5s\n", buf);
	dir = opendir("d");
	for (struct dirent *e; (e = readdir(dir)) != NULL;)
		count++;
	closedir(dir);
	printf("entries %d\n", count);
	memset(buf, 'n', sizeof(buf));
	printf("loop: %s\n", symlink("self", "self") == 0 && open("self", O_RDONLY) < 0 && errno == ELOOP ? "ELOOP" : "?");
	printf("unknown ioctl on file: isatty %d\n", isatty(open("d/moved", O_RDONLY)));

	printf("signal %s\n", signal(SIGUSR1, handler) == SIG_DFL ? "was default" : "?");
	raise(SIGUSR1);
	printf("caught SIGUSR1: %d\n", caught == SIGUSR1);
	signal(SIGCHLD, handler);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	printf("block %d\n", sigprocmask(SIG_BLOCK, &set, &old));
	caught = 0;
	raise(SIGUSR1);
	printf("blocked: caught %d\n", caught);
	sigpending(&set);
	printf("pending %d\n", sigismember(&set, SIGUSR1));
	sigprocmask(SIG_SETMASK, &old, NULL);
	printf("unblocked: caught %d\n", caught == SIGUSR1);

	pid = fork();
	if (pid == 0)
		_exit(42);
	printf("wait %d\n", wait(&status) == pid);
	printf("exit status %d\n", WEXITSTATUS(status));
	printf("SIGCHLD came: %d\n", caught == SIGCHLD);
	pid = fork();
	if (pid == 0) {
		signal(SIGUSR2, SIG_DFL);
		raise(SIGUSR2);
		_exit(1);
	}
	waitpid(pid, &status, 0);
	printf("killed by SIGUSR2: %d\n", WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR2);
	pid = fork();
	if (pid == 0)
		abort();
	waitpid(pid, &status, 0);
	printf("aborted: %d\n", WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	printf("no child: %s\n", wait(NULL) < 0 && errno == ECHILD ? "ECHILD" : "?");

	printf("pipe %d\n", pipe(fds));
	write(fds[1], "through", 7);
	printf("read %d\n", (int)read(fds[0], buf, sizeof(buf)));
	close(fds[0]);
	signal(SIGPIPE, SIG_IGN);
	printf("broken pipe: %s\n", write(fds[1], "x", 1) < 0 && errno == EPIPE ? "EPIPE" : "?");
	return 0;
}
