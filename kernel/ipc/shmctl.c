/* System V shared memory: shmctl and /proc/sysvipc/shm. */
#include "shm_priv.h"

#include "lib/string.h"
#include "proc/cred.h"
#include "syscalls_gen.h"
#include "vfs/vfs.h"

/* Pages that were touched. */
static u64 resident(const struct shm_segment *s)
{
	return READ_ONCE(s->memory->inode->cache.pages.count);
}

static long limits(void __user *buf)
{
	struct abi_shminfo i = { .max = limit_shmmax.value, .min = 1, .mni = limit_shmmni.value, .seg = limit_shmmni.value, .all = limit_shmall.value };
	return copy_to_user(buf, &i, sizeof(i)) ? -EFAULT : ipc_max_index(shm_kind);
}

static long usage(void __user *buf)
{
	struct abi_shm_info i = { .used_ids = ipc_in_use(shm_kind), .tot = atomic_load(&shm_total_pages) };
	struct ipc_object *o;

	for (int index = 0; (o = ipc_next(shm_kind, &index)); index++) {
		i.rss += resident(shm_of(o));
		ipc_put(o);
	}
	return copy_to_user(buf, &i, sizeof(i)) ? -EFAULT : ipc_max_index(shm_kind);
}

static long stat(int id, int cmd, void __user *buf)
{
	struct ipc_object *o = cmd == IPC_STAT ? ipc_find_locked(shm_kind, id) : ipc_at_locked(shm_kind, id);
	struct abi_shmid_ds ds;

	if (IS_ERR(o))
		return PTR_ERR(o);
	long result = cmd == SHM_STAT_ANY ? 0 : ipc_permission(o, IPC_READ);
	if (!result) {
		struct shm_segment *s = shm_of(o);
		memset(&ds, 0, sizeof(ds));
		ipc_fill_perm(o, &ds.perm);
		ds.segsz = s->size;
		ds.atime = s->attach_time;
		ds.dtime = s->detach_time;
		ds.ctime = s->change_time;
		ds.cpid = s->creator;
		ds.lpid = s->last_pid;
		ds.nattch = s->attached;
		result = cmd == IPC_STAT ? 0 : o->id;
	}
	ipc_unlock_put(o);
	if (result >= 0 && copy_to_user(buf, &ds, sizeof(ds)))
		result = -EFAULT;
	return result;
}

/* Attached: it loses its key now, and goes with the last attachment. */
static void remove(struct shm_segment *s, bool attached)
{
	if (attached)
		ipc_forget_key(&s->object);
	else
		shm_destroy(s);
}

static long control(int id, int cmd, const void __user *buf)
{
	struct abi_shmid_ds ds;

	if (cmd == IPC_SET && copy_from_user(&ds, buf, sizeof(ds)))
		return -EFAULT;
	struct ipc_object *o = ipc_find_locked(shm_kind, id);
	if (IS_ERR(o))
		return PTR_ERR(o);
	struct shm_segment *s = shm_of(o);
	long err = ipc_may_control(o);
	bool removes = !err && cmd == IPC_RMID, attached = s->attached;
	if (!err && cmd == IPC_SET) {
		err = ipc_set_perm(o, &ds.perm);
		if (!err)
			s->change_time = ipc_seconds();
	} else if (removes && attached) {
		o->mode |= SHM_DEST;
	} else if (removes) {
		o->removed = true;
	}
	spin_unlock(&o->lock);
	if (removes)
		remove(s, attached);
	ipc_put(o);
	return err;
}

/* No page ever leaves memory: only the mark and the rights are to be kept. */
static long lock(int id, bool on)
{
	const struct cred *c = cred_current();
	struct ipc_object *o = ipc_find_locked(shm_kind, id);
	long err = 0;

	if (IS_ERR(o))
		return PTR_ERR(o);
	if (!capable(CAP_IPC_LOCK)) {
		u64 limit = current->process->rlimits[RLIM_MEMLOCK].cur;
		if (c->euid != o->uid && c->euid != o->cuid)
			err = -EPERM;
		else if (on && !limit)
			err = -EPERM;
		else if (on && limit != RLIM_INFINITY_ && shm_pages(shm_of(o)) > limit >> PAGE_SHIFT)
			err = -ENOMEM;
	}
	if (!err)
		o->mode = on ? o->mode | SHM_LOCKED : o->mode & ~(u32)SHM_LOCKED;
	ipc_unlock_put(o);
	return err;
}

long sys_shmctl(int id, int cmd, void __user *buf)
{
	if (id < 0 || cmd < 0)
		return -EINVAL;
	switch (cmd) {
	case IPC_INFO:
		return limits(buf);
	case SHM_INFO:
		return usage(buf);
	case IPC_STAT:
	case SHM_STAT:
	case SHM_STAT_ANY:
		return stat(id, cmd, buf);
	case IPC_SET:
	case IPC_RMID:
		return control(id, cmd, buf);
	case SHM_LOCK:
	case SHM_UNLOCK:
		return lock(id, cmd == SHM_LOCK);
	}
	return -EINVAL;
}

static void show_segment(struct seq *s, struct ipc_object *o)
{
	struct shm_segment *m = shm_of(o);
	seq_printf(s, "%10d %10d  %4o %21lu %5u %5u  %5lu %5u %5u %5u %5u %10lu %10lu %10lu %21lu %21lu\n", o->key, o->id, o->mode, m->size, m->creator,
		   m->last_pid, m->attached, o->uid, o->gid, o->cuid, o->cgid, m->attach_time, m->detach_time, m->change_time, resident(m) * PAGE_SIZE, 0ul);
}

static int show_segments(struct seq *s)
{
	return ipc_show(s, shm_kind,
			"       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime"
			"                   rss                  swap\n", show_segment);
}
NODE(sysvipc_shm, .path = "sysvipc/shm", .show = show_segments);
