/*
 * tty1: the screen and the keyboard as a terminal. The screen itself, escape sequences included, is core/screen.h; what it
 * answers (the cursor's position) comes in as if it were typed.
 *
 * There is one virtual terminal. The ioctls of KD and VT that ask about it are answered, those that would switch to another
 * one, or load fonts, are refused as on a Linux that was built without them.
 */
#include "abi/stat.h"
#include "core/printk.h"
#include "core/screen.h"
#include "tty/tty_priv.h"
#include "usermode/uaccess.h"

#define KDGETLED 0x4b31
#define KDSETLED 0x4b32
#define KDGKBTYPE 0x4b33
#define KDMKTONE 0x4b30
#define KIOCSOUND 0x4b2f
#define KDSETMODE 0x4b3a
#define KDGETMODE 0x4b3b
#define KDGKBMODE 0x4b44
#define KDSKBMODE 0x4b45
#define KDGKBLED 0x4b64
#define VT_OPENQRY 0x5600
#define VT_GETMODE 0x5601
#define VT_SETMODE 0x5602
#define VT_GETSTATE 0x5603
#define VT_ACTIVATE 0x5606
#define VT_WAITACTIVE 0x5607
#define KB_101 2
#define K_XLATE 1
#define K_UNICODE 3

static struct tty vt;
static struct console *screen;

static size_t vt_write(struct tty *t __unused, const char *buf, size_t n)
{
	screen->write(screen, buf, n);
	return n;
}

static size_t vt_write_room(struct tty *t __unused) { return 4096; }

/* The screen's answers are bytes typed by nobody. They come from inside a write, where tty->lock is held: a worker passes them on. */
static struct spinlock answer_lock = SPINLOCK_INIT("screen answers", RANK_TTY_DEVICE);
static char answers[64];
static u32 answer_len; /* answer_lock */
static struct work answer_work;

static void screen_answers(const char *text, size_t len)
{
	u64 flags = spin_lock_irqsave(&answer_lock);
	for (size_t i = 0; i < len && answer_len < sizeof(answers); i++)
		answers[answer_len++] = text[i];
	spin_unlock_irqrestore(&answer_lock, flags);
	work_queue(&answer_work);
}

static void pass_answers(struct work *w __unused)
{
	char text[sizeof(answers)];
	u64 flags = spin_lock_irqsave(&answer_lock);
	u32 n = answer_len;
	for (u32 i = 0; i < n; i++)
		text[i] = answers[i];
	answer_len = 0;
	spin_unlock_irqrestore(&answer_lock, flags);
	tty_feed(&vt, text, n);
}

static u32 keyboard_mode = K_UNICODE, display_mode;

static long vt_ioctl(struct tty *t __unused, struct file *f __unused, u32 cmd, u64 arg)
{
	switch (cmd) {
	case KDGKBTYPE:
		return put_user_u8(KB_101, (u8 __user *)arg);
	case KDGETMODE:
		return put_user_u32(display_mode, (u32 __user *)arg);
	case KDSETMODE:
		if (arg > 3)
			return -EINVAL;
		display_mode = arg == 1;
		return 0;
	case KDGKBMODE:
		return put_user_u32(keyboard_mode, (u32 __user *)arg);
	case KDSKBMODE:
		if (arg != K_XLATE && arg != K_UNICODE)
			return -EINVAL;
		keyboard_mode = (u32)arg;
		return 0;
	case KDGETLED:
	case KDGKBLED:
		return put_user_u8(0, (u8 __user *)arg);
	case KDSETLED:
	case KDMKTONE:
	case KIOCSOUND:
		return 0;
	case VT_GETSTATE: {
		u16 state[3] = { 1, 0, 1 << 1 | 1 }; /* active, signal, mask of those in use */
		return copy_to_user((void __user *)arg, state, sizeof(state)) ? -EFAULT : 0;
	}
	case VT_GETMODE: {
		u8 mode[8] = { 0 };
		return copy_to_user((void __user *)arg, mode, sizeof(mode)) ? -EFAULT : 0;
	}
	case VT_SETMODE:
		return 0;
	case VT_ACTIVATE:
	case VT_WAITACTIVE:
		return arg == 1 ? 0 : -ENXIO;
	case VT_OPENQRY:
	default:
		return -ENOIOCTLCMD;
	}
}

static const struct tty_ops vt_ops = {
	.write = vt_write,
	.write_room = vt_write_room,
	.ioctl = vt_ioctl,
};

struct tty *vt_tty(void)
{
	static bool ready;
	u32 columns, rows;
	if (ready)
		return &vt;
	screen = screen_console();
	if (!screen)
		return NULL;
	tty_init(&vt, "tty1", abi_makedev(4, 1), &vt_ops, NULL);
	vt.termios.iflag |= IUTF8;
	screen_size(&columns, &rows);
	vt.winsize = (struct abi_winsize){ .row = (u16)rows, .col = (u16)columns };
	work_init(&answer_work, pass_answers);
	screen_answer_hook = screen_answers;
	if (keyboard_init(&vt))
		printk("tty1: no keyboard\n");
	ready = true;
	return &vt;
}
