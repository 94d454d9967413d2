/* Between the files of the NVMe driver; nvme.c says how it works. */
#ifndef NVME_PRIV_H
#define NVME_PRIV_H

#include "block_priv.h"
#include "nvme_wire.h"
#include "pci/pci.h"

#define NVME_QUEUES_MAX 32u       /* for I/O */
#define NVME_DEPTH 64u            /* entries of a queue; one less commands are under way */
#define NVME_ADMIN_DEPTH 8u
#define NVME_TRANSFER_MAX (512u << 10)
/* A transfer that begins in the middle of a page is one page longer; the first page is in the command, the others are in the list. */
#define NVME_LIST_ENTRIES (NVME_TRANSFER_MAX / (u32)PAGE_SIZE)
#define NVME_LIST_BYTES (NVME_LIST_ENTRIES * 8u)
_Static_assert(PAGE_SIZE % NVME_LIST_BYTES == 0, "a list lies in one page");

struct nvme;

/* Who waits for an admin command. */
struct nvme_waiter {
	bool done;
	u16 status;
	u32 result;
};

/* One command that is under way, by its identifier. */
struct nvme_slot {
	struct block_io *io;         /* NULL: an admin command, or free */
	struct nvme_waiter *waiter;  /* NULL with io NULL: nobody wants to know any more */
	u64 deadline;
	u64 *list;                   /* NVME_LIST_BYTES for its PRP list, or its range; none in the admin queue */
	u16 next_free;
	bool used;
};

/* A pair of queues. */
struct nvme_queue {
	struct nvme *nvme;
	u16 id, depth;
	char name[16];               /* for /proc/interrupts */
	struct spinlock lock;        /* guards what follows, and the order of the registers' writes */
	struct nvme_command *sq;
	struct nvme_completion *cq;
	volatile u32 *sq_doorbell, *cq_doorbell;
	u16 sq_tail, sq_told;        /* where the next command goes; what the controller knows of that */
	u16 cq_head;
	u16 phase;                   /* of answers that are new: 1 on the first round, then 0, 1, … */
	u16 free;                    /* first free slot; depth - 1: none */
	bool starved;                /* a request was turned away since the last answer */
	u32 strange;                 /* answers to nothing that was asked */
	bool own_vector;             /* set by the probe */
	struct nvme_slot *slots;     /* depth - 1 */
};

struct nvme_namespace {
	struct disk disk;
	struct nvme *nvme;
	struct nvme_namespace *next;
	u32 nsid;
	u32 shift;                   /* from sectors of 512 bytes to its blocks */
};

enum nvme_todo { NVME_TODO_OVERDUE = 1, NVME_TODO_AGAIN = 2, NVME_TODO_FAILED = 4 };
enum nvme_state { NVME_RESETTING, NVME_LIVE, NVME_DEAD, NVME_OFF };

struct nvme {
	struct pci_device *pci;
	char name[16];               /* "nvme0" */
	u32 number;
	volatile u8 *registers;
	u64 cap;
	u32 state;                   /* enum nvme_state; set by the controller's thread (at the start: the probe), read under a queue's lock */
	u32 queue_count;             /* I/O queues that are in use; set with the state not LIVE */
	u32 queues_made;             /* of `queues`, the admin queue not counted */
	bool msix;
	struct nvme_queue *queues[1 + NVME_QUEUES_MAX]; /* 0: admin. Set by the probe */
	struct nvme_namespace *namespaces; /* set by the probe */
	struct disk_controller about;
	u32 max_transfer;            /* bytes */
	u16 oncs;
	bool cached;                 /* has a volatile write cache */
	bool cut_off;                /* cannot reach memory any more, for good; set by whoever sends admin commands */
	/* The controller's thread. */
	struct wait_queue wait;
	struct timer timer;          /* goes off when the oldest command is overdue */
	bool timer_on;               /* atomic */
	u32 todo;                    /* atomic: enum nvme_todo */
	struct spinlock lock;        /* the two lists of ios, by link: started for the block layer, and with no queue */
	struct list again;           /* to be sent once more */
	struct list failed;          /* to be ended with EIO */
	struct wait_queue admin_wait;
};

static inline u32 nvme_read32(const struct nvme *n, u32 reg) { return *(volatile u32 *)(n->registers + reg); }
static inline void nvme_write32(struct nvme *n, u32 reg, u32 v) { *(volatile u32 *)(n->registers + reg) = v; }
/* In two halves, low before high, which every controller takes (3.1). */
static inline u64 nvme_read64(const struct nvme *n, u32 reg) { u32 low = nvme_read32(n, reg); return low | (u64)nvme_read32(n, reg + 4) << 32; }
static inline void nvme_write64(struct nvme *n, u32 reg, u64 v) { nvme_write32(n, reg, (u32)v); nvme_write32(n, reg + 4, (u32)(v >> 32)); }

extern u64 nvme_timeout_ns;      /* nvme_core.io_timeout= */
extern u32 nvme_retries;         /* nvme_core.max_retries= */

/* nvme_queue.c */
/* Memory for a pair of queues with the controller's depth; NULL: memory is short. */
struct nvme_queue *nvme_queue_new(struct nvme *n, u16 id, u32 depth);
void nvme_queue_free(struct nvme_queue *q);
/* Empties both rings, for a controller that has just been reset or has not heard of them: nothing is under way. */
void nvme_queue_reset(struct nvme_queue *q);
/* Deals with all answers that have come. Any context without locks. */
void nvme_queue_poll(struct nvme_queue *q);
/* An io to the queue of this CPU: 0, or -EBUSY. Preemption is off. The controller is told by nvme_ring. */
int nvme_queue_io(struct nvme_namespace *ns, struct block_io *io);
void nvme_ring(struct nvme *n);
/* Takes back what the controller, which is stopped, has not answered: ios go to the lists, who waits for an admin command waits in vain. */
void nvme_queue_abort(struct nvme_queue *q);
/* The earliest deadline of a command that is under way; TIME_NEVER. */
u64 nvme_queue_deadline(struct nvme_queue *q);
/*
 * Sends an admin command and sleeps until it is answered: 0, -EIO (*result is not set), -ETIMEDOUT: the controller was cut off, so that memory which the command
 * names is not touched any more; -ENODEV: that was done before.
 */
int nvme_admin(struct nvme *n, struct nvme_command *c, u32 *result);

/* nvme_controller.c */
/* CC.EN to 0, and waits for CSTS.RDY as long as CAP.TO allows: 0, -ETIMEDOUT, -ENODEV: the device is gone. Sleeps. */
int nvme_disable(struct nvme *n);
/* Keeps it from memory for good: it would not stop by itself. */
void nvme_cut_off(struct nvme *n);
/* From reset to I/O queues that work: 0 or -errno. The controller may be enabled or not. */
int nvme_bring_up(struct nvme *n);
int nvme_identify(struct nvme *n, u32 what, u32 nsid, void *page);
/* Its thread: commands that are overdue, those that are sent again, those that have failed. */
void nvme_thread(void *nvme);
void nvme_wake(struct nvme *n, u32 todo);        /* any context */
/* Has the timer go off at the deadline or before; any context. */
void nvme_watch(struct nvme *n, u64 deadline);
/* There is room in a queue again; any context without locks. */
void nvme_resume(struct nvme *n);
void nvme_timer(struct timer *t);
void nvme_shut_down(struct nvme *n);

#endif
