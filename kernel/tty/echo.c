/*
 * Echo: what the person at the terminal sees of the typing, and how editing takes it off the screen again.
 *
 * A character that was typed takes columns: none (part of a UTF-8 character), one, two (^X with ECHOCTL), or, for a tab,
 * as many as reach the next multiple of 8. Erasing prints "\b \b" for each. How far back a tab goes is found by adding the
 * columns of the typed line up, from the last tab before it, or from canon_column, where the line started.
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

/* Columns that c, which is no tab, takes. */
static unsigned width_of(const struct tty *t, u8 c)
{
	if (is_control(c))
		return TTY_L(t, ECHOCTL) ? 2 : 0;
	return is_continuation(t, c) ? 0 : 1;
}

/* Columns that a tab takes right behind the typed line. */
static unsigned tab_width(struct tty *t)
{
	u32 i = t->head, column = 0;

	while (i != t->canon_head && *tty_at(t, i - 1) != '\t')
		column += width_of(t, (u8)*tty_at(t, --i));
	if (i == t->canon_head)
		column += t->canon_column;
	return 8 - column % 8;
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

static void show_erased(struct tty *t, u8 c, char key)
{
	if (!TTY_L(t, ECHO))
		return;
	if (TTY_L(t, ECHOPRT)) {
		if (!t->erasing) {
			echo_raw(t, '\\');
			t->erasing = true;
		}
		echo_char(t, (char)c);
	} else if (!TTY_L(t, ECHOE) && tty_is_cc(t, (u8)key, VERASE)) {
		echo_char(t, key);
	} else if (c == '\t') {
		for (unsigned n = tab_width(t); n; n--)
			echo_raw(t, '\b');
	} else {
		rub_out(t, width_of(t, c));
	}
}

static bool is_word(u8 c) { return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' || c >= 0x80; }

static void erase_line(struct tty *t, char key)
{
	if (TTY_L(t, ECHO) && TTY_L(t, ECHOK) && TTY_L(t, ECHOKE) && TTY_L(t, ECHOE)) {
		while (t->head != t->canon_head)
			show_erased(t, drop_last(t), key);
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
		show_erased(t, drop_last(t), key);
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
