/*
 * The PS/2 keyboard behind an i8042 controller, US layout, as a source of bytes for tty1.
 *
 * The controller translates to scan code set 1: a key sends its code when it goes down and code | 0x80 when it comes up;
 * 0xe0 before it marks the keys that the first PC did not have (arrows, right Ctrl, keypad Enter …). The interrupt turns
 * codes into bytes, as the Linux console sends them, and a worker hands those to the terminal.
 */
#include "core/cpu.h"
#include "core/random.h"
#include "irq/irq.h"
#include "lib/string.h"
#include "tty/tty_priv.h"

#define DATA 0x60
#define STATUS 0x64
#define COMMAND 0x64
#define OUTPUT_FULL 0x01
#define INPUT_FULL 0x02
#define FROM_MOUSE 0x20
#define SPINS 20000

static const char plain[0x60] = "\0\0331234567890-=\177\tqwertyuiop[]\r\0asdfghjkl;'`\0\\zxcvbnm,./\0*\0 ";
static const char shifted[0x60] = "\0\033!@#$%^&*()_+\177\tQWERTYUIOP{}\r\0ASDFGHJKL:\"~\0|ZXCVBNM<>?\0*\0 ";
static const char keypad[] = "789-456+1230."; /* codes 0x47 … 0x53 */

/* Keys that send a sequence: codes with 0xe0 (those of the keypad without Num Lock send the same), then F1 … F12. */
static const struct {
	u8 code;
	const char *text;
} sequences[] = {
	{ 0x48, "\033[A" }, { 0x50, "\033[B" }, { 0x4d, "\033[C" }, { 0x4b, "\033[D" }, { 0x47, "\033[1~" }, { 0x4f, "\033[4~" },
	{ 0x52, "\033[2~" }, { 0x53, "\033[3~" }, { 0x49, "\033[5~" }, { 0x51, "\033[6~" },
}, functions[] = {
	{ 0x3b, "\033[[A" }, { 0x3c, "\033[[B" }, { 0x3d, "\033[[C" }, { 0x3e, "\033[[D" }, { 0x3f, "\033[[E" }, { 0x40, "\033[17~" },
	{ 0x41, "\033[18~" }, { 0x42, "\033[19~" }, { 0x43, "\033[20~" }, { 0x44, "\033[21~" }, { 0x57, "\033[23~" }, { 0x58, "\033[24~" },
};

static struct spinlock lock = SPINLOCK_INIT("keyboard", RANK_TTY_DEVICE); /* guards all below */
static char ring[256];
static u32 head, tail;
static bool shift, control, alt, caps, num_lock, extended;
static u8 pause_left; /* bytes still to come of the Pause key's six */
static struct tty *target;
static struct work feed_work;

static void emit(const char *s, size_t n)
{
	if (n > sizeof(ring) - (head - tail))
		return; /* a key more than anybody reads */
	while (n--)
		ring[head++ % sizeof(ring)] = *s++;
}

static void emit_char(char c)
{
	if (control) {
		if (c == ' ' || c == '@' || c == '2' || c == '`')
			c = 0;
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')
			c &= 0x1f;
		else if (c >= '[' && c <= '_')
			c &= 0x1f;
		else if (c == '/' || c == '-')
			c = 0x1f;
		else if (c == '?')
			c = 0x7f;
	}
	if (alt)
		emit("\033", 1);
	emit(&c, 1);
}

static bool emit_sequence(u8 code, bool is_function)
{
	size_t n = is_function ? ARRAY_SIZE(functions) : ARRAY_SIZE(sequences);
	for (size_t i = 0; i < n; i++) {
		const char *text = is_function ? functions[i].text : sequences[i].text;
		if ((is_function ? functions[i].code : sequences[i].code) != code)
			continue;
		if (alt)
			emit("\033", 1);
		emit(text, strlen(text));
		return true;
	}
	return false;
}

/* Shift, Ctrl, Alt and the locks; true if the key is one of them. */
static bool modifier(u8 code, bool down)
{
	switch (code) {
	case 0x2a:
	case 0x36:
		if (!extended) /* 0xe0 0x2a is a shift that the keyboard makes up around Print and the arrows */
			shift = down;
		return true;
	case 0x1d:
		control = down;
		return true;
	case 0x38:
		alt = down;
		return true;
	case 0x3a:
		caps ^= down;
		return true;
	case 0x45:
		num_lock ^= down;
		return true;
	default:
		return false;
	}
}

static void key(u8 byte)
{
	if (pause_left) {
		pause_left--;
		return;
	}
	if (byte == 0xe0) {
		extended = true;
		return;
	}
	if (byte == 0xe1) {
		pause_left = 5;
		return;
	}
	u8 code = byte & 0x7f;
	bool down = !(byte & 0x80);
	if (!modifier(code, down) && down) {
		if (extended) {
			if (code == 0x1c || code == 0x35)
				emit_char(code == 0x1c ? '\r' : '/');
			else
				emit_sequence(code, false);
		} else if (code >= 0x47 && code <= 0x53) {
			if (num_lock || !emit_sequence(code, false))
				emit_char(keypad[code - 0x47]);
		} else if (!emit_sequence(code, true) && code < sizeof(plain)) {
			char c = plain[code];
			bool letter = c >= 'a' && c <= 'z';
			if (c && shift && code == 0x0f)
				emit("\033[Z", 3);
			else if (c)
				emit_char(shift != (caps && letter) ? shifted[code] : c);
		}
	}
	extended = false;
}

static void keyboard_interrupt(void *arg __unused)
{
	u64 flags = spin_lock_irqsave(&lock);
	u8 status;
	for (unsigned i = 0; i < 32 && ((status = inb(STATUS)) & OUTPUT_FULL); i++) {
		u8 byte = inb(DATA);
		if (!(status & FROM_MOUSE))
			key(byte);
	}
	spin_unlock_irqrestore(&lock, flags);
	random_stir(rdtsc());
	work_queue(&feed_work);
}

static void feed(struct work *w __unused)
{
	char chunk[sizeof(ring)];
	u32 n = 0;
	u64 flags = spin_lock_irqsave(&lock);
	while (tail != head)
		chunk[n++] = ring[tail++ % sizeof(ring)];
	spin_unlock_irqrestore(&lock, flags);
	tty_feed(target, chunk, n); /* what a full terminal does not take is lost: nobody types ahead 4096 keys */
}

static bool send(u16 port, u8 value)
{
	for (unsigned i = 0; i < SPINS; i++)
		if (!(inb(STATUS) & INPUT_FULL)) {
			outb(port, value);
			return true;
		}
	return false;
}

static int receive(void)
{
	for (unsigned i = 0; i < SPINS; i++)
		if (inb(STATUS) & OUTPUT_FULL)
			return inb(DATA);
	return -1;
}

int keyboard_init(struct tty *t)
{
	if (inb(STATUS) == 0xff)
		return -ENODEV;
	target = t;
	work_init(&feed_work, feed);
	/* Both ports off and the buffer empty while the configuration byte is read and changed. */
	if (!send(COMMAND, 0xad) || !send(COMMAND, 0xa7))
		return -ENODEV;
	for (unsigned i = 0; i < 64 && (inb(STATUS) & OUTPUT_FULL); i++)
		inb(DATA);
	int config = send(COMMAND, 0x20) ? receive() : -1;
	if (config < 0)
		return -ENODEV;
	config = (config | 0x41) & ~0x12; /* interrupt 1, translation; not the mouse's interrupt, keyboard not disabled */
	if (!send(COMMAND, 0x60) || !send(DATA, (u8)config) || !send(COMMAND, 0xae) || !send(DATA, 0xf4))
		return -ENODEV;
	int err = irq_request_isa(1, keyboard_interrupt, NULL, "i8042");
	if (!err)
		keyboard_interrupt(NULL); /* the answer to 0xf4 may stand there already: its edge is past, and no other comes until it is read */
	return err;
}
