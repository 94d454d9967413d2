/*
 * fcntl(F_NOTIFY): a signal to the owner of an open directory when something happens in it (file/async.h, vfs/watch.h). Older and poorer than inotify.
 *
 * A watch belongs to an open directory and a descriptor table: it ends when any descriptor of the directory is closed in that table, or after its first
 * event if it is not for many (DN_MULTISHOT).
 */
#include "ipc_priv.h"

#include "abi/stat.h"
#include "core/registry.h"
#include "file/async.h"
#include "mm/slab.h"
#include "proc/proc.h"
#include "vfs/vfs.h"
#include "vfs/watch.h"

#define DN_ACCESS 0x01u
#define DN_MODIFY 0x02u
#define DN_CREATE 0x04u
#define DN_DELETE 0x08u
#define DN_RENAME 0x10u
#define DN_ATTRIB 0x20u
#define DN_MULTISHOT 0x80000000u

/* All but what is set once under fs_watch_lock. */
struct dnotify {
	struct fs_watch watch;
	struct file *file;   /* set once; not counted: the watch ends with it at the latest */
	struct files *table; /* set once; not counted, only compared */
	int fd;
	bool many;
	struct list link;    /* all_watches */
};
static struct list all_watches = LIST_INIT(all_watches); /* fs_watch_lock */

static const struct fs_watch_ops watch_ops;

static struct dnotify *dnotify_of(struct fs_watch *w) { return container_of(w, struct dnotify, watch); }

/* --- events ------------------------------------------------------------------------------------------------------------ */

static bool watch_event(struct fs_watch *w, const struct fs_event *e)
{
	struct dnotify *dn = dnotify_of(w);

	if (e->mask & FS_UNMOUNT)
		return false;
	file_tell_owner(dn->file, dn->fd, POLL_MSG);
	return !dn->many;
}

static void watch_removed(struct fs_watch *w)
{
	list_del(&dnotify_of(w)->link);
}

static void watch_release(struct fs_watch *w)
{
	kfree(dnotify_of(w));
}

static const struct fs_watch_ops watch_ops = {
	.event = watch_event,
	.removed = watch_removed,
	.release = watch_release,
};

/* --- watches ----------------------------------------------------------------------------------------------------------- */

/* fs_watch_lock held; table NULL: any. */
static struct dnotify *find(struct file *f, struct files *table)
{
	struct dnotify *dn;

	list_for_each(dn, &all_watches, link)
		if (dn->file == f && (!table || dn->table == table))
			return dn;
	return NULL;
}

static void end_watches(struct file *f, struct files *table)
{
	struct dnotify *dn;

	do {
		spin_lock(&fs_watch_lock);
		dn = find(f, table);
		if (dn) {
			list_del(&dn->link);
			fs_watch_remove(&dn->watch);
		}
		spin_unlock(&fs_watch_lock);
		if (dn)
			fs_watch_release(&dn->watch);
	} while (dn);
}

static bool may_have_watches(struct file *f)
{
	return unlikely(!list_empty(&all_watches)) && f->inode && S_ISDIR(f->inode->mode);
}

static void descriptor_closed(struct files *table, struct file *f)
{
	if (may_have_watches(f))
		end_watches(f, table);
}
NOTIFIER(fd_closed, descriptor_closed);

/* What was asked for while another thread closed the descriptor. */
static void released(struct file *f)
{
	if (may_have_watches(f))
		end_watches(f, NULL);
}
NOTIFIER(file_release, released);

static u32 wanted(u32 events)
{
	return (events & DN_ACCESS ? FS_ACCESS : 0) | (events & DN_MODIFY ? FS_MODIFY : 0) | (events & DN_CREATE ? FS_CREATE | FS_MOVED_TO : 0) |
	       (events & DN_DELETE ? FS_DELETE | FS_MOVED_FROM : 0) | (events & DN_RENAME ? FS_RENAME : 0) | (events & DN_ATTRIB ? FS_ATTRIB : 0);
}

static long dnotify(struct file *f, int fd, u32 events)
{
	struct files *table = current->files;
	struct dnotify *fresh, *dn;
	long err;

	if (!(events & ~DN_MULTISHOT)) {
		if (may_have_watches(f))
			end_watches(f, table);
		return 0;
	}
	if (!f->inode || !S_ISDIR(f->inode->mode))
		return -ENOTDIR;
	fresh = kzalloc(sizeof(*fresh), 0);
	if (!fresh)
		return -ENOMEM;
	err = file_default_owner(f, F_OWNER_PID, current->process->pid);
	if (err) {
		kfree(fresh);
		return err;
	}
	*fresh = (struct dnotify){ .watch.ops = &watch_ops, .file = f, .table = table };
	spin_lock(&fs_watch_lock);
	dn = find(f, table);
	if (!dn) {
		dn = fresh;
		fresh = NULL;
		list_add_tail(&all_watches, &dn->link);
		fs_watch_add(&dn->watch, f->inode);
	}
	dn->fd = fd;
	dn->watch.mask |= wanted(events);
	dn->many |= (events & DN_MULTISHOT) != 0;
	spin_unlock(&fs_watch_lock);
	kfree(fresh);
	return 0;
}

static int dnotify_init(void)
{
	file_notify_hook = dnotify;
	return 0;
}
SUBSYSTEM(dnotify, .needs = "vfs proc", .init = dnotify_init, .stage = "09-ipc");
