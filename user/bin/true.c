/* true: success; under the name false, failure. */
#include <string.h>

int main(int argc, char **argv)
{
	const char *slash = argc ? strrchr(argv[0], '/') : NULL;

	return argc && !strcmp(slash ? slash + 1 : argv[0], "false");
}
