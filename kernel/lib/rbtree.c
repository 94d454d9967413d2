/*
 * Red-black trees (Cormen et al., Introduction to Algorithms, chapter 13).
 *
 * Invariants: (1) a red node has no red child; (2) every way from a node down to a missing child passes the same number of black nodes; (3) the root is black.
 * Hence no way is more than twice as long as another.
 */
#include "lib/rbtree.h"

static bool is_red(const struct rbnode *n)
{
	return n && n->red;
}

/* Puts `new` where `old` hangs. */
static void replace_child(struct rbtree *t, struct rbnode *old, struct rbnode *new)
{
	struct rbnode *p = old->parent;

	if (!p)
		t->root = new;
	else if (p->left == old)
		p->left = new;
	else
		p->right = new;
	if (new)
		new->parent = p;
}

static void rotate_left(struct rbtree *t, struct rbnode *x)
{
	struct rbnode *y = x->right;

	x->right = y->left;
	if (y->left)
		y->left->parent = x;
	replace_child(t, x, y);
	y->left = x;
	x->parent = y;
}

static void rotate_right(struct rbtree *t, struct rbnode *x)
{
	struct rbnode *y = x->left;

	x->left = y->right;
	if (y->right)
		y->right->parent = x;
	replace_child(t, x, y);
	y->right = x;
	x->parent = y;
}

void rb_insert(struct rbtree *t, struct rbnode *n, struct rbnode *parent, struct rbnode **link)
{
	n->parent = parent;
	n->left = n->right = NULL;
	n->red = true;
	*link = n;
	while (is_red(n->parent)) {
		struct rbnode *p = n->parent, *g = p->parent;
		struct rbnode *uncle = p == g->left ? g->right : g->left;
		if (is_red(uncle)) {
			p->red = uncle->red = false;
			g->red = true;
			n = g;
			continue;
		}
		if (p == g->left) {
			if (n == p->right) {
				rotate_left(t, p);
				p = n;
			}
			rotate_right(t, g);
		} else {
			if (n == p->left) {
				rotate_right(t, p);
				p = n;
			}
			rotate_left(t, g);
		}
		p->red = false;
		g->red = true;
		break;
	}
	t->root->red = false;
}

/* n (may be NULL) under p is one black node short. */
static void fix_erase(struct rbtree *t, struct rbnode *n, struct rbnode *p)
{
	while (p && !is_red(n)) {
		bool left = n == p->left;
		struct rbnode *s = left ? p->right : p->left;
		if (s->red) {
			s->red = false;
			p->red = true;
			if (left)
				rotate_left(t, p);
			else
				rotate_right(t, p);
			s = left ? p->right : p->left;
		}
		if (!is_red(s->left) && !is_red(s->right)) {
			s->red = true;
			n = p;
			p = n->parent;
			continue;
		}
		/* The nephew on the far side must be red. */
		if (left && !is_red(s->right)) {
			s->left->red = false;
			s->red = true;
			rotate_right(t, s);
			s = p->right;
		} else if (!left && !is_red(s->left)) {
			s->right->red = false;
			s->red = true;
			rotate_left(t, s);
			s = p->left;
		}
		s->red = p->red;
		p->red = false;
		if (left) {
			s->right->red = false;
			rotate_left(t, p);
		} else {
			s->left->red = false;
			rotate_right(t, p);
		}
		n = t->root;
		break;
	}
	if (n)
		n->red = false;
}

void rb_erase(struct rbtree *t, struct rbnode *n)
{
	struct rbnode *child, *parent;
	bool removed_red;

	if (n->left && n->right) {
		/* The successor takes n's place and colour; what is taken out is its old place. */
		struct rbnode *s = n->right;
		while (s->left)
			s = s->left;
		removed_red = s->red;
		child = s->right;
		parent = s->parent;
		if (parent == n) {
			parent = s;
		} else {
			replace_child(t, s, child);
			s->right = n->right;
			s->right->parent = s;
		}
		replace_child(t, n, s);
		s->left = n->left;
		s->left->parent = s;
		s->red = n->red;
	} else {
		removed_red = n->red;
		child = n->left ? n->left : n->right;
		parent = n->parent;
		replace_child(t, n, child);
	}
	if (!removed_red)
		fix_erase(t, child, parent);
}

struct rbnode *rb_first(const struct rbtree *t)
{
	struct rbnode *n = t->root;

	while (n && n->left)
		n = n->left;
	return n;
}

struct rbnode *rb_last(const struct rbtree *t)
{
	struct rbnode *n = t->root;

	while (n && n->right)
		n = n->right;
	return n;
}

struct rbnode *rb_next(const struct rbnode *n)
{
	if (n->right) {
		n = n->right;
		while (n->left)
			n = n->left;
		return (struct rbnode *)n;
	}
	while (n->parent && n == n->parent->right)
		n = n->parent;
	return n->parent;
}

struct rbnode *rb_prev(const struct rbnode *n)
{
	if (n->left) {
		n = n->left;
		while (n->right)
			n = n->right;
		return (struct rbnode *)n;
	}
	while (n->parent && n == n->parent->left)
		n = n->parent;
	return n->parent;
}
