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
