/* Processes, memory and time: newlib's functions on Linux calls. */
#include "linux.h"
#include "switchback.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

void _exit(int status)
{
	linux_call(LX_exit_group, status, 0, 0, 0, 0, 0);
	/* A kernel that knows no groups of threads yet. */
	for (;;)
		linux_call(LX_exit, status, 0, 0, 0, 0, 0);
}

/* brk(2) answers with the break that holds after the call: the old one when there is no room. */
void *sbrk(ptrdiff_t increment)
{
	static uintptr_t current;
	uintptr_t old, wanted;

	if (!current)
		current = (uintptr_t)linux_call(LX_brk, 0, 0, 0, 0, 0, 0);
	old = current;
	wanted = old + (uintptr_t)increment;
	if ((uintptr_t)linux_call(LX_brk, (long)wanted, 0, 0, 0, 0, 0) != wanted) {
		errno = ENOMEM;
		return (void *)-1;
	}
	current = wanted;
	return (void *)old;
}

int posix_memalign(void **result, size_t align, size_t size)
{
	void *memory;

	if (align < sizeof(void *) || (align & (align - 1)))
		return EINVAL;
	memory = memalign(align, size);
	if (!memory)
		return ENOMEM;
	*result = memory;
	return 0;
}

void *mmap(void *addr, size_t length, int prot, int flags, int fd, off_t offset)
{
	return (void *)LINUX6(mmap, addr, length, prot, flags, fd, offset);
}

int munmap(void *addr, size_t length)
{
	return (int)LINUX2(munmap, addr, length);
}

int mprotect(void *addr, size_t length, int prot)
{
	return (int)LINUX3(mprotect, addr, length, prot);
}

pid_t fork(void)
{
	return (pid_t)LINUX0(fork);
}

int execve(const char *path, char *const argv[], char *const envp[])
{
	return (int)LINUX3(execve, path, argv, envp);
}

/* A status holds signal numbers: the low seven bits, and for a stop the next eight. */
static int status_from_linux(int status)
{
	int sig = status & 0x7f;

	if (sig == 0x7f)
		return (signal_from_linux((status >> 8) & 0xff) << 8) | 0x7f;
	if (sig)
		return (status & ~0x7f) | signal_from_linux(sig);
	return status;
}

pid_t waitpid(pid_t pid, int *status, int options)
{
	int native = 0;
	long result = LINUX4(wait4, pid, &native, options, 0);

	if (result > 0 && status)
		*status = status_from_linux(native);
	return (pid_t)result;
}

pid_t wait(int *status)
{
	return waitpid(-1, status, 0);
}

pid_t getpid(void)
{
	return (pid_t)LINUX0(getpid);
}

pid_t getppid(void)
{
	return (pid_t)LINUX0(getppid);
}

uid_t getuid(void)
{
	return (uid_t)LINUX0(getuid);
}

gid_t getgid(void)
{
	return (gid_t)LINUX0(getgid);
}

uid_t geteuid(void)
{
	return (uid_t)LINUX0(geteuid);
}

gid_t getegid(void)
{
	return (gid_t)LINUX0(getegid);
}

int setpgid(pid_t pid, pid_t group)
{
	return (int)LINUX2(setpgid, pid, group);
}

pid_t getpgrp(void)
{
	return (pid_t)LINUX1(getpgid, 0);
}

pid_t setsid(void)
{
	return (pid_t)LINUX0(setsid);
}

int gettimeofday(struct timeval *tv, void *zone)
{
	return (int)LINUX2(gettimeofday, tv, zone);
}

clock_t times(struct tms *buf)
{
	return (clock_t)LINUX1(times, buf);
}

int clock_gettime(clockid_t clock, struct timespec *ts)
{
	/* newlib counts its clocks from 1 (real) and 4 (monotonic), the kernel from 0 and 1. */
	return (int)LINUX2(clock_gettime, clock == CLOCK_REALTIME ? 0 : 1, ts);
}

int nanosleep(const struct timespec *want, struct timespec *left)
{
	return (int)LINUX2(nanosleep, want, left);
}

unsigned int sleep(unsigned int seconds)
{
	struct timespec want = { seconds, 0 }, left = { 0, 0 };

	return nanosleep(&want, &left) < 0 ? (unsigned int)left.tv_sec : 0;
}

unsigned int alarm(unsigned int seconds)
{
	return (unsigned int)LINUX1(alarm, seconds);
}

int getentropy(void *buf, size_t size)
{
	if (size > 256) {
		errno = EIO;
		return -1;
	}
	return LINUX3(getrandom, buf, size, 0) == (long)size ? 0 : -1;
}

int uname(struct utsname *name)
{
	return (int)LINUX1(uname, name);
}

int sysinfo(struct sysinfo *info)
{
	return (int)LINUX1(sysinfo, info);
}

int mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data)
{
	return (int)LINUX6(mount, source, target, type, flags, data, 0);
}

int umount(const char *target)
{
	return (int)LINUX2(umount2, target, 0);
}

int reboot(int command)
{
	/* The two magic numbers of reboot(2). */
	return (int)LINUX4(reboot, 0xfee1dead, 0x28121969, command, 0);
}

int sethostname(const char *name, size_t length)
{
	return (int)LINUX2(sethostname, name, length);
}
