/* stage: 13; libc: musl; run: guest+golden
 * sendfile and splice from and to what is no regular file: which pairs work, and what the others are told. */
#include "t.h"
#include <stdbool.h>
#include <sys/eventfd.h>
#include <sys/sendfile.h>
#include <termios.h>

static const char *const names[] = { "file", "zero", "null", "full", "urandom", "folder", "pipe", "proc", "memfd", "eventfd", "pty" };
enum { FILE_, ZERO, NULL_, FULL, URANDOM, FOLDER, PIPE, PROC, MEMFD, EVENT, PTY, KINDS };

/* Opened for reading or writing, with 20 bytes to be read where that makes sense. */
static int make(int kind, bool writing)
{
	static const char *const paths[KINDS] = { "f", "/dev/zero", "/dev/null", "/dev/full", "/dev/urandom", ".", NULL, "/proc/self/stat" };
	struct termios raw;
	int fds[2], fd, master;
	char *slave;

	if (paths[kind])
		return open(kind == FILE_ && writing ? "out" : paths[kind], writing && kind != FOLDER ? O_WRONLY | O_CREAT : O_RDONLY, 0644);
	switch (kind) {
	case PIPE:
		NEED(pipe2(fds, O_NONBLOCK) == 0);
		NEED(write(fds[1], "01234567890123456789", 20) == 20);
		return writing ? fds[1] : fds[0];
	case MEMFD:
		NEED((fd = memfd_create("m", 0)) >= 0 && write(fd, "01234567890123456789", 20) == 20 && lseek(fd, 0, SEEK_SET) == 0);
		return fd;
	case EVENT:
		return eventfd(5, EFD_NONBLOCK);
	default:
		NEED((master = posix_openpt(O_RDWR | O_NOCTTY)) >= 0 && grantpt(master) == 0 && unlockpt(master) == 0 && (slave = ptsname(master)));
		NEED((fd = open(slave, O_RDWR | O_NOCTTY | O_NONBLOCK)) >= 0 && tcgetattr(fd, &raw) == 0);
		raw.c_lflag = raw.c_oflag = raw.c_iflag = 0;
		NEED(tcsetattr(fd, TCSANOW, &raw) == 0 && write(master, "01234567890123456789", 20) == 20);
		return fd;
	}
}

static const char *result(long r)
{
	static char text[8][24];
	static int at;

	if (r < 0)
		return errname(errno);
	at = (at + 1) % 8;
	snprintf(text[at], sizeof(text[at]), "%ld", r);
	return text[at];
}

static void clear(int from)
{
	for (int fd = from; fd < 64; fd++)
		close(fd);
}

int main(void)
{
	off_t at;
	int null;

	t_dir();
	put_text("f", "01234567890123456789");
	NEED((null = open("/dev/null", O_WRONLY)) >= 0);
	alarm(20);
	for (int in = 0; in < KINDS; in++) {
		const char *whole, *part, *none, *moved;
		int a = make(in, false);

		whole = result(sendfile(null, a, NULL, 10));
		at = 5;
		part = result(sendfile(null, a, &at, 10));
		moved = result(at);
		none = result(sendfile(null, a, NULL, 0));
		say("%s to null: %s, at 5 %s (then at %s), nothing %s\n", names[in], whole, part, moved, none);
		clear(null + 1);
	}
	for (int out = 0; out < KINDS; out++) {
		int a = make(FILE_, false), b = make(out, true);

		NEED(b >= 0 || out == PROC);
		say("file to %s: %s, nothing %s\n", names[out], result(sendfile(b, a, NULL, 10)), result(sendfile(b, a, NULL, 0)));
		clear(null + 1);
	}
	for (int in = 0; in < KINDS; in++) {
		int a = make(in, false), b = make(PIPE, true), c = make(FILE_, true);

		say("%s to a pipe: %s by sendfile", names[in], result(sendfile(b, a, NULL, 8)));
		say(", %s by splice, at an offset %s\n", result(splice(a, NULL, b, NULL, 8, SPLICE_F_NONBLOCK)),
		    result((at = 2, splice(a, &at, b, NULL, 8, SPLICE_F_NONBLOCK))));
		say("%s to a file: %s by sendfile, %s by splice\n", names[in], result(sendfile(c, a, NULL, 8)), result(splice(a, NULL, c, NULL, 8, 0)));
		clear(null + 1);
	}
	for (int out = 0; out < KINDS; out++) {
		int a = make(PIPE, false), b = make(out, true);

		say("a pipe to %s: %s by splice", names[out], result(splice(a, NULL, b, NULL, 8, SPLICE_F_NONBLOCK)));
		say(", at an offset %s\n", result((at = 2, splice(a, NULL, b, &at, 8, SPLICE_F_NONBLOCK))));
		clear(null + 1);
	}
	/* Who is asked first: descriptors, rights, positions, counts. */
	{
		int r = make(FILE_, false), w = make(FILE_, true), p = make(PIPE, false), z = make(ZERO, false), append = open("out", O_WRONLY | O_APPEND);

		R(sendfile(w, 99, NULL, 1));
		R(sendfile(99, r, NULL, 1));
		R(sendfile(99, z, NULL, 1));
		R(sendfile(r, z, NULL, 1));
		R(sendfile(w, w, NULL, 1));
		R(sendfile(append, r, NULL, 1));
		R(sendfile(append, z, NULL, 1));
		R(sendfile(w, r, (off_t *)8, 1));
		R(sendfile(w, z, (off_t *)8, 1));
		at = -1;
		R(sendfile(w, r, &at, 1));
		at = 0;
		R(sendfile(w, p, &at, 1));
		R(sendfile(w, r, NULL, (size_t)-1));
		R(sendfile(w, r, NULL, 10));
		at = 1000;
		R(sendfile(w, r, &at, 10));
	}
	return 0;
}
