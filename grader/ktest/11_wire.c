/* The wire of stage 11's tests (11_wire.h). */
#include "11_wire.h"

#include "mm/slab.h"
#include "net/arp_priv.h"
#include "net/tcp_priv.h"
#include "sched/thread.h"
#include "time/time.h"

#define FRAMES 160u

struct sent {
	u32 len;
	u8 bytes[WIRE_FRAME];
};

struct wire wire;
static struct spinlock lock = SPINLOCK_INIT("wire", RANK_DEVICE);
static struct sent frames[FRAMES], shown; /* lock */
static u32 count;                          /* lock */

static u16 type_of(const struct sent *f)
{
	return be16(((const struct ether_header *)f->bytes)->type);
}

static int transmit(struct netdev *d __unused, struct packet *p)
{
	if (cpu_count == 1 && KEXPECT(spin_trylock(&neighbour_lock))) /* no device is called with it held */
		spin_unlock(&neighbour_lock);
	spin_lock(&lock);
	if (!wire.error && count < FRAMES && p->len <= WIRE_FRAME) {
		frames[count].len = p->len;
		memcpy(frames[count++].bytes, p->data, p->len);
	}
	spin_unlock(&lock);
	packet_free(p);
	return wire.error;
}

static const struct netdev_ops ops = { .transmit = transmit };

void wire_random(void *to, u32 len)
{
	for (u32 i = 0; i < len; i++)
		((u8 *)to)[i] = (u8)(ktest_random() >> 24);
}

static void add_packets(struct slab_cache *c, void *sum)
{
	if (!strcmp(c->name, "packet"))
		*(u64 *)sum += slab_in_use(c);
}

u64 wire_packets(void)
{
	u64 n = 0;

	slab_for_each(add_packets, &n);
	return n;
}

bool wire_begin(bool known)
{
	struct netdev *d = &wire.dev;
	struct ip_address a = { .mask = 0x00ffffff };

	if (!d->ops) {
		*d = (struct netdev){ .name = "wire0", .type = NETDEV_TYPE_ETHERNET, .flags = IFF_BROADCAST | IFF_MULTICAST, .mtu = 1500, .queue_len = 100, .ops = &ops };
		wire_random(d->address, ETHER_ADDRESS);
		d->address[0] = 0x02;
		memset(d->broadcast, 0xff, ETHER_ADDRESS);
		netdev_register(d);
	}
	wire_random(wire.mac, ETHER_ADDRESS);
	wire.mac[0] = 0x06;
	wire.error = 0;
	u32 net = 10 | (u32)wire_between(0, 255) << 8 | (u32)wire_between(0, 255) << 16, host = wire_between(1, 126);
	wire.us = net | host << 24;
	wire.them = net | (host + wire_between(1, 100)) << 24;
	a.address = wire.us;
	a.broadcast = net | 0xff000000u;
	netdev_set_address(d, 0, &a);
	if (!KEXPECT(!netdev_set_flags(d, d->flags | IFF_UP) && !netdev_set_flags(loopback, loopback->flags | IFF_UP)))
		return false;
	if (known)
		KEXPECT(!neighbour_set(d, address_v4(wire.them), wire.mac, false));
	wire_forget();
	return true;
}

const u8 *wire_next(u16 type, u32 *len)
{
	const u8 *found = NULL;

	spin_lock(&lock);
	for (u32 i = 0; i < count && !found; i++) {
		if (type_of(&frames[i]) != type)
			continue;
		memcpy(&shown, &frames[i], sizeof(shown));
		for (count--; i < count; i++)
			memcpy(&frames[i], &frames[i + 1], sizeof(frames[i]));
		found = shown.bytes + sizeof(struct ether_header);
		*len = shown.len - (u32)sizeof(struct ether_header);
	}
	spin_unlock(&lock);
	return found;
}

const struct ether_header *wire_frame(void)
{
	return (const struct ether_header *)shown.bytes;
}

u32 wire_count(u16 type)
{
	u32 n = 0;

	spin_lock(&lock);
	for (u32 i = 0; i < count; i++)
		n += type_of(&frames[i]) == type;
	spin_unlock(&lock);
	return n;
}

void wire_forget(void)
{
	spin_lock(&lock);
	count = 0;
	spin_unlock(&lock);
}

void wire_put(u16 type, u8 kind, const void *data, u32 len)
{
	static const u8 somebody[ETHER_ADDRESS] = { 0x02, 1, 2, 3, 4, 5 };
	struct packet *p = packet_alloc(16, (u32)sizeof(struct ether_header) + len, 0);

	if (!KEXPECT(p))
		return;
	struct ether_header *h = packet_append(p, sizeof(*h));
	memcpy(h->destination, kind == PACKET_HOST ? wire.dev.address : kind == PACKET_BROADCAST ? wire.dev.broadcast : somebody, ETHER_ADDRESS);
	memcpy(h->source, wire.mac, ETHER_ADDRESS);
	h->type = be16(type);
	memcpy(packet_append(p, len), data, len);
	p->dev = &wire.dev;
	net_begin();
	ethernet_receive(p);
	net_end();
}

void wire_wait_ms(u64 ms)
{
	thread_sleep_ns(ms * NSEC_PER_MSEC);
}

u16 wire_checksum(u64 start, const void *data, u32 len)
{
	const u8 *p = data;

	for (u32 i = 0; i < len; i++)
		start += (u64)p[i] << (i % 2 ? 8 : 0);
	while (start >> 16)
		start = (start & 0xffff) + (start >> 16);
	return (u16)~start;
}

static u64 pseudo(u32 source, u32 destination, u8 protocol, u32 len)
{
	return (source & 0xffff) + (source >> 16) + (destination & 0xffff) + (destination >> 16) + ((u64)protocol << 8) + be16((u16)len);
}

u16 wire_transport_sum(u32 source, u32 destination, u8 protocol, const void *data, u32 len)
{
	return wire_checksum(pseudo(source, destination, protocol, len), data, len);
}

bool wire_transport_ok(u32 source, u32 destination, u8 protocol, const void *data, u32 len)
{
	return wire_transport_sum(source, destination, protocol, data, len) == 0;
}

void wire_header_sum(u8 *datagram)
{
	struct ip_header *h = (struct ip_header *)datagram;

	h->checksum = 0;
	h->checksum = wire_checksum(0, h, ip_header_len(h));
}

u32 wire_datagram(u8 *to, const struct wire_datagram *d)
{
	u32 header = (u32)sizeof(struct ip_header) + d->option_len;
	struct ip_header *h = (struct ip_header *)to;

	*h = (struct ip_header){
		.version_ihl = (u8)(4 << 4 | header / 4), .total_len = be16((u16)(header + d->len)), .id = be16(d->id), .fragment = be16(d->fragment),
		.ttl = d->ttl ? d->ttl : 64, .protocol = d->protocol, .source = d->source ? d->source : wire.them, .destination = d->destination ? d->destination : wire.us,
	};
	if (d->option_len)
		memcpy(h + 1, d->options, d->option_len);
	if (d->len)
		memcpy(to + header, d->data, d->len);
	wire_header_sum(to);
	return header + d->len;
}

void wire_send(const struct wire_datagram *d)
{
	static u8 bytes[WIRE_FRAME];

	wire_put(ETHER_IP, PACKET_HOST, bytes, wire_datagram(bytes, d));
}

const u8 *wire_next_ip(u8 protocol, u32 *len)
{
	const u8 *at;
	u32 n;

	while ((at = wire_next(ETHER_IP, &n))) {
		const struct ip_header *h = (const struct ip_header *)at;
		if (!KEXPECT(n >= sizeof(*h) && be16(h->total_len) == n && !wire_checksum(0, h, ip_header_len(h))))
			return NULL;
		if (h->protocol != protocol)
			continue;
		KEXPECT(h->source == wire.us && h->destination == wire.them);
		KEXPECT(!memcmp(wire_frame()->destination, wire.mac, ETHER_ADDRESS) && !memcmp(wire_frame()->source, wire.dev.address, ETHER_ADDRESS));
		*len = n - ip_header_len(h);
		return at + ip_header_len(h);
	}
	return NULL;
}

/* --- sockets ---------------------------------------------------------------------------------------------------------- */

bool wire_socket(struct socket *s, int type)
{
	*s = (struct socket){
		.family = AF_INET, .type = (u16)type,
		.options = { .send_buffer = SOCKET_BUFFER_DEFAULT, .receive_buffer = SOCKET_BUFFER_DEFAULT,
			     .send_timeout = TIME_NEVER, .receive_timeout = TIME_NEVER, .receive_low = 1 },
	};
	/* Not by the family's own way, which asks who the process is. */
	return KEXPECT(!(type == SOCK_STREAM ? tcp_create(s) : udp_create(s, PROTO_UDP)));
}

void wire_close(struct socket *s)
{
	if (s->ops)
		s->ops->release(s);
	s->ops = NULL;
}

struct abi_sockaddr wire_name(u32 address, u16 port)
{
	struct abi_sockaddr name = { 0 };
	struct abi_sockaddr_in in = { .family = AF_INET, .port = be16(port), .address = address };

	memcpy(&name, &in, sizeof(in));
	return name;
}

int wire_bind(struct socket *s, u32 address, u16 port)
{
	struct abi_sockaddr name = wire_name(address, port);

	return s->ops->bind(s, &name, SOCKADDR_IN_LEN);
}

ssize_t wire_receive(struct socket *s, void *to, u32 len, u32 flags, struct abi_sockaddr_in *from)
{
	static struct socket_msg m;
	struct uio_vec vec;

	memset(&m, 0, sizeof(m));
	m.flags = flags | MSG_DONTWAIT;
	uio_init_kernel(&m.data, &vec, to, len);
	ssize_t got = s->ops->receive(s, &m);
	if (from && got >= 0)
		memcpy(from, &m.name, sizeof(*from));
	return got;
}

static ssize_t write_with(struct socket *s, const void *data, u32 len, u32 flags)
{
	static struct socket_msg m;
	struct uio_vec vec;

	memset(&m, 0, sizeof(m));
	m.flags = MSG_DONTWAIT | MSG_NOSIGNAL | flags;
	uio_init_kernel(&m.data, &vec, (void *)data, len);
	return s->ops->send(s, &m);
}

ssize_t wire_write(struct socket *s, const void *data, u32 len) { return write_with(s, data, len, 0); }
ssize_t wire_write_urgent(struct socket *s, const void *data, u32 len) { return write_with(s, data, len, MSG_OOB); }
