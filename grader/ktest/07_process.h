/* Processes of the tests' own: one that runs kernel code, over memory that it can write, and those that do nothing. */
#ifndef KTEST_07_PROCESS_H
#define KTEST_07_PROCESS_H

#include "core/compiler.h"
#include "proc/proc.h"

#define PROCESS_MEMORY 0x30000000ul
#define PROCESS_PAGES 16

/* Runs fn as a process that has PROCESS_PAGES pages at PROCESS_MEMORY, to read, write and execute, and waits for its end: false if there is none. */
bool run_as_process(void (*fn)(void));

/*
 * Whether fn does what it does under this lock: it must not come back while another CPU holds it. With one CPU there is nobody to hold it, and the answer is yes.
 */
bool waits_for_lock(struct spinlock *lock, void (*fn)(void));
/* The signals that wait for this thread and its process are gone. */
void forget_signals(void);
/* One that never runs, in no table and no family yet: all signals are blocked, so that those that it is sent stay where they can be counted. NULL if memory is short. */
struct process *idle_process(u32 uid);
/* Into the tables, as a member of g; tree lock held. exit_detach undoes it, and process_put frees it once exit_free_dead has run. */
void idle_process_publish(struct process *p, struct pgroup *g);

#endif
