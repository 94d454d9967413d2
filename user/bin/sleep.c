/* sleep SECONDS */
#include "common/util.h"

#include <time.h>

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? atof(argv[1]) : 0;
	struct timespec left = { (time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9) };

	while (nanosleep(&left, &left) < 0)
		if (errno != EINTR)
			return fail("sleep", argv[1]);
	return 0;
}
