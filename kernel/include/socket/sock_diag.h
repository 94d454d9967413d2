/* sock_diag(7): a family registers who tells of its sockets. */
#ifndef SOCKET_SOCK_DIAG_H
#define SOCKET_SOCK_DIAG_H

#include "abi/sock_diag.h"
#include "core/registry.h"
#include "socket/netlink.h"

/* SOCK_DIAG_FAMILY(unix, .family = AF_UNIX, .ask = …) */
struct sock_diag_family {
	int family;
	int (*ask)(struct netlink_sock *n, const struct abi_nlmsghdr *h);     /* as netlink_handler */
	int (*destroy)(const struct abi_nlmsghdr *h);                         /* NULL: -EOPNOTSUPP */
};
#define SOCK_DIAG_FAMILY(ident, ...) \
	static const struct sock_diag_family sock_diag_family_##ident = { __VA_ARGS__ }; \
	LINKER_SET(sock_diag_families, sock_diag_family_##ident)
LINKER_SET_DECLARE(sock_diag_families, const struct sock_diag_family);

static inline bool sock_diag_is_dump(const struct abi_nlmsghdr *h) { return (h->flags & NLM_F_DUMP) == NLM_F_DUMP; }
/* The cookie that a request names: 0, or -ESTALE if it is another socket's. */
static inline int sock_diag_check_cookie(u64 *of, const u32 asked[2])
{
	u64 cookie = socket_cookie(of);

	if (asked[0] == SOCK_DIAG_NO_COOKIE && asked[1] == SOCK_DIAG_NO_COOKIE)
		return 0;
	return (u32)cookie == asked[0] && (u32)(cookie >> 32) == asked[1] ? 0 : -ESTALE;
}
static inline void sock_diag_put_cookie(u64 *of, u32 out[2])
{
	u64 cookie = socket_cookie(of);

	out[0] = (u32)cookie;
	out[1] = (u32)(cookie >> 32);
}

#endif
