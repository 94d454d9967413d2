/* The struct of a process: made here, given a life by proc (07). */
#include "usermode/process.h"

#include "abi/errno.h"
#include "lib/string.h"
#include "mm/frame.h"
#include "mm/pagetable.h"
#include "mm/slab.h"
#include "usermode/usermode.h"

#define MIB (1ul << 20)
static const struct rlimit default_rlimits[RLIM_COUNT] = {
	[RLIM_CPU] = { RLIM_INFINITY_, RLIM_INFINITY_ },
	[RLIM_FSIZE] = { RLIM_INFINITY_, RLIM_INFINITY_ },
	[RLIM_DATA] = { RLIM_INFINITY_, RLIM_INFINITY_ },
	[RLIM_STACK] = { 8 * MIB, RLIM_INFINITY_ },
	[RLIM_CORE] = { 0, RLIM_INFINITY_ },
	[RLIM_RSS] = { RLIM_INFINITY_, RLIM_INFINITY_ },
	[RLIM_NOFILE] = { 1024, 4096 },
	[RLIM_MEMLOCK] = { 8 * MIB, 8 * MIB },
	[RLIM_AS] = { RLIM_INFINITY_, RLIM_INFINITY_ },
	[RLIM_LOCKS] = { RLIM_INFINITY_, RLIM_INFINITY_ },
	[RLIM_MSGQUEUE] = { 819200, 819200 },
	[RLIM_NICE] = { 0, 0 },
	[RLIM_RTPRIO] = { 0, 0 },
	[RLIM_RTTIME] = { RLIM_INFINITY_, RLIM_INFINITY_ },
};

u64 threads_max;

/* As many threads as an eighth of memory has kernel stacks for; one user may have half of them, and as many queued signals. */
static u64 default_nproc(void)
{
	struct mem_stats st;

	if (!threads_max) {
		mem_stats(&st);
		threads_max = MAX(st.total / (8 * KSTACK_SIZE / PAGE_SIZE), 32ul);
	}
	return threads_max / 2;
}

struct process *process_alloc(const char *name)
{
	struct process *p = kzalloc(sizeof(*p), 0);
	struct thread *t;

	if (!p)
		return NULL;
	t = thread_alloc(name);
	if (!t)
		goto free_process;
	t->fpu = fpu_alloc();
	if (!t->fpu)
		goto put_thread;
	thread_get(t);
	t->process = p;
	t->sampled_user = true;
	user_frame_init(thread_user_frame(t), 0, 0);
	thread_set_entry(t, ret_from_fork, sizeof(struct trapframe), 0, 0);

	refcount_set(&p->ref, 1);
	p->pid = t->tid;
	p->leader = t;
	list_init(&p->threads);
	list_add_tail(&p->threads, &t->process_link);
	p->thread_count = 1;
	list_init(&p->children);
	list_init(&p->sibling);
	list_init(&p->pgroup_link);
	list_init(&p->all_link);
	wait_queue_init(&p->child_wait);
	memcpy(p->rlimits, default_rlimits, sizeof(p->rlimits));
	p->rlimits[RLIM_NPROC].cur = p->rlimits[RLIM_NPROC].max = default_nproc();
	p->rlimits[RLIM_SIGPENDING] = p->rlimits[RLIM_NPROC];
	p->dumpable = 1;
	p->start_ns = t->start_ns;
	return p;

put_thread:
	thread_put(t);
free_process:
	kfree(p);
	return NULL;
}

int process_adopt_thread(struct process *p, struct thread *t)
{
	t->fpu = fpu_alloc();
	if (!t->fpu)
		return -ENOMEM;
	process_get(p);
	t->process = p;
	t->sampled_user = true;
	return 0;
}

void process_get(struct process *p) { refcount_get(&p->ref); }

void process_put(struct process *p)
{
	if (!refcount_put(&p->ref))
		return;
	NOTIFIER_CALL(process_free, p);
	thread_put(p->leader); /* may free p */
}

static void thread_freed(struct thread *t)
{
	struct process *p = t->process;
	if (!p)
		return;
	if (p->leader == t)
		kfree(p);
	else
		process_put(p);
}
NOTIFIER(thread_free, thread_freed);
