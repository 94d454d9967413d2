/*
 * Echo: what the person at the terminal sees of the typing, and how editing takes it off the screen again.
 *
 * A character that was typed takes columns: none (part of a UTF-8 character), one, two (^X with ECHOCTL), or, for a tab,
 * as many as reach the next multiple of 8. Erasing prints "\b \b" for each. How far back a tab goes is found by adding the
 * columns of the typed line up, from canon_column, where it started.
 */
#include "tty/tty_priv.h"

static bool is_control(u8 c) { return c < 0x20 || c == 0x7f; }
static bool is_continuation(const struct tty *t, u8 c) { return TTY_I(t, IUTF8) && (c & 0xc0) == 0x80; }

void echo_raw(struct tty *t, char c)
{
	ldisc_output(t, &c, 1);
}

void echo_char(struct tty *t, char c)
{
	if (TTY_L(t, ECHOCTL) && is_control((u8)c) && c != '\t') {
		char caret[2] = { '^', (char)(c ^ 0x40) };
		ldisc_output(t, caret, 2);
	} else {
		echo_raw(t, c);
	}
}

void echo_finish_erasing(struct tty *t)
{
	if (t->erasing) {
		echo_raw(t, '/');
		t->erasing = false;
	}
}

static void rub_out(struct tty *t, unsigned columns)
{
	while (columns--)
		ldisc_output(t, "\b \b", 3);
}

/* Columns that c takes at `column`. */
static unsigned width_of(const struct tty *t, u8 c, u32 column)
{
	if (c == '\t')
		return 8 - column % 8;
	if (is_control(c))
		return TTY_L(t, ECHOCTL) ? 2 : 0;
	return is_continuation(t, c) ? 0 : 1;
}

/* The column right behind the typed line. */
static u32 line_column(struct tty *t)
{
	u32 column = t->canon_column;
	for (u32 i = t->canon_head; i != t->head; i++)
		column += width_of(t, (u8)*tty_at(t, i), column);
	return column;
}

/* Takes one character (all bytes of it) off the typed line: its last byte, its first place in *place. */
static u8 drop_last(struct tty *t)
{
	u8 c;
	do {
		t->head--;
		c = (u8)*tty_at(t, t->head);
	} while (is_continuation(t, c) && t->head != t->canon_head);
	return c;
}

static void show_erased(struct tty *t, u8 c, char key, bool whole_line)
{
	if (!TTY_L(t, ECHO))
		return;
	if (TTY_L(t, ECHOPRT) && !whole_line) {
		if (!t->erasing) {
			echo_raw(t, '\\');
			t->erasing = true;
		}
		echo_char(t, (char)c);
	} else if (!TTY_L(t, ECHOE) && tty_is_cc(t, (u8)key, VERASE)) {
		echo_char(t, key);
	} else if (c == '\t') {
		u32 before = line_column(t);
		while (t->column > before)
			echo_raw(t, '\b');
	} else {
		rub_out(t, is_control(c) ? (TTY_L(t, ECHOCTL) ? 2 : 0) : 1);
	}
}

static bool is_word(u8 c) { return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' || c >= 0x80; }

static void erase_line(struct tty *t, char key)
{
	if (TTY_L(t, ECHO) && TTY_L(t, ECHOK) && TTY_L(t, ECHOKE) && TTY_L(t, ECHOE)) {
		while (t->head != t->canon_head) {
			u8 c = drop_last(t);
			show_erased(t, c, key, true);
		}
		echo_finish_erasing(t);
		return;
	}
	t->head = t->canon_head;
	if (!TTY_L(t, ECHO))
		return;
	echo_finish_erasing(t);
	echo_char(t, key);
	if (TTY_L(t, ECHOK)) /* the old line stays on the screen, a fresh one begins */
		echo_raw(t, '\n');
}

void echo_erase(struct tty *t, char key)
{
	if (t->head == t->canon_head)
		return; /* nothing was typed */
	if (tty_is_cc(t, (u8)key, VKILL)) {
		erase_line(t, key);
		return;
	}
	bool word = tty_is_cc(t, (u8)key, VWERASE) && !tty_is_cc(t, (u8)key, VERASE), seen_word = false;
	while (t->head != t->canon_head) {
		u8 last = (u8)*tty_at(t, t->head - 1);
		if (word && is_word(last))
			seen_word = true;
		else if (word && seen_word)
			break;
		u8 c = drop_last(t);
		show_erased(t, c, key, false);
		if (!word)
			break;
	}
	if (t->head == t->canon_head)
		echo_finish_erasing(t);
}

void echo_reprint(struct tty *t, char key)
{
	echo_finish_erasing(t);
	echo_char(t, key);
	echo_raw(t, '\n');
	t->canon_column = t->column;
	for (u32 i = t->canon_head; i != t->head; i++)
		echo_char(t, *tty_at(t, i));
}
