/* Stage 07: the sleep in wait, and the locks. Asked for by name: they want two CPUs. */
#include "07_process.h"
#include "core/ktest.h"

#include "core/atomic.h"
#include "lib/string.h"
#include "proc/cow.h"
#include "proc/proc_priv.h"
#include "sched/smp.h"
#include "sched/wait.h"
#include "vm/aspace.h"

#define WAITER_CPU 1u
enum { PATIENCE = 1000 }; /* milliseconds */

static struct process *parent, *child;
static struct wait_request request;
static long found;
static struct cred cred;
static u32 waited; /* atomic */

static void waiter(void *arg __unused)
{
	found = wait_for_child(&request);
	atomic_store(&waited, 1u);
	thread_exit();
}

/* A process without memory, whose first thread waits for a child, on one CPU. */
static struct process *make(const char *name)
{
	struct process *p = process_alloc(name);

	if (!p || thread_signal_create(p->leader) || !process_signal_create(p) || !(p->sighand = sighand_create()))
		return NULL;
	p->leader->cred = cred_get(&cred);
	thread_set_entry(p->leader, thread_entry, sizeof(struct trapframe), (u64)waiter, 0);
	thread_set_affinity(p->leader, 1u << WAITER_CPU);
	return p;
}

static WAIT_QUEUE(go);
static u32 ending; /* atomic */

/* The child's end, as far as its parent sees it. */
static void end_child(void *arg __unused)
{
	wait_event(&go, atomic_load(&ending));
	spin_lock(&process_tree_lock);
	child->zombie = true;
	exit_queue_zombie(child);
	exit_tell_parent(child);
	spin_unlock(&process_tree_lock);
}

/* The parent stands at the tree lock, which we hold. */
static bool parent_at_the_lock(unsigned ms)
{
	u64 end = time_ns() + ms * NSEC_PER_MSEC;
	bool there;

	do {
		there = (u16)(READ_ONCE(process_tree_lock.ticket.next) - READ_ONCE(process_tree_lock.ticket.owner)) == 2;
		cpu_relax();
	} while (!there && time_ns() < end);
	return there;
}

/*
 * The child ends right when its parent has looked for the n-th time and found nothing: we hold the lock that both need, and let the parent in first. On the
 * parent's CPU the child is by then the more urgent thread, so it comes on as soon as the parent lets go of the lock. A parent that sleeps before its n-th look
 * is woken by the end.
 */
static void end_after_look(unsigned n)
{
	parent = make("ktest-parent");
	child = make("ktest-child");
	struct thread *ender = thread_create("ktest-ender", end_child, NULL);
	KREQUIRE(parent && child && ender);
	thread_set_affinity(ender, 1u << WAITER_CPU);
	thread_set_policy(ender, 1 /* SCHED_FIFO */, 50);
	child->parent = parent;
	child->exit_status = 5 << 8;
	spin_lock(&process_tree_lock);
	list_add_tail(&parent->children, &child->sibling);
	spin_unlock(&process_tree_lock);
	request = (struct wait_request){ .which = WAIT_ANY, .options = (int)(WEXITED | WNOWAIT | WALL) };
	ending = waited = 0;
	thread_start(ender);
	thread_sleep_ns(5 * NSEC_PER_MSEC);

	spin_lock(&process_tree_lock);
	thread_start(parent->leader);
	bool looks = parent_at_the_lock(PATIENCE);
	for (unsigned i = 1; i < n && looks; i++) {
		spin_unlock(&process_tree_lock); /* the parent's turn, then ours again */
		spin_lock(&process_tree_lock);
		looks = parent_at_the_lock(20);
	}
	atomic_store(&ending, 1u);
	wait_wake_all(&go);
	u64 end = time_ns() + 20 * NSEC_PER_MSEC;
	while (looks && !READ_ONCE(cpus[WAITER_CPU]->need_resched) && time_ns() < end)
		cpu_relax();
	spin_unlock(&process_tree_lock);

	for (unsigned i = 0; i < PATIENCE && !atomic_load(&waited); i++)
		thread_sleep_ns(NSEC_PER_MSEC);
	KREQUIRE(atomic_load(&waited));
	KEXPECT_EQ(found, child->pid);
	KEXPECT_EQ(request.status, 5 << 8);
}

KTEST(07, ask_no_end_is_slept_over)
{
	KREQUIRE(cpu_count >= 2);
	refcount_set(&cred.ref, 1);
	thread_set_affinity(current, 1);
	for (unsigned n = 1; n <= 3; n++)
		end_after_look(n);
}

/* --- locks ------------------------------------------------------------------------------------------------------------ */

enum { PLACE = 0x30000000 };
static struct aspace *from, *to;

static void copy_area(void)
{
	rwlock_write(&from->lock);
	rwlock_write(&to->lock);
	KEXPECT_EQ(cow_copy_area(area_at(to, PLACE), area_at(from, PLACE)), 0);
	rwlock_write_done(&to->lock);
	rwlock_write_done(&from->lock);
}

static void look_for_children(void)
{
	struct wait_request r = { .which = WAIT_ANY, .options = (int)(WEXITED | WALL | WNOHANG) };

	current->process = parent;
	wait_for_child(&r);
	current->process = NULL;
}

static bool map_one_page(struct aspace *as)
{
	u64 word = 1;

	return as && vm_map(as, PLACE, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0) > 0 &&
	       (as == to || vm_access(as, PLACE, &word, sizeof(word), true) == sizeof(word));
}

KTEST(07, ask_the_locks_are_taken)
{
	KREQUIRE(cpu_count >= 2);
	from = aspace_create();
	to = aspace_create();
	parent = idle_process(0);
	KREQUIRE(map_one_page(from) && map_one_page(to) && parent);
	KEXPECT(waits_for_lock(&from->page_lock, copy_area)); /* the parent's other threads fault meanwhile */
	KEXPECT(waits_for_lock(&process_tree_lock, look_for_children));
	process_put(parent);
	aspace_put_user(to);
	aspace_put_user(from);
}
