/* The pair of a pseudo-terminal: the slave's device side, creation and end. */
#include "tty/pty_priv.h"
#include "abi/stat.h"
#include "lib/string.h"
#include "mm/slab.h"

static size_t slave_write(struct tty *t, const char *buf, size_t n)
{
	struct pty *p = pty_of(t);
	if (!p->master_open)
		return n; /* nobody listens */
	size_t take = MIN(n, (size_t)(PTY_RING - (p->head - p->tail)));
	for (size_t done = 0; done < take;) {
		u32 at = (p->head + (u32)done) % PTY_RING;
		size_t run = MIN(take - done, (size_t)(PTY_RING - at));
		memcpy(p->ring + at, buf + done, run);
		done += run;
	}
	WRITE_ONCE(p->head, p->head + (u32)take);
	if (take) {
		wait_wake(&p->master_wait, ~0u, (void *)(uintptr_t)(POLLIN | POLLRDNORM));
		tty_tell(t, TTY_TELL_MASTER_IN);
	}
	return take;
}

static size_t slave_write_room(struct tty *t)
{
	struct pty *p = pty_of(t);
	return READ_ONCE(p->master_open) ? PTY_RING - (READ_ONCE(p->head) - READ_ONCE(p->tail)) : PTY_RING;
}

static int slave_open(struct tty *t, struct file *f __unused)
{
	struct pty *p = pty_of(t);
	u64 flags = spin_lock_irqsave(&t->lock);
	int err = !p->master_open || p->locked ? -EIO : 0;
	if (!err)
		p->slave_closed = false;
	spin_unlock_irqrestore(&t->lock, flags);
	return err;
}

static void slave_close(struct tty *t, struct file *f __unused)
{
	struct pty *p = pty_of(t);
	u64 flags = spin_lock_irqsave(&t->lock);
	p->slave_closed = true;
	spin_unlock_irqrestore(&t->lock, flags);
	wait_wake_all(&p->master_wait);
}

static void slave_throttle(struct tty *t, bool on)
{
	struct pty *p = pty_of(t);
	if (on)
		return;
	wait_wake(&p->master_wait, ~0u, (void *)(uintptr_t)(POLLOUT | POLLWRNORM));
	if (READ_ONCE(p->tell_room) && atomic_xchg(&p->tell_room, false))
		tty_tell(t, TTY_TELL_MASTER_OUT);
}

static void slave_flush_output(struct tty *t)
{
	struct pty *p = pty_of(t);
	u32 before = p->typed_at - p->tail, pending = p->head - p->tail;
	/* What was there before the key that flushes was typed has reached the master; a mark behind the tail has nothing before it. */
	WRITE_ONCE(p->head, p->tail + (before <= pending ? MIN(before, MASTER_TAKES) : 0));
	if (t->ops->flushed)
		t->ops->flushed(t, PKT_FLUSHWRITE);
	tty_wake_writers(t);
}

static void slave_flushed(struct tty *t, u8 status)
{
	struct pty *p = pty_of(t);
	if (!t->packet)
		return;
	u8 opposite = status == PKT_STOP ? PKT_START : status == PKT_START ? PKT_STOP : status == PKT_DOSTOP ? PKT_NOSTOP : status == PKT_NOSTOP ? PKT_DOSTOP : 0;
	t->packet_status = (u8)((t->packet_status & ~opposite) | status);
	wait_wake(&p->master_wait, ~0u, (void *)(uintptr_t)(POLLIN | POLLRDNORM | POLLPRI));
}

static void pty_destroy(struct tty *t)
{
	struct pty *p = pty_of(t);
	work_flush(&t->deferred_work);
	if (p->mount)
		mount_put(p->mount);
	kfree(p->ring);
	kfree(p);
}

struct pty *pty_create(void)
{
	struct pty *p = kzalloc(sizeof(*p), 0);
	char *ring = kmalloc(PTY_RING, 0);
	if (!p || !ring) {
		kfree(p);
		kfree(ring);
		return ERR_PTR(-ENOMEM);
	}
	tty_init(&p->slave, p->name, 0, &pty_slave_ops, p);
	p->slave.termios.cflag = B38400 | CS8 | CREAD;
	p->slave.is_pty = true;
	p->ring = ring;
	p->master_open = true;
	p->locked = true;
	wait_queue_init(&p->master_wait);
	return p;
}

void pty_master_gone(struct pty *p)
{
	u64 flags = spin_lock_irqsave(&p->slave.lock);
	p->master_open = false;
	spin_unlock_irqrestore(&p->slave.lock, flags);
	tty_hangup(&p->slave, false);
}

const struct tty_ops pty_slave_ops = {
	.write = slave_write,
	.write_room = slave_write_room,
	.open = slave_open,
	.close = slave_close,
	.throttle = slave_throttle,
	.flush_output = slave_flush_output,
	.flushed = slave_flushed,
	.destroy = pty_destroy,
};
