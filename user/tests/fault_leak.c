/* stage: 13; libc: musl; run: debug
 * Leaves something behind that no clearing up after a test takes away: a file in the root, with a page in it. The runner must say so, and name what grew. */
#include "t.h"

int main(void)
{
	put_text("/left behind", "text");
	return 0;
}
