/* grep TEXT [FILE ...]: lines that hold a text (a plain one, no pattern). Exit status 1 when there is none. */
#include "common/util.h"

static int search(const char *text, FILE *file, const char *label)
{
	char line[4096];
	int found = 0;

	while (fgets(line, sizeof(line), file))
		if (strstr(line, text)) {
			size_t n = strlen(line);

			printf("%s%s%s%s", label ? label : "", label ? ":" : "", line, n && line[n - 1] == '\n' ? "" : "\n");
			found = 1;
		}
	return found;
}

int main(int argc, char **argv)
{
	int found = 0, failed = 0;

	if (argc < 2) {
		fprintf(stderr, "usage: grep TEXT [FILE ...]\n");
		return 2;
	}
	if (argc == 2)
		found = search(argv[1], stdin, NULL);
	for (int i = 2; i < argc; i++) {
		FILE *file = fopen(argv[i], "r");

		if (!file) {
			failed = fail("grep", argv[i]);
			continue;
		}
		found |= search(argv[1], file, argc > 3 ? argv[i] : NULL);
		fclose(file);
	}
	return failed ? 2 : !found;
}
