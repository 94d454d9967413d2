/* Look-up in the table that gen_ksyms.py linked in: offsets from KERNEL_BASE, sorted. */
#include "core/ksyms.h"
#include "core/layout.h"

extern const char kernel_start[], text_end[]; /* kernel.ld */
extern const u64 ksyms_count;
extern const u32 ksyms_offsets[], ksyms_names[];
extern const char ksyms_strings[];

const char *ksym_lookup(u64 addr, u64 *offset)
{
	u64 low = 0, high = ksyms_count;

	if (addr < (u64)kernel_start || addr >= (u64)text_end || !high || addr - KERNEL_BASE < ksyms_offsets[0])
		return NULL;
	while (high - low > 1) {
		u64 mid = (low + high) / 2;
		if (ksyms_offsets[mid] <= addr - KERNEL_BASE)
			low = mid;
		else
			high = mid;
	}
	*offset = addr - KERNEL_BASE - ksyms_offsets[low];
	return &ksyms_strings[ksyms_names[low]];
}
