/* sources: lib/string.c */
#include "lib/string.h"

/* Every length and distance up to a few words, against the plainest loops. */
static void test_moves(void)
{
	u8 a[96], b[96];

	for (unsigned n = 0; n < 40; n++) {
		for (unsigned from = 0; from < 24; from++) {
			for (unsigned to = 0; to < 24; to++) {
				for (unsigned i = 0; i < sizeof(a); i++)
					a[i] = b[i] = i * 7 + n;
				u8 copy[64];
				for (unsigned i = 0; i < n; i++)
					copy[i] = b[from + i];
				for (unsigned i = 0; i < n; i++)
					b[to + i] = copy[i];
				memmove(a + to, a + from, n);
				if (memcmp(a, b, sizeof(a))) {
					CHECK(!"memmove");
					return;
				}
			}
		}
	}
}

static void test_fill_and_compare(void)
{
	u8 a[80];

	for (unsigned n = 0; n < 70; n++) {
		for (unsigned i = 0; i < sizeof(a); i++)
			a[i] = 1;
		memset(a + 3, 0x1ff, n);
		for (unsigned i = 0; i < sizeof(a); i++)
			CHECK_EQ(a[i], i >= 3 && i < 3 + n ? 0xff : 1);
	}
	CHECK(memcmp("abc", "abd", 3) < 0);
	CHECK(memcmp("\xff", "\x01", 1) > 0);
	CHECK_EQ(memcmp("abc", "abd", 2), 0);
	CHECK_EQ(memcmp("x", "y", 0), 0);
}

static void test_text(void)
{
	char small[4];
	const char *text = "a/b/c", *end;

	CHECK_EQ(strlen(""), 0);
	CHECK_EQ(strnlen("abcdef", 3), 3);
	CHECK(strcmp("a", "b") < 0 && strcmp("b", "a") > 0 && !strcmp("", ""));
	CHECK(strcmp("\x80", "\x7f") > 0);
	CHECK(!strncmp("abx", "aby", 2) && strncmp("abx", "aby", 3) < 0);
	CHECK(strchr(text, '/') == text + 1 && strrchr(text, '/') == text + 3);
	CHECK(strchr(text, 0) == text + 5 && strchr(text, 'z') == NULL);
	CHECK(strstr("hello world", "o w") != NULL && strstr("abc", "abcd") == NULL);
	CHECK_EQ(strlcpy(small, "abcdef", sizeof(small)), 6);
	CHECK(!strcmp(small, "abc"));
	small[1] = 0;
	CHECK_EQ(strlcat(small, "xyz", sizeof(small)), 4);
	CHECK(!strcmp(small, "axy"));
	CHECK_EQ(parse_u64("0x1fz", &end, 0), 0x1f);
	CHECK_EQ(*end, 'z');
	CHECK_EQ(parse_u64("0755", &end, 0), 0755);
	CHECK_EQ(parse_u64("42", NULL, 10), 42);
	CHECK_EQ(parse_u64("99999999999999999999999", &end, 10), UINT64_MAX);
	CHECK(str_starts("console=ttyS0", "console=") && !str_starts("con", "console"));
}

int main(void)
{
	test_moves();
	test_fill_and_compare();
	test_text();
	return unit_failures != 0;
}
