/*
 * What an NVMe controller and its driver lay before each other: registers, commands, answers, what Identify tells.
 * Sections are of the NVM Express Base Specification, revision 1.4. All fields are little-endian.
 */
#ifndef NVME_WIRE_H
#define NVME_WIRE_H

#include "core/types.h"

/* Registers: offsets in BAR 0 (3.1). */
enum { REG_CAP = 0x00, REG_VS = 0x08, REG_INTMS = 0x0c, REG_INTMC = 0x10, REG_CC = 0x14, REG_CSTS = 0x1c, REG_AQA = 0x24, REG_ASQ = 0x28, REG_ACQ = 0x30,
       REG_DOORBELLS = 0x1000 };

/* CAP, the controller's capabilities (3.1.1). */
#define CAP_MQES(cap) ((u32)((cap) & 0xffff))        /* entries that a queue may have, less one */
#define CAP_TIMEOUT(cap) ((u32)((cap) >> 24 & 0xff)) /* how long CSTS.RDY may take to follow CC.EN, in 500 ms */
#define CAP_STRIDE(cap) (4u << ((cap) >> 32 & 0xf))  /* bytes from one doorbell to the next */
#define CAP_NVM_COMMANDS (1ul << 37)
#define CAP_MPSMIN(cap) ((u32)((cap) >> 48 & 0xf))   /* smallest memory page: 4 KiB << n */

/* CC, its configuration (3.1.5), and CSTS, its state (3.1.6). */
#define CC_ENABLE 1u
#define CC_SHUTDOWN_MASK (3u << 14)
#define CC_SHUTDOWN_NORMAL (1u << 14)
#define CC_ENTRY_SIZES (6u << 16 | 4u << 20)         /* 64 bytes a command, 16 an answer; NVM command set, 4 KiB pages, round robin are 0 */
#define CSTS_READY 1u
#define CSTS_FATAL 2u
#define CSTS_SHUTDOWN_MASK (3u << 2)
#define CSTS_SHUTDOWN_DONE (2u << 2)

/* A command (4.2, figure 105). */
struct nvme_command {
	u8 opcode, flags;
	u16 id;
	u32 nsid;
	u64 reserved, metadata;
	u64 prp1, prp2;       /* data: 4.3 */
	u32 cdw10, cdw11, cdw12, cdw13, cdw14, cdw15;
};
_Static_assert(sizeof(struct nvme_command) == 64, "NVMe 4.2");

/* An answer (4.6). */
struct nvme_completion {
	u32 result, reserved;
	u16 sq_head, sq_id;
	u16 id;
	u16 status;           /* bit 0: phase; the rest: status field (4.6.1) */
};
_Static_assert(sizeof(struct nvme_completion) == 16, "NVMe 4.6");

/* The status field without the phase: code in bits 7:0, its type in 10:8. */
#define STATUS_CODE(s) ((s) & 0x7ffu)
#define STATUS_DO_NOT_RETRY (1u << 14)
enum {
	STATUS_INVALID_OPCODE = 0x001, STATUS_INVALID_FIELD = 0x002, STATUS_INVALID_NAMESPACE = 0x00b, STATUS_CAPACITY_EXCEEDED = 0x081,
	STATUS_WRITE_PROTECTED = 0x020, STATUS_READ_ONLY_RANGE = 0x182,
};

/* Opcodes: admin (5), of the NVM command set (6). */
enum { ADMIN_CREATE_SQ = 0x01, ADMIN_CREATE_CQ = 0x05, ADMIN_IDENTIFY = 0x06, ADMIN_SET_FEATURES = 0x09 };
enum { NVM_FLUSH = 0x00, NVM_WRITE = 0x01, NVM_READ = 0x02, NVM_WRITE_ZEROES = 0x08, NVM_DATASET_MANAGEMENT = 0x09 };

#define QUEUE_CONTIGUOUS 1u          /* cdw11 of Create I/O Queue (5.3, 5.4) */
#define QUEUE_INTERRUPTS 2u
#define FEATURE_QUEUES 0x07u         /* cdw10 of Set Features (5.21.1.7) */
#define IO_FUA (1u << 30)            /* cdw12 of Write and Write Zeroes (6.15, 6.16) */
#define IO_DEALLOCATE (1u << 25)     /* cdw12 of Write Zeroes */
#define DATASET_DEALLOCATE (1u << 2) /* cdw11 of Dataset Management (6.7) */
#define BLOCKS_MAX 65536u            /* of one Read, Write or Write Zeroes */

/* A range of Dataset Management (6.7.1). */
struct nvme_range {
	u32 attributes, blocks;
	u64 first;
};
_Static_assert(sizeof(struct nvme_range) == 16, "NVMe 6.7.1");

/* What Identify (5.15) is asked for: cdw10. */
enum { IDENTIFY_NAMESPACE = 0, IDENTIFY_CONTROLLER = 1, IDENTIFY_ACTIVE = 2 };

/* The controller (5.15.2.2, figure 247). */
struct nvme_controller_data {
	u16 vendor, subsystem_vendor;
	char serial[20], model[40], firmware[8];
	u8 skipped1[5];
	u8 mdts;              /* largest transfer: smallest memory page << n; 0: no limit */
	u16 id;
	u32 version;
	u8 skipped2[432];
	u32 namespaces;       /* the highest number that one may have */
	u16 oncs;             /* optional commands */
	u16 fuses;
	u8 fna, vwc;          /* vwc bit 0: there is a volatile write cache */
	u8 skipped3[4096 - 526];
} __attribute__((packed));
_Static_assert(sizeof(struct nvme_controller_data) == 4096, "NVMe figure 247");
_Static_assert(offsetof(struct nvme_controller_data, mdts) == 77, "NVMe figure 247");
_Static_assert(offsetof(struct nvme_controller_data, namespaces) == 516, "NVMe figure 247");
_Static_assert(offsetof(struct nvme_controller_data, vwc) == 525, "NVMe figure 247");
enum { ONCS_DATASET = 1 << 2, ONCS_WRITE_ZEROES = 1 << 3 };
enum { VWC_PRESENT = 1 };

/* A namespace (5.15.2.1, figure 245). */
struct nvme_namespace_data {
	u64 size, capacity, used; /* blocks */
	u8 features, formats, format, metadata;
	u8 skipped1[71];
	u8 attributes;        /* bit 0: write protected */
	u8 skipped2[4];
	u8 nguid[16], eui64[8];
	struct {
		u16 metadata;     /* bytes a block */
		u8 shift;         /* bytes of a block: 1 << n */
		u8 performance;
	} lba[16];
	u8 skipped3[4096 - 192];
};
_Static_assert(sizeof(struct nvme_namespace_data) == 4096, "NVMe figure 245");
_Static_assert(offsetof(struct nvme_namespace_data, attributes) == 99, "NVMe figure 245");
_Static_assert(offsetof(struct nvme_namespace_data, lba) == 128, "NVMe figure 245");

#endif
