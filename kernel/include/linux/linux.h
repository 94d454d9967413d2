/*
 * The Linux layer: routes system calls, counts and traces them; it owns no objects.
 *
 *   syscall_dispatch (usermode) --> syscall_table[nr]                  the usual way
 *                               \-> linux_route --> syscall_table[nr]  a traced thread, a restricted mode, or statistics on
 */
#ifndef LINUX_LINUX_H
#define LINUX_LINUX_H

#include "core/node.h"
#include "syscalls_gen.h" /* categories, names, argument types */
#include "usermode/usermode.h"

/*
 * The mode: which calls are let through; the others give ENOSYS.
 *   full             all
 *   minimal          what Busybox needs
 *   custom:LIST      minimal, then each of LIST in turn, separated by commas: +x lets through, -x takes away; x is a category (three letters of it
 *                    will do: net), a call, both if it names both, or `all`. LIST may be empty
 */
struct linux_mode {
	char text[128];               /* as it was given */
	bool restricted;              /* some call is not let through */
	bool allowed[SYSCALL_COUNT];
};
extern struct linux_mode linux_mode;
extern const char *const linux_minimal_calls[]; /* names, NULL at the end (minimal.c) */

/* What a CPU has counted of one call; one that was denied is among its calls and its errors too. */
struct linux_count {
	u64 calls, errors, denied, ns;
};

/* Student's (linux/router.c, lab 12). */
/* Fills *m from the text of `linux=`: 0, or -EINVAL (then *m is unchanged). */
int linux_mode_parse(struct linux_mode *m, const char *text);
bool linux_mode_allows(u32 nr); /* false also for a number that no row of the table has */
/* Runs call nr for current: mode, statistics, trace; its result. A number that no row of the table has: trace_unknown if current is traced, and syscall_missing. */
long linux_route(u32 nr, const u64 args[6], struct trapframe *f);
/* Sums of all CPUs. */
struct linux_count linux_count_of(u32 nr);
/* One argument into the trace's line, by the type that the table gives it. args: all six; ret: the result, or NULL when the call has not run yet. */
void linux_trace_arg(struct seq *s, u32 nr, unsigned i, const u64 args[6], const long *ret);

/* Given: what the mode does not let through (linux_main.c): says so once for each call, in the kernel's log. -ENOSYS. */
long linux_denied(u32 nr);
/* Given: the trace's line (linux/trace.c). Enter prints what is known before the call; exit the rest. */
void trace_enter(u32 nr, const u64 args[6]);
void trace_exit(u32 nr, const u64 args[6], long ret);
void trace_unknown(u32 nr, const u64 args[6]); /* a number that no row of the table has */
/* Whether current is traced. */
static inline bool trace_is_on(void) { return atomic_load_relaxed(&current->work) & WORK_TRACE; }
/* Switches the trace of a process, all its threads and their later children. */
void trace_set(struct process *p, bool on);
bool trace_get(struct process *p);

/* Given: formatters (linux/decode.c). Each prints one value. */
void decode_hex(struct seq *s, u64 v);      /* addresses, and `ulong`s; NULL for 0 */
void decode_int(struct seq *s, u64 v);      /* of 32 bits: what stands above them in the register is nobody's. Ids of users and groups too, for which -1 means something */
void decode_unsigned(struct seq *s, u64 v); /* so, too */
void decode_long(struct seq *s, u64 v);     /* of 64 bits: offsets, times */
void decode_size(struct seq *s, u64 v);     /* and sizes */
void decode_dirfd(struct seq *s, u64 v);
void decode_signal(struct seq *s, u64 v);
void decode_mode(struct seq *s, u64 v);
void decode_device(struct seq *s, u64 v);
void decode_open_flags(struct seq *s, u64 v);
void decode_prot(struct seq *s, u64 v);
void decode_map_flags(struct seq *s, u64 v);
void decode_clone_flags(struct seq *s, u64 v);
void decode_string(struct seq *s, u64 user_address);              /* a path or text, quoted and cut */
void decode_bytes(struct seq *s, u64 user_address, u64 length);   /* the same for bytes of known length */
/* What the name of call and argument tell beyond the type (an fcntl command, a struct stat): true if it printed. */
bool decode_special(struct seq *s, u32 nr, unsigned i, const u64 args[6], const long *ret);
/* "3", "0x7f…" for addresses, "-1 ENOENT (No such file…)" without the text in brackets, "?" for calls that do not return. */
void decode_result(struct seq *s, u32 nr, long ret);
const char *errno_name(long e); /* "ENOENT"; NULL */

#endif
