/* stage: 13; libc: musl; run: debug; disk: ext4
 * For a kernel that was told fault=KIND:N on its command line: makes calls that allocate and copy, until one fails; then a few more. */
#include "t.h"

static int file, disk;
static char page[4096] __attribute__((aligned(4096)));
static const char *const kinds[] = { "kmalloc", "page", "copyuser", "bread", "bwrite" };

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
	case 2: /* copyuser */
		return SYS(sethostname, name, 10) ? errno : 0;
	case 3: /* bread */
		return pread(disk, page, sizeof(page), 0) < 0 ? errno : 0;
	default: /* bwrite */
		return pwrite(disk, page, sizeof(page), 0) < 0 ? errno : 0;
	}
}

int main(void)
{
	const char *only = getenv("ONLY");
	int kind = 0, error = 0, more = 0;

	while (only && kind < (int)COUNT(kinds) - 1 && strcmp(only, kinds[kind]) != 0)
		kind++;
	NEED((file = open("/tmp/f", O_RDWR | O_CREAT, 0600)) >= 0);
	NEED((disk = open("/dev/vda", O_RDWR | O_DIRECT)) >= 0);
	for (int i = 0; i < 100000 && !error; i++)
		error = one_call(kind);
	for (int i = 0; i < 5; i++)
		more += one_call(kind) != 0;
	say("%s, then %d of 5\n", errname(error), more);
	return 0;
}
