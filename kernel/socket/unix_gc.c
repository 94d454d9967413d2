/*
 * Sockets under way. A descriptor of a UNIX socket can be sent over that very socket and then closed: its file is then only referred to by a packet that
 * nobody can ever receive. Counting references does not find such circles; this does, whenever a UNIX socket is closed while any is under way.
 *
 *   1. Candidates are the sockets whose file is referred to by packets alone: as many references as times under way.
 *   2. References from the packets that lie in candidates' own queues are taken off. Who has some left is held from outside.
 *   3. What is held from outside is alive, and so is everything that its queue leads to.
 *   4. The rest is garbage. Its queues are emptied, which closes it.
 *
 * A candidate cannot become anything else meanwhile: to get hold of it one must receive it, from a socket that is held from outside, or that leads there; then
 * step 3 keeps it. A packet that has been taken off a queue but is not freed yet still counts as under way, so its sockets have a reference that step 2
 * does not find.
 *
 * gc_lock is held over steps 1 to 3. It is a spinlock, and the work is proportional to what is under way.
 */
#include "unix_priv.h"

#include "core/atomic.h"

static struct spinlock gc_lock = SPINLOCK_INIT("unix collector", RANK_SOCKET_GC);
static struct list inflight = LIST_INIT(inflight); /* gc_lock: by gc_link */
static u32 files_under_way;                        /* gc_lock: of every kind */

static struct unix_sock *unix_of_file(struct file *f)
{
	struct socket *s = socket_of(f);

	return s && s->family == AF_UNIX ? s->proto : NULL;
}

int unix_inflight_add(struct socket_control *c)
{
	u64 limit = current->process->rlimits[RLIM_NOFILE].cur;
	bool privileged = capable(CAP_SYS_RESOURCE) || capable(CAP_SYS_ADMIN);

	if (!c->file_count)
		return 0;
	spin_lock(&gc_lock);
	if (files_under_way > limit && !privileged) {
		spin_unlock(&gc_lock);
		return -ETOOMANYREFS;
	}
	files_under_way += c->file_count;
	for (u32 i = 0; i < c->file_count; i++) {
		struct unix_sock *u = unix_of_file(c->files[i]);
		if (u && u->inflight++ == 0)
			list_add_tail(&inflight, &u->gc_link);
	}
	spin_unlock(&gc_lock);
	return 0;
}

void unix_inflight_remove(struct socket_control *c)
{
	if (!c->file_count)
		return;
	spin_lock(&gc_lock);
	files_under_way -= c->file_count;
	for (u32 i = 0; i < c->file_count; i++) {
		struct unix_sock *u = unix_of_file(c->files[i]);
		if (u && --u->inflight == 0)
			list_del(&u->gc_link);
	}
	spin_unlock(&gc_lock);
}

/* --- the collection ------------------------------------------------------------------------------------------------ */

static void scan_queue(struct unix_sock *u, void (*fn)(struct unix_sock *found))
{
	struct unix_packet *p;

	spin_lock(&u->lock);
	list_for_each(p, &u->queue, link)
		for (u32 i = 0; i < p->control.file_count; i++) {
			struct unix_sock *found = unix_of_file(p->control.files[i]);
			if (found)
				fn(found);
		}
	spin_unlock(&u->lock);
}

/* All that can be received by who holds u: its own packets, and those of connections that it has not accepted yet. */
static void for_each_reached(struct unix_sock *u, void (*fn)(struct unix_sock *found))
{
	struct unix_sock *embryo = NULL;

	scan_queue(u, fn);
	/* Embryos only go away by accept or close of u, both of which take its lock; gc_lock keeps nobody from that, so each is counted while it is looked at. */
	for (u32 n = 0;; n++) {
		u32 at = 0;
		struct unix_sock *e;
		embryo = NULL;
		spin_lock(&u->lock);
		list_for_each(e, &u->accepts, accept_link)
			if (at++ == n) {
				embryo = unix_get(e);
				break;
			}
		spin_unlock(&u->lock);
		if (!embryo)
			return;
		scan_queue(embryo, fn);
		unix_put(embryo);
	}
}

static void take_off(struct unix_sock *found)
{
	if (found->gc_state != GC_NONE)
		found->outside--;
}

static struct list to_follow = LIST_INIT(to_follow); /* gc_lock: alive, by gc_work */

static void mark(struct unix_sock *found)
{
	if (found->gc_state != GC_CANDIDATE)
		return;
	found->gc_state = GC_ALIVE;
	list_add_tail(&to_follow, &found->gc_work);
}

/* Steps 1 to 3; how many are garbage. gc_lock held. */
static u32 find_garbage(void)
{
	struct unix_sock *u;
	u32 garbage = 0;

	list_for_each(u, &inflight, gc_link) {
		struct file *f = u->socket ? u->socket->file : NULL;
		bool only = f && refcount_read(&f->ref) == u->inflight;
		u->gc_state = only ? GC_CANDIDATE : GC_NONE;
		u->outside = u->inflight;
	}
	list_for_each(u, &inflight, gc_link)
		if (u->gc_state == GC_CANDIDATE)
			for_each_reached(u, take_off);
	list_for_each(u, &inflight, gc_link)
		if (u->outside)
			mark(u);
	while (!list_empty(&to_follow)) {
		u = list_first(&to_follow, struct unix_sock, gc_work);
		list_del(&u->gc_work);
		for_each_reached(u, mark);
	}
	list_for_each(u, &inflight, gc_link)
		garbage += u->gc_state == GC_CANDIDATE;
	return garbage;
}

/* The packets of garbage, its embryos' too, onto one list. gc_lock held. */
static void empty_garbage(struct list *packets)
{
	struct unix_sock *u, *e;

	list_for_each(u, &inflight, gc_link) {
		if (u->gc_state != GC_CANDIDATE)
			continue;
		spin_lock(&u->lock);
		list_splice_tail(packets, &u->queue);
		u->packets = u->bytes = 0;
		spin_unlock(&u->lock);
		/* Garbage cannot be accepted from, so its embryos stay. */
		list_for_each(e, &u->accepts, accept_link) {
			spin_lock(&e->lock);
			list_splice_tail(packets, &e->queue);
			e->packets = e->bytes = 0;
			spin_unlock(&e->lock);
		}
	}
}

void unix_collect(void)
{
	static bool busy; /* gc_lock */
	struct list packets;
	bool found;

	if (list_empty(&inflight))
		return;
	do {
		list_init(&packets);
		spin_lock(&gc_lock);
		if (busy) {
			/* What frees the garbage closes sockets, and comes here again: the outer one looks once more anyway. */
			spin_unlock(&gc_lock);
			return;
		}
		found = find_garbage() != 0;
		if (found)
			empty_garbage(&packets);
		busy = found;
		spin_unlock(&gc_lock);
		if (found) {
			unix_packets_free(&packets);
			spin_lock(&gc_lock);
			busy = false;
			spin_unlock(&gc_lock);
		}
	} while (found);
}
