/*
 * Multiboot2: what GRUB found out about the machine, as a list of tags (Multiboot2 specification 2.0, 3.6).
 *
 *   info:  total_size u32 | reserved u32 | tag | tag | ... | end tag (type 0, size 8)
 *   tag:   type u32 | size u32 (header included, padding not) | body        each tag starts on a multiple of 8
 *
 * Nothing of it is to be trusted: a tag whose size is below 8, or that reaches past total_size, makes the whole structure malformed.
 */
#include "boot/bootinfo.h"
#include "core/err.h"
#include "core/layout.h"
#include "lib/string.h"

enum { TAG_END = 0, TAG_CMDLINE = 1, TAG_LOADER = 2, TAG_MODULE = 3, TAG_MEMORY_MAP = 6, TAG_FRAMEBUFFER = 8, TAG_RSDP_OLD = 14, TAG_RSDP_NEW = 15 };
enum { FB_RGB = 1, FB_EGA_TEXT = 2 };

struct mb2_tag {
	u32 type, size;
};
struct mb2_module {
	struct mb2_tag tag;
	u32 start, end; /* physical; end is the first byte behind */
	char string[];
};
struct mb2_memory_map {
	struct mb2_tag tag;
	u32 entry_size, entry_version;
};
struct mb2_range {
	u64 base, length;
	u32 kind, reserved;
};
struct mb2_framebuffer {
	struct mb2_tag tag;
	u64 base;
	u32 pitch, width, height;
	u8 bpp, kind;
	u16 reserved;
	u8 red_pos, red_size, green_pos, green_size, blue_pos, blue_size; /* kind FB_RGB only */
} __packed;

#ifdef SOLUTION
static int take_memory_map(const struct mb2_tag *tag, struct bootinfo *bi)
{
	const struct mb2_memory_map *map = (const void *)tag;

	if (tag->size < sizeof(*map) || map->entry_size < sizeof(struct mb2_range))
		return -EINVAL;
	for (u32 at = sizeof(*map); at + map->entry_size <= tag->size; at += map->entry_size) {
		const struct mb2_range *r = (const void *)((const char *)tag + at);
		if (bi->range_count == BOOT_MAX_RANGES)
			break;
		bi->ranges[bi->range_count++] = (struct mem_range){ .base = r->base, .length = r->length, .kind = r->kind };
	}
	return 0;
}

static int take_module(const struct mb2_tag *tag, struct bootinfo *bi)
{
	const struct mb2_module *m = (const void *)tag;

	if (tag->size < sizeof(*m) || m->end < m->start)
		return -EINVAL;
	if (bi->module_count < BOOT_MAX_MODULES)
		bi->modules[bi->module_count++] = (struct boot_module){ .base = m->start, .length = m->end - m->start };
	return 0;
}

static int take_framebuffer(const struct mb2_tag *tag, struct bootinfo *bi)
{
	const struct mb2_framebuffer *f = (const void *)tag;

	if (tag->size < offsetof(struct mb2_framebuffer, red_pos))
		return -EINVAL;
	bi->fb = (struct framebuffer){ .base = f->base, .pitch = f->pitch, .width = f->width, .height = f->height, .bpp = f->bpp,
				       .text = f->kind == FB_EGA_TEXT };
	if (f->kind == FB_RGB) {
		if (tag->size < sizeof(*f))
			return -EINVAL;
		bi->fb.red_pos = f->red_pos;
		bi->fb.green_pos = f->green_pos;
		bi->fb.blue_pos = f->blue_pos;
	}
	return 0;
}

/* Copies a tag's text, which ends with the tag even if its NUL is missing. */
static void take_string(const struct mb2_tag *tag, char *to, size_t size)
{
	size_t n = MIN((size_t)tag->size - sizeof(*tag), size - 1);

	memcpy(to, tag + 1, n);
	to[n] = '\0';
}

int multiboot2_parse(const void *info, struct bootinfo *bi)
{
	static char loader[64];
	u32 total = *(const u32 *)info;
	u32 at = 8;

	for (;;) {
		const struct mb2_tag *tag = (const void *)((const char *)info + at);
		int err = 0;

		if (at > total || total - at < sizeof(*tag) || tag->size < sizeof(*tag) || tag->size > total - at)
			return -EINVAL;
		switch (tag->type) {
		case TAG_END:
			return bi->range_count ? 0 : -EINVAL;
		case TAG_CMDLINE:
			take_string(tag, bi->cmdline, sizeof(bi->cmdline));
			break;
		case TAG_LOADER:
			take_string(tag, loader, sizeof(loader));
			bi->loader = loader;
			break;
		case TAG_MODULE:
			err = take_module(tag, bi);
			break;
		case TAG_MEMORY_MAP:
			err = take_memory_map(tag, bi);
			break;
		case TAG_FRAMEBUFFER:
			err = take_framebuffer(tag, bi);
			break;
		case TAG_RSDP_OLD:
		case TAG_RSDP_NEW:
			/* The tag holds the RSDP itself, in memory that will be used again. */
			if (bi->rsdp && tag->type == TAG_RSDP_OLD)
				break;
			memcpy(bi->rsdp_copy, tag + 1, MIN((size_t)tag->size - sizeof(*tag), sizeof(bi->rsdp_copy)));
			bi->rsdp = virt_to_phys(bi->rsdp_copy);
			break;
		}
		if (err)
			return err;
		at += ALIGN_UP(tag->size, 8u);
	}
}
#else
#include "core/todo.h"

/*
 * Walk the tags from info + 8 to the end tag. Fill bi->loader, bi->cmdline, bi->modules, bi->ranges, bi->fb and bi->rsdp from the tags named above (the tag
 * of the RSDP holds a copy of it: copy it to bi->rsdp_copy and point rsdp, a physical address, there); pass over those that you do not know. Return -EINVAL for a malformed tag, or if there is no memory map.
 */
int multiboot2_parse(const void *info, struct bootinfo *bi)
{
	TODO("01-boot");
}
#endif
