/*
 * In-kernel tests: KTEST(02, buddy_merges) { ... KEXPECT(cond); } in grader/ktest/NN_topic.c.
 *
 * They are linked into a test kernel only, which runs them as its destination once all subsystems are up. What they find
 * goes out on the verdict channel, never through code that a student writes. A test runs in the context of the
 * destination: a kernel thread from stage 04 on, before that the boot CPU with interrupts as the subsystems left them.
 */
#ifndef CORE_KTEST_H
#define CORE_KTEST_H

#include "core/compiler.h"

struct ktest {
	const char *stage; /* "02" */
	const char *name;
	void (*run)(void);
};

/* Defines a test of stage `num` (two digits). */
#define KTEST(num, ident) \
	static void ktest_##num##_##ident(void); \
	static const struct ktest ktest_record_##num##_##ident = { \
		.stage = #num, .name = #ident, .run = ktest_##num##_##ident }; \
	LINKER_SET(ktests, ktest_record_##num##_##ident); \
	static void ktest_##num##_##ident(void)

/*
 * A fault made on purpose, for `provoke=NAME` on the command line of a test kernel: some checker must catch it (grader/checks).
 */
struct provocation {
	const char *name;
	void (*run)(void);
};
#define PROVOKE(ident) \
	static void provoke_##ident(void); \
	static const struct provocation provocation_##ident = { .name = #ident, .run = provoke_##ident }; \
	LINKER_SET(provocations, provocation_##ident); \
	static void provoke_##ident(void)

/* Note a failure and go on; the value is the condition. */
#define KEXPECT(cond) ktest_check((cond), __FILE__, __LINE__, #cond)
/* The same for equality, with both values in the report. */
#define KEXPECT_EQ(got, wanted) ktest_check_equal((u64)(got), (u64)(wanted), __FILE__, __LINE__, #got " == " #wanted)
/* Note a failure and leave the test. */
#define KREQUIRE(cond) do { if (!KEXPECT(cond)) return; } while (0)

bool ktest_check(bool ok, const char *file, int line, const char *text);
bool ktest_check_equal(u64 got, u64 wanted, const char *file, int line, const char *text);
/* A figure for the report: shown beside the test, judged by nobody. */
void ktest_note(const char *what, u64 value);
/* Numbers that the grader's seed decides, so that no answer can be written down beforehand. */
u64 ktest_random(void);

#endif
