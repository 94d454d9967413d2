/* Fixed-width and kernel-wide scalar types. */
#ifndef CORE_TYPES_H
#define CORE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdarg.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;
typedef long ssize_t;

typedef u64 paddr_t; /* a physical address */
typedef u64 vaddr_t; /* a virtual address, of the kernel or of a user */
typedef u64 pfn_t;   /* physical frame number: paddr >> 12 */

/* Marks a pointer that came from a user: touch it by usermode/uaccess.h alone. */
#define __user

#endif
