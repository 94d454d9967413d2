/* Stage 01: the walk over Multiboot2's tags. */
#include "core/ktest.h"

#include "boot/bootinfo.h"
#include "core/err.h"
#include "core/layout.h"
#include "lib/string.h"

/* A Multiboot2 information structure that grows tag by tag (Multiboot2 specification, section 3.6). */
static u8 mb_info[2048] __aligned(8);
static u32 mb_used;
static bool mb_mapped;

static void mb_begin(void)
{
	memset(mb_info, 0, sizeof(mb_info));
	mb_used = 8;
	mb_mapped = false;
}

static u8 *mb_tag(u32 type, u32 size)
{
	u8 *tag = mb_info + mb_used;

	memcpy(tag, &type, 4);
	memcpy(tag + 4, &size, 4);
	mb_used += ALIGN_UP(size, 8);
	return tag + 8;
}

static void mb_text(u32 type, const char *text)
{
	memcpy(mb_tag(type, 8 + strlen(text) + 1), text, strlen(text) + 1);
}

static void mb_module(u32 start, u32 end)
{
	u8 *body = mb_tag(3, 16 + 4);

	memcpy(body, &start, 4);
	memcpy(body + 4, &end, 4);
	memcpy(body + 8, "abc", 4);
}

static void mb_memory(const u64 (*ranges)[3], unsigned count)
{
	u8 *body = mb_tag(6, 16 + 24 * count);
	u32 entry[2] = { 24, 0 };

	mb_mapped = true;
	memcpy(body, entry, 8);
	for (unsigned i = 0; i < count; i++) {
		u32 kind[2] = { ranges[i][2], 0 };
		memcpy(body + 8 + 24 * i, ranges[i], 16);
		memcpy(body + 24 + 24 * i, kind, 8);
	}
}

/* Closes the structure, with a map of the memory if there is none yet: without one it would be refused. */
static void mb_end(void)
{
	static const u64 all[][3] = { { 0x100000, 0x7f00000, 1 } };

	if (!mb_mapped)
		mb_memory(all, 1);
	mb_tag(0, 8);
	memcpy(mb_info, &mb_used, 4);
}

static struct bootinfo mb_result;

KTEST(01, multiboot2_reads_the_tags)
{
	static const u64 ranges[][3] = { { 0, 0x9f000, 1 }, { 0x9f000, 0x1000, 2 }, { 0x100000, 0x7ee0000, 1 } };
	u32 base = 0x200000 + (ktest_random() & 0xfff000), length = 0x1000 + (ktest_random() & 0xffff);

	mb_begin();
	mb_text(1, "console=ttyS0 quiet odd=1");
	mb_text(2, "some loader");
	mb_tag(4711, 13); /* unknown: stepped over, padding and all */
	mb_module(base, base + length);
	mb_memory(ranges, 3);
	mb_end();
	memset(&mb_result, 0, sizeof(mb_result));
	KREQUIRE(multiboot2_parse(mb_info, &mb_result) == 0);
	KEXPECT(!strcmp(mb_result.cmdline, "console=ttyS0 quiet odd=1"));
	KEXPECT_EQ(mb_result.module_count, 1);
	KEXPECT_EQ(mb_result.modules[0].base, base);
	KEXPECT_EQ(mb_result.modules[0].length, length);
	KEXPECT_EQ(mb_result.range_count, 3);
	for (unsigned i = 0; i < 3; i++) {
		KEXPECT_EQ(mb_result.ranges[i].base, ranges[i][0]);
		KEXPECT_EQ(mb_result.ranges[i].length, ranges[i][1]);
		KEXPECT_EQ(mb_result.ranges[i].kind, ranges[i][2]);
	}
}

KTEST(01, multiboot2_takes_modules_in_order)
{
	mb_begin();
	for (u32 i = 0; i < 3; i++)
		mb_module(0x400000 + i * 0x10000, 0x400000 + i * 0x10000 + 0x1000 * (i + 1));
	mb_end();
	memset(&mb_result, 0, sizeof(mb_result));
	KREQUIRE(multiboot2_parse(mb_info, &mb_result) == 0);
	KEXPECT_EQ(mb_result.module_count, 3);
	for (u32 i = 0; i < 3; i++) {
		KEXPECT_EQ(mb_result.modules[i].base, 0x400000 + i * 0x10000);
		KEXPECT_EQ(mb_result.modules[i].length, 0x1000 * (i + 1));
	}
}

KTEST(01, multiboot2_refuses_garbage)
{
	u32 small = 4, zero = 0;

	mb_begin();
	mb_text(1, "x");
	mb_end();
	memcpy(mb_info + 12, &small, 4); /* a tag shorter than its own header would be walked for ever */
	KEXPECT_EQ(multiboot2_parse(mb_info, &mb_result), -EINVAL);

	mb_begin();
	mb_text(1, "x");
	mb_end();
	memcpy(mb_info, &zero, 4);
	KEXPECT_EQ(multiboot2_parse(mb_info, &mb_result), -EINVAL);

	mb_begin();
	mb_tag(0, 8); /* an end without a memory map */
	memcpy(mb_info, &mb_used, 4);
	memset(&mb_result, 0, sizeof(mb_result));
	KEXPECT_EQ(multiboot2_parse(mb_info, &mb_result), -EINVAL);

	mb_begin();
	u32 huge = 1 << 30;
	mb_text(1, "x");
	mb_end();
	memcpy(mb_info + 12, &huge, 4); /* a tag that runs past the end */
	KEXPECT_EQ(multiboot2_parse(mb_info, &mb_result), -EINVAL);
}

/* The framebuffer tag: 32 bytes, and six more that say where the colours are if it is of RGB kind (1). */
static void mb_framebuffer(u32 size, u8 kind)
{
	u64 base = 0xfd000000;
	u32 shape[3] = { 4096, 1024, 768 };
	u8 *body = mb_tag(8, size);

	memcpy(body, &base, 8);
	memcpy(body + 8, shape, 12);
	body[20] = 32;
	body[21] = kind;
	for (u8 i = 0; i < 6; i++)
		body[24 + i] = 16 + i;
}

static int mb_parse(void)
{
	memset(&mb_result, 0, sizeof(mb_result));
	return multiboot2_parse(mb_info, &mb_result);
}

static int mb_one_framebuffer(u32 size, u8 kind)
{
	mb_begin();
	mb_framebuffer(size, kind);
	mb_end();
	return mb_parse();
}

KTEST(01, multiboot2_finds_the_screen)
{
	KREQUIRE(mb_one_framebuffer(38, 1) == 0);
	KEXPECT_EQ(mb_result.fb.base, 0xfd000000);
	KEXPECT_EQ(mb_result.fb.pitch, 4096);
	KEXPECT_EQ(mb_result.fb.width, 1024);
	KEXPECT_EQ(mb_result.fb.height, 768);
	KEXPECT_EQ(mb_result.fb.bpp, 32);
	KEXPECT_EQ(mb_result.fb.red_pos, 16);
	KEXPECT_EQ(mb_result.fb.green_pos, 18);
	KEXPECT_EQ(mb_result.fb.blue_pos, 20);
	KEXPECT(!mb_result.fb.text);
	KREQUIRE(mb_one_framebuffer(32, 2) == 0); /* text: no colours behind */
	KEXPECT(mb_result.fb.text);
	KEXPECT_EQ(mb_result.fb.width, 1024);
	KEXPECT_EQ(mb_result.fb.red_pos, 0);
	KEXPECT_EQ(mb_one_framebuffer(37, 1), -EINVAL); /* cut off in the colours */
	KEXPECT_EQ(mb_one_framebuffer(31, 2), -EINVAL); /* and before its end */
	KREQUIRE(mb_one_framebuffer(46, 1) == 0);	/* a later version may be longer */
	KEXPECT_EQ(mb_result.fb.green_pos, 18);
}

KTEST(01, multiboot2_copies_the_rsdp)
{
	static const char first[] = "RSD PTR old, 20 byte", second[] = "RSD PTR new, with length and checksum";

	for (unsigned order = 0; order < 3; order++) {
		mb_begin();
		if (order != 2) /* 0: old, new; 1: new, old; 2: old alone */
			memcpy(mb_tag(order ? 15 : 14, 8 + (order ? 36 : 20)), order ? second : first, order ? 36 : 20);
		if (order != 2)
			memcpy(mb_tag(order ? 14 : 15, 8 + (order ? 20 : 36)), order ? first : second, order ? 20 : 36);
		else
			memcpy(mb_tag(14, 8 + 20), first, 20);
		mb_end();
		KREQUIRE(mb_parse() == 0);
		KEXPECT_EQ(mb_result.rsdp, virt_to_phys(mb_result.rsdp_copy));
		KEXPECT(!memcmp(mb_result.rsdp_copy, order == 2 ? first : second, 20)); /* the new one counts */
		KEXPECT_EQ(mb_result.rsdp_copy[20], order == 2 ? 0 : second[20]);
	}
	mb_begin();
	memset(mb_tag(15, 8 + 60), 'x', 60); /* longer than what we keep */
	mb_end();
	memset(&mb_result, 0, sizeof(mb_result));
	mb_result.fb.pitch = 4711;
	KEXPECT_EQ(multiboot2_parse(mb_info, &mb_result), 0);
	KEXPECT_EQ(mb_result.rsdp_copy[35], 'x');
	KEXPECT_EQ(mb_result.fb.pitch, 4711);
	KEXPECT_EQ(mb_result.fb.base, 0);
}

KTEST(01, multiboot2_keeps_texts_inside_their_room)
{
	static char text[2100];
	u32 n = sizeof(mb_result.cmdline);

	mb_begin();
	memcpy(mb_tag(1, 8 + 8), "abcdefgh", 8); /* its NUL is missing, and the next tag lies right behind */
	mb_text(2, "GRUB, or another");
	mb_end();
	KREQUIRE(mb_parse() == 0);
	KEXPECT(!strcmp(mb_result.cmdline, "abcdefgh"));
	KREQUIRE(mb_result.loader != NULL);
	KEXPECT(!strcmp(mb_result.loader, "GRUB, or another"));
	/* A command line as long as its room, and then some: cut, and ended. */
	static u8 big[sizeof(text) + 128] __aligned(8);
	u32 total = 8 + ALIGN_UP(8 + sizeof(text), 8) + 16 + 24 + 8, tag[2] = { 1, 8 + sizeof(text) }, map[4] = { 6, 40, 24, 0 }, end[2] = { 0, 8 };
	u64 range[2] = { 0, 0x1000000 };

	memset(text, 'c', sizeof(text));
	memset(big, 0, sizeof(big));
	memcpy(big, &total, 4);
	memcpy(big + 8, tag, 8);
	memcpy(big + 16, text, sizeof(text));
	u8 *rest = big + 8 + ALIGN_UP(8 + sizeof(text), 8);
	memcpy(rest, map, 16);
	memcpy(rest + 16, range, 16);
	rest[32] = 1;
	memcpy(rest + 40, end, 8);
	memset(&mb_result, 0, sizeof(mb_result));
	mb_result.ranges[0].base = 77;
	KEXPECT_EQ(multiboot2_parse(big, &mb_result), 0);
	KEXPECT_EQ(strnlen(mb_result.cmdline, n), n - 1);
	KEXPECT_EQ(mb_result.cmdline[n - 2], 'c');
	KEXPECT_EQ(mb_result.ranges[0].base, 0);
	KEXPECT_EQ(mb_result.range_count, 1);
}

KTEST(01, multiboot2_keeps_inside_its_tables)
{
	mb_begin();
	for (u32 i = 0; i < BOOT_MAX_MODULES + 2; i++)
		mb_module(0x400000 + i * 0x10000, 0x400000 + i * 0x10000 + 0x1000);
	mb_end();
	KEXPECT_EQ(mb_parse(), 0);
	KEXPECT_EQ(mb_result.module_count, BOOT_MAX_MODULES);
	KEXPECT_EQ(mb_result.modules[BOOT_MAX_MODULES - 1].base, 0x400000 + (BOOT_MAX_MODULES - 1) * 0x10000);
	KEXPECT_EQ(mb_result.rsdp, 0);

	/* More ranges than there is room for, in entries that are longer than we know. */
	enum { ENTRY = 32, MANY = BOOT_MAX_RANGES + 3 };
	static u8 big[16 + 16 + ENTRY * MANY + 8] __aligned(8);
	u32 head[6] = { sizeof(big) - 8, 0, 6, 16 + ENTRY * MANY, ENTRY, 0 }, end[2] = { 0, 8 };

	memset(big, 0, sizeof(big));
	memcpy(big, head, sizeof(head));
	for (u32 i = 0; i < MANY; i++) {
		u64 range[2] = { i * 0x100000ul, 0x80000 };
		memcpy(big + 24 + ENTRY * i, range, 16);
		big[24 + ENTRY * i + 16] = 1 + i % 3;
	}
	memcpy(big + 24 + ENTRY * MANY, end, 8);
	memset(&mb_result, 0, sizeof(mb_result));
	KEXPECT_EQ(multiboot2_parse(big, &mb_result), 0);
	KEXPECT_EQ(mb_result.range_count, BOOT_MAX_RANGES);
	KEXPECT_EQ(mb_result.ranges[5].base, 0x500000);
	KEXPECT_EQ(mb_result.ranges[5].kind, 3);
	KEXPECT_EQ(mb_result.ranges[BOOT_MAX_RANGES - 1].base, (BOOT_MAX_RANGES - 1) * 0x100000ul);
	KEXPECT_EQ(mb_result.module_count, 0);
}

static u8 *mb_first(void) { return mb_info + 8; }

KTEST(01, multiboot2_doubts_every_size)
{
	u32 value;

	mb_begin(); /* a module that ends before it starts */
	mb_module(0x500000, 0x4fffff);
	mb_end();
	KEXPECT_EQ(mb_parse(), -EINVAL);
	mb_begin(); /* and one of no length, which is none of our business */
	mb_module(0x500000, 0x500000);
	mb_end();
	KEXPECT_EQ(mb_parse(), 0);
	mb_begin();
	mb_tag(3, 15); /* no room for start and end */
	mb_end();
	KEXPECT_EQ(mb_parse(), -EINVAL);
	mb_begin();
	mb_tag(3, 16); /* just room, without a text */
	mb_end();
	KEXPECT_EQ(mb_parse(), 0);
	mb_begin();
	mb_tag(6, 12); /* a map without its head */
	mb_end();
	KEXPECT_EQ(mb_parse(), -EINVAL);
	mb_begin();
	mb_end();
	value = 16;
	memcpy(mb_first() + 8, &value, 4); /* entries too small for a range: would be read into each other */
	KEXPECT_EQ(mb_parse(), -EINVAL);
	mb_begin();
	mb_end();
	value = 16 + 24 + 23;
	memcpy(mb_first() + 4, &value, 4); /* the last entry is cut off: only what is whole counts */
	mb_used = 8 + ALIGN_UP(value, 8);
	mb_tag(0, 8);
	memcpy(mb_info, &mb_used, 4);
	KEXPECT_EQ(mb_parse(), 0);
	KEXPECT_EQ(mb_result.range_count, 1);
	mb_begin(); /* no end tag inside of the total size */
	mb_end();
	value = mb_used - 8;
	memcpy(mb_info, &value, 4);
	KEXPECT_EQ(mb_parse(), -EINVAL);
	value = mb_used - 1;
	memcpy(mb_info, &value, 4);
	KEXPECT_EQ(mb_parse(), -EINVAL);
	memcpy(mb_info, &mb_used, 4);
	KEXPECT_EQ(mb_parse(), 0);
	mb_begin(); /* a tag of the smallest size is a tag */
	mb_tag(4711, 8);
	mb_end();
	KEXPECT_EQ(mb_parse(), 0);
	mb_begin(); /* one that fills the rest to the last byte, and leaves no end */
	mb_memory((const u64[][3]){ { 0, 0x1000000, 1 } }, 1);
	memcpy(mb_info, &mb_used, 4);
	KEXPECT_EQ(mb_parse(), -EINVAL);
}
