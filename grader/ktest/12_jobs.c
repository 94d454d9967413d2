/*
 * Stage 12: job control at random, beside a model. A process of the tests' own asks one terminal for everything, while the ties between sessions, groups and the terminal, who
 * it is itself, and what it does about the signals, are others each time. Besides what it hears, all ties, signals and references are compared.
 */
#include "07_process.h"
#include "core/ktest.h"
#include "watch.h"

#include "irq/irq.h"
#include "lib/string.h"
#include "proc/proc_priv.h"
#include "sched/smp.h"
#include "tty/tty_priv.h"
#include "usermode/uaccess.h"
#include "vm/aspace.h"

enum { ROUNDS = 3000, GROUPS = 5, SESSIONS = 2, NONE = -1, WORD = PROCESS_MEMORY + 64, NOWHERE = 0x1000 };

static struct tty tty;
static struct session *session[SESSIONS];
static struct pgroup *group[GROUPS]; /* the last is of the second session */
static struct process *member[GROUPS], *shell; /* each group has one that does nothing; the shell is who could continue them */
static u64 pending[GROUPS];                   /* of the members, as it should be */
static bool wrong;

/* How things stand. */
static struct {
	int session, front, own; /* of the terminal, or NONE; ours */
	bool left, leader, admin;
	u32 groups[GROUPS], sessions[SESSIONS], terminal; /* references, without those of the ties */
} now;

#define CHECK(cond) do { if (!wrong && !KEXPECT(cond)) wrong = true; } while (0)
#define CHECK_EQ(got, wanted) do { if (!wrong && !KEXPECT_EQ(got, wanted)) wrong = true; } while (0)

static u32 dice(u32 n) { return ktest_random() % n; }
static int session_of(int g) { return g == GROUPS - 1; }
static const struct tty_ops no_ops;

/* --- ties ------------------------------------------------------------------------------------------------------------ */

static void enter_group(struct process *p, int g)
{
	spin_lock(&process_tree_lock);
	struct pgroup *old = pgroup_leave(p);
	struct session *before = p->session;
	pgroup_get(group[g]);
	pgroup_enter(p, group[g]);
	session_get(group[g]->session);
	p->session = group[g]->session;
	spin_unlock(&process_tree_lock);
	pgroup_put(old);
	session_put(before);
}

static void untie(void)
{
	if (now.session == NONE)
		return;
	session[now.session]->tty = NULL;
	session_put(session[now.session]);
	if (now.front != NONE)
		pgroup_put(group[now.front]);
	tty.session = NULL;
	tty.foreground = NULL;
	tty_put(&tty);
}

static void tie(int s, int front)
{
	now.session = s;
	now.front = s == NONE ? NONE : front;
	if (s == NONE)
		return;
	session_get(session[s]);
	tty_get(&tty);
	session[s]->tty = &tty;
	tty.session = session[s];
	if (front != NONE) {
		pgroup_get(group[front]);
		tty.foreground = group[front];
	}
}

static void count_references(void)
{
	for (int g = 0; g < GROUPS; g++)
		now.groups[g] = refcount_read(&group[g]->ref) - (now.front == g);
	for (int s = 0; s < SESSIONS; s++)
		now.sessions[s] = refcount_read(&session[s]->ref) - (now.session == s);
	now.terminal = refcount_read(&tty.ref) - (now.session != NONE);
}

static void compare(void)
{
	CHECK(tty.session == (now.session == NONE ? NULL : session[now.session]));
	CHECK(tty.foreground == (now.front == NONE ? NULL : group[now.front]));
	CHECK_EQ(current->process->left_tty, now.left);
	for (int g = 0; g < GROUPS; g++) {
		CHECK_EQ(refcount_read(&group[g]->ref), now.groups[g] + (now.front == g));
		CHECK_EQ(member[g]->signal->pending.set, pending[g]);
	}
	for (int s = 0; s < SESSIONS; s++) {
		CHECK(session[s]->tty == (now.session == s ? &tty : NULL));
		CHECK_EQ(refcount_read(&session[s]->ref), now.sessions[s] + (now.session == s));
	}
	CHECK_EQ(refcount_read(&tty.ref), now.terminal + (now.session != NONE));
}

/* --- what should come of it ------------------------------------------------------------------------------------------ */

static bool mine(void) { return now.session == session_of(now.own) && !now.left; }

/* A group that the shell is in itself, or that is of another session, has nobody who could continue it. */
static bool orphaned(void) { return shell->pgroup == group[now.own] || shell->session != group[now.own]->session; }

static void tell(int g, int signo) { pending[g] |= SIGMASK(signo); }

static int change(int signo)
{
	const struct process *me = current->process;

	if (!mine() || now.front == NONE || now.front == now.own)
		return 0;
	if (current->signal->blocked & SIGMASK(signo) || me->sighand->action[signo - 1].handler == SIG_IGN)
		return signo == SIGTTIN ? -EIO : 0;
	if (orphaned())
		return -EIO;
	tell(now.own, signo);
	return -ERESTARTSYS;
}

static long to_the_front(u64 arg, u32 id)
{
	int err = change(SIGTTOU);

	if (err)
		return err == -EIO ? -ENOTTY : err;
	if (!mine())
		return -ENOTTY;
	if (arg == NOWHERE)
		return -EFAULT;
	if ((s32)id < 0)
		return -EINVAL;
	for (int g = 0; g < GROUPS; g++) {
		if (id != (u32)group[g]->id)
			continue;
		if (session_of(g) != now.session)
			return -EPERM;
		now.front = g;
		return 0;
	}
	return -ESRCH;
}

static long acquire(bool readable, u64 arg)
{
	int s = session_of(now.own);

	if (!readable && !now.admin)
		return -EPERM;
	if (!now.leader)
		return -EPERM;
	if (now.session == s)
		return 0;
	if (now.session != NONE && !(arg == 1 && now.admin))
		return -EPERM;
	now.session = s;
	now.front = now.own;
	now.left = false;
	return 0;
}

static long let_go(void)
{
	if (!mine())
		return -ENOTTY;
	if (session[now.session]->id != current->process->pid) {
		now.left = true;
		return 0;
	}
	if (now.front != NONE) {
		tell(now.front, SIGHUP);
		tell(now.front, SIGCONT);
	}
	now.session = now.front = NONE;
	return 0;
}

/* --- one round -------------------------------------------------------------------------------------------------------- */

static void forget_all_signals(void)
{
	forget_signals();
	for (int g = 0; g < GROUPS; g++) {
		pending_flush(&member[g]->signal->pending, ~0ul);
		pending[g] = 0;
	}
}

static void random_state(void)
{
	struct process *me = current->process;

	now.own = dice(GROUPS);
	now.left = me->left_tty = !dice(8);
	now.leader = dice(4);
	now.admin = dice(3);
	for (int s = 0; s < SESSIONS; s++) {
		session[s]->leader = s == session_of(now.own) && now.leader ? me : NULL;
		session[s]->id = session[s]->leader ? me->pid : 40000 + s;
	}
	enter_group(me, now.own);
	enter_group(shell, dice(GROUPS));
	me->leader->cred->cap_effective = now.admin ? ~0ul : 0;
	me->sighand->action[SIGTTIN - 1].handler = dice(3) ? SIG_DFL : SIG_IGN;
	me->sighand->action[SIGTTOU - 1].handler = dice(3) ? SIG_DFL : SIG_IGN;
	current->signal->blocked = ~(SIGMASK(SIGTTIN) | SIGMASK(SIGTTOU)) | (dice(3) ? 0 : SIGMASK(SIGTTIN) | SIGMASK(SIGTTOU));
	tie(dice(5) > 1 ? session_of(now.own) : (int)dice(SESSIONS + 1) - 1, NONE);
	if (now.session != NONE && dice(5)) {
		int s = now.session;
		untie();
		tie(s, s ? GROUPS - 1 : (int)dice(GROUPS - 1));
	}
	count_references();
}

static u32 sent_with_the_lock, unguarded;

/* What is watched as piece 1: references of a group, or a tie. And how many references there were. */
static struct refcount *references;
static u32 held;
static bool tie_watched;

/* Comes right behind a signal for the member that is watched, a new reference to a group, or a look at a tie. */
static bool touched(struct trapframe *f __unused)
{
	u64 which = watch_touched();

	if (which & 1) {
		if (spin_trylock(&tty_control_lock))
			spin_unlock(&tty_control_lock);
		else
			sent_with_the_lock++;
	}
	if (which & 2) {
		u32 now_held = refcount_read(references);
		bool locked = spin_is_held(&tty_control_lock) || (!tie_watched && spin_is_held(&process_tree_lock));
		if (tie_watched ? now_held <= held : now_held > held)
			unguarded += !locked;
		held = tie_watched ? held : now_held;
	}
	return true;
}

/* References to a group are taken under a lock that keeps it there. */
static void watch_references(struct pgroup *g)
{
	references = &g->ref;
	held = refcount_read(references);
	tie_watched = false;
	watch_memory(1, references, 4, WATCH_WRITES);
}

/*
 * Who looks at another session holds it, or the lock of its tie to the terminal; and the foreground group is another one only under that lock.
 */
static void watch_ties(bool foreground)
{
	bool stranger = now.session != NONE && session_of(now.own) != now.session;

	if (now.session == NONE || (!foreground && !stranger))
		return;
	references = &session[now.session]->ref;
	held = foreground ? ~0u : refcount_read(references);
	tie_watched = true;
	if (foreground)
		watch_memory(1, &tty.foreground, 8, WATCH_WRITES);
	else
		watch_memory(1, &session[now.session]->id, 4, WATCH_ACCESSES);
}

/* And who looks at the group in front holds that. */
static void watch_front(void)
{
	references = &group[now.front]->ref;
	held = refcount_read(references);
	tie_watched = true;
	watch_memory(1, &group[now.front]->id, 4, WATCH_ACCESSES);
}

/* member: NULL ends it. */
static void watch_signals(struct process *member)
{
	if (member)
		watch_memory(0, &member->signal->pending.set, 8, WATCH_WRITES);
	else
		watch_end();
}

static u32 asked; /* the last command */

static void ask(void)
{
	static const struct file_ops of_a_master;
	static const u32 commands[] = { TIOCGPGRP, TIOCSPGRP, TIOCSPGRP, TIOCGSID, TIOCSCTTY, TIOCSCTTY, TIOCNOTTY, 0x5499 };
	struct file f = { .ops = dice(4) ? &tty_file_ops : &of_a_master, .mode = dice(2) ? FILE_READ | FILE_WRITE : FILE_WRITE };
	bool master = f.ops != &tty_file_ops, readable = f.mode & FILE_READ;
	u32 cmd = commands[dice(ARRAY_SIZE(commands))], id = dice(8) ? (u32)group[dice(GROUPS)]->id : (u32[]){ -5u, 39999, 0 }[dice(3)], word = 0;
	u64 arg = dice(8) ? WORD : NOWHERE;
	long wanted = -ENOIOCTLCMD, answer = NONE;

	if (cmd == TIOCSCTTY)
		arg = dice(3);
	KEXPECT_EQ(put_user_u32(id, (u32 *)WORD), 0);
	if (cmd == TIOCSPGRP) {
		wanted = to_the_front(arg, id);
	} else if (cmd == TIOCSCTTY) {
		wanted = acquire(readable, arg);
	} else if (cmd == TIOCNOTTY) {
		wanted = let_go();
	} else if (cmd == TIOCGPGRP || cmd == TIOCGSID) {
		wanted = !master && !mine() ? -ENOTTY : cmd == TIOCGSID && now.session == NONE ? -ENOTTY : arg == NOWHERE ? -EFAULT : 0;
		answer = cmd == TIOCGSID ? (now.session == NONE ? NONE : session[now.session]->id) : now.front == NONE ? 0 : group[now.front]->id;
	}
	if (cmd == TIOCGPGRP && now.front != NONE)
		watch_front();
	else
		watch_ties(cmd != TIOCGSID && dice(2));
	long got = tty_job_ioctl(&tty, &f, cmd, arg);
	watch_signals(NULL);
	CHECK_EQ(got, wanted);
	CHECK_EQ(unguarded, 0);
	KEXPECT_EQ(get_user_u32(&word, (u32 *)WORD), 0);
	CHECK_EQ(word, answer != NONE && !wanted ? (u32)answer : id);
	asked = cmd;
}

static void one_round(bool watched)
{
	int signo = dice(2) ? SIGTTIN : SIGTTOU, what = (int)dice(4);

	random_state();
	if (watched && what < 2) {
		watch_signals(member[what == 0 ? now.own : MAX(now.front, 0)]);
		watch_references(group[what == 0 && dice(2) ? now.own : MAX(now.front, 0)]);
	}
	switch (what) {
	case 0: {
		int wanted = change(signo);
		CHECK_EQ(tty_check_change(&tty, signo), wanted);
		break;
	}
	case 1:
		signo = dice(2) ? SIGINT : SIGWINCH;
		if (now.front != NONE)
			tell(now.front, signo);
		tty_signal_foreground(&tty, signo);
		break;
	default:
		ask();
	}
	if (watched)
		watch_signals(NULL);
	CHECK_EQ(sent_with_the_lock, 0);
	CHECK_EQ(unguarded, 0);
	compare();
	if (wrong) {
		ktest_note("what was asked (0: may it read or write; 1: a signal; else: the command)", what < 2 ? (u64)what : asked);
		ktest_note("own group in front", now.own == now.front);
		ktest_note("the session's leader", now.leader);
	}
	untie();
	forget_all_signals();
}

/* The user's memory is not there yet: no lock is held while it comes. */
static void copies_bring_memory_in(void)
{
	static const u32 commands[] = { TIOCGSID, TIOCGPGRP, TIOCSPGRP };
	const u64 fresh = PROCESS_MEMORY + 64 * PAGE_SIZE;
	struct file f = { .ops = &tty_file_ops, .mode = FILE_READ | FILE_WRITE };

	random_state();
	untie();
	now.left = current->process->left_tty = false;
	tie(session_of(now.own), now.own);
	CHECK_EQ(vm_map(current->aspace, fresh, ARRAY_SIZE(commands) * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0), fresh);
	for (u32 i = 0; i < ARRAY_SIZE(commands); i++)
		CHECK_EQ(tty_job_ioctl(&tty, &f, commands[i], fresh + i * PAGE_SIZE), commands[i] == TIOCSPGRP ? -ESRCH : 0);
	untie();
	forget_all_signals();
}

static void jobs(void)
{
	struct process *me = current->process;
	struct pgroup *own = me->pgroup;

	wrong = false;
	pgroup_get(own);
	session_get(own->session);
	tty_init(&tty, "test", 0, &no_ops, NULL);
	for (int s = 0; s < SESSIONS; s++)
		session[s] = session_create(40000 + s);
	shell = idle_process(0);
	for (int g = 0; g < GROUPS; g++) {
		group[g] = pgroup_create(tid_alloc(), session[session_of(g)]);
		member[g] = idle_process(0);
		spin_lock(&process_tree_lock);
		pgroup_publish(group[g]);
		idle_process_publish(member[g], group[g]);
		/* Whoever the shell could continue is its child; the other session's member is as well. */
		member[g]->parent = shell;
		list_add_tail(&shell->children, &member[g]->sibling);
		spin_unlock(&process_tree_lock);
		process_get(member[g]);
	}
	spin_lock(&process_tree_lock);
	idle_process_publish(shell, group[0]);
	spin_unlock(&process_tree_lock);
	process_get(shell);
	sent_with_the_lock = unguarded = 0;
	trap_register(TRAP_DEBUG, touched);
	for (int i = 0; i < ROUNDS && !wrong; i++)
		one_round(i % 16 == 0);
	trap_register(TRAP_DEBUG, NULL);
	if (!wrong)
		copies_bring_memory_in();

	/* As it was. */
	me->left_tty = false;
	current->signal->blocked = 0;
	for (int s = 0; s < SESSIONS; s++)
		session[s]->leader = NULL;
	spin_lock(&process_tree_lock);
	struct pgroup *last = pgroup_leave(me);
	struct session *before = me->session;
	me->session = own->session;
	pgroup_enter(me, own);
	for (int g = 0; g < GROUPS; g++)
		exit_detach(member[g]);
	exit_detach(shell);
	spin_unlock(&process_tree_lock);
	pgroup_put(last);
	session_put(before);
	exit_free_dead();
	for (int g = 0; g < GROUPS; g++) {
		process_put(member[g]);
		pgroup_put(group[g]);
	}
	process_put(shell);
	for (int s = 0; s < SESSIONS; s++)
		session_put(session[s]);
}

KTEST(12, jobs_at_random)
{
	KREQUIRE(run_as_process(jobs));
	KEXPECT(!wrong);
}

static void signal_nobody(void) { tty_signal_foreground(&tty, SIGWINCH); }

KTEST(12, ask_the_terminals_lock_is_taken)
{
	KREQUIRE(cpu_count >= 2);
	tty_init(&tty, "test", 0, &no_ops, NULL);
	KEXPECT(waits_for_lock(&tty_control_lock, signal_nobody));
}
