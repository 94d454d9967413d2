#include "core/atomic.h"
#include "core/panic.h"

void refcount_bug(struct refcount *r, const char *what)
{
	panic("reference count %p: %s (%d)", (void *)r, what, (int)r->n);
}
