/*
 * The registry of subsystems: the list that boot runs.
 *
 * Each subsystem puts one record into a linker set. Boot sorts the records so that each comes after what it needs, runs init, times it, and keeps the
 * outcome. One that fails takes down only what needs it ("off"). Upper layers are simply absent from the set when they are not linked.
 */
#ifndef CORE_REGISTRY_H
#define CORE_REGISTRY_H

#include "core/compiler.h"

enum subsystem_state { SUBSYSTEM_PENDING, SUBSYSTEM_OK, SUBSYSTEM_FAILED, SUBSYSTEM_OFF };

struct subsystem {
	const char *name;
	const char *needs; /* names with blanks between; "" for none */
	int (*init)(void); /* 0 or -errno; may be NULL */
	const char *stage; /* "08-vfs" */
	enum subsystem_state state;
	int error;
	u32 micros;
	const char *missing; /* state OFF: the need that is not there */
};

#define SUBSYSTEM(ident, ...) \
	static struct subsystem subsystem_##ident = { .name = #ident, __VA_ARGS__ }; \
	LINKER_SET(subsystems, subsystem_##ident)
LINKER_SET_DECLARE(subsystems, struct subsystem);

/* Runs all of them, prints a line each. Called once from kmain. */
void registry_run(void);
/* The state of a subsystem by name; OFF if it is not linked. */
enum subsystem_state registry_state(const char *name);

/*
 * What runs last, in order of `stage`: the boot's destination ("it boots to"). The highest-numbered record that is linked is called once all subsystems are up
 * (in a kernel thread from stage 04 on), e.g. stage 02 prints the allocator's figures, 06 runs programs of the archive, 08 and up run /init.
 */
struct destination {
	int stage;
	void (*run)(void);
};
#define DESTINATION(num, fn) \
	static const struct destination destination_##fn = { .stage = (num), .run = (fn) }; \
	LINKER_SET(destinations, destination_##fn)

#endif
