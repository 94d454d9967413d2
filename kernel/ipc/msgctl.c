/* System V message queues: msgget, msgctl, /proc/sysvipc/msg. */
#include "msg_priv.h"

#include "lib/string.h"
#include "mm/slab.h"
#include "proc/cred.h"
#include "syscalls_gen.h"

/* What IPC_INFO tells of limits that nothing here has. */
#define MSG_SEGMENT 16
#define MSG_POOL (32000 * 16384 / 1024)

static void free_queue(struct ipc_object *o);
IPC_KIND(queues, limit_msgmni, free_queue);
struct ipc_kind *const msg_kind = &queues;

static struct msg_queue *of(struct ipc_object *o) { return container_of(o, struct msg_queue, object); }

static struct ipc_object *make_queue(const struct ipc_get *g, s32 key __unused)
{
	struct msg_queue *q = kzalloc(sizeof(*q), 0);

	if (!q)
		return ERR_PTR(-ENOMEM);
	ipc_object_init(&q->object, &queues, g->flags);
	list_init(&q->messages);
	list_init(&q->receivers);
	list_init(&q->senders);
	q->max_bytes = READ_ONCE(limit_msgmnb.value);
	q->change_time = ipc_seconds();
	return &q->object;
}

/* Nobody knows it any more. */
static void free_queue(struct ipc_object *o)
{
	struct msg_queue *q = of(o);

	while (!list_empty(&q->messages)) {
		struct message *m = list_first(&q->messages, struct message, link);
		list_del(&m->link);
		atomic_fetch_sub(&msg_total_bytes, m->size);
		atomic_fetch_sub(&msg_total_count, 1ul);
		message_free(m);
	}
	kfree(q);
}

long sys_msgget(int key, int flags)
{
	struct ipc_get g = { .flags = flags, .make = make_queue };
	return ipc_get(&queues, key, &g);
}

static long info(int cmd, void __user *buf)
{
	struct abi_msginfo i = { .pool = MSG_POOL, .map = 16384, .max = limit_msgmax.value, .mnb = limit_msgmnb.value, .mni = limit_msgmni.value,
				 .ssz = MSG_SEGMENT, .tql = 16384, .seg = UINT16_MAX };

	if (cmd == MSG_INFO) {
		i.pool = ipc_in_use(&queues);
		i.map = atomic_load(&msg_total_count);
		i.tql = atomic_load(&msg_total_bytes);
	}
	return copy_to_user(buf, &i, sizeof(i)) ? -EFAULT : ipc_max_index(&queues);
}

static long stat(int id, int cmd, void __user *buf)
{
	struct ipc_object *o = cmd == IPC_STAT ? ipc_find_locked(&queues, id) : ipc_at_locked(&queues, id);
	struct abi_msqid_ds ds;

	if (IS_ERR(o))
		return PTR_ERR(o);
	long result = cmd == MSG_STAT_ANY ? 0 : ipc_permission(o, IPC_READ);
	if (!result) {
		struct msg_queue *q = of(o);
		memset(&ds, 0, sizeof(ds));
		ipc_fill_perm(o, &ds.perm);
		ds.stime = q->send_time;
		ds.rtime = q->receive_time;
		ds.ctime = q->change_time;
		ds.cbytes = q->bytes;
		ds.qnum = q->count;
		ds.qbytes = q->max_bytes;
		ds.lspid = q->last_sender;
		ds.lrpid = q->last_receiver;
		result = cmd == IPC_STAT ? 0 : o->id;
	}
	ipc_unlock_put(o);
	if (result >= 0 && copy_to_user(buf, &ds, sizeof(ds)))
		result = -EFAULT;
	return result;
}

static long set(struct msg_queue *q, const struct abi_msqid_ds *ds)
{
	if (ds->qbytes > READ_ONCE(limit_msgmnb.value) && !capable(CAP_SYS_RESOURCE))
		return -EPERM;
	int err = ipc_set_perm(&q->object, &ds->perm);
	if (err)
		return err;
	q->max_bytes = ds->qbytes;
	q->change_time = ipc_seconds();
	/* Who waits may not be allowed to any more, or may find room now. */
	struct ipc_waiter *w, *next;
	list_for_each_safe(w, next, &q->receivers, link)
		ipc_wake(w, -EAGAIN);
	msg_wake_senders(q);
	return 0;
}

static long control(int id, int cmd, const void __user *buf)
{
	struct abi_msqid_ds ds;

	if (cmd == IPC_SET && copy_from_user(&ds, buf, sizeof(ds)))
		return -EFAULT;
	struct ipc_object *o = ipc_find_locked(&queues, id);
	if (IS_ERR(o))
		return PTR_ERR(o);
	long err = ipc_may_control(o);
	if (!err && cmd == IPC_SET)
		err = set(of(o), &ds);
	bool remove = !err && cmd == IPC_RMID;
	if (remove) {
		o->removed = true;
		msg_end_waiting(of(o), -EIDRM);
	}
	spin_unlock(&o->lock);
	if (remove)
		ipc_unlist(o);
	ipc_put(o);
	return err;
}

long sys_msgctl(int id, int cmd, void __user *buf)
{
	if (id < 0 || cmd < 0)
		return -EINVAL;
	switch (cmd) {
	case IPC_INFO:
	case MSG_INFO:
		return info(cmd, buf);
	case IPC_STAT:
	case MSG_STAT:
	case MSG_STAT_ANY:
		return stat(id, cmd, buf);
	case IPC_SET:
	case IPC_RMID:
		return control(id, cmd, buf);
	}
	return -EINVAL;
}

static void show_queue(struct seq *s, struct ipc_object *o)
{
	struct msg_queue *q = of(o);
	seq_printf(s, "%10d %10d  %4o  %10lu %10lu %5u %5u %5u %5u %5u %5u %10lu %10lu %10lu\n", o->key, o->id, o->mode, q->bytes, q->count, q->last_sender,
		   q->last_receiver, o->uid, o->gid, o->cuid, o->cgid, q->send_time, q->receive_time, q->change_time);
}

static int show_queues(struct seq *s)
{
	return ipc_show(s, &queues, "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid      stime      rtime      ctime\n",
			show_queue);
}
NODE(sysvipc_msg, .path = "sysvipc/msg", .show = show_queues);
