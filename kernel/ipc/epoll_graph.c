/*
 * The graph of epolls that watch epolls.
 *
 *        a        Wake-ups go up such chains, and mutexes down, by recursion on the kernel's stack: so no chain may be a circle, or longer than MAX_NESTING,
 *       / \       from whichever end it was built. A wake-up walks every way up, of which five levels of a hundred epolls each would have very many:
 *      b   c      so their number has limits, too.
 *       \ / \
 *        d   pipe
 *
 * Both are looked at when a link is made, under epoll_mutex. A walk down looks at each epoll once; a walk up ends soon, since the ways are limited.
 */
#include "epoll_priv.h"

#define MAX_NESTING 4

static u64 walk_round; /* epoll_mutex: the number of this walk down */

/* Links in a file's way up to an epoll that nobody watches, and how many such ways there may be: as on Linux, where the first counts from other files. */
static const u32 way_limits[MAX_NESTING] = { 500, 100, 50, 10 };

static struct epoll *watched_epoll(struct rbnode *n)
{
	struct file *f = container_of(n, struct epoll_item, node)->file;

	return f->ops == &epoll_ops ? f->private : NULL;
}

/* The longest chain of epolls that `from` watches; more than MAX_NESTING if `to` is in one. */
static int chain_below(struct epoll *from, struct epoll *to)
{
	int result = 0;

	if (from == to)
		return MAX_NESTING + 1;
	if (from->round == walk_round)
		return from->below;
	mutex_lock(&from->mutex);
	for (struct rbnode *n = rb_first(&from->items); n && result <= MAX_NESTING; n = rb_next(n)) {
		struct epoll *next = watched_epoll(n);
		if (next)
			result = MAX(result, 1 + chain_below(next, to));
	}
	mutex_unlock(&from->mutex);
	from->round = walk_round;
	return from->below = result;
}

/* The longest chain of epolls that watch the epoll f. */
static int chain_above(struct file *f)
{
	struct epoll_item *it;
	int result = 0;

	list_for_each(it, &f->epoll_links, file_link)
		result = MAX(result, 1 + chain_above(it->ep->file));
	return result;
}

static bool too_many_ways(struct file *f, int links, u32 *ways)
{
	struct epoll_item *it;

	list_for_each(it, &f->epoll_links, file_link) {
		struct file *above = it->ep->file;
		if (list_empty(&above->epoll_links) ? ++ways[links] > way_limits[links] : too_many_ways(above, links + 1, ways))
			return true;
	}
	return false;
}

bool epoll_may_watch(struct epoll *ep, struct epoll *below)
{
	walk_round++;
	return chain_below(below, ep) + 1 + chain_above(ep->file) <= MAX_NESTING;
}

/* Has an epoll at f or below too many ways up? */
static bool crowded(struct file *f)
{
	u32 ways[MAX_NESTING] = { 0 };
	struct epoll *ep = f->private;

	if (ep->round == walk_round)
		return false;
	ep->round = walk_round;
	bool result = too_many_ways(f, 0, ways);
	mutex_lock(&ep->mutex);
	for (struct rbnode *n = rb_first(&ep->items); n && !result; n = rb_next(n))
		if (watched_epoll(n))
			result = crowded(container_of(n, struct epoll_item, node)->file);
	mutex_unlock(&ep->mutex);
	return result;
}

bool epoll_is_crowded(struct file *f)
{
	walk_round++;
	return crowded(f);
}
