/* Which blocks the log revokes, and in which transaction last: a tree by block, for replay. */
#include "jbd2_priv.h"

#include "mm/slab.h"

struct revoked {
	struct rbnode node;
	u64 block;
	u32 tid;
};

/* The entry of block; NULL: none, it belongs at *link below *parent. */
static struct revoked *find(struct rbtree *t, u64 block, struct rbnode **parent, struct rbnode ***link)
{
	*parent = NULL;
	*link = &t->root;
	while (**link) {
		struct revoked *v = container_of(**link, struct revoked, node);
		if (v->block == block)
			return v;
		*parent = **link;
		*link = block < v->block ? &(*parent)->left : &(*parent)->right;
	}
	return NULL;
}

int revoked_add(struct rbtree *t, u64 block, u32 tid)
{
	struct rbnode *parent, **link;
	struct revoked *v = find(t, block, &parent, &link);

	if (v) {
		if (!tid_geq(v->tid, tid))
			v->tid = tid;
		return 0;
	}
	v = kmalloc(sizeof(*v), 0);
	if (!v)
		return -ENOMEM;
	*v = (struct revoked){ .block = block, .tid = tid };
	rb_insert(t, &v->node, parent, link);
	return 0;
}

bool revoked_last(struct rbtree *t, u64 block, u32 *tid)
{
	struct rbnode *parent, **link;
	struct revoked *v = find(t, block, &parent, &link);

	if (v)
		*tid = v->tid;
	return v != NULL;
}

void revoked_free(struct rbtree *t)
{
	struct rbnode *n;

	while ((n = rb_first(t))) {
		rb_erase(t, n);
		kfree(container_of(n, struct revoked, node));
	}
}
