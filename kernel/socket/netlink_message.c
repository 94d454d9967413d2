/* Netlink messages: a send's requests go to their protocol's handler one by one, and what comes of each is put together here. */
#include "socket/netlink.h"

#include "core/err.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "netlink_priv.h"

#define MESSAGE_MAX 65536u

netlink_handler netlink_handlers[NETLINK_PROTOCOLS];

/* --- answers --------------------------------------------------------------------------------------------------------- */

void netlink_flush(struct netlink_sock *n)
{
	if (n->len)
		netlink_answer(n->socket, n->answer, n->len);
	n->len = 0;
}

void netlink_room(struct netlink_sock *n, u32 bytes)
{
	if (n->len + bytes > NETLINK_ANSWER)
		netlink_flush(n);
}

void *netlink_begin(struct netlink_sock *n, u16 type, u16 flags, u32 seq, u32 len)
{
	netlink_room(n, (u32)sizeof(struct abi_nlmsghdr) + NL_ALIGN(len) + NETLINK_ATTRIBUTES);
	if (!n->answer)
		n->answer = kmalloc(NETLINK_ANSWER, 0);
	if (!n->answer) {
		netlink_lost(n->socket);
		return NULL;
	}
	struct abi_nlmsghdr *h = (void *)(n->answer + n->len);
	*h = (struct abi_nlmsghdr){ .len = (u32)sizeof(*h) + len, .type = type, .flags = flags, .seq = seq, .pid = n->port };
	memset(h + 1, 0, NL_ALIGN(len));
	n->len += (u32)sizeof(*h) + NL_ALIGN(len);
	n->message = h;
	return h + 1;
}

void netlink_attribute(struct netlink_sock *n, u16 type, const void *data, u32 len)
{
	struct abi_rtattr *a = (void *)(n->answer + n->len);
	u32 size = (u32)sizeof(*a) + NL_ALIGN(len);

	if (n->len + size > NETLINK_ANSWER)
		return;
	*a = (struct abi_rtattr){ .len = (u16)(sizeof(*a) + len), .type = type };
	memcpy(a + 1, data, len);
	memset((u8 *)(a + 1) + len, 0, NL_ALIGN(len) - len);
	n->len += size;
	n->message->len = (u32)(n->answer + n->len - (u8 *)n->message);
}

void netlink_done(struct netlink_sock *n, u32 seq, int err)
{
	int *end = netlink_begin(n, NLMSG_DONE, NLM_F_MULTI, seq, sizeof(err));

	if (end)
		*end = err;
	netlink_flush(n);
}

/* RFC 3549 section 2.3.2.2: what came of a request, with its header; with all of it, if it failed and the asker did not say that it can do without. */
static void acknowledge(struct netlink_sock *n, const struct abi_nlmsghdr *h, int err)
{
	bool whole = err && !netlink_caps_ack(n->socket);
	u32 len = (u32)sizeof(int) + (whole ? NL_ALIGN(h->len) : (u32)sizeof(*h));

	/* Longer than what an answer holds: its header is enough to know it by. */
	if ((u32)sizeof(*h) + NL_ALIGN(len) + NETLINK_ATTRIBUTES > NETLINK_ANSWER) {
		whole = false;
		len = (u32)(sizeof(int) + sizeof(*h));
	}
	u8 *to = netlink_begin(n, NLMSG_ERROR, whole ? 0 : NLM_F_CAPPED, h->seq, len);
	if (to) {
		memcpy(to, &err, sizeof(err));
		memcpy(to + sizeof(err), h, whole ? h->len : sizeof(*h));
	}
	netlink_flush(n);
}

/* --- requests -------------------------------------------------------------------------------------------------------- */

int netlink_attributes(const struct abi_nlmsghdr *h, u32 body, const struct abi_rtattr **out, u32 count)
{
	const u8 *p = (const u8 *)(h + 1);
	u32 len = h->len - (u32)sizeof(*h);

	for (u32 at = NL_ALIGN(body); at + sizeof(struct abi_rtattr) <= len;) {
		const struct abi_rtattr *a = (const void *)(p + at);
		if (a->len < sizeof(*a) || a->len > len - at)
			return -EINVAL;
		u16 type = a->type & NLA_TYPE_MASK;
		if (type < count)
			out[type] = a;
		at += NL_ALIGN(a->len);
	}
	return 0;
}

int netlink_take(struct socket *s, u32 port, struct socket_msg *m)
{
	struct netlink_sock n = { .socket = s, .port = port };
	size_t len = m->data.left;
	u8 *buf;

	if (len > MESSAGE_MAX)
		return -EMSGSIZE;
	buf = kmalloc(len, 0);
	if (!buf)
		return -ENOBUFS;
	if (uio_read(&m->data, buf, len) != len) {
		kfree(buf);
		return -EFAULT;
	}
	for (size_t at = 0; at + sizeof(struct abi_nlmsghdr) <= len;) {
		struct abi_nlmsghdr *h = (void *)(buf + at);
		if (h->len < sizeof(*h) || h->len > len - at)
			break;
		at += NL_ALIGN(h->len);
		bool asks = h->flags & NLM_F_REQUEST && h->type >= NLMSG_MIN_TYPE; /* others are the protocol's own */
		int err = asks ? netlink_handlers[s->protocol](&n, h) : 0;
		netlink_flush(&n); /* each answer is a datagram of its own */
		if (err != NETLINK_ANSWERED && (err || h->flags & NLM_F_ACK))
			acknowledge(&n, h, err);
	}
	kfree(n.answer);
	kfree(buf);
	return 0;
}
