/*
 * Terminals: the files of processes on them, and what drivers and the line discipline share.
 *
 * A terminal outlives its files; a hang-up does not end it either, it ends the files: each remembers how often its
 * terminal had been hung up when it was opened (struct tty_file), and is dead once that number has moved on. So a getty
 * that opens the terminal again after a hang-up has a working one, while programs of the last session read end of file.
 *
 * Locks: tty_control_lock (spin) > tty->lock (spin, interrupts off) > wait queues. read_mutex and write_mutex are taken before
 * both. tty->lock is never held while signals are sent: the tree lock of processes ranks before it.
 */
#include "tty/tty.h"
#include "core/printk.h"
#include "core/registry.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "proc/signal.h"
#include "tty/tty_priv.h"
#include "usermode/uaccess.h"
#include "vfs/vfs.h"

#define WRITE_CHUNK 512
#define ROOM_LEAST 16 /* a writer sleeps until there is this much room: more than any one byte becomes */

struct spinlock tty_control_lock = SPINLOCK_INIT("tty control", RANK_TTY_CONTROL);

static void send_deferred(struct work *w)
{
	struct tty *t = container_of(w, struct tty, deferred_work);
	u32 mask = atomic_xchg(&t->deferred, 0u);
	for (int signo = 1; signo < 32; signo++)
		if (mask >> signo & 1)
			tty_signal_foreground(t, signo);
	mask = atomic_xchg(&t->to_tell, 0u);
	if (mask & TTY_TELL_IN)
		async_notify(&t->async, POLL_IN, ASYNC_BOTH);
	if (mask & TTY_TELL_OUT)
		async_notify(&t->async, POLL_OUT, ASYNC_BOTH);
	if (mask & TTY_TELL_MASTER_IN)
		async_notify(&t->master_async, POLL_IN, ASYNC_BOTH);
	if (mask & TTY_TELL_MASTER_OUT)
		async_notify(&t->master_async, POLL_OUT, ASYNC_BOTH);
}

void tty_tell(struct tty *t, u32 what)
{
	struct async_list *l = what & (TTY_TELL_IN | TTY_TELL_OUT) ? &t->async : &t->master_async;

	if (likely(list_empty(&l->owners)))
		return;
	atomic_fetch_or(&t->to_tell, what);
	work_queue(&t->deferred_work);
}

void tty_wake_writers(struct tty *t)
{
	wait_wake(&t->write_wait, ~0u, (void *)(uintptr_t)(POLLOUT | POLLWRNORM));
	if (READ_ONCE(t->tell_room) && atomic_xchg(&t->tell_room, false))
		tty_tell(t, TTY_TELL_OUT);
}

void tty_raise(struct tty *t, u32 mask)
{
	if (preempt_count() || !irq_enabled()) {
		atomic_fetch_or(&t->deferred, mask);
		work_queue(&t->deferred_work);
		return;
	}
	for (int signo = 1; signo < 32; signo++)
		if (mask >> signo & 1)
			tty_signal_foreground(t, signo);
}

static const struct abi_termios default_termios = {
	.iflag = ICRNL | IXON,
	.oflag = OPOST | ONLCR,
	.cflag = B38400 | CS8 | CREAD | HUPCL,
	.lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
	.cc = { [VINTR] = 3, [VQUIT] = 28, [VERASE] = 127, [VKILL] = 21, [VEOF] = 4, [VMIN] = 1, [VSTART] = 17, [VSTOP] = 19, [VSUSP] = 26,
		[VREPRINT] = 18, [VDISCARD] = 15, [VWERASE] = 23, [VLNEXT] = 22 },
};

void tty_init(struct tty *t, const char *name, u64 rdev, const struct tty_ops *ops, void *driver)
{
	memset(t, 0, sizeof(*t));
	refcount_set(&t->ref, 1);
	t->name = name;
	t->rdev = rdev;
	t->ops = ops;
	t->driver = driver;
	t->termios = default_termios;
	spin_init(&t->lock, "tty", RANK_TTY);
	wait_queue_init(&t->read_wait);
	wait_queue_init(&t->write_wait);
	mutex_init(&t->read_mutex, "tty read", RANK_NONE);
	mutex_init(&t->write_mutex, "tty write", RANK_NONE);
	work_init(&t->deferred_work, send_deferred);
	async_init(&t->async);
	async_init(&t->master_async);
}

void tty_get(struct tty *t) { refcount_get(&t->ref); }
void tty_put(struct tty *t)
{
	if (refcount_put(&t->ref) && t->ops->destroy)
		t->ops->destroy(t);
}

/* --- input side ----------------------------------------------------------------------------------------------- */

bool tty_input_available(const struct tty *t, bool for_poll)
{
	u32 tail = READ_ONCE(t->tail);
	if (TTY_L(t, ICANON))
		return READ_ONCE(t->canon_head) != tail;
	u32 least = for_poll && !TTY_CC(t, VTIME) && TTY_CC(t, VMIN) ? TTY_CC(t, VMIN) : 1;
	return READ_ONCE(t->head) - tail >= least;
}

void tty_wake_readers(struct tty *t)
{
	if (tty_input_available(t, false)) {
		wait_wake(&t->read_wait, ~0u, (void *)(uintptr_t)(POLLIN | POLLRDNORM));
		tty_tell(t, TTY_TELL_IN);
	}
}

void tty_put_char(struct tty *t, char c, bool line_end)
{
	/* The last place is kept for the end of a line, or a line of 4096 bytes could never be ended. */
	if (t->head - t->tail >= (line_end ? TTY_BUFFER : TTY_BUFFER - 1u)) {
		if (TTY_I(t, IMAXBEL))
			echo_raw(t, '\a');
		return;
	}
	*tty_at(t, t->head) = c;
	/* With PARMRK 0xff announces an error: one that was typed is doubled. */
	if ((u8)c == 0xff && TTY_I(t, PARMRK) && !line_end && t->head - t->tail < TTY_BUFFER - 2u) {
		tty_clear_eol(t, t->head++);
		*tty_at(t, t->head) = c;
	}
	if (line_end)
		tty_set_eol(t, t->head);
	else
		tty_clear_eol(t, t->head);
	t->head++;
	if (line_end)
		t->canon_head = t->head;
}

void tty_flush_input(struct tty *t)
{
	t->head = t->canon_head = t->tail;
	t->lnext = t->erasing = false;
	memset(t->eol_map, 0, sizeof(t->eol_map));
	if (t->ops->flushed)
		t->ops->flushed(t, PKT_FLUSHREAD);
}

void tty_stop(struct tty *t)
{
	if (t->flow_stopped)
		return;
	t->flow_stopped = true;
	if (t->ops->flow)
		t->ops->flow(t, true);
	if (t->ops->flushed)
		t->ops->flushed(t, PKT_STOP);
}

void tty_start(struct tty *t)
{
	if (!t->flow_stopped)
		return;
	t->flow_stopped = false;
	if (t->ops->flow)
		t->ops->flow(t, false);
	if (t->ops->flushed)
		t->ops->flushed(t, PKT_START);
	tty_wake_writers(t);
}

/* How many bytes can be taken for sure. A typed line that grew too long takes more, one by one: all but its end is dropped. */
static size_t input_room(struct tty *t)
{
	size_t used = READ_ONCE(t->head) - READ_ONCE(t->tail), room = used < TTY_BUFFER - 1 ? TTY_BUFFER - 1 - used : 0;
	return room ? room : TTY_L(t, ICANON) && READ_ONCE(t->canon_head) == READ_ONCE(t->tail);
}

size_t tty_feed(struct tty *t, const char *buf, size_t n)
{
	size_t done = 0;
	while (done < n) {
		size_t room = input_room(t);
		if (room == 0) {
			/* Say so first, then look again: a reader that made room in between may have seen the old flag. */
			WRITE_ONCE(t->throttled, true);
			smp_mb();
			room = input_room(t);
			if (room == 0)
				break;
		}
		size_t chunk = MIN(MIN(room, n - done), 128ul);
		tty_input(t, buf + done, chunk);
		done += chunk;
	}
	return done;
}

void tty_unthrottle(struct tty *t)
{
	if (!READ_ONCE(t->throttled) || input_room(t) == 0)
		return;
	WRITE_ONCE(t->throttled, false);
	if (t->ops->throttle)
		t->ops->throttle(t, false);
}

void tty_set_termios(struct tty *t, const struct abi_termios *new)
{
	bool mode_change = (t->termios.lflag ^ new->lflag) & ICANON;
	t->termios = *new;
	if (mode_change) {
		memset(t->eol_map, 0, sizeof(t->eol_map));
		t->canon_head = t->tail;
		t->lnext = false;
		if (TTY_L(t, ICANON) && t->head != t->tail) { /* what was typed raw counts as a line */
			tty_set_eol(t, t->head - 1);
			t->canon_head = t->head;
		}
	}
	if (!TTY_I(t, IXON) && t->flow_stopped)
		tty_start(t);
	tty_wake_readers(t);
}
/* --- files ---------------------------------------------------------------------------------------------------- */

int tty_open_file(struct tty *t, struct file *f, bool may_acquire)
{
	if (READ_ONCE(t->exclusive) && !capable(CAP_SYS_ADMIN))
		return -EBUSY;
	struct tty_file *tf = kzalloc(sizeof(*tf), 0);
	if (!tf)
		return -ENOMEM;
	spin_lock(&tty_control_lock);
	t->open_count++;
	spin_unlock(&tty_control_lock);
	f->private = tf;
	tf->tty = t;
	tf->hangups = READ_ONCE(t->hangups);
	tty_get(t);
	int err = t->ops->open ? t->ops->open(t, f) : 0;
	if (err) {
		spin_lock(&tty_control_lock);
		t->open_count--;
		spin_unlock(&tty_control_lock);
		f->private = NULL;
		kfree(tf);
		tty_put(t);
		return err;
	}
	f->ops = &tty_file_ops;
	f->mode = (f->mode & ~FILE_SEEKABLE) | FILE_STREAM;
	if (may_acquire && !(f->flags & O_NOCTTY) && (f->mode & FILE_READ))
		tty_acquire(t, false); /* whoever is no leader, or has one, simply does not get it */
	return 0;
}

static void tty_release(struct file *f)
{
	struct tty_file *tf = tty_file_of(f);
	struct tty *t = tf->tty;
	console_redirect_drop(f);
	spin_lock(&tty_control_lock);
	bool last = --t->open_count == 0;
	spin_unlock(&tty_control_lock);
	if (last) {
		WRITE_ONCE(t->exclusive, false);
		if (t->ops->close)
			t->ops->close(t, f);
	}
	kfree(tf);
	tty_put(t);
}

static ssize_t tty_read(struct file *f, struct uio *to, s64 *pos __unused)
{
	struct tty *t = tty_of(f);
	int err;
	if (tty_file_dead(f) || to->left == 0)
		return 0;
	if (!tty_file_of(f)->is_console) {
		err = tty_check_change(t, SIGTTIN);
		if (err)
			return err;
	}
	if (f->flags & O_NONBLOCK) {
		if (!mutex_trylock(&t->read_mutex))
			return -EAGAIN;
	} else {
		err = mutex_lock_interruptible(&t->read_mutex);
		if (err)
			return err;
	}
	ssize_t n = ldisc_read(t, f, to);
	mutex_unlock(&t->read_mutex);
	if (n > 0 && f->inode)
		inode_touch(f->inode, ATTR_ATIME);
	return n;
}

/* Offers [buf, n) to the device: bytes taken. */
static size_t offer(struct tty *t, const char *buf, size_t n)
{
	u64 flags = spin_lock_irqsave(&t->lock);
	size_t taken = t->flow_stopped ? 0 : ldisc_output(t, buf, n);
	spin_unlock_irqrestore(&t->lock, flags);
	return taken;
}

static bool may_write(struct tty *t) { return !READ_ONCE(t->flow_stopped) && t->ops->write_room(t) >= ROOM_LEAST; }

/* One chunk, sleeping where the device is full: bytes written; *err says why not all. */
static size_t write_chunk(struct tty *t, struct file *f, const char *buf, size_t n, int *err)
{
	size_t done = 0;
	for (;;) {
		if (tty_file_dead(f)) {
			*err = -EIO;
			return done;
		}
		done += offer(t, buf + done, n - done);
		if (done == n)
			return done;
		if (f->flags & O_NONBLOCK)
			*err = -EAGAIN;
		else
			*err = (int)wait_event_interruptible(&t->write_wait, may_write(t) || tty_file_dead(f));
		if (*err)
			return done;
	}
}

static ssize_t tty_write(struct file *f, struct uio *from, s64 *pos)
{
	struct tty *t = tty_of(f);
	struct file *other = tty_file_of(f)->is_console ? console_redirect_get() : NULL;
	if (other) {
		ssize_t n = file_write(other, from, pos);
		file_put(other);
		return n;
	}
	char chunk[WRITE_CHUNK];
	size_t total = 0;
	int err = tty_file_dead(f) ? -EIO : 0;
	if (!err && TTY_L(t, TOSTOP) && !tty_file_of(f)->is_console)
		err = tty_check_change(t, SIGTTOU);
	if (err)
		return err;
	if (f->flags & O_NONBLOCK) {
		if (!mutex_trylock(&t->write_mutex))
			return -EAGAIN;
	} else {
		err = mutex_lock_interruptible(&t->write_mutex);
		if (err)
			return err;
	}
	while (from->left && !err) {
		size_t want = MIN(from->left, sizeof(chunk)), n = uio_read(from, chunk, want);
		if (n == 0) {
			err = -EFAULT;
			break;
		}
		total += write_chunk(t, f, chunk, n, &err);
		if (n < want && !err)
			err = -EFAULT;
	}
	if (err == -EAGAIN)
		atomic_store(&t->tell_room, true);
	mutex_unlock(&t->write_mutex);
	return total ? (ssize_t)total : err;
}

static u32 tty_poll(struct file *f, struct poll_table *pt)
{
	struct tty *t = tty_of(f);
	u32 events = 0;
	poll_wait(pt, f, &t->read_wait);
	poll_wait(pt, f, &t->write_wait);
	if (tty_file_dead(f))
		return POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDNORM | POLLWRNORM;
	if (tty_input_available(t, true))
		events |= POLLIN | POLLRDNORM;
	if (may_write(t))
		events |= POLLOUT | POLLWRNORM;
	return events;
}

static long tty_file_ioctl(struct file *f, u32 cmd, u64 arg)
{
	struct tty *t = tty_of(f);
	if (tty_file_dead(f))
		return cmd == TIOCSPGRP ? -ENOTTY : -EIO;
	if (cmd == TIOCCONS)
		return console_redirect_set(f, tty_file_of(f)->is_console);
	return tty_ioctl(t, f, cmd, arg, false);
}

void tty_hangup(struct tty *t, bool session_ends)
{
	spin_lock(&tty_control_lock);
	struct session *s = t->session;
	struct pgroup *front = t->foreground, *old = NULL;
	t->session = NULL;
	t->foreground = NULL;
	if (s) {
		s->tty = NULL;
		old = s->foreground;
		s->foreground = session_ends ? NULL : front; /* who hears of it if the leader dies later */
		if (s->foreground)
			pgroup_get(s->foreground);
	}
	spin_unlock(&tty_control_lock);

	u64 flags = spin_lock_irqsave(&t->lock);
	t->hangups++;
	tty_flush_input(t);
	if (t->ops->flush_output)
		t->ops->flush_output(t);
	tty_start(t);
	t->packet_status = 0;
	spin_unlock_irqrestore(&t->lock, flags);
	async_forget(&t->async);
	wait_wake_all(&t->read_wait);
	wait_wake_all(&t->write_wait);
	tty_unthrottle(t);

	if (s) {
		spin_lock(&process_tree_lock);
		struct process *leader = s->leader;
		if (leader)
			process_get(leader);
		spin_unlock(&process_tree_lock);
		if (leader) {
			signal_hang_up(leader);
			process_put(leader);
		}
	}
	if (front) {
		if (session_ends)
			signal_send_pgroup(front, SIGHUP, NULL);
		pgroup_put(front);
	}
	if (old)
		pgroup_put(old);
	if (s) {
		session_put(s);
		tty_put(t); /* the session's */
	}
}

/* The foreground group is told, if nobody else was named. */
struct async_list *tty_async(struct tty *t, struct file *f)
{
	int group = 0;

	spin_lock(&tty_control_lock);
	if (t->foreground)
		group = t->foreground->id;
	spin_unlock(&tty_control_lock);
	if (!group || file_default_owner(f, F_OWNER_PGRP, group))
		file_default_owner(f, F_OWNER_PID, current->process->pid);
	return &t->async;
}

static struct async_list *tty_file_async(struct file *f)
{
	return tty_file_dead(f) ? NULL : tty_async(tty_of(f), f);
}

const struct file_ops tty_file_ops = {
	.name = "tty",
	.read = tty_read,
	.write = tty_write,
	.poll = tty_poll,
	.ioctl = tty_file_ioctl,
	.async = tty_file_async,
	.release = tty_release,
};
