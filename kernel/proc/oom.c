/*
 * Out of memory: the last resort when nothing could be reclaimed. The process with the most pages is killed, where /proc/PID/oom_score_adj counts as that many
 * thousandths of all memory; never init, one that -1000 protects, or a zombie. If one dies already, that is what to wait for: no second one is killed for the
 * same need within a moment.
 */
#include "proc_priv.h"

#include "core/printk.h"
#include "lib/string.h"
#include "vm/aspace.h"

#define PATIENCE_NS (2 * NSEC_PER_SEC)
#define ADJ_NEVER (-1000)

u64 oom_kill_caller;

static void oom_kill(int *killed)
{
	struct process *p, *caller = current->process, *victim = NULL;
	static u64 last_kill; /* tree lock */
	u64 total = 0, anon = 0, now = time_ns();
	s64 most = 0;
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
		s64 adj = READ_ONCE(p->oom_score_adj), points = (s64)(aspace_rss(p->aspace) + p->aspace->table_pages) + adj * (s64)(frame_total() / 1000);
		if (adj != ADJ_NEVER && (!victim || points >= most)) {
			most = points;
			victim = p;
		}
	}
	/* Whoever asked for the last page, where administrators want it so and he can be killed. */
	if (READ_ONCE(oom_kill_caller) && caller && !caller->is_init && READ_ONCE(caller->oom_score_adj) != ADJ_NEVER)
		victim = caller;
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

	if (victim) {
		pr_err("Out of memory: Killed process %d (%s) total-vm:%lukB, anon-rss:%lukB\n", victim->pid, name, total * (PAGE_SIZE / 1024),
		       anon * (PAGE_SIZE / 1024));
		signal_send_process(victim, SIGKILL, NULL);
		*killed = victim == caller ? 2 : 1;
		process_put(victim);
	} else if (dying) {
		*killed = caller && (caller->signal->group_exit || !caller->signal->live) ? 2 : 1;
	}
}
NOTIFIER(out_of_memory, oom_kill);
