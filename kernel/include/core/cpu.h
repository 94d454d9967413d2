/* The processor: instructions, control registers, MSRs, features (Intel SDM vol. 2 and 4, CPUID). */
#ifndef CORE_CPU_H
#define CORE_CPU_H

#include "core/compiler.h"

#define RFLAGS_CF (1ul << 0)
#define RFLAGS_FIXED (1ul << 1)
#define RFLAGS_TF (1ul << 8)
#define RFLAGS_IF (1ul << 9)
#define RFLAGS_DF (1ul << 10)
#define RFLAGS_IOPL (3ul << 12)
#define RFLAGS_NT (1ul << 14)
#define RFLAGS_RF (1ul << 16)
#define RFLAGS_AC (1ul << 18)
#define RFLAGS_ID (1ul << 21)

#define CR0_WP (1ul << 16)
#define CR4_PGE (1ul << 7)
#define CR4_OSFXSR (1ul << 9)
#define CR4_OSXMMEXCPT (1ul << 10)
#define CR4_UMIP (1ul << 11)
#define CR4_FSGSBASE (1ul << 16)
#define CR4_PCIDE (1ul << 17)
#define CR4_OSXSAVE (1ul << 18)
#define CR4_SMEP (1ul << 20)
#define CR4_SMAP (1ul << 21)

#define MSR_APIC_BASE 0x1b
#define MSR_EFER 0xc0000080u
#define MSR_STAR 0xc0000081u
#define MSR_LSTAR 0xc0000082u
#define MSR_CSTAR 0xc0000083u
#define MSR_FMASK 0xc0000084u
#define MSR_FS_BASE 0xc0000100u
#define MSR_GS_BASE 0xc0000101u
#define MSR_KERNEL_GS_BASE 0xc0000102u
#define MSR_TSC_AUX 0xc0000103u
#define EFER_SCE (1ul << 0)
#define EFER_NXE (1ul << 11)

static inline void outb(u16 port, u8 v) { __asm__ volatile("outb %0, %1" ::"a"(v), "Nd"(port)); }
static inline void outw(u16 port, u16 v) { __asm__ volatile("outw %0, %1" ::"a"(v), "Nd"(port)); }
static inline void outl(u16 port, u32 v) { __asm__ volatile("outl %0, %1" ::"a"(v), "Nd"(port)); }
static inline u8 inb(u16 port) { u8 v; __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port)); return v; }
static inline u16 inw(u16 port) { u16 v; __asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(port)); return v; }
static inline u32 inl(u16 port) { u32 v; __asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port)); return v; }

static inline u64 rdmsr(u32 msr) { u32 lo, hi; __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr)); return (u64)hi << 32 | lo; }
static inline void wrmsr(u32 msr, u64 v) { __asm__ volatile("wrmsr" ::"c"(msr), "a"((u32)v), "d"((u32)(v >> 32)) : "memory"); }
static inline u64 rdtsc(void) { u32 lo, hi; __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi)); return (u64)hi << 32 | lo; }
static inline u64 read_cr0(void) { u64 v; __asm__ volatile("mov %%cr0, %0" : "=r"(v)); return v; }
static inline u64 read_cr2(void) { u64 v; __asm__ volatile("mov %%cr2, %0" : "=r"(v)); return v; }
static inline u64 read_cr3(void) { u64 v; __asm__ volatile("mov %%cr3, %0" : "=r"(v)); return v; }
static inline u64 read_cr4(void) { u64 v; __asm__ volatile("mov %%cr4, %0" : "=r"(v)); return v; }
static inline void write_cr0(u64 v) { __asm__ volatile("mov %0, %%cr0" ::"r"(v) : "memory"); }
static inline void write_cr3(u64 v) { __asm__ volatile("mov %0, %%cr3" ::"r"(v) : "memory"); }
static inline void write_cr4(u64 v) { __asm__ volatile("mov %0, %%cr4" ::"r"(v) : "memory"); }
static inline void invlpg(u64 va) { __asm__ volatile("invlpg (%0)" ::"r"(va) : "memory"); }
static inline void irq_enable(void) { __asm__ volatile("sti" ::: "memory"); }
static inline void irq_disable(void) { __asm__ volatile("cli" ::: "memory"); }
static inline u64 read_rflags(void) { u64 f; __asm__ volatile("pushfq; pop %0" : "=r"(f)); return f; }
static inline bool irq_enabled(void) { return read_rflags() & RFLAGS_IF; }
static inline u64 irq_save(void) { u64 f = read_rflags(); irq_disable(); return f; }
static inline void irq_restore(u64 f) { if (f & RFLAGS_IF) irq_enable(); }
static inline void cpuid(u32 leaf, u32 sub, u32 out[4])
{
	__asm__ volatile("cpuid" : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3]) : "a"(leaf), "c"(sub));
}

/*
 * Passes time without a look at anything: two instructions a round. Between two looks at a device that is waited for: a look costs far more than the look
 * is worth where every access leaves the guest.
 */
static inline void cpu_spin(u32 rounds) { __asm__ volatile("1: dec %0; jnz 1b" : "+r"(rounds) : : "cc"); }

/* Features, read once at boot. */
enum cpu_feature {
	CPU_NX, CPU_SMEP, CPU_SMAP, CPU_UMIP, CPU_FSGSBASE, CPU_XSAVE, CPU_XSAVEOPT, CPU_XSAVEC, CPU_AVX, CPU_AVX512, CPU_PCID, CPU_INVPCID, CPU_RDRAND, CPU_RDSEED,
	CPU_RDTSCP, CPU_PDPE1GB, CPU_PGE, CPU_X2APIC, CPU_TSC_DEADLINE, CPU_INVARIANT_TSC, CPU_ERMS, CPU_FSRM, CPU_CRC32, CPU_HYPERVISOR, CPU_FEATURE_COUNT
};
bool cpu_has(enum cpu_feature f);
void cpu_features_init(void);    /* CPU 0, early */
void cpu_harden(void);           /* every CPU: WP, NXE, SMEP, SMAP, UMIP, PGE as there are */
extern char cpu_vendor[13], cpu_brand[49];

#endif
