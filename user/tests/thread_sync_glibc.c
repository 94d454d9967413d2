/* stage: 09; libc: glibc; run: host+guest
 * The same threads on another C library: its locks use other futex operations. */
#include "thread_sync.c"
