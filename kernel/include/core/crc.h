/* Cyclic redundancy checks, bit-reflected, by tables of 8 bytes at a time. */
#ifndef CORE_CRC_H
#define CORE_CRC_H

#include "core/compiler.h"

/* CRC-32 as in zip, PNG and GPT: begins and ends inverted. */
u32 crc32(const void *data, size_t n);
/* CRC-32C (Castagnoli), raw: neither begins nor ends inverted, so that pieces are chained by their results. ext4 begins with ~0. */
u32 crc32c(u32 crc, const void *data, size_t n);
/*
 * The CRC-32C of n bytes (less than 16 MiB) which was `crc`, after `change` was XORed to the `len` of them that begin at `at`. As crc32c() over all of them
 * would say, from whatever it began, at a cost that hardly grows with n.
 */
u32 crc32c_changed(u32 crc, size_t n, size_t at, const void *change, size_t len);
/* CRC-16 with polynomial 0x8005, begun with `crc`: ext4's older group descriptors. */
u16 crc16(u16 crc, const void *data, size_t n);

#endif
