/* System V semaphores: between sem.c and semctl.c. */
#ifndef IPC_SEM_PRIV_H
#define IPC_SEM_PRIV_H

#include "semaphore_priv.h"

extern struct ipc_kind *const sem_kind;
extern u32 sem_total; /* atomic; semaphores in all sets */
static inline struct sem_set *sem_set_of(struct ipc_object *o) { return container_of(o, struct sem_set, object); }

#endif
