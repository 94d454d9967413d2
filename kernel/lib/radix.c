/*
 * Radix tree: 6 bits of the index a level, the most significant first. `height` levels reach indices below 64^height; height 0 with a root means that the root
 * is the item of index 0 itself.
 *
 * Look-ups may run beside a change if the owner keeps nodes from being freed meanwhile: links are stored after what they lead to.
 */
#include "lib/radix.h"
#include "lib/string.h"
#include "abi/errno.h"

#define BITS 6
#define SLOTS (1u << BITS)

struct radix_node {
	u32 count;
	void *slots[SLOTS];
};

void *(*radix_node_alloc)(size_t size);
void (*radix_node_free)(void *p, size_t size);

static struct radix_node *node_new(void)
{
	struct radix_node *n = radix_node_alloc ? radix_node_alloc(sizeof(*n)) : NULL;

	if (n)
		memset(n, 0, sizeof(*n));
	return n;
}

static void node_free(struct radix_node *n)
{
	radix_node_free(n, sizeof(*n));
}

/* True if a tree of this height has a place for the index. */
static bool reaches(u32 height, u64 index)
{
	return height * BITS >= 64 || index >> (height * BITS) == 0;
}

static u32 slot_of(u64 index, u32 level)
{
	return index >> ((level - 1) * BITS) & (SLOTS - 1);
}

/* Frees the empty nodes that a failed insertion left on the way to index. */
static void prune(struct radix *r, u64 index)
{
	struct radix_node *path[11];
	u32 depth = 0;
	struct radix_node *n = r->root;

	if (!r->height)
		return;
	for (u32 level = r->height; level >= 1 && n; level--) {
		path[depth++] = n;
		if (level == 1)
			break;
		n = n->slots[slot_of(index, level)];
	}
	while (depth > 0 && path[depth - 1]->count == 0) {
		u32 level = r->height - (depth - 1);
		node_free(path[--depth]);
		if (depth == 0) {
			r->root = NULL;
			r->height = 0;
			return;
		}
		path[depth - 1]->slots[slot_of(index, level + 1)] = NULL;
		path[depth - 1]->count--;
	}
	/* A root with nothing but its first slot is not needed. */
	while (r->height) {
		n = r->root;
		if (n->count != 1 || !n->slots[0])
			break;
		__atomic_store_n(&r->root, n->slots[0], __ATOMIC_RELEASE);
		r->height--;
		node_free(n);
	}
}

static int grow(struct radix *r, u64 index)
{
	if (!r->root) {
		while (!reaches(r->height, index))
			r->height++;
		return 0;
	}
	while (!reaches(r->height, index)) {
		struct radix_node *n = node_new();
		if (!n)
			return -ENOMEM;
		n->slots[0] = r->root;
		n->count = 1;
		__atomic_store_n(&r->root, n, __ATOMIC_RELEASE);
		r->height++;
	}
	return 0;
}

int radix_insert(struct radix *r, u64 index, void *item)
{
	void **link = (void **)&r->root;
	struct radix_node *parent = NULL;
	int err = grow(r, index);

	if (err < 0)
		goto fail;
	for (u32 level = r->height; level >= 1; level--) {
		struct radix_node *n = *link;
		if (!n) {
			n = node_new();
			if (!n) {
				err = -ENOMEM;
				goto fail;
			}
			__atomic_store_n(link, (void *)n, __ATOMIC_RELEASE);
			if (parent)
				parent->count++;
		}
		parent = n;
		link = &n->slots[slot_of(index, level)];
	}
	if (*link)
		return -EEXIST;
	__atomic_store_n(link, item, __ATOMIC_RELEASE);
	if (parent)
		parent->count++;
	r->count++;
	return 0;
fail:
	if (r->root)
		prune(r, index);
	else
		r->height = 0;
	return err;
}

void *radix_lookup(const struct radix *r, u64 index)
{
	void *n = __atomic_load_n(&r->root, __ATOMIC_ACQUIRE);

	if (!reaches(r->height, index))
		return NULL;
	for (u32 level = r->height; level >= 1 && n; level--)
		n = __atomic_load_n(&((struct radix_node *)n)->slots[slot_of(index, level)], __ATOMIC_ACQUIRE);
	return n;
}

void *radix_remove(struct radix *r, u64 index)
{
	void **link = (void **)&r->root;
	struct radix_node *parent = NULL;
	void *item;

	if (!reaches(r->height, index))
		return NULL;
	for (u32 level = r->height; level >= 1; level--) {
		parent = *link;
		if (!parent)
			return NULL;
		link = &parent->slots[slot_of(index, level)];
	}
	item = *link;
	if (!item)
		return NULL;
	*link = NULL;
	r->count--;
	if (parent) {
		parent->count--;
		prune(r, index);
	}
	return item;
}

/* The first item at or after *index below n, whose slots each cover 64^(level-1) indices. */
static void *next_in(struct radix_node *n, u32 level, u64 *index)
{
	u64 span = 1ul << ((level - 1) * BITS);
	u64 base = level * BITS >= 64 ? 0 : *index >> (level * BITS) << (level * BITS); /* the first index below n */

	for (u32 i = slot_of(*index, level); i < SLOTS; i++) {
		void *child = n->slots[i];
		void *found = level == 1 ? child : child ? next_in(child, level - 1, index) : NULL;
		if (found)
			return found;
		*index = base + (i + 1) * span; /* not from *index, which the level below has moved */
		if (!*index)
			return NULL;
	}
	return NULL;
}

void *radix_next(const struct radix *r, u64 *index)
{
	if (!r->root || !reaches(r->height, *index))
		return NULL;
	if (!r->height)
		return r->root;
	return next_in(r->root, r->height, index);
}

bool radix_range(const struct radix *r, u64 first, unsigned n, void **items)
{
	bool any = false;

	while (n) {
		/* One leaf at a time. */
		unsigned slot = slot_of(first, 1), here = r->height ? MIN(n, SLOTS - slot) : 1;
		void *const *from = NULL;

		if (!r->height) {
			from = first ? NULL : (void *const *)&r->root;
		} else if (reaches(r->height, first)) {
			struct radix_node *node = r->root;
			for (u32 level = r->height; node && level > 1; level--)
				node = node->slots[slot_of(first, level)];
			from = node ? (void *const *)&node->slots[slot] : NULL;
		}
		for (unsigned i = 0; i < here; i++) {
			items[i] = from ? from[i] : NULL;
			any |= items[i] != NULL;
		}
		items += here;
		first += here;
		n -= here;
	}
	return any;
}
