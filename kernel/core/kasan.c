/*
 * The address checker: shadow, checks, and what the compiler calls. core/kasan.h has the picture. Not instrumented itself.
 *
 * Sources: the interface that gcc and clang emit calls of (gcc, libsanitizer; LLVM, AddressSanitizer.cpp); Serebryany et al., AddressSanitizer, USENIX 2012.
 */
#include "core/kasan.h"

#if KASAN
#include "core/panic.h"
#include "core/percpu.h"
#include "lib/string.h"

extern char kernel_start[], kernel_end[], text_end[], percpu_start[], percpu_end[];
extern u8 kasan_image_shadow[], kasan_image_shadow_end[]; /* kernel.ld: one byte for each eight of the image, whole pages */
extern u64 boot_pml4[512];

#define ENTRY_TABLE 3ul           /* present, writable */
#define ENTRY_READ_ONLY 1ul
#define ENTRY_ADDRESS 0x000ffffffffff000ul
#define THREAD_STACK (32 * 1024ul) /* KSTACK_SIZE of mm/pagetable.h, which lies above this layer */
#define IMAGE_TABLES 8            /* 128 MiB of image */

static u8 zero_page[4096] __aligned(4096);
static u64 zero_pt[512] __aligned(4096), zero_pd[512] __aligned(4096), zero_pdpt[512] __aligned(4096);
static u64 image_pdpt[512] __aligned(4096), image_pd[512] __aligned(4096), image_pt[IMAGE_TABLES][512] __aligned(4096);

/* Wants it: the linker script then sets the image's shadow aside. */
const char kasan_wanted = 1;

static void fill(u64 *table, u64 entry)
{
	for (int i = 0; i < 512; i++)
		WRITE_ONCE(table[i], entry); /* not memset: that looks into the shadow */
}

static unsigned slot(u64 va, int level)
{
	return va >> (12 + 9 * (level - 1)) & 511;
}

static void run_constructors(void)
{
	extern void (*const init_array_start[])(void), (*const init_array_end[])(void);

	for (void (*const *fn)(void) = init_array_start; fn < init_array_end; fn++)
		(*fn)();
	/* The pattern of per-CPU data is copied as a whole. */
	kasan_unpoison(percpu_start, (size_t)(percpu_end - percpu_start));
}

void kasan_early_init(void)
{
	u64 shadow = (u64)kasan_shadow(kernel_start);
	u64 pages = (u64)(kasan_image_shadow_end - kasan_image_shadow) / PAGE_SIZE;

	fill(zero_pt, virt_to_phys(zero_page) | ENTRY_READ_ONLY);
	fill(zero_pd, virt_to_phys(zero_pt) | ENTRY_TABLE);
	fill(zero_pdpt, virt_to_phys(zero_pd) | ENTRY_TABLE);
	for (int i = SHADOW_FIRST_SLOT; i <= SHADOW_LAST_SLOT; i++)
		boot_pml4[i] = virt_to_phys(zero_pdpt) | ENTRY_TABLE;

	/* The image begins on 16 MiB, so its shadow begins on 2 MiB. */
	fill(image_pdpt, zero_pdpt[0]);
	fill(image_pd, zero_pd[0]);
	boot_pml4[slot(shadow, 4)] = virt_to_phys(image_pdpt) | ENTRY_TABLE;
	image_pdpt[slot(shadow, 3)] = virt_to_phys(image_pd) | ENTRY_TABLE;
	for (u64 t = 0; t < IMAGE_TABLES; t++) {
		fill(image_pt[t], zero_pt[0]);
		image_pd[slot(shadow, 2) + t] = virt_to_phys(image_pt[t]) | ENTRY_TABLE;
	}
	for (u64 i = 0; i < pages && i < IMAGE_TABLES * 512; i++)
		image_pt[i / 512][i % 512] = virt_to_phys(kasan_image_shadow + i * PAGE_SIZE) | ENTRY_TABLE;
	run_constructors();
}

/* The table below *entry, made the caller's own if it is one of the shared ones. */
static u64 *own_table(u64 *entry, const u64 *shared, paddr_t (*alloc)(u64 bytes, u64 align))
{
	if ((*entry & ENTRY_ADDRESS) == virt_to_phys(shared)) {
		paddr_t fresh = alloc(PAGE_SIZE, PAGE_SIZE);
		if (!fresh)
			return NULL;
		fill(phys_to_virt(fresh), shared[0]);
		WRITE_ONCE(*entry, fresh | (*entry & ~ENTRY_ADDRESS));
	}
	return phys_to_virt(*entry & ENTRY_ADDRESS);
}

bool kasan_cover(u64 *root, const void *start, const void *end, paddr_t (*alloc)(u64 bytes, u64 align))
{
	u64 va = ALIGN_DOWN((u64)kasan_shadow(start), PAGE_SIZE), stop = (u64)kasan_shadow((const char *)end + 7);

	for (; va < stop; va += PAGE_SIZE) {
		u64 *pdpt = own_table(&root[slot(va, 4)], zero_pdpt, alloc);
		u64 *pd = pdpt ? own_table(&pdpt[slot(va, 3)], zero_pd, alloc) : NULL;
		u64 *pt = pd ? own_table(&pd[slot(va, 2)], zero_pt, alloc) : NULL;
		if (!pt)
			return false;
		u64 *entry = &pt[slot(va, 1)];
		if ((*entry & ENTRY_ADDRESS) != virt_to_phys(zero_page))
			continue;
		paddr_t page = alloc(PAGE_SIZE, PAGE_SIZE);
		if (!page)
			return false;
		WRITE_ONCE(*entry, page | ENTRY_TABLE | 1ul << 63);
		__asm__ volatile("invlpg (%0)" ::"r"(va) : "memory");
	}
	return true;
}

/* --- poison --------------------------------------------------------------------------------------------------------- */

static void set_shadow(u8 *s, u8 value, size_t n)
{
	__asm__ volatile("rep stosb" : "+D"(s), "+c"(n) : "a"(value) : "memory");
}

void kasan_poison(const void *p, size_t n, u8 value)
{
	set_shadow(kasan_shadow(p), value, (n + 7) / 8);
}

void kasan_unpoison(const void *p, size_t n)
{
	u8 *s = kasan_shadow(p);

	set_shadow(s, 0, n / 8);
	if (n % 8)
		s[n / 8] = n % 8;
}

static bool user_memory;

void kasan_user_memory(void) { user_memory = true; }

static const char *bad_low(u64 p)
{
	return p >> 47 ? "wild access" : "user memory touched without the copy functions";
}

/* The first byte of [p, p + n) that must not be touched, or NULL. */
static const void *first_bad(const void *p, size_t n)
{
	const char *at = p, *end = at + n;

	if ((u64)p < DIRECT_BASE)
		return (u64)p < PAGE_SIZE || user_memory ? p : NULL;
	while (at < end) {
		const u8 *s = kasan_shadow(at);
		if (!((u64)s & 7) && !((u64)at & 7) && at + 64 <= end && !*(const u64 *)s) {
			at += 64;
			continue;
		}
		s8 v = (s8)*s;
		if (v) {
			s8 last = (s8)(MIN((u64)end - 1, (u64)at | 7) & 7);
			if (v < 0 || last >= v)
				return v < 0 || (s8)((u64)at & 7) >= v ? at : (const char *)ALIGN_DOWN((u64)at, 8ul) + v;
		}
		at = (const char *)(((u64)at | 7) + 1);
	}
	return NULL;
}

void kasan_check(const void *p, size_t n, bool write, const void *caller)
{
	const void *bad = n ? first_bad(p, n) : NULL;

	if (likely(!bad) || panicking)
		return;
	kasan_report(bad, n, write, caller, (u64)bad < DIRECT_BASE && (u64)bad >= PAGE_SIZE ? bad_low((u64)bad) : NULL);
}

/* --- what the compiler calls ----------------------------------------------------------------------------------------- */

static __noinline void check_low(u64 p, size_t n, bool write, const void *caller)
{
	if (panicking)
		return;
	if (p < PAGE_SIZE)
		kasan_report((const void *)p, n, write, caller, "null pointer");
	/* Where there is user memory yet, only the copy functions touch it, and they are assembly. */
	if (user_memory)
		kasan_report((const void *)p, n, write, caller, bad_low(p));
}

/*
 * What lies just below the stack pointer `sp` of who accesses memory was the frame of a function that has returned.
 */
static __noinline void check_below_stack(u64 p, u64 sp, size_t n, bool write, const void *caller)
{
	const u64 *thread = (const u64 *)this_cpu()->current;

	if (panicking || !thread || sp >= thread[1] || p < thread[1] - THREAD_STACK || thread[1] - sp > THREAD_STACK) /* stack_top: sched/thread.h */
		return;
	kasan_report((const void *)p, n, write, caller, "use of a variable after its function returned");
}

/* What the few instructions below do not let pass: the same with all that is to be said. */
void kasan_check_again(u64 p, size_t n, bool write, const void *caller, u64 sp);
void kasan_check_again(u64 p, size_t n, bool write, const void *caller, u64 sp)
{
	if (p < DIRECT_BASE) {
		check_low(p, n, write, caller);
		return;
	}
	if (sp - 1 - p < PAGE_SIZE)
		check_below_stack(p, sp, n, write, caller);
	kasan_check((const void *)p, n, write, caller);
}

/*
 * In front of each load and store, so by hand, without a frame: kernel memory, not just below the stack pointer, its shadow 0, and not over the end of the
 * eight bytes that this stands for. `compare` looks at the shadow of all of them, `beyond` at how far the address reaches.
 */
#define ACCESS(kind, n, write, compare, beyond) \
	__attribute__((naked)) void __asan_##kind##n##_noabort(u64 p); \
	__attribute__((naked)) void __asan_##kind##n##_noabort(u64 p __unused) \
	{ \
		__asm__("movabs %[base], %%rax\n" \
			"cmp %%rax, %%rdi\n" \
			"jb 1f\n" \
			"lea 7(%%rsp), %%rax\n" /* the caller's stack pointer, less 1 */ \
			"sub %%rdi, %%rax\n" \
			"cmp $0xfff, %%rax\n" \
			"jbe 1f\n" \
			"movabs %[shadow], %%rcx\n" \
			"mov %%rdi, %%rax\n" \
			"shr $3, %%rax\n" \
			compare " $0, (%%rax, %%rcx)\n" \
			"jne 1f\n" beyond "ret\n" \
			"1: mov $" #n ", %%esi\n" \
			"mov $" #write ", %%edx\n" \
			"mov (%%rsp), %%rcx\n" \
			"lea 8(%%rsp), %%r8\n" \
			"jmp kasan_check_again" ::[base] "i"(DIRECT_BASE), \
			[shadow] "i"(SHADOW_OFFSET)); \
	}
#define WITHIN(most) "mov %%edi, %%eax\nand $7, %%eax\ncmp $" #most ", %%eax\nja 1f\n"
#define ALIGNED "test $7, %%dil\njne 1f\n"
#define BOTH(n, compare, beyond) ACCESS(load, n, 0, compare, beyond) ACCESS(store, n, 1, compare, beyond)
BOTH(1, "cmpb", "")
BOTH(2, "cmpb", WITHIN(6))
BOTH(4, "cmpb", WITHIN(4))
BOTH(8, "cmpb", ALIGNED)
BOTH(16, "cmpw", ALIGNED)

void __asan_loadN_noabort(u64 p, size_t n);
void __asan_storeN_noabort(u64 p, size_t n);
void __asan_loadN_noabort(u64 p, size_t n) { kasan_check((const void *)p, n, false, __builtin_return_address(0)); }
void __asan_storeN_noabort(u64 p, size_t n) { kasan_check((const void *)p, n, true, __builtin_return_address(0)); }

/* A function that does not return leaves its callers' red zones behind. */
void kasan_unpoison_stack(void)
{
	u64 sp = (u64)__builtin_frame_address(0), top;
	const u64 *thread = (const u64 *)this_cpu()->current;
	extern char boot_stack[], boot_stack_top[];

	if (sp >= (u64)boot_stack && sp < (u64)boot_stack_top)
		top = (u64)boot_stack_top;
	else if (thread && sp < thread[1] && thread[1] - sp <= 65536) /* stack_top: sched/thread.h */
		top = thread[1];
	else
		return;
	kasan_unpoison((const void *)ALIGN_DOWN(sp, 8ul), top - ALIGN_DOWN(sp, 8ul));
}

void __asan_handle_no_return(void);
void __asan_handle_no_return(void) { kasan_unpoison_stack(); }

void __asan_alloca_poison(u64 p, size_t n);
void __asan_alloca_poison(u64 p, size_t n)
{
	kasan_poison((const void *)(p - 32), 32, 0xca);
	kasan_unpoison((const void *)p, n);
	kasan_poison((const void *)ALIGN_UP(p + n, 8ul), ALIGN_UP(p + n, 32ul) + 32 - ALIGN_UP(p + n, 8ul), 0xcb);
}

void __asan_allocas_unpoison(u64 top, u64 bottom);
void __asan_allocas_unpoison(u64 top, u64 bottom)
{
	if (top && top < bottom)
		kasan_unpoison((const void *)top, bottom - top);
}

/* A variable's scope ends, and begins: for those too large for code in line. */
void __asan_poison_stack_memory(u64 p, size_t n);
void __asan_unpoison_stack_memory(u64 p, size_t n);
void __asan_poison_stack_memory(u64 p, size_t n) { kasan_poison((const void *)p, n, 0xf8); }
void __asan_unpoison_stack_memory(u64 p, size_t n) { kasan_unpoison((const void *)p, n); }

#define SET_SHADOW(hex) \
	void __asan_set_shadow_##hex(u8 *s, size_t n); \
	void __asan_set_shadow_##hex(u8 *s, size_t n) { set_shadow(s, 0x##hex, n); }
SET_SHADOW(00)
SET_SHADOW(f1)
SET_SHADOW(f2)
SET_SHADOW(f3)
SET_SHADOW(f5)
SET_SHADOW(f8)

/* --- globals ---------------------------------------------------------------------------------------------------------- */

struct asan_global {
	const void *start;
	size_t size, size_with_redzone;
	const char *name, *module;
	u64 has_dynamic_init;
	const struct {
		const char *file;
		int line, column;
	} *location;
	u64 odr;
};

#define GROUPS_MAX 1024
static struct {
	const struct asan_global *first;
	size_t n;
} groups[GROUPS_MAX]; /* written before there is a second CPU */
static unsigned group_count;

void __asan_register_globals(struct asan_global *g, size_t n);
void __asan_register_globals(struct asan_global *g, size_t n)
{
	if (group_count < GROUPS_MAX) {
		groups[group_count].first = g;
		groups[group_count++].n = n;
	}
	for (size_t i = 0; i < n; i++) {
		size_t whole = ALIGN_UP(g[i].size, 8ul);
		kasan_unpoison(g[i].start, g[i].size);
		kasan_poison((const char *)g[i].start + whole, g[i].size_with_redzone - whole, POISON_GLOBAL);
	}
}

void __asan_unregister_globals(struct asan_global *g, size_t n);
void __asan_unregister_globals(struct asan_global *g __unused, size_t n __unused) {}

bool kasan_describe_global(const void *p)
{
	for (unsigned k = 0; k < group_count; k++) {
		for (size_t i = 0; i < groups[k].n; i++) {
			const struct asan_global *g = &groups[k].first[i];
			if (p < g->start || (const char *)p >= (const char *)g->start + g->size_with_redzone)
				continue;
			panic_note("KASAN: %lu bytes behind the start of the global %s of %lu bytes (%s:%d)\n", (u64)p - (u64)g->start, g->name, g->size,
				   g->location ? g->location->file : g->module, g->location ? g->location->line : 0);
			return true;
		}
	}
	return false;
}
#endif
