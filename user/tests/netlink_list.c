/* stage: 12; libc: musl; run: guest+golden
 * /proc/net/netlink: sockets are listed from when they have a port until they are closed, with what waits in them. */
#include "t.h"

#include <sys/socket.h>

/* musl has no header for it. */
struct sockaddr_nl {
	sa_family_t nl_family;
	unsigned short pad;
	uint32_t nl_pid, nl_groups;
};

/* The line of a port, without the kernel's address and with the inode only compared. */
static void list(const char *what, unsigned port, int fd)
{
	unsigned long inode = 0;
	char line[256];
	struct stat st = { 0 };
	int found = 0;
	FILE *f = fopen("/proc/net/netlink", "r");

	NEED(f != NULL);
	NEED(fgets(line, sizeof(line), f) != NULL);
	if (!what) {
		say("%s", line);
		fclose(f);
		return;
	}
	if (fd >= 0)
		fstat(fd, &st);
	while (fgets(line, sizeof(line), f)) {
		unsigned protocol, pid, groups;
		int queued, sent, dump, users, drops;
		char address[40];
		int n = sscanf(line, "%39s %u %u %x %d %d %d %d %d %lu", address, &protocol, &pid, &groups, &queued, &sent, &dump, &users, &drops, &inode);
		if (n != 10 || pid != port || protocol != 0)
			continue;
		found++;
		say("%s: groups %08x queued %s dump %d users %d drops %d, address of %d digits", what, groups, queued ? "some" : "none", dump, users, drops, (int)strlen(address));
		if (fd >= 0)
			say(", inode %s, in all %d", inode == st.st_ino ? "ours" : "another", (int)strlen(line));
		say("\n");
	}
	if (!found)
		say("%s: not listed\n", what);
	fclose(f);
}

int main(void)
{
	struct sockaddr_nl a = { .nl_family = AF_NETLINK, .nl_pid = 7654321 };
	int s, other;

	list(NULL, 0, -1);
	list("the kernel", 0, -1);
	s = socket(AF_NETLINK, SOCK_RAW, 0);
	NEED(s >= 0);
	list("made", a.nl_pid, s);
	R(bind(s, (struct sockaddr *)&a, sizeof(a)));
	list("bound", a.nl_pid, s);
	other = socket(AF_NETLINK, SOCK_DGRAM, 0);
	a.nl_pid = 0;
	R(bind(other, (struct sockaddr *)&a, sizeof(a)));
	list("by the process's number", (unsigned)getpid(), other);
	close(s);
	list("closed", 7654321, -1);
	close(other);
	list("closed", (unsigned)getpid(), -1);
	return 0;
}
