/* stage: 13; libc: musl; run: debug
 * For a kernel that was told fault=KIND:N on its command line: makes calls that allocate and copy, until one fails; then a few more. */
#include "t.h"

static int file;
static char page[4096];

static int one_call(int kind)
{
	static char name[65];
	int fds[2];

	switch (kind) {
	case 0: /* kmalloc */
		if (pipe(fds) < 0)
			return errno;
		close(fds[0]);
		close(fds[1]);
		return 0;
	case 1: /* page */
		if (ftruncate(file, 0) < 0)
			return errno;
		return pwrite(file, page, sizeof(page), 0) < 0 ? errno : 0;
	default: /* copyuser */
		return SYS(sethostname, name, 10) ? errno : 0;
	}
}

int main(void)
{
	const char *only = getenv("ONLY");
	int kind = !only ? 0 : strcmp(only, "page") == 0 ? 1 : strcmp(only, "copyuser") == 0 ? 2 : 0, error = 0, more = 0;

	NEED((file = open("/tmp/f", O_RDWR | O_CREAT, 0600)) >= 0);
	for (int i = 0; i < 100000 && !error; i++)
		error = one_call(kind);
	for (int i = 0; i < 5; i++)
		more += one_call(kind) != 0;
	say("%s, then %d of 5\n", errname(error), more);
	return 0;
}
