/* stage: 12; libc: musl; run: guest+golden
 * Memory runs out: the largest process is passed over if oom_score_adj protects it. */
#include "t.h"
#include <sys/klog.h>
#include <sys/sysinfo.h>

/* Touches that much of its own memory; a negative figure: for ever. */
static void take(long bytes)
{
	const long step = 1 << 20;

	for (long done = 0; bytes < 0 || done < bytes; done += step) {
		char *p = mmap(NULL, step, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p != MAP_FAILED)
			for (long at = 0; at < step; at += 4096)
				p[at] = 1;
	}
}

static void set_adj(const char *text)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY);

	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		say("oom_score_adj: not written\n");
	close(fd);
}

int main(void)
{
	struct sysinfo info;
	int ready[2], status;
	pid_t large, greedy;
	char c = 0;

	klogctl(6, NULL, 0); /* who was killed is not told among our words */
	sysinfo(&info);
	pipe(ready);
	large = fork();
	if (!large) {
		set_adj("-1000");
		take((long)(info.totalram * info.mem_unit / 100 * 55));
		write(ready[1], "x", 1);
		pause();
		_exit(0);
	}
	R(read(ready[0], &c, 1));
	greedy = fork();
	if (!greedy) {
		take(-1);
		_exit(0);
	}
	T(waitpid(greedy, &status, 0) == greedy);
	T(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	V(kill(large, 0));
	T(waitpid(large, &status, WNOHANG) == 0);
	kill(large, SIGKILL);
	T(waitpid(large, &status, 0) == large);
	klogctl(7, NULL, 0);
	return 0;
}
