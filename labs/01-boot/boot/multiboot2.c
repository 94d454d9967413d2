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

#include "core/todo.h"

/*
 * Walk the tags from info + 8 to the end tag. Fill bi->loader, bi->cmdline, bi->modules, bi->ranges, bi->fb and bi->rsdp from the tags named above (the tag
 * of the RSDP holds a copy of it: copy it to bi->rsdp_copy and point rsdp, a physical address, there); pass over those that you do not know. Return -EINVAL for a malformed tag, or if there is no memory map.
 */
int multiboot2_parse(const void *info, struct bootinfo *bi)
{
	TODO("01-boot");
}
