/* What /proc/PID tells of memory: maps, smaps, statm, cmdline, environ, auxv, mem. */
#include "abi/stat.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "procfs_priv.h"

#define KB(pages) ((u64)(pages) * (PAGE_SIZE / 1024))

/* The name at the end of a line of maps: column 73, where Linux has it. */
static void show_area_name(struct seq *s, struct aspace *as, struct area *a, size_t line_start)
{
	const char *name = NULL;
	char *buf = NULL;
	if (a->file && a->file->mount && a->file->dentry) {
		struct path p = { a->file->mount, a->file->dentry };
		buf = kmalloc(PATH_MAX, 0);
		name = buf ? path_text(&p, buf, PATH_MAX) : NULL;
		if (IS_ERR(name))
			name = NULL;
	} else if (a->flags & AREA_VDSO) {
		name = a->prot & PROT_EXEC ? "[vdso]" : "[vvar]";
	} else if (a->start <= as->stack_top && a->end >= as->stack_top && as->stack_top) {
		name = "[stack]";
	} else if ((a->flags & AREA_HEAP) || (as->brk > as->brk_start && a->start < as->brk && a->end > as->brk_start && !a->file)) {
		name = "[heap]";
	}
	if (name && *name) {
		for (size_t n = s->len - line_start; n < 73; n++)
			seq_write(s, " ", 1);
		for (; *name; name++)
			if (*name == '\n')
				seq_puts(s, "\\012");
			else
				seq_write(s, name, 1);
	}
	seq_write(s, "\n", 1);
	kfree(buf);
}

static void show_area(struct seq *s, struct aspace *as, struct area *a)
{
	size_t start = s->len;
	struct inode *i = a->file ? a->file->inode : NULL;
	u64 dev = i && i->sb ? i->sb->dev : 0;
	seq_printf(s, "%08lx-%08lx %c%c%c%c %08lx %02x:%02x %lu ", a->start, a->end, a->prot & PROT_READ ? 'r' : '-', a->prot & PROT_WRITE ? 'w' : '-',
		   a->prot & PROT_EXEC ? 'x' : '-', a->flags & AREA_SHARED ? 's' : 'p', i ? a->pgoff << PAGE_SHIFT : 0, abi_major(dev), abi_minor(dev), i ? i->ino : 0);
	show_area_name(s, as, a, start);
}

struct area_figures {
	u64 rss, shared_clean, shared_dirty, private_clean, private_dirty, anonymous, pss, locked;
};

/* Counts the pages that are there. page_lock is not needed for an estimate: entries are read once each. */
static void area_figures(struct aspace *as, struct area *a, struct area_figures *g)
{
	for (vaddr_t va = a->start; va < a->end; va += PAGE_SIZE) {
		pte_t *e = pt_walk(as->pt, va, false);
		pte_t pte = e ? READ_ONCE(*e) : 0;
		if (!(pte & PTE_PRESENT)) {
			if (!e)
				va = ALIGN_UP(va + 1, LARGE_PAGE_SIZE) - PAGE_SIZE;
			continue;
		}
		if (a->flags & AREA_SPECIAL)
			continue;
		struct frame *f = phys_to_frame(pte & PTE_ADDR);
		u32 maps = MAX(READ_ONCE(f->mapcount), 1u);
		bool dirty = (f->flags & (FRAME_DIRTY | FRAME_ANON)) != 0;
		g->rss++;
		g->pss += 4096 / maps;
		g->anonymous += (f->flags & FRAME_ANON) != 0;
		*(maps > 1 ? dirty ? &g->shared_dirty : &g->shared_clean : dirty ? &g->private_dirty : &g->private_clean) += 1;
	}
}

static void show_figures(struct seq *s, const struct area_figures *g, bool rollup)
{
	seq_printf(s, "Rss:            %8lu kB\nPss:            %8lu kB\nPss_Dirty:      %8lu kB\n", KB(g->rss), g->pss / 1024, KB(g->private_dirty));
	if (rollup)
		seq_printf(s, "Pss_Anon:       %8lu kB\nPss_File:       %8lu kB\nPss_Shmem:             0 kB\n", KB(g->anonymous), g->pss / 1024 - MIN(KB(g->anonymous), g->pss / 1024));
	seq_printf(s, "Shared_Clean:   %8lu kB\nShared_Dirty:   %8lu kB\nPrivate_Clean:  %8lu kB\nPrivate_Dirty:  %8lu kB\n", KB(g->shared_clean), KB(g->shared_dirty),
		   KB(g->private_clean), KB(g->private_dirty));
	seq_printf(s, "Referenced:     %8lu kB\nAnonymous:      %8lu kB\n", KB(g->rss), KB(g->anonymous));
	seq_puts(s, "LazyFree:              0 kB\nAnonHugePages:         0 kB\nShmemPmdMapped:        0 kB\nFilePmdMapped:         0 kB\n"
		    "Shared_Hugetlb:        0 kB\nPrivate_Hugetlb:       0 kB\nSwap:                  0 kB\nSwapPss:               0 kB\n");
	seq_printf(s, "Locked:         %8lu kB\n", g->locked / 1024);
}

static int each_area(struct seq *s, struct process *p, void (*fn)(struct seq *s, struct aspace *as, struct area *a, void *arg), void *arg)
{
	struct aspace *as = process_aspace_get(p);
	if (!as)
		return 0;
	rwlock_read(&as->lock);
	for (struct area *a = area_first(as); a; a = area_next(a))
		fn(s, as, a, arg);
	rwlock_read_done(&as->lock);
	aspace_put(as);
	return 0;
}

static void one_map(struct seq *s, struct aspace *as, struct area *a, void *arg __unused) { show_area(s, as, a); }

static void one_smap(struct seq *s, struct aspace *as, struct area *a, void *arg __unused)
{
	struct area_figures g = { 0 };
	show_area(s, as, a);
	area_figures(as, a, &g);
	g.locked = a->flags & AREA_LOCKED ? g.pss : 0;
	seq_printf(s, "Size:           %8lu kB\nKernelPageSize:        4 kB\nMMUPageSize:           4 kB\n", (a->end - a->start) / 1024);
	show_figures(s, &g, false);
	seq_printf(s, "THPeligible:    0\nVmFlags:%s%s%s%s%s%s%s%s%s%s\n", a->prot & PROT_READ ? " rd" : "", a->prot & PROT_WRITE ? " wr" : "", a->prot & PROT_EXEC ? " ex" : "",
		   a->flags & AREA_SHARED ? " sh" : "", a->flags & AREA_MAYREAD ? " mr" : "", a->flags & AREA_MAYWRITE ? " mw" : "", a->flags & AREA_MAYEXEC ? " me" : "",
		   a->flags & AREA_STACK ? " gd" : "", a->flags & AREA_LOCKED ? " lo" : "", a->flags & AREA_DONTEXPAND ? " de" : "");
}

struct rollup {
	struct area_figures g;
	vaddr_t first, last;
};

static void sum_area(struct seq *s __unused, struct aspace *as, struct area *a, void *arg)
{
	struct rollup *r = arg;
	if (!r->last)
		r->first = a->start;
	r->last = a->end;
	u64 before = r->g.pss;
	area_figures(as, a, &r->g);
	if (a->flags & AREA_LOCKED)
		r->g.locked += r->g.pss - before;
}

int show_maps(struct seq *s, struct process *p, struct thread *t __unused) { return each_area(s, p, one_map, NULL); }
int show_smaps(struct seq *s, struct process *p, struct thread *t __unused) { return each_area(s, p, one_smap, NULL); }

int show_smaps_rollup(struct seq *s, struct process *p, struct thread *t __unused)
{
	struct rollup r = { 0 };
	each_area(s, p, sum_area, &r);
	seq_printf(s, "%08lx-%08lx ---p 00000000 00:00 0                                  [rollup]\n", r.first, r.last);
	show_figures(s, &r.g, true);
	return 0;
}

int show_statm(struct seq *s, struct process *p, struct thread *t __unused)
{
	struct aspace *as = process_aspace_get(p);
	if (!as) {
		seq_puts(s, "0 0 0 0 0 0 0\n");
		return 0;
	}
	seq_printf(s, "%lu %lu %lu %lu 0 %lu 0\n", as->total_pages, aspace_rss(as), as->file_rss + as->shmem_rss,
		   (ALIGN_UP(as->code_end, PAGE_SIZE) - ALIGN_DOWN(as->code_start, PAGE_SIZE)) >> PAGE_SHIFT, as->data_pages + as->stack_pages);
	aspace_put(as);
	return 0;
}

/* Bytes [from, to) of the process's memory into the text, as far as they can be read. */
static void copy_memory(struct seq *s, struct aspace *as, vaddr_t from, vaddr_t to)
{
	char *page = kmalloc(PAGE_SIZE, 0);
	while (page && from < to) {
		size_t want = MIN((size_t)(to - from), PAGE_SIZE), got = vm_access(as, from, page, want, false);
		seq_write(s, page, got);
		from += got;
		if (got < want)
			break;
	}
	kfree(page);
}

/*
 * The arguments as they lie in memory. A program that writes its title there may run over into the environment, and leaves no NUL as their last byte: then
 * the text is what stands at their start up to the first NUL.
 */
int show_cmdline(struct seq *s, struct process *p, struct thread *t __unused)
{
	struct aspace *as = process_aspace_get(p);
	char last = 0;
	if (!as)
		return 0;
	if (as->arg_end > as->arg_start) {
		vm_access(as, as->arg_end - 1, &last, 1, false);
		if (!last)
			copy_memory(s, as, as->arg_start, as->arg_end);
		for (vaddr_t a = as->arg_start; last && a - as->arg_start < PAGE_SIZE && a < as->env_end && vm_access(as, a, &last, 1, false) == 1; a++)
			seq_write(s, &last, 1);
	}
	aspace_put(as);
	return 0;
}

int show_environ(struct seq *s, struct process *p, struct thread *t __unused)
{
	struct aspace *as = process_aspace_get(p);
	if (!as)
		return 0;
	copy_memory(s, as, as->env_start, as->env_end);
	aspace_put(as);
	return 0;
}

int show_auxv(struct seq *s, struct process *p, struct thread *t __unused)
{
	struct aspace *as = process_aspace_get(p);
	if (!as)
		return 0;
	size_t n = 0;
	while (n + 2 < ARRAY_SIZE(as->auxv) && as->auxv[n])
		n += 2;
	seq_write(s, as->auxv, (n + 2) * sizeof(u64));
	aspace_put(as);
	return 0;
}

/* --- mem ----------------------------------------------------------------------------------------------------------- */

/*
 * The file is the memory that the process had when it was opened, and rights are asked then: by number it would lead into a set-user-id program that its
 * opener, by then, runs, and that writes where it was told to. Memory first, then rights: exec changes the rights before the memory.
 */
static int mem_open(struct file *f)
{
	struct proc_inode *pi = proc_of(f->inode);

	f->private = process_aspace_get(pi->process);
	return process_may_trace(proc_thread(pi), false);
}

static void mem_release(struct file *f)
{
	if (f->private)
		aspace_put(f->private);
}

static ssize_t mem_io(struct file *f, struct uio *u, s64 *pos, bool write)
{
	struct aspace *as = f->private;
	if (!as || !refcount_get_unless_zero(&as->users))
		return 0;
	char *page = kmalloc(PAGE_SIZE, 0);
	size_t total = 0;
	ssize_t ret = page ? 0 : -ENOMEM;
	while (!ret && u->left) {
		size_t want = MIN(u->left, PAGE_SIZE - (u64)*pos % PAGE_SIZE), n;
		if (write) {
			want = uio_read(u, page, want);
			n = vm_access(as, (vaddr_t)*pos, page, want, true);
		} else {
			n = vm_access(as, (vaddr_t)*pos, page, want, false);
			n = n ? uio_write(u, page, n) : 0;
		}
		total += n;
		*pos += (s64)n;
		if (n < want || n == 0) {
			ret = total ? 0 : -EIO;
			break;
		}
	}
	kfree(page);
	aspace_put_user(as);
	return total ? (ssize_t)total : ret;
}

static ssize_t mem_read(struct file *f, struct uio *to, s64 *pos) { return mem_io(f, to, pos, false); }
static ssize_t mem_write(struct file *f, struct uio *from, s64 *pos) { return mem_io(f, from, pos, true); }

static s64 mem_lseek(struct file *f, s64 off, int whence)
{
	if (whence == SEEK_END)
		return -EINVAL;
	return generic_lseek(f, off, whence, INT64_MAX, 0);
}

const struct file_ops mem_file_ops = {
	.name = "proc mem", .no_splice = NO_SPLICE, .open = mem_open, .read = mem_read, .write = mem_write, .lseek = mem_lseek, .release = mem_release
};
