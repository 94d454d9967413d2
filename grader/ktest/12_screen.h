/*
 * A terminal's other side: what it shows is kept, as far as there is room. Each file of tests has one of its own.
 * A device that has bytes calls in an interrupt, and takes the terminal's lock: whoever has it has turned interrupts off.
 */
#ifndef KTEST_12_SCREEN_H
#define KTEST_12_SCREEN_H

#include "core/cpu.h"
#include "lib/string.h"
#include "tty/tty_priv.h"

static char screen[16384];
static size_t shown, room = sizeof(screen);
static u32 open_to_devices; /* how often something was done to the terminal without its lock, or with interrupts on */

static void must_be_closed(struct tty *t)
{
	open_to_devices += !spin_is_held(&t->lock) || irq_enabled();
}

static size_t screen_write(struct tty *t, const char *buf, size_t n)
{
	size_t take = MIN(n, room - shown);

	must_be_closed(t);
	memcpy(screen + shown, buf, take);
	shown += take;
	return take;
}
static size_t screen_room(struct tty *t __unused) { return room - shown; }

#endif
