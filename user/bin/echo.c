/* echo [-n] [WORD ...] */
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	int quiet = argc > 1 && !strcmp(argv[1], "-n");

	for (int i = 1 + quiet; i < argc; i++)
		printf("%s%s", argv[i], i + 1 < argc ? " " : "");
	if (!quiet)
		printf("\n");
	return 0;
}
