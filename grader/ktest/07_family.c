/*
 * Stage 07: families at random, beside a model.
 *
 * Processes are born, stop, go on, end and are waited for, with every option; none of them runs. After each step all that wait.c keeps of them is
 * compared with what the model says: parents, lists, zombies, sums of usage, signals, references.
 */
#include "07_process.h"
#include "core/ktest.h"

#include "lib/string.h"
#include "proc/proc_priv.h"

enum { PEOPLE = 14, GROUPS = 5, SIGNALS = 2, STEPS = 2000, INIT = 0 };

struct person {
	struct process *p; /* NULL: this place is free. Counted, so that one who went can still be looked at */
	bool zombie, gone, stopped, stop_told, continued, subreaper;
	int parent, group, exit_signal, stop_signo, parent_death;
	enum { DEFAULT, IGNORED, NO_ZOMBIES, CAUGHT } on_child; /* what it does about SIGCHLD */
	u64 pending;
	struct usage children;
};
static struct person people[PEOPLE];
static struct pgroup *groups[GROUPS];
static struct session *sessions[2];
static bool wrong; /* the first thing that is, ends the test */

static void expect_(bool ok, int line, const char *what, int who)
{
	if (ok)
		return;
	wrong = true;
	ktest_check(false, __FILE__, line, what);
	ktest_note("person", who);
}
#define EXPECT_OF(who, cond) expect_((cond), __LINE__, #cond, who)

static u32 dice(u32 n) { return ktest_random() % n; }

/* --- the model ------------------------------------------------------------------------------------------------------ */

static bool lives(int i) { return people[i].p && !people[i].zombie && !people[i].gone; }
static bool is_child(int i, int of) { return people[i].p && !people[i].gone && i != INIT && people[i].parent == of; }

static int someone_alive(void)
{
	int i;

	do
		i = dice(PEOPLE);
	while (!lives(i));
	return i;
}

/* A signal that nothing but being ignored while it is not blocked keeps away: all of them are blocked. */
static void tell(int i, int signo)
{
	if (signo > 0 && signo <= NSIG && lives(i))
		people[i].pending |= SIGMASK(signo);
}

static struct session *session_of(int group) { return sessions[group == GROUPS - 1]; }

static bool orphaned(int group, int without)
{
	for (int i = 0; i < PEOPLE; i++) {
		int up = people[i].parent;
		if (lives(i) && i != INIT && i != without && people[i].group == group && up != INIT && people[up].group != group && session_of(people[up].group) == session_of(group))
			return false;
	}
	return true;
}

/* POSIX: a group with a stopped member that nobody could continue any more hears SIGHUP and SIGCONT. */
static void hang_up_if_stopped(int group)
{
	bool any = false;

	for (int i = 0; i < PEOPLE; i++)
		any |= people[i].p && !people[i].gone && people[i].group == group && people[i].stopped;
	for (int i = 0; i < PEOPLE && any; i++)
		if (lives(i) && people[i].group == group) {
			tell(i, SIGHUP);
			tell(i, SIGCONT);
			people[i].continued |= people[i].stopped;
			people[i].stopped = false;
		}
}

/* i, a zombie, is told to its parent; who wants no zombies has none. */
static void told(int i)
{
	struct person *up = &people[people[i].parent];
	bool sigchld = people[i].exit_signal == SIGCHLD;

	if (!(sigchld && up->on_child == IGNORED))
		tell(people[i].parent, people[i].exit_signal);
	people[i].gone = sigchld && (up->on_child == IGNORED || up->on_child == NO_ZOMBIES);
}

static void model_end(int i)
{
	int reaper = people[i].parent;

	while (reaper != INIT && !people[reaper].subreaper)
		reaper = people[reaper].parent;
	for (int c = 0; c < PEOPLE; c++) {
		if (!is_child(c, i))
			continue;
		people[c].parent = reaper;
		people[c].exit_signal = SIGCHLD;
		if (people[c].zombie) {
			told(c);
			continue;
		}
		tell(c, people[c].parent_death);
		if (people[c].group != people[i].group && session_of(people[c].group) == session_of(people[i].group) && orphaned(people[c].group, -1))
			hang_up_if_stopped(people[c].group);
	}
	int up = people[i].parent;
	if (people[up].group != people[i].group && session_of(people[up].group) == session_of(people[i].group) && orphaned(people[i].group, i))
		hang_up_if_stopped(people[i].group);
	people[i].zombie = true;
	told(i);
}

/* --- the family as it is -------------------------------------------------------------------------------------------- */

static void compare_lists(int i)
{
	struct process *p = people[i].p, *child;
	u32 living = 0, dead = 0, model_living = 0, model_dead = 0;
	u64 oldest = 0;

	list_for_each(child, &p->children, sibling) {
		EXPECT_OF(i, child->parent == p && !child->zombie);
		if (wrong || ++living > PEOPLE)
			break;
	}
	list_for_each(child, &p->signal->zombies, sibling) {
		EXPECT_OF(i, child->parent == p && child->zombie);
		EXPECT_OF(i, child->start_ns >= oldest); /* the oldest first */
		oldest = child->start_ns;
		if (wrong || ++dead > PEOPLE)
			break;
	}
	for (int c = 0; c < PEOPLE; c++)
		if (is_child(c, i))
			(*(people[c].zombie ? &model_dead : &model_living))++;
	EXPECT_OF(i, living == model_living);
	EXPECT_OF(i, dead == model_dead);
}

static void compare(void)
{
	spin_lock(&process_tree_lock);
	for (int i = 0; i < PEOPLE && !wrong; i++) {
		struct person *m = &people[i];
		struct process *p = m->p;

		if (!p || m->gone)
			continue;
		EXPECT_OF(i, process_lookup(p->pid) == p);
		EXPECT_OF(i, p->zombie == m->zombie);
		EXPECT_OF(i, i == INIT || p->parent == people[m->parent].p);
		EXPECT_OF(i, p->exit_signal == m->exit_signal);
		EXPECT_OF(i, m->zombie || p->signal->pending.set == m->pending);
		EXPECT_OF(i, p->signal->stopped == m->stopped);
		EXPECT_OF(i, !m->stopped || p->signal->stop_reported == m->stop_told);
		EXPECT_OF(i, m->stopped || p->signal->continued_pending == m->continued);
		EXPECT_OF(i, p->children_user_ns == m->children.user_ns && p->children_system_ns == m->children.system_ns);
		EXPECT_OF(i, p->children_min_faults == m->children.min_faults && p->children_maj_faults == m->children.maj_faults);
		EXPECT_OF(i, p->children_max_rss == m->children.max_rss);
		if (!m->zombie)
			compare_lists(i);
		else
			EXPECT_OF(i, list_empty(&p->children) && list_empty(&p->signal->zombies)); /* others have them */
	}
	spin_unlock(&process_tree_lock);
	/* Who went is in no table, and held by nobody but us. */
	for (int i = 0; i < PEOPLE && !wrong; i++) {
		struct person *m = &people[i];
		if (!m->p || !m->gone)
			continue;
		EXPECT_OF(i, !process_is_published(m->p));
		EXPECT_OF(i, refcount_read(&m->p->ref) == 1);
		EXPECT_OF(i, m->p->pgroup == NULL);
		process_put(m->p);
		memset(m, 0, sizeof(*m));
	}
}

/* --- steps ---------------------------------------------------------------------------------------------------------- */

static bool birth(int i, int parent)
{
	static const int exit_signals[] = { SIGCHLD, SIGCHLD, SIGCHLD, SIGUSR1, 0, 200, SIGRTMIN };
	struct person *m = &people[i];
	struct process *p = idle_process(1000 + dice(1000));

	if (!p)
		return false;
	memset(m, 0, sizeof(*m));
	m->parent = parent;
	m->group = i == INIT ? 0 : dice(3) ? people[parent].group : (int)dice(GROUPS);
	m->exit_signal = p->exit_signal = i == INIT ? SIGCHLD : exit_signals[dice(ARRAY_SIZE(exit_signals))];
	m->parent_death = p->signal->parent_death_signal = dice(3) ? 0 : SIGUSR2;
	m->subreaper = p->signal->subreaper = i != INIT && !dice(5);
	p->dead_user_ns = dice(1000000);
	p->dead_system_ns = dice(1000000);
	p->leader->min_faults = dice(1000);
	p->leader->maj_faults = dice(1000);
	p->max_rss = dice(1000);
	p->start_ns = time_ns();
	process_get(p);
	m->p = p;
	spin_lock(&process_tree_lock);
	idle_process_publish(p, groups[m->group]);
	if (i != INIT) {
		p->parent = people[parent].p;
		list_add_tail(&p->parent->children, &p->sibling);
	}
	spin_unlock(&process_tree_lock);
	return true;
}

static void minds_children(int i)
{
	struct abi_sigaction *a = &people[i].p->sighand->action[SIGCHLD - 1];

	people[i].on_child = dice(2) ? DEFAULT : dice(4);
	a->handler = people[i].on_child == IGNORED ? SIG_IGN : people[i].on_child == CAUGHT ? 0x1000 : SIG_DFL;
	a->flags = people[i].on_child == NO_ZOMBIES ? SA_NOCLDWAIT : 0;
}

static void stop_or_go_on(int i)
{
	struct process_signal *s = people[i].p->signal;

	people[i].stopped = s->stopping = s->stopped = !s->stopped;
	people[i].stop_signo = s->stop_signo = SIGSTOP + dice(4);
	people[i].stop_told = s->stop_reported = false;
	people[i].continued = s->continued_pending = !s->stopped;
}

static void end(int i)
{
	static const int statuses[] = { 0, 7 << 8, 255 << 8, SIGKILL, SIGSEGV | 0x80, SIGTERM, 64 };

	spin_lock(&process_tree_lock);
	people[i].p->exit_status = statuses[dice(ARRAY_SIZE(statuses))];
	people[i].p->exiting = true;
	people[i].p->thread_count = 0;
	people[i].p->signal->stopping = people[i].p->signal->stopped = people[i].stopped = false;
	model_end(i);
	exit_notify(people[i].p);
	spin_unlock(&process_tree_lock);
	exit_free_dead();
}

static bool counts(int c, int waiter, const struct wait_request *r)
{
	const struct person *m = &people[c];

	if (!is_child(c, waiter) || (m->zombie && !(r->options & WEXITED)))
		return false;
	if ((r->which == WAIT_PID && m->p->pid != r->id) || (r->which == WAIT_PGROUP && groups[m->group]->id != r->id))
		return false;
	return (r->options & (int)WALL) || (m->exit_signal != SIGCHLD) == !!(r->options & (int)WCLONE);
}

static bool has_news(int c, const struct wait_request *r)
{
	const struct person *m = &people[c];

	return m->zombie || ((r->options & WUNTRACED) && m->stopped && !m->stop_told) || ((r->options & WCONTINUED) && m->continued && !m->stopped);
}

static void add_usage(struct usage *to, const struct usage *u)
{
	to->user_ns += u->user_ns;
	to->system_ns += u->system_ns;
	to->min_faults += u->min_faults;
	to->maj_faults += u->maj_faults;
	to->max_rss = MAX(to->max_rss, u->max_rss);
}

/* What the waiter is told of c is true, and c has told it. */
static void check_answer(int waiter, int c, const struct wait_request *r, const struct usage *own, int exit_status)
{
	struct person *m = &people[c];
	struct usage all = *own;
	bool keep = r->options & WNOWAIT;

	add_usage(&all, &m->children);
	EXPECT_OF(c, r->uid == m->p->leader->cred->uid);
	EXPECT_OF(c, r->usage.user_ns == all.user_ns && r->usage.system_ns == all.system_ns);
	EXPECT_OF(c, r->usage.min_faults == all.min_faults && r->usage.maj_faults == all.maj_faults);
	EXPECT_OF(c, r->usage.max_rss == all.max_rss);
	EXPECT_OF(c, r->usage.voluntary == own->voluntary && r->usage.involuntary == own->involuntary);
	if (m->zombie) {
		EXPECT_OF(c, r->status == exit_status);
		EXPECT_OF(c, r->code == (!(exit_status & 0x7f) ? CLD_EXITED : exit_status & 0x80 ? CLD_DUMPED : CLD_KILLED));
		m->gone = !keep;
		if (!keep)
			add_usage(&people[waiter].children, &all);
	} else if (m->stopped) {
		EXPECT_OF(c, r->status == (m->stop_signo << 8 | 0x7f) && r->code == CLD_STOPPED);
		m->stop_told = !keep;
	} else {
		EXPECT_OF(c, r->status == 0xffff && r->code == CLD_CONTINUED);
		m->continued = keep;
	}
}

static void wait_of(int waiter)
{
	static const u32 bits[] = { WUNTRACED, WCONTINUED, WALL, WCLONE };
	struct wait_request r = { .which = dice(2) ? WAIT_ANY : dice(2) ? WAIT_PID : WAIT_PGROUP, .options = WNOHANG };
	struct usage own[PEOPLE];
	int c = dice(PEOPLE), status[PEOPLE];
	bool any = false, news = false;

	for (size_t b = 0; b < ARRAY_SIZE(bits); b++)
		if (dice(2))
			r.options |= (int)bits[b];
	r.options |= (dice(4) ? WEXITED : 0) | (dice(4) ? 0 : WNOWAIT);
	r.id = r.which == WAIT_PGROUP ? groups[dice(GROUPS)]->id : people[c].p ? people[c].p->pid : 1;
	for (c = 0; c < PEOPLE; c++) {
		if (!people[c].p)
			continue;
		usage_of_process(people[c].p, &own[c]);
		status[c] = people[c].p->exit_status;
		any |= counts(c, waiter, &r);
		news |= counts(c, waiter, &r) && has_news(c, &r);
	}
	current->process = people[waiter].p;
	long found = wait_for_child(&r);
	current->process = NULL;
	if (!news) {
		EXPECT_OF(waiter, found == (any ? 0 : -ECHILD));
		return;
	}
	for (c = 0; c < PEOPLE; c++)
		if (is_child(c, waiter) && people[c].p->pid == found)
			break;
	EXPECT_OF(waiter, c < PEOPLE && r.pid == found);
	if (wrong)
		return;
	EXPECT_OF(c, counts(c, waiter, &r) && has_news(c, &r));
	check_answer(waiter, c, &r, &own[c], status[c]);
}

static void step(void)
{
	int i = someone_alive();

	switch (dice(9)) {
	case 0:
	case 1:
	case 2:
		for (int free = 0; free < PEOPLE; free++)
			if (!people[free].p) {
				EXPECT_OF(free, birth(free, i));
				break;
			}
		break;
	case 3:
		if (i != INIT)
			end(i);
		break;
	case 4:
		minds_children(i);
		break;
	case 5:
		if (i != INIT)
			stop_or_go_on(i);
		break;
	default:
		i = dice(PEOPLE); /* somebody's parent rather than anybody */
		wait_of(people[i].p ? people[i].parent : INIT);
	}
}

KTEST(07, a_family_at_random)
{
	struct process *saved = init_process;
	u32 before = process_count, threads = thread_total;

	wrong = false;
	memset(people, 0, sizeof(people));
	for (int i = 0; i < 2; i++)
		KREQUIRE((sessions[i] = session_create(40000 + i)) != NULL);
	for (int i = 0; i < GROUPS; i++)
		KREQUIRE((groups[i] = pgroup_create(41000 + i, session_of(i))) != NULL);
	KREQUIRE(birth(INIT, INIT));
	init_process = people[INIT].p;
	for (int i = 0; i < STEPS && !wrong; i++) {
		step();
		compare();
	}
	/* All end, and the first process waits for whoever is left. */
	for (int i = PEOPLE - 1; i > INIT && !wrong; i--)
		if (lives(i)) {
			end(i);
			compare();
		}
	for (int i = 0; i < PEOPLE && !wrong; i++) {
		struct wait_request r = { .which = WAIT_ANY, .options = (int)(WEXITED | WALL | WNOHANG) };
		current->process = people[INIT].p;
		long found = wait_for_child(&r);
		current->process = NULL;
		if (found == -ECHILD)
			break;
		EXPECT_OF(INIT, found > 0);
	}
	KREQUIRE(!wrong);
	for (int i = 1; i < PEOPLE; i++)
		if (people[i].p) {
			KEXPECT_EQ(refcount_read(&people[i].p->ref), 1);
			process_put(people[i].p);
		}
	init_process = saved;
	spin_lock(&process_tree_lock);
	exit_detach(people[INIT].p);
	spin_unlock(&process_tree_lock);
	exit_free_dead();
	process_put(people[INIT].p);
	KEXPECT_EQ(process_count, before);
	KEXPECT_EQ(thread_total, threads);
	for (int i = 0; i < GROUPS; i++) {
		KEXPECT_EQ(refcount_read(&groups[i]->ref), 1);
		pgroup_put(groups[i]);
	}
	for (int i = 0; i < 2; i++) {
		KEXPECT_EQ(refcount_read(&sessions[i]->ref), 1);
		session_put(sessions[i]);
	}
}
