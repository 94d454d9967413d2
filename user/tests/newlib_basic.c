/* stage: 06; libc: newlib; run: host+guest
 * newlib alive on our stubs: printf, floating point, malloc, qsort, strings, environment, exit handlers. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static void last(void)
{
	puts("exit handler ran");
}

int main(int argc, char **argv)
{
	int numbers[] = { 9, 3, 7, 1, 8 };
	unsigned long sum = 0;
	char *blocks[64];

	atexit(last);
	printf("argc %d, argv[0] %s, argv[argc] %p\n", argc, argv[0] ? "there" : "missing", (void *)argv[argc]);
	printf("%d %5d|%-5d|%05d %x %#o %c %s %lld %zu\n", -1, 42, 42, 42, 0xbeef, 8, 'c', "text", 1LL << 40, sizeof(int));
	printf("%.3f %g %e %a\n", 3.14159, 1e100, 12345.678, 0.5);
	printf("sqrt %.6f sin %.6f pow %.1f\n", sqrt(2.0), sin(1.0), pow(2.0, 10.0));
	qsort(numbers, 5, sizeof(int), compare);
	for (int i = 0; i < 5; i++)
		printf("%d ", numbers[i]);
	printf("\n");
	for (int i = 0; i < 64; i++) {
		size_t size = (size_t)1 << (i % 18);

		blocks[i] = malloc(size);
		if (!blocks[i])
			return 1;
		memset(blocks[i], i, size);
	}
	for (int i = 0; i < 64; i++) {
		sum += (unsigned char)blocks[i][0];
		free(blocks[i]);
	}
	printf("sum %lu\n", sum);
	printf("malloc of too much: %p\n", malloc((size_t)1 << 46));
	printf("strtol %ld, strtod %.2f, atoi %d\n", strtol("ff", NULL, 16), strtod("2.5e2", NULL), atoi("77"));
	printf("getenv %s\n", getenv("NO_SUCH_VARIABLE") ? "set" : "unset");
	setenv("SWITCHBACK", "yes", 1);
	printf("setenv %s\n", getenv("SWITCHBACK"));
	return 0;
}
