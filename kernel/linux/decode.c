/* Values as text: numbers, flags by name, strings of the traced program. User memory is read with care: what cannot be read prints as its address. */
#include "abi/fcntl.h"
#include "abi/stat.h"
#include "lib/string.h"
#include "linux_priv.h"
#include "proc/signal.h"
#include "usermode/uaccess.h"

#define PATH_SHOWN 160

void decode_int(struct seq *s, u64 v) { seq_printf(s, "%d", (int)v); }
void decode_long(struct seq *s, u64 v) { seq_printf(s, "%ld", (long)v); }
void decode_unsigned(struct seq *s, u64 v) { seq_printf(s, "%u", (u32)v); }
void decode_size(struct seq *s, u64 v) { seq_printf(s, "%lu", v); }
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
	int sig = (int)v;

	if (sig > 0 && sig < 32)
		seq_printf(s, "SIG%s", signal_names[sig]);
	else if (sig >= 32 && sig <= 64)
		seq_printf(s, "SIGRT_%d", sig - 32);
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

void decode_string_up_to(struct seq *s, u64 address, size_t limit)
{
	char text[PATH_SHOWN];
	bool ended;
	ssize_t n = address ? peek(text, address, MIN(limit, sizeof(text)), &ended) : -1;
	if (n < 0)
		decode_hex(s, address);
	else
		decode_quoted(s, text, (size_t)n, !ended);
}

void decode_string(struct seq *s, u64 address) { decode_string_up_to(s, address, PATH_SHOWN); }

void decode_bytes(struct seq *s, u64 address, u64 length)
{
	char text[STRING_SHOWN];
	size_t n = MIN(length, (u64)STRING_SHOWN);
	if (!address || copy_from_user(text, (const void __user *)address, n))
		decode_hex(s, address);
	else
		decode_quoted(s, text, n, length > n);
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
