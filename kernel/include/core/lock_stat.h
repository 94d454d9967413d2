/* Counts of locks that were found taken (core/lock_stat.c). */
#ifndef CORE_LOCK_STAT_H
#define CORE_LOCK_STAT_H

/* Somebody will have to wait for the lock of this name, a literal or one that lives for ever. Any context. */
void lock_contended(const char *name);

#endif
