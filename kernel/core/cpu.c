/* CPU features, as a table of CPUID bits, and the protections that they allow. */
#include "core/cpu.h"
#include "lib/string.h"

enum { REG_A, REG_B, REG_C, REG_D };
static const struct {
	u32 leaf, sub;
	u8 reg, bit;
} feature_bits[CPU_FEATURE_COUNT] = {
	[CPU_NX] = { 0x80000001, 0, REG_D, 20 },
	[CPU_SMEP] = { 7, 0, REG_B, 7 },
	[CPU_SMAP] = { 7, 0, REG_B, 20 },
	[CPU_UMIP] = { 7, 0, REG_C, 2 },
	[CPU_FSGSBASE] = { 7, 0, REG_B, 0 },
	[CPU_XSAVE] = { 1, 0, REG_C, 26 },
	[CPU_XSAVEOPT] = { 0xd, 1, REG_A, 0 },
	[CPU_XSAVEC] = { 0xd, 1, REG_A, 1 },
	[CPU_AVX] = { 1, 0, REG_C, 28 },
	[CPU_AVX512] = { 7, 0, REG_B, 16 },
	[CPU_PCID] = { 1, 0, REG_C, 17 },
	[CPU_INVPCID] = { 7, 0, REG_B, 10 },
	[CPU_RDRAND] = { 1, 0, REG_C, 30 },
	[CPU_RDSEED] = { 7, 0, REG_B, 18 },
	[CPU_RDTSCP] = { 0x80000001, 0, REG_D, 27 },
	[CPU_PDPE1GB] = { 0x80000001, 0, REG_D, 26 },
	[CPU_PGE] = { 1, 0, REG_D, 13 },
	[CPU_X2APIC] = { 1, 0, REG_C, 21 },
	[CPU_TSC_DEADLINE] = { 1, 0, REG_C, 24 },
	[CPU_INVARIANT_TSC] = { 0x80000007, 0, REG_D, 8 },
	[CPU_ERMS] = { 7, 0, REG_B, 9 },
	[CPU_FSRM] = { 7, 0, REG_D, 4 },
	[CPU_CRC32] = { 1, 0, REG_C, 20 }, /* with SSE4.2 */
	[CPU_HYPERVISOR] = { 1, 0, REG_C, 31 },
};

static u64 features; /* bit per enum cpu_feature; written once, before other CPUs run */
char cpu_vendor[13], cpu_brand[49];

bool cpu_has(enum cpu_feature f)
{
	return features >> f & 1;
}

void cpu_features_init(void)
{
	u32 r[4], max, max_extended;

	cpuid(0, 0, r);
	max = r[0];
	memcpy(cpu_vendor, &r[1], 4);
	memcpy(cpu_vendor + 4, &r[3], 4);
	memcpy(cpu_vendor + 8, &r[2], 4);
	cpuid(0x80000000, 0, r);
	max_extended = r[0];
	for (u32 i = 0; max_extended >= 0x80000004 && i < 3; i++) {
		cpuid(0x80000002 + i, 0, r);
		memcpy(cpu_brand + 16 * i, r, 16);
	}
	for (int f = 0; f < CPU_FEATURE_COUNT; f++) {
		u32 leaf = feature_bits[f].leaf;
		if (leaf > (leaf & 0x80000000 ? max_extended : max))
			continue;
		cpuid(leaf, feature_bits[f].sub, r);
		if (r[feature_bits[f].reg] >> feature_bits[f].bit & 1)
			features |= 1ul << f;
	}
}

void cpu_harden(void)
{
	u64 cr4 = read_cr4();

	write_cr0(read_cr0() | CR0_WP);
	if (cpu_has(CPU_NX))
		wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_NXE);
	if (cpu_has(CPU_SMEP))
		cr4 |= CR4_SMEP;
	if (cpu_has(CPU_SMAP))
		cr4 |= CR4_SMAP;
	if (cpu_has(CPU_UMIP))
		cr4 |= CR4_UMIP;
	if (cpu_has(CPU_PGE))
		cr4 |= CR4_PGE;
	write_cr4(cr4);
}
