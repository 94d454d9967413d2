/* sources: lib/inflate.c lib/string.c; a gzip stream */
#include "abi/errno.h"
#include "lib/inflate.h"
#include "lib/string.h"

static int emit(void *arg, const void *data, size_t n)
{
	u8 sum = 0;

	WANT(n <= 32768);
	for (size_t i = 0; i < n; i++)
		sum += ((const volatile u8 *)data)[i];
	*(u64 *)arg += n + (sum & 0);
	return *(u64 *)arg > 4 << 20 ? -ENOSPC : 0;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	void *scratch = malloc(INFLATE_SCRATCH);
	u64 out = 0;
	long got = gunzip(data, size, scratch, emit, &out);

	WANT(got == -EINVAL || got == -EILSEQ || got == -ENOSPC || (got > 0 && (size_t)got <= size));
	free(scratch);
	return 0;
}
