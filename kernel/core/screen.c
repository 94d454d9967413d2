/*
 * The screen's terminal: an array of cells, and two ways to make them visible (VGA's text memory, whose format the cells have, or a framebuffer).
 *
 * The cells are kept in ordinary memory: reading back from either device is slow. Only cells that change are drawn.
 */
#include "core/screen.h"

#include "core/cpu.h"
#include "core/panic.h"
#include "core/spinlock.h"
#include "lib/string.h"
#include "core/layout.h"
#include "screen_priv.h"

#define VGA_TEXT 0xb8000

void (*screen_answer_hook)(const char *text, size_t len);

static u16 cells[SCREEN_MAX_COLUMNS * SCREEN_MAX_ROWS];
static struct screen screen; /* screen_lock */
static struct spinlock screen_lock = SPINLOCK_INIT("screen", RANK_NONE);
static volatile u16 *vga;

/* --- VGA text ------------------------------------------------------------------------------------------------------ */

static void vga_draw(u32 x, u32 y, u16 cell)
{
	/* VGA counts colours with red and blue the other way round. */
	static const u8 order[] = { 0, 4, 2, 6, 1, 5, 3, 7, 8, 12, 10, 14, 9, 13, 11, 15 };
	u8 colours = (u8)(order[cell >> 8 & 15] | order[cell >> 12] << 4);

	vga[y * screen.columns + x] = (u16)((cell & 0xff) | colours << 8);
}

static void crtc(u8 r, u8 v)
{
	outb(0x3d4, r);
	outb(0x3d5, v);
}

static void vga_cursor(u32 x, u32 y, bool shown)
{
	u32 at = y * screen.columns + x;

	crtc(0x0a, shown ? 13 : 0x20);
	crtc(0x0b, 14);
	crtc(0x0e, (u8)(at >> 8));
	crtc(0x0f, (u8)at);
}

/* --- cells --------------------------------------------------------------------------------------------------------- */

u16 screen_blank(const struct screen *s)
{
	return (u16)(' ' | s->foreground << 8 | s->background << 12);
}

void screen_set(struct screen *s, u32 x, u32 y, u16 cell)
{
	u16 *at = &s->cells[y * s->columns + x];

	if (*at == cell)
		return;
	*at = cell;
	s->draw(x, y, cell);
}

void screen_clear(struct screen *s, u32 from, u32 to)
{
	u16 blank = screen_blank(s);

	for (; from < to && from < s->columns * s->rows; from++)
		screen_set(s, from % s->columns, from / s->columns, blank);
}

void screen_scroll(struct screen *s, u32 top, u32 bottom, int lines)
{
	u32 n = (u32)(lines < 0 ? -lines : lines), height = bottom - top;
	u16 blank = screen_blank(s);

	n = MIN(n, height);
	for (u32 i = 0; i < height; i++) {
		/* Rows are taken in an order in which none is overwritten before it was read. */
		u32 y = lines > 0 ? top + i : bottom - 1 - i;
		bool from_inside = i + n < height;
		const u16 *from = from_inside ? &s->cells[(lines > 0 ? y + n : y - n) * s->columns] : NULL;
		for (u32 x = 0; x < s->columns; x++)
			screen_set(s, x, y, from ? from[x] : blank);
	}
}

void screen_shift(struct screen *s, int n)
{
	u32 x = MIN(s->x, s->columns - 1);
	u32 width = s->columns - x, count = MIN((u32)(n < 0 ? -n : n), width);
	u16 *row = &s->cells[s->y * s->columns];
	u16 blank = screen_blank(s);

	for (u32 i = 0; i < width; i++) {
		u32 at = n > 0 ? s->columns - 1 - i : x + i;
		bool from_inside = i + count < width;
		screen_set(s, at, s->y, from_inside ? row[n > 0 ? at - count : at + count] : blank);
	}
}

void screen_reset(struct screen *s)
{
	s->x = s->y = s->saved_x = s->saved_y = 0;
	s->top = 0;
	s->bottom = s->rows;
	s->foreground = s->saved_foreground = 7;
	s->background = s->saved_background = 0;
	s->bold = s->reverse = s->no_wrap = s->cursor_hidden = s->insert = false;
}

/* --- console ------------------------------------------------------------------------------------------------------- */

static void screen_write(struct console *con __unused, const char *buf, size_t len)
{
	u64 flags = irq_save();
	bool locked = true;

	/* A panic takes the screen even from a CPU that was stopped while it wrote. */
	if (READ_ONCE(panicking))
		locked = spin_trylock(&screen_lock);
	else
		spin_lock(&screen_lock);
	screen.cursor(MIN(screen.x, screen.columns - 1), screen.y, false);
	for (size_t i = 0; i < len; i++) {
		if (buf[i] == '\n')
			ansi_put(&screen, '\r');
		ansi_put(&screen, buf[i]);
	}
	screen.cursor(MIN(screen.x, screen.columns - 1), screen.y, !screen.cursor_hidden);
	if (locked)
		spin_unlock(&screen_lock);
	irq_restore(flags);
}

static struct console tty1 = { .name = "tty1", .write = screen_write, .screen = true };

struct console *screen_console(void)
{
	return screen.columns ? &tty1 : NULL;
}

void screen_size(u32 *columns, u32 *rows)
{
	*columns = screen.columns;
	*rows = screen.rows;
}

void screen_init(const struct screen_mode *m)
{
	bool text = m->text || !m->base;
	paddr_t base = m->base ? m->base : VGA_TEXT;

	if (base >= 1ul << 32)
		return;
	screen.cells = cells;
	if (text) {
		vga = phys_to_virt(base);
		screen.columns = m->base && m->width ? m->width : 80;
		screen.rows = m->base && m->height ? m->height : 25;
		if (screen.columns > SCREEN_MAX_COLUMNS || screen.rows > SCREEN_MAX_ROWS)
			screen.columns = 80, screen.rows = 25;
		/* Where there is no VGA nothing keeps what is written. */
		u16 before = vga[0];
		vga[0] = 0x0721;
		if (vga[0] != 0x0721) {
			screen.columns = screen.rows = 0;
			return;
		}
		vga[0] = before;
		screen.draw = vga_draw;
		screen.cursor = vga_cursor;
	} else if (!fbcon_init(&screen, phys_to_virt(base), m->pitch, m->width, m->height, m->bpp, m->positions)) {
		screen.columns = screen.rows = 0;
		return;
	}
	screen_reset(&screen);
	screen_clear(&screen, 0, screen.columns * screen.rows);
	console_register(&tty1);
}

void screen_move(void *base)
{
	if (screen.columns && !vga)
		fbcon_move(base);
}
