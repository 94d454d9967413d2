/*
 * IPv4, what comes in (RFC 791, with the demands of RFC 1122 on hosts): a datagram is checked field by field, and handed to the protocol that it is for.
 *
 *     for somebody else's Ethernet address? → the header → the addresses → ours? → options → a piece? put together → raw sockets → TCP, UDP, ICMP …
 *
 * Nobody believes a field before it was checked. What is dropped is counted (SNMP), and most of it is dropped in silence: only a sender whose datagram was
 * sound as far as it was read hears why it did not get through.
 */
#include "net/ip.h"

#include "core/todo.h"
#include "inet_priv.h"


void ip_receive(struct packet *p)
{
	TODO("11-net");
}
