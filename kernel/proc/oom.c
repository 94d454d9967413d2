/*
 * Out of memory: the last resort when nothing could be reclaimed. The process with the most pages is killed; never init, never a zombie or one that dies
 * already. If one dies already, that is what to wait for: no second one is killed for the same need within a moment.
 */
#include "proc_priv.h"

#include "core/printk.h"
#include "lib/string.h"
#include "vm/aspace.h"

#define PATIENCE_NS (2 * NSEC_PER_SEC)

static void oom_kill(int *killed)
{
	struct process *p, *victim = NULL;
	static u64 last_kill; /* tree lock */
	u64 most = 0, total = 0, anon = 0, now = time_ns();
	bool dying = false;
	char name[16] = "";

	spin_lock(&process_tree_lock);
	list_for_each(p, &process_list, all_link) {
		if (p->zombie || p->is_init || !p->aspace)
			continue;
		if (p->signal->group_exit || !p->signal->live) {
			dying = true;
			continue;
		}
		u64 pages = aspace_rss(p->aspace) + p->aspace->table_pages;
		if (pages >= most) {
			most = pages;
			victim = p;
		}
	}
	if (victim && (!dying || now - last_kill > PATIENCE_NS)) {
		process_get(victim);
		strlcpy(name, victim->leader->name, sizeof(name));
		total = victim->aspace->total_pages;
		anon = victim->aspace->anon_rss;
		last_kill = now;
	} else {
		victim = NULL;
	}
	spin_unlock(&process_tree_lock);

	struct process *me = current->process;
	if (victim) {
		pr_err("Out of memory: Killed process %d (%s) total-vm:%lukB, anon-rss:%lukB\n", victim->pid, name, total * (PAGE_SIZE / 1024),
		       anon * (PAGE_SIZE / 1024));
		signal_send_process(victim, SIGKILL, NULL);
		*killed = victim == me ? 2 : 1;
		process_put(victim);
	} else if (dying) {
		*killed = me && (me->signal->group_exit || !me->signal->live) ? 2 : 1;
	}
}
NOTIFIER(out_of_memory, oom_kill);
