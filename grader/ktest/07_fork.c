/*
 * Stage 07: children at random. A process of the tests' own makes them by every combination of flags, on one CPU and in a real-time class, so that a child does
 * not run before the parent has looked at all that it was given; then it runs, and what it does and leaves behind is compared too.
 */
#include "07_process.h"
#include "core/ktest.h"
#include "watch.h"

#include "core/err.h"
#include "irq/irq.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "proc/proc_priv.h"
#include "usermode/uaccess.h"
#include "usermode/usermode.h"
#include "vm/aspace.h"

enum { ROUNDS = 120, FAILURES = 15, OWN = PROCESS_MEMORY, PARENT_WORD = OWN + 0x100, CHILD_WORD = OWN + 0x200, OTHER_WORD = OWN + 0x300, CODE = OWN + 15 * PAGE_SIZE,
       NOWHERE = 0x1000 };
/* mov (%rbx), %edi; mov $60, %eax; syscall: it ends with the byte that rbx points at */
static const u8 code[] = { 0x8b, 0x3b, 0xb8, 60, 0, 0, 0, 0x0f, 0x05 };

static bool wrong;
#define CHECK(cond) do { if (!KEXPECT(cond)) wrong = true; } while (0)
#define CHECK_EQ(got, wanted) do { if (!KEXPECT_EQ(got, wanted)) wrong = true; } while (0)

static u64 dice(u64 n) { return ktest_random() % n; }

/* What must be as before once a child is gone, or was not made. */
struct counts {
	u64 objects;
	u32 processes, threads, users, sighand, of_user, own_threads;
};

static struct counts count(void)
{
	struct process *p = current->process;
	struct counts c = { .processes = process_count, .threads = thread_total, .users = refcount_read(&p->aspace->users), .sighand = refcount_read(&p->sighand->ref),
			    .of_user = current->cred->user->processes, .own_threads = p->thread_count };

	c.objects = slab_all_in_use();
	return c;
}

static void check_counts(const struct counts *before)
{
	struct counts now = count();

	CHECK_EQ(now.processes, before->processes);
	CHECK_EQ(now.threads, before->threads);
	CHECK_EQ(now.users, before->users);
	CHECK_EQ(now.sighand, before->sighand);
	CHECK_EQ(now.of_user, before->of_user);
	CHECK_EQ(now.own_threads, before->own_threads);
}

static u32 word_in(struct aspace *as, u64 at)
{
	u32 word = 0;

	vm_access(as, at, &word, sizeof(word), false);
	return word;
}

static struct clone_request random_request(void)
{
	static const u64 flags[] = { CLONE_VM, CLONE_FS, CLONE_FILES, CLONE_VFORK, CLONE_SETTLS, CLONE_PARENT_SETTID, CLONE_CHILD_CLEARTID, CLONE_CHILD_SETTID };
	struct clone_request r = { .exit_signal = dice(3) ? SIGCHLD : dice(2) ? 0 : SIGWINCH };

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (!dice(flags[i] == CLONE_VFORK ? 5 : 2))
			r.flags |= flags[i];
	if (r.flags & CLONE_VM && dice(2))
		r.flags |= CLONE_SIGHAND;
	if (r.flags & CLONE_SIGHAND && dice(2))
		r.flags |= CLONE_THREAD;
	if (r.flags & CLONE_THREAD) {
		r.flags &= ~CLONE_VFORK; /* who waits for whom is told by processes */
		r.exit_signal = 0;
	}
	r.stack = dice(2) ? 0 : OWN + 8 * PAGE_SIZE + dice(1000) * 16;
	r.tls = dice(1ul << 46);
	/* A word that cannot be written undoes nothing. */
	r.parent_tid = (u32 *)(u64)(dice(5) ? PARENT_WORD : NOWHERE);
	r.child_tid = (u32 *)(u64)(dice(5) ? CHILD_WORD : NOWHERE);
	return r;
}

static bool sets_parents_word(const struct clone_request *r) { return r->flags & CLONE_PARENT_SETTID && (u64)r->parent_tid == PARENT_WORD; }
static bool sets_childs_word(const struct clone_request *r) { return r->flags & CLONE_CHILD_SETTID && (u64)r->child_tid == CHILD_WORD; }
static bool clears_childs_word(const struct clone_request *r) { return r->flags & CLONE_CHILD_CLEARTID && (u64)r->child_tid == CHILD_WORD; }

/* The parent as it is before: all that a child takes over is at random. */
static void set_up(u32 words[2])
{
	struct trapframe *f = current_user_frame();
	struct thread_signal *ts = current->signal;

	forget_signals();
	for (size_t i = 0; i < sizeof(*f) / 8; i++)
		((u64 *)f)[i] = ktest_random();
	f->rip = CODE;
	f->cs = USER_CS;
	f->ss = USER_DS;
	f->rflags = 0x202 | (ktest_random() & 0x8d5);
	f->rsp = OWN + 4 * PAGE_SIZE + dice(1000) * 8;
	f->rbx = dice(2) ? PARENT_WORD : CHILD_WORD;
	user_set_fs_base(dice(1ul << 46));
	user_set_gs_base(dice(1ul << 46));
	ts->blocked = ktest_random() & ~SIG_UNMASKABLE;
	/* One that is told of the end by a signal: it finds the end all the same, when it wakes up. */
	current->process->sighand->action[SIGCHLD - 1].handler = dice(2) ? 0x1000 : SIG_DFL;
	ts->altstack = (struct abi_sigaltstack){ .sp = dice(1ul << 40), .size = 4096 + dice(4096), .flags = dice(2) ? (s32)SS_AUTODISARM : 0 };
	words[0] = ktest_random();
	words[1] = ktest_random();
	KEXPECT_EQ(put_user_u32(words[0], (u32 *)PARENT_WORD) | put_user_u32(words[1], (u32 *)CHILD_WORD), 0);
}

static void check_thread(struct thread *t, const struct clone_request *r)
{
	struct trapframe wanted = *current_user_frame(), *f = thread_user_frame(t);
	const struct thread_signal *mine = current->signal, *its = t->signal;
	bool stack = !(r->flags & CLONE_VM) || (r->flags & CLONE_VFORK);

	wanted.rax = 0;
	wanted.rsp = r->stack ? r->stack : wanted.rsp;
	CHECK(!memcmp(f, &wanted, sizeof(wanted)));
	CHECK_EQ(t->fs_base, r->flags & CLONE_SETTLS ? r->tls : user_get_fs_base());
	CHECK_EQ(t->gs_base, user_get_gs_base());
	CHECK_EQ((u64)t->clear_child_tid, r->flags & CLONE_CHILD_CLEARTID ? (u64)r->child_tid : 0);
	CHECK_EQ(its->blocked, mine->blocked);
	CHECK_EQ(its->pending.set, 0);
	CHECK_EQ(its->altstack.sp, stack ? mine->altstack.sp : 0);
	CHECK_EQ(its->altstack.size, stack ? mine->altstack.size : 0);
	CHECK_EQ(its->altstack.flags, stack ? mine->altstack.flags : SS_DISABLE);
	CHECK(t->files && t->signal && t->process);
	CHECK((t->files == current->files) == !!(r->flags & CLONE_FILES));
	CHECK(t->cred == current->cred && t->fpu && t->fpu != current->fpu);
	CHECK(t->vfork == NULL);
}

static void check_family(struct process *p, struct thread *t, const struct clone_request *r, const struct counts *before)
{
	struct process *me = current->process;

	CHECK(t->aspace == p->aspace);
	if (r->flags & CLONE_THREAD) {
		CHECK(p == me);
		CHECK_EQ(me->thread_count, before->own_threads + 1);
		CHECK_EQ(refcount_read(&me->aspace->users), before->users);
		return;
	}
	CHECK(p->leader == t && p->pid == t->tid && p->parent == me && p->pgroup == me->pgroup && p->session == me->session);
	CHECK_EQ(p->exit_signal, r->exit_signal);
	CHECK((p->aspace == me->aspace) == !!(r->flags & CLONE_VM));
	CHECK_EQ(refcount_read(&me->aspace->users), before->users + !!(r->flags & CLONE_VM));
	CHECK(r->flags & CLONE_VM || refcount_read(&p->aspace->users) == 1);
	CHECK((p->sighand == me->sighand) == !!(r->flags & CLONE_SIGHAND));
	CHECK_EQ(process_count, before->processes + 1);
}

/* Each word in each memory: CLONE_PARENT_SETTID is for the parent's, CLONE_CHILD_SETTID for the child's. */
static void check_words(struct aspace *its, int tid, const struct clone_request *r, const u32 words[2])
{
	struct aspace *mine = current->process->aspace;
	bool parent = sets_parents_word(r), child = sets_childs_word(r), same = its == mine;

	CHECK_EQ(word_in(mine, PARENT_WORD), parent ? (u32)tid : words[0]);
	CHECK_EQ(word_in(its, PARENT_WORD), parent && same ? (u32)tid : words[0]);
	CHECK_EQ(word_in(its, CHILD_WORD), child ? (u32)tid : words[1]);
	CHECK_EQ(word_in(mine, CHILD_WORD), child && same ? (u32)tid : words[1]);
}

/* The byte that the child, which sees the words so, ends with. */
static u8 byte_of_child(int tid, const struct clone_request *r, const u32 words[2])
{
	if (current_user_frame()->rbx == PARENT_WORD)
		return sets_parents_word(r) && r->flags & CLONE_VM ? (u32)tid : words[0];
	return sets_childs_word(r) ? (u32)tid : words[1];
}

static void let_end(int tid, const struct clone_request *r, const u32 words[2])
{
	struct wait_request w = { .which = WAIT_PID, .id = tid, .options = (int)(WEXITED | WALL) };
	struct thread *t;

	if (!(r->flags & CLONE_THREAD)) {
		CHECK_EQ(wait_for_child(&w), tid);
		CHECK_EQ(w.status, byte_of_child(tid, r, words) << 8);
		return;
	}
	for (int i = 0; i < 1000; i++) {
		t = thread_find(tid);
		if (!t)
			return;
		thread_put(t);
		thread_sleep_ns(NSEC_PER_MSEC);
	}
	CHECK(!"the thread ends");
}

static u32 told_too_late;

/* Comes right behind a write of one of the words: whoever stands in it must not run yet. */
static bool word_was_written(struct trapframe *f __unused)
{
	u32 tid;

	if (get_user_u32(&tid, (u32 *)(u64)(watch_touched() & 1 ? PARENT_WORD : CHILD_WORD)))
		return true;
	struct thread *t = thread_find((int)tid);
	if (t) {
		told_too_late += !list_empty(&t->all_link); /* it was started */
		thread_put(t);
	}
	return true;
}

/* fork_thread, and both words are watched meanwhile. */
static long fork_watched(const struct clone_request *r)
{
	told_too_late = 0;
	trap_register(TRAP_DEBUG, word_was_written);
	watch_memory(0, (void *)PARENT_WORD, 4, WATCH_WRITES);
	watch_memory(1, (void *)CHILD_WORD, 4, WATCH_WRITES);
	long tid = fork_thread(r);
	watch_end();
	trap_register(TRAP_DEBUG, NULL);
	CHECK_EQ(told_too_late, 0);
	return tid;
}

static void one_child(void)
{
	struct clone_request r = random_request();
	struct aspace *mine = current->process->aspace;
	struct counts before;
	u32 words[2];

	set_up(words);
	before = count();
	long tid = fork_watched(&r);
	CHECK(tid > 0);
	struct thread *t = tid > 0 ? thread_find(tid) : NULL;
	CHECK(t != NULL);
	if (!t)
		return;
	struct process *p = t->process;
	if (r.flags & CLONE_VFORK) {
		/* It has given back what it had of its parent's. */
		CHECK(p->aspace == NULL);
		CHECK_EQ(refcount_read(&mine->users), before.users);
	} else {
		check_thread(t, &r);
		check_family(p, t, &r, &before);
		check_words(p->aspace, tid, &r, words);
	}
	thread_put(t);
	if (wrong)
		return;
	let_end(tid, &r, words);
	bool cleared = clears_childs_word(&r) && r.flags & CLONE_VM;
	bool set = sets_childs_word(&r) && r.flags & CLONE_VM;
	CHECK_EQ(word_in(mine, CHILD_WORD), cleared ? 0 : set ? (u32)tid : words[1]);
	CHECK_EQ(word_in(mine, OTHER_WORD), 77);
	check_counts(&before);
}

/* Memory runs out at the n-th request of this thread. */
static struct thread *starved;
static u32 allowed_requests;
static bool was_short;

static bool short_of_memory(int kind __unused)
{
	bool now = current == starved && allowed_requests-- == 0;

	was_short |= now;
	return now;
}

/* Where memory runs out, nothing is left of the child; or it can do without, and lacks nothing. */
static void failures(unsigned turn)
{
	bool (*saved)(int kind) = alloc_fail_hook;
	struct clone_request r = random_request();
	struct counts before;
	u32 words[2], n = 0;
	long tid;

	starved = current;
	r.flags &= ~(CLONE_PARENT_SETTID | CLONE_CHILD_SETTID); /* a word that cannot be written undoes nothing */
	/* Threads and forks in turn with whatever else there is. */
	if (turn % 3 == 0) {
		r.flags |= CLONE_VM | CLONE_SIGHAND | CLONE_THREAD;
		r.flags &= ~(CLONE_VFORK | CLONE_FILES);
		r.exit_signal = 0;
	} else if (turn % 3 == 1) {
		r.flags &= ~(CLONE_VM | CLONE_SIGHAND | CLONE_THREAD);
		r.flags |= turn == 1 ? CLONE_VFORK : 0; /* once at least */
	}
	do {
		set_up(words);
		was_short = false;
		before = count();
		for (unsigned i = 0; i < 3; i++) {
			allowed_requests = n;
			alloc_fail_hook = short_of_memory;
			tid = fork_thread(&r);
			alloc_fail_hook = saved;
			if (tid > 0)
				break;
			CHECK_EQ(tid, -ENOMEM);
			check_counts(&before);
		}
		CHECK(tid > 0 || count().objects < before.objects + 3);
		if (tid <= 0)
			continue;
		struct thread *t = thread_find(tid);
		if (t && !(r.flags & CLONE_VFORK)) { /* no child that lacks what there was no memory for */
			check_thread(t, &r);
			check_family(t->process, t, &r, &before);
		}
		if (t)
			thread_put(t);
		if (!wrong)
			let_end(tid, &r, words);
	} while (was_short && n++ < 200 && !wrong);
	CHECK(!was_short);
}

/* A signal that came before the child is there is the parent's alone. */
static void interrupted(void)
{
	struct clone_request r = random_request();
	struct counts before;
	u32 words[2];

	set_up(words);
	current->signal->blocked = 0;
	signal_send_thread(current, SIGUSR1, NULL);
	before = count();
	for (unsigned i = 0; i < 3; i++)
		CHECK_EQ(fork_thread(&r), -ERESTARTNOINTR);
	check_counts(&before);
	CHECK(count().objects < before.objects + 3);
	forget_signals();
}

static void children(void)
{
	wrong = false;
	thread_set_affinity(current, 1);
	thread_set_policy(current, 1 /* SCHED_FIFO */, 50);
	KEXPECT_EQ(copy_to_user((void *)CODE, code, sizeof(code)), 0);
	KEXPECT_EQ(put_user_u32(77, (u32 *)OTHER_WORD), 0);
	current->process->sighand->action[SIGUSR1 - 1].handler = 0x1000;
	current->clear_child_tid = (u32 *)OTHER_WORD; /* the parent's own; no child's */
	for (unsigned i = 0; i < ROUNDS && !wrong; i++)
		one_child();
	for (unsigned i = 0; i < FAILURES && !wrong; i++)
		failures(i);
	for (unsigned i = 0; i < FAILURES && !wrong; i++)
		interrupted();
	current->clear_child_tid = NULL;
	current->signal->blocked = 0;
}

KTEST(07, children_at_random)
{
	KREQUIRE(run_as_process(children));
	KEXPECT(!wrong);
}
