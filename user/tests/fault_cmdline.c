/* stage: 13; libc: musl; run: debug
 * For a kernel that was told fault=KIND:N on its command line: makes calls that allocate and copy, until one fails; then a few more. */
#include "t.h"

static int one_call(int kind)
{
	static char name[65];
	int fds[2];
	void *p;

	switch (kind) {
	case 0: /* kmalloc */
		if (pipe(fds) < 0)
			return errno;
		close(fds[0]);
		close(fds[1]);
		return 0;
	case 1: /* page */
		p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
		if (p == MAP_FAILED)
			return errno;
		return munmap(p, 4096) ? errno : 0;
	default: /* copyuser */
		return SYS(sethostname, name, 10) ? errno : 0;
	}
}

int main(void)
{
	const char *only = getenv("ONLY");
	int kind = !only ? 0 : strcmp(only, "page") == 0 ? 1 : strcmp(only, "copyuser") == 0 ? 2 : 0, error = 0, more = 0;

	for (int i = 0; i < 100000 && !error; i++)
		error = one_call(kind);
	for (int i = 0; i < 5; i++)
		more += one_call(kind) != 0;
	say("%s, then %d of 5\n", errname(error), more);
	return 0;
}
