/* Values as text: numbers, flags by name, strings and structures of the traced program. User memory is read with care: what cannot be read prints as its address. */
#include "abi/fcntl.h"
#include "abi/poll.h"
#include "abi/stat.h"
#include "abi/time.h"
#include "lib/string.h"
#include "linux_priv.h"
#include "proc/signal.h"
#include "usermode/uaccess.h"

#define STRING_SHOWN 32
#define PATH_SHOWN 160
#define VECTOR_SHOWN 8

void decode_int(struct seq *s, u64 v) { seq_printf(s, "%d", (int)v); }
void decode_unsigned(struct seq *s, u64 v) { seq_printf(s, "%lu", v); }
void decode_mode(struct seq *s, u64 v) { seq_printf(s, "%s%o", v & 0xffff ? "0" : "", (u32)v & 0xffff); }
void decode_device(struct seq *s, u64 v) { seq_printf(s, "makedev(%u, %u)", abi_major(v), abi_minor(v)); }

void decode_hex(struct seq *s, u64 v)
{
	if (v)
		seq_printf(s, "0x%lx", v);
	else
		seq_puts(s, "NULL");
}

void decode_dirfd(struct seq *s, u64 v)
{
	if ((int)v == AT_FDCWD)
		seq_puts(s, "AT_FDCWD");
	else
		decode_int(s, v);
}

void decode_signal(struct seq *s, u64 v)
{
	if (v > 0 && v < 32)
		seq_printf(s, "SIG%s", signal_names[v]);
	else if (v >= 32 && v <= 64)
		seq_printf(s, "SIGRT_%lu", v - 32);
	else
		decode_int(s, v);
}

void decode_value(struct seq *s, u64 v, const struct decode_name *names)
{
	for (; names->name; names++)
		if (names->value == v) {
			seq_puts(s, names->name);
			return;
		}
	seq_printf(s, "0x%lx", v);
}

void decode_bits(struct seq *s, u64 v, const struct decode_name *names)
{
	bool any = false;
	for (; names->name; names++) {
		if (names->value ? (v & names->value) != names->value : v != 0 || any)
			continue;
		seq_printf(s, "%s%s", any ? "|" : "", names->name);
		v &= ~names->value;
		any = true;
	}
	if (v || !any)
		seq_printf(s, any ? "|0x%lx" : v ? "0x%lx" : "%lu", v);
}

void decode_open_flags(struct seq *s, u64 v)
{
	static const char *const access[] = { "O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE" };
	seq_puts(s, access[v & O_ACCMODE]);
	v &= 0xffffffff & ~(u64)O_ACCMODE;
	if (v) {
		seq_puts(s, "|");
		decode_bits(s, v, names_open);
	}
}

void decode_prot(struct seq *s, u64 v) { decode_bits(s, v, names_prot); }
void decode_map_flags(struct seq *s, u64 v) { decode_bits(s, v, names_map); }

void decode_clone_flags(struct seq *s, u64 v)
{
	if (v & ~0xfful)
		decode_bits(s, v & ~0xfful, names_clone);
	if (v & 0xff) {
		seq_puts(s, v & ~0xfful ? "|" : "");
		decode_signal(s, v & 0xff);
	}
}

void decode_quoted(struct seq *s, const char *text, size_t n, bool is_cut)
{
	static const char escapes[] = "abtnvfr"; /* 7 … 13 */
	seq_puts(s, "\"");
	for (size_t i = 0; i < n; i++) {
		u8 c = (u8)text[i];
		if (c == '"' || c == '\\')
			seq_printf(s, "\\%c", c);
		else if (c >= 7 && c <= 13)
			seq_printf(s, "\\%c", escapes[c - 7]);
		else if (c < 0x20 || c >= 0x7f)
			seq_printf(s, i + 1 < n && text[i + 1] >= '0' && text[i + 1] <= '7' ? "\\%03o" : "\\%o", c);
		else
			seq_printf(s, "%c", c);
	}
	seq_puts(s, is_cut ? "\"..." : "\"");
}

/* Bytes at a user address up to a NUL or n: how many; -1 if the first cannot be read. *ended: a NUL was found. */
static ssize_t peek(char *buf, u64 address, size_t n, bool *ended)
{
	*ended = false;
	for (size_t i = 0; i < n; i++) {
		if (copy_from_user(buf + i, (const void __user *)(address + i), 1))
			return i ? (ssize_t)i : -1;
		if (!buf[i]) {
			*ended = true;
			return (ssize_t)i;
		}
	}
	return (ssize_t)n;
}

static void string_up_to(struct seq *s, u64 address, size_t limit)
{
	char text[PATH_SHOWN];
	bool ended;
	ssize_t n = address ? peek(text, address, MIN(limit, sizeof(text)), &ended) : -1;
	if (n < 0)
		decode_hex(s, address);
	else
		decode_quoted(s, text, (size_t)n, !ended);
}

void decode_string(struct seq *s, u64 address) { string_up_to(s, address, PATH_SHOWN); }

void decode_bytes(struct seq *s, u64 address, u64 length)
{
	char text[STRING_SHOWN];
	size_t n = MIN(length, (u64)STRING_SHOWN);
	if (!address || copy_from_user(text, (const void __user *)address, n))
		decode_hex(s, address);
	else
		decode_quoted(s, text, n, length > n);
}

/* --- what a call's own arguments mean -------------------------------------------------------------------------- */

static void show_vector(struct seq *s, u64 address)
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
		string_up_to(s, p, STRING_SHOWN);
	}
	seq_puts(s, "]");
}

/* The environment is long and rarely the question. */
static void show_vector_size(struct seq *s, u64 address)
{
	u64 p, n = 0;
	while (n < 10000 && !get_user_u64(&p, (const u64 __user *)(address + n * 8)) && p)
		n++;
	seq_printf(s, "0x%lx /* %lu vars */", address, n);
}

static void show_timespec(struct seq *s, u64 address)
{
	struct abi_timespec t;
	if (!address || copy_from_user(&t, (const void __user *)address, sizeof(t)))
		decode_hex(s, address);
	else
		seq_printf(s, "{%ld.%09ld}", t.sec, t.nsec);
}

static void show_sigset(struct seq *s, u64 address)
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

static void show_sigaction(struct seq *s, u64 address)
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
	show_sigset(s, address + offsetof(struct abi_sigaction, mask));
	seq_puts(s, ", ");
	decode_bits(s, a.flags, names_sigaction);
	seq_puts(s, "}");
}

static void show_stat(struct seq *s, u64 address)
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

static void show_int_pair(struct seq *s, u64 address)
{
	u32 pair[2];
	if (!address || copy_from_user(pair, (const void __user *)address, sizeof(pair)))
		decode_hex(s, address);
	else
		seq_printf(s, "[%d, %d]", (int)pair[0], (int)pair[1]);
}

static void show_wait_status(struct seq *s, u64 address)
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

static void show_pollfds(struct seq *s, u64 address)
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

/* By call and argument: a table of names (bits or one value), or a structure; `out`: only after a call that went well. */
static const struct {
	u16 nr;
	u8 arg;
	bool bits, out;
	const struct decode_name *names;
	void (*show)(struct seq *s, u64 address);
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
	{ NR_epoll_ctl, 1, .names = names_epoll },
};

bool decode_special(struct seq *s, u32 nr, unsigned i, const u64 args[6], const long *ret)
{
	for (size_t k = 0; k < ARRAY_SIZE(special); k++) {
		if (special[k].nr != nr || special[k].arg != i)
			continue;
		if (special[k].out && (!ret || *ret < 0))
			return false;
		if (special[k].show)
			special[k].show(s, args[i]);
		else if (special[k].bits)
			decode_bits(s, (u32)args[i], special[k].names);
		else
			decode_value(s, (u32)args[i], special[k].names);
		return true;
	}
	return false;
}

/* Calls whose result is an address. */
static bool gives_address(u32 nr) { return nr == NR_mmap || nr == NR_mremap || nr == NR_brk; }

void decode_result(struct seq *s, u32 nr, long ret)
{
	if (ret < 0 && ret > -4096) {
		const char *name = errno_name(-ret);
		if (ret <= -512)
			seq_printf(s, "? %s", name ? name : "ERESTART");
		else
			seq_printf(s, "-1 %s", name ? name : "E?");
	} else if (gives_address(nr)) {
		seq_printf(s, "0x%lx", (u64)ret);
	} else {
		seq_printf(s, "%ld", ret);
	}
}
