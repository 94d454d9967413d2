/* stage: 12; libc: musl; run: host+guest
 * /proc/PID/mem is the memory of the moment when it was opened: after an exec the file does not lead into the new program (which may be set-user-id, and whose
 * output may go there). */
#include "t.h"

static char word[8] = "before";

int main(int argc, char **argv)
{
	char got[8] = "";
	int fd;

	if (argc > 1) {
		fd = atoi(argv[1]);
		R(pread(fd, got, sizeof(got), (off_t)(uintptr_t)word));
		R(pwrite(fd, "after", 6, (off_t)(uintptr_t)word));
		say("%s, %s\n", got, word);
		return 0;
	}
	T((fd = open("/proc/self/mem", O_RDWR)) >= 0);
	R(pread(fd, got, sizeof(got), (off_t)(uintptr_t)word));
	R(pwrite(fd, "now", 4, (off_t)(uintptr_t)word));
	say("%s, %s\n", got, word);
	snprintf(got, sizeof(got), "%d", fd);
	execl("/proc/self/exe", argv[0], got, NULL);
	return 1;
}
