/* Text buffers of information nodes: they count on past their end, so that the reader knows how much room the next try needs. */
#include "core/node.h"
#include "lib/format.h"
#include "lib/string.h"

void seq_write(struct seq *s, const void *data, size_t len)
{
	if (s->buf && s->len < s->size)
		memcpy(s->buf + s->len, data, MIN(len, s->size - s->len));
	s->len += len;
}

void seq_puts(struct seq *s, const char *str)
{
	seq_write(s, str, strlen(str));
}

void seq_printf(struct seq *s, const char *fmt, ...)
{
	char line[256];
	va_list ap;
	size_t room = s->buf && s->len < s->size ? s->size - s->len : 0;
	int n;

	/* Straight into the buffer where the text and its NUL fit, else by way of the stack. */
	va_start(ap, fmt);
	n = kvsnprintf(room > 1 ? s->buf + s->len : line, room > 1 ? room : sizeof(line), fmt, ap);
	va_end(ap);
	if (n <= 0)
		return;
	if (room > 1 && (size_t)n == room) {
		/* All but the last byte is there: that is as good as cut, since len now reaches past size. */
		s->len += (size_t)n + 1;
		return;
	}
	if (room == 1)
		s->buf[s->len] = line[0];
	s->len += (size_t)n;
}
