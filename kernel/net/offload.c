/* What a card may do in our stead, in a form that drivers share: where in a packet the transport's checksum is. */
#include "net/netdev.h"

bool packet_checksum_place(const struct packet *p, struct checksum_place *at)
{
	const u8 *ip = p->network;
	bool v4;

	if (!p->partial)
		return false;
	v4 = ip[0] >> 4 == 4;
	at->v4 = v4;
	at->tcp = (v4 ? ip[9] : ip[6]) == PROTO_TCP;
	at->network = (u32)(ip - p->data);
	at->start = at->network + (v4 ? (ip[0] & 15) * 4u : (u32)sizeof(struct ip6_header));
	at->field = at->start + (u32)(at->tcp ? offsetof(struct tcp_header, checksum) : offsetof(struct udp_header, checksum));
	return true;
}
