/*
 * The kernel's log, and its way to the consoles.
 *
 * The log is a ring of bytes that holds records one behind the other. Positions count bytes since the start and never wrap; a place in the ring is a position
 * modulo its size. A record that would cross the end of the ring starts at its beginning; the rest is a record of padding.
 *
 *        first                       next
 *   .....|rec|rec|rec|pad|rec|rec|rec|......
 *
 * Invariants: (1) first and next lie on records; (2) records between them are whole; (3) sequence numbers of records (padding has none) are dense.
 * log_lock guards the ring. Consoles have a lock of their own, so that a slow line holds nobody up who only reads the log.
 */
#include "core/printk.h"
#include "core/boot_clock.h"
#include "core/cmdline.h"
#include "core/panic.h"
#include "core/spinlock.h"
#include "lib/format.h"
#include "lib/string.h"

#define RING_SIZE (128u * 1024)
#define LINE_MAX 480

struct record {
	u64 ns;
	u16 size;  /* of the whole record, a multiple of 8 */
	u16 len;   /* of the text behind it */
	u8 level;
	bool padding;
};

static struct spinlock log_lock = SPINLOCK_INIT("log", RANK_LOG);
static char ring[RING_SIZE] __aligned(8);
static u64 first_pos, next_pos, first_seq, next_seq;
static u64 hint_pos, hint_seq; /* where a reader was last: reading on costs no walk */

static struct spinlock console_lock = SPINLOCK_INIT("console", RANK_CONSOLE);
static struct console *consoles;
int console_loglevel = 7;

static struct record *record_at(u64 pos)
{
	return (struct record *)&ring[pos % RING_SIZE];
}

static void drop_first(void)
{
	struct record *r = record_at(first_pos);

	first_pos += r->size;
	if (!r->padding)
		first_seq++;
	if (hint_pos < first_pos) {
		hint_pos = first_pos;
		hint_seq = first_seq;
	}
}

/* log_lock held. Room for `size` bytes in one piece at next_pos. */
static struct record *reserve(u16 size)
{
	u64 to_end = RING_SIZE - next_pos % RING_SIZE;

	if (to_end < size) {
		while (next_pos + to_end - first_pos > RING_SIZE)
			drop_first();
		/* What is left is a multiple of 8 and may be too short for a whole record: its `size` must fit, and no more is read of padding. */
		if (to_end >= sizeof(struct record)) {
			*record_at(next_pos) = (struct record){ .size = (u16)to_end, .padding = true };
			next_pos += to_end;
		}
	}
	while (next_pos + size - first_pos > RING_SIZE)
		drop_first();
	return record_at(next_pos);
}

static void log_line(enum log_level level, const char *text, size_t len)
{
	u16 size = (u16)ALIGN_UP(sizeof(struct record) + len, sizeof(struct record));
	u64 now = boot_clock_ns();
	u64 flags = spin_lock_irqsave(&log_lock);
	struct record *r = reserve(size);

	*r = (struct record){ .ns = now, .size = size, .len = (u16)len, .level = (u8)level };
	memcpy(r + 1, text, len);
	next_pos += size;
	next_seq++;
	spin_unlock_irqrestore(&log_lock, flags);
}

static void console_line(const char *text, size_t len)
{
	u64 flags = spin_lock_irqsave(&console_lock);

	for (struct console *c = consoles; c; c = c->next) {
		if (!c->enabled)
			continue;
		c->write(c, text, len);
		c->write(c, "\n", 1);
	}
	spin_unlock_irqrestore(&console_lock, flags);
}

void printk_level(enum log_level level, const char *fmt, ...)
{
	char text[LINE_MAX];
	char *line = text, *end;
	va_list ap;
	int n;

	if (READ_ONCE(panicking))
		return;
	va_start(ap, fmt);
	n = kvsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	if (n >= (int)sizeof(text))
		n = sizeof(text) - 1;
	text[n] = '\0';
	/* Each line is a record; a newline at the end starts none. */
	do {
		end = strchr(line, '\n');
		size_t len = end ? (size_t)(end - line) : strlen(line);
		log_line(level, line, len);
		if (((int)level & 7) < console_loglevel)
			console_line(line, len);
		line = end ? end + 1 : NULL;
	} while (line && *line);
}

bool klog_restricted = true;

u64 klog_first_seq(void)
{
	return READ_ONCE(first_seq);
}

u64 klog_next_seq(void)
{
	return READ_ONCE(next_seq);
}

size_t klog_read(u64 *seq, char *buf, size_t size)
{
	u64 flags = spin_lock_irqsave(&log_lock);
	u64 pos, at;
	size_t n = 0;

	if (*seq < first_seq)
		*seq = first_seq;
	if (*seq < next_seq) {
		bool near = hint_seq >= first_seq && hint_seq <= *seq;
		pos = near ? hint_pos : first_pos;
		at = near ? hint_seq : first_seq;
		for (; at < *seq || record_at(pos)->padding; pos += record_at(pos)->size)
			at += !record_at(pos)->padding;
		struct record *r = record_at(pos);
		hint_pos = pos;
		hint_seq = at;
		n = (size_t)ksnprintf(buf, size, "<%u>[%5lu.%06lu] %.*s\n", r->level, r->ns / 1000000000, r->ns / 1000 % 1000000, (int)r->len,
				      (const char *)(r + 1));
		if (size && n >= size)
			n = size - 1;
		(*seq)++;
	}
	spin_unlock_irqrestore(&log_lock, flags);
	return n;
}

/* tty0 is the console of the screen, whichever terminal that shows. */
static bool names_console(const char *word, size_t len, const struct console *con)
{
	size_t n = strlen(con->name);
	const char *comma = memchr(word, ',', len);

	if (comma)
		len = (size_t)(comma - word);
	return (len == n && strncmp(word, con->name, n) == 0) || (len == 4 && strncmp(word, "tty0", 4) == 0 && strcmp(con->name, "tty1") == 0);
}

/* Walks the console= words; the last one that names a registered console, or the one given; NULL if none does. */
static struct console *named_console(struct console *only, bool *any)
{
	const char *pos = boot_cmdline, *word;
	struct console *last = NULL;
	size_t len;

	*any = false;
	while ((len = cmdline_next(&pos, &word)) > 0) {
		if (len <= 8 || strncmp(word, "console=", 8) != 0)
			continue;
		*any = true;
		for (struct console *c = only ? only : consoles; c; c = only ? NULL : c->next)
			if (names_console(word + 8, len - 8, c))
				last = c;
	}
	return last;
}

void console_register(struct console *con)
{
	bool any;
	struct console *named = named_console(con, &any);
	u64 flags = spin_lock_irqsave(&console_lock);
	struct console **end = &consoles;

	/* Without any console= all there are get the messages. */
	con->enabled = !any || named;
	while (*end)
		end = &(*end)->next;
	con->next = NULL;
	*end = con;
	spin_unlock_irqrestore(&console_lock, flags);
}

void console_write(const char *buf, size_t len)
{
	u64 flags = spin_lock_irqsave(&console_lock);

	for (struct console *c = consoles; c; c = c->next)
		if (c->enabled)
			c->write(c, buf, len);
	spin_unlock_irqrestore(&console_lock, flags);
}

void console_write_screens(const char *buf, size_t len)
{
	for (struct console *c = consoles; c; c = c->next)
		if (c->screen)
			c->write(c, buf, len);
}

struct console *console_preferred(void)
{
	bool any;
	struct console *c = named_console(NULL, &any);

	if (c)
		return c;
	for (c = consoles; c; c = c->next)
		if (strcmp(c->name, "ttyS0") == 0)
			return c;
	return consoles;
}
