/* IPv4, what goes out: the header, then the way to the device: link-layer addresses, copies of multicasts for ourselves. And what IP needs beside: identifications, the table of protocols. */
#include "core/random.h"
#include "inet_priv.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "net/ip.h"

static const struct ip_protocol *protocols[256];

void ip_protocols_init(void)
{
	LINKER_SET_FOREACH(ip_protocols, it)
		protocols[(*it)->number] = *it;
}

const struct ip_protocol *ip_protocol_of(u8 number)
{
	return protocols[number];
}

void inet_error_deliver(struct inet_error *e, u8 protocol)
{
	const struct ip_protocol *p = protocols[protocol];

	e->protocol = protocol;
	raw_error(e);
	if (p && p->error && e->err && p->families & (address_is_v4(e->remote) ? CARRIED_BY_V4 : CARRIED_BY_V6))
		p->error(e);
}

/* RFC 6864: of use to fragments alone, unique for a pair of hosts for a while; counted apart by destination so that nobody learns what we send to others. */
u16 ip_next_id(u32 destination)
{
	static u16 ids[64];
	static u64 secret;

	if (unlikely(!READ_ONCE(secret)))
		WRITE_ONCE(secret, random_u64() | 1);
	u64 h = (destination ^ secret) * 0x9e3779b97f4a7c15ul;
	return be16((u16)(__atomic_fetch_add(&ids[h >> 58], 1, __ATOMIC_RELAXED) + (u16)h));
}

/* RFC 1112 section 6.4: the lower 23 bits of the group. */
void ip_multicast_address(u8 *to, u32 group)
{
	u32 low = be32(group);

	to[0] = 0x01, to[1] = 0x00, to[2] = 0x5e;
	to[3] = (low >> 16) & 0x7f, to[4] = (u8)(low >> 8), to[5] = (u8)low;
}

/*
 * The link-layer header, in front of the IP header. The memory there is p's own even if the bytes behind are shared: a clone begins at its own data
 * (tcp_output.c sees to that for what is sent again). False: no room; p was put.
 */
bool ethernet_header(struct packet **pp, struct netdev *d, const u8 *destination, u16 type)
{
	struct packet *p = *pp;

	if (packet_headroom(p) < sizeof(struct ether_header)) {
		packet_free(p);
		return false;
	}
	struct ether_header *h = packet_push(p, sizeof(*h));
	memcpy(h->destination, destination, ETHER_ADDRESS);
	memcpy(h->source, d->address, ETHER_ADDRESS);
	h->type = be16(type);
	p->mac = p->data;
	return true;
}

int ip_transmit(struct packet *p, const struct ip_path *path)
{
	struct netdev *d = path->dev;

	p->ether_type = ETHER_IP;
	p->kind = PACKET_OUTGOING;
	if (d->flags & IFF_LOOPBACK)
		return netdev_transmit(d, p);
	if (path->scope == IP_MULTICASTS) {
		u8 to[ETHER_ADDRESS];
		if ((!p->owner || p->owner->inet.multicast_loop) && multicast_joined(address_v4(path->next_hop)))
			multicast_loop_back(p);
		ip_multicast_address(to, path->next_hop);
		return ethernet_header(&p, d, to, ETHER_IP) ? netdev_transmit(d, p) : -ENOBUFS;
	}
	if (path->scope == IP_BROADCASTS)
		return ethernet_header(&p, d, d->broadcast, ETHER_IP) ? netdev_transmit(d, p) : -ENOBUFS;
	return neighbour_transmit(d, address_v4(path->next_hop), p);
}

int ip_send(struct packet *p, const struct ip_send *how, const struct ip_path *path)
{
	u32 options = how->options ? how->options->len : 0, header = (u32)sizeof(struct ip_header) + options;

	if (p->len + header > IP_PACKET_MAX) {
		packet_free(p);
		return -EMSGSIZE;
	}
	SNMP(ip_OutRequests);
	struct ip_header *h = packet_push(p, header);
	*h = (struct ip_header){
		.version_ihl = (u8)(4 << 4 | header / 4),
		.tos = how->tos,
		.total_len = be16((u16)p->len),
		.id = ip_next_id(how->destination),
		.fragment = be16(how->dont_fragment ? IP_DONT_FRAGMENT : 0),
		.ttl = how->ttl,
		.protocol = how->protocol,
		.source = how->source,
		.destination = how->destination,
	};
	if (options)
		memcpy(h + 1, how->options->data, options);
	h->checksum = checksum_fold(checksum_add(0, h, header));
	p->network = p->data;
	if (p->len <= path->mtu || p->segment)
		return ip_transmit(p, path);
	if (!how->dont_fragment)
		return ip_fragment(p, path);
	SNMP(ip_FragFails);
	packet_free(p);
	return -EMSGSIZE;
}
