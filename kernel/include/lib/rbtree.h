/* Red-black tree, embedded nodes; the caller walks down and links, as its key order says. No locking. Each node is at most 2 log2(n+1) deep. */
#ifndef LIB_RBTREE_H
#define LIB_RBTREE_H

#include "core/compiler.h"

struct rbnode {
	struct rbnode *parent, *left, *right;
	bool red;
};
struct rbtree {
	struct rbnode *root;
};
/* Links n under parent at *link (== &parent->left, &parent->right or &tree->root), then rebalances. */
void rb_insert(struct rbtree *t, struct rbnode *n, struct rbnode *parent, struct rbnode **link);
void rb_erase(struct rbtree *t, struct rbnode *n);
struct rbnode *rb_first(const struct rbtree *t);
struct rbnode *rb_last(const struct rbtree *t);
struct rbnode *rb_next(const struct rbnode *n);
struct rbnode *rb_prev(const struct rbnode *n);

#endif
