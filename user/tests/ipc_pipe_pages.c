/* stage: 13; libc: musl; run: guest+golden
 * What Linux's pipes do page by page, and no program should count on. Not asked of a student's pipe, which may fill its pages otherwise. */
#include "t.h"
#include <sys/ioctl.h>

/* Memory that ends inside what is asked for: a page is moved whole or not at all. */
int main(void)
{
	char *page = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int p[2], left;

	munmap(page + 2 * 4096, 4096);
	memset(page, 'x', 2 * 4096);
	pipe(p);
	R(write(p[1], page + 2 * 4096 - 6, 10));
	R(ioctl(p[0], FIONREAD, &left));
	V(left);
	R(write(p[1], "abc", 3));
	R(write(p[1], page + 2 * 4096 - 6, 10));
	R(write(p[1], page + 4096, 8192));
	ioctl(p[0], FIONREAD, &left);
	V(left);
	R(write(p[1], page, 5000));
	R(read(p[0], page + 2 * 4096 - 1, 3));
	ioctl(p[0], FIONREAD, &left);
	V(left);
	R(read(p[0], page + 4096, 4500));
	ioctl(p[0], FIONREAD, &left);
	V(left);
	close(p[0]);
	close(p[1]);

	/* How many writes of a size fit: what does not go behind the last bytes as a whole takes a page of its own. */
	static const int sizes[] = { 1, 100, 1365, 2048, 2049, 3000, 4095, 4096, 4097, 5000, 8192 };

	for (size_t i = 0; i < COUNT(sizes); i++) {
		int n = 0, last;

		pipe2(p, O_NONBLOCK);
		fcntl(p[1], F_SETPIPE_SZ, 4 * 4096);
		while ((last = write(p[1], page, sizes[i] > 8192 ? 8192 : sizes[i])) > 0)
			n += last;
		say("writes of %d: %d bytes, then %s\n", sizes[i], n, errname(errno));
		close(p[0]);
		close(p[1]);
	}
	return 0;
}
