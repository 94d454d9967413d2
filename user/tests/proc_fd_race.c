/* stage: 12; libc: musl; run: host
 * Descriptors of processes that end while others list them: a table's last reference is never given back in the middle of a listing. */
#include "t.h"
#include <dirent.h>
#include <sys/epoll.h>

static void list(pid_t pid)
{
	char name[40], target[40];
	struct dirent *e;

	snprintf(name, sizeof(name), "/proc/%d/fd", pid);
	DIR *d = opendir(name);
	if (!d)
		return;
	while ((e = readdir(d)))
		readlinkat(dirfd(d), e->d_name, target, sizeof(target));
	closedir(d);
}

int main(void)
{
	int rounds = 0;

	for (int i = 0; i < 400; i++) {
		pid_t pid = fork();
		if (!pid) {
			int ep = epoll_create1(0), p[2];
			struct epoll_event e = { .events = EPOLLIN };
			if (ep < 0 || pipe(p) || epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &e))
				_exit(1);
			_exit(0);
		}
		NEED(pid > 0);
		int status;
		while (waitpid(pid, &status, WNOHANG) == 0)
			list(pid);
		rounds += status == 0;
	}
	T(rounds == 400);
	return 0;
}
