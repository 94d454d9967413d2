/* wc [FILE ...]: lines, words, bytes. */
#include "common/util.h"

static int count(const char *name, int fd)
{
	static char buf[16384];
	long lines = 0, words = 0, bytes = 0;
	int got, inside = 0;

	while ((got = (int)read(fd, buf, sizeof(buf))) > 0) {
		bytes += got;
		for (int i = 0; i < got; i++) {
			int blank = buf[i] == ' ' || (buf[i] >= '\t' && buf[i] <= '\r');

			lines += buf[i] == '\n';
			words += !blank && !inside;
			inside = !blank;
		}
	}
	if (got < 0)
		return fail("wc", name ? name : "standard input");
	printf("%7ld %7ld %7ld%s%s\n", lines, words, bytes, name ? " " : "", name ? name : "");
	return 0;
}

int main(int argc, char **argv)
{
	int status = 0;

	if (argc == 1)
		return count(NULL, 0);
	for (int i = 1; i < argc; i++) {
		int fd = open(argv[i], O_RDONLY);

		status |= fd < 0 ? fail("wc", argv[i]) : count(argv[i], fd);
		if (fd >= 0)
			close(fd);
	}
	return status;
}
