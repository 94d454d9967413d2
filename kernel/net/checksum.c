/* The Internet checksum (RFC 1071): the ones' complement of the ones' complement sum of 16-bit words. Byte order does not matter to it. */
#include "net/wire.h"

#include "lib/string.h"

u32 checksum_add(u32 sum, const void *data, size_t n)
{
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
}

u16 checksum_fold(u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (u16)~sum;
}

u32 checksum_pseudo(struct address source, struct address destination, u8 protocol, u32 len)
{
	struct {
		struct address source, destination;
		u32 len, protocol;
	} pseudo = { source, destination, be32(len), be32(protocol) }; /* RFC 8200 section 8.1; RFC 9293 section 3.1 sums the same up */

	return checksum_add(0, &pseudo, sizeof(pseudo));
}
