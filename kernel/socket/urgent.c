/* SIGURG: urgent data came for a socket, and the owner of its file (F_SETOWN) hears of it. */
#include "socket/socket.h"

#include "core/atomic.h"
#include "file/file.h"
#include "proc/proc.h"
#include "proc/signal.h"

static void signal_owner(const struct file_owner *o)
{
	struct process *p;
	struct thread *t;
	struct pgroup *g;

	switch (o->type) {
	case F_OWNER_TID:
		t = thread_find(o->id);
		if (t) {
			signal_send_thread(t, SIGURG, NULL);
			thread_put(t);
		}
		break;
	case F_OWNER_PID:
		p = process_find(o->id);
		if (p) {
			signal_send_process(p, SIGURG, NULL);
			process_put(p);
		}
		break;
	default:
		g = pgroup_find(o->id);
		if (g) {
			signal_send_pgroup(g, SIGURG, NULL);
			pgroup_put(g);
		}
	}
}

void socket_tell_urgent(struct spinlock *lock, struct socket **s)
{
	struct file_owner owner = { 0 };
	struct file *f = NULL;

	/* The file of a socket is there for as long as the socket has it; one that is just being closed needs no signal. */
	spin_lock(lock);
	if (*s)
		f = READ_ONCE((*s)->file);
	if (f && !refcount_get_unless_zero(&f->ref))
		f = NULL;
	spin_unlock(lock);
	if (!f)
		return;
	spin_lock(&f->lock);
	if (f->owner)
		owner = *f->owner;
	spin_unlock(&f->lock);
	file_put(f);
	if (owner.id)
		signal_owner(&owner);
}
