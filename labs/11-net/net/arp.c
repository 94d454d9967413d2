/*
 * ARP (RFC 826): which Ethernet address has the neighbour with this IP address?
 *
 *     IP ── packet ──► neighbour_transmit ── known ──────────────────────────────► frame to the device
 *                            │ not known: it waits in the neighbour's queue ───────────────▲
 *                            └ the first of them: one question to everybody     the answer │ sends the queue on its way
 *                                                                              arp_receive ┘
 *
 * Asking again, giving up and forgetting is done by the table's timer (neighbour.c), which looks at `asked`, `tries`, `confirmed` and `used`. IPv6 finds its
 * neighbours in another way, but sends to them by the same neighbour_transmit.
 */
#include "arp_priv.h"

#include "core/todo.h"
#include "inet_priv.h"
#include "lib/string.h"
#include "time/time.h"

int neighbour_transmit(struct netdev *d, struct address next_hop, struct packet *p)
{
	TODO("11-net");
}


void arp_receive(struct packet *p)
{
	TODO("11-net");
}
