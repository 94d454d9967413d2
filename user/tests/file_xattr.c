/* stage: 08; libc: musl; run: guest+golden
 * Extended attributes on tmpfs: names, flags, sizes, and who may. */
#include "t.h"
#include <sys/xattr.h>

static void list(const char *path)
{
	char names[256];
	ssize_t n = listxattr(path, names, sizeof(names));

	V(n);
	(void)path;
}

int main(void)
{
	static char big[70000];
	char buf[64];
	int fd;

	t_dir();
	put_text("f", "x");
	NEED(mkdir("d", 0755) == 0 && symlink("f", "l") == 0 && mkfifo("p", 0644) == 0);
	/* No user.* on this kernel's tmpfs, so the trusted ones. */
	R(setxattr("f", "trusted.a", "value", 5, 0));
	R(getxattr("f", "trusted.a", buf, sizeof(buf)));
	R(getxattr("f", "trusted.a", buf, 0));
	R(getxattr("f", "trusted.a", buf, 3));
	R(getxattr("f", "trusted.b", buf, 3));
	R(setxattr("f", "trusted.a", "other", 5, XATTR_CREATE));
	R(setxattr("f", "trusted.b", "other", 5, XATTR_REPLACE));
	R(setxattr("f", "trusted.a", "longer value", 12, XATTR_REPLACE));
	R(getxattr("f", "trusted.a", buf, sizeof(buf)));
	R(setxattr("f", "trusted.a", "v", 1, 8));
	R(setxattr("f", "trusted.empty", "", 0, 0));
	R(getxattr("f", "trusted.empty", buf, sizeof(buf)));
	R(setxattr("f", "trusted.big", big, sizeof(big), 0));
	R(setxattr("f", "nothing", "v", 1, 0));
	R(setxattr("f", "", "v", 1, 0));
	R(setxattr("none", "trusted.a", "v", 1, 0));
	R(setxattr("f", NULL, "v", 1, 0));
	R(setxattr("f", "trusted.a", NULL, 5, 0));
	R(lsetxattr("l", "trusted.onlink", "v", 1, 0));
	R(lgetxattr("l", "trusted.onlink", buf, sizeof(buf)));
	R(getxattr("l", "trusted.onlink", buf, sizeof(buf)));
	R(setxattr("d", "security.x", "v", 1, 0));
	R(getxattr("d", "security.x", buf, sizeof(buf)));
	list("d");
	R(removexattr("d", "security.x"));
	R(removexattr("d", "security.x"));
	list("d");
	R(setxattr("p", "trusted.p", "v", 1, 0));
	fd = open("f", O_RDONLY);
	R(fsetxattr(fd, "trusted.fd", "v", 1, 0));
	R(fgetxattr(fd, "trusted.fd", buf, sizeof(buf)));
	R(fremovexattr(fd, "trusted.fd"));
	R(flistxattr(fd, NULL, 0) > 0);
	R(listxattr("f", buf, 1));
	close(fd);
	fd = open("f", O_PATH);
	R(fgetxattr(fd, "trusted.a", buf, sizeof(buf)));
	close(fd);
	chmod("f", 0666);
	IN_CHILD("stranger") {
		NEED(setuid(1000) == 0);
		R(getxattr("f", "trusted.a", buf, sizeof(buf)));
		R(setxattr("f", "trusted.a", "v", 1, 0));
		R(listxattr("f", buf, 0));
	}
	return 0;
}
