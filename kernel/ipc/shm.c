/*
 * System V shared memory: shmget, shmat, shmdt.
 *
 *   area ──► struct file, one an shmat (rights) ──► inode of a tmpfs file without a name: the pages
 *     │            │ private                            ▲
 *     │            └──► struct shm_segment ── memory ────┘
 *     └ shm_vm_ops: the page cache's, but that open and close count attachments
 *
 * An area is an attachment: fork copies it and counts one more; munmap, exec and exit take it away. Each file holds a reference to its segment. IPC_RMID of
 * a segment that is attached only takes its key and marks it; the last attachment destroys it.
 */
#include "shm_priv.h"

#include "core/registry.h"
#include "fs/ramfs/ramfs.h"
#include "lib/format.h"
#include "mm/slab.h"
#include "proc/proc.h"
#include "syscalls_gen.h"
#include "vfs/vfs.h"
#include "vm/aspace.h"

u64 shm_total_pages;
static struct vm_ops shm_vm_ops; /* filled at the start, then constant */

static void free_segment(struct ipc_object *o);
IPC_KIND(segments, limit_shmmni, free_segment);
struct ipc_kind *const shm_kind = &segments;

/* --- segments ------------------------------------------------------------------------------------------------------ */

static struct ipc_object *make_segment(const struct ipc_get *g, s32 key)
{
	u64 pages = DIV_ROUND_UP(g->size, PAGE_SIZE);
	char name[20];

	if (g->size < 1 || g->size > READ_ONCE(limit_shmmax.value) || (s64)g->size < 0)
		return ERR_PTR(-EINVAL);
	if (pages << PAGE_SHIFT < g->size || atomic_load(&shm_total_pages) + pages > READ_ONCE(limit_shmall.value))
		return ERR_PTR(-ENOSPC);
	/* A pool of huge pages that is empty; and not for everybody. */
	if (g->flags & SHM_HUGETLB)
		return ERR_PTR(capable(CAP_IPC_LOCK) ? -ENOMEM : -EPERM);
	if (!(g->flags & SHM_NORESERVE) && !vm_overcommit_ok(pages))
		return ERR_PTR(-ENOMEM);
	struct shm_segment *s = kzalloc(sizeof(*s), 0);
	if (!s)
		return ERR_PTR(-ENOMEM);
	ksnprintf(name, sizeof(name), "SYSV%08x", (u32)key);
	s->memory = tmpfs_file_unnamed(name);
	if (IS_ERR(s->memory)) {
		long err = PTR_ERR(s->memory);
		kfree(s);
		return ERR_PTR(err);
	}
	s->memory->inode->size = g->size;
	s->memory->inode->mode = S_IFREG | (g->flags & 0777);
	ipc_object_init(&s->object, &segments, g->flags);
	s->size = g->size;
	s->creator = current->process->pid;
	s->change_time = ipc_seconds();
	atomic_fetch_add(&shm_total_pages, pages);
	return &s->object;
}

static void free_segment(struct ipc_object *o)
{
	struct shm_segment *s = shm_of(o);

	atomic_fetch_sub(&shm_total_pages, shm_pages(s));
	file_put(s->memory);
	kfree(s);
}

void shm_destroy(struct shm_segment *s)
{
	ipc_unlist(&s->object);
}

static int check_size(const struct ipc_object *o, const struct ipc_get *g)
{
	return container_of(o, struct shm_segment, object)->size < g->size ? -EINVAL : 0;
}

long sys_shmget(int key, size_t size, int flags)
{
	struct ipc_get g = { .flags = flags, .make = make_segment, .check = check_size, .size = size };
	return ipc_get(&segments, key, &g);
}

/* --- attachments --------------------------------------------------------------------------------------------------- */

/* One more area, or an shmat that begins: false if it is gone. */
static bool attach(struct shm_segment *s)
{
	spin_lock(&s->object.lock);
	bool there = !s->object.removed;
	if (there) {
		s->attached++;
		s->attach_time = ipc_seconds();
		s->last_pid = current->process->pid;
	}
	spin_unlock(&s->object.lock);
	return there;
}

static void detach(struct shm_segment *s, bool of_area)
{
	spin_lock(&s->object.lock);
	if (of_area) {
		s->detach_time = ipc_seconds();
		s->last_pid = current->process->pid;
	}
	bool last = --s->attached == 0 && s->object.mode & SHM_DEST;
	if (last)
		s->object.removed = true;
	spin_unlock(&s->object.lock);
	if (last)
		shm_destroy(s);
}

static void shm_open(struct area *a)
{
	pagecache_vm_ops.open(a);
	attach(a->file->private);
}

static void shm_close(struct area *a)
{
	pagecache_vm_ops.close(a);
	detach(a->file->private, true);
}

static int shm_mmap(struct file *f, struct area *a)
{
	struct shm_segment *s = f->private;

	if (!attach(s))
		return -EIDRM;
	int err = generic_file_mmap(f, a);
	if (err)
		detach(s, false);
	else
		a->ops = &shm_vm_ops;
	return err;
}

static int shm_fsync(struct file *f __unused, s64 start __unused, s64 end __unused, bool data_only __unused)
{
	return 0;
}

static void shm_release(struct file *f)
{
	struct shm_segment *s = f->private;
	ipc_put(&s->object);
}

static const struct file_ops shm_file_ops = {
	.name = "SysV shared memory",
	.mmap = shm_mmap,
	.fsync = shm_fsync,
	.release = shm_release,
};

/* The address where it is mapped, or -errno. Takes over the caller's reference, for the attachment's file. */
static long map_segment(struct shm_segment *s, vaddr_t addr, bool fixed, int flags)
{
	u32 prot = PROT_READ | (flags & SHM_RDONLY ? 0 : PROT_WRITE) | (flags & SHM_EXEC ? PROT_EXEC : 0);
	u32 mapflags = MAP_SHARED | (!fixed ? 0 : flags & SHM_REMAP ? MAP_FIXED : MAP_FIXED_NOREPLACE);
	struct path place = { s->memory->mount, s->memory->dentry };
	struct file *f = file_open_with(&place, &shm_file_ops, flags & SHM_RDONLY ? O_RDONLY : O_RDWR, s);

	if (IS_ERR(f)) {
		ipc_put(&s->object);
		return PTR_ERR(f);
	}
	if (fixed && !(flags & SHM_REMAP) && addr + s->size < addr) {
		file_put(f);
		return -EINVAL;
	}
	long at = vm_map(current->process->aspace, addr, s->size, prot, mapflags, f, 0);
	file_put(f);
	return at == -EEXIST ? -EINVAL : at;
}

long sys_shmat(int id, unsigned long addr, int flags)
{
	u32 permission = IPC_READ | (flags & SHM_RDONLY ? 0 : IPC_WRITE) | (flags & SHM_EXEC ? IPC_EXEC : 0);
	bool fixed = addr; /* also when it is rounded down to nothing */

	if (id < 0)
		return -EINVAL;
	if (addr & (PAGE_SIZE - 1)) {
		if (!(flags & SHM_RND))
			return -EINVAL;
		addr = ALIGN_DOWN(addr, PAGE_SIZE);
		if (!addr && flags & SHM_REMAP)
			return -EINVAL;
	} else if (!addr && flags & SHM_REMAP) {
		return -EINVAL;
	}
	struct ipc_object *o = ipc_find_locked(&segments, id);
	if (IS_ERR(o))
		return PTR_ERR(o);
	struct shm_segment *s = shm_of(o);
	long result = ipc_permission(o, permission);
	if (result) {
		ipc_unlock_put(o);
		return result;
	}
	s->memory->inode->ino = o->id; /* as /proc/PID/maps shows it */
	/* It stays while it is being mapped, whoever removes it now. */
	s->attached++;
	refcount_get(&o->ref);
	spin_unlock(&o->lock);
	result = map_segment(s, addr, fixed, flags);
	detach(s, false);
	ipc_put(o);
	return result;
}

/* The parts of one attachment: its areas from addr on that lie where they were mapped. */
struct detach_search {
	vaddr_t addr;
	struct file *file; /* of the first part; not counted: the lock is held while it is looked at */
};

static bool part_of_it(struct area *a, void *arg)
{
	struct detach_search *d = arg;

	if (a->ops != &shm_vm_ops || (a->start - d->addr) >> PAGE_SHIFT != a->pgoff)
		return false;
	if (!d->file)
		d->file = a->file;
	return a->file == d->file;
}

long sys_shmdt(unsigned long addr)
{
	struct detach_search d = { .addr = addr };

	if (addr & (PAGE_SIZE - 1))
		return -EINVAL;
	long n = vm_unmap_areas(current->process->aspace, addr, part_of_it, &d);
	return n < 0 ? n : n ? 0 : -EINVAL;
}

static int shm_init(void)
{
	shm_vm_ops = pagecache_vm_ops;
	shm_vm_ops.name = "shared memory segment";
	shm_vm_ops.open = shm_open;
	shm_vm_ops.close = shm_close;
	return 0;
}
SUBSYSTEM(sysv, .needs = "ipc memfd", .init = shm_init, .stage = "09-ipc");
