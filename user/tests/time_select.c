/* stage: 09; libc: musl; run: host+guest
 * What select takes for a time: microseconds may be more than a second, and a sum that leaves the range is none. */
#include "t.h"
#include <sys/select.h>

int main(void)
{
	static const struct { long sec, usec; } times[] = {
		{ 0, 0 }, { 0, 2000 }, { 0, 1000001 }, { -1, 0 }, { 0, -1 }, { 0x7fffffffffffffff, 1000000 }, { 0x7fffffffffffffff, 0x7fffffffffffffff },
	};

	for (size_t i = 0; i < COUNT(times); i++) {
		struct { long sec, usec; } t = { times[i].sec, times[i].usec };

		say("%ld, %ld: ", times[i].sec, times[i].usec);
		R(SYS(select, 0, NULL, NULL, NULL, &t));
	}
	return 0;
}
