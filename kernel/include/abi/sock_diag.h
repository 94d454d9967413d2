/* sock_diag(7), Linux x86-64: what `ss` asks about sockets. */
#ifndef ABI_SOCK_DIAG_H
#define ABI_SOCK_DIAG_H

#include <stdint.h>

#define TCPDIAG_GETSOCK 18 /* of old: of TCP alone, in both families; and of DCCP */
#define DCCPDIAG_GETSOCK 19
#define SOCK_DIAG_BY_FAMILY 20
#define SOCK_DESTROY 21
#define SOCK_DIAG_NO_COOKIE 0xffffffffu /* both words of it: any socket of that name will do */

struct abi_sock_diag_req {
	uint8_t family, protocol;
};
/* What all families tell of a socket's memory: an attribute of so many words. */
enum { SK_MEMINFO_RMEM_ALLOC, SK_MEMINFO_RCVBUF, SK_MEMINFO_WMEM_ALLOC, SK_MEMINFO_SNDBUF, SK_MEMINFO_FWD_ALLOC, SK_MEMINFO_WMEM_QUEUED, SK_MEMINFO_OPTMEM, SK_MEMINFO_BACKLOG,
       SK_MEMINFO_DROPS, SK_MEMINFO_VARS };

/* --- AF_INET, AF_INET6 ------------------------------------------------------------------------------------------------ */

struct abi_inet_diag_id {
	uint16_t source_port, port;  /* big-endian, as the addresses */
	uint32_t source[4], destination[4];
	uint32_t device, cookie[2];
};
struct abi_inet_diag_req {
	uint8_t family, protocol, extensions, pad;
	uint32_t states;
	struct abi_inet_diag_id id;
};
_Static_assert(sizeof(struct abi_inet_diag_req) == 56, "Linux x86-64");
struct abi_inet_diag_req_old {
	uint8_t family, source_len, destination_len, extensions;
	struct abi_inet_diag_id id;
	uint32_t states, tables;
};
_Static_assert(sizeof(struct abi_inet_diag_req_old) == 60, "Linux x86-64");
struct abi_inet_diag_msg {
	uint8_t family, state, timer, retransmits;
	struct abi_inet_diag_id id;
	uint32_t expires, received, sent, uid, inode; /* expires: ms */
};
_Static_assert(sizeof(struct abi_inet_diag_msg) == 72, "Linux x86-64");
#define INET_DIAG_REQ_BYTECODE 1 /* attribute of a request */
enum { INET_DIAG_MEMINFO = 1, INET_DIAG_INFO, INET_DIAG_VEGASINFO, INET_DIAG_CONG, INET_DIAG_TOS, INET_DIAG_TCLASS, INET_DIAG_SKMEMINFO, INET_DIAG_SHUTDOWN, INET_DIAG_PROTOCOL = 10,
       INET_DIAG_SKV6ONLY, INET_DIAG_MARK = 15, INET_DIAG_CLASS_ID = 17, INET_DIAG_SOCKOPT = 22 };
/* A step of a filter: where to go on, in bytes from here, if it holds and if not. */
struct abi_inet_diag_bc_op {
	uint8_t code, yes;
	uint16_t no;
};
enum { INET_DIAG_BC_NOP, INET_DIAG_BC_JMP, INET_DIAG_BC_S_GE, INET_DIAG_BC_S_LE, INET_DIAG_BC_D_GE, INET_DIAG_BC_D_LE, INET_DIAG_BC_AUTO, INET_DIAG_BC_S_COND, INET_DIAG_BC_D_COND,
       INET_DIAG_BC_DEV_COND, INET_DIAG_BC_MARK_COND, INET_DIAG_BC_S_EQ, INET_DIAG_BC_D_EQ };
struct abi_inet_diag_hostcond {
	uint8_t family, prefix_len;
	int32_t port;                /* -1: any */
	uint32_t address[];
};

/* --- AF_UNIX ---------------------------------------------------------------------------------------------------------- */

struct abi_unix_diag_req {
	uint8_t family, protocol;
	uint16_t pad;
	uint32_t states, inode, show, cookie[2];
};
_Static_assert(sizeof(struct abi_unix_diag_req) == 24, "Linux x86-64");
struct abi_unix_diag_msg {
	uint8_t family, type, state, pad;
	uint32_t inode, cookie[2];
};
_Static_assert(sizeof(struct abi_unix_diag_msg) == 16, "Linux x86-64");
enum { UNIX_DIAG_NAME, UNIX_DIAG_VFS, UNIX_DIAG_PEER, UNIX_DIAG_ICONS, UNIX_DIAG_RQLEN, UNIX_DIAG_MEMINFO, UNIX_DIAG_SHUTDOWN, UNIX_DIAG_UID }; /* attributes */
#define UDIAG_SHOW_NAME 1
#define UDIAG_SHOW_VFS 2
#define UDIAG_SHOW_PEER 4
#define UDIAG_SHOW_ICONS 8
#define UDIAG_SHOW_RQLEN 16
#define UDIAG_SHOW_MEMINFO 32
#define UDIAG_SHOW_UID 64

#endif
