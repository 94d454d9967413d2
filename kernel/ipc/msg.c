/*
 * System V message queues: msgsnd and msgrcv.
 *
 * A message goes straight to the first receiver that waits for one like it; else it is queued. A receiver that finds nothing waits with what it looks for;
 * a sender that finds no room waits with its message's size, and tries again when room comes: a receiver may be faster, so being woken promises nothing.
 */
#include "msg_priv.h"

#include "core/atomic.h"
#include "proc/proc.h"
#include "syscalls_gen.h"

/* Which messages a receiver takes. */
enum search { SEARCH_ANY, SEARCH_EQUAL, SEARCH_NOT_EQUAL, SEARCH_LOWEST /* of those up to type */, SEARCH_NUMBER /* MSG_COPY: by position */ };

struct msg_receiver {
	struct ipc_waiter waiter; /* result: 0 with the message, or -errno */
	enum search search;
	long type;
	size_t room;              /* it takes no longer one: E2BIG */
	int pid;
	struct message *message;
};
struct msg_sender {
	struct ipc_waiter waiter; /* result 0: try again */
	size_t size;
};

u64 msg_total_bytes, msg_total_count;

static bool fits(const struct msg_queue *q, size_t size)
{
	return size + q->bytes <= q->max_bytes && 1 + q->count <= q->max_bytes;
}

static bool matches(const struct message *m, enum search search, long type)
{
	switch (search) {
	case SEARCH_EQUAL:
		return m->type == type;
	case SEARCH_NOT_EQUAL:
		return m->type != type;
	case SEARCH_LOWEST:
		return m->type <= type;
	default:
		return true;
	}
}

void msg_wake_senders(struct msg_queue *q)
{
	struct msg_sender *s, *next;

	list_for_each_safe(s, next, &q->senders, waiter.link)
		if (fits(q, s->size))
			ipc_wake(&s->waiter, 0);
}

void msg_end_waiting(struct msg_queue *q, long why)
{
	struct msg_receiver *r, *next_receiver;
	struct msg_sender *s, *next_sender;

	list_for_each_safe(r, next_receiver, &q->receivers, waiter.link)
		ipc_wake(&r->waiter, why);
	list_for_each_safe(s, next_sender, &q->senders, waiter.link)
		ipc_wake(&s->waiter, why);
}

struct msg_queue *msg_queue_lock(int id, u32 permission)
{
	struct ipc_object *o = ipc_find_locked(msg_kind, id);

	if (IS_ERR(o))
		return (struct msg_queue *)o;
	int err = ipc_permission(o, permission);
	if (err) {
		ipc_unlock_put(o);
		return ERR_PTR(err);
	}
	return container_of(o, struct msg_queue, object);
}

/* --- sending ------------------------------------------------------------------------------------------------------- */

/* Gives m to a receiver that waits for it: true. Those that find it too long get an error and wait no more. Lock held. */
static bool hand_over(struct msg_queue *q, struct message *m)
{
	struct msg_receiver *r, *next;

	list_for_each_safe(r, next, &q->receivers, waiter.link) {
		if (!matches(m, r->search, r->type))
			continue;
		if (r->room < m->size) {
			ipc_wake(&r->waiter, -E2BIG);
			continue;
		}
		q->last_receiver = r->pid;
		q->receive_time = ipc_seconds();
		r->message = m;
		ipc_wake(&r->waiter, 0);
		return true;
	}
	return false;
}

static void deliver(struct msg_queue *q, struct message *m)
{
	q->last_sender = current->process->pid;
	q->send_time = ipc_seconds();
	if (hand_over(q, m))
		return;
	list_add_tail(&q->messages, &m->link);
	q->bytes += m->size;
	q->count++;
	atomic_fetch_add(&msg_total_bytes, m->size);
	atomic_fetch_add(&msg_total_count, 1ul);
}

static long send(int id, struct message *m, int flags)
{
	struct msg_queue *q = msg_queue_lock(id, IPC_WRITE);
	long err = 0;

	if (IS_ERR(q))
		return PTR_ERR(q);
	while (!fits(q, m->size)) {
		struct msg_sender s = { .size = m->size };
		err = -EAGAIN;
		if (flags & IPC_NOWAIT)
			goto out;
		ipc_waiter_init(&s.waiter);
		list_add_tail(&q->senders, &s.waiter.link);
		err = ipc_wait(&q->object.lock, &s.waiter, TIME_NEVER);
		if (err == -ERESTARTSYS)
			err = -ERESTARTNOHAND;
		if (!err && q->object.removed)
			err = -EIDRM;
		if (!err)
			err = ipc_permission(&q->object, IPC_WRITE);
		if (err)
			goto out;
	}
	deliver(q, m);
out:
	ipc_unlock_put(&q->object);
	return err;
}

long sys_msgsnd(int id, const void __user *buf, size_t size, int flags)
{
	struct message *m;
	u64 type;

	if (get_user_u64(&type, buf))
		return -EFAULT;
	if (size > READ_ONCE(limit_msgmax.value) || id < 0 || (long)type < 1)
		return -EINVAL;
	m = message_load((const u8 __user *)buf + sizeof(type), size);
	if (IS_ERR(m))
		return PTR_ERR(m);
	m->type = type;
	long err = send(id, m, flags);
	if (err)
		message_free(m);
	return err;
}

/* --- receiving ----------------------------------------------------------------------------------------------------- */

static enum search search_of(long *type, int flags)
{
	if (flags & MSG_COPY)
		return SEARCH_NUMBER;
	if (*type == 0)
		return SEARCH_ANY;
	if (*type < 0) {
		*type = *type == INT64_MIN ? INT64_MAX : -*type;
		return SEARCH_LOWEST;
	}
	return flags & MSG_EXCEPT ? SEARCH_NOT_EQUAL : SEARCH_EQUAL;
}

/* Lock held. NULL: there is none. */
static struct message *find(struct msg_queue *q, enum search search, long type)
{
	struct message *m, *best = NULL;
	long number = 0;

	list_for_each(m, &q->messages, link) {
		if (search == SEARCH_NUMBER ? number++ != type : !matches(m, search, type))
			continue;
		if (search != SEARCH_LOWEST)
			return m;
		if (!best || m->type < best->type)
			best = m;
	}
	return best;
}

static void take(struct msg_queue *q, struct message *m)
{
	list_del(&m->link);
	q->count--;
	q->bytes -= m->size;
	q->receive_time = ipc_seconds();
	q->last_receiver = current->process->pid;
	atomic_fetch_sub(&msg_total_bytes, m->size);
	atomic_fetch_sub(&msg_total_count, 1ul);
	msg_wake_senders(q);
}

/* The message, which is the caller's, or ERR_PTR. `copy` is what MSG_COPY fills instead, NULL without it. */
static struct message *receive(int id, size_t room, long type, int flags, struct message *copy)
{
	enum search search = search_of(&type, flags);
	struct msg_queue *q = msg_queue_lock(id, IPC_READ);
	long err;

	if (IS_ERR(q))
		return (struct message *)q;
	for (;;) {
		struct message *m = find(q, search, type);
		if (m) {
			err = room < m->size && !(flags & MSG_NOERROR) ? -E2BIG : 0;
			if (!err && copy && m->size > copy->size)
				err = -EINVAL;
			if (err)
				goto out;
			if (copy) {
				message_copy(copy, m);
				m = copy;
			} else {
				take(q, m);
			}
			ipc_unlock_put(&q->object);
			return m;
		}
		err = -ENOMSG;
		if (flags & IPC_NOWAIT)
			goto out;
		struct msg_receiver r = { .search = search, .type = type, .room = flags & MSG_NOERROR ? SIZE_MAX : room, .pid = current->process->pid };
		ipc_waiter_init(&r.waiter);
		list_add_tail(&q->receivers, &r.waiter.link);
		err = ipc_wait(&q->object.lock, &r.waiter, TIME_NEVER);
		if (!err) {
			ipc_unlock_put(&q->object);
			return r.message;
		}
		if (err != -EAGAIN) /* that one means: look again, the rules have changed */
			goto out;
		err = q->object.removed ? -EIDRM : ipc_permission(&q->object, IPC_READ);
		if (err)
			goto out;
	}
out:
	ipc_unlock_put(&q->object);
	return ERR_PTR(err == -ERESTARTSYS ? -ERESTARTNOHAND : err);
}

long sys_msgrcv(int id, void __user *buf, size_t size, long type, int flags)
{
	struct message *m, *copy = NULL;

	if (id < 0 || (ssize_t)size < 0)
		return -EINVAL;
	if (flags & MSG_COPY) {
		if (flags & MSG_EXCEPT || !(flags & IPC_NOWAIT))
			return -EINVAL;
		copy = message_load(buf, MIN(size, READ_ONCE(limit_msgmax.value))); /* only its place matters, but a bad pointer is told here */
		if (IS_ERR(copy))
			return PTR_ERR(copy);
	}
	m = receive(id, size, type, flags, copy);
	if (IS_ERR(m)) {
		if (copy)
			message_free(copy);
		return PTR_ERR(m);
	}
	/* A bad pointer is found when the message has left the queue: it is lost, as on Linux. */
	size_t n = MIN(size, m->size);
	long result = put_user_u64(m->type, buf) || message_store((u8 __user *)buf + sizeof(u64), m, n) ? -EFAULT : (long)n;
	message_free(m);
	return result;
}
