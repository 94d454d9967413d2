/* stage: 13; libc: musl; run: host+guest
 * flock and record locks: who excludes whom, ranges, upgrades, release at close and exit, deadlock, F_GETLK. */
#include "t.h"
#include <sys/file.h>

static struct flock range(short type, off_t start, off_t length)
{
	return (struct flock){ .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length };
}

static int set(int fd, short type, off_t start, off_t length)
{
	struct flock l = range(type, start, length);

	return fcntl(fd, F_SETLK, &l);
}

static const char *other(int fd, short type, off_t start, off_t length)
{
	static char text[128];
	struct flock l = range(type, start, length);

	if (fcntl(fd, F_GETLK, &l) < 0)
		return errname(errno);
	if (l.l_type == F_UNLCK)
		return "free";
	snprintf(text, sizeof(text), "%s %ld+%ld by %s", l.l_type == F_WRLCK ? "write" : "read", (long)l.l_start, (long)l.l_len,
		 l.l_pid == getppid() ? "parent" : "another");
	return text;
}

int main(void)
{
	int fd, again, duplicate, ro, fds[2], status;
	struct flock l;
	pid_t pid;
	char c;

	t_dir();
	put_text("f", "0123456789");
	fd = open("f", O_RDWR);
	again = open("f", O_RDWR);
	ro = open("f", O_RDONLY);
	duplicate = dup(fd);

	/* flock belongs to the open file: a second open excludes itself, a dup and a child share it. */
	R(flock(fd, LOCK_EX));
	R(flock(again, LOCK_EX | LOCK_NB));
	R(flock(again, LOCK_SH | LOCK_NB));
	R(flock(duplicate, LOCK_EX | LOCK_NB));
	R(flock(fd, LOCK_SH | LOCK_NB));
	R(flock(again, LOCK_SH | LOCK_NB));
	R(flock(fd, LOCK_EX | LOCK_NB));
	R(flock(again, LOCK_UN));
	R(flock(fd, LOCK_EX | LOCK_NB));
	IN_CHILD("child, the same open file")
		R(flock(fd, LOCK_EX | LOCK_NB));
	IN_CHILD("child, its own open file") {
		int own = open("f", O_RDWR);

		R(flock(own, LOCK_EX | LOCK_NB));
		R(flock(own, LOCK_SH | LOCK_NB));
	}
	R(close(fd));
	R(flock(again, LOCK_EX | LOCK_NB));
	R(close(duplicate));
	R(flock(again, LOCK_EX | LOCK_NB));
	R(flock(again, LOCK_UN));
	R(flock(again, LOCK_UN));
	R(flock(again, 0));
	R(flock(again, LOCK_SH | LOCK_EX));
	R(flock(99, LOCK_SH));
	R(flock(ro, LOCK_EX | LOCK_NB));
	R(flock(ro, LOCK_UN));

	/* Waiting for one, and being woken. */
	NEED(pipe(fds) == 0);
	fd = open("f", O_RDWR);
	R(flock(fd, LOCK_EX));
	pid = fork();
	if (pid == 0) {
		int own = open("f", O_RDWR);

		write(fds[1], "w", 1);
		flock(own, LOCK_EX);
		write(fds[1], "g", 1);
		_exit(0);
	}
	read(fds[0], &c, 1);
	nap(50);
	write(fds[1], "u", 1);
	R(flock(fd, LOCK_UN));
	reap("waiter", pid);
	read(fds[0], &c, 1);
	say("%c ", c);
	read(fds[0], &c, 1);
	say("%c\n", c);

	/* Record locks belong to the process. */
	R(set(fd, F_WRLCK, 0, 5));
	R(set(again, F_WRLCK, 0, 5));
	R(set(ro, F_WRLCK, 0, 1));
	R(set(fd, F_RDLCK, 7, 2));
	IN_CHILD("child") {
		R(set(fd, F_RDLCK, 0, 1));
		R(set(fd, F_WRLCK, 4, 1));
		R(set(fd, F_WRLCK, 5, 2));
		R(set(fd, F_RDLCK, 7, 2));
		R(set(fd, F_WRLCK, 8, 1));
		S(other(fd, F_WRLCK, 0, 0));
		S(other(fd, F_RDLCK, 3, 10));
		S(other(fd, F_RDLCK, 5, 100));
		S(other(fd, F_WRLCK, 6, 10));
		S(other(fd, F_WRLCK, 9, 0));
	}
	/* Splitting, merging, changing. */
	R(set(fd, F_UNLCK, 2, 1));
	IN_CHILD("child") {
		S(other(fd, F_WRLCK, 0, 2));
		S(other(fd, F_WRLCK, 2, 1));
		S(other(fd, F_WRLCK, 3, 1));
	}
	R(set(fd, F_WRLCK, 2, 1));
	R(set(fd, F_RDLCK, 1, 1));
	IN_CHILD("child") {
		S(other(fd, F_RDLCK, 0, 0));
		S(other(fd, F_WRLCK, 1, 1));
		S(other(fd, F_WRLCK, 2, 0));
	}
	R(set(fd, F_UNLCK, 0, 0));
	R(set(fd, F_WRLCK, 100, 0));
	IN_CHILD("to the end of all files")
		S(other(fd, F_WRLCK, 1 << 20, 1));
	l = range(F_WRLCK, -5, 5);
	l.l_whence = SEEK_END;
	R(fcntl(fd, F_SETLK, &l));
	IN_CHILD("from the end")
		S(other(fd, F_RDLCK, 0, 50));
	l = range(F_WRLCK, 10, -3);
	R(fcntl(fd, F_SETLK, &l));
	IN_CHILD("backwards")
		S(other(fd, F_RDLCK, 0, 50));
	l = range(F_WRLCK, -20, 5);
	R(fcntl(fd, F_SETLK, &l));
	l = range(9, 0, 5);
	R(fcntl(fd, F_SETLK, &l));
	l = range(F_WRLCK, 0, 5);
	l.l_whence = 9;
	R(fcntl(fd, F_SETLK, &l));
	R(fcntl(fd, F_SETLK, (struct flock *)8));
	R(fcntl(99, F_SETLK, &l));
	R(fcntl(fds[0], F_SETLK, &(struct flock){ .l_type = F_RDLCK }));
	/* Any close of the file in this process lets all of them go. */
	close(open("f", O_RDONLY));
	IN_CHILD("after an unrelated close")
		S(other(fd, F_WRLCK, 0, 0));
	/* Not inherited, gone at exit. */
	IN_CHILD("locker")
		R(set(fd, F_WRLCK, 0, 0));
	R(set(fd, F_WRLCK, 0, 0));
	IN_CHILD("inherits nothing")
		R(set(fd, F_RDLCK, 0, 1));

	/* Waiting with F_SETLKW; a signal ends it; a circle is refused. */
	pid = fork();
	if (pid == 0) {
		l = range(F_WRLCK, 0, 1);
		write(fds[1], "w", 1);
		_exit(fcntl(fd, F_SETLKW, &l) == 0 ? 0 : 1);
	}
	read(fds[0], &c, 1);
	nap(50);
	R(set(fd, F_UNLCK, 0, 0));
	reap("waiter", pid);
	R(set(fd, F_WRLCK, 0, 1));
	pid = fork();
	if (pid == 0) {
		set(fd, F_WRLCK, 5, 1);
		write(fds[1], "w", 1);
		l = range(F_WRLCK, 0, 1);
		status = fcntl(fd, F_SETLKW, &l);
		_exit(status == 0 ? 0 : 1);
	}
	read(fds[0], &c, 1);
	nap(50);
	l = range(F_WRLCK, 5, 1);
	R(fcntl(fd, F_SETLKW, &l));
	R(set(fd, F_UNLCK, 0, 1));
	reap("the other half of the circle", pid);

	/* Open file description locks. */
	l = range(F_WRLCK, 0, 0);
	R(fcntl(fd, F_OFD_SETLK, &l));
	l = range(F_WRLCK, 0, 0);
	R(fcntl(again, F_OFD_SETLK, &l));
	l = range(F_WRLCK, 0, 0);
	R(fcntl(again, F_OFD_GETLK, &l));
	say("type %d pid %d\n", l.l_type, (int)l.l_pid);
	l = range(F_WRLCK, 0, 0);
	l.l_pid = 5;
	R(fcntl(again, F_OFD_SETLK, &l));
	return 0;
}
