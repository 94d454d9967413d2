/* sources: lib/cpio.c lib/string.c */
#include "abi/errno.h"
#include "lib/cpio.h"
#include "lib/string.h"

static char archive[8192];
static size_t used;

static void hex(u32 value)
{
	for (int i = 28; i >= 0; i -= 4)
		archive[used++] = "0123456789ABCDEF"[value >> i & 15];
}

static void pad(size_t to)
{
	while (used % to)
		archive[used++] = 0;
}

static void member(const char *name, u32 mode, const char *data, u32 size)
{
	memcpy(archive + used, "070701", 6);
	used += 6;
	u32 fields[13] = { 7, mode, 11, 22, 1, 1700000000, size, 8, 1, 5, 3, strlen(name) + 1, 0 };
	for (unsigned i = 0; i < 13; i++)
		hex(fields[i]);
	memcpy(archive + used, name, strlen(name) + 1);
	used += strlen(name) + 1;
	pad(4);
	memcpy(archive + used, data, size);
	used += size;
	pad(4);
}

static void test_members(void)
{
	struct cpio_entry e;
	size_t pos = 0;

	used = 0;
	member(".", 040755, "", 0);
	member("/etc/passwd", 0100644, "root:x", 6);
	member("TRAILER!!!", 0, "", 0);
	pad(512);
	member("./second", 0120777, "target", 6);
	member("TRAILER!!!", 0, "", 0);
	pad(256);
	CHECK_EQ(cpio_next(archive, used, &pos, &e), 1);
	CHECK(!strcmp(e.name, "."));
	CHECK_EQ(e.mode, 040755);
	CHECK_EQ(cpio_next(archive, used, &pos, &e), 1);
	CHECK(!strcmp(e.name, "etc/passwd"));
	CHECK(e.size == 6 && !memcmp(e.data, "root:x", 6));
	CHECK(e.uid == 11 && e.gid == 22 && e.mtime == 1700000000 && e.ino == 7);
	CHECK(e.dev_major == 8 && e.dev_minor == 1 && e.rdev_major == 5 && e.rdev_minor == 3);
	CHECK_EQ(cpio_next(archive, used, &pos, &e), 1);
	CHECK(!strcmp(e.name, "second"));
	CHECK_EQ(cpio_next(archive, used, &pos, &e), 0);
	CHECK_EQ(cpio_next(archive, used, &pos, &e), 0);
}

/* Every byte of a good archive damaged in turn, and every length: an answer, and never a byte past the end (ASan watches). */
static void test_damage(void)
{
	size_t whole;

	used = 0;
	member("a", 0100644, "data", 4);
	member("b", 0100755, "more data", 9);
	member("TRAILER!!!", 0, "", 0);
	whole = used;
	for (size_t cut = 0; cut <= whole; cut++) {
		char *copy = malloc(cut + 1);
		memcpy(copy, archive, cut);
		size_t pos = 0, steps = 0;
		struct cpio_entry e;
		int got;
		char *exact = malloc(cut ? cut : 1);
		memcpy(exact, copy, cut);
		while ((got = cpio_next(exact, cut, &pos, &e)) == 1 && steps++ < 10)
			CHECK(!e.size || ((const char *)e.data >= exact && (const char *)e.data + e.size <= exact + cut));
		CHECK(got == 0 || got == -EINVAL);
		free(exact);
		free(copy);
	}
	for (size_t at = 0; at < whole; at++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			char *copy = malloc(whole);
			memcpy(copy, archive, whole);
			copy[at] ^= 1 << bit;
			size_t pos = 0, steps = 0;
			struct cpio_entry e;
			int got;
			while ((got = cpio_next(copy, whole, &pos, &e)) == 1 && steps++ < 10)
				CHECK(!e.size || ((const char *)e.data >= copy && (const char *)e.data + e.size <= copy + whole));
			CHECK(got == 0 || got == 1 || got == -EINVAL);
			free(copy);
		}
	}
}

int main(void)
{
	test_members();
	test_damage();
	return unit_failures != 0;
}
