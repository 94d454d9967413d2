/* Owners of files, and who waits for something to be told (file/async.h). */
#include "file/async.h"

#include "mm/slab.h"
#include "usermode/uaccess.h"

/* Outside of the locks of groups and signals, so that targets stay while they are told. One for all: few files have an owner. */
static struct spinlock owner_lock = SPINLOCK_INIT("file owners", RANK_FILE_OWNER);
const struct file_owner_ops *file_owner_ops;

/* f's owner, made if there is none; NULL if memory is short. */
static struct file_owner *owner_of(struct file *f)
{
	struct file_owner *o = READ_ONCE(f->owner), *fresh;

	if (o)
		return o;
	fresh = kzalloc(sizeof(*fresh), 0);
	if (!fresh)
		return NULL;
	list_init(&fresh->link);
	spin_lock(&f->lock);
	o = f->owner;
	if (!o)
		o = f->owner = fresh;
	spin_unlock(&f->lock);
	if (o != fresh)
		kfree(fresh);
	return o;
}

static long set_owner(struct file *f, int type, int id, bool force)
{
	struct file_owner named = { .type = type }, *o;
	u64 flags;
	int err;

	if (id) {
		err = file_owner_ops ? file_owner_ops->find(&named, id) : -ESRCH;
		if (err)
			return err;
	}
	o = owner_of(f);
	if (o) {
		flags = spin_lock_irqsave(&owner_lock);
		if (force || !o->target) {
			void *old = o->target;
			int old_type = o->type;
			o->type = type;
			o->target = named.target;
			o->uid = named.uid;
			o->euid = named.euid;
			named.type = old_type;
			named.target = old;
		}
		spin_unlock_irqrestore(&owner_lock, flags);
	}
	if (named.target)
		file_owner_ops->put(named.type, named.target);
	return o ? 0 : -ENOMEM;
}

long file_set_owner(struct file *f, int id)
{
	if (id == INT32_MIN)
		return -EINVAL;
	return id < 0 ? set_owner(f, F_OWNER_PGRP, -id, true) : set_owner(f, F_OWNER_PID, id, true);
}

long file_default_owner(struct file *f, int type, int id)
{
	return set_owner(f, type, id, false);
}

/* Type and number. */
static void get_owner(struct file *f, int *type, int *id)
{
	struct file_owner *o = READ_ONCE(f->owner);
	u64 flags;

	*type = F_OWNER_TID; /* what nobody has named yet */
	*id = 0;
	if (!o)
		return;
	flags = spin_lock_irqsave(&owner_lock);
	*type = o->type;
	if (o->target)
		*id = file_owner_ops->number(o);
	spin_unlock_irqrestore(&owner_lock, flags);
}

int file_get_owner(struct file *f)
{
	int type, id;

	get_owner(f, &type, &id);
	return type == F_OWNER_PGRP ? -id : id;
}

static long set_signal(struct file *f, u64 signo)
{
	struct file_owner *o;

	if (signo > NSIG)
		return -EINVAL;
	o = owner_of(f);
	if (!o)
		return -ENOMEM;
	WRITE_ONCE(o->signo, (int)signo);
	return 0;
}

long file_owner_command(struct file *f, u32 cmd, u64 arg)
{
	struct {
		int type, id;
	} ex;

	switch (cmd) {
	case F_SETOWN:
		return file_set_owner(f, (int)arg);
	case F_GETOWN:
		return file_get_owner(f);
	case F_SETSIG:
		return set_signal(f, arg);
	case F_GETSIG:
		return READ_ONCE(f->owner) ? READ_ONCE(f->owner->signo) : 0;
	case F_GETOWN_EX:
		get_owner(f, &ex.type, &ex.id);
		return copy_to_user((void __user *)arg, &ex, sizeof(ex)) ? -EFAULT : 0;
	}
	if (copy_from_user(&ex, (const void __user *)arg, sizeof(ex)))
		return -EFAULT;
	return (u32)ex.type > F_OWNER_PGRP ? -EINVAL : set_owner(f, ex.type, ex.id, true);
}

/* --- telling ----------------------------------------------------------------------------------------------------------- */

void async_tell(struct async_list *l, int reason, u32 mode)
{
	u64 flags = spin_lock_irqsave(&owner_lock);
	struct file_owner *o;

	list_for_each(o, &l->owners, link)
		if (o->mode & mode && o->target)
			file_owner_ops->tell(o, o->fd, reason);
	spin_unlock_irqrestore(&owner_lock, flags);
}

void async_forget(struct async_list *l)
{
	u64 flags = spin_lock_irqsave(&owner_lock);

	while (!list_empty(&l->owners))
		list_del(l->owners.next);
	spin_unlock_irqrestore(&owner_lock, flags);
}

void file_tell_owner(struct file *f, int fd, int reason)
{
	struct file_owner *o = READ_ONCE(f->owner);
	u64 flags;

	if (!o)
		return;
	flags = spin_lock_irqsave(&owner_lock);
	if (o->target)
		file_owner_ops->tell(o, fd, reason);
	spin_unlock_irqrestore(&owner_lock, flags);
}

void file_tell_urgent(struct file *f)
{
	struct file_owner *o = READ_ONCE(f->owner);
	u64 flags;

	if (!o)
		return;
	flags = spin_lock_irqsave(&owner_lock);
	if (o->target)
		file_owner_ops->urgent(o);
	spin_unlock_irqrestore(&owner_lock, flags);
}

/* --- O_ASYNC ----------------------------------------------------------------------------------------------------------- */

int async_prepare(struct file *f)
{
	return owner_of(f) ? 0 : -ENOMEM;
}

/* By what the flag is now, and not by what this caller made it: so the last of several is right. */
void async_update(struct file *f, int fd)
{
	struct file_owner *o = READ_ONCE(f->owner);
	struct async_list *l = READ_ONCE(f->flags) & O_ASYNC ? f->ops->async(f) : NULL;
	u64 flags;

	if (!o)
		return;
	flags = spin_lock_irqsave(&owner_lock);
	if (!(READ_ONCE(f->flags) & O_ASYNC)) {
		list_del(&o->link);
	} else if (l && list_empty(&o->link)) {
		o->fd = fd;
		o->mode = f->mode;
		list_add(&l->owners, &o->link);
	}
	spin_unlock_irqrestore(&owner_lock, flags);
}

void async_release(struct file *f)
{
	struct file_owner *o = f->owner;
	u64 flags;

	if (!o)
		return;
	flags = spin_lock_irqsave(&owner_lock);
	list_del(&o->link);
	spin_unlock_irqrestore(&owner_lock, flags);
	if (o->target)
		file_owner_ops->put(o->type, o->target);
	kfree(o);
	f->owner = NULL;
}
