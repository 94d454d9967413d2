/* rmdir PATH ... */
#include "common/util.h"

int main(int argc, char **argv)
{
	int status = 0;

	for (int i = 1; i < argc; i++)
		if (rmdir(argv[i]) < 0)
			status = fail("rmdir", argv[i]);
	return status;
}
