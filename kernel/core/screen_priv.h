/* Between screen.c (the terminal's state), ansi.c (what its escape sequences mean) and the two ways of drawing. */
#ifndef SCREEN_PRIV_H
#define SCREEN_PRIV_H

#include "core/screen.h"

#define SCREEN_MAX_COLUMNS 240
#define SCREEN_MAX_ROWS 100

/* A cell is what VGA's text memory holds: character | colours << 8 (low nibble of the colours: foreground, high: background). */
struct screen {
	u32 columns, rows;
	u32 x, y;                   /* cursor; x may equal columns: the next character wraps */
	u32 top, bottom;            /* scrolling region, bottom exclusive */
	u32 saved_x, saved_y;
	u8 foreground, background;  /* 0 … 15, ANSI's order of colours */
	u8 saved_foreground, saved_background;
	bool bold, reverse, no_wrap, cursor_hidden, insert;
	u16 *cells;
	void (*draw)(u32 x, u32 y, u16 cell);
	void (*cursor)(u32 x, u32 y, bool shown); /* shown at most at one place */
	/* The parser. */
	u8 state;
	u32 params[16];
	u32 param_count;
	char mark;                  /* '?' and its kin after ESC [ */
	u32 utf8_left;
};

/* Takes one byte. */
void ansi_put(struct screen *s, char c);

/* Operations for the parser (screen.c); all clip. */
u16 screen_blank(const struct screen *s);
void screen_set(struct screen *s, u32 x, u32 y, u16 cell);
void screen_clear(struct screen *s, u32 from, u32 to); /* cells counted from the upper left */
void screen_scroll(struct screen *s, u32 top, u32 bottom, int lines); /* > 0: up */
void screen_shift(struct screen *s, int columns); /* in the cursor's row from the cursor on: > 0 to the right */
void screen_reset(struct screen *s);

/* A framebuffer (fbcon.c): sets columns, rows, draw and cursor; false if its format is not known. */
bool fbcon_init(struct screen *s, void *base, u32 pitch, u32 width, u32 height, u8 bpp, const u8 positions[3]);
void fbcon_move(void *base);

/* Glyphs of ' ' … '~' (font.c): 16 rows of 8 pixels, the leftmost in bit 7. */
void font_row(char c, u8 rows[16]);

#endif
