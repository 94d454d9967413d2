/* System V message queues: between msg.c (sending and receiving) and msgctl.c (making, control, /proc). */
#ifndef IPC_MSG_PRIV_H
#define IPC_MSG_PRIV_H

#include "message_priv.h"
#include "sysv_priv.h"

/* All under object.lock. */
struct msg_queue {
	struct ipc_object object;
	struct list messages;  /* struct message, oldest first */
	struct list receivers; /* struct msg_receiver, by waiter.link: those that found nothing */
	struct list senders;   /* struct msg_sender, by waiter.link: those that found no room */
	u64 bytes, count, max_bytes;
	s64 send_time, receive_time, change_time;
	int last_sender, last_receiver; /* process ids */
};
/* Counted and locked, allowed and there: or ERR_PTR(-EINVAL, -EACCES). */
struct msg_queue *msg_queue_lock(int id, u32 permission);
/* Room came, or the rules changed: senders look again. Lock held. */
void msg_wake_senders(struct msg_queue *q);
/* Everybody who waits gets `why`. Lock held. */
void msg_end_waiting(struct msg_queue *q, long why);
extern struct ipc_kind *const msg_kind;
extern u64 msg_total_bytes, msg_total_count; /* atomic; in all queues */

#endif
