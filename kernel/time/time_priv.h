/* Between the files of time/. */
#ifndef TIME_PRIV_H
#define TIME_PRIV_H

#include "time/time.h"

/* The TSC's frequency by the best counter that the machine has (time/calibrate.c); 0 if there is none. Takes some 20 ms. */
u64 tsc_calibrate(void);
/* Takes the clock of the first stages over. */
void clock_start(u64 hz);

#endif
