/* The memory map in order: the firmware's ranges come unsorted and may overlap. */
#include "boot/bootinfo.h"
#include "boot_priv.h"
#include "core/printk.h"

struct bootinfo bootinfo;

/* Of two ranges that overlap the one that is less usable wins. */
static u32 rank(u32 kind)
{
	return kind == MEM_USABLE ? 0 : kind == MEM_ACPI ? 1 : kind == MEM_NVS ? 2 : kind == MEM_RESERVED ? 3 : 4;
}

/* The kind of memory at `at`, and in *end where that changes next. */
static u32 kind_at(const struct mem_range *r, u32 n, u64 at, u64 *end)
{
	u32 kind = 0;

	*end = UINT64_MAX;
	for (u32 i = 0; i < n; i++) {
		u64 stop = r[i].base + r[i].length;
		if (r[i].base > at && r[i].base < *end)
			*end = r[i].base;
		if (r[i].base <= at && at < stop) {
			if (stop < *end)
				*end = stop;
			if (!kind || rank(r[i].kind) > rank(kind))
				kind = r[i].kind;
		}
	}
	return kind;
}

void bootinfo_normalise(struct bootinfo *bi)
{
	static struct mem_range in[BOOT_MAX_RANGES];
	u32 n = 0, out = 0;
	u64 at = 0, end;

	for (u32 i = 0; i < bi->range_count; i++) {
		struct mem_range r = bi->ranges[i];
		if (!r.length || r.base + r.length < r.base)
			continue;
		if (r.kind < MEM_USABLE || r.kind > MEM_BAD)
			r.kind = MEM_RESERVED;
		in[n++] = r;
	}
	for (; at != UINT64_MAX; at = end) {
		u32 kind = kind_at(in, n, at, &end);
		if (!kind)
			continue;
		struct mem_range *last = out ? &bi->ranges[out - 1] : NULL;
		if (last && last->kind == kind && last->base + last->length == at)
			last->length += end - at;
		else if (out < BOOT_MAX_RANGES)
			bi->ranges[out++] = (struct mem_range){ .base = at, .length = end - at, .kind = kind };
	}
	bi->range_count = out;
}

void bootinfo_print(const struct bootinfo *bi)
{
	static const char *const names[] = { [MEM_USABLE] = "usable", [MEM_RESERVED] = "reserved", [MEM_ACPI] = "ACPI tables",
					     [MEM_NVS] = "ACPI NVS", [MEM_BAD] = "bad" };
	u64 usable = 0;

	for (u32 i = 0; i < bi->range_count; i++) {
		const struct mem_range *r = &bi->ranges[i];
		printk("  %012lx - %012lx  %8lu KiB  %s\n", r->base, r->base + r->length - 1, r->length >> 10, names[r->kind]);
		if (r->kind == MEM_USABLE)
			usable += r->length;
	}
	printk("memory: %lu MiB usable\n", usable >> 20);
}
