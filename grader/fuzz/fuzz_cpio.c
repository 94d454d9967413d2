/* sources: lib/cpio.c lib/string.c; an archive, member by member */
#include "abi/errno.h"
#include "lib/cpio.h"
#include "lib/string.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct cpio_entry e;
	size_t pos = 0, before = 0;
	int got;

	while ((got = cpio_next(data, size, &pos, &e)) == 1) {
		WANT(pos > before && pos <= size);
		/* The root's name is the reader's own text. */
		WANT(e.name[0] && (!strcmp(e.name, ".") || ((const u8 *)e.name >= data && (const u8 *)e.name + strlen(e.name) < data + size)));
		WANT(!e.size || ((const u8 *)e.data >= data && e.size <= size && (const u8 *)e.data + e.size <= data + size));
		before = pos;
	}
	WANT(got == 0 || got == -EINVAL);
	return 0;
}
