/* The map of virtual memory: defined in core, since the first stage already builds tables after it. */
#ifndef MM_LAYOUT_H
#define MM_LAYOUT_H

#include "core/layout.h"

#endif
