/*
 * The heart of a pipe (ipc/pipe_priv.h has the picture and the invariants): moving bytes in and out of the ring, and who waits for whom.
 *
 * A reader waits while the ring is empty and somebody may still write. A writer waits while there is no room and somebody may still read. Each wakes the
 * other side once for all that it did, before it sleeps or returns.
 *
 * POSIX asks that a write of up to PIPE_BUF bytes, which is a page, is not mixed with others: it waits until all of it has room, and goes in under one hold
 * of the lock.
 */
#include "pipe_priv.h"

#include "abi/errno.h"
#include "core/todo.h"
#include "lib/string.h"


ssize_t pipe_write(struct pipe *p, struct uio *from, bool nonblock, bool packets)
{
	TODO("09-ipc");
}

ssize_t pipe_read(struct pipe *p, struct uio *to, bool nonblock)
{
	TODO("09-ipc");
}

u32 pipe_events(const struct pipe *p, bool read_end, bool write_end)
{
	TODO("09-ipc");
}
