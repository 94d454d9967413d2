/*
 * The filter of a request for sockets (INET_DIAG_REQ_BYTECODE): steps, each with a distance to go on if it holds and one if it does not. One that goes to the
 * very end passes; one that goes beyond does not. Distances only lead on, which inet_diag_check sees to, so a filter ends.
 */
#include "inet_diag_priv.h"

#include "proc/cred.h"

#define OP ((u32)sizeof(struct abi_inet_diag_bc_op))
#define CONDITION ((u32)sizeof(struct abi_inet_diag_hostcond))

/* Does a step begin `left` bytes before the end, as one gets there by those that hold? */
static bool is_step(const u8 *filter, u32 len, u32 left)
{
	while (left <= len) {
		const struct abi_inet_diag_bc_op *op = (const void *)filter;
		if (left == len)
			return true;
		if (op->yes < OP || op->yes & 3 || op->yes > len)
			return false;
		len -= op->yes;
		filter += op->yes;
	}
	return false;
}

/* How long a step is, with what belongs to it; 0: it is malformed, or cut off. */
static u32 length_of(const struct abi_inet_diag_bc_op *op, u32 left)
{
	const struct abi_inet_diag_hostcond *c = (const void *)(op + 1);
	u32 len = OP;

	switch (op->code) {
	case INET_DIAG_BC_S_COND:
	case INET_DIAG_BC_D_COND:
		len += CONDITION;
		if (left < len)
			return 0;
		u32 size = c->family == AF_INET ? 4 : c->family == AF_INET6 ? 16 : 0;
		if ((!size && c->family != AF_UNSPEC) || c->prefix_len > 8 * size)
			return 0;
		len += size;
		break;
	case INET_DIAG_BC_DEV_COND:
	case INET_DIAG_BC_S_EQ:
	case INET_DIAG_BC_S_GE:
	case INET_DIAG_BC_S_LE:
	case INET_DIAG_BC_D_EQ:
	case INET_DIAG_BC_D_GE:
	case INET_DIAG_BC_D_LE:
		len += 4;
		break;
	case INET_DIAG_BC_MARK_COND:
		len += 8;
		break;
	case INET_DIAG_BC_NOP:
	case INET_DIAG_BC_JMP:
	case INET_DIAG_BC_AUTO:
		break;
	default:
		return 0;
	}
	return len <= left ? len : 0;
}

int inet_diag_check(const u8 *filter, u32 len)
{
	const u8 *at = filter;
	u32 left = len;

	if (len < OP)
		return -EINVAL;
	while (left) {
		const struct abi_inet_diag_bc_op *op = (const void *)at;
		if (left < OP)
			return -EINVAL;
		if (op->code == INET_DIAG_BC_MARK_COND && !capable(CAP_NET_ADMIN))
			return -EPERM;
		u32 least = length_of(op, left);
		if (!least)
			return -EINVAL;
		if (op->code != INET_DIAG_BC_NOP) {
			if (op->no < least || op->no > left + 4 || op->no & 3)
				return -EINVAL;
			if (op->no < left && !is_step(filter, len, left - op->no))
				return -EINVAL;
		}
		if (op->yes < least || op->yes > left || op->yes & 3)
			return -EINVAL;
		at += op->yes;
		left -= op->yes;
	}
	return 0;
}

static bool same_bits(const u8 *a, const u8 *b, u32 bits)
{
	u32 whole = bits / 8, rest = bits % 8;

	return !memcmp(a, b, whole) && (!rest || !((a[whole] ^ b[whole]) >> (8 - rest)));
}

/* A port and the first bits of an address. */
static bool host_is(const struct inet_sock *sk, const struct abi_inet_diag_hostcond *c, struct address a, u16 port)
{
	const u8 *bytes = a.bytes + (c->family == AF_INET ? 12 : 0);

	if (c->port != -1 && c->port != port)
		return false;
	if (c->family != AF_UNSPEC && c->family != sk->family && !(c->family == AF_INET && address_is_v4(a) && !address_is_any(a)))
		return false;
	return !c->prefix_len || same_bits(bytes, (const u8 *)c->address, c->prefix_len);
}

static bool holds(const struct inet_sock *sk, const struct abi_inet_diag_bc_op *op)
{
	const u32 *words = (const void *)(op + 1); /* of those that have some */

	switch (op->code) {
	case INET_DIAG_BC_JMP: return false;
	case INET_DIAG_BC_S_EQ: return sk->local_port == op[1].no;
	case INET_DIAG_BC_S_GE: return sk->local_port >= op[1].no;
	case INET_DIAG_BC_S_LE: return sk->local_port <= op[1].no;
	case INET_DIAG_BC_D_EQ: return sk->remote_port == op[1].no;
	case INET_DIAG_BC_D_GE: return sk->remote_port >= op[1].no;
	case INET_DIAG_BC_D_LE: return sk->remote_port <= op[1].no;
	case INET_DIAG_BC_AUTO: return !sk->user_port;
	case INET_DIAG_BC_S_COND: return host_is(sk, (const void *)words, sk->local, sk->local_port);
	case INET_DIAG_BC_D_COND: return host_is(sk, (const void *)words, sk->remote, sk->remote_port);
	case INET_DIAG_BC_DEV_COND: return (u32)sk->device == words[0];
	case INET_DIAG_BC_MARK_COND: return (sk->options->mark & words[1]) == words[0];
	}
	return true;
}

bool inet_diag_passes(const struct inet_sock *sk, const u8 *filter, u32 len)
{
	while (len) {
		const struct abi_inet_diag_bc_op *op = (const void *)filter;
		u32 go = holds(sk, op) ? op->yes : op->no;
		if (go > len)
			return false;
		filter += go;
		len -= go;
	}
	return true;
}
