/* System V semaphores: semget, and semop around the mechanism (semaphore.c). */
#include "sem_priv.h"

#include "mm/slab.h"
#include "proc/proc.h"
#include "syscalls_gen.h"

#define OPS_ON_STACK 16

u32 sem_total;

static void free_set(struct ipc_object *o);
IPC_KIND(sets, limit_semmni, free_set);
struct ipc_kind *const sem_kind = &sets;

static struct ipc_object *make_set(const struct ipc_get *g, s32 key __unused)
{
	if (!g->size)
		return ERR_PTR(-EINVAL);
	if (atomic_load(&sem_total) + g->size > (u64)READ_ONCE(sem_limits.mns))
		return ERR_PTR(-ENOSPC);
	struct sem_set *set = kzalloc(sizeof(*set), 0);
	if (!set)
		return ERR_PTR(-ENOMEM);
	set->sems = kzalloc(g->size * sizeof(*set->sems), 0);
	if (!set->sems) {
		kfree(set);
		return ERR_PTR(-ENOMEM);
	}
	ipc_object_init(&set->object, &sets, g->flags);
	set->count = g->size;
	list_init(&set->waiting);
	list_init(&set->undos);
	set->change_time = ipc_seconds();
	atomic_fetch_add(&sem_total, set->count);
	return &set->object;
}

static void free_set(struct ipc_object *o)
{
	struct sem_set *set = sem_set_of(o);

	atomic_fetch_sub(&sem_total, set->count);
	kfree(set->sems);
	kfree(set);
}

static int check_size(const struct ipc_object *o, const struct ipc_get *g)
{
	return g->size > container_of(o, struct sem_set, object)->count ? -EINVAL : 0;
}

long sys_semget(int key, int nsems, int flags)
{
	struct ipc_get g = { .flags = flags, .make = make_set, .check = check_size, .size = nsems };

	if (nsems < 0 || nsems > READ_ONCE(sem_limits.msl))
		return -EINVAL;
	return ipc_get(&sets, key, &g);
}

/* --- semop --------------------------------------------------------------------------------------------------------- */

static long operate(int id, struct sem_request *r, u64 deadline)
{
	bool undo = false;
	u32 highest = 0;

	for (u32 i = 0; i < r->count; i++) {
		highest = MAX(highest, r->ops[i].num);
		undo |= r->ops[i].flags & SEM_UNDO;
		r->changes |= r->ops[i].op != 0;
	}
	struct ipc_object *o = ipc_find(&sets, id);
	if (!o)
		return -EINVAL;
	struct sem_set *set = sem_set_of(o);
	long err = highest >= set->count ? -EFBIG : 0;
	if (!err && undo) {
		r->undo = sem_undo_get(set);
		if (IS_ERR(r->undo))
			err = PTR_ERR(r->undo);
	}
	if (err)
		goto put;
	spin_lock(&o->lock);
	err = ipc_permission(o, r->changes ? IPC_WRITE : IPC_READ);
	if (!err && o->removed)
		err = -EIDRM;
	if (!err)
		err = sem_operate(set, r, deadline);
	if (!err)
		set->operation_time = ipc_seconds();
	spin_unlock(&o->lock);
put:
	ipc_put(o);
	return err;
}

long sys_semtimedop(int id, const void __user *uops, unsigned count, const void __user *timeout)
{
	struct abi_sembuf few[OPS_ON_STACK], *ops = few;
	struct sem_request r = { .count = count, .pid = current->process->pid };
	u64 deadline = TIME_NEVER, ns = 0;
	struct abi_timespec ts;
	bool bad_time = false;

	if (timeout) {
		if (copy_from_user(&ts, timeout, sizeof(ts)))
			return -EFAULT;
		bad_time = timespec_ns(&ts, &ns);
	}
	if (count > (u32)READ_ONCE(sem_limits.opm))
		return -E2BIG;
	if (count < 1)
		return -EINVAL;
	if (count > OPS_ON_STACK) {
		ops = kmalloc(count * sizeof(*ops), 0);
		if (!ops)
			return -ENOMEM;
	}
	long err = copy_from_user(ops, uops, count * sizeof(*ops)) ? -EFAULT : id < 0 || bad_time ? -EINVAL : 0;
	if (!err) {
		if (timeout)
			deadline = deadline_after(ns);
		r.ops = ops;
		err = operate(id, &r, deadline);
	}
	if (ops != few)
		kfree(ops);
	return err;
}

long sys_semop(int id, const void __user *ops, unsigned count)
{
	return sys_semtimedop(id, ops, count, NULL);
}
