/* sources: lib/format.c lib/string.c; formats and values, beside the C library's own */
#include "lib/format.h"
#include "lib/string.h"

struct directive { char fmt[48]; char conversion; int size, stars, star[2]; };

/* A directive as the C standard defines it: only flags that mean something for the conversion. */
static void invent(struct input *in, struct directive *d)
{
	static const char *const sizes[] = { "", "hh", "h", "l", "ll", "z", "t" };
	u32 flags = byte(in);
	size_t n = 0;

	memset(d, 0, sizeof(*d));
	d->conversion = "diuxXocs"[byte(in) % 8];
	bool number = d->conversion != 'c' && d->conversion != 's', is_signed = d->conversion == 'd' || d->conversion == 'i';
	bool prefixed = d->conversion == 'x' || d->conversion == 'X' || d->conversion == 'o';
	d->fmt[n++] = '[';
	d->fmt[n++] = '%';
	if (flags & 1)
		d->fmt[n++] = '-';
	if (flags & 2 && number)
		d->fmt[n++] = '0';
	if (flags & 4 && is_signed)
		d->fmt[n++] = '+';
	if (flags & 8 && is_signed)
		d->fmt[n++] = ' ';
	if (flags & 16 && prefixed)
		d->fmt[n++] = '#';
	if (flags & 32) {
		u32 width = byte(in) % 120;
		if (flags & 64) {
			d->fmt[n++] = '*';
			d->star[d->stars++] = (int)width - 40;
		} else if (width) {
			n += (size_t)snprintf(d->fmt + n, 8, "%u", width);
		}
	}
	if (flags & 128 && d->conversion != 'c') {
		u32 precision = byte(in) % 120;
		d->fmt[n++] = '.';
		if (precision & 1) {
			d->fmt[n++] = '*';
			d->star[d->stars++] = (int)precision - 20;
		} else if (precision) {
			n += (size_t)snprintf(d->fmt + n, 8, "%u", precision);
		}
	}
	if (number) {
		d->size = (int)(byte(in) % 7);
		n += strlcpy(d->fmt + n, sizes[d->size], 4);
	}
	d->fmt[n++] = d->conversion;
	d->fmt[n++] = ']';
}

#define BOTH(value) do { \
	switch (d.stars) { \
	case 0: a = ksnprintf(mine, room, d.fmt, value); b = snprintf(theirs, room, d.fmt, value); break; \
	case 1: a = ksnprintf(mine, room, d.fmt, d.star[0], value); b = snprintf(theirs, room, d.fmt, d.star[0], value); break; \
	default: a = ksnprintf(mine, room, d.fmt, d.star[0], d.star[1], value); b = snprintf(theirs, room, d.fmt, d.star[0], d.star[1], value); \
	} \
} while (0)

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input in = { data, data + size };

	while (more(&in)) {
		struct directive d;
		size_t room = byte(&in);
		char *mine = calloc(1, room + 1), *theirs = calloc(1, room + 1), text[64] = "";
		int a, b;

		invent(&in, &d);
		if (d.conversion == 's') {
			for (u32 i = 0, n = byte(&in) % sizeof(text); i < n; i++)
				text[i] = (char)byte(&in);
			text[sizeof(text) - 1] = '\0';
			BOTH(text);
		} else if (d.conversion == 'c') {
			int c = (int)byte(&in);
			BOTH(c);
		} else if (d.size >= 3) {
			u64 v = word(&in);
			BOTH(v);
		} else {
			u32 v = (u32)word(&in);
			BOTH(v);
		}
		if (a != b || memcmp(mine, theirs, room + 1)) {
			fprintf(stderr, "\"%s\" in %lu bytes: \"%s\" (%d), the C library: \"%s\" (%d)\n", d.fmt, room, mine, a, theirs, b);
			abort();
		}
		free(mine);
		free(theirs);
	}
	return 0;
}
