/*
 * The text console of the screen, "tty1": VGA text memory, or a linear framebuffer (UEFI). Understands the escape sequences of the Linux console that
 * editors and `top` use.
 */
#ifndef CORE_SCREEN_H
#define CORE_SCREEN_H

#include "core/printk.h"

struct screen_mode {
	paddr_t base;             /* 0: the text memory that every BIOS leaves at 0xb8000 */
	u32 pitch, width, height; /* bytes, pixels (or characters with `text`) */
	u8 bpp;
	u8 positions[3];          /* lowest bit of red, green and blue in a pixel */
	bool text;
};
/* Finds and clears the screen, registers its console. The memory is reached through the direct map of the boot tables (below 4 GiB). */
void screen_init(const struct screen_mode *m);
/* A framebuffer is mapped at another place from now on (mm's tables hold no direct map of devices). */
void screen_move(void *base);
/* Size in characters; 0, 0 when there is no screen. */
void screen_size(u32 *columns, u32 *rows);
struct console *screen_console(void); /* NULL when there is none */
/* Answers of the terminal to requests (cursor position report): called with the text, any context. tty sets it. */
extern void (*screen_answer_hook)(const char *text, size_t len);

#endif
