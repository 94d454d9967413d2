/*
 * Formatting of text: one pass over the format, each directive taken apart into a struct spec, each value put out as
 *
 *   |<- blanks ->| sign or 0x |<- zeros ->| digits |<- blanks ->|
 *
 * The text may be longer than its buffer: what does not fit is counted but not stored.
 */
#include "lib/format.h"
#include "lib/string.h"

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

int ksnprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = kvsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return n;
}
