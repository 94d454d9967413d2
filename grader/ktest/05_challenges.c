/* Lab 05's optional challenges: strings a word at a time (the other one is in 05_ring3.c). Asked for by name (make grade LAB=05 CHALLENGE=name). */
#include "core/ktest.h"

#include "core/cpu.h"
#include "core/err.h"
#include "lib/string.h"
#include "mm/frame.h"
#include "mm/pagetable.h"
#include "usermode/uaccess.h"

#define USER_VA 0x400000ul
enum { PAGES = 2, BYTES = PAGES * PAGE_SIZE };

static char *page[PAGES];
static char copy[BYTES + 64];

static char *at(unsigned i) { return page[i / PAGE_SIZE] + i % PAGE_SIZE; }

/* Two pages of a program's memory, and nothing behind them. */
static bool map_pages(void)
{
	for (unsigned i = 0; i < PAGES; i++) {
		page[i] = page_alloc(0);
		if (!KEXPECT(page[i]) || !KEXPECT_EQ(pt_map(kernel_pt, USER_VA + i * PAGE_SIZE, virt_to_phys(page[i]), PTE_USER | PTE_WRITE | PTE_NX), 0))
			return false;
	}
	write_cr3(virt_to_phys(kernel_pt));
	return true;
}

/* Bytes that a hasty search takes for zero, or takes a zero behind them for something else. */
static void fill(void)
{
	static const u8 nasty[] = { 0x01, 0x80, 0xff, 0x81, 0x7f, 'a' };

	for (unsigned i = 0; i < BYTES; i++)
		*at(i) = nasty[ktest_random() % sizeof(nasty)];
}

KTEST(05, challenge_word_by_word)
{
	KREQUIRE(map_pages());
	for (unsigned turn = 0; turn < 400; turn++) {
		unsigned start = ktest_random() % (BYTES - 200), len = ktest_random() % 100, size = len + ktest_random() % 3;

		if (turn % 4 == 0) /* it ends with what is mapped */
			start = BYTES - 1 - len;
		fill();
		*at(start + len) = '\0';
		memset(copy, 0x55, sizeof(copy));
		ssize_t got = strncpy_from_user(copy, (char *)USER_VA + start, size);
		if (!KEXPECT_EQ(got, size > len ? (ssize_t)len : -ENAMETOOLONG))
			break;
		for (unsigned i = 0; i < len && i < size; i++)
			if (!KEXPECT_EQ(copy[i], *at(start + i)))
				return;
		KEXPECT(size <= len || copy[len] == '\0');
		KEXPECT_EQ(copy[size], 0x55); /* not a byte more than there is room for */
	}
	fill();
	KEXPECT_EQ(strncpy_from_user(copy, (char *)USER_VA + BYTES - 33, sizeof(copy)), -EFAULT);
	/* An instruction is a nanosecond of the machine that grades: less than three for each byte. */
	*at(6000) = '\0';
	u64 start = time_ns();
	ssize_t got = strncpy_from_user(copy, (char *)USER_VA, sizeof(copy));
	u64 ns = time_ns() - start;
	KEXPECT_EQ(got, 6000);
	ktest_note("ns for 6000 bytes", ns);
	KEXPECT(ns < 3 * 6000);
	for (unsigned i = 0; i < PAGES; i++)
		pt_unmap(kernel_pt, USER_VA + i * PAGE_SIZE);
	write_cr3(virt_to_phys(kernel_pt));
}
