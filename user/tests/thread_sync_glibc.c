/* stage: 12; libc: glibc; run: host+guest
 * The same threads on another C library. */
#include "thread_sync.h"
