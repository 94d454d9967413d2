/* umount PATH ... */
#include "common/util.h"
#include "switchback.h"

int main(int argc, char **argv)
{
	int status = 0;

	for (int i = 1; i < argc; i++)
		if (umount(argv[i]) < 0)
			status = fail("umount", argv[i]);
	return status;
}
