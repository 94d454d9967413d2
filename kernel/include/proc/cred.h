/* Credentials: immutable once published; a change makes a copy and swaps the thread's pointer. */
#ifndef PROC_CRED_H
#define PROC_CRED_H

#include "core/atomic.h"
#include "usermode/process.h"

#define CRED_GROUPS_MAX 65536
struct cred {
	struct refcount ref;
	u32 uid, euid, suid, fsuid;
	u32 gid, egid, sgid, fsgid;
	u64 cap_effective, cap_permitted, cap_inheritable, cap_bounding, cap_ambient;
	u32 ngroups;
	u32 *groups; /* sorted; freed with the cred */
	bool no_new_privs;
	u32 securebits; /* SECBIT_*, each with its lock one bit above */
	struct user_account *user; /* what the real uid uses; counted */
};
enum { CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER, CAP_FSETID, CAP_KILL, CAP_SETGID, CAP_SETUID, CAP_SETPCAP, CAP_LINUX_IMMUTABLE, CAP_NET_BIND_SERVICE,
       CAP_NET_BROADCAST, CAP_NET_ADMIN, CAP_NET_RAW, CAP_IPC_LOCK, CAP_IPC_OWNER, CAP_SYS_MODULE, CAP_SYS_RAWIO, CAP_SYS_CHROOT, CAP_SYS_PTRACE, CAP_SYS_PACCT, CAP_SYS_ADMIN,
       CAP_SYS_BOOT, CAP_SYS_NICE, CAP_SYS_RESOURCE, CAP_SYS_TIME, CAP_SYS_TTY_CONFIG, CAP_MKNOD, CAP_LEASE, CAP_AUDIT_WRITE, CAP_AUDIT_CONTROL, CAP_SETFCAP, CAP_MAC_OVERRIDE, CAP_SYSLOG = 34, CAP_WAKE_ALARM, CAP_LAST = 40 };

enum { SECBIT_NOROOT = 1, SECBIT_NO_SETUID_FIXUP = 4, SECBIT_KEEP_CAPS = 16, SECBIT_NO_CAP_AMBIENT_RAISE = 64 };

/* The current thread's credentials: valid until it publishes others. */
const struct cred *cred_current(void);
/* Counted, of any thread that belongs to a process; for a process as a whole its leader's count, as on Linux. NULL before the first process has any. */
struct cred *cred_get_of(struct thread *t);
u32 cred_uid_of(struct thread *t); /* the real one */
struct cred *cred_get(struct cred *c);
void cred_put(struct cred *c);
struct cred *cred_copy(const struct cred *c); /* to be changed and published; NULL if memory is short */
void cred_publish(struct cred *c);            /* becomes current's; takes the reference */
struct cred *cred_override(struct cred *c);   /* for the time of a call: c in the old one's place, which is returned */
bool capable(int cap);                        /* current's effective set */
bool cred_has_cap(const struct cred *c, int cap);
bool cred_in_group(const struct cred *c, u32 gid); /* fsgid or supplementary */

/* What a user uses (cred->user), for what lives longer than the process that made it. */
struct user_account *account_get(u32 uid); /* finds or makes it; NULL if memory is short */
void account_hold(struct user_account *u);
void account_put(struct user_account *u);
enum account_of { ACCOUNT_QUEUE_BYTES /* in POSIX message queues */, ACCOUNT_INOTIFY, ACCOUNT_INOTIFY_WATCHES, ACCOUNT_PIPE_PAGES, ACCOUNT_EPOLL_WATCHES, ACCOUNTS };
/* n more: false, and nothing is changed, if the user would have more than `limit`. */
bool account_charge(struct user_account *u, enum account_of what, u64 n, u64 limit);
void account_release(struct user_account *u, enum account_of what, u64 n);

#endif
