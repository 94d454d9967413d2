/* Identities. The process stays root underneath (its saved user is 0, its permitted capabilities are all), so that it can come back. */
#include "storm.h"
#include <sys/fsuid.h>

/* Of linux/capability.h, which musl's compiler does not see. */
enum { CHOWN = 0, DAC_OVERRIDE = 1, DAC_READ_SEARCH = 2, FOWNER = 3, FSETID = 4, LINUX_IMMUTABLE = 9, SYS_ADMIN = 21, MKNOD = 27, SETFCAP = 31 };
#define BIT(n) (1ull << (n))
#define ALL (~0ull)
#define CAPABILITY_VERSION_3 0x20080522u

static const struct who {
	const char *name;
	uid_t uid;
	gid_t gid;
	gid_t groups[3];
	int group_count;
	uint64_t caps; /* effective */
	bool fs_only;  /* by setfsuid and setfsgid */
} everybody[] = {
	{ "root", 0, 0, { 0 }, 0, ALL, false },
	{ "root", 0, 0, { 0 }, 0, ALL, false },
	{ "root", 0, 0, { 0 }, 0, ALL, false },
	{ "root-none", 0, 0, { 0 }, 0, 0, false },
	{ "root-dac", 0, 0, { 0 }, 0, ALL & ~(BIT(DAC_OVERRIDE) | BIT(DAC_READ_SEARCH)), false },
	{ "root-over", 0, 0, { 2000 }, 1, ALL & ~BIT(DAC_OVERRIDE), false },
	{ "root-owner", 0, 0, { 0 }, 0, ALL & ~BIT(FOWNER), false },
	{ "root-fsetid", 0, 0, { 1000 }, 1, ALL & ~BIT(FSETID), false },
	{ "root-chown", 0, 0, { 0 }, 0, ALL & ~BIT(CHOWN), false },
	{ "a", 1000, 1000, { 2000 }, 1, 0, false },
	{ "a", 1000, 1000, { 2000 }, 1, 0, false },
	{ "b", 1001, 1001, { 0 }, 0, 0, false },
	{ "b", 1001, 1001, { 0 }, 0, 0, false },
	{ "b+1000", 1001, 1001, { 1000, 2000 }, 2, 0, false },
	{ "c", 1002, 2000, { 1001 }, 1, 0, false },
	{ "a+owner", 1000, 1000, { 0 }, 0, BIT(FOWNER), false },
	{ "b+chown", 1001, 1001, { 0 }, 0, BIT(CHOWN), false },
	{ "b+search", 1001, 1001, { 0 }, 0, BIT(DAC_READ_SEARCH), false },
	{ "b+over", 1001, 1001, { 0 }, 0, BIT(DAC_OVERRIDE), false },
	{ "a+fsetid", 1000, 1000, { 0 }, 0, BIT(FSETID), false },
	{ "b+admin", 1001, 1001, { 0 }, 0, BIT(SYS_ADMIN) | BIT(MKNOD) | BIT(SETFCAP), false },
	{ "b+flags", 1001, 1001, { 0 }, 0, BIT(LINUX_IMMUTABLE) | BIT(FOWNER), false },
	{ "fs-a", 1000, 1000, { 2000 }, 1, ALL, true },
	{ "fs-b", 1001, 2000, { 0 }, 0, ALL, true },
};

size_t who_count(void)
{
	return COUNT(everybody);
}

const char *who_name(size_t who)
{
	return everybody[who].name;
}

static void effective(uint64_t caps)
{
	struct {
		uint32_t version;
		int pid;
	} head = { CAPABILITY_VERSION_3, 0 };
	struct {
		uint32_t effective, permitted, inheritable;
	} data[2];

	NEED(SYS(capget, &head, data) == 0);
	data[0].effective = data[0].permitted & (uint32_t)caps;
	data[1].effective = data[1].permitted & (uint32_t)(caps >> 32);
	NEED(SYS(capset, &head, data) == 0);
}

void who_become(size_t who)
{
	const struct who *w = &everybody[who];

	NEED(SYS(setgroups, w->group_count, w->groups) == 0);
	if (w->fs_only) {
		setfsgid(w->gid);
		setfsuid(w->uid); /* takes the capabilities that are about files */
		return;
	}
	NEED(SYS(setresgid, w->gid, w->gid, 0) == 0 && SYS(setresuid, w->uid, w->uid, 0) == 0);
	if (w->caps != ALL)
		effective(w->caps);
}

void who_root(void)
{
	NEED(SYS(setresuid, 0, 0, 0) == 0);
	setfsuid(0);
	effective(ALL);
	NEED(SYS(setresgid, 0, 0, 0) == 0 && SYS(setgroups, 0, NULL) == 0);
	setfsgid(0);
}
