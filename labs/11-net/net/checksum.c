/*
 * The Internet checksum (RFC 1071): the ones' complement of the ones' complement sum of 16-bit words.
 *
 *   45 00 00 1c | 00 01 00 00 | 40 11 ?? ?? …      words are added, what is carried out of the upper end comes in again at the lower
 *
 * The sum of bytes that hold their own right checksum is all ones. Byte order does not matter to it: both ends sum up words as they lie in their memory.
 */
#include "net/wire.h"

#include "core/todo.h"
#include "lib/string.h"

u32 checksum_add(u32 sum, const void *data, size_t n)
{
	TODO("11-net");
}

u16 checksum_fold(u32 sum)
{
	TODO("11-net");
}

u32 checksum_pseudo(struct address source, struct address destination, u8 protocol, u32 len)
{
	struct {
		struct address source, destination;
		u32 len, protocol;
	} pseudo = { source, destination, be32(len), be32(protocol) }; /* RFC 8200 section 8.1; RFC 9293 section 3.1 sums the same up */

	return checksum_add(0, &pseudo, sizeof(pseudo));
}
