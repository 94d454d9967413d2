/* Cells on a linear framebuffer of 24 or 32 bits a pixel, or 16. */
#include "lib/string.h"
#include "screen_priv.h"

#define GLYPH_WIDTH 8
#define GLYPH_HEIGHT 16

static struct {
	u8 *base;
	u32 pitch, bytes;   /* of a row; of a pixel */
	u32 colours[16];
	u32 cursor_x, cursor_y;
	bool cursor_shown;
	struct screen *screen;
} fb;

static u32 pixel(const u8 positions[3], u8 bpp, u32 r, u32 g, u32 b)
{
	if (bpp == 16)
		return (r >> 3) << positions[0] | (g >> 2) << positions[1] | (b >> 3) << positions[2];
	return r << positions[0] | g << positions[1] | b << positions[2];
}

static void put_pixel(u8 *at, u32 colour)
{
	if (fb.bytes == 4) {
		*(volatile u32 *)at = colour;
	} else {
		for (u32 i = 0; i < fb.bytes; i++)
			((volatile u8 *)at)[i] = (u8)(colour >> (8 * i));
	}
}

static void draw_glyph(u32 x, u32 y, u16 cell, bool inverted)
{
	u32 fg = fb.colours[cell >> 8 & 15], bg = fb.colours[cell >> 12];
	u8 rows[GLYPH_HEIGHT];

	font_row((char)cell, rows);
	for (u32 r = 0; r < GLYPH_HEIGHT; r++) {
		u8 *at = fb.base + (u64)(y * GLYPH_HEIGHT + r) * fb.pitch + (u64)x * GLYPH_WIDTH * fb.bytes;
		u8 bits = inverted ? (u8)~rows[r] : rows[r];
		for (u32 i = 0; i < GLYPH_WIDTH; i++, at += fb.bytes)
			put_pixel(at, bits & 0x80 >> i ? fg : bg);
	}
}

static void fb_draw(u32 x, u32 y, u16 cell)
{
	draw_glyph(x, y, cell, false);
}

static void fb_cursor(u32 x, u32 y, bool shown)
{
	const struct screen *s = fb.screen;

	if (fb.cursor_shown)
		draw_glyph(fb.cursor_x, fb.cursor_y, s->cells[fb.cursor_y * s->columns + fb.cursor_x], false);
	if (shown)
		draw_glyph(x, y, s->cells[y * s->columns + x], true);
	fb.cursor_x = x;
	fb.cursor_y = y;
	fb.cursor_shown = shown;
}

bool fbcon_init(struct screen *s, void *base, u32 pitch, u32 width, u32 height, u8 bpp, const u8 positions[3])
{
	if ((bpp != 16 && bpp != 24 && bpp != 32) || pitch < width * (bpp / 8u) || width < 320 || height < 200)
		return false;
	fb.base = base;
	fb.pitch = pitch;
	fb.bytes = bpp / 8;
	fb.screen = s;
	for (u32 c = 0; c < 16; c++) {
		u32 low = c & 8 ? 0x55 : 0, high = c & 8 ? 0xff : 0xaa;
		fb.colours[c] = pixel(positions, bpp, c & 1 ? high : low, c & 2 ? high : low, c & 4 ? high : low);
	}
	s->columns = MIN(width / GLYPH_WIDTH, (u32)SCREEN_MAX_COLUMNS);
	s->rows = MIN(height / GLYPH_HEIGHT, (u32)SCREEN_MAX_ROWS);
	s->draw = fb_draw;
	s->cursor = fb_cursor;
	for (u32 y = 0; y < height; y++)
		memset(fb.base + (u64)y * pitch, 0, (size_t)width * fb.bytes);
	return true;
}

void fbcon_move(void *base)
{
	fb.base = base;
}
