/*
 * A pipe: a ring of pages between writers and readers.
 *
 *        tail                          head
 *         v                             v
 *   ... [ss##] [####] [####] [##__]  ( ) ...       s: read already, #: data, _: room for more
 *
 * Slot i lies at slots[i % slot_count]; slots tail … head-1 hold data. The counters run on and wrap by themselves.
 *
 * Invariants (all under `lock`):
 * 1. head - tail <= slot_count - reserved; a slot in use has a page and len > 0, and start + len <= PAGE_SIZE.
 * 2. `readers` and `writers` count open ends. With no writers an empty pipe is at its end; with no readers a write is EPIPE.
 */
#ifndef IPC_PIPE_PRIV_H
#define IPC_PIPE_PRIV_H

#include "file/async.h"
#include "ipc/ipc.h"
#include "mm/layout.h"

#define PIPE_BUF 4096u /* a write of up to this many bytes is not mixed with others */
#define PIPE_SLOTS_DEFAULT 16u
#define PIPE_SLOTS_CROWDED 2u /* of one whose user has many */
#define PIPE_READABLE ((void *)(u64)(POLLIN | POLLRDNORM))
#define PIPE_WRITABLE ((void *)(u64)(POLLOUT | POLLWRNORM))

struct pipe_slot {
	char *page;
	u32 start, len;
	bool packet; /* O_DIRECT: a read takes it whole or cuts it; nothing is added to it */
};
struct pipe {
	struct mutex lock;
	struct pipe_slot *slots; /* lock */
	u32 slot_count;          /* lock; a power of two */
	u32 head, tail;          /* lock; poll reads them without */
	u32 reserved;            /* lock; slots kept free for what splice may have to put back */
	u32 readers, writers;    /* lock; poll reads them without */
	struct wait_queue data;  /* readers wait for data or the end */
	struct wait_queue space; /* writers wait for room or EPIPE */
	char *spare;             /* lock; a page kept for the next write */
	/* FIFOs: opens so far, which is what a blocking open waits for; files on it: fifo_mutex */
	u32 reader_opens, writer_opens;
	struct wait_queue opened;
	u32 files;
	struct async_list async; /* either end */
	struct user_account *user; /* counted; has slot_count pages on its account. NULL: the kernel made it */
};

/* Student's (ipc/pipe.c). Bytes, or -EAGAIN, -EFAULT, -ENOMEM, -EPIPE (the caller sends SIGPIPE), -ERESTARTSYS. */
ssize_t pipe_read(struct pipe *p, struct uio *to, bool nonblock);
ssize_t pipe_write(struct pipe *p, struct uio *from, bool nonblock, bool packets);
/* What poll says of one end or both; no lock. */
u32 pipe_events(const struct pipe *p, bool read_end, bool write_end);

/* Given (ipc/pipe_file.c), lock held. */
char *pipe_page_get(struct pipe *p); /* NULL: memory is short */
void pipe_page_put(struct pipe *p, char *page);

static inline u32 pipe_used(const struct pipe *p) { return READ_ONCE(p->head) - READ_ONCE(p->tail); }
static inline struct pipe_slot *pipe_slot(const struct pipe *p, u32 i) { return &p->slots[i & (p->slot_count - 1)]; }
/* Slots that may be filled. */
static inline u32 pipe_free_slots(const struct pipe *p) { return p->slot_count - MIN(pipe_used(p) + p->reserved, p->slot_count); }

/* For who moves data past pipe_read and pipe_write: there is data, there is room. */
static inline void pipe_tell_data(struct pipe *p)
{
	wait_wake_all(&p->data);
	async_notify(&p->async, POLL_IN, FILE_READ);
}
static inline void pipe_tell_space(struct pipe *p)
{
	wait_wake_all(&p->space);
	async_notify(&p->async, POLL_OUT, FILE_WRITE);
}

struct pipe *pipe_of(struct file *f); /* NULL: not a pipe or FIFO */
/* As pipe_read, but it heeds no bounds of packets, and takes nothing when a signal is there. (tee.c) */
ssize_t pipe_take(struct pipe *p, struct uio *to, bool nonblock);
int pipe_broken(void);                /* SIGPIPE to current: -EPIPE */
/*
 * Lock held: sleeps on q with the lock dropped: 0, or -ERESTARTSYS. No wake-up is lost: the queue is entered before the lock is dropped.
 * A writer with `left` bytes to place (a reader passes 0) is only woken when there is room for all of them, or for half a ring: not for each page that a
 * reader takes.
 */
int pipe_sleep(struct pipe *p, struct wait_queue *q, size_t left);

#endif
