/* Futexes: one of the storms of campaign_stress.c. */
#include "storm.h"
#include "../linux_futex.h"

/* Neighbours hand a token to each other through a futex word in shared memory. */
void storm_futexes(int me)
{
	int pair = me / 2, mine = me & 1;

	while (going(me)) {
		while (atomic_load(&shared->word[pair]) != mine) {
			struct timespec long_time = { 10, 0 };

			if (now_ms() >= end)
				return;
			if (SYS(futex, &shared->word[pair], FUTEX_WAIT, !mine, &long_time, NULL, 0) < 0 && errno == ETIMEDOUT &&
			    atomic_load(&shared->word[pair]) == mine)
				mistake("futex: a wake-up was lost");
		}
		atomic_store(&shared->word[pair], !mine);
		SYS(futex, &shared->word[pair], FUTEX_WAKE, 1, NULL, NULL, 0);
	}
	atomic_store(&shared->word[pair], !mine);
	SYS(futex, &shared->word[pair], FUTEX_WAKE, 1, NULL, NULL, 0);
}
