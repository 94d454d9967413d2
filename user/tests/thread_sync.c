/* stage: 09; libc: musl; run: host+guest
 * Locks, conditions, cancellation and TLS with eight threads. */
#include "thread_sync.h"
