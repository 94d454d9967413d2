/* Lab 01's optional challenges: what printf may learn besides. Asked for by name (make grade LAB=01 CHALLENGE=name). */
#include "core/ktest.h"

#include "lib/format.h"
#include "lib/string.h"

static bool formats(const char *wanted, const char *fmt, ...)
{
	char text[128];
	va_list ap;

	va_start(ap, fmt);
	int length = kvsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return !strcmp(text, wanted) && length == (int)strlen(wanted);
}

/* %b as in C23. The formats are hidden from the compiler, which may not know it. */
KTEST(01, challenge_binary)
{
	static const char *volatile fmt[] = { "%b|%b|%b", "%#b|%#b", "%8b|%-8b|%08b|%#08b", "%.6b", "%lb|%hhb" };
	char text[72];

	KEXPECT(formats("0|1|101010", fmt[0], 0, 1, 42));
	KEXPECT(formats("0b101|0", fmt[1], 5, 0));
	KEXPECT(formats("     101|101     |00000101|0b000101", fmt[2], 5, 5, 5, 5));
	KEXPECT(formats("000101", fmt[3], 5));
	u64 one = ktest_random() % 64;
	memset(text, '0', sizeof(text));
	text[0] = '1';
	memcpy(text + one + 1, "|11111111", 10);
	KEXPECT(formats(text, fmt[4], 1ul << one, 0xfff));
	KEXPECT(ksnprintf(text, 72, fmt[4], ~0ul, 0) == 66); /* 64 digits have room */
}

/* %'d: thousands apart, by commas. */
KTEST(01, challenge_grouping)
{
	static const char *volatile fmt[] = { "%'d|%'d|%'d|%'d", "%'lu", "%'9d|%-'9d|", "%'x" };

	KEXPECT(formats("0|999|1,000|-1,234,567", fmt[0], 0, 999, 1000, -1234567));
	KEXPECT(formats("18,446,744,073,709,551,615", fmt[1], UINT64_MAX));
	KEXPECT(formats("   12,345|12,345   |", fmt[2], 12345, 12345));
	KEXPECT(formats("12345", fmt[3], 0x12345)); /* decimal numbers only */
}
