/* Socket filters (linux/filter.h, S. McCanne, V. Jacobson: The BSD Packet Filter), Linux x86-64: SO_ATTACH_FILTER. */
#ifndef ABI_FILTER_H
#define ABI_FILTER_H

#include <stdint.h>

struct abi_sock_filter {
	uint16_t code;
	uint8_t jump_true, jump_false;
	uint32_t k;
};
_Static_assert(sizeof(struct abi_sock_filter) == 8, "Linux x86-64");
struct abi_sock_fprog {
	uint16_t len, pad[3];
	uint64_t filter; /* user address */
};
_Static_assert(sizeof(struct abi_sock_fprog) == 16, "Linux x86-64");
#define BPF_MAXINSNS 4096
#define BPF_MEMWORDS 16

/* A code is a class, and what that is made of. */
enum { BPF_LD, BPF_LDX, BPF_ST, BPF_STX, BPF_ALU, BPF_JMP, BPF_RET, BPF_MISC };
#define BPF_CLASS(code) ((code) & 7)
#define BPF_SIZE(code) ((code) & 0x18) /* of a load */
enum { BPF_W = 0, BPF_H = 8, BPF_B = 0x10 };
#define BPF_MODE(code) ((code) & 0xe0)
enum { BPF_IMM = 0, BPF_ABS = 0x20, BPF_IND = 0x40, BPF_MEM = 0x60, BPF_LEN = 0x80, BPF_MSH = 0xa0 };
#define BPF_OP(code) ((code) & 0xf0)
enum { BPF_ADD = 0, BPF_SUB = 0x10, BPF_MUL = 0x20, BPF_DIV = 0x30, BPF_OR = 0x40, BPF_AND = 0x50, BPF_LSH = 0x60, BPF_RSH = 0x70, BPF_NEG = 0x80, BPF_MOD = 0x90, BPF_XOR = 0xa0 };
enum { BPF_JA = 0, BPF_JEQ = 0x10, BPF_JGT = 0x20, BPF_JGE = 0x30, BPF_JSET = 0x40 };
enum { BPF_K = 0, BPF_X = 8, BPF_A = 0x10 }; /* the other operand; what is returned */
enum { BPF_TAX = 0, BPF_TXA = 0x80 };

/* Offsets of loads that are not into the packet's own bytes, as from its beginning. */
#define SKF_AD_OFF (-0x1000)
#define SKF_NET_OFF (-0x100000)
#define SKF_LL_OFF (-0x200000)
enum { SKF_AD_PROTOCOL = 0, SKF_AD_PKTTYPE = 4, SKF_AD_IFINDEX = 8, SKF_AD_NLATTR = 12, SKF_AD_NLATTR_NEST = 16, SKF_AD_MARK = 20, SKF_AD_QUEUE = 24, SKF_AD_HATYPE = 28,
       SKF_AD_RXHASH = 32, SKF_AD_CPU = 36, SKF_AD_ALU_XOR_X = 40, SKF_AD_VLAN_TAG = 44, SKF_AD_VLAN_TAG_PRESENT = 48, SKF_AD_PAY_OFFSET = 52, SKF_AD_RANDOM = 56, SKF_AD_VLAN_TPID = 60,
       SKF_AD_MAX = 64 };

#endif
