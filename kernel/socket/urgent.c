/* SIGURG: the owner of a socket (F_SETOWN) hears of urgent data. */
#include "socket/socket.h"

#include "core/atomic.h"

void socket_tell_urgent(struct spinlock *lock, struct socket **s)
{
	struct async_list *async = NULL;
	struct file *f = NULL;

	/* The file of a socket is there for as long as the socket has it; one that is just being closed needs no signal. */
	spin_lock(lock);
	if (*s) {
		f = READ_ONCE((*s)->file);
		async = (*s)->async;
	}
	if (f && !refcount_get_unless_zero(&f->ref))
		f = NULL;
	spin_unlock(lock);
	if (!f)
		return;
	file_tell_urgent(f);
	if (async)
		async_notify(async, POLL_PRI, ASYNC_BOTH);
	file_put(f);
}
