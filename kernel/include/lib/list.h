/* Doubly linked circular list with a head. An entry is embedded in what it links. No locking: the owner's lock guards it. */
#ifndef LIB_LIST_H
#define LIB_LIST_H

#include "core/debug.h"

struct list {
	struct list *next, *prev;
};
#define LIST_INIT(l) { &(l), &(l) }
static inline void list_init(struct list *l) { l->next = l->prev = l; }
static inline bool list_empty(const struct list *l) { return READ_ONCE(l->next) == l; }
#if DEBUG
/* Neighbours must point at each other; panics (core/list_check.c). */
void __noreturn list_corrupt(const struct list *e, const struct list *prev, const struct list *next, const char *what);
#endif
static inline void list_insert_between(struct list *e, struct list *prev, struct list *next)
{
#if DEBUG
	if (unlikely(prev->next != next || next->prev != prev || e == prev || e == next))
		list_corrupt(e, prev, next, e == prev || e == next ? "an entry is added beside itself" : "an insertion finds");
#endif
	e->next = next;
	e->prev = prev;
	next->prev = e;
	prev->next = e;
}
static inline void list_add(struct list *head, struct list *e) { list_insert_between(e, head, head->next); }
static inline void list_add_tail(struct list *head, struct list *e) { list_insert_between(e, head->prev, head); }
/* Leaves e as an empty list, so that a second removal does no harm and list_empty(e) tells. */
static inline void list_del(struct list *e)
{
#if DEBUG
	if (unlikely(e->next->prev != e || e->prev->next != e))
		list_corrupt(e, e->prev, e->next, "a removal finds");
#endif
	e->next->prev = e->prev;
	e->prev->next = e->next;
	list_init(e);
}
/* Moves all entries of src to the tail of dst; src becomes empty. */
static inline void list_splice_tail(struct list *dst, struct list *src)
{
	if (list_empty(src))
		return;
	src->next->prev = dst->prev;
	dst->prev->next = src->next;
	src->prev->next = dst;
	dst->prev = src->prev;
	list_init(src);
}
#define list_entry(p, type, member) container_of(p, type, member)
#define list_first(head, type, member) list_entry((head)->next, type, member)
#define list_last(head, type, member) list_entry((head)->prev, type, member)
#define list_next(it, member) list_entry((it)->member.next, __typeof__(*(it)), member)
#define list_for_each(it, head, member) \
	for ((it) = list_entry((head)->next, __typeof__(*(it)), member); &(it)->member != (head); (it) = list_next(it, member))
/* The entry may be removed in the body. */
#define list_for_each_safe(it, tmp, head, member) \
	for ((it) = list_entry((head)->next, __typeof__(*(it)), member), (tmp) = list_next(it, member); &(it)->member != (head); \
	     (it) = (tmp), (tmp) = list_next(it, member))

/* Hash chain: a head of one pointer. */
struct hlist {
	struct hlist *next, **pprev;
};
struct hlist_head {
	struct hlist *first;
};
static inline bool hlist_unlinked(const struct hlist *n) { return !n->pprev; }
static inline void hlist_add(struct hlist_head *h, struct hlist *n)
{
	n->next = h->first;
	if (n->next)
		n->next->pprev = &n->next;
	n->pprev = &h->first;
	__atomic_store_n(&h->first, n, __ATOMIC_RELEASE);
}
/* n->next stays, so that a reader without a lock walks on. */
static inline void hlist_del(struct hlist *n)
{
	if (!n->pprev)
		return;
	WRITE_ONCE(*n->pprev, n->next);
	if (n->next)
		n->next->pprev = n->pprev;
	n->pprev = NULL;
}
#define hlist_for_each(p, head) for (struct hlist *p = READ_ONCE((head)->first); p; p = READ_ONCE(p->next))

#endif
