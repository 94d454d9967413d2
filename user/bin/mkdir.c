/* mkdir PATH ... */
#include "common/util.h"

#include <sys/stat.h>

int main(int argc, char **argv)
{
	int status = 0;

	for (int i = 1; i < argc; i++)
		if (mkdir(argv[i], 0777) < 0)
			status = fail("mkdir", argv[i]);
	return status;
}
