/*
 * /proc/objects of our kernel, read before and after: what grew has leaked. It is read with nothing else going on; what still ends by itself (a thread on its
 * way out) is given a little time.
 */
#ifndef SWITCHBACK_TESTS_OBJECTS_H
#define SWITCHBACK_TESTS_OBJECTS_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct objects {
	int count;
	struct { char name[40]; long held; } row[64];
};

/* Connections that only wait for their last minute (TIME-WAIT) are no leak. */
static long objects_waiting(void)
{
	static char text[1024];
	int fd = open("/proc/net/sockstat", O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	const char *at;

	if (fd >= 0)
		close(fd);
	text[got > 0 ? got : 0] = '\0';
	at = strstr(text, " tw ");
	return at ? atol(at + 4) : 0;
}

static struct objects objects_now;

/* False where there is no such file. */
static int objects_read(struct objects *o)
{
	static char text[8192];
	int fd = open("/proc/objects", O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	o->count = 0;
	if (fd >= 0)
		close(fd);
	if (got <= 0)
		return 0;
	text[got] = '\0';
	for (char *rest = text, *line; (line = strtok_r(NULL, "\n", &rest)) && o->count < 64;)
		if (sscanf(line, "%39s %ld", o->row[o->count].name, &o->row[o->count].held) == 2)
			o->count++;
	for (int i = 0; i < o->count; i++)
		if (strcmp(o->row[i].name, "tcp_sock") == 0)
			o->row[i].held -= objects_waiting();
	return 1;
}

static long objects_before(const struct objects *o, const char *name)
{
	for (int i = 0; i < o->count; i++)
		if (strcmp(o->row[i].name, name) == 0)
			return o->row[i].held;
	return 0;
}

/* What grew, as words "name +n" into text; its length, 0 if nothing did. */
static int objects_grown(const struct objects *before, char *text, size_t size)
{
	struct objects *now = &objects_now;
	int length = 0;

	for (int tries = 0; tries < 50; tries++) {
		struct timespec pause = { 0, 20000000 };

		length = 0;
		text[0] = '\0';
		if (!objects_read(now))
			return 0;
		for (int i = 0; i < now->count; i++) {
			long more = now->row[i].held - objects_before(before, now->row[i].name);

			if (more > 0 && length < (int)size - 60)
				length += snprintf(text + length, size - (size_t)length, " %s +%ld", now->row[i].name, more);
		}
		if (!length)
			return 0;
		nanosleep(&pause, NULL);
	}
	return length;
}

/*
 * The reader's own pages must not show up as growth: to be called before the first reading that counts, with the text that objects_grown will get. It touches all
 * that it will write to before it compares: else it would see itself grow, and wait a second in vain for that to end.
 */
static void objects_warm(char *text, size_t size)
{
	static struct objects before;

	memset(text, 1, size);
	memset(&objects_now, 1, sizeof(objects_now));
	objects_read(&objects_now);
	objects_read(&before);
	objects_grown(&before, text, size);
}

#endif
