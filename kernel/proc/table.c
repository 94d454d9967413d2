/*
 * Who is there: processes, threads, groups and sessions by number.
 *
 *   process_list ── all processes, zombies too          session ◄── pgroup ◄── process ◄── threads
 *   four hash tables: pid, tid, group id, session id    one number space: a number is free when nobody of the four uses it
 *
 * Locks: the tree lock guards tables, lists and family links. Two things are also wanted by interrupt handlers (terminals, timers), which must not take the
 * tree lock: the members of a group (changed under the tree lock and pgroup_lock, read under either) and the threads of a process (changed under the tree
 * lock and sighand->lock, read under either).
 */
#include "proc_priv.h"

#include "core/panic.h"
#include "lib/hash.h"
#include "mm/slab.h"
#include "vm/aspace.h"

#define BUCKETS 4096

struct spinlock process_tree_lock = SPINLOCK_INIT("process tree", RANK_PROCESS_TREE);
struct spinlock pgroup_lock = SPINLOCK_INIT("process groups", RANK_PGROUP);
struct list process_list = LIST_INIT(process_list);
u32 process_count, thread_total;
struct process *init_process;

/* Tree lock. */
static struct hlist_head pid_table[BUCKETS], tid_table[BUCKETS], pgroup_table[BUCKETS / 4], session_table[BUCKETS / 4];

static struct hlist_head *bucket(struct hlist_head *table, size_t size, int id)
{
	return &table[(u32)id & (size - 1)];
}
#define BUCKET(table, id) bucket(table, ARRAY_SIZE(table), id)

struct process *process_lookup(int pid)
{
	hlist_for_each(n, BUCKET(pid_table, pid)) {
		struct process *p = container_of(n, struct process, pid_hash);
		if (p->pid == pid)
			return p;
	}
	return NULL;
}

struct thread *thread_lookup(int tid)
{
	hlist_for_each(n, BUCKET(tid_table, tid)) {
		struct thread *t = container_of(n, struct thread, tid_hash);
		if (t->tid == tid)
			return t;
	}
	return NULL;
}

struct pgroup *pgroup_lookup(int id)
{
	hlist_for_each(n, BUCKET(pgroup_table, id)) {
		struct pgroup *g = container_of(n, struct pgroup, hash);
		if (g->id == id)
			return g;
	}
	return NULL;
}

static struct session *session_lookup(int id)
{
	hlist_for_each(n, BUCKET(session_table, id)) {
		struct session *s = container_of(n, struct session, hash);
		if (s->id == id)
			return s;
	}
	return NULL;
}

struct process *process_find(int pid)
{
	spin_lock(&process_tree_lock);
	struct process *p = process_lookup(pid);
	if (p)
		process_get(p);
	spin_unlock(&process_tree_lock);
	return p;
}

struct thread *thread_find(int tid)
{
	spin_lock(&process_tree_lock);
	struct thread *t = thread_lookup(tid);
	if (t)
		thread_get(t);
	spin_unlock(&process_tree_lock);
	return t;
}

struct pgroup *pgroup_find(int id)
{
	spin_lock(&process_tree_lock);
	struct pgroup *g = pgroup_lookup(id);
	if (g)
		pgroup_get(g);
	spin_unlock(&process_tree_lock);
	return g;
}

struct process *process_next(int *pid_after)
{
	struct process *p = NULL;

	spin_lock(&process_tree_lock);
	for (int pid = tid_next(*pid_after); pid < TID_MAX && !p; pid = tid_next(pid)) {
		p = process_lookup(pid);
		if (p) {
			process_get(p);
			*pid_after = pid;
		}
	}
	spin_unlock(&process_tree_lock);
	return p;
}

struct aspace *process_aspace_get(struct process *p)
{
	spin_lock(&process_tree_lock);
	struct aspace *as = p->aspace;
	if (as)
		aspace_get(as);
	spin_unlock(&process_tree_lock);
	return as;
}

bool process_is_published(const struct process *p)
{
	spin_lock(&process_tree_lock);
	bool published = !hlist_unlinked(&p->pid_hash);
	spin_unlock(&process_tree_lock);
	return published;
}

/* --- numbers ------------------------------------------------------------------------------------------------------- */

static bool number_used(int id)
{
	return thread_lookup(id) || process_lookup(id) || pgroup_lookup(id) || session_lookup(id);
}

bool process_number_used(int id)
{
	spin_lock(&process_tree_lock);
	bool used = number_used(id);
	spin_unlock(&process_tree_lock);
	return used;
}

/* Tree lock held: gives the number back if its last user went. */
static void number_release(int id)
{
	if (!number_used(id))
		tid_free(id);
}

void process_publish(struct process *p)
{
	hlist_add(BUCKET(pid_table, p->pid), &p->pid_hash);
	list_add_tail(&process_list, &p->all_link);
	process_count++;
}

void process_unpublish(struct process *p)
{
	hlist_del(&p->pid_hash);
	list_del(&p->all_link);
	process_count--;
	number_release(p->pid);
}

void thread_publish(struct thread *t)
{
	t->keep_tid = true;
	hlist_add(BUCKET(tid_table, t->tid), &t->tid_hash);
	thread_total++;
}

void thread_unpublish(struct thread *t)
{
	if (hlist_unlinked(&t->tid_hash))
		return;
	hlist_del(&t->tid_hash);
	thread_total--;
	number_release(t->tid);
}

/* --- groups and sessions ------------------------------------------------------------------------------------------- */

struct session *session_create(int id)
{
	struct session *s = kzalloc(sizeof(*s), 0);

	if (s) {
		refcount_set(&s->ref, 1);
		s->id = id;
	}
	return s;
}

struct pgroup *pgroup_create(int id, struct session *s)
{
	struct pgroup *g = kzalloc(sizeof(*g), 0);

	if (g) {
		refcount_set(&g->ref, 1);
		g->id = id;
		list_init(&g->members);
		session_get(s);
		g->session = s;
	}
	return g;
}

void session_publish(struct session *s) { hlist_add(BUCKET(session_table, s->id), &s->hash); }
void pgroup_publish(struct pgroup *g) { hlist_add(BUCKET(pgroup_table, g->id), &g->hash); }
void session_get(struct session *s) { refcount_get(&s->ref); }
void pgroup_get(struct pgroup *g) { refcount_get(&g->ref); }

/* A group or session leaves its table with its last reference: under the lock, so that a look-up never finds one that is going. */
void session_put(struct session *s)
{
	if (!s)
		return;
	spin_lock(&process_tree_lock);
	bool last = refcount_put(&s->ref);
	if (last && !hlist_unlinked(&s->hash)) {
		hlist_del(&s->hash);
		number_release(s->id);
	}
	spin_unlock(&process_tree_lock);
	if (last)
		kfree(s);
}

void pgroup_put(struct pgroup *g)
{
	if (!g)
		return;
	spin_lock(&process_tree_lock);
	bool last = refcount_put(&g->ref);
	if (last && !hlist_unlinked(&g->hash)) {
		hlist_del(&g->hash);
		number_release(g->id);
	}
	spin_unlock(&process_tree_lock);
	if (!last)
		return;
	session_put(g->session);
	kfree(g);
}

void pgroup_enter(struct process *p, struct pgroup *g)
{
	u64 flags = spin_lock_irqsave(&pgroup_lock);
	p->pgroup = g;
	list_add_tail(&g->members, &p->pgroup_link);
	spin_unlock_irqrestore(&pgroup_lock, flags);
}

struct pgroup *pgroup_leave(struct process *p)
{
	struct pgroup *g = p->pgroup;
	u64 flags = spin_lock_irqsave(&pgroup_lock);
	list_del(&p->pgroup_link);
	p->pgroup = NULL;
	/* A group that nobody is in any more cannot be joined, though a terminal may still hold it. */
	if (g && list_empty(&g->members) && !hlist_unlinked(&g->hash)) {
		hlist_del(&g->hash);
		spin_unlock_irqrestore(&pgroup_lock, flags);
		number_release(g->id);
		return g;
	}
	spin_unlock_irqrestore(&pgroup_lock, flags);
	return g;
}

bool pgroup_orphaned_without(struct pgroup *g, struct process *without)
{
	struct process *p;

	list_for_each(p, &g->members, pgroup_link) {
		struct process *parent = p->parent;
		if (p == without || p->zombie || !parent || parent == init_process)
			continue;
		if (parent->pgroup != g && parent->session == g->session)
			return false;
	}
	return true;
}

bool pgroup_is_orphaned(struct pgroup *g) { return pgroup_orphaned_without(g, NULL); }

bool pgroup_has_stopped(struct pgroup *g)
{
	struct process *p;

	list_for_each(p, &g->members, pgroup_link)
		if (p->signal->stopped)
			return true;
	return false;
}

/* --- states for /proc ---------------------------------------------------------------------------------------------- */

char thread_state_char(struct thread *t)
{
	switch (READ_ONCE(t->state)) {
	case THREAD_RUNNABLE: return 'R';
	case THREAD_INTERRUPTIBLE: return 'S';
	case THREAD_UNINTERRUPTIBLE: return 'D';
	case THREAD_STOPPED: return 'T';
	}
	return 'Z';
}

char process_state_char(struct process *p)
{
	if (p->zombie)
		return 'Z';
	if (p->signal && p->signal->stopped)
		return 'T';
	char c = thread_state_char(p->leader);
	return c;
}
