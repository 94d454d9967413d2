/*
 * Netlink messages: a send's requests go to rtnetlink one by one, and their answers are put together here. The sockets are socket/netlink.c's; the answers
 * lie in the sender's own queue before its send returns.
 */
#include "netlink_priv.h"

#include "lib/string.h"
#include "mm/slab.h"

#define MESSAGE_MAX 65536u

/* --- answers --------------------------------------------------------------------------------------------------------- */

void netlink_flush(struct netlink_sock *n)
{
	struct packet *p = n->answer;

	n->answer = NULL;
	if (p && p->len)
		netlink_answer(n->socket, p->data, p->len);
	packet_free(p);
}

/* A message with a body of `len` bytes in the answer under way, or in a new one: its body. NULL if memory is short: then the
 * asker is told that something was lost. */
void *netlink_begin(struct netlink_sock *n, u16 type, u16 flags, u32 seq, u32 len)
{
	u32 most = (u32)sizeof(struct abi_nlmsghdr) + NL_ALIGN(len) + NETLINK_ATTRIBUTES;

	if (n->answer && packet_tailroom(n->answer) < most)
		netlink_flush(n);
	if (!n->answer)
		n->answer = packet_alloc(0, NETLINK_ANSWER, 0);
	if (!n->answer) {
		netlink_lost(n->socket);
		return NULL;
	}
	struct abi_nlmsghdr *h = packet_append(n->answer, sizeof(*h));
	*h = (struct abi_nlmsghdr){ .len = (u32)sizeof(*h) + len, .type = type, .flags = flags, .seq = seq, .pid = n->pid };
	n->message = h;
	void *body = packet_append(n->answer, NL_ALIGN(len));
	memset(body, 0, NL_ALIGN(len));
	return body;
}

void netlink_attribute(struct netlink_sock *n, u16 type, const void *data, u32 len)
{
	struct abi_nlmsghdr *h = n->message;
	u32 size = (u32)sizeof(struct abi_rtattr) + NL_ALIGN(len);

	if (packet_tailroom(n->answer) < size)
		return;
	struct abi_rtattr *a = packet_append(n->answer, size);
	memset(a, 0, size);
	*a = (struct abi_rtattr){ .len = (u16)(sizeof(*a) + len), .type = type };
	memcpy(a + 1, data, len);
	h->len += size;
}

void netlink_done(struct netlink_sock *n, u32 seq)
{
	netlink_begin(n, NLMSG_DONE, NLM_F_MULTI, seq, sizeof(int));
	netlink_flush(n);
}

/* RFC 3549 section 2.3.2.2: what came of a request, with its header. */
static void acknowledge(struct netlink_sock *n, const struct abi_nlmsghdr *h, int err)
{
	struct {
		int error;
		struct abi_nlmsghdr header;
	} body = { err, *h };

	void *to = netlink_begin(n, NLMSG_ERROR, 0, h->seq, sizeof(body));
	if (to)
		memcpy(to, &body, sizeof(body));
	netlink_flush(n);
}

/* --- requests -------------------------------------------------------------------------------------------------------- */

static int take_requests(struct socket *s, u32 port, struct socket_msg *m)
{
	struct netlink_sock n = { .socket = s, .pid = port };
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
		if (!(h->flags & NLM_F_REQUEST))
			continue;
		int err = rtnetlink_request(&n, h);
		/* A dump's end says that all went well. */
		bool dumped = !err && (h->flags & NLM_F_DUMP) == NLM_F_DUMP && h->type % 4 == 2;
		if ((err || h->flags & NLM_F_ACK) && !dumped)
			acknowledge(&n, h, err);
	}
	packet_free(n.answer);
	kfree(buf);
	return 0;
}

void netlink_init(void)
{
	netlink_request = take_requests;
}
