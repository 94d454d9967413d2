/* poweroff, or reboot when that is its name: the machine, at once. */
#include "common/util.h"
#include "switchback.h"

int main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/');
	int again = !strcmp(slash ? slash + 1 : argv[0], "reboot") || (argc > 1 && !strcmp(argv[1], "-r"));

	sync();
	reboot(again ? REBOOT_RESTART : REBOOT_POWER_OFF);
	return fail(argv[0], "reboot");
}
