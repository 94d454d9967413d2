/* A message while it is in the kernel: of System V queues and of POSIX ones. Large ones are in pieces, so that no large block of memory is asked for. */
#ifndef IPC_MESSAGE_PRIV_H
#define IPC_MESSAGE_PRIV_H

#include "ipc_priv.h"
#include "lib/rbtree.h"

struct message_part {
	struct message_part *next;
	u8 data[];
};
struct message {
	union {           /* the queue's lock */
		struct list link;    /* System V */
		struct rbnode node;  /* POSIX */
	};
	long type;        /* System V: type; POSIX: priority */
	size_t size;
	struct message_part first; /* last: its data follow */
};
/* A copy of n bytes of the caller's memory; ERR_PTR(-EFAULT, -ENOMEM). */
struct message *message_load(const void __user *from, size_t n);
/* One of n bytes, contents undefined; ERR_PTR(-ENOMEM). */
struct message *message_alloc(size_t n);
/* Type, size and contents of src, which is not longer than dst. No sleep. */
void message_copy(struct message *dst, const struct message *src);
/* The first n bytes to the caller: 0 or -EFAULT. */
int message_store(void __user *to, const struct message *m, size_t n);
void message_free(struct message *m);

#endif
