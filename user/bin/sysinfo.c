/* sysinfo: the kernel's name, memory, uptime. */
#include "common/util.h"
#include "switchback.h"

int main(void)
{
	struct utsname name;
	struct sysinfo info;

	if (uname(&name) < 0)
		return fail("sysinfo", "uname");
	printf("%s %s %s %s\n", name.sysname, name.nodename, name.release, name.machine);
	if (sysinfo(&info) < 0)
		return fail("sysinfo", "sysinfo");
	printf("up %ld s, %d processes\n", (long)info.uptime, info.procs);
	printf("memory %lu KiB, free %lu KiB\n", (unsigned long)(info.totalram * info.mem_unit / 1024),
	       (unsigned long)(info.freeram * info.mem_unit / 1024));
	return 0;
}
