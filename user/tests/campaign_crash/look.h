/* What a cut has left: campaign_crash.c says what it is for. */
#ifndef SWITCHBACK_TESTS_CRASH_LOOK_H
#define SWITCHBACK_TESTS_CRASH_LOOK_H

/* Every disk: mounted, read, tried, unmounted, and a line for it. */
void look_all(void);

#endif
