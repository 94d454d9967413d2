/* Messages: in from a sender's memory, out to a receiver's (message_priv.h). */
#include "message_priv.h"

#include "lib/string.h"
#include "mm/slab.h"

#define FIRST_DATA (PAGE_SIZE - sizeof(struct message))
#define PART_DATA (PAGE_SIZE - sizeof(struct message_part))

/* Walks the pieces of n bytes. */
struct cursor {
	struct message_part *part;
	size_t here; /* bytes of this piece */
	size_t left; /* with it */
};

static struct cursor start(const struct message *m, size_t n)
{
	return (struct cursor){ (struct message_part *)&m->first, MIN(n, FIRST_DATA), n };
}

static bool next(struct cursor *c)
{
	c->left -= c->here;
	if (!c->left)
		return false;
	c->part = c->part->next;
	c->here = MIN(c->left, PART_DATA);
	return true;
}

void message_free(struct message *m)
{
	struct message_part *p = m->first.next;

	kfree(m);
	while (p) {
		struct message_part *after = p->next;
		kfree(p);
		p = after;
	}
}

struct message *message_alloc(size_t n)
{
	struct message *m = kmalloc(sizeof(*m) + MIN(n, FIRST_DATA), 0);

	if (!m)
		return ERR_PTR(-ENOMEM);
	list_init(&m->link);
	m->size = n;
	m->first.next = NULL;
	struct message_part **link = &m->first.next;
	for (size_t left = n - MIN(n, FIRST_DATA); left; left -= MIN(left, PART_DATA)) {
		struct message_part *p = kmalloc(sizeof(*p) + MIN(left, PART_DATA), 0);
		if (!p) {
			message_free(m);
			return ERR_PTR(-ENOMEM);
		}
		p->next = NULL;
		*link = p;
		link = &p->next;
	}
	return m;
}

struct message *message_load(const void __user *from, size_t n)
{
	struct message *m = message_alloc(n);

	if (IS_ERR(m))
		return m;
	struct cursor c = start(m, n);
	do {
		if (copy_from_user(c.part->data, from, c.here)) {
			message_free(m);
			return ERR_PTR(-EFAULT);
		}
		from = (const u8 __user *)from + c.here;
	} while (next(&c));
	return m;
}

void message_copy(struct message *dst, const struct message *src)
{
	struct cursor from = start(src, src->size), to = start(dst, src->size);

	dst->type = src->type;
	dst->size = src->size;
	do
		memcpy(to.part->data, from.part->data, from.here);
	while (next(&from) && next(&to));
}

int message_store(void __user *to, const struct message *m, size_t n)
{
	struct cursor c = start(m, n);

	do {
		if (copy_to_user(to, c.part->data, c.here))
			return -EFAULT;
		to = (u8 __user *)to + c.here;
	} while (next(&c));
	return 0;
}
