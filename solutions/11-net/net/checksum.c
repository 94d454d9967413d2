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
#ifdef SOLUTION
	const u8 *p = data;
	u64 total = sum;

	/* Words of four bytes: carries pile up in the upper half, which is folded in at the end. 4 GiB would be needed to overflow it. */
	for (; n >= 4; n -= 4, p += 4) {
		u32 word;
		memcpy(&word, p, 4);
		total += word;
	}
	if (n >= 2) {
		u16 word;
		memcpy(&word, p, 2);
		total += word;
		p += 2;
		n -= 2;
	}
	if (n)
		total += *p; /* as if a zero byte followed */
	total = (total & 0xffffffff) + (total >> 32);
	return (u32)((total & 0xffffffff) + (total >> 32));
#else
	TODO("11-net");
#endif
}

u16 checksum_fold(u32 sum)
{
#ifdef SOLUTION
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (u16)~sum;
#else
	TODO("11-net");
#endif
}

u32 checksum_pseudo(struct address source, struct address destination, u8 protocol, u32 len)
{
	struct {
		struct address source, destination;
		u32 len, protocol;
	} pseudo = { source, destination, be32(len), be32(protocol) }; /* RFC 8200 section 8.1; RFC 9293 section 3.1 sums the same up */

	return checksum_add(0, &pseudo, sizeof(pseudo));
}
