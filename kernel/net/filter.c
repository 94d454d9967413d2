/*
 * Filters of datagram, raw and packet sockets (SO_ATTACH_FILTER): a program of McCanne's and Jacobson's machine, with an accumulator, an index and sixteen
 * words, that says how much of a packet its socket gets: nothing at all, or so many bytes. Jumps only lead on, so a program ends; what it loads from beyond
 * the packet ends it with nothing.
 *
 * A program was checked before it is run, so that run() needs to look at the packet's bounds alone.
 */
#include "filter_priv.h"

#include "abi/filter.h"
#include "core/percpu.h"
#include "core/random.h"
#include "inet_priv.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "usermode/uaccess.h"

struct socket_filter {
	u32 len;
	struct abi_sock_filter code[];
};

/* --- checking ---------------------------------------------------------------------------------------------------------- */

static bool is_known_load(u16 code, u32 k)
{
	u32 mode = BPF_MODE(code), size = BPF_SIZE(code);

	switch (mode) {
	case BPF_ABS:
		/* What is beside the packet has names of its own. */
		if ((s32)k >= SKF_AD_OFF && (s32)k < 0 && ((s32)k - SKF_AD_OFF >= SKF_AD_MAX || k % 4))
			return false;
		return size != 0x18 && BPF_CLASS(code) == BPF_LD;
	case BPF_IND:
		return size != 0x18 && BPF_CLASS(code) == BPF_LD;
	case BPF_MEM:
		return !size && k < BPF_MEMWORDS;
	case BPF_IMM:
	case BPF_LEN:
		return !size;
	case BPF_MSH:
		return size == BPF_B && BPF_CLASS(code) == BPF_LDX;
	}
	return false;
}

static bool is_known_arithmetic(u16 code, u32 k)
{
	u32 op = BPF_OP(code);

	if (code & 0xff00 || op > BPF_XOR || (op == BPF_NEG && code & BPF_X))
		return false;
	if (code & BPF_X)
		return true;
	return !((op == BPF_DIV || op == BPF_MOD) && !k) && !((op == BPF_LSH || op == BPF_RSH) && k >= 32);
}

/* One step, with `left` more behind it. */
static bool is_known(const struct abi_sock_filter *f, u32 left)
{
	switch (BPF_CLASS(f->code)) {
	case BPF_LD:
	case BPF_LDX:
		return !(f->code & 0xff00) && is_known_load(f->code, f->k);
	case BPF_ST:
	case BPF_STX:
		return f->code < 8 && f->k < BPF_MEMWORDS;
	case BPF_ALU:
		return is_known_arithmetic(f->code, f->k);
	case BPF_JMP:
		if (f->code == (BPF_JMP | BPF_JA))
			return f->k < left;
		return !(f->code & 0xff00) && BPF_OP(f->code) && BPF_OP(f->code) <= BPF_JSET && f->jump_true < left && f->jump_false < left;
	case BPF_RET:
		return f->code == (BPF_RET | BPF_K) || f->code == (BPF_RET | BPF_A);
	case BPF_MISC:
		return f->code == (BPF_MISC | BPF_TAX) || f->code == (BPF_MISC | BPF_TXA);
	}
	return false;
}

/* Is no word loaded on some way that was not stored on it? `valid`: of each step, the words that are known on all ways to it. */
static bool words_are_stored(const struct socket_filter *f, u16 *valid)
{
	u16 words = 0;

	memset(valid, 0xff, f->len * sizeof(*valid));
	for (u32 at = 0; at < f->len; at++) {
		const struct abi_sock_filter *s = &f->code[at];
		words &= valid[at];
		switch (BPF_CLASS(s->code)) {
		case BPF_ST:
		case BPF_STX:
			words |= (u16)(1u << s->k);
			break;
		case BPF_LD:
		case BPF_LDX:
			if (BPF_MODE(s->code) == BPF_MEM && !(words & 1u << s->k))
				return false;
			break;
		case BPF_JMP:
			if (s->code == (BPF_JMP | BPF_JA)) {
				valid[at + 1 + s->k] &= words;
			} else {
				valid[at + 1 + s->jump_true] &= words;
				valid[at + 1 + s->jump_false] &= words;
			}
			words = 0xffff;
			break;
		}
	}
	return true;
}

/* 0, -EINVAL, -ENOMEM. */
static int check(const struct socket_filter *f)
{
	for (u32 i = 0; i < f->len; i++)
		if (!is_known(&f->code[i], f->len - 1 - i))
			return -EINVAL;
	if (BPF_CLASS(f->code[f->len - 1].code) != BPF_RET)
		return -EINVAL;
	u16 *valid = kmalloc(f->len * sizeof(*valid), 0);
	if (!valid)
		return -ENOMEM;
	bool good = words_are_stored(f, valid);
	kfree(valid);
	return good ? 0 : -EINVAL;
}

/* --- running ----------------------------------------------------------------------------------------------------------- */

/* What the program sees: the packet from where its socket would, and the packet itself. */
struct view {
	const struct packet *p;
	const u8 *data;
	u32 len;
};

/* Beside the packet: SKF_AD_*. False: there is no such thing, and the packet is not taken. */
static bool load_beside(const struct view *v, u32 what, u32 a, u32 x, u32 *out)
{
	const struct packet *p = v->p;

	switch (what) {
	case SKF_AD_PROTOCOL: *out = p->ether_type; return true;
	case SKF_AD_PKTTYPE: *out = p->kind; return true;
	case SKF_AD_IFINDEX: *out = (u32)p->dev->index; return true;
	case SKF_AD_HATYPE: *out = p->dev->type; return true;
	case SKF_AD_CPU: *out = cpu_id(); return true;
	case SKF_AD_ALU_XOR_X: *out = a ^ x; return true;
	case SKF_AD_RANDOM: *out = (u32)random_u64(); return true;
	case SKF_AD_PAY_OFFSET: *out = p->transport ? (u32)(p->transport - v->data) : 0; return true;
	case SKF_AD_MARK:
	case SKF_AD_QUEUE:
	case SKF_AD_RXHASH:
	case SKF_AD_VLAN_TAG:
	case SKF_AD_VLAN_TAG_PRESENT:
	case SKF_AD_VLAN_TPID: *out = 0; return true; /* tags are left in the frame */
	}
	return false;
}

/* `size` bytes at a place in the packet, big-endian; places below 0 are counted from its headers. */
static bool load(const struct view *v, s32 place, u32 size, u32 *out)
{
	const u8 *end = v->data + v->len, *from = v->data, *network = v->p->network, *link = v->p->mac;
	u64 at = (u32)place;

	if (place < 0) {
		bool of_link = place < SKF_NET_OFF;
		if (place < SKF_LL_OFF)
			return false;
		from = of_link ? link : network;
		at = (u64)((s64)place - (of_link ? SKF_LL_OFF : SKF_NET_OFF));
	}
	if (!from || at + size > (u64)(end - from))
		return false;
	from += at;
	*out = size == 1 ? from[0] : size == 2 ? (u32)(from[0] << 8 | from[1]) : (u32)from[0] << 24 | (u32)from[1] << 16 | (u32)from[2] << 8 | from[3];
	return true;
}

static u32 calculate(u32 op, u32 a, u32 b)
{
	switch (op) {
	case BPF_ADD: return a + b;
	case BPF_SUB: return a - b;
	case BPF_MUL: return a * b;
	case BPF_DIV: return a / b; /* by 0: the caller's */
	case BPF_MOD: return a % b;
	case BPF_OR: return a | b;
	case BPF_AND: return a & b;
	case BPF_XOR: return a ^ b;
	case BPF_LSH: return a << (b & 31);
	case BPF_RSH: return a >> (b & 31);
	}
	return -a; /* BPF_NEG */
}

static bool compare(u32 op, u32 a, u32 b)
{
	return op == BPF_JEQ ? a == b : op == BPF_JGT ? a > b : op == BPF_JGE ? a >= b : (a & b) != 0;
}

/* How many bytes the socket shall have. */
static u32 run(const struct socket_filter *f, const struct view *v)
{
	u32 a = 0, x = 0, words[BPF_MEMWORDS] = { 0 };

	for (u32 at = 0;; at++) {
		const struct abi_sock_filter *s = &f->code[at];
		u32 class = BPF_CLASS(s->code), mode = BPF_MODE(s->code), value = s->k, other = s->code & BPF_X ? x : s->k;
		switch (class) {
		case BPF_LD:
		case BPF_LDX:
			if (mode == BPF_MEM)
				value = words[s->k];
			else if (mode == BPF_LEN)
				value = v->len;
			else if (mode == BPF_ABS && (s32)s->k >= SKF_AD_OFF && (s32)s->k < 0) {
				if (!load_beside(v, s->k - (u32)SKF_AD_OFF, a, x, &value))
					return 0;
			} else if (mode != BPF_IMM) {
				u32 size = mode == BPF_MSH || BPF_SIZE(s->code) == BPF_B ? 1 : BPF_SIZE(s->code) == BPF_H ? 2 : 4;
				if (!load(v, (s32)(mode == BPF_IND ? x + s->k : s->k), size, &value))
					return 0;
				if (mode == BPF_MSH)
					value = (value & 15) * 4; /* the length of an IPv4 header */
			}
			*(class == BPF_LD ? &a : &x) = value;
			break;
		case BPF_ST:
			words[s->k] = a;
			break;
		case BPF_STX:
			words[s->k] = x;
			break;
		case BPF_ALU:
			if (!other && (BPF_OP(s->code) == BPF_DIV || BPF_OP(s->code) == BPF_MOD))
				return 0;
			a = calculate(BPF_OP(s->code), a, other);
			break;
		case BPF_JMP:
			if (BPF_OP(s->code) == BPF_JA)
				at += s->k;
			else
				at += compare(BPF_OP(s->code), a, other) ? s->jump_true : s->jump_false;
			break;
		case BPF_RET:
			return s->code & BPF_A ? a : s->k;
		default:
			if (s->code & BPF_TXA)
				a = x;
			else
				x = a;
		}
	}
}

bool filter_takes(const struct socket_filter *f, const struct inet_sock *sk, struct packet *p)
{
	/* UDP's filters begin at its header, which its sockets do not see. */
	bool hidden = sk->family != AF_PACKET && sk->type == SOCK_DGRAM && p->transport;
	const u8 *from = hidden ? p->transport : p->data;
	u32 before = (u32)(p->data - from), wanted;

	wanted = run(f, &(struct view){ .p = p, .data = from, .len = before + p->len });
	if (!wanted)
		return false;
	wanted = MAX(wanted, before);
	if (wanted - before < p->len)
		packet_trim(p, wanted - before);
	return true;
}

/* --- options ----------------------------------------------------------------------------------------------------------- */

void filter_free(struct inet_sock *sk)
{
	kfree(sk->filter);
	sk->filter = NULL;
}

/* 0 or -EPERM: it is locked; -ENOENT: there is none to take away. `new` is the socket's then. */
static int change(struct inet_sock *sk, struct socket_filter *new)
{
	struct socket_filter *old = NULL;
	int err = 0;

	spin_lock(&sk->lock);
	if (sk->filter_locked) {
		err = -EPERM;
	} else if (!new && !sk->filter) {
		err = -ENOENT;
	} else {
		old = sk->filter;
		sk->filter = new;
	}
	spin_unlock(&sk->lock);
	kfree(err ? new : old);
	return err;
}

static int attach(struct inet_sock *sk, const void __user *value, u32 len)
{
	struct abi_sock_fprog program;
	u32 size;

	if (len != sizeof(program))
		return -EINVAL;
	if (copy_from_user(&program, value, sizeof(program)))
		return -EFAULT;
	if (READ_ONCE(sk->filter_locked))
		return -EPERM;
	if (!program.filter || !program.len || program.len > BPF_MAXINSNS)
		return -EINVAL;
	size = program.len * (u32)sizeof(struct abi_sock_filter);
	struct socket_filter *f = kmalloc(sizeof(*f) + size, 0);
	if (!f)
		return -ENOMEM;
	f->len = program.len;
	int err = copy_from_user(f->code, (const void __user *)program.filter, size) ? -EFAULT : check(f);
	if (err) {
		kfree(f);
		return err;
	}
	return change(sk, f);
}

int filter_set_option(struct inet_sock *sk, int option, const void __user *value, u32 len)
{
	int n;

	if (len < sizeof(n))
		return -EINVAL;
	if (copy_from_user(&n, value, sizeof(n)))
		return -EFAULT;
	switch (option) {
	case SO_ATTACH_FILTER:
		return attach(sk, value, len);
	case SO_DETACH_FILTER:
		return change(sk, NULL);
	}
	/* SO_LOCK_FILTER: once it is, it stays so. */
	if (sk->filter_locked && !n)
		return -EPERM;
	sk->filter_locked = n;
	return 0;
}

int filter_get_option(struct inet_sock *sk, int option, void __user *value, u32 *len)
{
	struct abi_sock_filter *copy = NULL;
	int n = sk->filter_locked, err = 0;

	if (option == SO_LOCK_FILTER)
		return option_out(value, len, &n, sizeof(n));
	if (option == SO_DETACH_FILTER)
		return -ENOPROTOOPT;
	/* The length is told in steps, not in bytes; 0 only asks for it. */
	if (*len) {
		copy = kmalloc(BPF_MAXINSNS * sizeof(*copy), 0);
		if (!copy)
			return -ENOMEM;
	}
	spin_lock(&sk->lock);
	u32 steps = sk->filter ? sk->filter->len : 0;
	if (copy && steps > *len)
		err = -EINVAL;
	else if (copy && steps)
		memcpy(copy, sk->filter->code, steps * sizeof(*copy));
	spin_unlock(&sk->lock);
	if (!err && copy && steps && copy_to_user(value, copy, steps * sizeof(*copy)))
		err = -EFAULT;
	kfree(copy);
	*len = steps;
	return err;
}
