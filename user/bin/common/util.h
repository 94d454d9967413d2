/* What nearly every small program needs. */
#ifndef USER_UTIL_H
#define USER_UTIL_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* "program: subject: what errno says" on stderr; the value is an exit status. */
static inline int fail(const char *program, const char *subject)
{
	fprintf(stderr, "%s: %s: %s\n", program, subject, strerror(errno));
	return 1;
}

/* All of from into to. Returns 0, or -1 with errno. */
static inline int copy_all(int from, int to)
{
	static char buf[16384];
	int got;

	while ((got = (int)read(from, buf, sizeof(buf))) > 0)
		for (int done = 0; done < got;) {
			int n = (int)write(to, buf + done, (size_t)(got - done));

			if (n < 0)
				return -1;
			done += n;
		}
	return got;
}

#endif
