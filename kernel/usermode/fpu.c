/*
 * FPU, SSE and AVX state of user threads. The kernel itself uses none of it, so a thread's registers stay in the processor for as long as it is on it:
 * they are saved when it leaves the CPU and loaded when it comes back, not at each entry.
 *
 *   struct fpu_state:   cpu | XSAVE image: 512 legacy, 64 header, extended components (Intel SDM vol. 1, 13.4)
 *
 * The image is in the standard format, so that it can go to a signal frame as it is. CPUs without XSAVE use FXSAVE, whose image is the first 512 bytes.
 *
 * A thread that comes back to the CPU that it left last, when no other user thread was there meanwhile, finds its registers as they were: nothing is
 * loaded. `cpu` in the state and `owner` on the CPU must both agree, so that neither a thread that ran elsewhere nor a new one at the same address
 * is mistaken for it.
 */
#include "usermode_priv.h"

#include "abi/errno.h"
#include "core/cpu.h"
#include "core/panic.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "usermode/uaccess.h"

#define LEGACY_SIZE 512
#define HEADER_SIZE 64
#define FCW_INIT 0x37f
#define MXCSR_INIT 0x1f80
#define MXCSR_OFFSET 24
#define MXCSR_MASK_OFFSET 28
#define NO_CPU ~0u
enum { X87 = 1 << 0, SSE = 1 << 1, AVX = 1 << 2, AVX512 = 7 << 5 };

struct xsave_header {
	u64 xstate_bv, xcomp_bv, reserved[6];
};
/* In the legacy area's bytes 464 … 511, which the hardware leaves alone: what Linux tells signal handlers about the image. */
struct sw_reserved {
	u32 magic1, extended_size;
	u64 xfeatures;
	u32 xstate_size, padding[7];
};
#define SW_RESERVED_OFFSET 464
#define FP_MAGIC1 0x46505853u
#define FP_MAGIC2 0x46505845u
_Static_assert(sizeof(struct sw_reserved) == 48 && sizeof(struct xsave_header) == HEADER_SIZE, "Linux ABI; SDM vol. 1, 13.4.2");

struct fpu_state {
	u32 cpu; /* where it was loaded last */
	u8 image[] __aligned(64);
};

size_t fpu_state_size;         /* of the image */
static u64 features;           /* XCR0; 0: FXSAVE only */
static bool have_xsaveopt;
static u32 mxcsr_mask = 0xffbf;
static struct slab_cache cache;
static u8 initial[LEGACY_SIZE + HEADER_SIZE] __aligned(64);
static PERCPU(struct fpu_state *, owner);

static struct xsave_header *header(void *image) { return (struct xsave_header *)((u8 *)image + LEGACY_SIZE); }

/* --- instructions -------------------------------------------------------------------------------------------------- */

static void save(void *image, bool optimised)
{
	if (!features)
		__asm__ volatile("fxsave64 %0" : "=m"(*(u8(*)[LEGACY_SIZE])image));
	else if (optimised && have_xsaveopt)
		__asm__ volatile("xsaveopt64 (%0)" ::"r"(image), "a"((u32)features), "d"((u32)(features >> 32)) : "memory");
	else
		__asm__ volatile("xsave64 (%0)" ::"r"(image), "a"((u32)features), "d"((u32)(features >> 32)) : "memory");
}

static void load(const void *image)
{
	if (!features)
		__asm__ volatile("fxrstor64 %0" ::"m"(*(const u8(*)[LEGACY_SIZE])image));
	else
		__asm__ volatile("xrstor64 (%0)" ::"r"(image), "a"((u32)features), "d"((u32)(features >> 32)) : "memory");
}

static void set_xcr0(u64 v)
{
	__asm__ volatile("xsetbv" ::"c"(0), "a"((u32)v), "d"((u32)(v >> 32)));
}

/* --- start --------------------------------------------------------------------------------------------------------- */

/* Once, by CPU 0, which found the same features on all others. */
static void discover(void)
{
	u32 r[4];

	fpu_state_size = LEGACY_SIZE;
	if (cpu_has(CPU_XSAVE)) {
		cpuid(0xd, 0, r);
		u64 offered = r[0] | (u64)r[3] << 32;
		features = offered & (X87 | SSE | AVX);
		if (offered & AVX && (offered & AVX512) == AVX512)
			features |= AVX512;
		set_xcr0(features);
		cpuid(0xd, 0, r); /* EBX: size of what XCR0 enables */
		fpu_state_size = MAX(r[1], (u32)(LEGACY_SIZE + HEADER_SIZE));
		have_xsaveopt = cpu_has(CPU_XSAVEOPT);
	}
	u8 probe[LEGACY_SIZE] __aligned(16);
	memset(probe, 0, sizeof(probe));
	__asm__ volatile("fninit; fxsave64 %0" : "=m"(probe));
	u32 mask;
	memcpy(&mask, probe + MXCSR_MASK_OFFSET, 4);
	if (mask)
		mxcsr_mask = mask;

	*(u16 *)initial = FCW_INIT;
	*(u32 *)(initial + MXCSR_OFFSET) = MXCSR_INIT;
	slab_cache_init(&cache, "fpu_state", sizeof(struct fpu_state) + fpu_state_size, 64);
}

#define CR0_MP (1ul << 1)
#define CR0_EM (1ul << 2)
#define CR0_TS (1ul << 3)
#define CR0_NE (1ul << 5)

void fpu_cpu_init(void)
{
	write_cr0((read_cr0() & ~(CR0_EM | CR0_TS)) | CR0_MP | CR0_NE);
	write_cr4(read_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT | (cpu_has(CPU_XSAVE) ? CR4_OSXSAVE : 0));
	if (!fpu_state_size)
		discover();
	else if (features)
		set_xcr0(features);
	load(initial);
}

/* --- per thread ---------------------------------------------------------------------------------------------------- */

struct fpu_state *fpu_alloc(void)
{
	struct fpu_state *s = slab_alloc(&cache, ALLOC_ZERO);
	if (!s)
		return NULL;
	memcpy(s->image, initial, MIN(sizeof(initial), fpu_state_size));
	s->cpu = NO_CPU;
	return s;
}

void fpu_free(struct fpu_state *s)
{
	if (s)
		slab_free(&cache, s);
}

void fpu_switch_out(struct thread *t)
{
	if (t->fpu)
		save(t->fpu->image, true);
}

void fpu_switch_in(struct thread *t)
{
	struct fpu_state *s = t->fpu;
	if (!s)
		return;
	if (s->cpu == cpu_id() && *percpu_ptr(owner) == s)
		return;
	load(s->image);
	s->cpu = cpu_id();
	*percpu_ptr(owner) = s;
}

void fpu_copy_current(struct fpu_state *dst)
{
	preempt_disable();
	save(dst->image, false);
	dst->cpu = NO_CPU;
	preempt_enable();
}

void fpu_reset_current(void)
{
	preempt_disable();
	load(initial);
	preempt_enable();
}

/* --- signal frames ------------------------------------------------------------------------------------------------- */

size_t fpu_frame_size(void)
{
	return features ? fpu_state_size + sizeof(u32) : LEGACY_SIZE;
}

int fpu_save_to_user(void __user *buf)
{
	struct fpu_state *s = current->fpu;
	u8 *to = buf;
	struct sw_reserved sw = {
		.magic1 = FP_MAGIC1, .extended_size = fpu_frame_size(), .xfeatures = features, .xstate_size = fpu_state_size,
	};

	if (!s)
		return -EFAULT;
	/* The image stays right while it is copied: a switch meanwhile only saves the same registers again. */
	preempt_disable();
	save(s->image, false);
	preempt_enable();
	if (!features)
		return copy_to_user(to, s->image, LEGACY_SIZE) ? -EFAULT : 0;
	if (copy_to_user(to, s->image, SW_RESERVED_OFFSET) || copy_to_user(to + SW_RESERVED_OFFSET, &sw, sizeof(sw)) ||
	    copy_to_user(to + LEGACY_SIZE, s->image + LEGACY_SIZE, fpu_state_size - LEGACY_SIZE) ||
	    put_user_u32(FP_MAGIC2, (u32 __user *)(to + fpu_state_size)))
		return -EFAULT;
	return 0;
}

/* Reads the image at `from` into s and makes it fit to be loaded: nothing in it may fault. */
static int import(struct fpu_state *s, const u8 __user *from)
{
	struct sw_reserved sw;
	u32 magic2 = 0, mxcsr;
	bool extended;

	if (copy_from_user(s->image, from, LEGACY_SIZE))
		return -EFAULT;
	memcpy(&sw, s->image + SW_RESERVED_OFFSET, sizeof(sw));
	extended = features && sw.magic1 == FP_MAGIC1 && sw.xstate_size >= LEGACY_SIZE + HEADER_SIZE && sw.xstate_size <= fpu_state_size &&
		   sw.extended_size == sw.xstate_size + sizeof(u32) && !get_user_u32(&magic2, (const u32 __user *)(from + sw.xstate_size)) &&
		   magic2 == FP_MAGIC2;
	if (extended) {
		if (copy_from_user(s->image + LEGACY_SIZE, from + LEGACY_SIZE, sw.xstate_size - LEGACY_SIZE))
			return -EFAULT;
		u64 kept = header(s->image)->xstate_bv & features & sw.xfeatures;
		memset(header(s->image), 0, HEADER_SIZE);
		header(s->image)->xstate_bv = kept;
	} else if (features) {
		memset(header(s->image), 0, HEADER_SIZE);
		header(s->image)->xstate_bv = X87 | SSE;
	}
	memcpy(&mxcsr, s->image + MXCSR_OFFSET, 4);
	mxcsr &= mxcsr_mask;
	memcpy(s->image + MXCSR_OFFSET, &mxcsr, 4);
	return 0;
}

int fpu_restore_from_user(const void __user *buf)
{
	struct fpu_state *fresh, *old;
	int err;

	if (!buf) {
		fpu_reset_current();
		return 0;
	}
	/* Into a state of its own: the thread's image is written at each switch, and the copy may sleep. */
	fresh = fpu_alloc();
	if (!fresh)
		return -ENOMEM;
	err = import(fresh, buf);
	if (err) {
		fpu_free(fresh);
		return err;
	}
	preempt_disable();
	old = current->fpu;
	load(fresh->image);
	fresh->cpu = cpu_id();
	*percpu_ptr(owner) = fresh;
	current->fpu = fresh;
	preempt_enable();
	fpu_free(old);
	return 0;
}

static void free_of_thread(struct thread *t)
{
	fpu_free(t->fpu);
	t->fpu = NULL;
}
NOTIFIER(thread_free, free_of_thread);
