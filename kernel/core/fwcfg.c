/*
 * QEMU's fw_cfg over its ports: select an item at 0x510, read bytes at 0x511 (QEMU, docs/specs/fw_cfg). Item 0 says "QEMU", item 0x19 is the directory:
 * a big-endian count, then entries of 64 bytes.
 */
#include "core/cpu.h"
#include "core/err.h"
#include "core/verdict.h"
#include "lib/string.h"

#define FWCFG_SELECT 0x510
#define FWCFG_DATA 0x511
#define ITEM_SIGNATURE 0
#define ITEM_DIRECTORY 0x19

static void read_bytes(void *to, size_t n)
{
	for (u8 *p = to; n-- > 0; p++)
		*p = inb(FWCFG_DATA);
}

static u32 read_be32(void)
{
	u8 b[4];

	read_bytes(b, 4);
	return (u32)b[0] << 24 | (u32)b[1] << 16 | (u32)b[2] << 8 | b[3];
}

long fwcfg_read(const char *name, char *buf, size_t size)
{
	char file[56], signature[4];
	u32 count;

	outw(FWCFG_SELECT, ITEM_SIGNATURE);
	read_bytes(signature, 4);
	if (memcmp(signature, "QEMU", 4) != 0)
		return -ENOENT;
	outw(FWCFG_SELECT, ITEM_DIRECTORY);
	count = read_be32();
	for (u32 i = 0; i < count && i < 1024; i++) {
		u32 length = read_be32();
		u8 select[4];
		read_bytes(select, 4);
		read_bytes(file, sizeof(file));
		file[sizeof(file) - 1] = '\0';
		if (!str_starts(file, "opt/switchback/") || strcmp(file + 15, name) != 0)
			continue;
		if (!size)
			return -ENOENT;
		outw(FWCFG_SELECT, (u16)((u16)select[0] << 8 | select[1]));
		length = MIN((size_t)length, size - 1);
		read_bytes(buf, length);
		buf[length] = '\0';
		return length;
	}
	return -ENOENT;
}
