/*
 * Memory that is shared by fork and has no file: mmap(MAP_SHARED | MAP_ANONYMOUS).
 *
 *   area --+
 *   area --+--> struct shared_memory --> radix tree: page number -> frame
 *   (child's)
 *
 * Each area counts as a reference; the last one frees the pages. A page is made when it is first touched. An area's pgoff is the page number of its
 * start, so parts of a mapping stay what they are when it is cut or moved.
 *
 * Locks: shared_memory->lock guards the tree.
 */
#include "vm_priv.h"

#include "lib/radix.h"
#include "mm/slab.h"

struct shared_memory {
	struct refcount ref;
	struct spinlock lock;
	struct radix pages; /* lock; each holds a reference */
};

static int shared_fault(struct area *a, u64 pgoff, bool write __unused, struct frame **out)
{
	struct shared_memory *m = a->private;
	struct frame *fresh = NULL;

	for (;;) {
		spin_lock(&m->lock);
		struct frame *f = radix_lookup(&m->pages, pgoff);
		int err = 0;
		if (f) {
			frame_get(f);
		} else if (fresh) {
			err = radix_insert(&m->pages, pgoff, fresh);
			if (!err) {
				f = fresh;
				frame_get(f);
				fresh = NULL;
				atomic_fetch_add(&mem_shmem_frames, 1ul);
				atomic_fetch_add(&mem_cache_frames, 1ul);
			}
		}
		spin_unlock(&m->lock);
		if (f) {
			if (fresh)
				frame_put(fresh);
			*out = f;
			return 0;
		}
		if (!fresh)
			fresh = frame_alloc(0, ALLOC_ZERO | ALLOC_USER);
		else if (err && !frame_make_room(0)) { /* no memory for a node of the tree */
			frame_put(fresh);
			return -ENOMEM;
		}
		if (!fresh)
			return -ENOMEM;
	}
}

static void drop_pages(struct shared_memory *m, u64 first, u64 n)
{
	for (;;) {
		u64 at = first;
		spin_lock(&m->lock);
		struct frame *f = radix_next(&m->pages, &at);
		if (f && at - first >= n)
			f = NULL;
		if (f)
			radix_remove(&m->pages, at);
		spin_unlock(&m->lock);
		if (!f)
			return;
		n -= at - first;
		first = at;
		atomic_fetch_sub(&mem_shmem_frames, 1ul);
		atomic_fetch_sub(&mem_cache_frames, 1ul);
		frame_put(f);
	}
}

static void shared_open(struct area *a)
{
	refcount_get(&((struct shared_memory *)a->private)->ref);
}

static void shared_close(struct area *a)
{
	struct shared_memory *m = a->private;
	if (refcount_put(&m->ref)) {
		drop_pages(m, 0, ~0ul);
		kfree(m);
	}
}

static bool shared_resident(struct area *a, u64 pgoff)
{
	struct shared_memory *m = a->private;
	spin_lock(&m->lock);
	bool there = radix_lookup(&m->pages, pgoff) != NULL;
	spin_unlock(&m->lock);
	return there;
}

/* Other processes keep what they have mapped until they unmap it or touch it anew: the pages are gone from the object, as after a punched hole. */
static int shared_remove(struct area *a, u64 pgoff, u64 n)
{
	drop_pages(a->private, pgoff, n);
	return 0;
}

static int shared_msync(struct area *a __unused, vaddr_t start __unused, vaddr_t end __unused, int flags __unused)
{
	return 0;
}

int shared_memory_attach(struct area *a)
{
	struct shared_memory *m = kzalloc(sizeof(*m), 0);
	if (!m)
		return -ENOMEM;
	refcount_set(&m->ref, 1);
	spin_init(&m->lock, "shared_memory", RANK_PAGECACHE);
	a->private = m;
	a->ops = &shared_memory_ops;
	return 0;
}

const struct vm_ops shared_memory_ops = {
	.name = "/dev/zero (deleted)",
	.fault = shared_fault,
	.open = shared_open,
	.close = shared_close,
	.msync = shared_msync,
	.resident = shared_resident,
	.remove = shared_remove,
};
