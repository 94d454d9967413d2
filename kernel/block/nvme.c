/*
 * NVMe: /dev/nvme0n1 and its kin (NVM Express Base Specification 1.4).
 *
 *   block layer       start() a request of a namespace's disk            disk_complete()
 *                       |                                                    ^
 *   nvme_queue.c      queue of this CPU: command, PRP list, doorbell       answers, in the queue's interrupt
 *                       |                                                    ^
 *   controller        fetches from memory, transfers by itself, answers in any order
 *
 * A controller has a pair of queues for administration and, as far as it gives and CPUs go, one for I/O on each CPU, whose interrupt (MSI-X) comes to that CPU.
 * With fewer vectors, queues share vector 0; with an interrupt line, there is one queue. Namespaces are the disks; all of them share the queues.
 *
 * A request that finds its queue full is turned away, and its disk has a go when the next answer comes. That cannot be left to disk_complete, as
 * the answer may be for another namespace's disk: nvme_resume asks them all.
 *
 * When a command is not answered (nvme_core.io_timeout=, 30 seconds), or the controller says that it has failed, the controller's thread looks for
 * answers whose interrupt was lost, and else resets it: what was under way is taken back when CSTS.RDY is 0, as then the controller does not touch memory any
 * more, and sent again afterwards. A request gets nvme_core.max_retries= such chances (5), also after an error that is not said to last; then the caller
 * has EIO. A controller that cannot be reset is cut off from memory and given up: everything on it is EIO from then on.
 *
 * Invariants
 *   1. A request that start() took is in one place: a slot of a queue, `again`, `failed`, or on its way to disk_complete.
 *   2. Commands are sent, and doorbells written, only while the state is NVME_LIVE, which is looked at under the queue's lock. Whoever changes it and then takes
 *      that lock knows that nobody is still sending.
 *   3. Slots are freed by an answer, or by the thread while the controller is disabled. So memory that a command names is the controller's until then.
 *
 * Locks: disk->lock (RANK_DEVICE), the queue's (RANK_DEVICE_QUEUE), that of the thread's lists (RANK_DEVICE_LIST), in this order.
 *
 * Not done: asynchronous events (namespaces that come, go or grow), Abort of single commands before the reset, metadata and end-to-end protection, SGLs, zoned and
 * key-value command sets, the controller's memory buffer, reservations, /dev/nvme0 with its pass-through, multipath, power states.
 */
#include "nvme_priv.h"

#include "core/cmdline.h"
#include "core/err.h"
#include "core/percpu.h"
#include "core/printk.h"
#include "core/registry.h"
#include "lib/format.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "proc/proc.h"

#define CLASS_STORAGE 1
#define SUBCLASS_NVM 8
#define INTERFACE_NVME 2
#define VENDOR_REDHAT 0x1b36
#define DEVICE_QEMU_NVME 0x0010
#define DISCARD_MAX (1u << 21)      /* sectors of one command: one that is told more may do nothing, and need not say so */
#define NAMESPACES_OF_A_LIST 1024u

u64 nvme_timeout_ns = 30 * NSEC_PER_SEC;
u32 nvme_retries = 5;
static struct nvme *controllers[16];
static u32 controller_count;

/* --- the disk's operations ------------------------------------------------------------------------------------------------ */

static int start(struct disk *d, struct block_io *io)
{
	return nvme_queue_io(d->private, io);
}

static void kick(struct disk *d)
{
	struct nvme_namespace *ns = d->private;

	nvme_ring(ns->nvme);
}

static const struct block_ops ops = { .start = start, .kick = kick };

/* --- interrupts ------------------------------------------------------------------------------------------------------------- */

static void queue_interrupt(void *queue)
{
	nvme_queue_poll(queue);
}

/* Vector 0, or the line: of all queues that have no vector of their own. */
static void shared_interrupt(void *nvme)
{
	struct nvme *n = nvme;

	for (u32 i = 0; i <= n->queues_made; i++)
		if (!n->queues[i]->own_vector)
			nvme_queue_poll(n->queues[i]);
}

static int request_interrupts(struct nvme *n)
{
	if (!n->msix)
		return pci_irq_request(n->pci, shared_interrupt, n, n->queues[0]->name);
	for (u32 i = 1; i <= n->queues_made && i < n->pci->msix_count; i++)
		n->queues[i]->own_vector = !pci_msix_request_on(n->pci, i, (i - 1) % cpu_count, queue_interrupt, n->queues[i], n->queues[i]->name);
	return pci_msix_request(n->pci, 0, shared_interrupt, n, n->queues[0]->name);
}

/* --- namespaces --------------------------------------------------------------------------------------------------------------- */

/* Text of a fixed length, with blanks at its end. */
static void copy_text(char *out, const char *text, size_t length)
{
	memcpy(out, text, length);
	while (length && (out[length - 1] == ' ' || !out[length - 1]))
		length--;
	out[length] = '\0';
	for (size_t i = 0; i < length; i++)
		if (out[i] < ' ' || out[i] > '~')
			out[i] = '?';
}

/* QEMU's own controller (seen with 7.2) takes the bit, and leaves the data in its cache: there a flush follows instead. */
static bool fua_is_kept(const struct pci_device *p)
{
	return p->vendor != VENDOR_REDHAT || p->device != DEVICE_QEMU_NVME;
}

/* What Identify says, as limits of a disk; false: it is none that we can use. */
static bool read_limits(struct nvme_namespace *ns, const struct nvme_namespace_data *data)
{
	struct nvme *n = ns->nvme;
	struct disk *d = &ns->disk;
	u32 format = data->format & 15, shift = data->lba[format].shift;

	if (!data->size)
		return false;
	if (shift < SECTOR_SHIFT || shift > PAGE_SHIFT || data->lba[format].metadata) {
		pr_warn("%s: namespace %u has blocks of 2^%u bytes and %u of metadata, and cannot be used\n", n->name, ns->nsid, shift, data->lba[format].metadata);
		return false;
	}
	ns->shift = shift - SECTOR_SHIFT;
	if (data->size > UINT64_MAX >> (ns->shift + SECTOR_SHIFT))
		return false;
	d->sectors = data->size << ns->shift;
	d->logical_size = d->physical_size = 1u << shift;
	d->max_segments = n->max_transfer / (u32)PAGE_SIZE;
	d->max_sectors = n->max_transfer / (u32)SECTOR_SIZE;
	d->whole_pages = true;
	d->read_only = data->attributes & 1;
	d->can_flush = n->cached;
	d->can_fua = fua_is_kept(n->pci);
	d->max_discard = n->oncs & ONCS_DATASET ? DISCARD_MAX : 0;
	d->max_zero = n->oncs & ONCS_WRITE_ZEROES ? MIN(d->max_sectors, BLOCKS_MAX << ns->shift) : 0;
	return true;
}

static void add_namespace(struct nvme *n, u32 nsid, u32 number, struct nvme_namespace **out)
{
	struct nvme_namespace_data *data = page_alloc(0);
	struct nvme_namespace *ns = kzalloc(sizeof(*ns), 0);

	if (!data || !ns || nvme_identify(n, IDENTIFY_NAMESPACE, nsid, data))
		goto fail;
	ns->nvme = n;
	ns->nsid = nsid;
	if (!read_limits(ns, data))
		goto fail;
	ksnprintf(ns->disk.name, sizeof(ns->disk.name), "%sn%u", n->name, number);
	ns->disk.ops = &ops;
	ns->disk.private = ns;
	ns->disk.controller = &n->about;
	ns->disk.namespace_id = nsid;
	spin_init(&ns->disk.lock, "disk", RANK_DEVICE);
	page_free(data);
	*out = ns;
	return;
fail:
	if (data)
		page_free(data);
	kfree(ns);
}

/* Numbers of the active namespaces above `after`: how many; 0: none, or an error. */
static u32 active_after(struct nvme *n, u32 after, u32 *page)
{
	u32 count = 0;

	if (nvme_identify(n, IDENTIFY_ACTIVE, after, page))
		return 0;
	while (count < NAMESPACES_OF_A_LIST && page[count] > after) {
		after = page[count];
		count++;
	}
	return count;
}

/* All active ones, in the order of their numbers; the disks' own numbers have no gaps. */
static void find_namespaces(struct nvme *n, u32 highest)
{
	struct nvme_namespace **end = &n->namespaces;
	u32 *page = page_alloc(0), count, after = 0, number = 1;

	if (!page)
		return;
	count = active_after(n, 0, page);
	/* Before version 1.1 there was no such list: all numbers are tried. */
	if (!count)
		for (count = 0; count < MIN(highest, NAMESPACES_OF_A_LIST); count++)
			page[count] = count + 1;
	while (count) {
		for (u32 i = 0; i < count; i++) {
			after = page[i];
			add_namespace(n, after, number, end);
			if (*end) {
				end = &(*end)->next;
				number++;
			}
		}
		count = count == NAMESPACES_OF_A_LIST ? active_after(n, after, page) : 0;
	}
	page_free(page);
}

/* --- probe ---------------------------------------------------------------------------------------------------------------------- */

static int map_registers(struct nvme *n)
{
	u64 size = MIN(n->pci->bars[0].size, 1ul << 20), doorbells;

	n->registers = size > REG_DOORBELLS ? pci_map_bar(n->pci, 0, 0, size) : NULL;
	if (!n->registers)
		return -ENODEV;
	n->cap = nvme_read64(n, REG_CAP);
	/* No NVM command set, or no pages of our size: CAP of a device that does not answer says neither. */
	if (n->cap == ~0ul || !(n->cap & CAP_NVM_COMMANDS) || CAP_MPSMIN(n->cap) || !CAP_MQES(n->cap))
		return -ENODEV;
	doorbells = (size - REG_DOORBELLS) / (2 * CAP_STRIDE(n->cap));
	if (doorbells < 2)
		return -ENODEV;
	n->queues_made = (u32)MIN((u64)MIN(cpu_count, NVME_QUEUES_MAX), doorbells - 1);
	return 0;
}

static int make_queues(struct nvme *n)
{
	if (!n->msix)
		n->queues_made = 1;
	for (u32 i = 0; i <= n->queues_made; i++) {
		n->queues[i] = nvme_queue_new(n, (u16)i, i ? NVME_DEPTH : NVME_ADMIN_DEPTH);
		if (n->queues[i])
			continue;
		if (i < 2)
			return -ENOMEM;
		n->queues_made = i - 1;
	}
	return 0;
}

static int read_controller(struct nvme *n, u32 *highest)
{
	struct nvme_controller_data *data = page_alloc(0);
	int err;

	if (!data)
		return -ENOMEM;
	err = nvme_identify(n, IDENTIFY_CONTROLLER, 0, data);
	if (!err) {
		copy_text(n->about.serial, data->serial, sizeof(data->serial));
		copy_text(n->about.model, data->model, sizeof(data->model));
		copy_text(n->about.firmware, data->firmware, sizeof(data->firmware));
		n->max_transfer = data->mdts && data->mdts < 7 ? (u32)PAGE_SIZE << data->mdts : NVME_TRANSFER_MAX;
		n->oncs = data->oncs;
		n->cached = data->vwc & VWC_PRESENT;
		*highest = data->namespaces;
	}
	page_free(data);
	return err;
}
_Static_assert(PAGE_SIZE << 7 == NVME_TRANSFER_MAX, "what MDTS is compared with");

static void free_controller(struct nvme *n)
{
	for (u32 i = 0; i <= NVME_QUEUES_MAX; i++)
		nvme_queue_free(n->queues[i]);
	kfree(n);
}

static int probe(struct pci_device *p)
{
	struct nvme *n = kzalloc(sizeof(*n), 0);
	u32 highest = 0;
	int err;

	if (!n)
		return -ENOMEM;
	n->pci = p;
	n->number = controller_count;
	ksnprintf(n->name, sizeof(n->name), "nvme%u", n->number);
	n->about.name = n->name;
	n->about.class = "nvme";
	wait_queue_init(&n->wait);
	wait_queue_init(&n->admin_wait);
	list_init(&n->again);
	list_init(&n->failed);
	spin_init(&n->lock, "nvme lists", RANK_DEVICE_LIST);
	timer_init(&n->timer, nvme_timer, n);
	pci_enable(p);
	err = map_registers(n);
	if (!err)
		err = nvme_disable(n);
	if (err)
		goto out_free;
	n->msix = !pci_msix_enable(p);
	err = make_queues(n);
	if (err)
		goto out_free;
	err = request_interrupts(n);
	/* From here on an interrupt may come at any time: the memory stays. */
	if (!err)
		err = nvme_bring_up(n);
	if (!err)
		err = read_controller(n, &highest);
	if (!err && !kthread_run(n->name, nvme_thread, n))
		err = -ENOMEM;
	if (err) {
		nvme_cut_off(n);
		return err;
	}
	printk("%s: %s, serial %s, %u queues for I/O%s\n", n->name, n->about.model, n->about.serial, n->queue_count, n->msix ? "" : ", by the interrupt line");
	find_namespaces(n, highest);
	controllers[controller_count++] = n;
	atomic_store(&n->state, (u32)(n->cut_off ? NVME_DEAD : NVME_LIVE));
	for (struct nvme_namespace *ns = n->namespaces; ns; ns = ns->next)
		if (disk_add(&ns->disk))
			pr_err("%s: memory is short\n", ns->disk.name);
	return 0;
out_free:
	pci_stop(p);
	free_controller(n);
	return err;
}

static int nvme_init(void)
{
	struct pci_device *p;

	nvme_timeout_ns = MAX(cmdline_u64("nvme_core.io_timeout", 30), 1ul) * NSEC_PER_SEC;
	nvme_retries = (u32)MIN(cmdline_u64("nvme_core.max_retries", 5), 100ul);
	list_for_each(p, &pci_devices, link) {
		int err;

		if (p->driver || p->class != CLASS_STORAGE || p->subclass != SUBCLASS_NVM || p->interface != INTERFACE_NVME || controller_count == ARRAY_SIZE(controllers))
			continue;
		p->driver = "nvme";
		err = probe(p);
		if (err)
			pr_err("nvme: device %02x:%02x.%x cannot be used: error %d\n", p->bus, p->slot, p->function, err);
	}
	return 0;
}
SUBSYSTEM(nvme, .needs = "pci block", .init = nvme_init, .stage = "10-disk");

static void shut_down(int restart __unused)
{
	for (u32 i = 0; i < controller_count; i++)
		nvme_shut_down(controllers[i]);
}
NOTIFIER(shutdown, shut_down);
