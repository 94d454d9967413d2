/* The calls of linux=minimal: what Busybox, static with musl or glibc, makes in a session with init, shell and its applets. */
#include "linux/linux.h"

const char *const linux_minimal_calls[] = {
	/* files */
	"read", "write", "open", "close", "stat", "fstat", "lstat", "newfstatat", "lseek", "ioctl", "pread64", "pwrite64", "readv", "writev", "access", "faccessat",
	"dup", "dup2", "dup3", "sendfile", "fcntl", "flock", "fsync", "fdatasync", "truncate", "ftruncate", "getdents64", "getcwd", "chdir", "fchdir", "rename", "renameat",
	"mkdir", "mkdirat", "rmdir", "link", "linkat", "unlink", "unlinkat", "symlink", "symlinkat", "readlink", "readlinkat", "chmod", "fchmod", "fchmodat", "chown",
	"fchown", "lchown", "fchownat", "umask", "mknod", "mknodat", "statfs", "fstatfs", "sync", "chroot", "mount", "umount2", "pivot_root", "openat", "utimensat", "statx",
	"fadvise64", "renameat2", "faccessat2", "syncfs",
	/* processes */
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait", "rt_sigpending", "sigaltstack", "pause", "getpid", "gettid", "getppid",
	"clone", "fork", "vfork", "execve", "exit", "exit_group", "wait4", "waitid", "kill", "tkill", "tgkill", "setpgid", "getpgid", "getpgrp", "setsid", "getsid", "getuid",
	"geteuid", "getgid", "getegid", "getresuid", "getresgid", "setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "getgroups", "setgroups", "setfsuid",
	"setfsgid", "getrlimit", "setrlimit", "prlimit64", "getrusage", "getpriority", "setpriority", "sched_yield", "sched_getaffinity", "sched_setaffinity",
	"sched_getscheduler", "sched_setscheduler", "sched_getparam", "sched_get_priority_max", "sched_get_priority_min", "prctl", "arch_prctl", "set_tid_address",
	"restart_syscall", "personality", "unshare",
	/* memory */
	"mmap", "munmap", "mprotect", "mremap", "brk", "madvise", "mlock", "mlockall",
	/* ipc */
	"poll", "ppoll", "select", "pselect6", "pipe", "pipe2", "futex", "set_robust_list", "socket", "connect", "bind", "listen", "accept", "accept4", "sendto", "recvfrom",
	"sendmsg", "recvmsg", "shutdown", "socketpair", "getsockname", "getpeername", "setsockopt", "getsockopt",
	/* time and system */
	"nanosleep", "clock_nanosleep", "clock_gettime", "clock_getres", "clock_settime", "gettimeofday", "settimeofday", "time", "times", "alarm", "setitimer", "getitimer",
	"uname", "sysinfo", "syslog", "sethostname", "setdomainname", "reboot", "getrandom",
	NULL,
};
