/*
 * The calls that read and change user and group ids (credentials(7), setresuid(2), capabilities(7) "Effect of user ID changes").
 *
 * Each change is a table row away from the other: the three uids and the three gids follow the same rules, so both go through one function that works
 * on an array of the four ids of a kind.
 */
#include "proc_priv.h"

#include "lib/string.h"
#include "mm/slab.h"
#include "syscalls_gen.h"
#include "usermode/uaccess.h"

enum { REAL, EFFECTIVE, SAVED, FILES, ID_COUNT };
#define KEEP (~0u)
struct ids {
	u32 id[ID_COUNT];
};

static struct ids ids_of(const struct cred *c, bool group)
{
	return group ? (struct ids){ { c->gid, c->egid, c->sgid, c->fsgid } } : (struct ids){ { c->uid, c->euid, c->suid, c->fsuid } };
}

/* Leaving root's ids takes capabilities away; coming back gives them effect. */
static void fix_caps(struct cred *c, const struct ids *old)
{
	const u64 file_caps = 1ul << CAP_CHOWN | 1ul << CAP_DAC_OVERRIDE | 1ul << CAP_DAC_READ_SEARCH | 1ul << CAP_FOWNER | 1ul << CAP_FSETID |
			      1ul << CAP_LINUX_IMMUTABLE | 1ul << CAP_MKNOD | 1ul << CAP_MAC_OVERRIDE;
	bool had_root = !old->id[REAL] || !old->id[EFFECTIVE] || !old->id[SAVED];
	bool has_root = !c->uid || !c->euid || !c->suid;

	if (c->securebits & SECBIT_NO_SETUID_FIXUP)
		return;
	if (had_root && !has_root) {
		if (!(c->securebits & SECBIT_KEEP_CAPS))
			c->cap_permitted = c->cap_effective = 0;
		c->cap_ambient = 0;
	}
	if (!old->id[EFFECTIVE] && c->euid)
		c->cap_effective = 0;
	else if (old->id[EFFECTIVE] && !c->euid)
		c->cap_effective = c->cap_permitted;
	if (!old->id[FILES] && c->fsuid)
		c->cap_effective &= ~file_caps;
	else if (old->id[FILES] && !c->fsuid)
		c->cap_effective |= c->cap_permitted & file_caps;
}

/* Whether a new real user has too many threads already, the caller not counted: then exec fails, not set*uid, whose failure programs forget to look for. */
static void note_nproc(const struct user_account *to)
{
	struct process *p = current->process;

	WRITE_ONCE(p->signal->over_nproc, to->uid && atomic_load_relaxed(&to->processes) > p->rlimits[RLIM_NPROC].cur);
}

static int publish(const struct ids *new, bool group)
{
	const struct cred *now = cred_current();
	struct ids old = ids_of(now, group);

	if (!memcmp(&old, new, sizeof(old)))
		return 0;
	struct cred *c = cred_copy(now);
	if (!c)
		return -ENOMEM;
	if (group) {
		c->gid = new->id[REAL];
		c->egid = new->id[EFFECTIVE];
		c->sgid = new->id[SAVED];
		c->fsgid = new->id[FILES];
	} else {
		if (new->id[REAL] != old.id[REAL]) {
			struct user_account *u = account_get(new->id[REAL]);
			if (!u) {
				cred_put(c);
				return -ENOMEM;
			}
			account_put(c->user);
			c->user = u;
		}
		c->uid = new->id[REAL];
		c->euid = new->id[EFFECTIVE];
		c->suid = new->id[SAVED];
		c->fsuid = new->id[FILES];
		fix_caps(c, &old);
		note_nproc(c->user);
	}
	cred_publish(c);
	return 0;
}

static bool privileged(bool group) { return capable(group ? CAP_SETGID : CAP_SETUID); }

/* Is v one of the ids whose bits are in `which`? */
static bool among(const struct ids *ids, u32 v, u32 which)
{
	for (int i = 0; i < ID_COUNT; i++)
		if ((which >> i & 1) && ids->id[i] == v)
			return true;
	return false;
}

static long set_id(u32 id, bool group)
{
	struct ids old = ids_of(cred_current(), group), new = old;

	if (id == KEEP)
		return -EINVAL;
	if (privileged(group))
		new.id[REAL] = new.id[SAVED] = id;
	else if (!among(&old, id, 1u << REAL | 1u << SAVED))
		return -EPERM;
	new.id[EFFECTIVE] = new.id[FILES] = id;
	return publish(&new, group);
}

static long set_re(u32 real, u32 effective, bool group)
{
	struct ids old = ids_of(cred_current(), group), new = old;

	if (real != KEEP) {
		if (!among(&old, real, 1u << REAL | 1u << EFFECTIVE) && !privileged(group))
			return -EPERM;
		new.id[REAL] = real;
	}
	if (effective != KEEP) {
		if (!among(&old, effective, 1u << REAL | 1u << EFFECTIVE | 1u << SAVED) && !privileged(group))
			return -EPERM;
		new.id[EFFECTIVE] = effective;
	}
	if (real != KEEP || (effective != KEEP && effective != old.id[REAL]))
		new.id[SAVED] = new.id[EFFECTIVE];
	new.id[FILES] = new.id[EFFECTIVE];
	return publish(&new, group);
}

static long set_res(u32 real, u32 effective, u32 saved, bool group)
{
	struct ids old = ids_of(cred_current(), group), new = old;
	const u32 wanted[3] = { real, effective, saved };

	for (int i = 0; i < 3; i++) {
		if (wanted[i] == KEEP)
			continue;
		if (!among(&old, wanted[i], 1u << REAL | 1u << EFFECTIVE | 1u << SAVED) && !privileged(group))
			return -EPERM;
		new.id[i] = wanted[i];
	}
	new.id[FILES] = new.id[EFFECTIVE];
	return publish(&new, group);
}

static long set_fs(u32 id, bool group)
{
	struct ids old = ids_of(cred_current(), group), new = old;

	new.id[FILES] = id;
	if (id != KEEP && (among(&old, id, ~0u) || privileged(group)))
		(void)publish(&new, group);
	return old.id[FILES];
}

static long get_res(u32 __user *real, u32 __user *effective, u32 __user *saved, bool group)
{
	struct ids ids = ids_of(cred_current(), group);

	if (put_user_u32(ids.id[REAL], real) || put_user_u32(ids.id[EFFECTIVE], effective) || put_user_u32(ids.id[SAVED], saved))
		return -EFAULT;
	return 0;
}

long sys_getuid(void) { return cred_current()->uid; }
long sys_geteuid(void) { return cred_current()->euid; }
long sys_getgid(void) { return cred_current()->gid; }
long sys_getegid(void) { return cred_current()->egid; }
long sys_setuid(u32 uid) { return set_id(uid, false); }
long sys_setgid(u32 gid) { return set_id(gid, true); }
long sys_setreuid(u32 ruid, u32 euid) { return set_re(ruid, euid, false); }
long sys_setregid(u32 rgid, u32 egid) { return set_re(rgid, egid, true); }
long sys_setresuid(u32 ruid, u32 euid, u32 suid) { return set_res(ruid, euid, suid, false); }
long sys_setresgid(u32 rgid, u32 egid, u32 sgid) { return set_res(rgid, egid, sgid, true); }
long sys_setfsuid(u32 uid) { return set_fs(uid, false); }
long sys_setfsgid(u32 gid) { return set_fs(gid, true); }
long sys_getresuid(void __user *ruid, void __user *euid, void __user *suid) { return get_res(ruid, euid, suid, false); }
long sys_getresgid(void __user *rgid, void __user *egid, void __user *sgid) { return get_res(rgid, egid, sgid, true); }

/* --- supplementary groups ------------------------------------------------------------------------------------------ */

long sys_getgroups(int size, void __user *list)
{
	const struct cred *c = cred_current();

	if (size < 0)
		return -EINVAL;
	if (size) {
		if ((u32)size < c->ngroups)
			return -EINVAL;
		if (copy_to_user(list, c->groups, c->ngroups * sizeof(u32)))
			return -EFAULT;
	}
	return c->ngroups;
}

/* Heap sort: the number of groups is the user's to choose. */
static void sort_groups(u32 *v, u32 n)
{
	for (u32 start = n / 2, end = n; end > 1;) {
		if (start) {
			start--;
		} else {
			u32 swap = v[--end];
			v[end] = v[0];
			v[0] = swap;
		}
		for (u32 root = start, child; (child = 2 * root + 1) < end; root = child) {
			if (child + 1 < end && v[child] < v[child + 1])
				child++;
			if (v[root] >= v[child])
				break;
			u32 swap = v[root];
			v[root] = v[child];
			v[child] = swap;
		}
	}
}

long sys_setgroups(int size, const void __user *list)
{
	u32 *groups = NULL;

	if (!capable(CAP_SETGID))
		return -EPERM;
	if (size < 0 || size > CRED_GROUPS_MAX)
		return -EINVAL;
	if (size) {
		groups = kmalloc(size * sizeof(u32), ALLOC_USER);
		if (!groups)
			return -ENOMEM;
		if (copy_from_user(groups, list, size * sizeof(u32))) {
			kfree(groups);
			return -EFAULT;
		}
		sort_groups(groups, size);
	}
	struct cred *c = cred_copy(cred_current());
	if (!c) {
		kfree(groups);
		return -ENOMEM;
	}
	kfree(c->groups);
	c->groups = groups;
	c->ngroups = size;
	cred_publish(c);
	return 0;
}

/* --- capabilities -------------------------------------------------------------------------------------------------- */

#define CAPS_V1 0x19980330u
#define CAPS_V2 0x20071026u
#define CAPS_V3 0x20080522u
struct cap_header {
	u32 version;
	s32 pid;
};
struct cap_data {
	u32 effective, permitted, inheritable;
};

/* How many words the caller's version has; -EINVAL (and the version to use) if it is unknown. */
static int cap_words(struct cap_header *h, void __user *header)
{
	if (copy_from_user(h, header, sizeof(*h)))
		return -EFAULT;
	if (h->version == CAPS_V1)
		return 1;
	if (h->version == CAPS_V2 || h->version == CAPS_V3)
		return 2;
	return put_user_u32(CAPS_V3, header) ? -EFAULT : -EINVAL;
}

long sys_capget(void __user *header, void __user *data)
{
	struct cap_header h;
	struct cap_data d[2];
	int words = cap_words(&h, header);

	if (words < 0)
		return words == -EINVAL && !data ? 0 : words;
	if (h.pid < 0)
		return -EINVAL;
	struct cred *c;
	if (!h.pid || h.pid == current->tid) {
		c = cred_get_of(current);
	} else {
		struct thread *t = thread_find(h.pid);
		if (!t)
			return -ESRCH;
		c = cred_get_of(t);
		thread_put(t);
		if (!c)
			return -ESRCH;
	}
	for (int i = 0; i < 2; i++)
		d[i] = (struct cap_data){ c->cap_effective >> 32 * i, c->cap_permitted >> 32 * i, c->cap_inheritable >> 32 * i };
	cred_put(c);
	return data && copy_to_user(data, d, words * sizeof(d[0])) ? -EFAULT : 0;
}

long sys_capset(void __user *header, const void __user *data)
{
	struct cap_header h;
	struct cap_data d[2] = { { 0, 0, 0 }, { 0, 0, 0 } };
	const struct cred *old = cred_current();
	int words = cap_words(&h, header);

	if (words < 0)
		return words;
	if (h.pid && h.pid != current->tid)
		return -EPERM;
	if (copy_from_user(d, data, words * sizeof(d[0])))
		return -EFAULT;
	const u64 all = (2ul << CAP_LAST) - 1;
	u64 effective = ((u64)d[1].effective << 32 | d[0].effective) & all;
	u64 permitted = ((u64)d[1].permitted << 32 | d[0].permitted) & all;
	u64 inheritable = ((u64)d[1].inheritable << 32 | d[0].inheritable) & all;
	if ((permitted & ~old->cap_permitted) || (effective & ~permitted))
		return -EPERM;
	if (inheritable & ~(old->cap_inheritable | (cred_has_cap(old, CAP_SETPCAP) ? old->cap_bounding : old->cap_permitted)))
		return -EPERM;
	struct cred *c = cred_copy(old);
	if (!c)
		return -ENOMEM;
	c->cap_effective = effective;
	c->cap_permitted = permitted;
	c->cap_inheritable = inheritable;
	c->cap_ambient &= permitted & inheritable;
	cred_publish(c);
	return 0;
}
