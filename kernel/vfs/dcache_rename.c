/*
 * Dentries that change names and parents: what rename(2) does to the cache (dcache.c), in one step for who walks without a lock.
 *
 * All happens between dentry_names_change and dentry_names_changed, which hold rename_lock for writing: a walk that saw any of it walks again.
 */
#include "vfs_priv.h"
#include "lib/string.h"

static void name_swap(struct dentry *a, struct dentry *b, bool keep_target)
{
	char text[sizeof(a->name_short)];
	const char *a_name = a->name, *b_name = b->name;
	bool a_short = a_name == a->name_short, b_short = b_name == b->name_short;
	u32 len = a->name_len;

	if (keep_target && a_short && b_short) {
		memcpy(a->name_short, b->name_short, sizeof(text));
		a->name_len = b->name_len;
		return;
	}
	memcpy(text, a->name_short, sizeof(text));
	memcpy(a->name_short, b->name_short, sizeof(text));
	memcpy(b->name_short, text, sizeof(text));
	a->name = b_short ? a->name_short : b_name;
	b->name = a_short ? b->name_short : a_name;
	a->name_len = b->name_len;
	b->name_len = len;
}

static void reparent(struct dentry *d, struct dentry *from, struct dentry *to)
{
	if (from == to)
		return;
	spin_lock(&from->lock);
	list_del(&d->siblings);
	spin_unlock(&from->lock);
	spin_lock(&to->lock);
	list_add(&to->children, &d->siblings);
	spin_unlock(&to->lock);
	d->parent = to;
}

void dentry_move(struct dentry *d, struct dentry *target, bool exchange, struct dentry *left)
{
	struct dentry *old_parent, *new_parent;

	dentry_names_change();
	old_parent = d->parent;
	new_parent = target->parent;
	dentry_unhash(d);
	dentry_unhash(target);
	name_swap(d, target, !exchange);
	reparent(d, old_parent, new_parent);
	if (exchange)
		reparent(target, new_parent, old_parent);
	else
		dentry_get(new_parent);
	dentry_rehash(d);
	if (exchange)
		dentry_rehash(target);
	if (left)
		dentry_hash(left);
	dentry_names_changed();
	if (!exchange)
		dentry_put(old_parent);
}

bool dentry_is_ancestor(struct dentry *a, struct dentry *d)
{
	bool found;

	read_lock(&rename_lock);
	while (d != a && d->parent != d)
		d = d->parent;
	found = d == a;
	read_unlock(&rename_lock);
	return found;
}
