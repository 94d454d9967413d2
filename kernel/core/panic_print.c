/* The formatter of panics: it must work when the kernel's own is what broke (or what a student has yet to write). */
#include "panic_priv.h"
#include "core/emergency.h"
#include "core/panic.h"
#include "core/printk.h"
#include "core/verdict.h"
#include "lib/string.h"

struct out {
	char *buf;
	size_t size, len;
};

static void put(struct out *o, char c)
{
	if (o->len + 1 < o->size)
		o->buf[o->len++] = c;
}

static void put_number(struct out *o, u64 v, u64 base)
{
	char digits[24];
	int n = 0;

	do {
		digits[n++] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v);
	while (n > 0)
		put(o, digits[--n]);
}

void panic_vformat(char *buf, size_t size, const char *fmt, va_list ap)
{
	struct out o = { buf, size, 0 };

	for (; *fmt; fmt++) {
		bool is_long = false;
		if (*fmt != '%') {
			put(&o, *fmt);
			continue;
		}
		fmt++;
		while (*fmt && strchr("-+ #0123456789.", *fmt))
			fmt++;
		for (; *fmt == 'l' || *fmt == 'z' || *fmt == 'h' || *fmt == 't'; fmt++)
			is_long |= *fmt != 'h';
		if (!*fmt)
			break;
		switch (*fmt) {
		case 's': {
			const char *s = va_arg(ap, const char *);
			for (s = s ? s : "(null)"; *s; s++)
				put(&o, *s);
			break;
		}
		case 'c':
			put(&o, (char)va_arg(ap, int));
			break;
		case 'd':
		case 'i': {
			s64 v = is_long ? va_arg(ap, s64) : va_arg(ap, int);
			if (v < 0)
				put(&o, '-');
			put_number(&o, v < 0 ? -(u64)v : (u64)v, 10);
			break;
		}
		case 'u':
			put_number(&o, is_long ? va_arg(ap, u64) : va_arg(ap, u32), 10);
			break;
		case 'p':
			put(&o, '0');
			put(&o, 'x');
			put_number(&o, va_arg(ap, u64), 16);
			break;
		case 'x':
		case 'X':
			put_number(&o, is_long ? va_arg(ap, u64) : va_arg(ap, u32), 16);
			break;
		default:
			put(&o, *fmt);
		}
	}
	if (size)
		buf[o.len] = '\0';
}

static void print(const char *fmt, va_list ap)
{
	static char line[640]; /* only one CPU panics */

	panic_vformat(line, sizeof(line), fmt, ap);
	verdict("%s", line);
	emergency_write(line, strlen(line));
	console_write_screens(line, strlen(line));
}

void panic_printf(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print(fmt, ap);
	va_end(ap);
}

void panic_note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print(fmt, ap);
	va_end(ap);
}
