/* Owners of files (file/async.h): which thread, process or group it is, and how it is told by a signal. */
#include "proc_priv.h"

#include "core/registry.h"
#include "file/async.h"
#include "lib/string.h"

/* With its process, which may end before: counted; NULL. */
static struct thread *find_thread(int id)
{
	struct thread *t = thread_find(id);

	if (t && !(t->process && refcount_get_unless_zero(&t->process->ref))) {
		thread_put(t);
		t = NULL;
	}
	return t;
}

static int owner_find(struct file_owner *o, int id)
{
	const struct cred *c = cred_current();

	o->target = o->type == F_OWNER_TID ? (void *)find_thread(id) : o->type == F_OWNER_PID ? (void *)process_find(id) : (void *)pgroup_find(id);
	o->uid = c->uid;
	o->euid = c->euid;
	return o->target ? 0 : -ESRCH;
}

static void owner_put(int type, void *target)
{
	struct thread *t = target;
	struct process *p = target;

	if (type == F_OWNER_TID) {
		p = t->process;
		thread_put(t);
	}
	if (type == F_OWNER_PGRP)
		pgroup_put(target);
	else
		process_put(p);
}

/* Without the tree lock, which ranks before: one that ends this moment may be there still, or not any more. */
static int owner_number(const struct file_owner *o)
{
	struct thread *t = o->target;
	struct process *p = o->target;
	struct pgroup *g = o->target;

	if (o->type == F_OWNER_TID)
		return hlist_unlinked(&t->tid_hash) ? 0 : t->tid;
	if (o->type == F_OWNER_PID)
		return hlist_unlinked(&p->pid_hash) ? 0 : p->pid;
	return list_empty(&g->members) ? 0 : g->id;
}

/* May who named the owner send signals to t? */
static bool may_tell(const struct file_owner *o, struct thread *t)
{
	struct cred *c = cred_get_of(t);
	bool may = c && (o->euid == 0 || o->euid == c->suid || o->euid == c->uid || o->uid == c->suid || o->uid == c->uid);

	if (c)
		cred_put(c);
	return may;
}

/* info NULL: from the kernel. */
static int send_to(const struct file_owner *o, struct process *p, struct thread *t, int signo, const struct abi_siginfo *info)
{
	if (!may_tell(o, t))
		return 0;
	return signal_send_from(p, o->type == F_OWNER_TID ? t : NULL, signo, info);
}

/* With fd and reason if a signal was chosen for that (F_SETSIG); what finds no room, or for who chose none, the plain SIGIO. */
static void tell_one(const struct file_owner *o, struct process *p, struct thread *t, const struct abi_siginfo *info)
{
	int signo = READ_ONCE(o->signo);

	if (!signo || send_to(o, p, t, signo, info))
		send_to(o, p, t, SIGIO, NULL);
}

static void send_urgent(const struct file_owner *o, struct process *p, struct thread *t, const struct abi_siginfo *info __unused)
{
	send_to(o, p, t, SIGURG, NULL);
}

static void each_target(const struct file_owner *o, const struct abi_siginfo *info,
			void (*send)(const struct file_owner *o, struct process *p, struct thread *t, const struct abi_siginfo *info))
{
	struct process *p = o->target;
	struct pgroup *g = o->target;
	struct thread *t = o->target;
	u64 flags;

	switch (o->type) {
	case F_OWNER_TID:
		send(o, t->process, t, info);
		break;
	case F_OWNER_PID:
		send(o, p, p->leader, info);
		break;
	default:
		flags = spin_lock_irqsave(&pgroup_lock);
		list_for_each(p, &g->members, pgroup_link)
			send(o, p, p->leader, info);
		spin_unlock_irqrestore(&pgroup_lock, flags);
	}
}

static void owner_tell(const struct file_owner *o, int fd, int reason)
{
	static const s64 bands[] = {
		[POLL_IN] = POLLIN | POLLRDNORM, [POLL_OUT] = POLLOUT | POLLWRNORM | POLLWRBAND, [POLL_MSG] = POLLIN | POLLRDNORM | POLLMSG,
		[POLL_ERR] = POLLERR, [POLL_PRI] = POLLPRI | POLLRDBAND, [POLL_HUP] = POLLHUP | POLLERR,
	};
	/* Whose codes mean something of their own. */
	const u64 own_codes = SIGMASK(SIGILL) | SIGMASK(SIGFPE) | SIGMASK(SIGSEGV) | SIGMASK(SIGBUS) | SIGMASK(SIGTRAP) | SIGMASK(SIGCHLD) | SIGMASK(SIGSYS);
	int signo = READ_ONCE(o->signo);
	struct abi_siginfo info;

	if (reason == POLL_PRI && !signo)
		return; /* SIGURG has said it */
	memset(&info, 0, sizeof(info));
	info.signo = signo;
	info.code = signo && own_codes & SIGMASK(signo) ? SI_SIGIO : reason;
	info.poll.band = bands[reason];
	info.poll.fd = fd;
	each_target(o, &info, tell_one);
}

static void owner_urgent(const struct file_owner *o)
{
	each_target(o, NULL, send_urgent);
}

static const struct file_owner_ops ops = {
	.find = owner_find,
	.put = owner_put,
	.number = owner_number,
	.tell = owner_tell,
	.urgent = owner_urgent,
};

static int owner_init(void)
{
	file_owner_ops = &ops;
	return 0;
}
SUBSYSTEM(file_owners, .needs = "file proc", .init = owner_init, .stage = "07-processes");
