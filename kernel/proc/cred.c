/*
 * Credentials: what a thread may do, and in whose name. Threads of a process start with the same ones, and change their own alone: that they agree is
 * the C library's work, as on Linux.
 *
 * A struct cred never changes once it is published; a change makes a copy and swaps the thread's pointer. The thread itself reads it without a lock.
 * Others do so under swap_lock, or (senders of signals, in any context) under sighand->lock: a change takes both.
 */
#include "proc_priv.h"

#include "abi/elf.h"
#include "exec/exec.h"
#include "lib/string.h"
#include "mm/slab.h"

#define CAP_ALL ((2ul << CAP_LAST) - 1)

static struct spinlock swap_lock = SPINLOCK_INIT("credentials", RANK_CRED);

const struct cred *cred_current(void) { return current->cred; }

struct cred *cred_get(struct cred *c)
{
	refcount_get(&c->ref);
	return c;
}

void cred_put(struct cred *c)
{
	if (!refcount_put(&c->ref))
		return;
	account_put(c->user);
	kfree(c->groups);
	kfree(c);
}

struct cred *cred_get_of(struct thread *t)
{
	u64 flags = spin_lock_irqsave(&swap_lock);
	struct cred *c = t->cred;

	if (c)
		cred_get(c);
	spin_unlock_irqrestore(&swap_lock, flags);
	return c;
}

u32 cred_uid_of(struct thread *t)
{
	u64 flags = spin_lock_irqsave(&swap_lock);
	u32 uid = t->cred->uid;

	spin_unlock_irqrestore(&swap_lock, flags);
	return uid;
}

struct cred *cred_copy(const struct cred *c)
{
	struct cred *n = kmemdup(c, sizeof(*c), 0);

	if (!n)
		return NULL;
	refcount_set(&n->ref, 1);
	if (c->ngroups) {
		n->groups = kmemdup(c->groups, c->ngroups * sizeof(u32), 0);
		if (!n->groups) {
			kfree(n);
			return NULL;
		}
	}
	account_hold(n->user);
	return n;
}

struct cred *cred_override(struct cred *c)
{
	struct process *p = current->process;
	u64 flags;

	struct sighand *h = sighand_lock(p, &flags);
	spin_lock(&swap_lock);
	struct cred *old = current->cred;
	current->cred = c;
	spin_unlock(&swap_lock);
	sighand_unlock(h, flags);
	return old;
}

/* Threads are counted for their real uid. */
static void move_account(struct user_account *from, struct user_account *to)
{
	if (from == to)
		return;
	atomic_fetch_add(&to->processes, 1u);
	atomic_fetch_sub(&from->processes, 1u);
}

void cred_install(struct cred *c)
{
	struct cred *old = cred_override(c);

	move_account(old->user, c->user);
	cred_put(old);
}

void cred_publish(struct cred *c)
{
	struct process *p = current->process;
	const struct cred *old = current->cred;

	if (old->euid != c->euid || old->egid != c->egid || old->fsuid != c->fsuid || old->fsgid != c->fsgid || (c->cap_permitted & ~old->cap_permitted)) {
		p->dumpable = 0;
		p->signal->parent_death_signal = 0;
	}
	cred_install(c);
}

bool cred_has_cap(const struct cred *c, int cap) { return c->cap_effective >> cap & 1; }
bool capable(int cap) { return cred_has_cap(cred_current(), cap); }

bool cred_in_group(const struct cred *c, u32 gid)
{
	u32 low = 0, high = c->ngroups;

	if (gid == c->fsgid)
		return true;
	while (low < high) {
		u32 middle = (low + high) / 2;
		if (c->groups[middle] == gid)
			return true;
		if (c->groups[middle] < gid)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

/* The first process is root and may do everything. */
void cred_first(struct process *p, int *err)
{
	struct cred *c = kzalloc(sizeof(*c), 0);

	*err = -ENOMEM;
	if (!c)
		return;
	refcount_set(&c->ref, 1);
	c->cap_permitted = c->cap_effective = c->cap_bounding = CAP_ALL;
	c->user = account_get(0);
	if (!c->user) {
		kfree(c);
		return;
	}
	atomic_fetch_add(&c->user->processes, 1u);
	p->leader->cred = c;
	*err = 0;
}

/* --- exec ---------------------------------------------------------------------------------------------------------- */

/* capabilities(7), "Transformation of capabilities during execve", for files without capabilities of their own. */
struct cred *cred_for_exec(const struct exec_image *img, bool *secure)
{
	const struct cred *old = cred_current();
	struct cred *c = cred_copy(old);
	u64 file_permitted = 0, file_inheritable = 0;
	bool file_effective = false, changed;

	if (!c)
		return NULL;
	if (!c->no_new_privs) {
		if (img->suid != ~0u)
			c->euid = img->suid;
		if (img->sgid != ~0u)
			c->egid = img->sgid;
	}
	changed = c->euid != old->euid || c->egid != old->egid;
	c->suid = c->fsuid = c->euid;
	c->sgid = c->fsgid = c->egid;
	if (!(c->securebits & SECBIT_NOROOT)) {
		if (c->euid == 0 || c->uid == 0)
			file_permitted = file_inheritable = CAP_ALL;
		file_effective = c->euid == 0;
	}
	if (changed)
		c->cap_ambient = 0;
	c->cap_permitted = (c->cap_inheritable & file_inheritable) | (file_permitted & c->cap_bounding) | c->cap_ambient;
	c->cap_effective = file_effective ? c->cap_permitted : c->cap_ambient;
	c->securebits &= ~SECBIT_KEEP_CAPS;
	*secure = c->euid != c->uid || c->egid != c->gid || changed;
	return c;
}

int process_may_trace(struct thread *t, bool real)
{
	if (t->process == current->process || !current->process)
		return 0;
	const struct cred *me = cred_current();
	struct cred *c = cred_get_of(t);
	if (!c)
		return -EACCES;
	u32 uid = real ? me->uid : me->fsuid, gid = real ? me->gid : me->fsgid;
	bool same = uid == c->euid && uid == c->suid && uid == c->uid && gid == c->egid && gid == c->sgid && gid == c->gid;
	same = same && t->process->dumpable == 1 && !(c->cap_permitted & ~me->cap_effective);
	cred_put(c);
	return same || capable(CAP_SYS_PTRACE) ? 0 : -EACCES;
}

static void add_auxv(struct aspace *as __unused, const struct exec_image *img, struct auxv_list *l)
{
	bool secure;

	if (!current || !current->cred)
		return;
	struct cred *c = cred_for_exec(img, &secure);
	if (!c)
		return;
	auxv_add(l, AT_UID, c->uid);
	auxv_add(l, AT_EUID, c->euid);
	auxv_add(l, AT_GID, c->gid);
	auxv_add(l, AT_EGID, c->egid);
	auxv_add(l, AT_SECURE, secure);
	cred_put(c);
}
NOTIFIER(exec_auxv, add_auxv);
