/* What the table's types do not tell: the structures, flags and commands of single calls, one row each at the end. */
#include "abi/fcntl.h"
#include "abi/poll.h"
#include "abi/stat.h"
#include "abi/time.h"
#include "linux_priv.h"
#include "proc/signal.h"
#include "usermode/uaccess.h"

#define VECTOR_SHOWN 8

static void show_vector(struct seq *s, u64 address, u64 next __unused)
{
	seq_puts(s, "[");
	for (unsigned i = 0;; i++) {
		u64 p;
		if (get_user_u64(&p, (const u64 __user *)(address + i * 8)) || !p)
			break;
		if (i == VECTOR_SHOWN) {
			seq_puts(s, ", ...");
			break;
		}
		seq_puts(s, i ? ", " : "");
		decode_string_up_to(s, p, STRING_SHOWN);
	}
	seq_puts(s, "]");
}

/* The environment is long and rarely the question. */
static void show_vector_size(struct seq *s, u64 address, u64 next __unused)
{
	u64 p, n = 0;
	while (n < 10000 && !get_user_u64(&p, (const u64 __user *)(address + n * 8)) && p)
		n++;
	seq_printf(s, "0x%lx /* %lu vars */", address, n);
}

static void show_timespec(struct seq *s, u64 address, u64 next __unused)
{
	struct abi_timespec t;
	if (!address || copy_from_user(&t, (const void __user *)address, sizeof(t)))
		decode_hex(s, address);
	else
		seq_printf(s, "{%ld.%09ld}", t.sec, t.nsec);
}

static void show_sigset(struct seq *s, u64 address, u64 next __unused)
{
	u64 set;
	if (!address || get_user_u64(&set, (const u64 __user *)address)) {
		decode_hex(s, address);
		return;
	}
	bool inverted = __builtin_popcountll(set) > 32, any = false;
	if (inverted)
		set = ~set;
	seq_puts(s, inverted ? "~[" : "[");
	for (int i = 1; i <= NSIG; i++) {
		if (!(set >> (i - 1) & 1))
			continue;
		seq_puts(s, any ? " " : "");
		if (i < 32)
			seq_puts(s, signal_names[i]);
		else
			seq_printf(s, "RT_%d", i - 32);
		any = true;
	}
	seq_puts(s, "]");
}

static void show_sigaction(struct seq *s, u64 address, u64 next __unused)
{
	struct abi_sigaction a;
	if (!address || copy_from_user(&a, (const void __user *)address, sizeof(a))) {
		decode_hex(s, address);
		return;
	}
	if (a.handler <= 1)
		seq_puts(s, a.handler ? "{SIG_IGN, " : "{SIG_DFL, ");
	else
		seq_printf(s, "{0x%lx, ", a.handler);
	show_sigset(s, address + offsetof(struct abi_sigaction, mask), 0);
	seq_puts(s, ", ");
	decode_bits(s, a.flags, names_sigaction);
	seq_puts(s, "}");
}

static void show_stat(struct seq *s, u64 address, u64 next __unused)
{
	static const char *const kinds[16] = { [1] = "S_IFIFO", [2] = "S_IFCHR", [4] = "S_IFDIR", [6] = "S_IFBLK", [8] = "S_IFREG", [10] = "S_IFLNK", [12] = "S_IFSOCK" };
	struct abi_stat st;
	if (!address || copy_from_user(&st, (const void __user *)address, sizeof(st))) {
		decode_hex(s, address);
		return;
	}
	const char *kind = kinds[st.mode >> 12 & 15];
	seq_printf(s, "{st_mode=%s|0%o, ", kind ? kind : "?", st.mode & 07777);
	if (S_ISCHR(st.mode) || S_ISBLK(st.mode))
		seq_printf(s, "st_rdev=%u:%u, ...}", abi_major(st.rdev), abi_minor(st.rdev));
	else
		seq_printf(s, "st_size=%ld, ...}", st.size);
}

static void show_int_pair(struct seq *s, u64 address, u64 next __unused)
{
	u32 pair[2];
	if (!address || copy_from_user(pair, (const void __user *)address, sizeof(pair)))
		decode_hex(s, address);
	else
		seq_printf(s, "[%d, %d]", (int)pair[0], (int)pair[1]);
}

static void show_wait_status(struct seq *s, u64 address, u64 next __unused)
{
	u32 v;
	if (!address || get_user_u32(&v, (const u32 __user *)address))
		decode_hex(s, address);
	else if ((v & 0x7f) == 0)
		seq_printf(s, "[{exited %u}]", v >> 8 & 0xff);
	else if ((v & 0xff) == 0x7f)
		seq_printf(s, "[{stopped SIG%s}]", signal_names[v >> 8 & 31] ? signal_names[v >> 8 & 31] : "?");
	else if (v == 0xffff)
		seq_puts(s, "[{continued}]");
	else
		seq_printf(s, "[{killed SIG%s%s}]", signal_names[v & 31] ? signal_names[v & 31] : "?", v & 0x80 ? ", core" : "");
}

static void show_pollfds(struct seq *s, u64 address, u64 next __unused)
{
	struct abi_pollfd pfd[4];
	if (!address || copy_from_user(pfd, (const void __user *)address, sizeof(pfd[0]))) {
		decode_hex(s, address);
		return;
	}
	seq_printf(s, "[{fd=%d, events=", pfd[0].fd);
	decode_bits(s, (u16)pfd[0].events, names_poll);
	seq_puts(s, pfd[0].revents ? ", revents=" : "");
	if (pfd[0].revents)
		decode_bits(s, (u16)pfd[0].revents, names_poll);
	seq_puts(s, "}, ...]");
}

/* The scatter list of readv and writev; next: how many elements. */
static void show_iovec(struct seq *s, u64 address, u64 next)
{
	struct {
		u64 base, len;
	} v;
	seq_puts(s, "[");
	for (u64 i = 0; i < next; i++) {
		if (i == 3 || copy_from_user(&v, (const void __user *)(address + i * sizeof(v)), sizeof(v))) {
			seq_puts(s, i ? ", ..." : "...");
			break;
		}
		seq_puts(s, i ? ", " : "");
		decode_bytes(s, v.base, v.len);
	}
	seq_puts(s, "]");
}

/* By call and argument: a table of names (bits or one value), or a structure; `out`: only after a call that went well. */
static const struct {
	u16 nr;
	u8 arg;
	bool bits, out;
	const struct decode_name *names;
	void (*show)(struct seq *s, u64 address, u64 next);
} special[] = {
	{ NR_execve, 1, .show = show_vector }, { NR_execve, 2, .show = show_vector_size }, { NR_execveat, 2, .show = show_vector }, { NR_execveat, 3, .show = show_vector_size },
	{ NR_lseek, 2, .names = names_whence }, { NR_access, 1, true, .names = names_access }, { NR_faccessat, 2, true, .names = names_access },
	{ NR_ioctl, 1, .names = names_ioctl }, { NR_fcntl, 1, .names = names_fcntl }, { NR_wait4, 2, true, .names = names_wait },
	{ NR_wait4, 1, .out = true, .show = show_wait_status }, { NR_waitid, 3, true, .names = names_wait }, { NR_futex, 1, true, .names = names_futex },
	{ NR_rt_sigprocmask, 0, .names = names_sigmask }, { NR_rt_sigprocmask, 1, .show = show_sigset }, { NR_rt_sigprocmask, 2, .out = true, .show = show_sigset },
	{ NR_rt_sigsuspend, 0, .show = show_sigset }, { NR_rt_sigtimedwait, 0, .show = show_sigset }, { NR_rt_sigaction, 1, .show = show_sigaction },
	{ NR_rt_sigaction, 2, .out = true, .show = show_sigaction }, { NR_stat, 1, .out = true, .show = show_stat }, { NR_lstat, 1, .out = true, .show = show_stat },
	{ NR_fstat, 1, .out = true, .show = show_stat }, { NR_newfstatat, 2, .out = true, .show = show_stat }, { NR_newfstatat, 3, true, .names = names_at },
	{ NR_fchownat, 4, true, .names = names_at }, { NR_utimensat, 3, true, .names = names_at }, { NR_unlinkat, 2, true, .names = names_at }, { NR_linkat, 4, true, .names = names_at },
	{ NR_statx, 2, true, .names = names_at }, { NR_pipe, 0, .out = true, .show = show_int_pair }, { NR_pipe2, 0, .out = true, .show = show_int_pair },
	{ NR_pipe2, 1, true, .names = names_open }, { NR_dup3, 2, true, .names = names_open }, { NR_socketpair, 3, .out = true, .show = show_int_pair },
	{ NR_socket, 0, .names = names_family }, { NR_socket, 1, true, .names = names_socket }, { NR_socketpair, 0, .names = names_family },
	{ NR_socketpair, 1, true, .names = names_socket }, { NR_nanosleep, 0, .show = show_timespec }, { NR_clock_nanosleep, 0, .names = names_clock },
	{ NR_clock_nanosleep, 2, .show = show_timespec }, { NR_clock_gettime, 0, .names = names_clock }, { NR_clock_gettime, 1, .out = true, .show = show_timespec },
	{ NR_madvise, 2, .names = names_madvise }, { NR_mount, 3, true, .names = names_mount }, { NR_umount2, 1, true, .names = names_umount },
	{ NR_poll, 0, .show = show_pollfds }, { NR_ppoll, 0, .show = show_pollfds }, { NR_ppoll, 2, .show = show_timespec }, { NR_prlimit64, 1, .names = names_rlimit },
	{ NR_getrlimit, 0, .names = names_rlimit }, { NR_setrlimit, 0, .names = names_rlimit }, { NR_prctl, 0, .names = names_prctl }, { NR_setitimer, 0, .names = names_itimer },
	{ NR_getitimer, 0, .names = names_itimer }, { NR_flock, 1, true, .names = names_lock }, { NR_getrandom, 2, true, .names = names_random },
	{ NR_epoll_ctl, 1, .names = names_epoll }, { NR_writev, 1, .show = show_iovec }, { NR_readv, 1, .out = true, .show = show_iovec },
	{ NR_arch_prctl, 0, .names = names_arch },
};

bool decode_special(struct seq *s, u32 nr, unsigned i, const u64 args[6], const long *ret)
{
	for (size_t k = 0; k < ARRAY_SIZE(special); k++) {
		if (special[k].nr != nr || special[k].arg != i)
			continue;
		if (special[k].out && (!ret || *ret < 0))
			return false;
		if (special[k].show)
			special[k].show(s, args[i], i < 5 ? args[i + 1] : 0);
		else if (special[k].bits)
			decode_bits(s, (u32)args[i], special[k].names);
		else
			decode_value(s, (u32)args[i], special[k].names);
		return true;
	}
	return false;
}
