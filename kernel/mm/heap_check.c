/*
 * The checking layer over the student's allocators: red zones, quarantine, poison, and who allocated and freed what. Not instrumented itself.
 *
 * A slot of a checked cache:
 *
 *   | red zone | object (object_size) | red zone ... | struct object_meta |        c->size
 *
 * The first red zone is there for the first object of a slab, which has no slot before it. The slab allocator below knows only slots, and sees them accessible throughout: poison lies on red zones of objects that are handed out, and on objects in
 * quarantine. A freed object waits there until QUARANTINE others were freed after it, filled with a pattern that must still be whole when it leaves.
 *
 * A free frame is poisoned, and filled with a pattern too (frame->spare notes that): this catches what the shadow cannot see, such as a user program that still
 * writes through a TLB entry of a page that is gone.
 *
 * Locks: quarantine_lock guards the ring.
 */
#include "heap_check.h"

#if KASAN
#include "core/cpu.h"
#include "core/fault_inject.h"
#include "core/ksyms.h"
#include "core/lock_check.h"
#include "core/panic.h"
#include "core/percpu.h"
#include "lib/string.h"
#include "mm_priv.h"

#define META_LIVE 0x4c495645u
#define META_FREED 0x46524545u
#define TRACE 6
#define PATTERN_FREE 0x6b6b6b6b6b6b6b6bul
#define PATTERN_FRESH 0x5a5a5a5a5a5a5a5aul
#define FRAME_FILLED 0x6b6b
#define QUARANTINE 1024
#define QUARANTINE_BYTES (512 * 1024ul)

struct object_meta {
	u32 state, size, generation, padding;
	u32 allocated[TRACE], freed[TRACE]; /* low halves of return addresses in the image */
};

static struct spinlock quarantine_lock = SPINLOCK_INIT("quarantine", RANK_SLAB - 1);
static struct {
	struct slab_cache *cache;
	void *object;
} ring[QUARANTINE];               /* quarantine_lock */
static u32 ring_first, ring_count; /* quarantine_lock */
static u64 ring_bytes;             /* quarantine_lock */

size_t heap_check_left(size_t align)
{
	return MAX(align, 16ul);
}

size_t heap_check_slot(size_t object_size, size_t align)
{
	return heap_check_left(align) + ALIGN_UP(object_size, 8ul) + sizeof(struct object_meta);
}

static char *slot_of(const struct slab_cache *c, const void *object)
{
	return (char *)object - heap_check_left(c->align);
}

static u32 generation;      /* atomic: marks drawn so far */
static u64 shadow_frames;   /* atomic */

static struct object_meta *meta_of(const struct slab_cache *c, const void *object)
{
	return (struct object_meta *)(slot_of(c, object) + c->size - sizeof(struct object_meta));
}

static void close_slot(const struct slab_cache *c, const void *object, u8 why)
{
	kasan_poison(slot_of(c, object), c->size, why);
}

static void fill_words(void *p, u64 pattern, size_t words)
{
	__asm__ volatile("rep stosq" : "+D"(p), "+c"(words) : "a"(pattern) : "memory");
}

static const u64 *first_other(const u64 *p, u64 pattern, size_t words)
{
	bool same;

	/* Of no words the flag would be an old one. */
	if (!words)
		return NULL;
	__asm__ volatile("repe scasq" : "+D"(p), "+c"(words), "=@ccz"(same) : "a"(pattern) : "memory");
	return same ? NULL : p - 1;
}

static void take_trace(u32 *trace)
{
	u64 *frame = __builtin_frame_address(0), low = (u64)frame;

	fill_words(trace, 0, TRACE * sizeof(*trace) / 8);
	/* The first is the allocator's own. */
	for (int i = -1; i < TRACE && (u64)frame >= low && (u64)frame < low + 16384 && !((u64)frame & 7) && frame[1] >= KERNEL_BASE; i++) {
		if (i >= 0)
			trace[i] = (u32)frame[1];
		if (frame[0] <= (u64)frame)
			break;
		frame = (u64 *)frame[0];
	}
}

static void print_trace(const char *what, const u32 *trace)
{
	panic_note("KASAN: %s\n", what);
	for (int i = 0; i < TRACE && trace[i]; i++)
		panic_note_address("  ", 0xffffffff00000000ul | trace[i], 1);
}

static void describe_object(const struct slab_cache *c, const char *object, const char *at)
{
	const struct object_meta *m = meta_of(c, object);
	bool live = m->state == META_LIVE;

	if (!live && m->state != META_FREED) {
		panic_note("KASAN: in a slab of %s, in a slot that was never handed out\n", c->name);
		return;
	}
	if (at < object)
		panic_note("KASAN: %lu bytes before an object of %u bytes (cache %s) at %lx\n", (u64)(object - at), m->size, c->name, (u64)object);
	else if (at >= object + m->size)
		panic_note("KASAN: %lu bytes behind the end of an object of %u bytes (cache %s) at %lx\n", (u64)(at - object) - m->size, m->size, c->name, (u64)object);
	else
		panic_note("KASAN: at byte %lu of an object of %u bytes (cache %s) at %lx\n", (u64)(at - object), m->size, c->name, (u64)object);
	print_trace("allocated by", m->allocated);
	if (!live)
		print_trace("freed by", m->freed);
}

static bool describe(const void *p)
{
	if ((u64)p >= KMAP_BASE && (u64)p < KMAP_END) {
		panic_note("KASAN: in the area of run-time mappings\n");
		return true;
	}
	if ((u64)p < DIRECT_BASE || (u64)p >= DIRECT_END || !pfn_valid(virt_to_phys(p) >> PAGE_SHIFT))
		return false;
	const struct frame *f = virt_to_frame(p);
	if (!(f->flags & FRAME_SLAB)) {
		panic_note("KASAN: in frame %lu, flags %x, references %u\n", frame_to_pfn(f), f->flags, refcount_read(&f->ref));
		return true;
	}
	const struct slab_cache *c = f->owner;
	u64 base = ALIGN_DOWN((u64)p, PAGE_SIZE << c->order), index = ((u64)p - base) / c->size;
	if (index < c->per_slab)
		describe_object(c, (const char *)base + index * c->size + heap_check_left(c->align), p);
	return true;
}

/* --- objects ------------------------------------------------------------------------------------------------------- */

void heap_check_alloc(struct slab_cache *c, void *object)
{
	struct object_meta *m = meta_of(c, object);

	m->state = META_LIVE;
	m->size = c->object_size;
	m->generation = atomic_load_relaxed(&generation);
	take_trace(m->allocated);
	close_slot(c, object, POISON_HEAP_REDZONE);
	kasan_unpoison(object, c->object_size);
	fill_words(object, PATTERN_FRESH, c->object_size / 8);
}

void heap_check_size(struct slab_cache *c, void *object, size_t size)
{
	meta_of(c, object)->size = size;
	close_slot(c, object, POISON_HEAP_REDZONE);
	kasan_unpoison(object, size);
}

size_t heap_check_usable(const struct slab_cache *c, const void *object)
{
	return meta_of(c, object)->size;
}

static void describe_arg(const void *p) { describe(p); }

static void leave(struct slab_cache *c, void *object)
{
	const u64 *other = first_other(object, PATTERN_FREE, c->object_size / 8);

	if (other)
		panic_with(describe_arg, other, "KASAN: use after free: a freed object was written behind the checker's back, %lx at %lx", *other, (u64)other);
	kasan_unpoison(slot_of(c, object), c->size);
	heap_give(c, slot_of(c, object));
}

static bool pop_oldest(bool only_if_full)
{
	struct slab_cache *c;
	void *object;
	u64 irq = spin_lock_irqsave(&quarantine_lock);

	if (!ring_count || (only_if_full && ring_count < QUARANTINE - MAX_CPUS && ring_bytes < QUARANTINE_BYTES)) {
		spin_unlock_irqrestore(&quarantine_lock, irq);
		return false;
	}
	c = ring[ring_first].cache;
	object = ring[ring_first].object;
	ring_first = (ring_first + 1) % QUARANTINE;
	ring_count--;
	ring_bytes -= c->size;
	spin_unlock_irqrestore(&quarantine_lock, irq);
	leave(c, object);
	return true;
}

void heap_check_drain(void)
{
	while (pop_oldest(false))
		;
}

void heap_check_free(struct slab_cache *c, void *object)
{
	u64 offset = (u64)slot_of(c, object) & ((PAGE_SIZE << c->order) - 1);
	struct object_meta *m = meta_of(c, object);
	struct frame *f = virt_to_frame(object);

	if (!(f->flags & FRAME_SLAB) || f->owner != c || offset % c->size || offset / c->size >= c->per_slab)
		panic_with(describe_arg, object, "KASAN: invalid free: %lx is no object of %s", (u64)object, c->name);
	if (__atomic_exchange_n(&m->state, META_FREED, __ATOMIC_SEQ_CST) != META_LIVE)
		panic_with(describe_arg, object, "KASAN: double free of %lx (cache %s)", (u64)object, c->name);
	lock_check_freed(object, m->size);
	take_trace(m->freed);
	fill_words(object, PATTERN_FREE, c->object_size / 8);
	close_slot(c, object, POISON_HEAP_FREED);
	while (pop_oldest(true))
		;
	u64 irq = spin_lock_irqsave(&quarantine_lock);
	u32 at = (ring_first + ring_count) % QUARANTINE;
	bool room = ring_count < QUARANTINE;
	if (room) {
		ring[at].cache = c;
		ring[at].object = object;
		ring_count++;
		ring_bytes += c->size;
	}
	spin_unlock_irqrestore(&quarantine_lock, irq);
	if (!room)
		leave(c, object);
}

void heap_check_kmap_free(const void *p)
{
	int level;

	if (!IS_ALIGNED((u64)p, PAGE_SIZE) || !(pt_lookup(kernel_pt, (vaddr_t)p, &level) & PTE_PRESENT) || pt_lookup(kernel_pt, (vaddr_t)p - PAGE_SIZE, &level) & PTE_PRESENT)
		panic_with(describe_arg, p, "KASAN: invalid free: %lx is not the start of a mapping (a variable on a stack?)", (u64)p);
}

void heap_check_large_free(const struct frame *f, const void *p)
{
	if ((u64)p < DIRECT_BASE || !pfn_valid(frame_to_pfn(f)) || !(f->flags & FRAME_HEAD) || !IS_ALIGNED((u64)p, PAGE_SIZE))
		panic_with(describe_arg, p, "KASAN: invalid free: %lx was not allocated (or was freed already)", (u64)p);
}

static void check_reclaim(size_t want __unused, size_t *freed)
{
	u64 before = buddy_free_count();

	heap_check_drain();
	if (buddy_free_count() > before)
		*freed += buddy_free_count() - before;
}
NOTIFIER(reclaim, check_reclaim);

static PERCPU(const struct slab_cache *, slab_for);

void heap_check_slab_begin(const struct slab_cache *c) { *percpu_ptr(slab_for) = c; }
void heap_check_slab_end(void) { *percpu_ptr(slab_for) = NULL; }

/* --- frames -------------------------------------------------------------------------------------------------------- */

void frame_check_alloc(struct frame *f, unsigned order)
{
	const struct slab_cache *c = *percpu_ptr(slab_for);

	kasan_unpoison(frame_to_virt(f), PAGE_SIZE << order);
	if (c && c->order == order) {
		size_t used = (size_t)c->per_slab * c->size;
		kasan_poison((char *)frame_to_virt(f) + used, (PAGE_SIZE << order) - used, POISON_HEAP_REDZONE);
	}
	for (u64 i = 0; i < 1ul << order; i++) {
		const u64 *other;
		if (f[i].spare != FRAME_FILLED)
			continue;
		f[i].spare = 0;
		other = first_other(frame_to_virt(f + i), PATTERN_FREE, PAGE_SIZE / 8);
		if (other)
			panic_with(describe_arg, other, "poison: frame %lu was written while it was free: %lx at %lx", frame_to_pfn(f + i), *other, (u64)other);
	}
}

void frame_check_free(struct frame *f, unsigned order)
{
	for (u64 i = 0; i < 1ul << order; i++) {
		if (f[i].spare == FRAME_FILLED)
			panic_with(describe_arg, frame_to_virt(f + i), "poison: frame %lu is freed twice", frame_to_pfn(f + i));
		f[i].spare = FRAME_FILLED;
	}
	fill_words(frame_to_virt(f), PATTERN_FREE, (PAGE_SIZE << order) / 8);
	kasan_poison(frame_to_virt(f), PAGE_SIZE << order, POISON_FREE_FRAME);
}

/* Tests call the buddy itself (mm/frame.c calls it by its real name). */
struct frame *__wrap_buddy_alloc(unsigned order);
void __wrap_buddy_free(struct frame *f, unsigned order);

struct frame *__wrap_buddy_alloc(unsigned order)
{
	struct frame *f = __real_buddy_alloc(order);

	if (f)
		frame_check_alloc(f, order);
	return f;
}

void __wrap_buddy_free(struct frame *f, unsigned order)
{
	frame_check_free(f, order);
	__real_buddy_free(f, order);
}

static bool inject(int kind)
{
	return fault_inject(kind == 0 ? FAULT_KMALLOC : FAULT_PAGE);
}

void heap_check_init(void)
{
	alloc_fail_hook = inject;
	kasan_describe_hook = describe;
}

/* A page for the shadow of run-time mappings. */
paddr_t heap_check_shadow_page(u64 bytes __unused, u64 align __unused)
{
	struct frame *f = frame_alloc(0, ALLOC_ZERO | ALLOC_ATOMIC);

	if (!f)
		return 0;
	atomic_fetch_add(&shadow_frames, 1ul);
	return frame_to_phys(f);
}

u64 heap_check_shadow_frames(void) { return atomic_load_relaxed(&shadow_frames); }

/* --- leaks --------------------------------------------------------------------------------------------------------- */

void heap_check_mark(void) { atomic_fetch_add(&generation, 1u); }

static void show_object(struct seq *s, const struct slab_cache *c, const struct object_meta *m)
{
	seq_printf(s, "%s %u bytes:", c->name, m->size);
	for (int k = 0; k < TRACE && m->allocated[k]; k++) {
		u64 offset = 0, rip = 0xffffffff00000000ul | m->allocated[k];
		const char *name = ksym_lookup(rip - 1, &offset), *file;
		u32 line;
		seq_printf(s, " %s+0x%lx", name ? name : "?", offset + 1);
		if (kline_lookup(rip - 1, &file, &line))
			seq_printf(s, " (%s:%u)", file, line);
	}
	seq_puts(s, "\n");
}

static void print_object(const struct slab_cache *c, const struct object_meta *m)
{
	panic_note("leak: %u bytes of %s\n", m->size, c->name);
	print_trace("allocated by", m->allocated);
}

/* s: NULL in a panic. A slab may go while we look: then a pattern stands where the state was. */
static void each_since(struct seq *s)
{
	for (pfn_t pfn = 0; pfn < early_top() >> PAGE_SHIFT; pfn++) {
		const struct frame *f = pfn_valid(pfn) ? pfn_to_frame(pfn) : NULL;
		if (!f || (f->flags & (FRAME_SLAB | FRAME_HEAD)) != (FRAME_SLAB | FRAME_HEAD) || !f->owner)
			continue;
		const struct slab_cache *c = f->owner;
		for (u32 i = 0; i < c->per_slab; i++) {
			const struct object_meta *m = meta_of(c, (const char *)frame_to_virt(f) + (size_t)i * c->size + heap_check_left(c->align));
			if (m->state != META_LIVE || m->generation != atomic_load_relaxed(&generation))
				continue;
			if (s)
				show_object(s, c, m);
			else
				print_object(c, m);
		}
	}
}

void heap_check_show_since(struct seq *s) { each_since(s); }
void heap_check_print_since(void) { each_since(NULL); }
#endif
