/* Packets: their memory. What a packet is stands in net/packet.h. */
#include "net/packet.h"

#include "core/debug.h"
#include "core/panic.h"
#include "inet_priv.h"
#include "lib/string.h"
#include "mm/slab.h"

static struct slab_cache packets;
static u64 memory; /* atomic: bytes in blocks */

void packet_init(void)
{
	slab_cache_init(&packets, "packet", sizeof(struct packet), 0);
}

u64 packet_memory(void)
{
	return atomic_load_relaxed(&memory);
}

/* An eighth of the machine for all that lies in queues: beyond it what comes in is dropped. */
bool packet_memory_short(void)
{
	return packet_memory() > frame_total() * PAGE_SIZE / 8;
}

struct packet *packet_alloc(u32 headroom, u32 size, unsigned flags)
{
	if (size > PACKET_ROOM_MAX || headroom > PACKET_ROOM_MAX)
		return NULL;
	struct packet *p = slab_alloc(&packets, flags);
	if (!p)
		return NULL;
	struct packet_block *b = kmalloc(sizeof(*b) + headroom + size, flags);
	if (!b) {
		slab_free(&packets, p);
		return NULL;
	}
	memset(p, 0, sizeof(*p));
	list_init(&p->link);
	refcount_set(&b->ref, 1);
	b->size = headroom + size;
	p->block = b;
	p->data = b->bytes + headroom;
	p->charge = (u32)(sizeof(*p) + kmalloc_usable(b));
	atomic_fetch_add(&memory, (u64)b->size);
	return p;
}

struct packet *packet_clone(struct packet *p, unsigned flags)
{
	struct packet *c = slab_alloc(&packets, flags);

	if (!c)
		return NULL;
	*c = *p;
	list_init(&c->link);
	c->owner = NULL;
	refcount_get(&p->block->ref);
	return c;
}

void packet_orphan(struct packet *p)
{
	if (p->owner)
		inet_uncharge_send(p);
}

void packet_free(struct packet *p)
{
	if (!p)
		return;
	packet_orphan(p);
	if (refcount_put(&p->block->ref)) {
		atomic_fetch_sub(&memory, (u64)p->block->size);
		kfree(p->block);
	}
	slab_free(&packets, p);
}

void packet_list_free(struct list *list)
{
	struct packet *p, *next;

	list_for_each_safe(p, next, list, link) {
		list_del(&p->link);
		packet_free(p);
	}
}

void *packet_push(struct packet *p, u32 n)
{
	if (packet_headroom(p) < n)
		panic("packet: no room for %u bytes of header", n);
	p->data -= n;
	p->len += n;
	return p->data;
}

void *packet_append(struct packet *p, u32 n)
{
	if (packet_tailroom(p) < n)
		panic("packet: no room for %u bytes of data", n);
	p->len += n;
	return p->data + p->len - n;
}
