/* prctl(2) and personality(2): small settings of a process. */
#include "proc_priv.h"

#include "lib/string.h"
#include "sched/events.h"
#include "syscalls_gen.h"
#include "usermode/uaccess.h"

enum {
	PR_SET_PDEATHSIG = 1, PR_GET_PDEATHSIG = 2, PR_GET_DUMPABLE = 3, PR_SET_DUMPABLE = 4, PR_GET_UNALIGN = 5, PR_GET_KEEPCAPS = 7, PR_SET_KEEPCAPS = 8, PR_GET_TIMING = 13,
	PR_SET_TIMING = 14, PR_SET_NAME = 15, PR_GET_NAME = 16, PR_GET_SECCOMP = 21, PR_SET_SECCOMP = 22, PR_CAPBSET_READ = 23, PR_CAPBSET_DROP = 24, PR_GET_TSC = 25,
	PR_GET_SECUREBITS = 27, PR_SET_SECUREBITS = 28, PR_SET_TIMERSLACK = 29, PR_GET_TIMERSLACK = 30, PR_MCE_KILL_GET = 34, PR_SET_MM = 35, PR_SET_CHILD_SUBREAPER = 36,
	PR_GET_CHILD_SUBREAPER = 37, PR_SET_NO_NEW_PRIVS = 38, PR_GET_NO_NEW_PRIVS = 39, PR_GET_TID_ADDRESS = 40, PR_SET_THP_DISABLE = 41, PR_GET_THP_DISABLE = 42,
	PR_CAP_AMBIENT = 47, PR_SET_PTRACER = 0x59616d61, PR_SET_VMA = 0x53564d41
};
enum { AMBIENT_IS_SET = 1, AMBIENT_RAISE, AMBIENT_LOWER, AMBIENT_CLEAR_ALL };
#define SECUREBITS_KNOWN 0xfful
#define SECUREBITS_LOCKS 0xaaul /* each above the bit that it locks */

static int change_cred(void (*change)(struct cred *c, u64 arg), u64 arg)
{
	struct cred *c = cred_copy(cred_current());

	if (!c)
		return -ENOMEM;
	change(c, arg);
	cred_publish(c);
	return 0;
}

static void set_no_new_privs(struct cred *c, u64 v __unused) { c->no_new_privs = true; }
static void set_securebits(struct cred *c, u64 v) { c->securebits = v; }
static void drop_bounding(struct cred *c, u64 cap) { c->cap_bounding &= ~(1ul << cap); }
static void ambient_raise(struct cred *c, u64 cap) { c->cap_ambient |= 1ul << cap; }
static void ambient_lower(struct cred *c, u64 cap) { c->cap_ambient &= ~(1ul << cap); }
static void ambient_clear(struct cred *c, u64 cap __unused) { c->cap_ambient = 0; }

/* A bit whose lock is set stays as it is, and a lock stays set. */
static long change_securebits(u64 bits)
{
	u64 old = cred_current()->securebits, locks = old & SECUREBITS_LOCKS;

	if ((locks >> 1 & (old ^ bits)) || (locks & ~bits) || (bits & ~SECUREBITS_KNOWN) || !capable(CAP_SETPCAP))
		return -EPERM;
	return change_cred(set_securebits, bits);
}

static long keep_caps(u64 keep)
{
	u64 old = cred_current()->securebits;

	if (keep > 1)
		return -EINVAL;
	if (old & SECBIT_KEEP_CAPS << 1)
		return -EPERM;
	return change_cred(set_securebits, keep ? old | SECBIT_KEEP_CAPS : old & ~(u64)SECBIT_KEEP_CAPS);
}

static long ambient(u64 what, u64 cap)
{
	const struct cred *c = cred_current();

	if (what == AMBIENT_CLEAR_ALL)
		return cap ? -EINVAL : change_cred(ambient_clear, 0);
	if (cap > CAP_LAST)
		return -EINVAL;
	switch (what) {
	case AMBIENT_IS_SET:
		return c->cap_ambient >> cap & 1;
	case AMBIENT_RAISE:
		if (!(c->cap_permitted >> cap & 1) || !(c->cap_inheritable >> cap & 1) || c->securebits & SECBIT_NO_CAP_AMBIENT_RAISE)
			return -EPERM;
		return change_cred(ambient_raise, cap);
	case AMBIENT_LOWER:
		return change_cred(ambient_lower, cap);
	}
	return -EINVAL;
}

static long set_name(const char __user *from)
{
	char name[16];
	ssize_t n = strncpy_from_user(name, from, sizeof(name) - 1);

	if (n == -EFAULT)
		return n;
	name[n < 0 ? sizeof(name) - 1 : (size_t)n] = '\0';
	strlcpy(current->name, name, sizeof(current->name));
	event_name(current);
	return 0;
}

static long get_name(void __user *to)
{
	char name[16] = "";

	strlcpy(name, current->name, sizeof(name));
	return copy_to_user(to, name, sizeof(name)) ? -EFAULT : 0;
}

long sys_prctl(int option, unsigned long a2, unsigned long a3, unsigned long a4, unsigned long a5)
{
	struct process *p = current->process;
	struct process_signal *s = p->signal;
	const struct cred *c = cred_current();

	switch (option) {
	case PR_SET_PDEATHSIG:
		if (a2 > NSIG)
			return -EINVAL;
		s->parent_death_signal = a2;
		return 0;
	case PR_GET_PDEATHSIG:
		return put_user_u32(s->parent_death_signal, (u32 __user *)a2);
	case PR_GET_DUMPABLE:
		return p->dumpable;
	case PR_SET_DUMPABLE:
		if (a2 > 1)
			return -EINVAL;
		p->dumpable = a2;
		return 0;
	case PR_GET_KEEPCAPS:
		return !!(c->securebits & SECBIT_KEEP_CAPS);
	case PR_SET_KEEPCAPS:
		return keep_caps(a2);
	case PR_GET_TIMING:
		return 0;
	case PR_SET_TIMING:
		return a2 ? -EINVAL : 0;
	case PR_SET_NAME:
		return set_name((const char __user *)a2);
	case PR_GET_NAME:
		return get_name((void __user *)a2);
	case PR_GET_SECCOMP:
		return 0;
	case PR_SET_SECCOMP:
		return -EINVAL;
	case PR_CAPBSET_READ:
		return a2 > CAP_LAST ? -EINVAL : (long)(c->cap_bounding >> a2 & 1);
	case PR_CAPBSET_DROP:
		if (!capable(CAP_SETPCAP))
			return -EPERM;
		return a2 > CAP_LAST ? -EINVAL : change_cred(drop_bounding, a2);
	case PR_GET_TSC:
		return put_user_u32(1, (u32 __user *)a2);
	case PR_GET_SECUREBITS:
		return c->securebits;
	case PR_SET_SECUREBITS:
		return change_securebits(a2);
	case PR_SET_TIMERSLACK:
		s->timer_slack = (long)a2 <= 0 ? s->default_timer_slack : a2;
		return 0;
	case PR_GET_TIMERSLACK:
		return s->timer_slack;
	case PR_MCE_KILL_GET:
		return a2 | a3 | a4 | a5 ? -EINVAL : 2;
	case PR_SET_CHILD_SUBREAPER:
		s->subreaper = a2;
		return 0;
	case PR_GET_CHILD_SUBREAPER:
		return put_user_u32(s->subreaper, (u32 __user *)a2);
	case PR_SET_NO_NEW_PRIVS:
		return a2 != 1 || a3 || a4 || a5 ? -EINVAL : change_cred(set_no_new_privs, 1);
	case PR_GET_NO_NEW_PRIVS:
		return a2 | a3 | a4 | a5 ? -EINVAL : c->no_new_privs;
	case PR_GET_TID_ADDRESS:
		return put_user_u64((u64)current->clear_child_tid, (u64 __user *)a2);
	case PR_SET_THP_DISABLE:
		return a3 | a4 | a5 ? -EINVAL : 0;
	case PR_GET_THP_DISABLE:
		return a2 | a3 | a4 | a5 ? -EINVAL : 0;
	case PR_CAP_AMBIENT:
		return a4 | a5 ? -EINVAL : ambient(a2, a3);
	}
	return -EINVAL;
}

long sys_personality(unsigned long persona)
{
	u32 old = current->process->personality;

	if ((u32)persona != 0xffffffffu)
		current->process->personality = persona;
	return old;
}
