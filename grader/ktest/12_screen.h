/* A terminal's other side: what it shows is kept, as far as there is room. Each file of tests has one of its own. */
#ifndef KTEST_12_SCREEN_H
#define KTEST_12_SCREEN_H

#include "lib/string.h"
#include "tty/tty_priv.h"

static char screen[16384];
static size_t shown, room = sizeof(screen);

static size_t screen_write(struct tty *t __unused, const char *buf, size_t n)
{
	size_t take = MIN(n, room - shown);

	memcpy(screen + shown, buf, take);
	shown += take;
	return take;
}
static size_t screen_room(struct tty *t __unused) { return room - shown; }

#endif
