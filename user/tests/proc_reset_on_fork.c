/* stage: 07; libc: musl; run: guest+golden
 * SCHED_RESET_ON_FORK: what a child begins with, and who may take it back. Capabilities that go with the file system's uid. */
#include "t.h"
#include <sys/fsuid.h>
#include <sys/resource.h>

#define RESET 0x40000000

static long set(int policy, int priority)
{
	return SYS(sched_setscheduler, 0, policy, &priority);
}

static void child_begins(const char *what)
{
	int status, pid = fork();

	if (!pid) {
		say("%s: policy %#lx nice %d\n", what, SYS(sched_getscheduler, 0), getpriority(PRIO_PROCESS, 0));
		_exit(0);
	}
	waitpid(pid, &status, 0);
}

int main(void)
{
	struct {
		unsigned size, policy;
		unsigned long flags;
		int nice;
		unsigned priority;
		unsigned long rest[3];
	} attr = { 48, 0, 0, 0, 0, { 0 } };

	R(set(2 | RESET, 5));
	X(SYS(sched_getscheduler, 0));
	R(SYS(sched_getattr, 0, &attr, 48, 0));
	V(attr.flags);
	child_begins("real-time");
	R(set(2, 5));
	X(SYS(sched_getscheduler, 0));
	child_begins("real-time, inherited");
	R(set(0 | RESET, 0));
	R(setpriority(PRIO_PROCESS, 0, -7));
	child_begins("urgent");
	R(setpriority(PRIO_PROCESS, 0, 7));
	child_begins("nice");
	R(set(3 | RESET, 0));
	child_begins("batch");
	attr.policy = 0;
	attr.flags = 1;
	attr.nice = 3;
	attr.priority = 0;
	R(SYS(sched_setattr, 0, &attr, 0));
	X(SYS(sched_getscheduler, 0));
	int priority = 0;
	R(SYS(sched_setparam, 0, &priority));
	X(SYS(sched_getscheduler, 0));
	int status, pid = fork();
	if (!pid) {
		R(set(RESET, 0));
		R(setuid(7));
		R(set(0, 0));
		R(set(RESET, 0));
		R(set(3 | RESET, 0));
		_exit(0);
	}
	waitpid(pid, &status, 0);
	R(set(0, 0));
	X(SYS(sched_getscheduler, 0));
	R(SYS(sched_get_priority_max, 6));
	R(SYS(sched_get_priority_min, 6));
	R(SYS(sched_get_priority_min, 7));

	struct {
		unsigned version;
		int pid;
	} head = { 0x20080522, 0 };
	struct {
		unsigned effective, permitted, inheritable;
	} caps[2];
	setfsuid(5);
	R(SYS(capget, &head, caps));
	say("effective %x %08x\n", caps[1].effective, caps[0].effective);
	setfsuid(0);
	R(SYS(capget, &head, caps));
	say("effective %x %08x\n", caps[1].effective, caps[0].effective);
	return 0;
}
