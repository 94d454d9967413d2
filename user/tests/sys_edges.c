/* stage: 13; libc: musl; run: guest
 * Every call of the kernel's own table, every argument of it, with addresses of the kernel, edges of user space and odd
 * numbers, while the others are zero: one line of errnos a call and argument. Left out are the calls that would end or
 * stop the test, and those whose answer is the machine's. Not run on the host, whose Linux may be
 * another than 6.1: the order of its checks differs from release to release. */
#include "t.h"

static const struct { int number; const char *name, *arguments; } rows[] = {
#define ROW(n, name, arguments) { n, #name, arguments },
#include "calls.h"
};

static const unsigned long values[] = {
	0, 1, 0x10000, 0x7fffffffefff, 0x7ffffffff000, 0x800000000000, 0x8000000000000000, 0xffff888000000000, 0xffffffff80000000,
	0xffffffff81000000, 0xfffffffffffff000, 0xffffffffffffffff, 0x7fffffffffffffff, 0x80000000, 0xffffffff,
};

/* Not asked: they end, stop, sleep or change what is asked next (the machine's clock, the host's mounts), or hold an answer that
 * differs from machine to machine, or (System V IPC, which has tests of its own) with what ran before. */
static const char *const left_out[] = {
	"exit", "exit_group", "pause", "fork", "vfork", "clone", "clone3", "rt_sigreturn", "reboot", "rt_sigsuspend", "kill", "tkill", "tgkill",
	"settimeofday", "clock_settime", "munmap", "mprotect", "mremap", "brk", "mlockall", "sync", "syslog", "getpid", "gettid", "getppid",
	"getpgrp", "getpgid", "getsid", "setsid", "times", "time", "mmap", "read", "alarm", "uname", "sched_yield", "sysinfo", "getrandom",
	"madvise", "sendfile", "socket", "mlock", "munlock", "vhangup", "sched_getscheduler", "personality", "arch_prctl", "set_tid_address", "prctl", "getpriority",
	"setpriority", "sched_setscheduler", "sched_setaffinity", "sched_getaffinity", "unshare", "acct", "swapon", "swapoff", "msync", "mincore",
	"restart_syscall", "chroot", "memfd_create", "shmget", "shmat", "shmctl", "semget", "semop", "semctl", "semtimedop", "msgget", "msgsnd", "msgrcv", "msgctl",
	"poll", "ppoll", "select", "pselect6", "umask",
};

static int spared(const char *name)
{
	for (size_t i = 0; i < COUNT(left_out); i++)
		if (strcmp(name, left_out[i]) == 0)
			return 1;
	return 0;
}

/* Descriptors that came to be are closed again: numbers are part of the answers. */
static void one(long number, int argument, unsigned long value, int last)
{
	unsigned long a[6] = { 0 };
	long r;

	(void)last;
	a[argument] = value;
	errno = 0;
	r = syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
	say(" %s", r == -1 && errno ? errname(errno) : r == 0 ? "0" : "+");
	SYS(close_range, 3, 63, 0);
}

int main(void)
{
	t_dir();
	for (size_t i = 0; i < COUNT(rows); i++) {
		int count = *rows[i].arguments != '-';

		if (spared(rows[i].name))
			continue;
		for (const char *p = rows[i].arguments; *p; p++)
			count += *p == ',';
		for (int k = 0; k < count; k++) {
			pid_t pid;
			int status;

			say("%s/%d:", rows[i].name, k);
			pid = fork();
			if (pid == 0) {
				int null = open("/dev/null", O_RDWR);

				dup2(null, 0);
				close(null);
				for (int s = 1; s < 32; s++)
					if (s != SIGCHLD)
						signal(s, SIG_DFL);
				alarm(10);
				for (size_t v = 0; v < COUNT(values); v++)
					one(rows[i].number, k, values[v], v + 1 == COUNT(values));
				_exit(0);
			}
			waitpid(pid, &status, 0);
			if (WIFSIGNALED(status))
				say(" killed by %s", signame(WTERMSIG(status)));
			say("\n");
		}
	}
	return 0;
}
