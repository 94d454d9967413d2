/* Stage 07: the processes that tests run as, or look at. */
#include "07_process.h"

#include "core/atomic.h"
#include "exec/exec.h"
#include "file/file.h"
#include "mm/slab.h"
#include "proc/proc_priv.h"
#include "sched/smp.h"
#include "sched/wait.h"
#include "time/time.h"
#include "usermode/usermode.h"
#include "vm/aspace.h"

#define PATIENCE (20 * NSEC_PER_SEC)

static void (*to_run)(void);
static bool ended; /* atomic */
static WAIT_QUEUE(end_of_it);

static void body(void *arg __unused)
{
	to_run();
	atomic_store(&ended, true);
	wait_wake_all(&end_of_it);
	process_exit_group(0);
}

bool run_as_process(void (*fn)(void))
{
	struct process *p = process_alloc("ktest");
	struct aspace *as = aspace_create();
	int err = 0;

	if (!p || !as || vm_map(as, PROCESS_MEMORY, PROCESS_PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0) < 0)
		return false;
	NOTIFIER_CALL(process_first, p, &err);
	p->leader->files = files_create();
	if (err || !p->leader->files)
		return false;
	p->aspace = p->leader->aspace = as;
	thread_set_entry(p->leader, thread_entry, sizeof(struct trapframe), (u64)body, 0);
	to_run = fn;
	ended = false;
	thread_start(p->leader);
	wait_event_until(&end_of_it, atomic_load(&ended), time_ns() + PATIENCE);
	return atomic_load(&ended);
}

/* --- locks ------------------------------------------------------------------------------------------------------------ */

enum { HOLD = 5 }; /* milliseconds */
static struct spinlock *to_hold;
static u32 held, entered, released, holder_gone; /* atomic */

static void hold_lock(void *arg __unused)
{
	spin_lock(to_hold);
	atomic_store(&held, 1u);
	while (!atomic_load(&entered))
		cpu_relax();
	for (u64 end = time_ns() + HOLD * NSEC_PER_MSEC; time_ns() < end;)
		cpu_relax();
	atomic_store(&released, 1u);
	spin_unlock(to_hold);
	atomic_store(&holder_gone, 1u);
}

bool waits_for_lock(struct spinlock *lock, void (*fn)(void))
{
	u64 affinity = current->affinity;
	struct thread *t;

	if (cpu_count < 2)
		return true;
	thread_set_affinity(current, 1);
	to_hold = lock;
	held = entered = released = holder_gone = 0;
	t = thread_create("ktest", hold_lock, NULL);
	if (!t)
		return false;
	thread_set_affinity(t, 2);
	thread_start(t);
	while (!atomic_load(&held))
		cpu_relax();
	atomic_store(&entered, 1u);
	fn();
	bool waited = atomic_load(&released);
	while (!atomic_load(&holder_gone))
		cpu_relax();
	thread_set_affinity(current, affinity);
	return waited;
}

/* --- processes that do nothing --------------------------------------------------------------------------------------- */

struct process *idle_process(u32 uid)
{
	struct process *p = process_alloc("ktest");
	struct cred *c = kzalloc(sizeof(*c), 0);

	if (!p || !c || thread_signal_create(p->leader) || !process_signal_create(p) || !(p->sighand = sighand_create()) || !(c->user = account_get(uid)))
		return NULL;
	refcount_set(&c->ref, 1);
	c->uid = uid;
	c->euid = uid + 1;
	p->leader->cred = c;
	p->leader->signal->blocked = ~0ul;
	return p;
}

void idle_process_publish(struct process *p, struct pgroup *g)
{
	atomic_fetch_add(&p->leader->cred->user->processes, 1u);
	thread_publish(p->leader);
	process_publish(p);
	p->session = g->session;
	session_get(p->session);
	pgroup_get(g);
	pgroup_enter(p, g);
}

void forget_signals(void)
{
	u64 flags;
	struct sighand *h = sighand_lock(current->process, &flags);

	pending_flush(&current->signal->pending, ~0ul);
	pending_flush(&current->process->signal->pending, ~0ul);
	signal_recalc(current);
	sighand_unlock(h, flags);
}
