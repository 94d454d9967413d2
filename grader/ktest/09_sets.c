/*
 * Stage 09: semaphores at random, beside a model. Lists of operations come one after the other; some of them wait, each as a thread of its own. The model says who goes when,
 * and after each call values, processes, adjustments, results, and who is held up by what are compared.
 */
#include "09_sets.h"

#include "core/atomic.h"
#include "time/time.h"

enum { CALLS = 300, LIST = 4, HELPERS = 6, QUEUES = 1500, OWNERS = 2 };

static union {
	struct sem_undo undo;
	u8 room[sizeof(struct sem_undo) + COUNT * sizeof(s16)]; /* its numbers lie behind it */
} undo_store[OWNERS];

static struct helper {
	struct abi_sembuf ops[LIST];
	u32 count;
	u64 deadline;
	struct sem_request r;
	long result;
	u32 state; /* of its thread, when it came back */
	bool busy, through; /* through: atomic */
} helpers[HELPERS];

static struct {
	int value[COUNT], pid[COUNT], adjust[OWNERS][COUNT];
	u32 waiting[HELPERS], count; /* helpers, in the order in which they are asked */
	const struct abi_sembuf *blocked[HELPERS];
	long result[HELPERS];        /* SEM_WAITING while it waits */
} model;

static u32 dice(u32 n) { return ktest_random() % n; }

/* --- the model --------------------------------------------------------------------------------------------------------- */

/* On copies, which count if all of it goes. *blocked: the operation that cannot. */
static long model_try(const struct abi_sembuf *ops, u32 count, int pid, u32 owner, const struct abi_sembuf **blocked)
{
	int value[COUNT], adjust[COUNT];

	memcpy(value, model.value, sizeof(value));
	memcpy(adjust, model.adjust[owner], sizeof(adjust));
	for (u32 i = 0; i < count; i++) {
		int *v = &value[ops[i].num], *a = &adjust[ops[i].num];
		*blocked = &ops[i];
		if (ops[i].op ? *v + ops[i].op < 0 : *v != 0)
			return ops[i].flags & IPC_NOWAIT ? -EAGAIN : SEM_WAITING;
		*v += ops[i].op;
		if (*v > SEM_VALUE_MAX)
			return -ERANGE;
		if (!(ops[i].flags & SEM_UNDO))
			continue;
		*a -= ops[i].op;
		if (*a > SEM_UNDO_MAX || *a < -SEM_UNDO_MAX - 1)
			return -ERANGE;
	}
	memcpy(model.value, value, sizeof(value));
	memcpy(model.adjust[owner], adjust, sizeof(adjust));
	for (u32 i = 0; i < count; i++)
		model.pid[ops[i].num] = pid;
	return 0;
}

static bool changes(const struct abi_sembuf *ops, u32 count)
{
	for (u32 i = 0; i < count; i++)
		if (ops[i].op)
			return true;
	return false;
}

static void model_leave(u32 place)
{
	memmove(&model.waiting[place], &model.waiting[place + 1], (--model.count - place) * sizeof(model.waiting[0]));
}

static void model_wake(void)
{
	for (u32 i = 0; i < model.count;) {
		u32 h = model.waiting[i];
		long result = model_try(helpers[h].ops, helpers[h].count, 1 + (int)h, 1, &model.blocked[h]);

		if (result == SEM_WAITING) {
			i++;
			continue;
		}
		model.result[h] = result;
		model_leave(i);
		if (!result && changes(helpers[h].ops, helpers[h].count))
			i = 0; /* the oldest are asked again first */
	}
}

/* Those that change nothing are asked before those that do. */
static void model_wait(u32 h)
{
	u32 place = model.count;

	if (!changes(helpers[h].ops, helpers[h].count))
		for (place = 0; place < model.count && !changes(helpers[model.waiting[place]].ops, helpers[model.waiting[place]].count); place++)
			;
	memmove(&model.waiting[place + 1], &model.waiting[place], (model.count++ - place) * sizeof(model.waiting[0]));
	model.waiting[place] = h;
	model.result[h] = SEM_WAITING;
}

/* --- the set ----------------------------------------------------------------------------------------------------------- */

static struct sem_request request(const struct abi_sembuf *ops, u32 count, int pid, u32 owner)
{
	return (struct sem_request){ .ops = ops, .count = count, .changes = changes(ops, count), .undo = &undo_store[owner].undo, .pid = pid };
}

static void help(void *arg)
{
	struct helper *h = arg;

	h->r = request(h->ops, h->count, 1 + (int)(h - helpers), 1);
	lock();
	h->result = sem_operate(&set, &h->r, h->deadline);
	unlock();
	h->state = current->state;
	current->state = THREAD_RUNNABLE;
	atomic_store(&h->through, true);
}

static void start(u32 h, u64 deadline)
{
	u32 before = waiting();

	helpers[h].busy = true;
	helpers[h].through = false;
	helpers[h].result = 99;
	helpers[h].deadline = deadline;
	if (!KEXPECT(kthread_run("ktest", help, &helpers[h]) != NULL)) {
		wrong = true;
		helpers[h].busy = false;
		return;
	}
	for (int tries = 0; tries < 2000 && waiting() == before && !atomic_load(&helpers[h].through); tries++)
		thread_sleep_ns(MILLISECOND / 100);
	CHECK_EQ(waiting(), before + 1);
}

/* Nobody wakes for nothing: those that are called go back to sleep. */
static void call_all(void)
{
	struct sem_request *r;

	lock();
	list_for_each(r, &set.waiting, link)
		thread_wake(r->thread);
	unlock();
	thread_sleep_ns(MILLISECOND / 10);
}

static bool comes_through(u32 h)
{
	for (int tries = 0; tries < 2000 && !atomic_load(&helpers[h].through); tries++)
		thread_sleep_ns(MILLISECOND / 100);
	return atomic_load(&helpers[h].through);
}

/* Cannot this operation of the helper's list go? The first that cannot is asked for; who tries only where it may help knows of one of them. */
static bool holds_up(const struct helper *h, const struct abi_sembuf *op)
{
	const struct abi_sembuf *before;
	int value;

	if (op < h->ops || op >= h->ops + h->count)
		return false;
	value = model.value[op->num];
	for (before = h->ops; before < op; before++)
		if (before->num == op->num)
			value += before->op;
	return op->op ? value + op->op < 0 : value != 0;
}

/* Who waits, in order, and what holds each up. */
static void compare_queue(void)
{
	struct sem_request *r;
	u32 place = 0;

	lock();
	list_for_each(r, &set.waiting, link) {
		CHECK(place < model.count && r->pid == 1 + (int)model.waiting[place]);
		if (!wrong)
			CHECK(holds_up(&helpers[model.waiting[place]], r->blocked));
		place++;
	}
	unlock();
	CHECK_EQ(place, model.count);
}

static void compare(void)
{
	for (u32 h = 0; h < HELPERS; h++) {
		if (!helpers[h].busy)
			continue;
		if (model.result[h] == SEM_WAITING) {
			CHECK(!atomic_load(&helpers[h].through));
			continue;
		}
		CHECK(comes_through(h));
		CHECK_EQ(helpers[h].result, model.result[h]);
		CHECK_EQ(helpers[h].state, THREAD_RUNNABLE);
		helpers[h].busy = !atomic_load(&helpers[h].through);
	}
	compare_queue();
	for (u32 i = 0; i < COUNT; i++) {
		CHECK_EQ(sems[i].value, model.value[i]);
		CHECK_EQ(sems[i].last_pid, model.pid[i]);
		for (u32 owner = 0; owner < OWNERS; owner++)
			CHECK_EQ(undo_store[owner].undo.adjust[i], model.adjust[owner][i]);
	}
}

/* --- what happens ------------------------------------------------------------------------------------------------------ */

static u32 random_list(struct abi_sembuf *ops)
{
	u32 n = 1 + dice(dice(2) ? 2 : LIST);
	bool looks = !dice(6), passes_on = dice(2); /* what it takes from the one it gives to others */

	for (u32 i = 0; i < n; i++) {
		int op = passes_on ? (i ? 1 : -1) * (1 + (int)dice(2)) : (int)dice(6) - 3;

		if (looks || !dice(8))
			op = 0;
		else if (!dice(40))
			op = dice(2) ? SEM_VALUE_MAX - (int)dice(3) : (int)dice(3) - SEM_VALUE_MAX;
		ops[i].num = (u16)dice(COUNT);
		ops[i].op = (s16)op;
		ops[i].flags = (s16)((dice(8) ? 0 : IPC_NOWAIT) | (dice(3) ? 0 : SEM_UNDO));
	}
	return n;
}

static u32 free_helper(void)
{
	u32 h = 0;

	while (h < HELPERS && helpers[h].busy)
		h++;
	return h;
}

static struct abi_sembuf what_it_waits_for(u32 h)
{
	const struct abi_sembuf *op = model.blocked[h];

	return (struct abi_sembuf){ op->num, (s16)(op->op ? -op->op : -model.value[op->num]), 0 };
}

/* One that waits runs out of time. late: before it has noticed, somebody does what it waits for. */
static void time_runs_out(u32 h, bool late)
{
	u64 deadline = time_ns() + MILLISECOND;
	const struct abi_sembuf *blocked;
	long wanted;

	start(h, deadline);
	model_wait(h);
	if (wrong)
		return;
	if (late) {
		struct abi_sembuf op = what_it_waits_for(h);
		struct sem_request r = request(&op, 1, OWN_PID, 0);
		preempt_disable();
		while (time_ns() < deadline + MILLISECOND)
			cpu_spin(200);
		wanted = model_try(&op, 1, OWN_PID, 0, &blocked);
		if (!wanted)
			model_wake();
		lock();
		CHECK_EQ(sem_operate(&set, &r, 0), wanted);
		unlock();
		preempt_enable();
	}
	for (u32 i = 0; i < model.count; i++)
		if (model.waiting[i] == h) {
			model.result[h] = -EAGAIN;
			model_leave(i);
		}
}

static void give_back(void)
{
	u32 owner = dice(OWNERS);
	bool set_by_hand = false;

	for (u32 i = 0; i < COUNT; i++) {
		if (!dice(3)) { /* somebody has set it (semctl) */
			sems[i].value = model.value[i] = (int)dice(4);
			set_by_hand = true;
		}
		if (dice(2)) /* they may be whatever they are */
			undo_store[owner].undo.adjust[i] = (s16)(model.adjust[owner][i] = dice(8) ? (int)dice(7) - 3 : dice(2) ? SEM_UNDO_MAX : -SEM_UNDO_MAX);
		if (!model.adjust[owner][i])
			continue;
		model.value[i] = MAX(0, MIN(SEM_VALUE_MAX, model.value[i] + model.adjust[owner][i]));
		model.pid[i] = OWN_PID + 1;
		model.adjust[owner][i] = 0;
	}
	model_wake();
	lock();
	sem_give_back(&set, &undo_store[owner].undo, OWN_PID + 1);
	if (set_by_hand)
		sem_wake(&set); /* whoever gives nothing back need not */
	unlock();
}

static void one_call(void)
{
	const struct abi_sembuf *blocked;
	struct abi_sembuf ops[LIST];
	u32 count = random_list(ops), h = free_helper();

	if (!dice(8)) {
		give_back();
		return;
	}
	if (!dice(6)) { /* much was taken, or added, before: near the limits of an adjustment */
		u32 owner = model.count ? 0 : dice(OWNERS), i = dice(COUNT); /* not of those who wait: nobody would ask them again */
		undo_store[owner].undo.adjust[i] = (s16)(model.adjust[owner][i] = dice(2) ? SEM_UNDO_MAX - (int)dice(3) : (int)dice(3) - SEM_UNDO_MAX - 1);
	}
	if (model.count > 3 && dice(3)) { /* or things come to a stop */
		ops[0] = what_it_waits_for(model.waiting[dice(model.count)]);
		count = 1;
	}
	long wanted = model_try(ops, count, OWN_PID, 0, &blocked);
	if (wanted == SEM_WAITING && h < HELPERS && dice(4)) {
		memcpy(helpers[h].ops, ops, sizeof(ops));
		helpers[h].count = count;
		/* With the helpers' adjustments it may be another answer. */
		if (model_try(helpers[h].ops, count, 1 + (int)h, 1, &model.blocked[h]) == SEM_WAITING) {
			if (dice(4)) {
				start(h, TIME_NEVER);
				model_wait(h);
			} else {
				time_runs_out(h, dice(2));
			}
			return;
		}
	}
	struct sem_request r = request(ops, count, OWN_PID, 0);
	lock();
	CHECK_EQ(sem_operate(&set, &r, 0), wanted == SEM_WAITING ? -EAGAIN : wanted); /* its time is over before it began */
	unlock();
	if (wanted == SEM_WAITING || wanted == -EAGAIN)
		CHECK(r.blocked == blocked);
	if (!wanted)
		model_wake();
	CHECK_EQ(current->state, THREAD_RUNNABLE);
}

static void begin(void)
{
	set_begin();
	memset(undo_store, 0, sizeof(undo_store));
	memset(helpers, 0, sizeof(helpers));
	memset(&model, 0, sizeof(model));
}

/* Everybody who waits goes, as where a set is removed. */
static void end(void)
{
	struct sem_request *r, *next;

	lock();
	list_for_each_safe(r, next, &set.waiting, link) {
		list_del(&r->link);
		r->result = -EIDRM;
		thread_wake(r->thread);
	}
	unlock();
	for (u32 h = 0; h < HELPERS; h++)
		if (helpers[h].busy && KEXPECT(comes_through(h)) && !wrong)
			KEXPECT_EQ(helpers[h].result, -EIDRM);
}

/* Who goes when the set has changed, of a queue that the test makes: its requests are this thread's, which does not sleep. */
static void one_queue(void)
{
	u32 n = 2 + dice(HELPERS - 1);

	for (u32 h = 0; h < n; h++) {
		struct helper *of = &helpers[h];
		of->count = random_list(of->ops);
		of->r = request(of->ops, of->count, 1 + (int)h, 1);
		of->r.thread = current;
		long wanted = model_try(of->ops, of->count, 1 + (int)h, 1, &model.blocked[h]);
		CHECK_EQ(of->r.result = sem_try(&set, &of->r), wanted);
		model.result[h] = wanted;
		if (wanted == SEM_WAITING)
			model_wait(h);
	}
	for (u32 i = 0; i < model.count; i++)
		list_add_tail(&set.waiting, &helpers[model.waiting[i]].r.link);
	for (u32 i = 0; i < COUNT; i++)
		if (dice(2))
			sems[i].value = model.value[i] = (int)dice(3);
	model_wake();
	lock();
	sem_wake(&set);
	unlock();
	for (u32 h = 0; h < n; h++)
		CHECK_EQ(helpers[h].r.result, model.result[h]);
	compare();
	list_init(&set.waiting);
	model.count = 0;
}

KTEST(09, semaphores_at_random)
{
	u32 calls;

	begin();
	for (u32 i = 0; i < QUEUES && !wrong; i++)
		one_queue();
	for (calls = 0; calls < CALLS && !wrong; calls++) {
		one_call();
		if (!dice(4))
			call_all();
		compare();
	}
	if (wrong)
		ktest_note("in call", calls);
	end();
}
