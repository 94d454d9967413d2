/*
 * Who changes a file system, and how it becomes read-only under them.
 *
 *     path_want_write ──► gate of the mount ──► gate of its file system ──► change names, attributes, contents ──► path_done_write
 *                         (remount,bind,ro)      (remount,ro)
 *
 * Every change goes through both gates, and a file that is open for writing stays inside until it is closed. A gate counts who is inside. It is passed all
 * the time, mostly the same few gates by all CPUs, so each CPU counts for itself, and only the sum means something:
 *
 *     GATE_OPEN   who comes may pass. Passing is one section of a grace period: it saw the gate open, and was counted
 *     GATE_HELD   who comes waits. After a grace period all are counted who saw it open; from then on there are only departures, so each count is
 *                 read too early at worst, and a sum of 0 says that nobody is inside
 *     GATE_SHUT   nobody was: who comes gets -EROFS, while the file system writes back what it still holds. It is opened when MS_RDONLY says the same
 *
 * Nobody waits at a gate for long: its holder needs no lock between GATE_HELD and what follows. A file system that goes read-only because it is damaged
 * asks nobody: it sets MS_RDONLY, and who is inside meets its errors.
 */
#include "vfs_priv.h"
#include "core/panic.h"
#include "mm/slab.h"

static WAIT_QUEUE(gate_wait);

int write_gate_init(struct write_gate *g)
{
	g->inside = kzalloc(cpu_count * sizeof(*g->inside), 0);
	return g->inside ? 0 : -ENOMEM;
}

void write_gate_destroy(struct write_gate *g)
{
	kfree(g->inside);
}

int path_may_write(const struct path *p)
{
	return (READ_ONCE(p->mount->flags) | READ_ONCE(p->dentry->sb->flags)) & MS_RDONLY ? -EROFS : 0;
}

/* Preemption is off, and no interrupt counts. */
static void count(struct write_gate *g, s64 n)
{
	u64 *here = &g->inside[cpu_id()].n;

	WRITE_ONCE(*here, *here + (u64)n);
}

static void count_both(const struct path *p, s64 n)
{
	count(&p->mount->gate, n);
	count(&p->dentry->sb->gate, n);
}

/* The stricter of the two. */
static enum write_gate_state state_of(const struct path *p)
{
	return MAX(READ_ONCE(p->mount->gate.state), READ_ONCE(p->dentry->sb->gate.state));
}

int path_want_write(const struct path *p)
{
	enum write_gate_state state;
	int err;

	for (;;) {
		grace_enter();
		state = state_of(p);
		err = state == GATE_SHUT ? -EROFS : path_may_write(p);
		if (likely(!err && state == GATE_OPEN))
			count_both(p, 1);
		grace_exit();
		if (likely(err || state == GATE_OPEN))
			return err;
		wait_event(&gate_wait, state_of(p) != GATE_HELD);
	}
}

void path_done_write(const struct path *p)
{
	preempt_disable();
	count_both(p, -1);
	preempt_enable();
}

static void set(struct write_gate *g, enum write_gate_state state)
{
	WRITE_ONCE(g->state, state);
	wait_wake_all(&gate_wait);
}

int write_gate_shut(struct write_gate *g)
{
	u64 inside = 0;

	ASSERT(g->state == GATE_OPEN);
	set(g, GATE_HELD);
	grace_wait();
	for (u32 i = 0; i < cpu_count; i++)
		inside += READ_ONCE(g->inside[i].n);
	set(g, inside ? GATE_OPEN : GATE_SHUT);
	return inside ? -EBUSY : 0;
}

void write_gate_open(struct write_gate *g)
{
	set(g, GATE_OPEN);
}
