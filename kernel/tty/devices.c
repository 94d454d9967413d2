/*
 * The device nodes of terminals, and the start of the subsystem.
 *
 *   tty      5:0   the controlling terminal of whoever opens it
 *   console  5:1   the terminal of the preferred console (console=); never becomes anybody's controlling terminal
 *   ptmx     5:2   makes a pair           tty0  4:0   the screen's terminal
 *   ttyS0    4:64  serial line            tty1  4:1   screen and keyboard
 *   pts/N    136:N slaves (devpts)
 */
#include "abi/stat.h"
#include "core/printk.h"
#include "core/registry.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "tty/pty_priv.h"
#include "tty/tty_priv.h"
#include "vfs/vfs.h"

static struct tty *console_tty; /* set once, at the start */

static struct tty *registered[8];

static int hardware_open(struct inode *inode, struct file *f)
{
	for (size_t i = 0; i < ARRAY_SIZE(registered); i++)
		if (registered[i] && registered[i]->rdev == inode->rdev)
			return tty_open_file(registered[i], f, true);
	return -ENXIO;
}

int tty_register(struct tty *t)
{
	struct char_device *d = kzalloc(sizeof(*d), 0);
	size_t slot = 0;
	if (!d)
		return -ENOMEM;
	while (slot < ARRAY_SIZE(registered) && registered[slot])
		slot++;
	*d = (struct char_device){ .major = abi_major(t->rdev), .minor = abi_minor(t->rdev), .count = 1, .name = t->name, .mode = 0600, .open = hardware_open };
	int err = slot < ARRAY_SIZE(registered) ? char_device_register(d) : -ENOSPC;
	if (err) {
		kfree(d);
		return err;
	}
	t->device = d;
	registered[slot] = t;
	return 0;
}

void tty_unregister(struct tty *t)
{
	for (size_t i = 0; i < ARRAY_SIZE(registered); i++)
		if (registered[i] == t)
			registered[i] = NULL;
	char_device_unregister(t->device);
	kfree(t->device);
	t->device = NULL;
}

static int own_open(struct inode *inode __unused, struct file *f)
{
	struct tty *t = current_tty();
	if (!t)
		return -ENXIO;
	int err = tty_open_file(t, f, false);
	tty_put(t);
	return err;
}

static int console_open(struct inode *inode __unused, struct file *f)
{
	if (!console_tty)
		return -ENODEV;
	int err = tty_open_file(console_tty, f, false);
	if (!err)
		tty_file_of(f)->is_console = true;
	return err;
}

static int screen_open(struct inode *inode __unused, struct file *f)
{
	struct tty *t = vt_tty();
	return t ? tty_open_file(t, f, true) : -ENXIO;
}

/* TIOCCONS: what is written to /dev/console goes to another terminal, until that is closed or the console takes it back. */
static struct spinlock redirect_lock = SPINLOCK_INIT("console redirect", RANK_FILES);
static struct file *redirect; /* counted by nobody: its release takes it away. redirect_lock */

struct file *console_redirect_get(void)
{
	spin_lock(&redirect_lock);
	struct file *f = redirect && refcount_get_unless_zero(&redirect->ref) ? redirect : NULL;
	spin_unlock(&redirect_lock);
	return f;
}

long console_redirect_set(struct file *f, bool is_console)
{
	long err = 0;
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	spin_lock(&redirect_lock);
	if (is_console)
		redirect = NULL;
	else if (redirect)
		err = -EBUSY;
	else
		redirect = f;
	spin_unlock(&redirect_lock);
	return err;
}

void console_redirect_drop(struct file *f)
{
	spin_lock(&redirect_lock);
	if (redirect == f)
		redirect = NULL;
	spin_unlock(&redirect_lock);
}

static struct char_device own_device = { .major = 5, .minor = 0, .count = 1, .name = "tty", .mode = 0666, .open = own_open };
static struct char_device console_device = { .major = 5, .minor = 1, .count = 1, .name = "console", .mode = 0600, .open = console_open };
static struct char_device ptmx_device = { .major = 5, .minor = 2, .count = 1, .name = "ptmx", .mode = 0666, .open = ptmx_open };
static struct char_device screen_device = { .major = 4, .minor = 0, .count = 1, .name = "tty0", .mode = 0600, .open = screen_open };
static struct char_device pts_device = { .major = 136, .minor = 0, .count = PTY_MAX, .open = pts_open };

static int tty_subsystem_init(void)
{
	struct tty *s = serial_tty(), *v = vt_tty();
	struct console *preferred = console_preferred();
	if (s && tty_register(s))
		s = NULL;
	if (v && (tty_register(v) || char_device_register(&screen_device)))
		v = NULL;
	console_tty = preferred && v && strcmp(preferred->name, v->name) == 0 ? v : s ? s : v;
	int err = char_device_register(&own_device);
	if (!err && console_tty)
		err = char_device_register(&console_device);
	if (!err)
		err = char_device_register(&ptmx_device);
	if (!err)
		err = char_device_register(&pts_device);
	return err;
}

SUBSYSTEM(tty, .needs = "devfs proc", .init = tty_subsystem_init, .stage = "12-linux");
