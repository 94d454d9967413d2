/* sources: lib/format.c lib/string.c; the oracle is the host's snprintf */
#include "lib/format.h"
#include "lib/string.h"

extern int snprintf(char *buf, size_t size, const char *fmt, ...);

static const char *const texts[] = { "", "a", "some words", "ends in percent %" };
static const u64 values[] = { 0, 1, 9, 10, 255, 65536, 0x7fffffff, 0x80000000, 0xffffffff, 0x7fffffffffffffff, 0x8000000000000000,
			      0xffffffffffffffff };

static void compare(const char *fmt, int mine, int theirs, const char *a, const char *b)
{
	if (mine != theirs || strcmp(a, b)) {
		unit_failures++;
		printf("\"%s\": got \"%s\" (%d), wanted \"%s\" (%d)\n", fmt, a, mine, b, theirs);
	}
}

int main(void)
{
	static const char *const lengths[] = { "hh", "h", "", "l", "ll", "z", "t" };
	char mine[80], theirs[80], fmt[32];

	for (unsigned step = 0; step < 200000 && unit_failures < 10; step++) {
		unsigned n = 0;
		char conversion = "diuxXocs"[unit_random() % 8];
		bool is_signed = conversion == 'd' || conversion == 'i', is_text = conversion == 's', is_char = conversion == 'c';

		fmt[n++] = '[';
		fmt[n++] = '%';
		if (unit_random() % 3 == 0)
			fmt[n++] = '-';
		else if (unit_random() % 3 == 0 && !is_text && !is_char)
			fmt[n++] = '0';
		if (is_signed && unit_random() % 4 == 0)
			fmt[n++] = unit_random() & 1 ? '+' : ' ';
		if ((conversion == 'x' || conversion == 'X' || conversion == 'o') && unit_random() % 3 == 0)
			fmt[n++] = '#';
		if (unit_random() & 1) {
			fmt[n++] = '1' + unit_random() % 9;
			if (unit_random() & 1)
				fmt[n++] = '0' + unit_random() % 4;
		}
		if (!is_char && unit_random() % 3 == 0) {
			fmt[n++] = '.';
			if (unit_random() % 4)
				fmt[n++] = '0' + unit_random() % 8;
		}
		const char *modifier = is_text || is_char ? "" : lengths[unit_random() % 7];
		for (const char *s = modifier; *s; s++)
			fmt[n++] = *s;
		fmt[n++] = conversion;
		fmt[n++] = ']';
		fmt[n] = '\0';
		size_t size = unit_random() % 8 ? sizeof(mine) : unit_random() % 20;
		mine[0] = theirs[0] = '\0';
		int a, b;
		if (is_text) {
			const char *text = texts[unit_random() % ARRAY_SIZE(texts)];
			a = ksnprintf(mine, size, fmt, text);
			b = snprintf(theirs, size, fmt, text);
		} else if (is_char) {
			int c = 'a' + unit_random() % 26;
			a = ksnprintf(mine, size, fmt, c);
			b = snprintf(theirs, size, fmt, c);
		} else {
			u64 value = unit_random() & 1 ? values[unit_random() % ARRAY_SIZE(values)] : unit_random();
			a = ksnprintf(mine, size, fmt, value);
			b = snprintf(theirs, size, fmt, value);
		}
		compare(fmt, a, b, mine, theirs);
	}
	int x = 0;
	compare("%p", ksnprintf(mine, sizeof(mine), "%p", (void *)0x1234abcd), snprintf(theirs, sizeof(theirs), "%p", (void *)0x1234abcd), mine, theirs);
	compare("%*.*d%%", ksnprintf(mine, sizeof(mine), "%*.*d%%", -8, 3, x), snprintf(theirs, sizeof(theirs), "%*.*d%%", -8, 3, x), mine, theirs);
	return unit_failures != 0;
}
