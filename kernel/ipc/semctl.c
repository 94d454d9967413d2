/* System V semaphores: semctl and /proc/sysvipc/sem. */
#include "sem_priv.h"

#include "lib/string.h"
#include "mm/slab.h"
#include "proc/proc.h"
#include "syscalls_gen.h"

static long info(int cmd, void __user *buf)
{
	const struct sem_limits *l = &sem_limits;
	struct abi_seminfo i = { .map = 1024000000, .mni = l->mni, .mns = l->mns, .mnu = 1024000000, .msl = l->msl, .opm = l->opm, .ume = 500,
				 .usz = 20, .vmx = SEM_VALUE_MAX, .aem = SEM_VALUE_MAX };

	if (cmd == SEM_INFO) {
		i.usz = ipc_in_use(sem_kind);
		i.aem = atomic_load(&sem_total);
	}
	return copy_to_user(buf, &i, sizeof(i)) ? -EFAULT : ipc_max_index(sem_kind);
}

static long stat(int id, int cmd, void __user *buf)
{
	struct ipc_object *o = cmd == IPC_STAT ? ipc_find_locked(sem_kind, id) : ipc_at_locked(sem_kind, id);
	struct abi_semid_ds ds;

	if (IS_ERR(o))
		return PTR_ERR(o);
	long result = cmd == SEM_STAT_ANY ? 0 : ipc_permission(o, IPC_READ);
	if (!result) {
		memset(&ds, 0, sizeof(ds));
		ipc_fill_perm(o, &ds.perm);
		ds.otime = sem_set_of(o)->operation_time;
		ds.ctime = sem_set_of(o)->change_time;
		ds.nsems = sem_set_of(o)->count;
		result = cmd == IPC_STAT ? 0 : o->id;
	}
	ipc_unlock_put(o);
	if (result >= 0 && copy_to_user(buf, &ds, sizeof(ds)))
		result = -EFAULT;
	return result;
}

static long control(int id, int cmd, const void __user *buf)
{
	struct abi_semid_ds ds;
	struct sem_request *r, *next;

	if (cmd == IPC_SET && copy_from_user(&ds, buf, sizeof(ds)))
		return -EFAULT;
	struct ipc_object *o = ipc_find_locked(sem_kind, id);
	if (IS_ERR(o))
		return PTR_ERR(o);
	struct sem_set *set = sem_set_of(o);
	long err = ipc_may_control(o);
	if (!err && cmd == IPC_SET) {
		err = ipc_set_perm(o, &ds.perm);
		if (!err)
			set->change_time = ipc_seconds();
	}
	bool remove = !err && cmd == IPC_RMID;
	if (remove) {
		o->removed = true;
		list_for_each_safe(r, next, &set->waiting, link) {
			list_del(&r->link);
			r->result = -EIDRM;
			thread_wake(r->thread);
		}
	}
	spin_unlock(&o->lock);
	if (remove)
		ipc_unlist(o);
	ipc_put(o);
	return err;
}

/* --- values -------------------------------------------------------------------------------------------------------- */

/* What processes would give back to this semaphore is void. Lock held. */
static void forget_undo(struct sem_set *set, u32 number)
{
	struct sem_undo *u;
	list_for_each(u, &set->undos, in_set)
		u->adjust[number] = 0;
}

/* Threads that wait for the value to grow, or to become zero. */
static long count_waiting(struct sem_set *set, u32 number, bool zero)
{
	struct sem_request *r;
	long n = 0;

	list_for_each(r, &set->waiting, link)
		n += r->blocked->num == number && (r->blocked->op == 0) == zero;
	return n;
}

static void set_value(struct sem_set *set, u32 number, int value)
{
	set->sems[number].value = value;
	set->sems[number].last_pid = current->process->pid;
	forget_undo(set, number);
}

static long setval(int id, int number, int value)
{
	if (value < 0 || value > SEM_VALUE_MAX)
		return -ERANGE;
	struct ipc_object *o = ipc_find_locked(sem_kind, id);
	if (IS_ERR(o))
		return PTR_ERR(o);
	struct sem_set *set = sem_set_of(o);
	long err = number < 0 || (u32)number >= set->count ? -EINVAL : ipc_permission(o, IPC_WRITE);
	if (!err) {
		set_value(set, number, value);
		set->change_time = ipc_seconds();
		sem_wake(set);
	}
	ipc_unlock_put(o);
	return err;
}

/* GETALL and SETALL: the array is outside of the lock. */
static long all(int id, int cmd, void __user *buf)
{
	struct ipc_object *o = ipc_find_locked(sem_kind, id);

	if (IS_ERR(o))
		return PTR_ERR(o);
	struct sem_set *set = sem_set_of(o);
	long err = ipc_permission(o, cmd == SETALL ? IPC_WRITE : IPC_READ);
	spin_unlock(&o->lock);
	size_t size = set->count * sizeof(u16);
	u16 *values = err ? NULL : kmalloc(size, 0);
	if (!err && !values)
		err = -ENOMEM;
	if (!err && cmd == SETALL) {
		err = copy_from_user(values, buf, size) ? -EFAULT : 0;
		for (u32 i = 0; !err && i < set->count; i++)
			err = values[i] > SEM_VALUE_MAX ? -ERANGE : 0;
	}
	if (err)
		goto out;
	spin_lock(&o->lock);
	if (o->removed) {
		err = -EIDRM;
	} else if (cmd == SETALL) {
		for (u32 i = 0; i < set->count; i++)
			set_value(set, i, values[i]);
		set->change_time = ipc_seconds();
		sem_wake(set);
	} else {
		for (u32 i = 0; i < set->count; i++)
			values[i] = set->sems[i].value;
	}
	spin_unlock(&o->lock);
	if (!err && cmd == GETALL && copy_to_user(buf, values, size))
		err = -EFAULT;
out:
	kfree(values);
	ipc_put(o);
	return err;
}

static long get(int id, int number, int cmd)
{
	struct ipc_object *o = ipc_find_locked(sem_kind, id);

	if (IS_ERR(o))
		return PTR_ERR(o);
	struct sem_set *set = sem_set_of(o);
	long result = ipc_permission(o, IPC_READ);
	if (!result && (number < 0 || (u32)number >= set->count))
		result = -EINVAL;
	if (!result && cmd == GETVAL)
		result = set->sems[number].value;
	else if (!result && cmd == GETPID)
		result = set->sems[number].last_pid;
	else if (!result)
		result = count_waiting(set, number, cmd == GETZCNT);
	ipc_unlock_put(o);
	return result;
}

long sys_semctl(int id, int number, int cmd, unsigned long arg)
{
	void __user *buf = (void __user *)arg;

	if (id < 0)
		return -EINVAL;
	switch (cmd) {
	case IPC_INFO:
	case SEM_INFO:
		return info(cmd, buf);
	case IPC_STAT:
	case SEM_STAT:
	case SEM_STAT_ANY:
		return stat(id, cmd, buf);
	case IPC_SET:
	case IPC_RMID:
		return control(id, cmd, buf);
	case SETVAL:
		return setval(id, number, (int)arg);
	case GETALL:
	case SETALL:
		return all(id, cmd, buf);
	case GETVAL:
	case GETPID:
	case GETNCNT:
	case GETZCNT:
		return get(id, number, cmd);
	}
	return -EINVAL;
}

static void show_set(struct seq *s, struct ipc_object *o)
{
	struct sem_set *set = sem_set_of(o);
	seq_printf(s, "%10d %10d  %4o %10u %5u %5u %5u %5u %10lu %10lu\n", o->key, o->id, o->mode, set->count, o->uid, o->gid, o->cuid, o->cgid,
		   set->operation_time, set->change_time);
}

static int show_sets(struct seq *s)
{
	return ipc_show(s, sem_kind, "       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n", show_set);
}
NODE(sysvipc_sem, .path = "sysvipc/sem", .show = show_sets);
