/*
 * The kernel's side of the border: x86-64 Linux call numbers, the call itself, and native layouts.
 * Only the files of this folder include it. See Documentation of the x86-64 psABI, appendix A.2.
 */
#ifndef SWITCHBACK_NEWLIB_LINUX_H
#define SWITCHBACK_NEWLIB_LINUX_H

#include <stddef.h>
#include <stdint.h>

enum linux_number {
	LX_read = 0, LX_write = 1, LX_open = 2, LX_close = 3, LX_stat = 4, LX_fstat = 5, LX_lstat = 6,
	LX_poll = 7, LX_lseek = 8, LX_mmap = 9, LX_mprotect = 10, LX_munmap = 11, LX_brk = 12,
	LX_rt_sigaction = 13, LX_rt_sigprocmask = 14, LX_ioctl = 16, LX_access = 21, LX_pipe = 22,
	LX_sched_yield = 24, LX_dup = 32, LX_dup2 = 33, LX_pause = 34, LX_nanosleep = 35, LX_alarm = 37,
	LX_getpid = 39, LX_fork = 57, LX_vfork = 58, LX_execve = 59, LX_exit = 60, LX_wait4 = 61,
	LX_kill = 62, LX_uname = 63, LX_fcntl = 72, LX_fsync = 74, LX_truncate = 76, LX_ftruncate = 77,
	LX_getcwd = 79, LX_chdir = 80, LX_rename = 82, LX_mkdir = 83, LX_rmdir = 84, LX_link = 86,
	LX_unlink = 87, LX_symlink = 88, LX_readlink = 89, LX_chmod = 90, LX_chown = 92, LX_umask = 95,
	LX_gettimeofday = 96, LX_sysinfo = 99, LX_times = 100, LX_getuid = 102, LX_getgid = 104,
	LX_setuid = 105, LX_setgid = 106, LX_geteuid = 107, LX_getegid = 108, LX_setpgid = 109,
	LX_getppid = 110, LX_setsid = 112, LX_getpgid = 121, LX_rt_sigpending = 127,
	LX_rt_sigsuspend = 130, LX_mknod = 133, LX_sync = 162, LX_mount = 165, LX_umount2 = 166,
	LX_reboot = 169, LX_sethostname = 170, LX_gettid = 186, LX_getdents64 = 217,
	LX_clock_gettime = 228, LX_exit_group = 231, LX_utimensat = 280, LX_getrandom = 318,
};

/* One system call. The result is the kernel's: -4095..-1 is a negated Linux errno. */
static inline long linux_call(long number, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

/* Turn a kernel result into C's: the value, or -1 with errno in newlib's numbers. */
long linux_result(long result);

#define LINUX0(name)		linux_result(linux_call(LX_##name, 0, 0, 0, 0, 0, 0))
#define LINUX1(name, a)		linux_result(linux_call(LX_##name, (long)(a), 0, 0, 0, 0, 0))
#define LINUX2(name, a, b)	linux_result(linux_call(LX_##name, (long)(a), (long)(b), 0, 0, 0, 0))
#define LINUX3(name, a, b, c) \
	linux_result(linux_call(LX_##name, (long)(a), (long)(b), (long)(c), 0, 0, 0))
#define LINUX4(name, a, b, c, d) \
	linux_result(linux_call(LX_##name, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0))
#define LINUX6(name, a, b, c, d, e, f) \
	linux_result(linux_call(LX_##name, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f)))

struct linux_stat {
	uint64_t dev, ino, nlink;
	uint32_t mode, uid, gid, pad;
	uint64_t rdev;
	int64_t size, blksize, blocks;
	int64_t atime, atime_nsec, mtime, mtime_nsec, ctime, ctime_nsec;
	int64_t unused[3];
};
_Static_assert(sizeof(struct linux_stat) == 144, "struct stat of the x86-64 ABI");

struct linux_sigaction {
	void (*handler)(int);
	uint64_t flags;
	void (*restorer)(void);
	uint64_t mask;
};

struct linux_dirent {
	uint64_t ino, off;
	uint16_t reclen;
	uint8_t type;
	char name[];
};

#define LINUX_SA_RESTORER	0x04000000
#define LINUX_SA_RESTART	0x10000000
#define LINUX_SA_NOCLDSTOP	0x00000001

void signal_restorer(void);

/* Signal numbers: newlib's to the kernel's (0 = there is none) and back. Bit n-1 of a kernel mask is signal n. */
int signal_to_linux(int sig);
int signal_from_linux(int sig);
uint64_t sigset_to_linux(unsigned long set);
unsigned long sigset_from_linux(uint64_t mask);

#endif
