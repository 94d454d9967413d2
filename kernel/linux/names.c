/* Names of numbers, for the trace. Values are the Linux ABI's on x86-64. */
#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/mman.h"
#include "abi/poll.h"
#include "abi/signal.h"
#include "abi/termios.h"
#include "linux_priv.h"

#define N(x) { (u64)(x), #x }
#define END { 0, NULL }

const struct decode_name names_open[] = {
	N(O_TMPFILE), N(O_DIRECTORY), N(O_SYNC), N(O_CREAT), N(O_EXCL), N(O_NOCTTY), N(O_TRUNC),
	N(O_APPEND), N(O_NONBLOCK), N(O_DSYNC), N(O_ASYNC), N(O_DIRECT), N(O_LARGEFILE), N(O_NOFOLLOW),
	N(O_NOATIME), N(O_CLOEXEC), N(O_PATH), END,
};

const struct decode_name names_prot[] = {
	N(PROT_NONE), N(PROT_READ), N(PROT_WRITE), N(PROT_EXEC), N(PROT_GROWSDOWN), N(PROT_GROWSUP), END,
};

const struct decode_name names_map[] = {
	N(MAP_SHARED_VALIDATE), N(MAP_SHARED), N(MAP_PRIVATE), N(MAP_FIXED), N(MAP_ANONYMOUS),
	N(MAP_32BIT), N(MAP_GROWSDOWN), N(MAP_DENYWRITE), N(MAP_EXECUTABLE), N(MAP_LOCKED),
	N(MAP_NORESERVE), N(MAP_POPULATE), N(MAP_NONBLOCK), N(MAP_STACK), N(MAP_HUGETLB), N(MAP_SYNC),
	N(MAP_FIXED_NOREPLACE), END,
};

const struct decode_name names_clone[] = {
	{ 0x100, "CLONE_VM" }, { 0x200, "CLONE_FS" }, { 0x400, "CLONE_FILES" },
	{ 0x800, "CLONE_SIGHAND" }, { 0x1000, "CLONE_PIDFD" }, { 0x2000, "CLONE_PTRACE" },
	{ 0x4000, "CLONE_VFORK" }, { 0x8000, "CLONE_PARENT" }, { 0x10000, "CLONE_THREAD" },
	{ 0x20000, "CLONE_NEWNS" }, { 0x40000, "CLONE_SYSVSEM" }, { 0x80000, "CLONE_SETTLS" },
	{ 0x100000, "CLONE_PARENT_SETTID" }, { 0x200000, "CLONE_CHILD_CLEARTID" },
	{ 0x400000, "CLONE_DETACHED" }, { 0x800000, "CLONE_UNTRACED" },
	{ 0x1000000, "CLONE_CHILD_SETTID" }, { 0x2000000, "CLONE_NEWCGROUP" },
	{ 0x4000000, "CLONE_NEWUTS" }, { 0x8000000, "CLONE_NEWIPC" }, { 0x10000000, "CLONE_NEWUSER" },
	{ 0x20000000, "CLONE_NEWPID" }, { 0x40000000, "CLONE_NEWNET" }, { 0x80000000, "CLONE_IO" }, END,
};

const struct decode_name names_at[] = {
	N(AT_SYMLINK_NOFOLLOW), N(AT_REMOVEDIR), N(AT_SYMLINK_FOLLOW), N(AT_NO_AUTOMOUNT),
	N(AT_EMPTY_PATH), { 0x2000, "AT_STATX_FORCE_SYNC" }, { 0x4000, "AT_STATX_DONT_SYNC" }, END,
};

const struct decode_name names_wait[] = {
	{ 0x1, "WNOHANG" }, { 0x2, "WUNTRACED" }, { 0x4, "WEXITED" }, { 0x8, "WCONTINUED" },
	{ 0x1000000, "WNOWAIT" }, { 0x80000000, "__WCLONE" }, { 0x40000000, "__WALL" }, END,
};

const struct decode_name names_access[] = {
	{ 0x0, "F_OK" }, { 0x4, "R_OK" }, { 0x2, "W_OK" }, { 0x1, "X_OK" }, END,
};

const struct decode_name names_whence[] = {
	N(SEEK_SET), N(SEEK_CUR), N(SEEK_END), N(SEEK_DATA), N(SEEK_HOLE), END,
};

const struct decode_name names_fcntl[] = {
	N(F_DUPFD), N(F_GETFD), N(F_SETFD), N(F_GETFL), N(F_SETFL), N(F_GETLK), N(F_SETLK), N(F_SETLKW),
	N(F_SETOWN), N(F_GETOWN), N(F_SETSIG), N(F_GETSIG), N(F_SETOWN_EX), N(F_GETOWN_EX),
	N(F_OFD_GETLK), N(F_OFD_SETLK), N(F_OFD_SETLKW), N(F_SETLEASE), N(F_GETLEASE),
	N(F_DUPFD_CLOEXEC), N(F_SETPIPE_SZ), N(F_GETPIPE_SZ), N(F_ADD_SEALS), N(F_GET_SEALS), END,
};

const struct decode_name names_ioctl[] = {
	N(TCGETS), N(TCSETS), N(TCSETSW), N(TCSETSF), N(TCGETA), N(TCSETA), N(TCSETAW), N(TCSETAF),
	N(TCSBRK), N(TCXONC), N(TCFLSH), N(TIOCEXCL), N(TIOCNXCL), N(TIOCSCTTY), N(TIOCGPGRP),
	N(TIOCSPGRP), N(TIOCOUTQ), N(TIOCSTI), N(TIOCGWINSZ), N(TIOCSWINSZ), N(TIOCMGET), N(TIOCMBIS),
	N(TIOCMBIC), N(TIOCMSET), N(FIONREAD), N(TIOCCONS), N(TIOCPKT), N(FIONBIO), N(TIOCNOTTY),
	N(TIOCSETD), N(TIOCGETD), N(TCSBRKP), N(TIOCSBRK), N(TIOCCBRK), N(TIOCGSID), N(TCGETS2),
	N(TCSETS2), N(TCSETSW2), N(TCSETSF2), N(TIOCGPTN), N(TIOCSPTLCK), N(TIOCGDEV), N(TIOCVHANGUP),
	N(TIOCGPKT), N(TIOCGPTLCK), N(TIOCGEXCL), N(TIOCGPTPEER), N(FIONCLEX), N(FIOCLEX), N(FIOASYNC),
	N(TIOCSERGETLSR), N(TIOCGICOUNT), N(FIOQSIZE), { 0x4b33, "KDGKBTYPE" }, { 0x4b44, "KDGKBMODE" },
	{ 0x4b45, "KDSKBMODE" }, { 0x4b3b, "KDGETMODE" }, { 0x4b3a, "KDSETMODE" },
	{ 0x5600, "VT_OPENQRY" }, { 0x5601, "VT_GETMODE" }, { 0x5602, "VT_SETMODE" },
	{ 0x5603, "VT_GETSTATE" }, { 0x5606, "VT_ACTIVATE" }, { 0x5607, "VT_WAITACTIVE" },
	{ 0x80081272, "BLKGETSIZE64" }, { 0x1260, "BLKGETSIZE" }, { 0x40049409, "FICLONE" },
	{ 0x80247009, "RTC_RD_TIME" }, { 0x8912, "SIOCGIFCONF" }, { 0x8913, "SIOCGIFFLAGS" },
	{ 0x8914, "SIOCSIFFLAGS" }, { 0x8915, "SIOCGIFADDR" }, { 0x8916, "SIOCSIFADDR" },
	{ 0x891b, "SIOCGIFNETMASK" }, { 0x891c, "SIOCSIFNETMASK" }, { 0x8921, "SIOCGIFMTU" },
	{ 0x8927, "SIOCGIFHWADDR" }, { 0x8933, "SIOCGIFINDEX" }, { 0x890b, "SIOCADDRT" }, END,
};

const struct decode_name names_futex[] = {
	{ 0x80, "FUTEX_PRIVATE_FLAG" }, { 0x100, "FUTEX_CLOCK_REALTIME" }, { 0xa, "FUTEX_WAKE_BITSET" },
	{ 0xd, "FUTEX_LOCK_PI2" }, { 0x9, "FUTEX_WAIT_BITSET" }, { 0xc, "FUTEX_CMP_REQUEUE_PI" }, { 0xb, "FUTEX_WAIT_REQUEUE_PI" },
	{ 0x8, "FUTEX_TRYLOCK_PI" }, { 0x7, "FUTEX_UNLOCK_PI" }, { 0x6, "FUTEX_LOCK_PI" },
	{ 0x5, "FUTEX_WAKE_OP" }, { 0x4, "FUTEX_CMP_REQUEUE" }, { 0x3, "FUTEX_REQUEUE" },
	{ 0x1, "FUTEX_WAKE" }, { 0x0, "FUTEX_WAIT" }, END,
};

const struct decode_name names_sigmask[] = {
	N(SIG_BLOCK), N(SIG_UNBLOCK), N(SIG_SETMASK), END,
};

const struct decode_name names_family[] = {
	{ 0x0, "AF_UNSPEC" }, { 0x1, "AF_UNIX" }, { 0x2, "AF_INET" }, { 0xa, "AF_INET6" },
	{ 0x10, "AF_NETLINK" }, { 0x11, "AF_PACKET" }, END,
};

const struct decode_name names_socket[] = {
	{ 0x80000, "SOCK_CLOEXEC" }, { 0x800, "SOCK_NONBLOCK" }, { 0x5, "SOCK_SEQPACKET" },
	{ 0x3, "SOCK_RAW" }, { 0x2, "SOCK_DGRAM" }, { 0x1, "SOCK_STREAM" }, END,
};

const struct decode_name names_clock[] = {
	{ 0x0, "CLOCK_REALTIME" }, { 0x1, "CLOCK_MONOTONIC" }, { 0x2, "CLOCK_PROCESS_CPUTIME_ID" },
	{ 0x3, "CLOCK_THREAD_CPUTIME_ID" }, { 0x4, "CLOCK_MONOTONIC_RAW" },
	{ 0x5, "CLOCK_REALTIME_COARSE" }, { 0x6, "CLOCK_MONOTONIC_COARSE" }, { 0x7, "CLOCK_BOOTTIME" },
	{ 0xb, "CLOCK_TAI" }, END,
};

const struct decode_name names_madvise[] = {
	N(MADV_NORMAL), N(MADV_RANDOM), N(MADV_SEQUENTIAL), N(MADV_WILLNEED), N(MADV_DONTNEED),
	N(MADV_FREE), N(MADV_REMOVE), N(MADV_DONTFORK), N(MADV_DOFORK), N(MADV_MERGEABLE),
	N(MADV_UNMERGEABLE), N(MADV_HUGEPAGE), N(MADV_NOHUGEPAGE), N(MADV_DONTDUMP), N(MADV_DODUMP),
	N(MADV_WIPEONFORK), N(MADV_KEEPONFORK), N(MADV_COLD), N(MADV_PAGEOUT), N(MADV_POPULATE_READ),
	N(MADV_POPULATE_WRITE), N(MADV_DONTNEED_LOCKED), END,
};

const struct decode_name names_mount[] = {
	{ 0x1, "MS_RDONLY" }, { 0x2, "MS_NOSUID" }, { 0x4, "MS_NODEV" }, { 0x8, "MS_NOEXEC" },
	{ 0x10, "MS_SYNCHRONOUS" }, { 0x20, "MS_REMOUNT" }, { 0x80, "MS_DIRSYNC" },
	{ 0x400, "MS_NOATIME" }, { 0x800, "MS_NODIRATIME" }, { 0x1000, "MS_BIND" },
	{ 0x2000, "MS_MOVE" }, { 0x4000, "MS_REC" }, { 0x8000, "MS_SILENT" },
	{ 0x20000, "MS_UNBINDABLE" }, { 0x40000, "MS_PRIVATE" }, { 0x80000, "MS_SLAVE" },
	{ 0x100000, "MS_SHARED" }, { 0x200000, "MS_RELATIME" }, { 0x1000000, "MS_STRICTATIME" },
	{ 0x2000000, "MS_LAZYTIME" }, END,
};

const struct decode_name names_umount[] = {
	{ 0x1, "MNT_FORCE" }, { 0x2, "MNT_DETACH" }, { 0x4, "MNT_EXPIRE" }, { 0x8, "UMOUNT_NOFOLLOW" }, END,
};

const struct decode_name names_poll[] = {
	N(POLLIN), N(POLLPRI), N(POLLOUT), N(POLLERR), N(POLLHUP), N(POLLNVAL), N(POLLRDNORM),
	N(POLLRDBAND), N(POLLWRNORM), N(POLLWRBAND), N(POLLRDHUP), END,
};

const struct decode_name names_sigaction[] = {
	N(SA_NOCLDSTOP), N(SA_NOCLDWAIT), N(SA_SIGINFO), N(SA_RESTORER), N(SA_ONSTACK), N(SA_RESTART),
	N(SA_NODEFER), N(SA_RESETHAND), END,
};

const struct decode_name names_rlimit[] = {
	{ 0x0, "RLIMIT_CPU" }, { 0x1, "RLIMIT_FSIZE" }, { 0x2, "RLIMIT_DATA" }, { 0x3, "RLIMIT_STACK" },
	{ 0x4, "RLIMIT_CORE" }, { 0x5, "RLIMIT_RSS" }, { 0x6, "RLIMIT_NPROC" },
	{ 0x7, "RLIMIT_NOFILE" }, { 0x8, "RLIMIT_MEMLOCK" }, { 0x9, "RLIMIT_AS" },
	{ 0xa, "RLIMIT_LOCKS" }, { 0xb, "RLIMIT_SIGPENDING" }, { 0xc, "RLIMIT_MSGQUEUE" },
	{ 0xd, "RLIMIT_NICE" }, { 0xe, "RLIMIT_RTPRIO" }, { 0xf, "RLIMIT_RTTIME" }, END,
};

const struct decode_name names_prctl[] = {
	{ 0x1, "PR_SET_PDEATHSIG" }, { 0x2, "PR_GET_PDEATHSIG" }, { 0x3, "PR_GET_DUMPABLE" },
	{ 0x4, "PR_SET_DUMPABLE" }, { 0x7, "PR_GET_KEEPCAPS" }, { 0x8, "PR_SET_KEEPCAPS" },
	{ 0xf, "PR_SET_NAME" }, { 0x10, "PR_GET_NAME" }, { 0x17, "PR_CAPBSET_READ" },
	{ 0x18, "PR_CAPBSET_DROP" }, { 0x1c, "PR_SET_SECUREBITS" }, { 0x1d, "PR_SET_TIMERSLACK" },
	{ 0x24, "PR_SET_CHILD_SUBREAPER" }, { 0x26, "PR_SET_NO_NEW_PRIVS" },
	{ 0x27, "PR_GET_NO_NEW_PRIVS" }, { 0x2f, "PR_CAP_AMBIENT" }, { 0x53564d41, "PR_SET_VMA" }, END,
};

const struct decode_name names_itimer[] = {
	{ 0x0, "ITIMER_REAL" }, { 0x1, "ITIMER_VIRTUAL" }, { 0x2, "ITIMER_PROF" }, END,
};

const struct decode_name names_lock[] = {
	{ 0x1, "LOCK_SH" }, { 0x2, "LOCK_EX" }, { 0x4, "LOCK_NB" }, { 0x8, "LOCK_UN" }, END,
};

const struct decode_name names_random[] = {
	{ 0x1, "GRND_NONBLOCK" }, { 0x2, "GRND_RANDOM" }, { 0x4, "GRND_INSECURE" }, END,
};

const struct decode_name names_epoll[] = {
	{ 0x1, "EPOLL_CTL_ADD" }, { 0x2, "EPOLL_CTL_DEL" }, { 0x3, "EPOLL_CTL_MOD" }, END,
};

const struct decode_name names_arch[] = {
	{ 0x1001, "ARCH_SET_GS" }, { 0x1002, "ARCH_SET_FS" }, { 0x1003, "ARCH_GET_FS" }, { 0x1004, "ARCH_GET_GS" }, END,
};

const char *const signal_names[32] = {
	[1] = "HUP", [2] = "INT", [3] = "QUIT", [4] = "ILL", [5] = "TRAP", [6] = "ABRT", [7] = "BUS",
	[8] = "FPE", [9] = "KILL", [10] = "USR1", [11] = "SEGV", [12] = "USR2", [13] = "PIPE",
	[14] = "ALRM", [15] = "TERM", [16] = "STKFLT", [17] = "CHLD", [18] = "CONT", [19] = "STOP",
	[20] = "TSTP", [21] = "TTIN", [22] = "TTOU", [23] = "URG", [24] = "XCPU", [25] = "XFSZ",
	[26] = "VTALRM", [27] = "PROF", [28] = "WINCH", [29] = "IO", [30] = "PWR", [31] = "SYS",
};

static const struct decode_name errors[] = {
	N(EPERM), N(ENOENT), N(ESRCH), N(EINTR), N(EIO), N(ENXIO), N(E2BIG), N(ENOEXEC), N(EBADF),
	N(ECHILD), N(EAGAIN), N(ENOMEM), N(EACCES), N(EFAULT), N(ENOTBLK), N(EBUSY), N(EEXIST),
	N(EXDEV), N(ENODEV), N(ENOTDIR), N(EISDIR), N(EINVAL), N(ENFILE), N(EMFILE), N(ENOTTY),
	N(ETXTBSY), N(EFBIG), N(ENOSPC), N(ESPIPE), N(EROFS), N(EMLINK), N(EPIPE), N(EDOM), N(ERANGE),
	N(EDEADLK), N(ENAMETOOLONG), N(ENOLCK), N(ENOSYS), N(ENOTEMPTY), N(ELOOP), N(ENOMSG), N(EIDRM),
	N(ECHRNG), N(EL2NSYNC), N(EL3HLT), N(EL3RST), N(ELNRNG), N(EUNATCH), N(ENOCSI), N(EL2HLT),
	N(EBADE), N(EBADR), N(EXFULL), N(ENOANO), N(EBADRQC), N(EBADSLT), N(EBFONT), N(ENOSTR),
	N(ENODATA), N(ETIME), N(ENOSR), N(ENONET), N(ENOPKG), N(EREMOTE), N(ENOLINK), N(EADV),
	N(ESRMNT), N(ECOMM), N(EPROTO), N(EMULTIHOP), N(EDOTDOT), N(EBADMSG), N(EOVERFLOW), N(ENOTUNIQ),
	N(EBADFD), N(EREMCHG), N(ELIBACC), N(ELIBBAD), N(ELIBSCN), N(ELIBMAX), N(ELIBEXEC), N(EILSEQ),
	N(ERESTART), N(ESTRPIPE), N(EUSERS), N(ENOTSOCK), N(EDESTADDRREQ), N(EMSGSIZE), N(EPROTOTYPE),
	N(ENOPROTOOPT), N(EPROTONOSUPPORT), N(ESOCKTNOSUPPORT), N(EOPNOTSUPP), N(EPFNOSUPPORT),
	N(EAFNOSUPPORT), N(EADDRINUSE), N(EADDRNOTAVAIL), N(ENETDOWN), N(ENETUNREACH), N(ENETRESET),
	N(ECONNABORTED), N(ECONNRESET), N(ENOBUFS), N(EISCONN), N(ENOTCONN), N(ESHUTDOWN),
	N(ETOOMANYREFS), N(ETIMEDOUT), N(ECONNREFUSED), N(EHOSTDOWN), N(EHOSTUNREACH), N(EALREADY),
	N(EINPROGRESS), N(ESTALE), N(EUCLEAN), N(ENOTNAM), N(ENAVAIL), N(EISNAM), N(EREMOTEIO),
	N(EDQUOT), N(ENOMEDIUM), N(EMEDIUMTYPE), N(ECANCELED), N(ENOKEY), N(EKEYEXPIRED),
	N(EKEYREVOKED), N(EKEYREJECTED), N(EOWNERDEAD), N(ENOTRECOVERABLE), N(ERFKILL), N(EHWPOISON),
	N(ERESTARTSYS), N(ERESTARTNOINTR), N(ERESTARTNOHAND), N(ERESTART_RESTARTBLOCK), END,
};

const char *errno_name(long e)
{
	for (const struct decode_name *n = errors; n->name; n++)
		if (n->value == (u64)e)
			return n->name;
	return NULL;
}
