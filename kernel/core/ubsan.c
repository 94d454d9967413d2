/*
 * What the compiler's checks for undefined behaviour call (-fsanitize=undefined): each names the kind, the values and the place, and panics.
 *
 * The structures are the interface between the compilers' runtime and the code that they emit (LLVM, compiler-rt, ubsan_handlers.h); every check has its own
 * static record with file, line and column, and hands over the operands as words: values of up to 64 bits by value, wider ones by address.
 */
#include "core/debug.h"

#if DEBUG
#include "core/panic.h"

struct source_location {
	const char *file;
	u32 line, column;
};
struct type_descriptor {
	u16 kind; /* 0 integer, 1 float */
	u16 info; /* bit 0: signed; above: log2 of the width */
	char name[];
};
struct overflow_data {
	struct source_location at;
	const struct type_descriptor *type;
};
struct shift_data {
	struct source_location at;
	const struct type_descriptor *left, *right;
};
struct bounds_data {
	struct source_location at;
	const struct type_descriptor *array, *index;
};
struct mismatch_data {
	struct source_location at;
	const struct type_descriptor *type;
	u8 log_alignment, access;
};
struct value_data {
	struct source_location at;
	const struct type_descriptor *type;
};
struct place_data {
	struct source_location at;
};
struct nonnull_data {
	struct source_location at, attribute;
	int argument;
};

/* An operand as a signed number, and whether it is to be read so. */
static s64 operand(const struct type_descriptor *t, u64 v)
{
	unsigned bits = 1u << (t->info >> 1);

	if (bits > 64)
		return (s64)*(const u64 *)v;
	if (bits == 64 || !(t->info & 1))
		return (s64)v;
	return (s64)(v << (64 - bits)) >> (64 - bits);
}

static void __noreturn overflow(const struct overflow_data *d, const char *sign, u64 a, u64 b)
{
	panic("UBSan: %s overflow: %ld %s %ld does not fit into %s (%s:%u)", d->type->info & 1 ? "signed integer" : "integer", operand(d->type, a), sign,
	      operand(d->type, b), d->type->name, d->at.file, d->at.line);
}

#define HANDLER(name, ...) \
	void __ubsan_handle_##name(__VA_ARGS__); \
	void __ubsan_handle_##name(__VA_ARGS__)

HANDLER(add_overflow, const struct overflow_data *d, u64 a, u64 b) { overflow(d, "+", a, b); }
HANDLER(sub_overflow, const struct overflow_data *d, u64 a, u64 b) { overflow(d, "-", a, b); }
HANDLER(mul_overflow, const struct overflow_data *d, u64 a, u64 b) { overflow(d, "*", a, b); }

HANDLER(negate_overflow, const struct overflow_data *d, u64 a)
{
	panic("UBSan: signed integer overflow: -(%ld) does not fit into %s (%s:%u)", operand(d->type, a), d->type->name, d->at.file, d->at.line);
}

HANDLER(divrem_overflow, const struct overflow_data *d, u64 a, u64 b)
{
	if (!operand(d->type, b))
		panic("UBSan: division by zero (%s:%u)", d->at.file, d->at.line);
	overflow(d, "/", a, b);
}

HANDLER(shift_out_of_bounds, const struct shift_data *d, u64 a, u64 b)
{
	panic("UBSan: shift out of bounds: %s %ld by %ld (%s:%u)", d->left->name, operand(d->left, a), operand(d->right, b), d->at.file, d->at.line);
}

HANDLER(out_of_bounds, const struct bounds_data *d, u64 index)
{
	panic("UBSan: index %ld out of bounds of %s (%s:%u)", operand(d->index, index), d->array->name, d->at.file, d->at.line);
}

HANDLER(type_mismatch_v1, const struct mismatch_data *d, u64 p)
{
	static const char *const accesses[] = { "load of", "store to", "reference to", "member access in", "member call on", "constructor call on",
						"downcast of", "downcast of", "upcast of", "cast to virtual base of", "nonnull binding of", "dynamic operation on" };

	panic("UBSan: %s: %s %s at %lx (%s:%u)", p ? "misaligned or too small object" : "null pointer", d->access < ARRAY_SIZE(accesses) ? accesses[d->access] : "use of",
	      d->type->name, p, d->at.file, d->at.line);
}

HANDLER(load_invalid_value, const struct value_data *d, u64 v)
{
	panic("UBSan: load of value %lu, which is none of %s (%s:%u)", v, d->type->name, d->at.file, d->at.line);
}

HANDLER(vla_bound_not_positive, const struct value_data *d, u64 v)
{
	panic("UBSan: array of variable length %ld (%s:%u)", operand(d->type, v), d->at.file, d->at.line);
}

HANDLER(builtin_unreachable, const struct place_data *d) { panic("UBSan: unreachable code reached (%s:%u)", d->at.file, d->at.line); }
HANDLER(missing_return, const struct place_data *d) { panic("UBSan: end of a function that must return a value (%s:%u)", d->at.file, d->at.line); }
HANDLER(invalid_builtin, const struct place_data *d) { panic("UBSan: builtin called with 0, for which it has no value (%s:%u)", d->at.file, d->at.line); }
HANDLER(alignment_assumption, const struct place_data *d) { panic("UBSan: assumed alignment is not there (%s:%u)", d->at.file, d->at.line); }

HANDLER(nonnull_arg, const struct nonnull_data *d) { panic("UBSan: argument %d must not be null (%s:%u)", d->argument, d->at.file, d->at.line); }
HANDLER(nonnull_return_v1, const struct nonnull_data *d __unused, const struct source_location *at)
{
	panic("UBSan: null returned where it must not be (%s:%u)", at->file, at->line);
}

HANDLER(pointer_overflow, const struct place_data *d, u64 base, u64 result)
{
	panic("UBSan: pointer arithmetic overflows: %lx becomes %lx (%s:%u)", base, result, d->at.file, d->at.line);
}
#endif
