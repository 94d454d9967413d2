/* The report of the list checks in lib/list.h. */
#include "lib/list.h"

#if DEBUG
#include "core/panic.h"

void list_corrupt(const struct list *e, const struct list *prev, const struct list *next, const char *what)
{
	panic("list corrupted: %s neighbours that do not point at each other: entry %lx, before it %lx, behind it %lx", what, (u64)e, (u64)prev, (u64)next);
}
#endif
