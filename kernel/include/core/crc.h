/* Cyclic redundancy checks, bit-reflected, by tables of 8 bytes at a time. */
#ifndef CORE_CRC_H
#define CORE_CRC_H

#include "core/compiler.h"

/* CRC-32 as in zip, PNG and GPT: begins and ends inverted. */
u32 crc32(const void *data, size_t n);
/* CRC-32C (Castagnoli), raw: neither begins nor ends inverted, so that pieces are chained by their results. ext4 begins with ~0. */
u32 crc32c(u32 crc, const void *data, size_t n);
/* CRC-16 with polynomial 0x8005, begun with `crc`: ext4's older group descriptors. */
u16 crc16(u16 crc, const void *data, size_t n);

#endif
