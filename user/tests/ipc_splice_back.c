/* stage: 09; libc: musl; run: guest+golden
 * splice from a full pipe to one who does not take it: all bytes are still there, in their order. */
#include "t.h"
#include <sys/sendfile.h>
#include <sys/socket.h>

static unsigned char in[1 << 16], out[1 << 16];

static void full(int size, size_t n)
{
	int p[2], s[2];
	size_t had = 0;

	NEED(pipe2(p, O_NONBLOCK) == 0 && fcntl(p[1], F_SETPIPE_SZ, size) == size);
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
	close(s[1]);
	for (int i = 0; i < size; i++)
		out[i] = i * 7 + i / 256;
	R(write(p[1], out, size));
	for (int i = 0; i < 3; i++)
		R(splice(p[0], NULL, s[0], NULL, n, 0));
	R(write(p[1], out, 1));
	R(read(p[0], in, 100));
	had = 100;
	R(splice(p[0], NULL, s[0], NULL, n, 0));
	ssize_t got = read(p[0], in + had, sizeof(in) - had);
	V(got);
	T(got + (ssize_t)had == size && memcmp(in, out, size) == 0);
	R(write(p[1], out, size));
	close(p[0]);
	close(p[1]);
	close(s[0]);
}

/* A part of a packet: the rest stays. */
static void packets(void)
{
	int p[2], null = open("/dev/null", O_WRONLY);

	NEED(pipe2(p, O_DIRECT) == 0);
	R(write(p[1], "packet", 6));
	R(write(p[1], "next", 4));
	R(splice(p[0], NULL, null, NULL, 2, 0));
	R(read(p[0], in, 100));
	R(read(p[0], in, 100));
	close(p[0]);
	close(p[1]);
}

/* sendfile into a pipe does not wait for more room than there is, and tells that nobody reads before it looks at the input. */
static void sends(void)
{
	int p[2], q[2], file = open("file", O_RDWR | O_CREAT, 0600), dir = open(".", O_RDONLY);

	NEED(pipe(p) == 0 && pipe(q) == 0 && fcntl(p[1], F_SETPIPE_SZ, 8192) == 8192);
	NEED(write(file, out, 20000) == 20000 && lseek(file, 0, SEEK_SET) == 0);
	R(sendfile(p[1], file, NULL, 20000));
	V(lseek(file, 0, SEEK_CUR));
	R(fcntl(p[1], F_SETFL, O_NONBLOCK));
	R(sendfile(p[1], file, NULL, 20000));
	R(read(p[0], in, sizeof(in)));
	close(p[0]);
	R(sendfile(p[1], file, NULL, 20000));
	R(sendfile(p[1], dir, NULL, 1));
	R(splice(dir, NULL, p[1], NULL, 1, 0));
	close(q[1]);
	R(splice(q[0], NULL, p[1], NULL, 1, 0));
	R(splice(q[0], NULL, file, NULL, -1, 0));
	close(q[0]);
	close(p[1]);
}

/* Which error goes first. */
static void errors(void)
{
	int p[2], dir = open(".", O_RDONLY);
	loff_t at = 0;

	NEED(pipe(p) == 0);
	R(splice(p[1], &at, p[1], NULL, 1, 0));
	R(splice(p[0], NULL, p[0], &at, 1, 0));
	R(splice(p[1], NULL, p[1], NULL, 1, 0));
	R(splice(dir, (loff_t *)8, p[0], NULL, 1, 0));
	R(SYS(sendfile, p[1], dir, NULL, 0L));
}

int main(void)
{
	t_dir();
	catch(SIGPIPE, SIG_IGN, 0);
	errors();
	packets();
	sends();
	full(65536, 1);
	full(65536, 4095);
	full(65536, 5000);
	full(4096, 1);
	full(8192, 4097);
	return 0;
}
