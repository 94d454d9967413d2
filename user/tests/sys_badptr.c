/* stage: 13; libc: musl; run: host+guest
 * Bad pointers to every call that takes one: kernel addresses, the edges of user space, unmapped and read-only
 * memory. EFAULT, or what the call says first; never a crash. The fingerprint of all errnos is compared. */
#include "t.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/uio.h>

static char *edge;		/* the last byte of a mapped page before an unmapped one */
static char *readonly;

/* Which argument is a pointer that is tried; others are sound. */
#define TRY(name, ...) do { \
	say("%s:", #name); \
	for (size_t i_ = 0; i_ < COUNT(bad); i_++) { \
		char *P UNUSED = bad[i_]; \
		errno = 0; \
		long r_ = syscall(SYS_##name, __VA_ARGS__); \
		say(" %s", r_ == -1 ? errname(errno) : "ok"); \
	} \
	say("\n"); \
} while (0)

int main(void)
{
	char *bad[7];
	char buf[256];
	struct stat st;
	struct timespec ts = { 0, 1 };
	int fds[2], fd, efd, epfd;
	sigset_t set;

	t_dir();
	edge = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(edge + 4096, 4096);
	memset(edge, 'e', 4096);
	readonly = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bad[0] = NULL;
	bad[1] = (char *)8;
	bad[2] = (char *)0x7fffffffefff;
	bad[3] = (char *)0x7ffffffff000;
	bad[4] = (char *)0x800000000000;
	bad[5] = (char *)0xffffffff80000000;
	bad[6] = (char *)-1;
	put_text("f", "0123456789");
	fd = open("f", O_RDWR);
	efd = (int)SYS(eventfd2, 1, O_NONBLOCK);
	epfd = (int)SYS(epoll_create1, 0);
	NEED(pipe2(fds, O_NONBLOCK) == 0);
	write(fds[1], "0123456789", 10);
	sigemptyset(&set);

	TRY(read, fd, P, 4);
	TRY(write, fd, P, 4);
	TRY(pread64, fd, P, 4, 0);
	TRY(pwrite64, fd, P, 4, 0);
	TRY(readv, fd, P, 1);
	TRY(writev, fd, P, 1);
	TRY(read, fds[0], P, 4);
	TRY(write, fds[1], P, 4);
	TRY(read, efd, P, 8);
	TRY(write, efd, P, 8);
	TRY(open, P, O_RDONLY);
	TRY(openat, AT_FDCWD, P, O_RDONLY);
	TRY(stat, P, &st);
	TRY(stat, "f", P);
	TRY(lstat, P, &st);
	TRY(fstat, fd, P);
	TRY(newfstatat, AT_FDCWD, P, &st, 0);
	TRY(newfstatat, AT_FDCWD, "f", P, 0);
	TRY(statx, AT_FDCWD, P, 0, 0x7ff, buf);
	TRY(statx, AT_FDCWD, "f", 0, 0x7ff, P);
	TRY(access, P, 0);
	TRY(faccessat, AT_FDCWD, P, 0);
	TRY(statfs, P, buf);
	TRY(statfs, "f", P);
	TRY(fstatfs, fd, P);
	TRY(poll, P, 1, 0);
	TRY(select, 1, P ? P : (char *)8, NULL, NULL, &(struct timeval){ 0, 0 });
	TRY(pselect6, 1, P ? P : (char *)8, NULL, NULL, &ts, NULL);
	TRY(ppoll, P, 1, &ts, NULL, 8);
	TRY(epoll_ctl, epfd, EPOLL_CTL_ADD, fds[0], P);
	TRY(epoll_wait, epfd, P, 0, 0);
	TRY(pipe, P);
	TRY(pipe2, P, 0);
	TRY(getcwd, P, 100);
	TRY(chdir, P);
	TRY(mkdir, P, 0755);
	TRY(mkdirat, AT_FDCWD, P, 0755);
	TRY(rmdir, P);
	TRY(unlink, P);
	TRY(unlinkat, AT_FDCWD, P, 0);
	TRY(rename, P, "x");
	TRY(rename, "f", P);
	TRY(link, P, "x");
	TRY(link, "f", P);
	TRY(symlink, P, "x");
	TRY(symlink, "x", P);
	TRY(readlink, P, buf, 10);
	TRY(readlink, "/proc/self/exe", P, 10);
	TRY(chmod, P, 0644);
	TRY(chown, P, 0, 0);
	TRY(lchown, P, 0, 0);
	TRY(truncate, P, 0);
	TRY(mknod, P, S_IFIFO | 0644, 0);
	TRY(utimensat, AT_FDCWD, "f", P, 0);
	TRY(getdents64, open("/", O_RDONLY), P, 1000);
	TRY(chroot, P);
	TRY(mount, P, P, P, 0, NULL);
	TRY(umount2, P, 0);
	TRY(execve, P, NULL, NULL);
	TRY(wait4, -1, P, WNOHANG, NULL);
	TRY(rt_sigaction, SIGUSR1, P, NULL, 8);
	TRY(rt_sigaction, SIGUSR1, NULL, P, 8);
	TRY(rt_sigprocmask, SIG_BLOCK, P, NULL, 8);
	TRY(rt_sigprocmask, SIG_BLOCK, NULL, P, 8);
	TRY(rt_sigpending, P, 8);
	TRY(rt_sigtimedwait, P, NULL, &ts, 8);
	TRY(rt_sigtimedwait, &set, NULL, P ? P : (char *)8, 8);
	TRY(rt_sigqueueinfo, 1, SIGUSR1, P);
	TRY(sigaltstack, P, NULL);
	TRY(sigaltstack, NULL, P);
	TRY(nanosleep, P, NULL);
	TRY(clock_nanosleep, CLOCK_MONOTONIC, 0, P, NULL);
	TRY(clock_gettime, CLOCK_MONOTONIC, P);
	TRY(clock_getres, CLOCK_MONOTONIC, P);
	TRY(gettimeofday, P, NULL);
	TRY(time, P);
	TRY(times, P);
	TRY(setitimer, ITIMER_REAL, P ? P : (char *)8, NULL);
	TRY(getitimer, ITIMER_REAL, P);
	TRY(timerfd_settime, 99, 0, P, NULL);
	TRY(uname, P);
	TRY(sysinfo, P);
	TRY(getrlimit, 7, P);
	TRY(prlimit64, 0, 7, NULL, P);
	TRY(getrusage, 0, P);
	TRY(getgroups, 0, P);
	TRY(setgroups, 1, P);
	TRY(getresuid, P, P, P);
	TRY(sethostname, P, 4);
	TRY(getrandom, P, 16, 0);
	TRY(futex, P, 0, 0, &ts, NULL, 0);
	TRY(futex, P, 1, 1, NULL, NULL, 0);
	TRY(set_robust_list, P, 24);
	TRY(arch_prctl, 0x1003, P);
	TRY(prctl, 16, P);
	TRY(prctl, 15, P);
	TRY(sched_getaffinity, 0, 8, P);
	TRY(sched_setaffinity, 0, 8, P);
	TRY(mincore, edge, 4096, P);
	TRY(memfd_create, P, 0);
	TRY(ioctl, fds[0], 0x541b, P);
	TRY(fcntl, fd, F_GETLK, P);
	TRY(sendfile, fd, fd, P ? P : (char *)8, 4);
	TRY(clone3, P, 88);

	/* Half of the buffer is there. */
	lseek(fd, 0, SEEK_SET);
	R(read(fd, edge + 4092, 8));
	R(lseek(fd, 0, SEEK_CUR));
	R(write(fds[1], edge + 4092, 8));
	R(SYS(stat, "f", edge + 4090));
	R(SYS(open, edge + 4090, O_RDONLY));
	memcpy(edge + 4094, "f", 2);
	R(SYS(access, edge + 4094, 0));
	R(SYS(clock_gettime, CLOCK_MONOTONIC, edge + 4090));
	R(SYS(clock_gettime, CLOCK_MONOTONIC, readonly));
	R(SYS(uname, readonly));
	R(read(fd, readonly, 1));
	R(read(fd, (char *)main, 1));
	{
		struct iovec v[2] = { { edge + 4090, 6 }, { edge + 4096, 4 } };

		lseek(fd, 0, SEEK_SET);
		R(readv(fd, v, 2));
	}
	return 0;
}
