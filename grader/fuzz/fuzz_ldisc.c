/* sources: tty/ldisc.c tty/echo.c tty/core.c lib/string.c; wrap: tty_raise; keys, modes, reads and writes on a terminal in any order */
#include "lib/string.h"
#include "tty/tty_priv.h"

static size_t room;
static u64 clock_now;

u64 time_ns(void) { return clock_now += 1000; }
void wait_queue_init(struct wait_queue *q __unused) {}
unsigned wait_wake(struct wait_queue *q __unused, unsigned n __unused, void *key __unused) { return 0; }
void mutex_init(struct mutex *m __unused, const char *name __unused, enum lock_rank rank __unused) {}
void work_init(struct work *w __unused, void (*fn)(struct work *) __unused) {}
void __wrap_tty_raise(struct tty *t, u32 mask);
void __wrap_tty_raise(struct tty *t __unused, u32 mask) { WANT(mask); }

static size_t device_write(struct tty *t __unused, const char *buf, size_t n)
{
	u8 sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (u8)((const volatile char *)buf)[i];
	n = MIN(n, room + (sum & 0));
	room -= n;
	return n;
}

static size_t device_room(struct tty *t __unused) { return room; }
static const struct tty_ops ops = { .write = device_write, .write_room = device_room };

size_t uio_write(struct uio *u, const void *src, size_t n)
{
	WANT(n <= u->left);
	memcpy((char *)u->vec->base + u->offset, src, n);
	u->offset += n;
	u->left -= n;
	return n;
}

static void invent_modes(struct input *in, struct abi_termios *to)
{
	to->iflag = (u32)(byte(in) | byte(in) << 8) & 077777;
	to->oflag = (u32)(byte(in) | byte(in) << 8);
	to->lflag = (u32)(byte(in) | byte(in) << 8);
	if (byte(in) & 1)
		to->cc[byte(in) % sizeof(to->cc)] = (u8)byte(in);
}

static void read_some(struct tty *t, struct file *f, size_t n)
{
	char *buf = malloc(n + 1);
	struct uio_vec vec = { buf, n };
	struct uio to = { .vec = &vec, .vec_count = 1, .left = n, .kernel = true };
	ssize_t got = ldisc_read(t, f, &to);

	WANT(got == -EAGAIN || (got >= 0 && (size_t)got <= n && (size_t)got == to.offset));
	free(buf);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input in = { data, data + size };
	struct tty *t = calloc(1, sizeof(*t));
	struct tty_file tf = { .tty = t };
	struct file f = { .flags = O_RDWR | O_NONBLOCK, .private = &tf };
	char text[256];

	tty_init(t, "fuzz", 0, &ops, NULL);
	room = 1000;
	while (more(&in)) {
		u32 what = byte(&in), n = what >> 3;
		struct abi_termios modes = t->termios;

		switch (what & 7) {
		case 0:
			invent_modes(&in, &modes);
			tty_set_termios(t, &modes);
			break;
		case 1: read_some(t, &f, n * 17); break;
		case 2: room = n * 9; break;
		case 3:
			for (u32 i = 0; i < n; i++)
				text[i] = (char)byte(&in);
			WANT(ldisc_output(t, text, n) <= n);
			break;
		case 4: /* a long line */
			memset(text, (int)byte(&in), sizeof(text));
			for (u32 i = 0; i < n; i += 4)
				WANT(tty_feed(t, text, sizeof(text)) <= sizeof(text));
			break;
		case 5:
			if (n == 0)
				tty_flush_input(t);
			break;
		default:
			for (u32 i = 0; i < n; i++)
				text[i] = (char)byte(&in);
			tty_input(t, text, n);
		}
		WANT(t->canon_head - t->tail <= t->head - t->tail && t->head - t->tail <= TTY_BUFFER);
		WANT(!t->signals);
	}
	free(t);
	return 0;
}
