/* Bitmaps of a group, of blocks and of inodes: their bits, and their checksums. */
#include "ext4_priv.h"

#define TURNED_MAX 64 /* bytes: a longer run is better counted whole */

bool bitmap_test(const u8 *m, u32 i)
{
	return m[i / 8] >> (i % 8) & 1;
}

void bitmap_fill(u8 *m, u32 i, u32 count, bool value)
{
	for (; count; i++, count--) {
		if (!(i % 8) && count >= 8) {
			u32 bytes = count / 8;
			memset(m + i / 8, value ? 0xff : 0, bytes);
			i += bytes * 8 - 1;
			count -= bytes * 8 - 1;
		} else if (value) {
			m[i / 8] |= (u8)(1 << i % 8);
		} else {
			m[i / 8] &= (u8)~(1 << i % 8);
		}
	}
}

u32 bitmap_checksum(const struct ext4_fs *fs, const struct buffer *b, u32 bits)
{
	return crc32c(fs->seed, b->data, bits / 8);
}

u32 bitmap_checksum_turned(const struct ext4_fs *fs, const struct buffer *b, u32 bits, u32 old, u32 bit, u32 count)
{
	u8 turned[TURNED_MAX] = { 0 };
	u32 bytes = DIV_ROUND_UP(bit % 8 + count, 8);

	/* The older, small descriptors keep half of a checksum, of which no other can be made. */
	if (fs->desc_size < 64 || bytes > TURNED_MAX)
		return bitmap_checksum(fs, b, bits);
	bitmap_fill(turned, bit % 8, count, true);
	return crc32c_changed(old, bits / 8, bit / 8, turned, bytes);
}
