/*
 * Kernel code under libFuzzer: like a unit test (../unit/unit.h), but it is given bytes, and must stay inside them, whatever they are.
 * The first line of a part names the kernel's sources that it is linked with. What those call and the part never reaches stays
 * unresolved; the rest of the kernel's world is host.c.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include "../unit/unit.h"

extern void abort(void) __attribute__((noreturn));
extern void *calloc(size_t n, size_t size);
extern int snprintf(char *buf, size_t size, const char *fmt, ...);
extern void *stderr;
extern int fprintf(void *stream, const char *fmt, ...);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

/* What must be true whatever the input is. */
#define WANT(cond) do { \
		if (!(cond)) { \
			fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #cond); \
			abort(); \
		} \
	} while (0)

/* The input, taken bit by bit; zeroes behind its end. */
struct input { const u8 *at, *end; };

static inline bool more(const struct input *in) { return in->at < in->end; }
static inline u32 byte(struct input *in) { return more(in) ? *in->at++ : 0; }
static inline u64 word(struct input *in)
{
	u64 v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | byte(in);
	return v;
}

#endif
