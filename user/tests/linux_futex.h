/* Futex operations by their kernel numbers; musl has no header for them. */
#ifndef SWITCHBACK_TESTS_LINUX_FUTEX_H
#define SWITCHBACK_TESTS_LINUX_FUTEX_H

enum { FUTEX_WAIT = 0, FUTEX_WAKE = 1, FUTEX_REQUEUE = 3, FUTEX_CMP_REQUEUE = 4, FUTEX_WAKE_OP = 5, FUTEX_WAIT_BITSET = 9,
       FUTEX_WAKE_BITSET = 10, FUTEX_PRIVATE_FLAG = 128, FUTEX_CLOCK_REALTIME = 256 };
enum { FUTEX_OP_ADD = 1, FUTEX_OP_CMP_EQ = 0 };

#define FUTEX_OP(op, oparg, cmp, cmparg) (((op) << 28) | ((cmp) << 24) | ((oparg) << 12) | (cmparg))

#endif
