#include "core/atomic.h"
#include "core/debug.h"
#include "core/panic.h"

void refcount_bug(struct refcount *r, const char *what)
{
	panic("reference count %p: %s (%d)", (void *)r, what, (int)r->n);
}

/* Others may be counting up or down at this moment: the distance to both ends is a billion of them. */
void refcount_saturate(struct refcount *r)
{
	static bool told;

	atomic_store(&r->n, REFCOUNT_SATURATED);
	if (DEBUG)
		refcount_bug(r, "saturated");
	if (!atomic_xchg(&told, true))
		backtrace_here();
}
