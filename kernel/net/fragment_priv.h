/* Queues of pieces (ip_fragment.c), for both families. */
#ifndef NET_FRAGMENT_PRIV_H
#define NET_FRAGMENT_PRIV_H

#include "inet_priv.h"

struct fragment_key {
	struct address source, destination;
	u32 id;
	u8 protocol;        /* IPv4 */
};
/*
 * Adds p, p->fragment filled in, data at its piece, network at its header; takes it over. When it was the last that was missing, `join` makes one packet of
 * the pieces, `total` bytes of data in order; NULL: memory is short. The whole, or NULL.
 */
struct packet *fragment_add(const struct fragment_key *key, struct packet *p, bool last, struct packet *(*join)(struct list *pieces, u32 total));
/* p, which holds no piece that could be believed, is dropped. */
void fragment_refuse(struct packet *p);

#endif
