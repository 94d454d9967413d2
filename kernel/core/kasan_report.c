/* What the address checker says when it has found something. Not instrumented: it reads poisoned memory. */
#include "core/kasan.h"

#if KASAN
#include "core/ksyms.h"
#include "core/panic.h"
#include "lib/string.h"

bool (*kasan_describe_hook)(const void *p);

#define STACK_FRAME_MAGIC 0x41b58ab3ul /* first word of a frame with red zones; then: description, function */

/* Which is nearer: what may be touched behind p, or before it? */
static bool before_an_object(const void *p)
{
	const u8 *s = kasan_shadow(p);

	for (int i = 1; i <= 8; i++) {
		if (s[-i] < 0x80)
			return false;
		if (s[i] < 0x80)
			return true;
	}
	return false;
}

static const char *kind_of(u8 value, const void *p)
{
	switch (value) {
	case POISON_FREE_FRAME:
		return "use of a free page";
	case POISON_UNMAPPED:
		return "use of a freed mapping";
	case POISON_HEAP_REDZONE:
		return *kasan_shadow(p) >= 0x80 && before_an_object(p) ? "heap underrun" : "heap overrun";
	case POISON_HEAP_FREED:
		return "use after free";
	case POISON_GLOBAL:
		return "global overrun";
	case 0xf1:
	case 0xf2:
	case 0xf3:
		return "stack overrun";
	case 0xf5:
	case 0xf8:
		return "use of a variable after its scope";
	case 0xca:
	case 0xcb:
		return "alloca overrun";
	default:
		return (u64)p < PAGE_SIZE ? "null pointer" : "wild access";
	}
}

/* The frame starts where the left red zone does; its description reads: count, then for each variable its offset, size, length of the name, name. */
static bool describe_stack(const void *p)
{
	const u8 *s = kasan_shadow(p);
	const u64 *frame = NULL;
	u64 offset;

	for (int back = 0; back < 1024 && !frame; back++, s--) {
		const u64 *word = (const u64 *)(((u64)s - SHADOW_OFFSET) << 3);
		if (*s == 0xf1 && *word == STACK_FRAME_MAGIC)
			frame = word;
		else if ((u64)s % 512 == 0)
			break;
	}
	if (!frame)
		return false;
	const char *name = ksym_lookup(frame[2], &offset);
	panic_note("KASAN: %lu bytes into the frame of %s, whose variables are (offset, size, length of name, name): %s\n", (u64)p - (u64)frame, name ? name : "?",
		   (const char *)frame[1]);
	return true;
}

static void describe(const void *p)
{
	u8 value;

	if ((u64)p < DIRECT_BASE)
		return;
	value = *kasan_shadow(p);
	if (value && value < 0x80)
		value = kasan_shadow(p)[1];
	if (value >= 0xf1 && value <= 0xf8)
		describe_stack(p);
	else if (!kasan_describe_global(p) && kasan_describe_hook)
		kasan_describe_hook(p);
}

void kasan_report(const void *p, size_t n, bool write, const void *caller, const char *what)
{
	u64 offset = 0;
	const char *name = ksym_lookup((u64)caller - 1, &offset);
	u8 value = (u64)p < DIRECT_BASE ? 0 : *kasan_shadow(p);

	/* A byte of a partial group: the group behind it tells what it is. */
	if (value && value < 0x80)
		value = kasan_shadow(p)[1] >= 0x80 ? kasan_shadow(p)[1] : POISON_HEAP_REDZONE;
	if (!what)
		what = kind_of(value, p);
	u32 line = 0;
	const char *file = "";
	if (kline_lookup((u64)caller - 1, &file, &line))
		panic_with(describe, p, "KASAN: %s: %s of %lu bytes at %lx by %s+0x%lx (%s:%u)", what, write ? "write" : "read", n, (u64)p, name ? name : "?", name ? offset + 1 : 0, file, line);
	panic_with(describe, p, "KASAN: %s: %s of %lu bytes at %lx by %s+0x%lx", what, write ? "write" : "read", n, (u64)p, name ? name : "?", name ? offset + 1 : 0);
}
#endif
