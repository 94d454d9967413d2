/* What a process may ask for: resource limits, locked memory, overcommitment. */
#include "vm_priv.h"

#include "core/node.h"
#include "lib/string.h"

static int overcommit_mode; /* as vm.overcommit_memory: 0 refuses the absurd, 1 nothing, 2 counts */
static u64 overcommit_ratio = 50;
bool (*vm_may_lock_hook)(void);

u64 vm_rlimit(unsigned which)
{
	struct process *p = current_process();
	return p ? READ_ONCE(p->rlimits[which].cur) : RLIM_INFINITY_;
}

bool vm_may_lock(void)
{
	return !vm_may_lock_hook || vm_may_lock_hook();
}

bool vm_overcommit_ok(u64 pages)
{
	if (overcommit_mode == 1)
		return true;
	if (overcommit_mode == 2)
		return frame_anon_count() + pages <= frame_total() * overcommit_ratio / 100;
	return pages <= frame_total();
}

int vm_check_limits(struct aspace *as, u64 pages, u32 prot, u32 area_flags)
{
	u64 limit = vm_rlimit(RLIM_AS) >> PAGE_SHIFT;
	if (as->total_pages + pages > limit)
		return -ENOMEM;
	if (prot & PROT_WRITE && !(area_flags & (AREA_SHARED | AREA_STACK)) && as->data_pages + pages > vm_rlimit(RLIM_DATA) >> PAGE_SHIFT)
		return -ENOMEM;
	if (prot & PROT_WRITE && !(area_flags & (AREA_SHARED | AREA_NORESERVE)) && !vm_overcommit_ok(pages))
		return -ENOMEM;
	return 0;
}

bool vm_lock_allowed(struct aspace *as, u64 more_pages)
{
	return as->locked_pages + more_pages <= vm_rlimit(RLIM_MEMLOCK) >> PAGE_SHIFT || vm_may_lock();
}

u64 aspace_rss(const struct aspace *as)
{
	return atomic_load_relaxed(&as->anon_rss) + atomic_load_relaxed(&as->file_rss) + atomic_load_relaxed(&as->shmem_rss);
}

static int show_overcommit(struct seq *s)
{
	seq_printf(s, "%d\n", overcommit_mode);
	return 0;
}

static ssize_t store_overcommit(const char *text, size_t len)
{
	const char *end;
	u64 v = parse_u64(text, &end, 10);
	if (end == text || v > 2)
		return -EINVAL;
	overcommit_mode = v;
	return len;
}
NODE(overcommit, .path = "sys/vm/overcommit_memory", .mode = 0644, .show = show_overcommit, .store = store_overcommit);

static int show_ratio(struct seq *s)
{
	seq_printf(s, "%lu\n", overcommit_ratio);
	return 0;
}

static ssize_t store_ratio(const char *text, size_t len)
{
	const char *end;
	u64 v = parse_u64(text, &end, 10);
	if (end == text || v > 10000)
		return -EINVAL;
	overcommit_ratio = v;
	return len;
}
NODE(overcommit_ratio, .path = "sys/vm/overcommit_ratio", .mode = 0644, .show = show_ratio, .store = store_ratio);

static int show_max_map_count(struct seq *s)
{
	seq_printf(s, "%d\n", MAX_AREAS);
	return 0;
}
NODE(max_map_count, .path = "sys/vm/max_map_count", .show = show_max_map_count);

static int show_mmap_min_addr(struct seq *s)
{
	seq_printf(s, "%lu\n", USER_MIN);
	return 0;
}
NODE(mmap_min_addr, .path = "sys/vm/mmap_min_addr", .show = show_mmap_min_addr);
