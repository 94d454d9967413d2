/* sources: lib/rbtree.c */
#include "lib/rbtree.h"

enum { N = 500 };

struct item {
	struct rbnode node;
	u64 key;
	bool in;
};
static struct item items[N];
static struct rbtree tree;
static unsigned count;

static struct item *item_of(struct rbnode *n)
{
	return container_of(n, struct item, node);
}

static void insert(struct item *it)
{
	struct rbnode **link = &tree.root, *parent = NULL;

	while (*link) {
		parent = *link;
		link = it->key < item_of(parent)->key ? &parent->left : &parent->right;
	}
	rb_insert(&tree, &it->node, parent, link);
	it->in = true;
	count++;
}

/* Black height of a subtree, with all rules checked on the way: links, order, no red below red. */
static unsigned check(struct rbnode *n, struct rbnode *parent, u64 low, u64 high)
{
	if (!n)
		return 1;
	CHECK(n->parent == parent);
	CHECK(item_of(n)->key >= low && item_of(n)->key <= high);
	if (n->red)
		CHECK(!(n->left && n->left->red) && !(n->right && n->right->red));
	unsigned l = check(n->left, n, low, item_of(n)->key), r = check(n->right, n, item_of(n)->key, high);
	CHECK_EQ(l, r);
	return l + !n->red;
}

static void check_all(void)
{
	unsigned seen = 0;
	u64 last = 0;

	check(tree.root, NULL, 0, UINT64_MAX);
	CHECK(!tree.root || !tree.root->red);
	for (struct rbnode *n = rb_first(&tree); n; n = rb_next(n)) {
		CHECK(item_of(n)->key >= last);
		last = item_of(n)->key;
		seen++;
	}
	CHECK_EQ(seen, count);
	for (struct rbnode *n = rb_last(&tree); n; n = rb_prev(n))
		seen--;
	CHECK_EQ(seen, 0);
}

int main(void)
{
	for (unsigned i = 0; i < N; i++)
		items[i].key = unit_random() % 1000; /* equal keys too */
	for (unsigned step = 0; step < 20000 && !unit_failures; step++) {
		struct item *it = &items[unit_random() % N];
		if (it->in) {
			rb_erase(&tree, &it->node);
			it->in = false;
			count--;
		} else {
			insert(it);
		}
		if (step % 50 == 0)
			check_all();
	}
	for (unsigned i = 0; i < N; i++)
		if (items[i].in) {
			rb_erase(&tree, &items[i].node);
			count--;
		}
	check_all();
	CHECK(tree.root == NULL && rb_first(&tree) == NULL && rb_last(&tree) == NULL);
	return unit_failures != 0;
}
