/* IPv4 as the table of a family has it (struct inet_family): the addresses of its own calls are words. IPv6's is in ipv6.c. */
#include "core/err.h"
#include "inet_priv.h"

static int v4_route(struct inet_path *out, struct address to, struct address source, struct netdev *dev)
{
	struct ip_path path;

	if (!address_is_any(source) && !address_is_v4(source))
		return -ENETUNREACH;
	int err = ip_route(&path, address_to_v4(to), address_to_v4(source), dev);
	if (err)
		return err;
	*out = (struct inet_path){ .family = &ipv4_family, .dev = path.dev, .next_hop = address_v4(path.next_hop), .source = address_v4(path.source),
				   .scope = path.scope, .mtu = path.mtu };
	return 0;
}

static int v4_send(struct packet *p, const struct inet_send *how, const struct inet_path *path)
{
	struct ip_path v4 = ip_path_of(path);
	struct ip_send send = {
		.source = address_to_v4(how->source), .destination = address_to_v4(how->destination), .protocol = how->protocol, .ttl = how->ttl, .tos = how->tos,
		.dont_fragment = how->dont_fragment, .options = how->options,
	};

	return ip_send(p, &send, &v4);
}

static enum ip_scope v4_scope_of(struct address a, const struct netdev *dev __unused)
{
	return ip_scope_of(address_to_v4(a));
}

static void v4_port_unreachable(struct packet *p)
{
	icmp_error(p, ICMP_UNREACHABLE, ICMP_PORT_UNREACHABLE, 0);
}

const struct inet_family ipv4_family = {
	.family = AF_INET,
	.header_len = sizeof(struct ip_header),
	.route = v4_route,
	.send = v4_send,
	.scope_of = v4_scope_of,
	.port_unreachable = v4_port_unreachable,
};
