/* Look-up in the tables that gen_ksyms.py and gen_klines.py linked in: offsets from KERNEL_BASE, sorted. */
#include "core/ksyms.h"
#include "core/layout.h"

extern const char kernel_start[], text_end[]; /* kernel.ld */
extern const u64 ksyms_count;
extern const u32 ksyms_offsets[], ksyms_names[];
extern const char ksyms_strings[];
extern const u64 klines_count;
extern const u32 klines_offsets[], klines_places[], klines_files[];
extern const char klines_strings[];

/* The last of `count` sorted offsets that is no larger than `offset`, which the first is not. */
static u64 last_up_to(const u32 *offsets, u64 count, u64 offset)
{
	u64 low = 0, high = count;

	while (high - low > 1) {
		u64 mid = (low + high) / 2;
		if (offsets[mid] <= offset)
			low = mid;
		else
			high = mid;
	}
	return low;
}

const char *ksym_lookup(u64 addr, u64 *offset)
{
	if (addr < (u64)kernel_start || addr >= (u64)text_end || !ksyms_count || addr - KERNEL_BASE < ksyms_offsets[0])
		return NULL;
	u64 i = last_up_to(ksyms_offsets, ksyms_count, addr - KERNEL_BASE);
	*offset = addr - KERNEL_BASE - ksyms_offsets[i];
	return &ksyms_strings[ksyms_names[i]];
}

bool kline_lookup(u64 addr, const char **file, u32 *line)
{
	if (addr < (u64)kernel_start || addr >= (u64)text_end || !klines_count || addr - KERNEL_BASE < klines_offsets[0])
		return false;
	u32 place = klines_places[last_up_to(klines_offsets, klines_count, addr - KERNEL_BASE)];
	*file = &klines_strings[klines_files[place >> 16]];
	*line = place & 0xffff;
	return *line != 0;
}
