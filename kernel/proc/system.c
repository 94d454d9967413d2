/* Calls about the whole machine: its name, memory, random numbers, power. */
#include "proc_priv.h"

#include "acpi/acpi.h"
#include "core/cmdline.h"
#include "core/panic.h"
#include "core/printk.h"
#include "core/random.h"
#include "lib/string.h"
#include "mm/frame.h"
#include "syscalls_gen.h"
#include "time/time.h"
#include "usermode/uaccess.h"

/* --- names --------------------------------------------------------------------------------------------------------- */

const char kernel_release[] = "6.1.0-switchback";
const char kernel_version[] = "#1 SMP PREEMPT Switchback";
char hostname[65] = "(none)", domainname[65] = "(none)"; /* name_lock */
static struct spinlock name_lock = SPINLOCK_INIT("host name", RANK_FILES);

struct abi_utsname {
	char sysname[65], nodename[65], release[65], version[65], machine[65], domainname[65];
};

long sys_uname(void __user *name)
{
	struct abi_utsname u;

	memset(&u, 0, sizeof(u));
	strlcpy(u.sysname, "Linux", sizeof(u.sysname));
	strlcpy(u.release, kernel_release, sizeof(u.release));
	strlcpy(u.version, kernel_version, sizeof(u.version));
	strlcpy(u.machine, current->process && (current->process->personality & 0xff) == PERSONALITY_LINUX32 ? "i686" : "x86_64", sizeof(u.machine));
	spin_lock(&name_lock);
	strlcpy(u.nodename, hostname, sizeof(u.nodename));
	strlcpy(u.domainname, domainname, sizeof(u.domainname));
	spin_unlock(&name_lock);
	return copy_to_user(name, &u, sizeof(u)) ? -EFAULT : 0;
}

static long set_name(char *name, const void __user *from, int len)
{
	char new[65];

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (len < 0 || len > 64)
		return -EINVAL;
	memset(new, 0, sizeof(new));
	if (copy_from_user(new, from, len))
		return -EFAULT;
	spin_lock(&name_lock);
	memcpy(name, new, sizeof(new));
	spin_unlock(&name_lock);
	return 0;
}

long sys_sethostname(const void __user *name, size_t len) { return set_name(hostname, name, len); }
long sys_setdomainname(const void __user *name, size_t len) { return set_name(domainname, name, len); }

/* --- figures ------------------------------------------------------------------------------------------------------- */

struct abi_sysinfo {
	s64 uptime;
	u64 loads[3], totalram, freeram, sharedram, bufferram, totalswap, freeswap;
	u16 procs, pad;
	u32 pad2;
	u64 totalhigh, freehigh;
	u32 mem_unit;
	u32 pad3;
};
_Static_assert(sizeof(struct abi_sysinfo) == 112, "sysinfo(2)");

long sys_sysinfo(void __user *info)
{
	struct abi_sysinfo s;
	struct mem_stats m;

	memset(&s, 0, sizeof(s));
	mem_stats(&m);
	sched_load(s.loads);
	s.uptime = DIV_ROUND_UP(time_ns(), NSEC_PER_SEC);
	s.totalram = m.total * PAGE_SIZE;
	s.freeram = m.free * PAGE_SIZE;
	s.sharedram = mem_shmem_frames * PAGE_SIZE;
	s.procs = thread_total;
	s.mem_unit = 1;
	return copy_to_user(info, &s, sizeof(s)) ? -EFAULT : 0;
}

enum { GRND_NONBLOCK = 1, GRND_RANDOM = 2, GRND_INSECURE = 4 };

long sys_getrandom(void __user *buf, size_t count, unsigned flags)
{
	u8 chunk[256];
	size_t done = 0;

	if (flags & ~(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE))
		return -EINVAL;
	if ((flags & (GRND_RANDOM | GRND_INSECURE)) == (GRND_RANDOM | GRND_INSECURE))
		return -EINVAL;
	count = MIN(count, (size_t)INT32_MAX);
	while (done < count) {
		size_t n = MIN(count - done, sizeof(chunk));
		random_bytes(chunk, n);
		size_t left = copy_to_user((u8 __user *)buf + done, chunk, n);
		done += n - left;
		if (left)
			return done ? (long)done : -EFAULT;
		if (done < count && done % PAGE_SIZE == 0 && thread_interrupted())
			break;
	}
	memset(chunk, 0, sizeof(chunk));
	barrier();
	return done;
}

/* --- power --------------------------------------------------------------------------------------------------------- */

#define MAGIC1 0xfee1dead
enum { CMD_RESTART = 0x1234567, CMD_HALT = (int)0xcdef0123, CMD_CAD_ON = (int)0x89abcdef, CMD_CAD_OFF = 0, CMD_POWER_OFF = 0x4321fedc, CMD_RESTART2 = (int)0xa1b2c3d4 };

static void __noreturn stop_for_ever(void)
{
	for (;;)
		thread_sleep_ns(NSEC_PER_SEC * 3600);
}

long sys_reboot(int magic1, int magic2, unsigned cmd, void __user *arg __unused)
{
	static const u32 magic2_known[] = { 672274793, 85072278, 369367448, 537993216 };
	bool known = false;

	if (!capable(CAP_SYS_BOOT))
		return -EPERM;
	for (size_t i = 0; i < ARRAY_SIZE(magic2_known); i++)
		known |= (u32)magic2 == magic2_known[i];
	if ((u32)magic1 != MAGIC1 || !known)
		return -EINVAL;
	switch ((int)cmd) {
	case CMD_CAD_ON:
	case CMD_CAD_OFF:
		return 0;
	case CMD_RESTART:
	case CMD_RESTART2:
		NOTIFIER_CALL(shutdown, 1);
		printk("reboot: Restarting system\n");
		machine_restart();
	case CMD_HALT:
		NOTIFIER_CALL(shutdown, 0);
		printk("reboot: System halted\n");
		stop_for_ever();
	case CMD_POWER_OFF:
		NOTIFIER_CALL(shutdown, 0);
		printk("reboot: Power down\n");
		acpi_poweroff();
		pr_err("reboot: the machine does not power off by itself\n");
		stop_for_ever();
	}
	return -EINVAL;
}
