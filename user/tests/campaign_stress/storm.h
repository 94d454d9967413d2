/* What the storms of campaign_stress.c have in common. */
#ifndef SWITCHBACK_TESTS_STORM_H
#define SWITCHBACK_TESTS_STORM_H

#include "../campaign.h"
#include <stdatomic.h>

struct shared {
	atomic_ulong done[64];		/* of each worker */
	atomic_int word[64];
	atomic_int stop;
	atomic_ulong wrong;
};
extern struct shared *shared;
extern long end;		/* now_ms() at which the storm is over */

/* Counts a round of worker `me`: whether there is time for another. */
bool going(int me);
/* Wrong contents: told, up to ten times. */
void mistake(const char *what);

/* The work of one worker, until the time is over. */
void storm_forks(int me);
void storm_maps(int me);
void storm_pipes(int me);
void storm_futexes(int me);
void storm_threads(int me);
void storm_names(int me);
void storm_signals(int me);
void storm_ptys(int me);
void storm_procs(int me);
void storm_mounts(int me);
void storm_files(int me);
void storm_hogs(int me);

#endif
