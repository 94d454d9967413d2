/* NETLINK_SOCK_DIAG (sock_diag(7)): what sockets there are, family by family; those who answer are registered. */
#include "socket/sock_diag.h"

#include "proc/cred.h"

static int diag_request(struct netlink_sock *n, const struct abi_nlmsghdr *h)
{
	const struct abi_sock_diag_req *r = (const void *)(h + 1);

	bool old = h->type == TCPDIAG_GETSOCK || h->type == DCCPDIAG_GETSOCK;

	if (!old && h->type != SOCK_DIAG_BY_FAMILY && h->type != SOCK_DESTROY)
		return -EINVAL;
	if (h->len < sizeof(*h) + sizeof(*r) || r->family >= AF_MAX)
		return -EINVAL;
	LINKER_SET_FOREACH(sock_diag_families, f) {
		if ((*f)->family != (old ? AF_INET : r->family))
			continue;
		if (h->type != SOCK_DESTROY)
			return (*f)->ask(n, h);
		if (!capable(CAP_NET_ADMIN))
			return -EPERM;
		return (*f)->destroy ? (*f)->destroy(h) : -EOPNOTSUPP;
	}
	return old ? -EOPNOTSUPP : -ENOENT;
}

static int diag_init(void)
{
	netlink_handlers[NETLINK_SOCK_DIAG] = diag_request;
	return 0;
}
SUBSYSTEM(sock_diag, .needs = "netlink", .init = diag_init, .stage = "09-ipc");
