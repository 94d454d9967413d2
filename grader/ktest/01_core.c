/* Stage 01: text formatting, the ticket lock, the Multiboot2 walk, the command line. */
#include "core/ktest.h"

#include "boot/bootinfo.h"
#include "core/cmdline.h"
#include "core/err.h"
#include "core/ksyms.h"
#include "core/printk.h"
#include "core/spinlock.h"
#include "lib/format.h"
#include "lib/string.h"

static bool formats(const char *wanted, const char *fmt, ...)
{
	char text[128];
	va_list ap;

	va_start(ap, fmt);
	int length = kvsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return !strcmp(text, wanted) && length == (int)strlen(wanted);
}

KTEST(01, format_numbers)
{
	KEXPECT(formats("0 -1 2147483647 -2147483648", "%d %d %i %d", 0, -1, 2147483647, -2147483647 - 1));
	KEXPECT(formats("4294967295 ffffffff FFFFFFFF 37777777777", "%u %x %X %o", -1, -1, -1, -1));
	KEXPECT(formats("-9223372036854775808 18446744073709551615", "%ld %lu", INT64_MIN, UINT64_MAX));
	KEXPECT(formats("255 1 ffff", "%hhu %hd %hx", 255 + 256, 65537, 0xffff));
	KEXPECT(formats("123456789012 7", "%zu %td", (size_t)123456789012, (ptrdiff_t)7));
}

KTEST(01, format_width_and_flags)
{
	KEXPECT(formats("   42|42   |00042|+42| 42", "%5d|%-5d|%05d|%+d|% d", 42, 42, 42, 42, 42));
	KEXPECT(formats("0x2a|0X2A|052|  0x2a", "%#x|%#X|%#o|%#6x", 42, 42, 42, 42));
	KEXPECT(formats("  007|-0042", "%5.3d|%05d", 7, -42));
	KEXPECT(formats("    7|8    ", "%*d|%*d", 5, 7, -5, 8));
}

KTEST(01, format_text)
{
	KEXPECT(formats("abc|  abc|abc  |ab", "%s|%5s|%-5s|%.2s", "abc", "abc", "abc", "abc"));
	KEXPECT(formats("x%|   y", "%c%%|%4c", 'x', 'y'));
	KEXPECT(formats("ab", "%.*s", 2, "abcdef"));
}

KTEST(01, format_keeps_inside_its_buffer)
{
	char text[16];

	memset(text, 'Z', sizeof(text));
	KEXPECT_EQ(ksnprintf(text, 8, "%s-%d", "abcdefgh", 12345), 14);
	KEXPECT(!strcmp(text, "abcdefg"));
	KEXPECT_EQ(text[8], 'Z');
	KEXPECT_EQ(ksnprintf(text, 0, "%d", 77), 2);
	KEXPECT_EQ(text[0], 'a');
}

KTEST(01, ticket_lock_admits_one)
{
	struct ticket_lock lock = { 0, 0 };

	KEXPECT(ticket_try_acquire(&lock));
	KEXPECT(!ticket_try_acquire(&lock));
	KEXPECT(!ticket_try_acquire(&lock));
	ticket_release(&lock);
	KEXPECT(ticket_try_acquire(&lock));
	ticket_release(&lock);
}

KTEST(01, ticket_lock_serves_in_order)
{
	struct ticket_lock lock = { .next = 7, .owner = 7 };

	ticket_acquire(&lock);
	KEXPECT_EQ(lock.next, 8);
	KEXPECT_EQ(lock.owner, 7);
	lock.next++; /* somebody else draws a ticket and waits */
	ticket_release(&lock);
	KEXPECT_EQ(lock.owner, 8);
	KEXPECT(!ticket_try_acquire(&lock)); /* it is the other's turn */
}

KTEST(01, ticket_lock_wraps_around)
{
	struct ticket_lock lock = { .next = 65535, .owner = 65535 };

	ticket_acquire(&lock);
	KEXPECT(!ticket_try_acquire(&lock));
	ticket_release(&lock);
	KEXPECT_EQ(lock.next, 0);
	KEXPECT_EQ(lock.owner, 0);
	KEXPECT(ticket_try_acquire(&lock));
}

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

KTEST(01, the_kernel_knows_its_names)
{
	u64 offset = ~0ul;
	const char *name = ksym_lookup((u64)ksnprintf + 1, &offset);

	KREQUIRE(name != NULL);
	KEXPECT(!strcmp(name, "ksnprintf"));
	KEXPECT_EQ(offset, 1);
	KEXPECT(ksym_lookup(0x1000, &offset) == NULL);
}

KTEST(01, messages_are_kept)
{
	static char record[512];
	u64 seq = klog_next_seq(), mark = ktest_random();

	printk("ktest mark %lx\n", mark);
	size_t n = klog_read(&seq, record, sizeof(record));
	KREQUIRE(n > 0 && n < sizeof(record));
	record[n] = '\0';
	char wanted[64];
	ksnprintf(wanted, sizeof(wanted), "ktest mark %lx\n", mark);
	KEXPECT(record[0] == '<');
	KEXPECT(strstr(record, wanted) != NULL);
}
