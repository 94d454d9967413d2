/* The text console of the screen, "tty1": VGA text memory, or a linear framebuffer (UEFI). Understands the escape sequences of the Linux console that editors and `top` use. */
#ifndef CORE_SCREEN_H
#define CORE_SCREEN_H

#include "core/printk.h"

/* base 0: the text memory that every BIOS leaves at 0xb8000. The framebuffer is reached through the direct map (below 4 GiB). */
void screen_init(paddr_t base, u32 pitch, u32 width, u32 height, u8 bpp, bool text);
/* Size in characters; 0, 0 when there is no screen. */
void screen_size(u32 *columns, u32 *rows);
struct console *screen_console(void); /* NULL when there is none */
/* Answers of the terminal to requests (cursor position report): called with the text, any context. tty sets it. */
extern void (*screen_answer_hook)(const char *text, size_t len);

#endif
