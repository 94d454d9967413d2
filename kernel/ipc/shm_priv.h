/* System V shared memory: between shm.c (segments, attaching) and shmctl.c (control, /proc). */
#ifndef IPC_SHM_PRIV_H
#define IPC_SHM_PRIV_H

#include "sysv_priv.h"

struct shm_segment {
	struct ipc_object object; /* its lock guards all below that changes */
	struct file *memory;      /* the pages: a tmpfs file without a name. Counted, constant */
	u64 size;                 /* as asked for; constant */
	u64 attached;             /* areas, and calls of shmat under way */
	s64 attach_time, detach_time, change_time;
	int creator, last_pid;
};
extern struct ipc_kind *const shm_kind;
extern u64 shm_total_pages; /* atomic; of all segments */
static inline struct shm_segment *shm_of(struct ipc_object *o) { return container_of(o, struct shm_segment, object); }
static inline u64 shm_pages(const struct shm_segment *s) { return DIV_ROUND_UP(s->size, PAGE_SIZE); }
/* Takes it out of the table; its memory goes with the last reference. Not locked. */
void shm_destroy(struct shm_segment *s);

#endif
