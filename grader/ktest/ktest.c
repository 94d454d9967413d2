/*
 * The runner of the in-kernel tests.
 *
 * Records on the verdict channel, one a line. Each carries the nonce that the grader chose for this boot, so that a line which
 * somebody else wrote is none.
 *
 *	ktest NONCE hello
 *	ktest NONCE begin STAGE.NAME
 *	ktest NONCE fail STAGE.NAME FILE:LINE TEXT
 *	ktest NONCE note STAGE.NAME WHAT VALUE
 *	ktest NONCE end STAGE.NAME FAILURES LINE,LINE...
 *	ktest NONCE done TESTS FAILED
 *
 * A test without its `end` is the one that the kernel died or hung in. The lines behind `end` are those of the checks that were
 * come by: a grader that knows which ones the reference comes by sees that a test was left by another way than through them. Which tests run is said by the fw_cfg file `tests`:
 * words that are a test's STAGE.NAME or a stage alone; without it all of them run.
 */
#include "core/ktest.h"

#include "core/cmdline.h"
#include "core/registry.h"
#include "core/verdict.h"
#include "lib/string.h"

enum { EXIT_ALL_PASSED = 0x20, EXIT_SOME_FAILED = 0x21 };

LINKER_SET_DECLARE(ktests, const struct ktest);
LINKER_SET_DECLARE(provocations, const struct provocation);

static const struct ktest *current;
static unsigned failures;
static char list[16384];
static char nonce[64];
static int sites[96];
static unsigned site_count;
static u64 seed = 0x9e3779b97f4a7c15;

static void note_site(int line)
{
	for (unsigned i = 0; i < site_count; i++)
		if (sites[i] == line)
			return;
	if (site_count < ARRAY_SIZE(sites))
		sites[site_count++] = line;
}

bool ktest_check(bool ok, const char *file, int line, const char *text)
{
	note_site(line);
	if (!ok) {
		failures++;
		verdict("ktest %s fail %s.%s %s:%d %s\n", nonce, current->stage, current->name, file, line, text);
	}
	return ok;
}

bool ktest_check_equal(u64 got, u64 wanted, const char *file, int line, const char *text)
{
	note_site(line);
	if (got != wanted) {
		failures++;
		verdict("ktest %s fail %s.%s %s:%d %s: got 0x%lx, wanted 0x%lx\n", nonce, current->stage, current->name,
			file, line, text, got, wanted);
	}
	return got == wanted;
}

void ktest_note(const char *what, u64 value)
{
	verdict("ktest %s note %s.%s %s %lu\n", nonce, current->stage, current->name, what, value);
}

u64 ktest_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* Does `word` of the given length name this test, or its stage? */
static bool names(const char *word, size_t len, const struct ktest *test)
{
	size_t i = 0;
	for (const char *s = test->stage; *s; s++, i++)
		if (i >= len || word[i] != *s)
			return false;
	if (i == len)
		return true;
	if (word[i++] != '.')
		return false;
	for (const char *s = test->name; *s; s++, i++)
		if (i >= len || word[i] != *s)
			return false;
	return i == len;
}

static bool starts_with(const char *s, const char *prefix)
{
	while (*prefix && *s == *prefix)
		s++, prefix++;
	return !*prefix;
}

static bool wanted(const struct ktest *test)
{
	const char *s = list;
	bool any = false;
	/* What is meant to bring the kernel down, wants something from outside, or is a challenge, runs by its full name only. */
	bool on_request = starts_with(test->name, "crash_") || starts_with(test->name, "ask_") || starts_with(test->name, "challenge_");

	while (*s) {
		while (*s == ' ' || *s == '\n')
			s++;
		const char *word = s;
		while (*s && *s != ' ' && *s != '\n')
			s++;
		if (s != word) {
			any = true;
			if (names(word, s - word, test) && (!on_request || s - word > 2))
				return true;
		}
	}
	return !any && !on_request;
}

static void read_parameters(void)
{
	char text[64];

	if (fwcfg_read("nonce", nonce, sizeof(nonce)) <= 0)
		memcpy(nonce, "-", 2);
	verdict("ktest %s hello\n", nonce);
	if (fwcfg_read("seed", text, sizeof(text)) > 0)
		for (const char *s = text; *s >= '0' && *s <= '9'; s++)
			seed = seed * 10 + (*s - '0');
	if (fwcfg_read("tests", list, sizeof(list)) < 0)
		list[0] = '\0';
}

/* Comes back only if nobody noticed. */
static void provoke(const char *name)
{
	LINKER_SET_FOREACH(provocations, it) {
		const char *a = (*it)->name, *b = name;
		while (*a && *a == *b)
			a++, b++;
		if (*a || *b)
			continue;
		verdict("provoke %s\n", name);
		(*it)->run();
		verdict("provoke %s survived\n", name);
		return;
	}
	verdict("provoke %s is not known\n", name);
}

static void ktest_main(void)
{
	unsigned tests = 0, failed = 0;
	char name[64];

	read_parameters();
	if (cmdline_get("provoke", name, sizeof(name)) >= 0) {
		provoke(name);
		verdict_exit(EXIT_SOME_FAILED);
	}
	LINKER_SET_FOREACH(ktests, it) {
		const struct ktest *test = *it;
		if (!wanted(test))
			continue;
		current = test;
		failures = site_count = 0;
		verdict("ktest %s begin %s.%s\n", nonce, test->stage, test->name);
		test->run();
		verdict("ktest %s end %s.%s %u ", nonce, test->stage, test->name, failures);
		for (unsigned i = 0; i < site_count; i++)
			verdict("%s%d", i ? "," : "", sites[i]);
		verdict("\n");
		tests++;
		failed += failures != 0;
	}
	verdict("ktest %s done %u %u\n", nonce, tests, failed);
	verdict_exit(failed ? EXIT_SOME_FAILED : EXIT_ALL_PASSED);
}
DESTINATION(99, ktest_main);
