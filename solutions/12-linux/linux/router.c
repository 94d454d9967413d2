/*
 * The Linux router: what stands between a program's system call and the subsystem that does the work, when somebody wants
 * to know or to decide.
 *
 *   linux_route -->  trace: name and arguments
 *                    mode lets it through?   --no-->  linux_denied in its place: -ENOSYS, counted as denied
 *                    syscall_table[nr](args)
 *                    count, time
 *                    trace: results
 *
 * Everything it knows about a call comes from the one table, kernel/include/abi/syscalls.tbl: category, name, types of the
 * arguments (syscall_infos[]). Counts are kept by each CPU for itself, so no two of them ever touch the same line of
 * memory; only a reader adds them up.
 */
#include "linux/linux.h"
#include "core/percpu.h"
#include "core/todo.h"
#include "lib/string.h"
#include "time/time.h"

struct linux_mode linux_mode;

#ifdef SOLUTION
static PERCPU(struct linux_count[SYSCALL_COUNT], counts);

/* --- modes ------------------------------------------------------------------------------------------------------ */

/* Does [word, len) name call nr: by its name, its category (or the beginning of one), or as `all`? */
static bool word_names(const char *word, size_t len, u32 nr)
{
	const struct syscall_info *info = &syscall_infos[nr];
	if (!info->name || len == 0)
		return false;
	if (len == 3 && strncmp(word, "all", 3) == 0)
		return true;
	if (strlen(info->name) == len && strncmp(info->name, word, len) == 0)
		return true;
	return len >= 3 && strncmp(syscall_category_names[info->category], word, len) == 0;
}

/* A program that may not even end cannot be helped: these always work. */
static bool always_allowed(u32 nr)
{
	return nr == NR_exit || nr == NR_exit_group || nr == NR_rt_sigreturn || nr == NR_restart_syscall;
}

/* Sets allowed[] for each call that the word names: -EINVAL if there is none. */
static int apply(bool *allowed, const char *word, size_t len, bool value)
{
	int err = -EINVAL;
	for (u32 nr = 0; nr < SYSCALL_COUNT; nr++)
		if (word_names(word, len, nr)) {
			allowed[nr] = value || always_allowed(nr);
			err = 0;
		}
	return err;
}

int linux_mode_parse(struct linux_mode *m, const char *text)
{
	static bool allowed[SYSCALL_COUNT]; /* boot and the root's writes to /proc/syscalls come one at a time */
	bool full = strcmp(text, "full") == 0;
	const char *list = str_starts(text, "custom:") ? text + 7 : NULL;
	if (!full && !list && strcmp(text, "minimal") != 0)
		return -EINVAL;
	for (u32 nr = 0; nr < SYSCALL_COUNT; nr++)
		allowed[nr] = full || always_allowed(nr);
	for (const char *const *name = linux_minimal_calls; *name; name++)
		apply(allowed, *name, strlen(*name), true);
	while (list && *list) {
		const char *comma = strchr(list, ',');
		size_t len = comma ? (size_t)(comma - list) : strlen(list);
		if ((*list != '+' && *list != '-') || apply(allowed, list + 1, len - 1, *list == '+'))
			return -EINVAL;
		list += len + (comma != NULL);
	}
	strlcpy(m->text, text, sizeof(m->text));
	memcpy(m->allowed, allowed, sizeof(allowed));
	m->restricted = !full;
	return 0;
}

bool linux_mode_allows(u32 nr)
{
	return !linux_mode.restricted || (nr < SYSCALL_COUNT && linux_mode.allowed[nr]);
}

/* --- statistics ------------------------------------------------------------------------------------------------- */

static void count(u32 nr, long ret, bool denied, u64 ns)
{
	preempt_disable(); /* the CPU must not change between finding its counters and adding */
	struct linux_count *c = &(*percpu_ptr(counts))[nr];
	c->calls++;
	c->errors += ret < 0 && ret > -4096;
	c->denied += denied;
	c->ns += ns;
	preempt_enable();
}

struct linux_count linux_count_of(u32 nr)
{
	struct linux_count sum = { 0 };
	for (u32 id = 0; id < cpu_count; id++) {
		const struct linux_count *c = &(*percpu_ptr_of(counts, cpus[id]))[nr];
		sum.calls += READ_ONCE(c->calls);
		sum.errors += READ_ONCE(c->errors);
		sum.denied += READ_ONCE(c->denied);
		sum.ns += READ_ONCE(c->ns);
	}
	return sum;
}

/* --- trace ------------------------------------------------------------------------------------------------------ */

/* How a value of each type reads. Buffers are not here: they need the other arguments. */
static void (*const formatters[])(struct seq *s, u64 value) = {
	[SYSCALL_ARG_INT] = decode_int, [SYSCALL_ARG_LONG] = decode_long, [SYSCALL_ARG_FD] = decode_int, [SYSCALL_ARG_PID] = decode_int,
	[SYSCALL_ARG_OFF] = decode_long, [SYSCALL_ARG_TIME] = decode_long, [SYSCALL_ARG_UINT] = decode_unsigned, [SYSCALL_ARG_SIZE] = decode_size,
	[SYSCALL_ARG_UID] = decode_int, [SYSCALL_ARG_GID] = decode_int, [SYSCALL_ARG_ULONG] = decode_hex, [SYSCALL_ARG_PTR] = decode_hex,
	[SYSCALL_ARG_BUF] = decode_hex, [SYSCALL_ARG_DATA] = decode_hex, [SYSCALL_ARG_DIRFD] = decode_dirfd, [SYSCALL_ARG_SIG] = decode_signal,
	[SYSCALL_ARG_MODE] = decode_mode, [SYSCALL_ARG_DEV] = decode_device, [SYSCALL_ARG_OFLAGS] = decode_open_flags, [SYSCALL_ARG_PROT] = decode_prot,
	[SYSCALL_ARG_MAPFLAGS] = decode_map_flags, [SYSCALL_ARG_CLONEFLAGS] = decode_clone_flags,
	[SYSCALL_ARG_PATH] = decode_string, [SYSCALL_ARG_STR] = decode_string,
};

void linux_trace_arg(struct seq *s, u32 nr, unsigned i, const u64 args[6], const long *ret)
{
	const struct syscall_info *info = &syscall_infos[nr];
	u8 type = info->arg_types[i];
	bool sized = i + 1 < info->args && info->arg_types[i + 1] == SYSCALL_ARG_SIZE;
	if (decode_special(s, nr, i, args, ret))
		return;
	if (type == SYSCALL_ARG_DATA && sized)
		decode_bytes(s, args[i], args[i + 1]);
	else if (type == SYSCALL_ARG_BUF && sized && ret && *ret >= 0)
		decode_bytes(s, args[i], MIN((u64)*ret, args[i + 1])); /* the call says how much it wrote */
	else if (type < ARRAY_SIZE(formatters) && formatters[type])
		formatters[type](s, args[i]);
	else
		decode_hex(s, args[i]);
}

long linux_route(u32 nr, const u64 args[6], struct trapframe *f __unused)
{
	bool traced = trace_is_on(), allowed = linux_mode_allows(nr);
	if (nr >= SYSCALL_COUNT || !syscall_table[nr]) {
		if (traced)
			trace_unknown(nr, args);
		return syscall_missing(nr);
	}
	u64 start = time_ns();
	if (traced)
		trace_enter(nr, args);
	long ret = allowed ? syscall_table[nr](args[0], args[1], args[2], args[3], args[4], args[5]) : linux_denied(nr);
	count(nr, ret, !allowed, time_ns() - start);
	if (traced)
		trace_exit(nr, args, ret);
	return ret;
}
#else
int linux_mode_parse(struct linux_mode *m, const char *text)
{
	TODO("12-linux");
}

bool linux_mode_allows(u32 nr)
{
	TODO("12-linux");
}

struct linux_count linux_count_of(u32 nr)
{
	TODO("12-linux");
}

void linux_trace_arg(struct seq *s, u32 nr, unsigned i, const u64 args[6], const long *ret)
{
	TODO("12-linux");
}

long linux_route(u32 nr, const u64 args[6], struct trapframe *f)
{
	TODO("12-linux");
}
#endif
