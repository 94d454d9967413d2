/*
 * A pair of NVMe queues: commands in, answers out (NVMe 1.4, 4.1).
 *
 *   submission   ring of commands in memory; the driver writes at the tail, and tells the controller by the tail doorbell
 *   completion   ring of answers; the controller writes. One is new if its phase bit differs from the last round's, so its index need not be read
 *                from the device. The head doorbell tells how far the driver has come
 *
 * A command's identifier is its slot, and there is one slot less than the rings have entries: neither ring can run over, and no room is looked for.
 *
 * Data (4.3): prp1 is the address of the first piece. A second page is prp2, and of more than two, prp2 leads to a list of the pages from the second on. All
 * pieces but the first begin at a page, and all but the last end at one: the block layer merges nothing else (disk->whole_pages).
 */
#include "nvme_priv.h"

#include "core/err.h"
#include "core/fault_inject.h"
#include "core/percpu.h"
#include "core/printk.h"
#include "lib/format.h"
#include "mm/slab.h"

#define BATCH 16 /* answers that are taken under one hold of the lock */
#define ADMIN_TIMEOUT_NS (60 * NSEC_PER_SEC)
#define LISTS_PER_PAGE (PAGE_SIZE / NVME_LIST_BYTES)

/* --- life ---------------------------------------------------------------------------------------------------------------- */

/* Each slot's piece of memory: a page holds those of several. */
static bool add_lists(struct nvme_queue *q)
{
	for (u32 i = 0; i + 1 < q->depth; i++) {
		if (i % LISTS_PER_PAGE)
			q->slots[i].list = q->slots[i - 1].list + NVME_LIST_ENTRIES;
		else
			q->slots[i].list = page_alloc(ALLOC_ZERO);
		if (!q->slots[i].list)
			return false;
	}
	return true;
}

struct nvme_queue *nvme_queue_new(struct nvme *n, u16 id, u32 depth)
{
	struct nvme_queue *q = kzalloc(sizeof(*q), 0);
	u32 stride = CAP_STRIDE(n->cap);

	if (!q)
		return NULL;
	q->nvme = n;
	q->id = id;
	q->depth = (u16)MIN(depth, CAP_MQES(n->cap) + 1);
	ksnprintf(q->name, sizeof(q->name), "%sq%u", n->name, id);
	spin_init(&q->lock, "nvme queue", RANK_DEVICE_QUEUE);
	q->sq_doorbell = (volatile u32 *)(n->registers + REG_DOORBELLS + 2ul * id * stride);
	q->cq_doorbell = (volatile u32 *)(n->registers + REG_DOORBELLS + (2ul * id + 1) * stride);
	q->sq = page_alloc(ALLOC_ZERO);
	q->cq = page_alloc(ALLOC_ZERO);
	q->slots = kzalloc((q->depth - 1u) * sizeof(struct nvme_slot), 0);
	if (!q->sq || !q->cq || !q->slots || (id && !add_lists(q))) {
		nvme_queue_free(q);
		return NULL;
	}
	nvme_queue_reset(q);
	return q;
}
_Static_assert(NVME_DEPTH * sizeof(struct nvme_command) <= PAGE_SIZE, "each ring is one page");

void nvme_queue_free(struct nvme_queue *q)
{
	if (!q)
		return;
	for (u32 i = 0; q->slots && i + 1 < q->depth; i += LISTS_PER_PAGE)
		if (q->slots[i].list)
			page_free(q->slots[i].list);
	kfree(q->slots);
	if (q->cq)
		page_free(q->cq);
	if (q->sq)
		page_free(q->sq);
	kfree(q);
}

void nvme_queue_reset(struct nvme_queue *q)
{
	u64 flags = spin_lock_irqsave(&q->lock);

	for (u32 i = 0; i < q->depth; i++)
		q->cq[i] = (struct nvme_completion){ .status = 0 };
	q->sq_tail = q->sq_told = q->cq_head = 0;
	q->phase = 1;
	q->free = 0;
	for (u16 i = 0; i + 1 < q->depth; i++) {
		struct nvme_slot *s = &q->slots[i];
		s->next_free = i + 1;
		s->used = false;
	}
	spin_unlock_irqrestore(&q->lock, flags);
}

/* --- sending --------------------------------------------------------------------------------------------------------------- */

/* A free slot, now used; NULL. q->lock held. */
static struct nvme_slot *take_slot(struct nvme_queue *q, struct block_io *io, struct nvme_waiter *w)
{
	struct nvme_slot *s;

	if (q->free == q->depth - 1)
		return NULL;
	s = &q->slots[q->free];
	q->free = s->next_free;
	s->used = true;
	s->io = io;
	s->waiter = w;
	return s;
}

static void free_slot(struct nvme_queue *q, struct nvme_slot *s)
{
	s->used = false;
	s->next_free = q->free;
	q->free = (u16)(s - q->slots);
}

static void put_command(struct nvme_queue *q, struct nvme_slot *s, struct nvme_command *c)
{
	c->id = (u16)(s - q->slots);
	q->sq[q->sq_tail] = *c;
	q->sq_tail = (u16)((q->sq_tail + 1) % q->depth);
}

static void ring(struct nvme_queue *q)
{
	if (q->sq_told == q->sq_tail)
		return;
	q->sq_told = q->sq_tail;
	device_mb();
	*q->sq_doorbell = q->sq_tail;
}

/* Adds a segment to the pages of a command, of which there are `n` and the last one ends at *end: how many there are now; 0: it does not fit. */
static u32 add_segment(struct nvme_command *c, struct nvme_slot *s, u32 n, u64 *end, const struct block_segment *segment)
{
	u64 at = segment->address, stop = at + segment->length;

	/* What goes on in the page in which the last piece ended needs no entry. */
	if (n && at == *end && at % PAGE_SIZE)
		at = MIN(stop, ALIGN_UP(at, PAGE_SIZE));
	else if (n && (at | *end) % PAGE_SIZE)
		return 0;
	*end = stop;
	for (; at < stop; at = ALIGN_DOWN(at, PAGE_SIZE) + PAGE_SIZE, n++) {
		if (!n)
			c->prp1 = at;
		else if (n <= NVME_LIST_ENTRIES)
			s->list[n - 1] = at;
		else
			return 0;
	}
	return n;
}

static bool map_data(struct nvme_command *c, struct nvme_slot *s, const struct block_io *io)
{
	const struct block_io *part = io;
	const struct list *at = &io->merged;
	u64 end = 0;
	u32 n = 0;

	for (;;) {
		for (u32 i = 0; i < part->segment_count; i++) {
			n = add_segment(c, s, n, &end, &part->segments[i]);
			if (!n)
				return false;
		}
		at = at->next;
		if (at == &io->merged)
			break;
		part = list_entry(at, struct block_io, link);
	}
	c->prp2 = n < 2 ? 0 : n == 2 ? s->list[0] : virt_to_phys(s->list);
	return true;
}

static bool build(const struct nvme_namespace *ns, struct nvme_command *c, struct nvme_slot *s, const struct block_io *io)
{
	u64 first = io->disk_sector >> ns->shift;
	u32 blocks = io->all_sectors >> ns->shift;

	*c = (struct nvme_command){ .nsid = ns->nsid };
	switch (io->op) {
	case BLOCK_FLUSH:
		c->opcode = NVM_FLUSH;
		return true;
	case BLOCK_DISCARD:
		*(struct nvme_range *)s->list = (struct nvme_range){ .blocks = blocks, .first = first };
		c->opcode = NVM_DATASET_MANAGEMENT;
		c->prp1 = virt_to_phys(s->list);
		c->cdw11 = DATASET_DEALLOCATE;
		return true;
	case BLOCK_ZERO:
		c->opcode = NVM_WRITE_ZEROES;
		break;
	case BLOCK_READ:
	case BLOCK_WRITE:
		c->opcode = io->op == BLOCK_READ ? NVM_READ : NVM_WRITE;
		if (!map_data(c, s, io))
			return false;
		break;
	}
	c->cdw10 = (u32)first;
	c->cdw11 = (u32)(first >> 32);
	c->cdw12 = (blocks - 1) | (io->fua ? IO_FUA : 0);
	return true;
}

/* What cannot be sent, and must not be ended under the locks that are held. */
static void fail_later(struct nvme *n, struct block_io *io)
{
	u64 flags = spin_lock_irqsave(&n->lock);

	list_add_tail(&n->failed, &io->link);
	spin_unlock_irqrestore(&n->lock, flags);
	nvme_wake(n, NVME_TODO_FAILED);
}

/* Sends it once more, unless that was tried often enough. */
static void again_or_never(struct nvme *n, struct block_io *io)
{
	u64 flags;

	if (io->tries > nvme_retries) {
		fail_later(n, io);
		return;
	}
	flags = spin_lock_irqsave(&n->lock);
	list_add_tail(&n->again, &io->link);
	spin_unlock_irqrestore(&n->lock, flags);
	nvme_wake(n, NVME_TODO_AGAIN);
}

static struct nvme_queue *queue_of_this_cpu(struct nvme *n)
{
	return n->queues[1 + cpu_id() % MAX(READ_ONCE(n->queue_count), 1u)];
}

int nvme_queue_io(struct nvme_namespace *ns, struct block_io *io)
{
	struct nvme *n = ns->nvme;
	struct nvme_queue *q = queue_of_this_cpu(n);
	struct nvme_command c;
	struct nvme_slot *s;
	u64 flags = spin_lock_irqsave(&q->lock);
	u32 state = READ_ONCE(n->state);
	int err = 0;

	if (state == NVME_DEAD) {
		fail_later(n, io);
		goto out;
	}
	s = state == NVME_LIVE && q->id <= n->queue_count ? take_slot(q, io, NULL) : NULL;
	if (!s) {
		q->starved = true;
		err = -EBUSY;
		goto out;
	}
	if (!build(ns, &c, s, io)) {
		pr_err("%s: a request whose data are not whole pages, or too many\n", q->name);
		free_slot(q, s);
		fail_later(n, io);
		goto out;
	}
	io->tries++;
	s->deadline = time_ns() + nvme_timeout_ns;
	nvme_watch(n, s->deadline);
	/* A checking kernel may lose it on the way. */
	if (!fault_inject(FAULT_LOST))
		put_command(q, s, &c);
out:
	spin_unlock_irqrestore(&q->lock, flags);
	return err;
}

void nvme_ring(struct nvme *n)
{
	struct nvme_queue *q = queue_of_this_cpu(n);
	u64 flags = spin_lock_irqsave(&q->lock);

	if (READ_ONCE(n->state) == NVME_LIVE)
		ring(q);
	spin_unlock_irqrestore(&q->lock, flags);
}

/* --- answers --------------------------------------------------------------------------------------------------------------- */

struct answer {
	struct block_io *io; /* NULL: an admin command's */
	u16 status;
};

/* The next answer, if there is one; its slot is free again. q->lock held. */
static bool take_answer(struct nvme_queue *q, struct answer *a)
{
	struct nvme_completion *c = &q->cq[q->cq_head];
	u16 status = atomic_load_acquire(&c->status);
	struct nvme_slot *s;

	if ((status & 1) != q->phase)
		return false;
	*a = (struct answer){ .io = NULL, .status = status >> 1 };
	if (c->id < q->depth - 1 && q->slots[c->id].used) {
		s = &q->slots[c->id];
		a->io = s->io;
		if (s->waiter) {
			s->waiter->status = a->status;
			s->waiter->result = c->result;
			atomic_store_release(&s->waiter->done, true);
		}
		free_slot(q, s);
	} else if (!q->strange++) {
		pr_warn("%s: an answer to a command %u that is not under way\n", q->name, c->id);
	}
	if (++q->cq_head == q->depth) {
		q->cq_head = 0;
		q->phase ^= 1;
	}
	return true;
}

static int error_of(u16 status)
{
	switch (STATUS_CODE(status)) {
	case 0:
		return 0;
	case STATUS_CAPACITY_EXCEEDED:
		return -ENOSPC;
	case STATUS_INVALID_OPCODE:
	case STATUS_INVALID_FIELD:
	case STATUS_INVALID_NAMESPACE:
		return -EOPNOTSUPP;
	}
	return -EIO;
}

static void end_io(struct nvme_queue *q, struct answer *a)
{
	int err = error_of(a->status);

	if (err && !(a->status & STATUS_DO_NOT_RETRY) && a->io->tries <= nvme_retries) {
		again_or_never(q->nvme, a->io);
		return;
	}
	if (err)
		pr_err("%s: opcode %u, sector %lu: status %03x\n", q->name, a->io->op, a->io->disk_sector, STATUS_CODE(a->status));
	disk_complete(a->io->device->disk, a->io, err);
}

void nvme_queue_poll(struct nvme_queue *q)
{
	struct answer batch[BATCH];
	bool starved = false;
	u32 count;

	do {
		u64 flags = spin_lock_irqsave(&q->lock);

		for (count = 0; count < BATCH && take_answer(q, &batch[count]); count++)
			;
		if (count) {
			*q->cq_doorbell = q->cq_head;
			starved |= q->starved;
			q->starved = false;
		}
		spin_unlock_irqrestore(&q->lock, flags);
		for (u32 i = 0; i < count; i++)
			if (batch[i].io)
				end_io(q, &batch[i]);
		if (count && !q->id)
			wait_wake_all(&q->nvme->admin_wait);
	} while (count == BATCH);
	/* Who was turned away may be another disk on this controller, with nothing of its own under way. */
	if (starved)
		nvme_resume(q->nvme);
}

void nvme_queue_abort(struct nvme_queue *q)
{
	u64 flags = spin_lock_irqsave(&q->lock);

	for (u32 i = 0; i + 1 < q->depth; i++) {
		struct nvme_slot *s = &q->slots[i];

		if (!s->used)
			continue;
		if (s->io)
			again_or_never(q->nvme, s->io);
		free_slot(q, s);
	}
	spin_unlock_irqrestore(&q->lock, flags);
}

u64 nvme_queue_deadline(struct nvme_queue *q)
{
	u64 flags = spin_lock_irqsave(&q->lock), first = TIME_NEVER;

	for (u32 i = 0; i + 1 < q->depth; i++)
		if (q->slots[i].used)
			first = MIN(first, q->slots[i].deadline);
	spin_unlock_irqrestore(&q->lock, flags);
	return first;
}

/* --- admin commands ---------------------------------------------------------------------------------------------------------- */

int nvme_admin(struct nvme *n, struct nvme_command *c, u32 *result)
{
	struct nvme_queue *q = n->queues[0];
	struct nvme_waiter w = { .done = false };
	u64 deadline = time_ns() + ADMIN_TIMEOUT_NS, flags;
	struct nvme_slot *s;

	if (n->cut_off)
		return -ENODEV;
	flags = spin_lock_irqsave(&q->lock);
	s = take_slot(q, NULL, &w);
	if (s) {
		s->deadline = deadline;
		put_command(q, s, c);
		ring(q);
	}
	spin_unlock_irqrestore(&q->lock, flags);
	if (!s)
		return -EBUSY;
	if (wait_event_until(&n->admin_wait, atomic_load_acquire(&w.done), deadline)) {
		/* Perhaps only the interrupt was lost. */
		nvme_queue_poll(q);
		flags = spin_lock_irqsave(&q->lock);
		if (!w.done)
			s->waiter = NULL;
		spin_unlock_irqrestore(&q->lock, flags);
		if (!w.done) {
			pr_err("%s: admin command %02x is not answered\n", n->name, c->opcode);
			nvme_cut_off(n);
			return -ETIMEDOUT;
		}
	}
	if (w.status)
		return -EIO;
	if (result)
		*result = w.result;
	return 0;
}
