/*
 * One card, and registers and descriptors of the 8254x family, as far as they are used. Sections are those of Intel's "PCI/PCI-X Family of Gigabit Ethernet Controllers
 * Software Developer's Manual" (317453).
 */
#ifndef NET_E1000_PRIV_H
#define NET_E1000_PRIV_H

#include "core/compiler.h"
#include "net/netdev.h"
#include "net/timer.h"
#include "sched/thread.h"

/* Section 13.4: offsets of registers in BAR 0. */
enum {
	E1000_CTRL = 0x0000, E1000_STATUS = 0x0008, E1000_EERD = 0x0014, E1000_ICR = 0x00c0, E1000_ITR = 0x00c4, E1000_ICS = 0x00c8, E1000_IMS = 0x00d0,
	E1000_IMC = 0x00d8, E1000_RCTL = 0x0100, E1000_FCAL = 0x0028, E1000_FCAH = 0x002c, E1000_FCT = 0x0030, E1000_FCTTV = 0x0170, E1000_TCTL = 0x0400,
	E1000_TIPG = 0x0410, E1000_RDBAL = 0x2800, E1000_RDBAH = 0x2804, E1000_RDLEN = 0x2808, E1000_RDH = 0x2810, E1000_RDT = 0x2818, E1000_RDTR = 0x2820,
	E1000_RADV = 0x282c, E1000_TDBAL = 0x3800, E1000_TDBAH = 0x3804, E1000_TDLEN = 0x3808, E1000_TDH = 0x3810, E1000_TDT = 0x3818, E1000_TIDV = 0x3820,
	E1000_TADV = 0x382c, E1000_RXCSUM = 0x5000, E1000_MTA = 0x5200, E1000_RAL = 0x5400, E1000_RAH = 0x5404,
};
#define E1000_REGISTERS 0x6000u
#define E1000_MTA_WORDS 128u

enum { CTRL_ASDE = 1 << 5, CTRL_SLU = 1 << 6, CTRL_LRST = 1 << 3, CTRL_ILOS = 1 << 7, CTRL_RST = 1 << 26 };           /* 13.4.1 */
enum { STATUS_LU = 1 << 1 };                                                                                           /* 13.4.2 */
enum { EERD_START = 1 << 0, EERD_DONE = 1 << 4 };                                                                      /* 13.4.4 */
enum { INT_TXDW = 1 << 0, INT_TXQE = 1 << 1, INT_LSC = 1 << 2, INT_RXDMT0 = 1 << 4, INT_RXO = 1 << 6, INT_RXT0 = 1 << 7 }; /* 13.4.17 */
enum { RCTL_EN = 1 << 1, RCTL_UPE = 1 << 3, RCTL_MPE = 1 << 4, RCTL_BAM = 1 << 15, RCTL_SECRC = 1 << 26 };              /* 13.4.22; BSIZE 0: 2048 bytes */
enum { TCTL_EN = 1 << 1, TCTL_PSP = 1 << 3, TCTL_CT_16 = 0xf << 4, TCTL_COLD_FULL = 0x40 << 12 };                       /* 13.4.33 */
enum { RXCSUM_IPOFL = 1 << 8, RXCSUM_TUOFL = 1 << 9 };                                                                 /* 13.4.45 */
#define RAH_AV (1u << 31)                                                                                              /* 13.5.3 */
#define TIPG_COPPER (10u | 8u << 10 | 6u << 20)                                                                        /* 13.4.34: IPGT, IPGR1, IPGR2 */

/* 3.2.3: legacy receive descriptor. */
struct e1000_rx_desc {
	u64 address;
	u16 length, checksum;
	u8 status, errors;
	u16 special;
};
_Static_assert(sizeof(struct e1000_rx_desc) == 16, "8254x SDM, 3.2.3");
enum { RX_DD = 1 << 0, RX_EOP = 1 << 1, RX_IXSM = 1 << 2, RX_TCPCS = 1 << 5 };
enum { RX_ERROR_CE = 1 << 0, RX_ERROR_SE = 1 << 1, RX_ERROR_SEQ = 1 << 2, RX_ERROR_TCPE = 1 << 5, RX_ERROR_IPE = 1 << 6, RX_ERROR_RXE = 1 << 7 };
#define RX_ERROR_FRAME (RX_ERROR_CE | RX_ERROR_SE | RX_ERROR_SEQ | RX_ERROR_RXE)

/* 3.3.6, 3.3.7: what goes out: a context says where checksums are in the data that follow, until there is another one. */
union e1000_tx_desc {
	struct {
		u64 address;
		u32 command;      /* length below, then type and TX_* */
		u8 status, options;
		u16 special;
	} data;
	struct {
		u8 ip_start, ip_field;
		u16 ip_end;
		u8 start, field;
		u16 end;          /* 0: the packet's */
		u32 command;
		u8 status, header_len;
		u16 mss;
	} context;
};
_Static_assert(sizeof(union e1000_tx_desc) == 16, "8254x SDM, 3.3.6");
#define TX_TYPE_CONTEXT (0u << 20)
#define TX_TYPE_DATA (1u << 20)
#define TX_EOP (1u << 24)
#define TX_IFCS (1u << 25)
#define TX_TSE (1u << 26)
#define TX_RS (1u << 27)
#define TX_DEXT (1u << 29)
#define TX_CONTEXT_TCP (1u << 24)
#define TX_CONTEXT_IP (1u << 25)  /* IPv4 */
#define TX_DD 1u
#define TX_OPTION_IXSM 1u         /* writes IPv4's checksum */
#define TX_OPTION_TXSM 2u         /* completes the transport's checksum */

#define E1000_RING 256u /* descriptors: a frame of memory each way */

struct e1000 {
	struct netdev dev;
	volatile u32 *registers;
	volatile struct e1000_rx_desc *rx;
	struct packet *rx_packets[E1000_RING];
	u32 rx_next;
	bool rx_skip;                 /* in the midst of a frame that is too large */
	struct work work, link_work;
	struct spinlock lock;
	volatile union e1000_tx_desc *tx;
	struct packet *tx_packets[E1000_RING]; /* lock: by the last descriptor of each */
	u32 tx_done, tx_next;         /* lock: the oldest that is under way, the next free one */
	u64 context;                  /* lock: what the card's context says; 0: nothing yet */
	struct list waiting;          /* lock */
	u32 waiting_count;            /* lock */
	bool tx_wanted;               /* lock; read without it by the interrupt: TX_CAUSES are for the worker */
	struct net_timer watch;
	u32 finished, watched;        /* lock: how many descriptors were done, ever; and at the last look */
	bool stuck;                   /* lock: to be reset */
};

static inline u32 e1000_read(const struct e1000 *e, u32 at) { return e->registers[at / 4]; }
static inline void e1000_write(struct e1000 *e, u32 at, u32 v) { e->registers[at / 4] = v; }

void e1000_find_address(struct e1000 *e); /* into e->dev: the EEPROM's, the firmware's, or a made-up one */
void e1000_reset(struct e1000 *e); /* some milliseconds, in which it waits without sleep */
/* Sets all of its registers, and works. lock held, or nobody knows the card yet; the transmit ring is empty, and all of the receive ring's packets are there. */
void e1000_start(struct e1000 *e);
void e1000_filter(struct netdev *dev); /* hears what its groups and its flags say */

#endif
