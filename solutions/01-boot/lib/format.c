/*
 * Formatting of text: one pass over the format, each directive taken apart into a struct spec, each value put out as
 *
 *   |<- blanks ->| sign or 0x |<- zeros ->| digits |<- blanks ->|
 *
 * The text may be longer than its buffer: what does not fit is counted but not stored.
 */
#include "lib/format.h"
#include "lib/string.h"

#ifdef SOLUTION
struct out {
	char *buf;
	size_t size, len;
};

struct spec {
	bool left, zero, plus, blank, alternate;
	int width, precision; /* precision -1: not given */
	int size;             /* of an integer argument in bytes */
	char conversion;
};

static void put(struct out *o, char c)
{
	if (o->len < o->size)
		o->buf[o->len] = c;
	o->len++;
}

static void put_repeated(struct out *o, char c, int n)
{
	while (n-- > 0)
		put(o, c);
}

static void put_text(struct out *o, const struct spec *s, const char *text)
{
	int len;

	if (!text)
		text = "(null)";
	len = (int)(s->precision >= 0 ? strnlen(text, (size_t)s->precision) : strlen(text));
	if (!s->left)
		put_repeated(o, ' ', s->width - len);
	for (int i = 0; i < len; i++)
		put(o, text[i]);
	if (s->left)
		put_repeated(o, ' ', s->width - len);
}

static void put_char(struct out *o, const struct spec *s, char c)
{
	if (!s->left)
		put_repeated(o, ' ', s->width - 1);
	put(o, c);
	if (s->left)
		put_repeated(o, ' ', s->width - 1);
}

static void put_number(struct out *o, const struct spec *s, u64 value, bool negative)
{
	const char *alphabet = s->conversion == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
	u64 base = s->conversion == 'x' || s->conversion == 'X' || s->conversion == 'p' ? 16 : s->conversion == 'o' ? 8 : 10;
	bool is_signed = s->conversion == 'd' || s->conversion == 'i';
	const char *prefix = "";
	char digits[24];
	int n = 0, zeros, blanks;

	if (negative)
		prefix = "-";
	else if (is_signed && (s->plus || s->blank))
		prefix = s->plus ? "+" : " ";
	else if (base == 16 && s->alternate && value)
		prefix = s->conversion == 'X' ? "0X" : "0x";
	for (u64 v = value; v; v /= base)
		digits[n++] = alphabet[v % base];
	/* A precision is the least number of digits; zero with precision 0 has none at all. */
	zeros = s->precision >= 0 ? s->precision - n : n ? 0 : 1;
	if (base == 8 && s->alternate && zeros <= 0)
		zeros = 1;
	zeros = MAX(zeros, 0);
	blanks = s->width - (int)strlen(prefix) - zeros - n;
	if (s->zero && !s->left && s->precision < 0 && blanks > 0) {
		zeros += blanks;
		blanks = 0;
	}
	if (!s->left)
		put_repeated(o, ' ', blanks);
	while (*prefix)
		put(o, *prefix++);
	put_repeated(o, '0', zeros);
	while (n > 0)
		put(o, digits[--n]);
	if (s->left)
		put_repeated(o, ' ', blanks);
}

static int parse_int(const char **p)
{
	int v = 0;

	while (**p >= '0' && **p <= '9')
		v = v < 100000 ? v * 10 + *(*p)++ - '0' : ((*p)++, v);
	return v;
}

static bool parse_flag(struct spec *s, char c)
{
	switch (c) {
	case '-': s->left = true; return true;
	case '0': s->zero = true; return true;
	case '+': s->plus = true; return true;
	case ' ': s->blank = true; return true;
	case '#': s->alternate = true; return true;
	}
	return false;
}

static int parse_size(const char **p)
{
	int size = sizeof(int);

	for (;; (*p)++) {
		if (**p == 'h')
			size /= 2;
		else if (**p == 'l' || **p == 'z' || **p == 't' || **p == 'j')
			size = sizeof(long);
		else
			return size;
	}
}

/* Cuts the argument, which was passed as 64 bits or promoted to int, down to its type. */
static u64 narrow(u64 value, int size, bool is_signed)
{
	int shift = 64 - 8 * size;

	return is_signed ? (u64)((s64)(value << shift) >> shift) : value << shift >> shift;
}

int kvsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
{
	struct out o = { buf, size, 0 };

	for (; *fmt; fmt++) {
		struct spec s = { .precision = -1 };
		if (*fmt != '%') {
			put(&o, *fmt);
			continue;
		}
		do
			fmt++;
		while (parse_flag(&s, *fmt));
		if (*fmt == '*') {
			s.width = va_arg(ap, int);
			s.left |= s.width < 0;
			s.width = s.width < 0 ? -s.width : s.width;
			fmt++;
		} else {
			s.width = parse_int(&fmt);
		}
		if (*fmt == '.') {
			fmt++;
			if (*fmt == '*') {
				s.precision = MAX(va_arg(ap, int), -1);
				fmt++;
			} else {
				s.precision = parse_int(&fmt);
			}
		}
		s.size = parse_size(&fmt);
		s.conversion = *fmt;
		if (!*fmt)
			break;
		switch (*fmt) {
		case 'd':
		case 'i': {
			s64 v = (s64)narrow(s.size == 8 ? va_arg(ap, u64) : va_arg(ap, u32), s.size, true);
			put_number(&o, &s, v < 0 ? -(u64)v : (u64)v, v < 0);
			break;
		}
		case 'u':
		case 'x':
		case 'X':
		case 'o':
			put_number(&o, &s, narrow(s.size == 8 ? va_arg(ap, u64) : va_arg(ap, u32), s.size, false), false);
			break;
		case 'p':
			s.alternate = true;
			put_number(&o, &s, va_arg(ap, u64), false);
			break;
		case 'c':
			put_char(&o, &s, (char)va_arg(ap, int));
			break;
		case 's':
			put_text(&o, &s, va_arg(ap, const char *));
			break;
		default: /* %% and what is not known */
			put(&o, *fmt);
		}
	}
	if (size)
		buf[MIN(o.len, size - 1)] = '\0';
	return (int)o.len;
}
#else
#include "core/todo.h"

/*
 * Format into buf as printf(3) does, for the directives named in lib/format.h. Never store more than size bytes, the NUL included (and that always, unless
 * size is 0); return the length that the whole text has. A (null) string is printed as such. va_arg takes int, unsigned, long, pointers: anything shorter
 * was promoted to int by the caller.
 */
int kvsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
{
	TODO("01-boot");
}
#endif

int ksnprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = kvsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return n;
}
