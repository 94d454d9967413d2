/* An NVMe controller: reset, enabling, its queues, and the thread that puts it right when it does not answer. nvme.c says how it all hangs together. */
#include "nvme_priv.h"

#include "core/percpu.h"
#include "core/printk.h"
#include "mm/slab.h"

#define CAP_TIMEOUT_UNIT_NS (500 * NSEC_PER_MSEC)
#define POLL_NS NSEC_PER_MSEC
#define SHUTDOWN_PATIENCE_NS (5 * NSEC_PER_SEC)
#define ALL_ONES 0xffffffffu /* what is read where no device answers any more */

/* --- reset and start (3.1.5, 3.1.6, 7.6.1) --------------------------------------------------------------------------------- */

/* Until CSTS, masked, is as wanted. There is no interrupt for that; it sleeps between its looks. */
static int wait_status(struct nvme *n, u32 mask, u32 wanted, u64 patience)
{
	u64 deadline = time_ns() + patience;

	for (;;) {
		u32 status = nvme_read32(n, REG_CSTS);

		if (status == ALL_ONES)
			return -ENODEV;
		if ((status & mask) == wanted)
			return 0;
		/* One that has failed will not become ready; switched off it must be all the same. */
		if (wanted && status & CSTS_FATAL)
			return -EIO;
		if (time_ns() >= deadline)
			return -ETIMEDOUT;
		thread_sleep_ns(POLL_NS);
	}
}

static u64 ready_patience(const struct nvme *n)
{
	return (CAP_TIMEOUT(n->cap) + 1) * CAP_TIMEOUT_UNIT_NS;
}

int nvme_disable(struct nvme *n)
{
	nvme_write32(n, REG_CC, nvme_read32(n, REG_CC) & ~(CC_ENABLE | CC_SHUTDOWN_MASK));
	return wait_status(n, CSTS_READY, 0, ready_patience(n));
}

static int enable(struct nvme *n)
{
	nvme_write32(n, REG_CC, CC_ENTRY_SIZES | CC_ENABLE);
	return wait_status(n, CSTS_READY, CSTS_READY, ready_patience(n));
}

void nvme_cut_off(struct nvme *n)
{
	n->cut_off = true;
	pci_stop(n->pci);
}

/* How many pairs of queues for I/O it gives of those that we have. */
static int agree_on_queues(struct nvme *n, u32 *count)
{
	u32 wanted = n->queues_made - 1, given;
	struct nvme_command c = { .opcode = ADMIN_SET_FEATURES, .cdw10 = FEATURE_QUEUES, .cdw11 = wanted << 16 | wanted };
	int err = nvme_admin(n, &c, &given);

	*count = err ? 0 : MIN(n->queues_made, MIN(given & 0xffff, given >> 16) + 1);
	return err;
}

static int create_queue(struct nvme *n, struct nvme_queue *q)
{
	u32 sizes = (q->depth - 1u) << 16 | q->id, vector = q->own_vector ? q->id : 0;
	struct nvme_command c = { .opcode = ADMIN_CREATE_CQ, .prp1 = virt_to_phys(q->cq), .cdw10 = sizes, .cdw11 = vector << 16 | QUEUE_INTERRUPTS | QUEUE_CONTIGUOUS };
	int err;

	nvme_queue_reset(q);
	err = nvme_admin(n, &c, NULL);
	if (err)
		return err;
	c = (struct nvme_command){ .opcode = ADMIN_CREATE_SQ, .prp1 = virt_to_phys(q->sq), .cdw10 = sizes, .cdw11 = (u32)q->id << 16 | QUEUE_CONTIGUOUS };
	return nvme_admin(n, &c, NULL);
}

int nvme_bring_up(struct nvme *n)
{
	struct nvme_queue *admin = n->queues[0];
	u32 count;
	int err = nvme_disable(n);

	if (err)
		return err;
	nvme_queue_reset(admin);
	nvme_write32(n, REG_AQA, (admin->depth - 1u) << 16 | (admin->depth - 1u));
	nvme_write64(n, REG_ASQ, virt_to_phys(admin->sq));
	nvme_write64(n, REG_ACQ, virt_to_phys(admin->cq));
	err = enable(n);
	if (!err)
		err = agree_on_queues(n, &count);
	if (err)
		return err;
	for (u32 i = 1; i <= count; i++) {
		err = create_queue(n, n->queues[i]);
		/* With one of them it can work. */
		if (err && i == 1)
			return err;
		if (err)
			break;
		n->queue_count = i;
	}
	return 0;
}

int nvme_identify(struct nvme *n, u32 what, u32 nsid, void *page)
{
	struct nvme_command c = { .opcode = ADMIN_IDENTIFY, .nsid = nsid, .prp1 = virt_to_phys(page), .cdw10 = what };

	return nvme_admin(n, &c, NULL);
}

void nvme_shut_down(struct nvme *n)
{
	if (READ_ONCE(n->state) != NVME_LIVE)
		return;
	/* What comes now waits for ever; what is under way is waited for by the controller. */
	atomic_store(&n->state, (u32)NVME_OFF);
	nvme_write32(n, REG_CC, (nvme_read32(n, REG_CC) & ~CC_SHUTDOWN_MASK) | CC_SHUTDOWN_NORMAL);
	if (wait_status(n, CSTS_SHUTDOWN_MASK, CSTS_SHUTDOWN_DONE, SHUTDOWN_PATIENCE_NS))
		pr_warn("%s: does not shut down\n", n->name);
}

/* --- the thread ------------------------------------------------------------------------------------------------------------- */

void nvme_wake(struct nvme *n, u32 todo)
{
	atomic_fetch_or(&n->todo, todo);
	wait_wake_all(&n->wait);
}

void nvme_timer(struct timer *t)
{
	struct nvme *n = t->arg;

	nvme_wake(n, NVME_TODO_OVERDUE);
}

/* One timer for all: when it goes off, the thread looks for the deadline that is next. So a command that is answered costs none. */
void nvme_watch(struct nvme *n, u64 deadline)
{
	if (!READ_ONCE(n->timer_on) && !atomic_xchg(&n->timer_on, true))
		timer_start(&n->timer, deadline);
}

void nvme_resume(struct nvme *n)
{
	for (struct nvme_namespace *ns = n->namespaces; ns; ns = ns->next)
		disk_resume(&ns->disk);
	nvme_wake(n, NVME_TODO_AGAIN);
}

/* Everything that it had is taken back, and sent again once it works; if it does not, all ends in errors. */
static void recover(struct nvme *n, const char *why)
{
	int err;

	pr_warn("%s: %s, the controller is reset\n", n->name, why);
	atomic_store(&n->state, (u32)NVME_RESETTING);
	err = nvme_disable(n);
	/* It must not write to memory that is given to others. */
	if (err)
		nvme_cut_off(n);
	for (u32 i = 0; i <= n->queues_made; i++) {
		nvme_queue_poll(n->queues[i]);
		nvme_queue_abort(n->queues[i]);
	}
	if (!err)
		err = nvme_bring_up(n);
	if (err) {
		pr_err("%s: does not come back (error %d), and is given up\n", n->name, err);
		nvme_cut_off(n);
	}
	atomic_store(&n->state, (u32)(err ? NVME_DEAD : NVME_LIVE));
	nvme_resume(n);
}

static u64 first_deadline(struct nvme *n)
{
	u64 first = TIME_NEVER;

	for (u32 i = 1; i <= n->queues_made; i++)
		first = MIN(first, nvme_queue_deadline(n->queues[i]));
	return first;
}

static void look_for_overdue(struct nvme *n)
{
	u32 status = nvme_read32(n, REG_CSTS);
	u64 now, first;

	atomic_store(&n->timer_on, false);
	if (READ_ONCE(n->state) != NVME_LIVE)
		return;
	now = time_ns();
	first = first_deadline(n);
	if (first <= now) {
		for (u32 i = 1; i <= n->queues_made; i++)
			nvme_queue_poll(n->queues[i]);
		first = first_deadline(n);
		if (first > now)
			pr_warn("%s: answers were there without an interrupt\n", n->name);
	}
	if (status == ALL_ONES || status & CSTS_FATAL)
		recover(n, "it has failed");
	else if (first <= now)
		recover(n, "a command is not answered");
	else if (first != TIME_NEVER)
		nvme_watch(n, first);
}

/* All of a list, moved to one of the caller's. */
static void take_list(struct nvme *n, struct list *from, struct list *to)
{
	u64 flags = spin_lock_irqsave(&n->lock);

	list_splice_tail(to, from);
	spin_unlock_irqrestore(&n->lock, flags);
}

static void send_again(struct nvme *n)
{
	struct list ios = LIST_INIT(ios);
	int err = 0;

	take_list(n, &n->again, &ios);
	while (!list_empty(&ios) && !err) {
		struct block_io *io = list_first(&ios, struct block_io, link);

		list_del(&io->link);
		preempt_disable();
		err = nvme_queue_io(io->device->disk->private, io);
		if (err)
			list_add(&ios, &io->link);
		else
			nvme_ring(n);
		preempt_enable();
	}
	/* The queue is full: its next answer wakes us. */
	take_list(n, &ios, &n->again);
}

static void end_failed(struct nvme *n)
{
	struct list ios = LIST_INIT(ios);

	take_list(n, &n->failed, &ios);
	while (!list_empty(&ios)) {
		struct block_io *io = list_first(&ios, struct block_io, link);

		list_del(&io->link);
		disk_complete(io->device->disk, io, -EIO);
	}
}

void nvme_thread(void *nvme)
{
	struct nvme *n = nvme;

	for (;;) {
		u32 todo;

		wait_event(&n->wait, atomic_load(&n->todo));
		todo = atomic_xchg(&n->todo, 0u);
		if (todo & NVME_TODO_OVERDUE)
			look_for_overdue(n);
		if (todo & NVME_TODO_AGAIN)
			send_again(n);
		if (todo & NVME_TODO_FAILED)
			end_failed(n);
	}
}
