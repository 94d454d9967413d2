/* Stage 12: the router: modes, counts, decoded arguments. */
#include "07_process.h"
#include "core/ktest.h"
#include "watch.h"

#include "abi/fcntl.h"
#include "abi/mman.h"
#include "core/err.h"
#include "core/printk.h"
#include "irq/irq.h"
#include "lib/string.h"
#include "linux/linux.h"
#include "mm/slab.h"
#include "sched/smp.h"
#include "sched/thread.h"
#include "time/time.h"
#include "vm/aspace.h"

KTEST(12, modes)
{
	struct linux_mode *m = kzalloc(sizeof(*m), 0);
	KREQUIRE(m != NULL);
	KEXPECT_EQ(linux_mode_parse(m, "full"), 0);
	KEXPECT(!m->restricted);
	KEXPECT_EQ(linux_mode_parse(m, "minimal"), 0);
	KEXPECT(m->restricted && m->allowed[NR_read] && m->allowed[NR_fork] && !m->allowed[NR_epoll_wait] && !m->allowed[NR_setxattr]);
	KEXPECT_EQ(linux_mode_parse(m, "custom:+file,-mem,+epoll_wait,-kill"), 0);
	KEXPECT(m->allowed[NR_setxattr] && !m->allowed[NR_brk] && !m->allowed[NR_mmap] && m->allowed[NR_epoll_wait] && !m->allowed[NR_kill] && m->allowed[NR_tkill]);
	KEXPECT_EQ(linux_mode_parse(m, "custom:-all"), 0);
	KEXPECT(!m->allowed[NR_read] && m->allowed[NR_exit_group] && m->allowed[NR_exit] && m->allowed[NR_rt_sigreturn] && m->allowed[NR_restart_syscall]); /* whoever may do nothing may still end */
	KEXPECT_EQ(linux_mode_parse(m, "custom:-file,+file"), 0);
	KEXPECT(m->allowed[NR_read]); /* from left to right */
	static const char *const wrong[] = { "", "fool", "fuller", "full,", "minimal,", "minimally", "custom", "custom+file", "custom:file", "custom:+nothing", "custom:+getpi" /* not even the beginning of a name */, "custom:+file,,", "custom:+" };
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		if (!KEXPECT_EQ(linux_mode_parse(m, wrong[i]), -EINVAL))
			ktest_note("the text's number", i);
		KEXPECT(m->allowed[NR_read] && strcmp(m->text, "custom:-file,+file") == 0); /* as before */
	}
	KEXPECT_EQ(linux_mode_parse(m, "full"), 0);
	KEXPECT(!m->restricted && m->allowed[NR_setxattr] && strcmp(m->text, "full") == 0); /* nothing is left of what was before */
	kfree(m);
}

/* --- modes at random ------------------------------------------------------------------------------------------------- */

static u32 dice(u32 n) { return ktest_random() % n; }

static bool begins(const char *text, const char *word) { return strncmp(text, word, strlen(word)) == 0; }

/* Does the word mean this call: its name, three letters or more of its category, or `all`? */
static bool means(const char *word, u32 nr)
{
	const struct syscall_info *info = &syscall_infos[nr];

	return info->name && (!strcmp(word, "all") || !strcmp(word, info->name) || (strlen(word) >= 3 && begins(syscall_category_names[info->category], word)));
}

/* A word of a list, right or wrong. */
static void random_word(char *word, size_t size)
{
	u32 nr, kind = dice(16);

	do
		nr = dice(SYSCALL_COUNT);
	while (!syscall_infos[nr].name);
	const char *name = syscall_infos[nr].name, *category = syscall_category_names[dice(SYSCALL_CATEGORIES)];
	strlcpy(word, kind < 8 ? name : kind == 8 ? "all" : category, size);
	if (kind > 12)
		word[dice(strlen(category) + 1)] = '\0'; /* some of a category, or too little of it */
	else if (kind == 12)
		strlcpy(word, name, MIN(size, strlen(name))); /* all but the last letter */
}

/* Words that are meant are let through or not, in their order. False: one means nothing. */
static bool model_list(bool *allowed, const char *word, char sign)
{
	bool any = false;

	for (u32 nr = 0; nr < SYSCALL_COUNT; nr++)
		if (means(word, nr)) {
			any = true;
			allowed[nr] = sign == '+' || nr == NR_exit || nr == NR_exit_group || nr == NR_rt_sigreturn || nr == NR_restart_syscall;
		}
	return any && (sign == '+' || sign == '-');
}

KTEST(12, modes_at_random)
{
	static struct linux_mode m, before, minimal, wanted;
	char word[32];

	KREQUIRE(linux_mode_parse(&minimal, "minimal") == 0); /* where each list begins */
	for (u32 round = 0; round < 60; round++) {
		struct seq s = { .buf = wanted.text, .size = sizeof(wanted.text) };
		bool good = true;
		u32 words = dice(5);

		before = m;
		wanted = minimal;
		memset(wanted.text, 0, sizeof(wanted.text));
		seq_printf(&s, "custom:");
		for (u32 i = 0; i < words; i++) {
			char sign = dice(24) ? "+-"[dice(2)] : " x"[dice(2)];
			random_word(word, sizeof(word));
			if (s.len + strlen(word) + 3 > sizeof(wanted.text) || (i == words - 1 && !word[0]))
				break;
			seq_printf(&s, "%s%c%s", s.len > 7 ? "," : "", sign, word);
			good &= model_list(wanted.allowed, word, sign);
		}
		int err = linux_mode_parse(&m, wanted.text);
		bool same = KEXPECT_EQ(err, good ? 0 : -EINVAL) && KEXPECT(strcmp(m.text, good ? wanted.text : before.text) == 0);
		bool some_are_not = false;
		for (u32 nr = 0; nr < SYSCALL_COUNT && same; nr++) {
			if (!syscall_infos[nr].name)
				continue; /* no call: nobody asks */
			same = KEXPECT_EQ(m.allowed[nr], good ? wanted.allowed[nr] : before.allowed[nr]);
			some_are_not |= !m.allowed[nr];
		}
		/* A list that lets everything through in the end may be restricted in name, or not. */
		KREQUIRE(same && (m.restricted || !some_are_not || !good));
	}
}

/* Linux 6.1's numbers: those of the calls that no stage implements have names too, for traces and logs. */
KTEST(12, every_call_has_a_name)
{
	for (u32 nr = 0; nr <= 450; nr++)
		if (nr <= 334 || nr >= 424)
			if (!KEXPECT(nr < SYSCALL_COUNT && syscall_infos[nr].name && syscall_table[nr]))
				ktest_note("the call's number", nr);
	KEXPECT(strcmp(syscall_infos[44].name, "sendto") == 0 && syscall_infos[44].args == 6);
}

static u32 found_while_it_may_move;

static bool place_was_asked(struct trapframe *f)
{
	watch_touched();
	found_while_it_may_move += !preempt_count() && f->rflags & RFLAGS_IF;
	return true;
}

/* Which CPU's counters are meant is asked while the thread cannot go to another: else two CPUs may add to one counter, and one of them is lost. */
static void the_cpu_does_not_change(void)
{
	u64 args[6] = { 0 };
	struct trapframe f = { 0 };
	u32 turns = 0;

	trap_register(TRAP_DEBUG, place_was_asked);
	for (int i = 0; i < 5; i++) {
		found_while_it_may_move = 0;
		watch_memory(0, &this_cpu()->percpu_offset, 8, WATCH_ACCESSES);
		watch_memory(1, &this_cpu()->id, 4, WATCH_ACCESSES);
		linux_route(NR_sched_get_priority_min, args, &f);
		watch_end();
		turns += found_while_it_may_move > 0; /* an interrupt may be in between once */
	}
	trap_register(TRAP_DEBUG, NULL);
	KEXPECT(turns < 5);
}

/* Whether the log has a line with this text since *seq. */
static bool logged(u64 seq, const char *text)
{
	static char line[512];
	size_t len = strlen(text), n;
	while ((n = klog_read(&seq, line, sizeof(line))) > 0)
		for (size_t i = 0; i + len <= n; i++)
			if (memcmp(line + i, text, len) == 0)
				return true;
	return false;
}

static void is_missing(u32 nr)
{
	u64 args[6] = { 0 }, before = syscall_missing_count(nr);
	struct trapframe f = { 0 };

	KEXPECT_EQ(linux_route(nr, args, &f), -ENOSYS);
	KEXPECT_EQ(syscall_missing_count(nr) - before, 1);
}

static u32 looked_beyond;

static bool beyond_was_read(struct trapframe *f __unused)
{
	looked_beyond += watch_touched() != 0;
	return true;
}

/* The first number that is none: what lies behind the table, whatever it is, is not called, nor looked at. */
static void the_table_ends(void)
{
	trap_register(TRAP_DEBUG, beyond_was_read);
	looked_beyond = 0;
	u64 flags = irq_save();
	watch_memory(0, &syscall_table[SYSCALL_COUNT], 8, WATCH_ACCESSES);
	is_missing(SYSCALL_COUNT);
	watch_end();
	irq_restore(flags);
	trap_register(TRAP_DEBUG, NULL);
	KEXPECT_EQ(looked_beyond, 0);
}

/* Each argument arrives: the first four and the sixth of a mapping, the fifth is where it is moved to. */
static void six_arguments(void)
{
	u64 at = PROCESS_MEMORY + 64 * PAGE_SIZE, to = at + 8 * PAGE_SIZE;
	u64 args[6] = { at, 2 * PAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, (u64)-1, 1 };
	struct trapframe f = { 0 };

	KEXPECT_EQ(linux_route(NR_mmap, args, &f), -EINVAL); /* an offset of no whole page */
	args[5] = 0;
	KEXPECT_EQ(linux_route(NR_mmap, args, &f), at);
	u64 move[6] = { at, 2 * PAGE_SIZE, PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, to, 0 };
	KEXPECT_EQ(linux_route(NR_mremap, move, &f), to);
}

KTEST(12, calls_are_counted_and_refused)
{
	u64 args[6] = { 0 };
	struct trapframe f = { 0 };
	struct linux_mode *saved = kmemdup(&linux_mode, sizeof(linux_mode), 0);
	KREQUIRE(saved != NULL);
	the_cpu_does_not_change();
	struct linux_count before = linux_count_of(NR_sched_yield);
	u64 begun = time_ns();
	for (int i = 0; i < 100; i++)
		KEXPECT_EQ(linux_route(NR_sched_yield, args, &f), 0);
	struct linux_count after = linux_count_of(NR_sched_yield);
	u64 passed = time_ns() - begun;
	KEXPECT(after.ns > before.ns && after.ns - before.ns <= passed); /* the time in the calls, and no more */
	KEXPECT_EQ(after.calls - before.calls, 100);
	KEXPECT_EQ(after.errors - before.errors, 0);
	KEXPECT_EQ(linux_mode_parse(&linux_mode, "custom:-sched_yield"), 0);
	KEXPECT_EQ(linux_route(NR_sched_yield, args, &f), -ENOSYS);
	KEXPECT(!linux_mode_allows(NR_sched_yield) && linux_mode_allows(NR_read) && !linux_mode_allows(100000));
	for (u32 nr = 0; nr < SYSCALL_COUNT; nr++) /* beyond the table nothing is */
		KREQUIRE(!linux_mode_allows(SYSCALL_COUNT + nr));
	struct linux_count refused = linux_count_of(NR_sched_yield);
	KEXPECT_EQ(refused.denied - after.denied, 1);
	KEXPECT_EQ(refused.errors - after.errors, 1);
	KEXPECT_EQ(refused.calls - after.calls, 1);
	/* A number without a call is no refusal: neither beyond the table nor in a gap of it. */
	u32 gap = 0;
	while (gap < SYSCALL_COUNT && syscall_table[gap])
		gap++;
	is_missing(gap);
	is_missing(100000);
	the_table_ends();
	/* What is refused does not happen. */
	u32 *word = current->clear_child_tid;
	args[0] = (u64)word + 8;
	static bool told; /* the log tells of each call once */
	u64 seq = klog_next_seq();
	KEXPECT_EQ(linux_mode_parse(&linux_mode, "custom:-set_tid_address"), 0);
	KEXPECT_EQ(linux_route(NR_set_tid_address, args, &f), -ENOSYS);
	KEXPECT(told || logged(seq, "(set_tid_address) is denied"));
	told = true;
	KEXPECT(current->clear_child_tid == word);
	current->clear_child_tid = word;
	KEXPECT(run_as_process(six_arguments));
	memcpy(&linux_mode, saved, sizeof(linux_mode));
	kfree(saved);
}

/* --- what each CPU counts: asked for by name, it wants two ------------------------------------------------------------ */

enum { CALLS = 300 };
static u32 callers; /* atomic */

static void call_from(void *cpu)
{
	u64 args[6] = { 99 };
	struct trapframe f = { 0 };

	thread_set_affinity(current, 1ul << (u64)cpu);
	for (int i = 0; i < CALLS; i++) {
		linux_route(NR_sched_yield, args, &f);            /* refused */
		linux_route(NR_sched_get_priority_max, args, &f); /* an error */
	}
	atomic_fetch_sub(&callers, 1u);
}

KTEST(12, ask_each_cpu_counts)
{
	struct linux_mode *saved = kmemdup(&linux_mode, sizeof(linux_mode), 0);

	KREQUIRE(saved && cpu_count >= 2);
	KEXPECT_EQ(linux_mode_parse(&linux_mode, "custom:-sched_yield"), 0);
	struct linux_count yields = linux_count_of(NR_sched_yield), errors = linux_count_of(NR_sched_get_priority_max);
	callers = 2;
	for (u64 cpu = 0; cpu < 2; cpu++)
		KREQUIRE(kthread_run("ktest", call_from, (void *)cpu) != NULL);
	for (int i = 0; i < 5000 && atomic_load(&callers); i++)
		thread_sleep_ns(NSEC_PER_MSEC);
	KREQUIRE(!atomic_load(&callers));
	struct linux_count now = linux_count_of(NR_sched_yield), then = linux_count_of(NR_sched_get_priority_max);
	KEXPECT_EQ(now.calls - yields.calls, 2 * CALLS);
	KEXPECT_EQ(now.denied - yields.denied, 2 * CALLS);
	KEXPECT_EQ(now.errors - yields.errors, 2 * CALLS);
	KEXPECT_EQ(then.errors - errors.errors, 2 * CALLS);
	/* Calls from one CPU alone: the time that both have spent before is still there. */
	callers = 1;
	KREQUIRE(kthread_run("ktest", call_from, (void *)0ul) != NULL);
	for (int i = 0; i < 5000 && atomic_load(&callers); i++)
		thread_sleep_ns(NSEC_PER_MSEC);
	u64 first = linux_count_of(NR_sched_get_priority_max).ns;
	KEXPECT(first > then.ns && then.ns > errors.ns);
	callers = 1;
	KREQUIRE(kthread_run("ktest", call_from, (void *)1ul) != NULL);
	for (int i = 0; i < 5000 && atomic_load(&callers); i++)
		thread_sleep_ns(NSEC_PER_MSEC);
	KEXPECT(linux_count_of(NR_sched_get_priority_max).ns > first);
	memcpy(&linux_mode, saved, sizeof(linux_mode));
	kfree(saved);
}

/* In the middle of somebody's call. */
static void switch_trace(void *thread)
{
	u32 *work = &((struct thread *)thread)->work;

	thread_sleep_ns(3 * NSEC_PER_MSEC);
	if (atomic_fetch_and(work, ~(u32)WORK_TRACE) & WORK_TRACE)
		return;
	atomic_fetch_or(work, (u32)WORK_TRACE);
}

/* What the trace has begun it ends, and what it has not begun it does not end. */
static void traced_by_halves(void)
{
	u64 poll[6] = { 0, 0, 10 };
	struct trapframe f = { 0 };

	atomic_fetch_or(&current->work, (u32)WORK_TRACE);
	for (int begun = 1; begun >= 0; begun--) {
		u64 seq = klog_next_seq();
		KREQUIRE(kthread_run("ktest", switch_trace, current) != NULL);
		KEXPECT_EQ(linux_route(NR_poll, poll, &f), 0);
		KEXPECT_EQ(logged(seq, "poll(NULL, 0, 10) = 0"), begun);
		KEXPECT_EQ(logged(seq, "[pid "), begun);
	}
	/* Who waits for long is seen waiting. */
	u64 seq = klog_next_seq();
	atomic_fetch_or(&current->work, (u32)WORK_TRACE);
	poll[2] = 30;
	KEXPECT_EQ(linux_route(NR_poll, poll, &f), 0);
	KEXPECT(logged(seq, "poll(NULL, 0, 30 <unfinished"));
	KEXPECT(logged(seq, "poll resumed>) = 0"));
	atomic_fetch_and(&current->work, ~(u32)WORK_TRACE);
}

KTEST(12, a_trace_tells_of_every_call)
{
	u64 args[6] = { 99 }, none[6] = { 0 };
	struct trapframe f = { 0 };
	struct linux_mode *saved = kmemdup(&linux_mode, sizeof(linux_mode), 0);
	KREQUIRE(saved != NULL);
	u64 seq = klog_next_seq();
	linux_route(NR_sched_get_priority_min, none, &f);
	KEXPECT(!logged(seq, "sched_get_priority_min")); /* nobody asked for it */
	KEXPECT_EQ(linux_mode_parse(&linux_mode, "custom:-sched_yield"), 0);
	atomic_fetch_or(&current->work, (u32)WORK_TRACE);
	linux_route(NR_sched_get_priority_min, none, &f);
	linux_route(NR_sched_get_priority_max, args, &f);
	linux_route(NR_sched_yield, none, &f);
	linux_route(100000, args, &f);
	atomic_fetch_and(&current->work, ~(u32)WORK_TRACE);
	memcpy(&linux_mode, saved, sizeof(linux_mode));
	KEXPECT(logged(seq, "sched_get_priority_min(0) = 0"));
	KEXPECT(logged(seq, "sched_get_priority_max(99) = -1 EINVAL"));
	KEXPECT(logged(seq, "sched_yield() = -1 ENOSYS")); /* refused, and told all the same */
	KEXPECT(logged(seq, "syscall_100000(0x63, "));
	KEXPECT(run_as_process(traced_by_halves));
	kfree(saved);
}

static bool decodes(u32 nr, unsigned arg, u64 value, const char *text)
{
	char buf[128];
	u64 args[6] = { 0 };
	struct seq s = { .buf = buf, .size = sizeof(buf) };
	args[2] = 8;
	args[arg] = value;
	linux_trace_arg(&s, nr, arg, args, NULL);
	return s.len == strlen(text) && memcmp(buf, text, s.len) == 0;
}

/* The second argument of read or write, with a program's memory behind it. */
static bool decodes_bytes(u32 nr, size_t size, const long *ret, const char *text)
{
	char buf[128];
	u64 args[6] = { 0, 0x30000000, size };
	struct seq s = { .buf = buf, .size = sizeof(buf) };
	linux_trace_arg(&s, nr, 1, args, ret);
	return s.len == strlen(text) && memcmp(buf, text, s.len) == 0;
}

static void decodes_buffers(void)
{
	struct aspace *as = aspace_create();
	long none = 0, three = 3, many = 100, failed = -4;
	char text[] = "abcdefgh";
	KREQUIRE(as != NULL);
	vm_map(as, 0x30000000, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0);
	KEXPECT_EQ(vm_access(as, 0x30000000, text, sizeof(text), true), sizeof(text));
	aspace_activate(as);
	KEXPECT(decodes_bytes(NR_write, 5, NULL, "\"abcde\""));
	KEXPECT(decodes_bytes(NR_write, 5, &three, "\"abcde\"")); /* what a call reads is what it was given, however much of it was taken */
	KEXPECT(decodes_bytes(NR_read, 5, NULL, "0x30000000")); /* what the call is to fill is nothing yet */
	KEXPECT(decodes_bytes(NR_read, 5, &three, "\"abc\""));
	KEXPECT(decodes_bytes(NR_read, 5, &many, "\"abcde\""));
	KEXPECT(decodes_bytes(NR_read, 5, &none, "\"\"")); /* the end of a file is no failure */
	KEXPECT(decodes_bytes(NR_read, 5, &failed, "0x30000000"));
	KEXPECT(decodes_bytes(NR_fsetxattr, 5, NULL, "\"abcdefgh\"")); /* a text ends by itself */
	KEXPECT(decodes_bytes(NR_openat, 5, NULL, "\"abcdefgh\""));
	/* Where no size follows, what follows is no length. */
	KEXPECT(decodes_bytes(NR_semop, 5, NULL, "0x30000000"));
	KEXPECT(decodes_bytes(NR_getdents64, 5, &three, "0x30000000"));
	aspace_activate(NULL);
	aspace_put_user(as);
}

KTEST(12, arguments_by_their_type)
{
	static const struct {
		u32 nr, arg;
		u64 value;
		const char *text;
	} numbers[] = {
		{ NR_kill, 0, (u64)-1, "-1" }, { NR_kill, 0, 0xffffffff, "-1" }, { NR_setuid, 0, 0xffffffff, "-1" }, { NR_setgid, 0, 0xffffffff, "-1" }, { NR_setuid, 0, 1000, "1000" },
		{ NR_dup2, 1, 0xffffffff, "-1" }, { NR_exit, 0, 0xffffffff, "-1" }, { NR_msgrcv, 3, (u64)-5, "-5" }, { NR_msgrcv, 3, 1ul << 32, "4294967296" },
		{ NR_alarm, 0, 0xffffffff, "4294967295" }, { NR_munmap, 1, 1ul << 63, "9223372036854775808" }, { NR_munmap, 0, 1ul << 32, "0x100000000" }, { NR_mknod, 2, 0x103, "makedev(1, 3)" },
		{ NR_mknodat, 3, 0x805, "makedev(8, 5)" }, { NR_umask, 0, 022, "022" }, { NR_select, 4, 0x2000, "0x2000" }, { NR_kill, 1, 9, "SIGKILL" },
		{ NR_mprotect, 2, PROT_NONE, "PROT_NONE" }, { NR_lseek, 1, 1ul << 40, "1099511627776" }, { NR_clone, 0, 0x111, "CLONE_VM|SIGCHLD" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (!KEXPECT(decodes(numbers[i].nr, numbers[i].arg, numbers[i].value, numbers[i].text)))
			ktest_note("the number's place", i);
	KEXPECT(decodes(NR_openat, 0, (u64)AT_FDCWD, "AT_FDCWD"));
	KEXPECT(decodes(NR_openat, 0, 7, "7"));
	KEXPECT(decodes(NR_openat, 2, O_WRONLY | O_CREAT | O_TRUNC, "O_WRONLY|O_CREAT|O_TRUNC"));
	KEXPECT(decodes(NR_openat, 3, 0644, "0644"));
	KEXPECT(decodes(NR_close, 0, (u64)-1, "-1"));
	KEXPECT(decodes(NR_kill, 1, 15, "SIGTERM"));
	KEXPECT(decodes(NR_mmap, 2, PROT_READ | PROT_EXEC, "PROT_READ|PROT_EXEC"));
	KEXPECT(decodes(NR_mmap, 3, MAP_PRIVATE | MAP_ANONYMOUS, "MAP_PRIVATE|MAP_ANONYMOUS"));
	KEXPECT(decodes(NR_mmap, 1, 8192, "8192"));
	KEXPECT(decodes(NR_brk, 0, 0, "NULL"));
	KEXPECT(decodes(NR_brk, 0, 0x1000, "0x1000"));
	decodes_buffers();
	KEXPECT(decodes(NR_fcntl, 1, 3, "F_GETFL") && decodes(NR_lseek, 2, 1, "SEEK_CUR")); /* the call and the place tell more than the type */
	KEXPECT(decodes(NR_lseek, 1, 5ul << 32, "21474836480"));
	KEXPECT(decodes(NR_lseek, 1, (u64)-4, "-4"));
	KEXPECT(decodes(NR_alarm, 0, 0xabc00000001, "1") && decodes(NR_kill, 1, 0xabc00000009, "SIGKILL"));
	KEXPECT(decodes(NR_exit_group, 0, 0xabc00000001, "1")); /* an int: what stands above it in the register is nobody's */
	KEXPECT(decodes(NR_write, 1, 0xffffffff80000000, "0xffffffff80000000")); /* kernel memory is never read for a trace */
}

/*
 * The optional challenge `learn`: linux=learn lets all calls through and notes which were made, whatever came of them; linux=learned lets those through, and what
 * always is, and nothing else. Without a lesson there is no such mode.
 */
KTEST(12, challenge_learn)
{
	u64 args[6] = { 99 };
	struct trapframe f = { 0 };
	struct linux_mode *saved = kmemdup(&linux_mode, sizeof(linux_mode), 0);
	KREQUIRE(saved != NULL);
	KEXPECT_EQ(linux_mode_parse(&linux_mode, "learned"), -EINVAL);
	KEXPECT(strcmp(linux_mode.text, saved->text) == 0);
	linux_route(NR_sched_get_priority_min, args, &f); /* before the lesson */
	if (!KEXPECT_EQ(linux_mode_parse(&linux_mode, "learn"), 0))
		goto out;
	KEXPECT(linux_mode.restricted); /* or not every call would come by the router */
	KEXPECT(linux_mode_allows(NR_read) && linux_mode_allows(NR_setxattr) && !linux_mode_allows(100000));
	KEXPECT_EQ(linux_route(NR_sched_yield, args, &f), 0);
	KEXPECT(linux_route(NR_gettid, args, &f) > 0);
	KEXPECT_EQ(linux_route(NR_sched_get_priority_max, args, &f), -EINVAL); /* one that fails is made all the same */
	KEXPECT_EQ(linux_route(100000, args, &f), -ENOSYS);
	KEXPECT_EQ(linux_mode_parse(&linux_mode, "learnt"), -EINVAL);
	for (unsigned turn = 0; turn < 2; turn++) { /* what is denied now is not learned by that */
		KEXPECT_EQ(linux_mode_parse(&linux_mode, "learned"), 0);
		KEXPECT(linux_mode.restricted && strcmp(linux_mode.text, "learned") == 0);
		KEXPECT(linux_mode_allows(NR_sched_yield) && linux_mode_allows(NR_gettid) && linux_mode_allows(NR_sched_get_priority_max));
		KEXPECT(linux_mode_allows(NR_exit_group) && linux_mode_allows(NR_rt_sigreturn));
		KEXPECT(!linux_mode_allows(NR_sched_get_priority_min) && !linux_mode_allows(NR_read) && !linux_mode_allows(NR_setxattr));
		KEXPECT_EQ(linux_route(NR_sched_get_priority_min, args, &f), -ENOSYS);
		KEXPECT(linux_route(NR_gettid, args, &f) > 0);
	}
	KEXPECT_EQ(linux_mode_parse(&linux_mode, "learn"), 0); /* a new lesson */
	KEXPECT_EQ(linux_route(NR_sched_yield, args, &f), 0);
	KEXPECT_EQ(linux_mode_parse(&linux_mode, "learned"), 0);
	KEXPECT(linux_mode_allows(NR_sched_yield) && !linux_mode_allows(NR_gettid));
out:
	memcpy(&linux_mode, saved, sizeof(linux_mode));
	kfree(saved);
}
