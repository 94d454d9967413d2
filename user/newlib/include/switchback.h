/* System calls that newlib has no header for. Numbers and layouts are the kernel's. */
#ifndef SWITCHBACK_H
#define SWITCHBACK_H

#include <stdint.h>
#include <sys/types.h>

struct utsname {
	char sysname[65], nodename[65], release[65], version[65], machine[65], domainname[65];
};

struct sysinfo {
	int64_t uptime;
	uint64_t loads[3], totalram, freeram, sharedram, bufferram, totalswap, freeswap;
	uint16_t procs, pad;
	uint64_t totalhigh, freehigh;
	uint32_t mem_unit;
};

struct winsize {
	uint16_t ws_row, ws_col, ws_xpixel, ws_ypixel;
};

enum { REBOOT_RESTART = 0x01234567, REBOOT_POWER_OFF = 0x4321fedc, REBOOT_HALT = (int)0xcdef0123 };

int uname(struct utsname *name);
int sysinfo(struct sysinfo *info);
int sethostname(const char *name, size_t length);
int mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data);
int umount(const char *target);
int reboot(int command);
int tcgetwinsize(int fd, struct winsize *size);
int tcsetpgrp(int fd, pid_t group);
int tcsetctty(int fd);

#endif
