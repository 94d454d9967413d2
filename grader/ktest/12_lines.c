/*
 * Stage 12: typing and writing at random, beside a model of termios(3).
 *
 * Each turn has modes and special characters of its own. After each character that is typed the buffer, the flow, the signals and the screen are compared with what
 * the model says; reads of any size take lines and bytes out again.
 */
#include "07_process.h"
#include "12_screen.h"
#include "core/ktest.h"

#include "abi/termios.h"
#include "lib/string.h"
#include "proc/proc_priv.h"
#include "tty/tty_priv.h"

enum { TURNS = 150, KEYS = 60, TEXT = 512 };

static struct tty tty;
static struct file *file;
static struct process *front; /* the foreground group's only member */
static u32 dropped; /* how often what is on its way out was dropped */
static bool wrong;

static struct {
	struct { char c; bool end; } typed[TEXT]; /* as in the buffer: a line's last character, or a NUL for the end of file, has its mark */
	u32 lines, all;                           /* so many are whole lines; so many are there */
	bool quoted, stopped, screen_known, reprinted;
	u64 signals;
	char screen[sizeof(screen)];
	size_t shown;
	u32 dropped;
} model;

#define CHECK(cond) do { if (!wrong && !KEXPECT(cond)) wrong = true; } while (0)
#define CHECK_EQ(got, wanted) do { if (!wrong && !KEXPECT_EQ(got, wanted)) wrong = true; } while (0)

static u32 dice(u32 n) { return ktest_random() % n; }

/* --- the terminal ---------------------------------------------------------------------------------------------------- */

/* Nothing has reached the person yet. */
static void drop_output(struct tty *t __unused)
{
	dropped++;
	shown = 0;
}
static const struct tty_ops screen_ops = { .write = screen_write, .write_room = screen_room, .flush_output = drop_output };

static bool on(u32 word, u32 flag) { return word & flag; }
#define I(flag) on(tty.termios.iflag, flag)
#define O(flag) on(tty.termios.oflag, flag)
#define L(flag) on(tty.termios.lflag, flag)
static bool is(char c, int which) { return c && c == (char)tty.termios.cc[which]; }

/* --- the model of typing --------------------------------------------------------------------------------------------- */

static void see(char c)
{
	if (c == '\n')
		model.screen[model.shown++] = '\r';
	model.screen[model.shown++] = c;
}

static void see_char(char c)
{
	if (L(ECHOCTL) && ((u8)c < 32 || c == 127) && c != '\t') {
		see('^');
		c ^= 0x40;
	}
	see(c);
}

static void add(char c, bool end)
{
	model.typed[model.all].c = c;
	model.typed[model.all++].end = end;
	if (end)
		model.lines = model.all;
}

static bool word_char(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (u8)c >= 128; }

static void erase(char key)
{
	bool seen = false;

	if (model.all > model.lines)
		model.screen_known = model.screen_known && !L(ECHO); /* how it goes from the screen is given */
	while (model.all > model.lines) {
		bool word = word_char(model.typed[model.all - 1].c);
		if (is(key, VWERASE) && seen && !word)
			break;
		seen |= word;
		do
			model.all--;
		while (I(IUTF8) && ((u8)model.typed[model.all].c & 0xc0) == 0x80 && model.all > model.lines);
		if (is(key, VERASE))
			break;
	}
}

static bool typed_key(char c)
{
	static const struct { int which, signo; } signals[] = { { VINTR, SIGINT }, { VQUIT, SIGQUIT }, { VSUSP, SIGTSTP } };

	if (I(IXON) && (is(c, VSTART) || is(c, VSTOP))) {
		model.stopped = is(c, VSTOP);
		return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(signals) && L(ISIG); i++) {
		if (!is(c, signals[i].which))
			continue;
		if (!L(NOFLSH)) {
			model.lines = model.all = 0;
			model.dropped++;
			model.shown = 0;
		}
		model.stopped &= !I(IXON);
		if (L(ECHO))
			see_char(c);
		model.signals |= SIGMASK(signals[i].signo);
		return true;
	}
	model.stopped &= !(I(IXON) && I(IXANY));
	return false;
}

static bool typed_in_line(char c)
{
	if (is(c, VERASE) || is(c, VKILL) || (L(IEXTEN) && is(c, VWERASE))) {
		erase(c);
	} else if (L(IEXTEN) && is(c, VLNEXT)) {
		model.quoted = true;
		if (L(ECHO) && L(ECHOCTL)) {
			see('^');
			see('\b');
		}
	} else if (L(IEXTEN) && L(ECHO) && is(c, VREPRINT)) {
		model.reprinted = true;
		see_char(c);
		see('\n');
		for (u32 i = model.lines; i < model.all; i++)
			see_char(model.typed[i].c);
	} else if (c == '\n') {
		if (L(ECHO) || L(ECHONL))
			see('\n');
		add(c, true);
	} else if (is(c, VEOF)) {
		add(0, true);
	} else if (is(c, VEOL) || (L(IEXTEN) && is(c, VEOL2))) {
		if (L(ECHO))
			see_char(c);
		add(c, true);
	} else {
		return false;
	}
	return true;
}

static void typed(char c)
{
	if (I(ISTRIP))
		c &= 0x7f;
	if (I(IUCLC) && L(IEXTEN) && c >= 'A' && c <= 'Z')
		c |= 0x20;
	if (model.quoted) {
		model.quoted = false;
	} else {
		if (typed_key(c) || (c == '\r' && I(IGNCR)))
			return;
		if (c == '\r' && I(ICRNL))
			c = '\n';
		else if (c == '\n' && I(INLCR))
			c = '\r';
		if (L(ICANON) && typed_in_line(c))
			return;
	}
	if (L(ECHO))
		see_char(c); /* a newline that ends no line, ^J */
	add(c, false);
}

/* --- typing ---------------------------------------------------------------------------------------------------------- */

static void compare(char c)
{
	u32 there = tty.head - tty.tail, lines = tty.canon_head - tty.tail;

	CHECK_EQ(there, model.all);
	CHECK_EQ(L(ICANON) ? lines : 0, model.lines);
	for (u32 i = 0; i < model.all && !wrong; i++) {
		CHECK_EQ(*tty_at(&tty, tty.tail + i), model.typed[i].c);
		CHECK_EQ(tty_eol_at(&tty, tty.tail + i), model.typed[i].end);
	}
	CHECK_EQ(tty.lnext, model.quoted);
	CHECK_EQ(tty.flow_stopped, model.stopped);
	CHECK_EQ(front->signal->pending.set, model.signals);
	CHECK_EQ(dropped, model.dropped);
	if (model.screen_known)
		CHECK(shown == model.shown && !memcmp(screen, model.screen, shown));
	if (wrong) {
		ktest_note("typed", (u8)c);
		ktest_note("lflag", tty.termios.lflag);
		ktest_note("iflag", tty.termios.iflag);
	}
}

static char random_key(void);

static void type(char c)
{
	u32 column = tty.column, line_at = tty.canon_column;
	bool fresh = model.all == model.lines, known = model.screen_known;

	model.reprinted = false;
	typed(c);
	tty_input(&tty, &c, 1);
	compare(c);
	/* A line begins where its first character stands, and not where the others do. */
	if (L(ICANON) && L(ECHO) && known && !model.reprinted && model.all > model.lines)
		CHECK_EQ(tty.canon_column, fresh ? column : line_at);
	pending_flush(&front->signal->pending, ~0ul);
	model.signals = 0;
}

/* A device brings several keys at once: what they do is the same, the signals included. */
static void type_at_once(void)
{
	char keys[4];
	u32 n = 2 + dice(sizeof(keys) - 1);

	for (u32 i = 0; i < n; i++)
		typed(keys[i] = random_key());
	tty_input(&tty, keys, n);
	compare(keys[0]);
	pending_flush(&front->signal->pending, ~0ul);
	model.signals = 0;
}

static void take_away(u32 n)
{
	model.all -= n;
	model.lines -= MIN(n, model.lines);
	memmove(model.typed, model.typed + n, model.all * sizeof(model.typed[0]));
}

static void read_some(void)
{
	char got[64], wanted[64];
	u32 n = 1 + dice(dice(2) ? 6 : 60), i = 0, copied = 0, limit = L(ICANON) ? model.lines : model.all;
	ssize_t result = file_read_kernel(file, got, n, NULL);
	bool end = false;

	while (i < limit && !end) {
		bool file_ends = model.typed[i].end && !model.typed[i].c;
		if (copied == n && !file_ends)
			break;
		if (!file_ends)
			wanted[copied++] = model.typed[i].c;
		end = model.typed[i++].end;
	}
	take_away(i);
	CHECK_EQ(result, i || (!L(ICANON) && !tty.termios.cc[VMIN]) ? (ssize_t)copied : -EAGAIN);
	CHECK(result < 0 || !memcmp(got, wanted, copied));
	compare('r');
}

/* Special characters: any, each with one meaning; some have none. */
static void random_characters(u8 *cc)
{
	static const int kinds[] = { VINTR, VQUIT, VSUSP, VERASE, VKILL, VEOF, VSTART, VSTOP, VREPRINT, VWERASE, VLNEXT, VEOL, VEOL2 };
	static const char pool[] = "\003\034\032\177\025\004\021\023\022\027\026;!q.\r\n";
	bool used[sizeof(pool)] = { false };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		u32 at;
		do
			at = dice(sizeof(pool) - 1);
		while (used[at]);
		used[at] = true;
		cc[kinds[i]] = dice(8) ? pool[at] : 0;
	}
}

static char random_key(void)
{
	static const char often[] = "ab Z_9\r\n\t\303\244\301";
	static const int kinds[] = { VINTR, VQUIT, VSUSP, VERASE, VERASE, VKILL, VEOF, VSTART, VSTOP, VREPRINT, VWERASE, VLNEXT, VEOL, VEOL2, VLNEXT, VEOF };

	if (dice(3))
		return often[dice(sizeof(often) - 1)];
	return dice(4) ? (char)tty.termios.cc[kinds[dice(ARRAY_SIZE(kinds))]] : (char)dice(128);
}

/* As a program does by TCXONC: also where no key stops and starts it. */
static void stop_output(void)
{
	u64 flags = spin_lock_irqsave(&tty.lock);

	tty_stop(&tty);
	spin_unlock_irqrestore(&tty.lock, flags);
	model.stopped = true;
}

static void turn_of_typing(void)
{
	static const u32 iflags[] = { ISTRIP, IUCLC, IGNCR, ICRNL, INLCR, IXON, IXANY, IUTF8 }, lflags[] = { ICANON, ECHO, ECHOE, ECHOK, ECHOKE, ECHONL, ECHOCTL, ISIG, NOFLSH, IEXTEN };
	struct abi_termios modes = tty.termios;

	modes.iflag = modes.lflag = 0;
	for (size_t i = 0; i < ARRAY_SIZE(iflags); i++)
		modes.iflag |= dice(3) ? 0 : iflags[i];
	for (size_t i = 0; i < ARRAY_SIZE(lflags); i++)
		modes.lflag |= dice(3) ? lflags[i] : 0;
	modes.oflag = OPOST | ONLCR;
	random_characters(modes.cc);
	modes.cc[VMIN] = dice(3);
	modes.cc[VTIME] = 0;
	u64 flags = spin_lock_irqsave(&tty.lock);
	tty_start(&tty);
	tty_flush_input(&tty);
	tty_set_termios(&tty, &modes);
	spin_unlock_irqrestore(&tty.lock, flags);
	memset(&model, 0, sizeof(model));
	model.screen_known = true;
	shown = dropped = 0;
	room = sizeof(screen);
	for (u32 i = 0; i < KEYS && !wrong; i++) {
		if (!dice(16))
			stop_output();
		if (!dice(12))
			type_at_once();
		else if (dice(12))
			type(random_key());
		else
			read_some();
	}
}

static bool set_up(struct session **s, struct pgroup **g)
{
	*s = session_create(40000);
	*g = *s ? pgroup_create(40001, *s) : NULL;
	front = idle_process(0);
	if (!*g || !front)
		return false;
	spin_lock(&process_tree_lock);
	idle_process_publish(front, *g);
	spin_unlock(&process_tree_lock);
	process_get(front);
	tty_init(&tty, "test", 0, &screen_ops, NULL);
	tty.foreground = *g;
	file = file_alloc(NULL, O_RDWR | O_NOCTTY | O_NONBLOCK, NULL);
	wrong = false;
	return !IS_ERR(file) && tty_open_file(&tty, file, false) == 0;
}

static void tear_down(struct session *s, struct pgroup *g)
{
	tty.foreground = NULL;
	file_put(file);
	KEXPECT_EQ(open_to_devices, 0);
	spin_lock(&process_tree_lock);
	exit_detach(front);
	spin_unlock(&process_tree_lock);
	exit_free_dead();
	process_put(front);
	KEXPECT_EQ(refcount_read(&g->ref), 1);
	pgroup_put(g);
	session_put(s);
}

static void play(void (*turn)(void))
{
	struct session *s;
	struct pgroup *g;

	KREQUIRE(set_up(&s, &g));
	for (u32 i = 0; i < TURNS && !wrong; i++)
		turn();
	KEXPECT(!wrong);
	tear_down(s, g);
}

KTEST(12, typing_at_random)
{
	play(turn_of_typing);
}

/* --- writing --------------------------------------------------------------------------------------------------------- */

/* What c becomes, and where the cursor is then. */
static size_t written(char c, u32 *column, char *out)
{
	size_t blanks = 8 - *column % 8;

	if (c == '\n' && O(ONLCR)) {
		*column = 0;
		memcpy(out, "\r\n", 2);
		return 2;
	}
	if (c == '\r' && O(ONOCR) && !*column)
		return 0;
	if (c == '\r' && O(OCRNL))
		c = '\n';
	*out = c;
	if (c == '\r' || (c == '\n' && O(ONLRET))) {
		*column = 0;
	} else if (c == '\b') {
		*column -= *column != 0;
	} else if (c == '\t') {
		*column += blanks;
		if ((tty.termios.oflag & TABDLY) == XTABS) {
			memset(out, ' ', blanks);
			return blanks;
		}
	} else if ((u8)c >= 32 && c != 127) {
		*column += !(I(IUTF8) && ((u8)c & 0xc0) == 0x80);
		if (O(OLCUC) && c >= 'a' && c <= 'z')
			*out = c - 32;
	}
	return 1;
}

static void turn_of_writing(void)
{
	static const u32 oflags[] = { ONLCR, OCRNL, ONOCR, ONLRET, OLCUC };
	static const u32 delays[] = { 0, 0x800, 0x1000, XTABS }; /* TAB0 to TAB3: only the last means blanks */
	static const char keys[] = "abzZ0 \n\n\r\r\t\t\b\177\001\303\244";
	char text[400], wanted[8 * sizeof(text)];
	u32 column = tty.column, n = 1 + dice(sizeof(text)), taken = 0;

	tty.termios.iflag = dice(2) ? IUTF8 : 0;
	tty.termios.oflag = dice(10) ? OPOST : 0;
	for (size_t i = 0; i < ARRAY_SIZE(oflags); i++)
		tty.termios.oflag |= dice(2) ? oflags[i] : 0;
	tty.termios.oflag = (tty.termios.oflag & ~TABDLY) | delays[dice(2) ? 3 : dice(3)];
	for (u32 i = 0; i < n; i++)
		text[i] = keys[dice(sizeof(keys) - 1)];
	shown = room = 0;
	for (u32 pieces = 0; taken < n && !wrong; pieces++) {
		size_t length = 0, before = taken;
		shown = 0;
		room = dice(2) ? sizeof(screen) : 8 + dice(60);
		u64 flags = spin_lock_irqsave(&tty.lock);
		taken += ldisc_output(&tty, text + taken, n - taken);
		spin_unlock_irqrestore(&tty.lock, flags);
		CHECK(taken <= n && taken > before);
		for (u32 i = before; i < taken && !wrong; i++) {
			if (O(OPOST))
				length += written(text[i], &column, wanted + length);
			else
				wanted[length++] = text[i];
		}
		CHECK_EQ(shown, length);
		CHECK(!memcmp(screen, wanted, length));
		CHECK_EQ(tty.column, column);
		CHECK(taken == n || room - shown < 8); /* as much as fits */
	}
	if (wrong)
		ktest_note("oflag", tty.termios.oflag);
}

KTEST(12, writing_at_random)
{
	play(turn_of_writing);
}
