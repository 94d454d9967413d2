/* The auxiliary vector: what the kernel tells a program's start code, in the order in which Linux writes it. */
#include "exec/exec.h"

#include "abi/elf.h"
#include "abi/time.h"
#include "core/cpu.h"
#include "usermode/usermode.h"

#define HWCAP2_FSGSBASE 2
#define SIGFRAME_BYTES 440 /* rt_sigframe without the FPU state (SDM vol. 1, 13.4 for that) */

void auxv_add(struct auxv_list *l, u64 type, u64 value)
{
	u32 i = 0;

	while (i < l->n && l->v[i][0] != type)
		i++;
	if (i == l->n) {
		if (l->n == AUXV_MAX)
			return;
		l->n++;
	}
	l->v[i][0] = type;
	l->v[i][1] = value;
}

void auxv_collect(struct auxv_list *l, struct aspace *as, const struct exec_image *img, vaddr_t random, vaddr_t execfn, vaddr_t platform)
{
	u32 cpu[4];

	cpuid(1, 0, cpu);
	l->n = 0;
	if (as->vdso)
		auxv_add(l, AT_SYSINFO_EHDR, as->vdso);
	auxv_add(l, AT_MINSIGSTKSZ, ALIGN_UP(SIGFRAME_BYTES + fpu_frame_size() + 64 + 16 + 8, 16ul));
	auxv_add(l, AT_HWCAP, cpu[3]);
	auxv_add(l, AT_PAGESZ, PAGE_SIZE);
	auxv_add(l, AT_CLKTCK, USER_HZ);
	auxv_add(l, AT_PHDR, img->phdr);
	auxv_add(l, AT_PHENT, img->phent);
	auxv_add(l, AT_PHNUM, img->phnum);
	auxv_add(l, AT_BASE, img->interp_base);
	auxv_add(l, AT_FLAGS, 0);
	auxv_add(l, AT_ENTRY, img->program_entry);
	auxv_add(l, AT_UID, 0);
	auxv_add(l, AT_EUID, 0);
	auxv_add(l, AT_GID, 0);
	auxv_add(l, AT_EGID, 0);
	auxv_add(l, AT_SECURE, 0);
	auxv_add(l, AT_RANDOM, random);
	auxv_add(l, AT_HWCAP2, cpu_has(CPU_FSGSBASE) ? HWCAP2_FSGSBASE : 0);
	auxv_add(l, AT_EXECFN, execfn);
	auxv_add(l, AT_PLATFORM, platform);
	NOTIFIER_CALL(exec_auxv, as, img, l);
	if (l->n == AUXV_MAX)
		l->n--;
	l->v[l->n][0] = AT_NULL;
	l->v[l->n][1] = 0;
	l->n++;
}
