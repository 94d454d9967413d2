/* Map from a 64-bit index to a pointer: a radix tree of 64-way nodes, as tall as its largest index needs. Holds no NULL. The owner's lock guards changes. */
#ifndef LIB_RADIX_H
#define LIB_RADIX_H

#include "core/compiler.h"

struct radix_node;
struct radix {
	struct radix_node *root;
	u32 height; /* levels; 0: empty or root holds index 0 */
	u64 count;
};
#define RADIX_INIT { NULL, 0, 0 }
/* Nodes come from this pair, set by mm at its start (lib cannot name the slab). */
extern void *(*radix_node_alloc)(size_t size);
extern void (*radix_node_free)(void *p, size_t size);
/* 0, -EEXIST if the index holds something, -ENOMEM. */
int radix_insert(struct radix *r, u64 index, void *item);
void *radix_lookup(const struct radix *r, u64 index);
void *radix_remove(struct radix *r, u64 index); /* the item, or NULL; frees nodes that become empty */
/* First item at or after *index, which is moved to its place; NULL at the end. */
void *radix_next(const struct radix *r, u64 *index);
/* The items at first … first + n - 1 into items[], NULL where there is none: true if there is any. */
bool radix_range(const struct radix *r, u64 first, unsigned n, void **items);

#endif
