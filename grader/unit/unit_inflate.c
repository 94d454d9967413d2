/* sources: lib/inflate.c lib/string.c; test_inflate.py feeds it: argument 1 is a gzip file, the output goes to stdout */
#include "abi/errno.h"
#include "lib/inflate.h"
#include "lib/string.h"

typedef struct host_file FILE;
extern FILE *fopen(const char *name, const char *mode);
extern size_t fread(void *p, size_t size, size_t n, FILE *f);
extern size_t fwrite(const void *p, size_t size, size_t n, FILE *f);
extern int fclose(FILE *f);
extern FILE *stdout;

static int emit(void *arg, const void *data, size_t n)
{
	(void)arg;
	return fwrite(data, 1, n, stdout) == n ? 0 : -EIO;
}

static int discard(void *arg, const void *data, size_t n)
{
	*(u64 *)arg += n;
	return data && n <= 32768 ? 0 : -EIO;
}

/* Without an argument: damaged streams. Each must end in an error or in success, inside its bytes (ASan watches). */
static void test_damage(void)
{
	/* gzip of 300 times "switchback ", by fixed and dynamic codes both small enough to damage bit by bit */
	static const u8 good[] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0x4b, 0x4c, 0x4a, 0x4e, 0x49, 0x4d, 0x4b, 0xcf, 0xc8, 0xcc, 0xca, 0xce,
				   0xc9, 0xcd, 0xcb, 0x2f, 0x28, 0x2c, 0x2a, 0x2e, 0x29, 0x2d, 0x2b, 0xaf, 0xa8, 0xac, 0x02, 0 };
	void *scratch = malloc(INFLATE_SCRATCH);

	for (size_t at = 0; at < sizeof(good); at++)
		for (unsigned bit = 0; bit < 8; bit++)
			for (size_t cut = sizeof(good); cut > sizeof(good) - 6; cut--) {
				u8 *copy = malloc(cut);
				u64 out = 0;
				memcpy(copy, good, cut);
				if (at < cut)
					copy[at] ^= 1 << bit;
				long got = gunzip(copy, cut, scratch, discard, &out);
				CHECK(got == -EINVAL || got == -EILSEQ || (got > 0 && got <= (long)cut));
				free(copy);
			}
	free(scratch);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		test_damage();
		return unit_failures != 0;
	}
	u8 *data = malloc(16 << 20);
	void *scratch = malloc(INFLATE_SCRATCH);
	FILE *f = fopen(argv[1], "r");
	size_t n = fread(data, 1, 16 << 20, f);
	fclose(f);
	u8 *exact = malloc(n);
	memcpy(exact, data, n);
	long got = gunzip(exact, n, scratch, emit, NULL);
	free(exact);
	free(data);
	free(scratch);
	return got == (long)n ? 0 : got < 0 ? 2 : 3;
}
