/* sources: core/ansi.c core/screen.c lib/format.c lib/string.c; what programs write to the screen: escape sequences */
#include "lib/string.h"
#include "screen_priv.h"

static struct screen s;

static void draw(u32 x, u32 y, u16 cell __unused) { WANT(x < s.columns && y < s.rows); }
static void cursor(u32 x, u32 y, bool shown __unused) { WANT(x <= s.columns && y < s.rows); }

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input in = { data, data + size };

	memset(&s, 0, sizeof(s));
	s.columns = 1 + byte(&in) % SCREEN_MAX_COLUMNS;
	s.rows = 1 + byte(&in) % SCREEN_MAX_ROWS;
	s.cells = calloc(s.columns * s.rows, sizeof(u16));
	s.draw = draw;
	s.cursor = cursor;
	screen_reset(&s);
	while (more(&in)) {
		ansi_put(&s, (char)byte(&in));
		WANT(s.x <= s.columns && s.y < s.rows && s.top < s.bottom && s.bottom <= s.rows && s.param_count <= ARRAY_SIZE(s.params));
	}
	free(s.cells);
	return 0;
}
