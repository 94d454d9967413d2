/*
 * The screen's escape sequences: those of ECMA-48 and the Linux console (console_codes(4)) that programs for TERM=linux and vt100 use.
 *
 *   GROUND -- ESC --> ESCAPE -- [ --> CSI (parameters) -- final byte --> GROUND
 *                        |  ( ) --> CHARSET (one byte)
 *                        |  ]   --> STRING, up to BEL or ESC \
 */
#include "lib/format.h"
#include "lib/string.h"
#include "screen_priv.h"

enum { GROUND, ESCAPE, CSI, CHARSET, STRING, STRING_ESCAPE };

/* The cursor goes there, or as near as the screen reaches. */
static void move_to(struct screen *s, s64 x, s64 y)
{
	s->x = (u32)MAX(MIN(x, (s64)s->columns - 1), (s64)0);
	s->y = (u32)MAX(MIN(y, (s64)s->rows - 1), (s64)0);
}

static void line_feed(struct screen *s)
{
	if (s->y + 1 == s->bottom)
		screen_scroll(s, s->top, s->bottom, 1);
	else if (s->y + 1 < s->rows)
		s->y++;
}

static void reverse_line_feed(struct screen *s)
{
	if (s->y == s->top)
		screen_scroll(s, s->top, s->bottom, -1);
	else if (s->y > 0)
		s->y--;
}

static u16 make_cell(const struct screen *s, u8 c)
{
	u8 fg = s->foreground, bg = s->background;

	if (s->bold && fg < 8)
		fg += 8;
	if (s->reverse) {
		u8 t = fg;
		fg = bg;
		bg = t;
	}
	return (u16)(c | fg << 8 | bg << 12);
}

static void print(struct screen *s, u8 c)
{
	if (s->x >= s->columns) {
		if (s->no_wrap) {
			s->x = s->columns - 1;
		} else {
			s->x = 0;
			line_feed(s);
		}
	}
	if (s->insert)
		screen_shift(s, 1);
	screen_set(s, s->x, s->y, make_cell(s, c));
	s->x++;
}

static void save_cursor(struct screen *s)
{
	s->saved_x = s->x;
	s->saved_y = s->y;
	s->saved_foreground = s->foreground;
	s->saved_background = s->background;
}

static void restore_cursor(struct screen *s)
{
	move_to(s, s->saved_x, s->saved_y);
	s->foreground = s->saved_foreground;
	s->background = s->saved_background;
}

static void answer(const char *text)
{
	if (screen_answer_hook)
		screen_answer_hook(text, strlen(text));
}

/* One of xterm's 256 colours as the nearest of 16. */
static u8 colour_of_256(u32 n)
{
	if (n < 16)
		return (u8)n;
	if (n >= 232)
		return n < 238 ? 0 : n < 244 ? 8 : n < 250 ? 7 : 15;
	n -= 16;
	u32 r = n / 36, g = n / 6 % 6, b = n % 6, high = MAX(r, MAX(g, b));
	return (u8)((r * 2 > high && r ? 1 : 0) | (g * 2 > high && g ? 2 : 0) | (b * 2 > high && b ? 4 : 0) | (high > 3 ? 8 : 0));
}

static void select_graphics(struct screen *s)
{
	for (u32 i = 0; i < MAX(s->param_count, 1u); i++) {
		u32 p = s->params[i];
		if (p == 0) {
			s->foreground = 7;
			s->background = 0;
			s->bold = s->reverse = false;
		} else if (p == 1) {
			s->bold = true;
		} else if (p == 2 || p == 21 || p == 22) {
			s->bold = false;
		} else if (p == 7 || p == 27) {
			s->reverse = p == 7;
		} else if (p >= 30 && p <= 37) {
			s->foreground = (u8)(p - 30);
		} else if (p == 39) {
			s->foreground = 7;
		} else if (p >= 40 && p <= 47) {
			s->background = (u8)(p - 40);
		} else if (p == 49) {
			s->background = 0;
		} else if (p >= 90 && p <= 97) {
			s->foreground = (u8)(p - 90 + 8);
		} else if (p >= 100 && p <= 107) {
			s->background = (u8)(p - 100 + 8);
		} else if ((p == 38 || p == 48) && i + 2 < s->param_count && s->params[i + 1] == 5) {
			*(p == 38 ? &s->foreground : &s->background) = colour_of_256(s->params[i + 2]);
			i += 2;
		} else if ((p == 38 || p == 48) && i + 4 < s->param_count && s->params[i + 1] == 2) {
			i += 4; /* true colours are left as they are */
		}
	}
}

static void set_modes(struct screen *s, bool on)
{
	for (u32 i = 0; i < s->param_count; i++) {
		if (s->mark == '?' && s->params[i] == 7)
			s->no_wrap = !on;
		else if (s->mark == '?' && s->params[i] == 25)
			s->cursor_hidden = !on;
		else if (!s->mark && s->params[i] == 4)
			s->insert = on;
	}
}

static void erase_display(struct screen *s, u32 what)
{
	u32 here = s->y * s->columns + MIN(s->x, s->columns - 1), all = s->columns * s->rows;

	if (what == 0)
		screen_clear(s, here, all);
	else if (what == 1)
		screen_clear(s, 0, here + 1);
	else
		screen_clear(s, 0, all);
}

static void erase_line(struct screen *s, u32 what)
{
	u32 row = s->y * s->columns, here = row + MIN(s->x, s->columns - 1);

	screen_clear(s, what == 0 ? here : row, what == 1 ? here + 1 : row + s->columns);
}

static void report(struct screen *s)
{
	char text[32];

	if (s->params[0] == 5)
		answer("\x1b[0n");
	if (s->params[0] == 6) {
		ksnprintf(text, sizeof(text), "\x1b[%u;%uR", s->y + 1, MIN(s->x, s->columns - 1) + 1);
		answer(text);
	}
}

static void set_region(struct screen *s)
{
	u32 top = MAX(s->params[0], 1u) - 1, bottom = s->param_count > 1 && s->params[1] ? s->params[1] : s->rows;

	bottom = MIN(bottom, s->rows);
	if (top + 1 >= bottom)
		return;
	s->top = top;
	s->bottom = bottom;
	move_to(s, 0, 0);
}

static void csi_final(struct screen *s, char c)
{
	u32 n = MAX(s->params[0], 1u);
	u32 lines = MIN(n, s->rows), columns = MIN(n, s->columns);
	u32 x = MIN(s->x, s->columns - 1);

	if (s->mark && c != 'h' && c != 'l')
		return;
	switch (c) {
	case 'A': move_to(s, x, (s64)s->y - lines); break;
	case 'B':
	case 'e': move_to(s, x, s->y + lines); break;
	case 'C':
	case 'a': move_to(s, x + columns, s->y); break;
	case 'D': move_to(s, (s64)x - columns, s->y); break;
	case 'E': move_to(s, 0, s->y + lines); break;
	case 'F': move_to(s, 0, (s64)s->y - lines); break;
	case 'G':
	case '`': move_to(s, (s64)n - 1, s->y); break;
	case 'H':
	case 'f': move_to(s, s->param_count > 1 ? (s64)MAX(s->params[1], 1u) - 1 : 0, (s64)n - 1); break;
	case 'd': move_to(s, x, (s64)n - 1); break;
	case 'J': erase_display(s, s->params[0]); break;
	case 'K': erase_line(s, s->params[0]); break;
	case 'L':
	case 'M':
		if (s->y >= s->top && s->y < s->bottom)
			screen_scroll(s, s->y, s->bottom, c == 'L' ? -(int)lines : (int)lines);
		break;
	case 'S': screen_scroll(s, s->top, s->bottom, (int)lines); break;
	case 'T': screen_scroll(s, s->top, s->bottom, -(int)lines); break;
	case '@': screen_shift(s, (int)columns); break;
	case 'P': screen_shift(s, -(int)columns); break;
	case 'X': screen_clear(s, s->y * s->columns + x, s->y * s->columns + MIN(x + columns, s->columns)); break;
	case 'r': set_region(s); break;
	case 'm': select_graphics(s); break;
	case 's': save_cursor(s); break;
	case 'u': restore_cursor(s); break;
	case 'h': set_modes(s, true); break;
	case 'l': set_modes(s, false); break;
	case 'n': report(s); break;
	case 'c': answer("\x1b[?6c"); break;
	}
}

static void csi(struct screen *s, char c)
{
	if (c >= '0' && c <= '9') {
		u32 *p = &s->params[MIN(s->param_count ? s->param_count - 1 : 0, 15u)];
		if (!s->param_count)
			s->param_count = 1;
		*p = MIN(*p * 10 + (u32)(c - '0'), 9999u);
	} else if (c == ';' || c == ':') {
		s->param_count = MIN(MAX(s->param_count, 1u) + 1, 16u);
	} else if (c >= '<' && c <= '?') {
		s->mark = c;
	} else if (c >= '@' && c <= '~') {
		s->state = GROUND;
		csi_final(s, c);
	}
}

static void escape(struct screen *s, char c)
{
	s->state = GROUND;
	switch (c) {
	case '[':
		s->state = CSI;
		s->mark = 0;
		s->param_count = 0;
		memset(s->params, 0, sizeof(s->params));
		break;
	case ']':
	case 'P':
	case '_':
	case '^': s->state = STRING; break;
	case '(':
	case ')':
	case '#':
	case '%': s->state = CHARSET; break;
	case '7': save_cursor(s); break;
	case '8': restore_cursor(s); break;
	case 'D': line_feed(s); break;
	case 'E':
		s->x = 0;
		line_feed(s);
		break;
	case 'M': reverse_line_feed(s); break;
	case 'Z': answer("\x1b[?6c"); break;
	case 'c':
		screen_reset(s);
		screen_clear(s, 0, s->columns * s->rows);
		break;
	}
}

/* A character outside of ASCII has one cell, and there is no glyph for it. */
static void ground(struct screen *s, u8 c)
{
	if (c >= 0x80) {
		if ((c & 0xc0) == 0x80 && s->utf8_left) {
			if (--s->utf8_left == 0)
				print(s, '?');
			return;
		}
		s->utf8_left = (c & 0xe0) == 0xc0 ? 1 : (c & 0xf0) == 0xe0 ? 2 : (c & 0xf8) == 0xf0 ? 3 : 0;
		if (!s->utf8_left)
			print(s, '?');
		return;
	}
	s->utf8_left = 0;
	if (c >= ' ' && c != 0x7f)
		print(s, c);
}

void ansi_put(struct screen *s, char c)
{
	/* Control characters work inside of sequences too. */
	if (s->state != STRING && s->state != STRING_ESCAPE) {
		switch (c) {
		case '\r': s->x = 0; return;
		case '\n':
		case '\v':
		case '\f': line_feed(s); return;
		case '\b':
			if (s->x > 0)
				s->x = MIN(s->x, s->columns) - 1;
			return;
		case '\t': s->x = MIN((s->x | 7) + 1, s->columns - 1); return;
		case '\a': return;
		case 0x18:
		case 0x1a: s->state = GROUND; return;
		case 0x1b: s->state = ESCAPE; return;
		}
	}
	switch (s->state) {
	case GROUND: ground(s, (u8)c); break;
	case ESCAPE: escape(s, c); break;
	case CSI: csi(s, c); break;
	case CHARSET: s->state = GROUND; break;
	case STRING:
		if (c == '\a')
			s->state = GROUND;
		else if (c == 0x1b)
			s->state = STRING_ESCAPE;
		break;
	case STRING_ESCAPE: s->state = GROUND; break;
	}
}
