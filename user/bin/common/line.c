/*
 * A line editor that needs nothing of the kernel but read and write.
 *
 * Where there is a line discipline (stage 12) it is put into raw mode while a line is edited, so that signals
 * keep working while a command runs. Before that the console is raw by itself and echoes nothing; then
 * the ioctls fail, and editing just goes on. Only input that is a file or a pipe is read plainly.
 *
 * The screen is redrawn from the first changed column: backspaces to get there, the rest of the line, a few
 * blanks over what was longer before, backspaces to the cursor. No terminal description is needed.
 */
#include "line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

static char *history[LINE_HISTORY];
static int history_count;

struct line {
	char *buf;
	size_t size, length, cursor;
	int place;			/* in the history; history_count is the new line */
	char saved[LINE_MAX_LENGTH];	/* the new line, while an old one is shown */
};

enum key { KEY_UP = 256, KEY_DOWN, KEY_RIGHT, KEY_LEFT, KEY_HOME, KEY_END, KEY_DELETE, KEY_OTHER, KEY_END_OF_INPUT };

static void put(const char *text, size_t length)
{
	while (length) {
		int n = (int)write(1, text, length);

		if (n <= 0)
			return;
		text += n;
		length -= (size_t)n;
	}
}

static void put_text(const char *text)
{
	put(text, strlen(text));
}

static void put_many(char c, size_t count)
{
	while (count--)
		put(&c, 1);
}

static int get_byte(void)
{
	unsigned char c;
	int n = (int)read(0, &c, 1);

	return n == 1 ? c : KEY_END_OF_INPUT;
}

/* ESC [ A, ESC O A, ESC [ 3 ~ and their kin. */
static int get_escape(void)
{
	int c = get_byte(), number = 0;

	if (c != '[' && c != 'O')
		return c == KEY_END_OF_INPUT ? c : KEY_OTHER;
	for (c = get_byte(); (c >= '0' && c <= '9') || c == ';'; c = get_byte())
		number = c == ';' ? 0 : number * 10 + c - '0';
	switch (c) {
	case 'A': return KEY_UP;
	case 'B': return KEY_DOWN;
	case 'C': return KEY_RIGHT;
	case 'D': return KEY_LEFT;
	case 'H': return KEY_HOME;
	case 'F': return KEY_END;
	case '~': return number == 3 ? KEY_DELETE : number == 1 || number == 7 ? KEY_HOME :
			 number == 4 || number == 8 ? KEY_END : KEY_OTHER;
	default: return c == KEY_END_OF_INPUT ? c : KEY_OTHER;
	}
}

static int get_key(void)
{
	int c = get_byte();

	switch (c) {
	case 27: return get_escape();
	case 'A' - 64: return KEY_HOME;
	case 'B' - 64: return KEY_LEFT;
	case 'E' - 64: return KEY_END;
	case 'F' - 64: return KEY_RIGHT;
	case 'N' - 64: return KEY_DOWN;
	case 'P' - 64: return KEY_UP;
	default: return c;
	}
}

static void move_to(struct line *l, size_t cursor)
{
	if (cursor < l->cursor)
		put_many('\b', l->cursor - cursor);
	else
		put(l->buf + l->cursor, cursor - l->cursor);
	l->cursor = cursor;
}

/* The text from the cursor on is new, and was `before` characters long: draw it. */
static void redraw_tail(struct line *l, size_t before)
{
	size_t tail = l->length - l->cursor, blanks = before > tail ? before - tail : 0;

	put(l->buf + l->cursor, tail);
	put_many(' ', blanks);
	put_many('\b', tail + blanks);
}

static void insert(struct line *l, char c)
{
	if (l->length + 1 >= l->size)
		return;
	memmove(l->buf + l->cursor + 1, l->buf + l->cursor, l->length - l->cursor);
	l->buf[l->cursor] = c;
	l->length++;
	put(&c, 1);
	l->cursor++;
	redraw_tail(l, 0);
}

/* Take out count characters at the cursor. */
static void cut(struct line *l, size_t count)
{
	size_t before = l->length - l->cursor;

	memmove(l->buf + l->cursor, l->buf + l->cursor + count, before - count);
	l->length -= count;
	redraw_tail(l, before);
}

static void replace(struct line *l, const char *text)
{
	size_t before;

	move_to(l, 0);
	before = l->length;
	l->length = strlen(text);
	if (l->length >= l->size)
		l->length = l->size - 1;
	memmove(l->buf, text, l->length);
	redraw_tail(l, before);
	move_to(l, l->length);
}

static void show_history(struct line *l, int place)
{
	if (place < 0 || place > history_count)
		return;
	if (l->place == history_count) {
		memcpy(l->saved, l->buf, l->length);
		l->saved[l->length] = '\0';
	}
	l->place = place;
	replace(l, place == history_count ? l->saved : history[place]);
}

static void word_back(struct line *l)
{
	size_t from = l->cursor, to = l->cursor;

	while (to && l->buf[to - 1] == ' ')
		to--;
	while (to && l->buf[to - 1] != ' ')
		to--;
	move_to(l, to);
	cut(l, from - to);
}

/* One key. Returns 0 to go on, 1 at the end of the line, -1 at the end of input. */
static int handle_key(struct line *l, int key, const char *prompt)
{
	size_t at;

	switch (key) {
	case '\r':
	case '\n':
		return 1;
	case KEY_END_OF_INPUT:
		return -1;
	case 'D' - 64:
		if (!l->length)
			return -1;
		/* fall through */
	case KEY_DELETE:
		if (l->cursor < l->length)
			cut(l, 1);
		return 0;
	case 8:
	case 127:
		if (l->cursor) {
			move_to(l, l->cursor - 1);
			cut(l, 1);
		}
		return 0;
	case 'C' - 64:
		put_text("^C\r\n");
		put_text(prompt);
		l->length = l->cursor = 0;
		l->place = history_count;
		return 0;
	case 'U' - 64:
		at = l->cursor;
		move_to(l, 0);
		cut(l, at);
		return 0;
	case 'K' - 64:
		cut(l, l->length - l->cursor);
		return 0;
	case 'W' - 64:
		word_back(l);
		return 0;
	case 'L' - 64:
		put_text("\033[H\033[2J");
		put_text(prompt);
		put(l->buf, l->length);
		put_many('\b', l->length - l->cursor);
		return 0;
	case KEY_UP:
		show_history(l, l->place - 1);
		return 0;
	case KEY_DOWN:
		show_history(l, l->place + 1);
		return 0;
	case KEY_LEFT:
		if (l->cursor)
			move_to(l, l->cursor - 1);
		return 0;
	case KEY_RIGHT:
		if (l->cursor < l->length)
			move_to(l, l->cursor + 1);
		return 0;
	case KEY_HOME:
		move_to(l, 0);
		return 0;
	case KEY_END:
		move_to(l, l->length);
		return 0;
	default:
		if (key >= ' ' && key < 256)
			insert(l, (char)key);
		return 0;
	}
}

static void remember(const char *text)
{
	char *copy;

	if (!*text || (history_count && !strcmp(history[history_count - 1], text)))
		return;
	copy = strdup(text);
	if (!copy)
		return;
	if (history_count == LINE_HISTORY) {
		free(history[0]);
		memmove(history, history + 1, sizeof(history) - sizeof(history[0]));
		history_count--;
	}
	history[history_count++] = copy;
}

const char *line_history(int n)
{
	return n >= 0 && n < history_count ? history[n] : NULL;
}

static int read_plain(char *buf, size_t size)
{
	size_t length = 0;
	int c;

	while ((c = get_byte()) != KEY_END_OF_INPUT && c != '\n')
		if (length + 1 < size)
			buf[length++] = (char)c;
	buf[length] = '\0';
	return c == KEY_END_OF_INPUT && !length ? -1 : (int)length;
}

static int is_plain(void)
{
	struct stat st;

	return fstat(0, &st) == 0 && !S_ISCHR(st.st_mode);
}

int line_read(const char *prompt, char *buf, size_t size)
{
	struct line l = { .buf = buf, .size = size < LINE_MAX_LENGTH ? size : LINE_MAX_LENGTH, .place = history_count };
	struct termios before, raw;
	int terminal, end = 0;

	if (is_plain())
		return read_plain(buf, size);
	terminal = tcgetattr(0, &before) == 0;
	if (terminal) {
		raw = before;
		raw.c_iflag &= (uint32_t)~(ICRNL | IXON);
		raw.c_lflag &= (uint32_t)~(ICANON | ECHO | ISIG | IEXTEN);
		raw.c_cc[VMIN] = 1;
		raw.c_cc[VTIME] = 0;
		tcsetattr(0, TCSADRAIN, &raw);
	}
	put_text(prompt);
	while (!end)
		end = handle_key(&l, get_key(), prompt);
	put_text(terminal ? "\n" : "\r\n");
	if (terminal)
		tcsetattr(0, TCSADRAIN, &before);
	buf[l.length] = '\0';
	if (end < 0)
		return -1;
	remember(buf);
	return (int)l.length;
}
