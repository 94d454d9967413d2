/* Telling watchers (inotify) what happens to files. Costs two loads where nobody watches. */
#include "vfs_priv.h"
#include "lib/string.h"

void fs_notify(u32 event, struct dentry *d)
{
	struct inode *inode = d->inode, *dir = READ_ONCE(d->parent)->inode;
	struct dentry *parent;
	char name[NAME_MAX + 1];

	if (likely((!inode || !inode->watches) && !(dir && dir->watches)))
		return;
	read_lock(&rename_lock);
	parent = d->parent;
	dentry_get(parent);
	strlcpy(name, d->name, sizeof(name));
	read_unlock(&rename_lock);
	NOTIFIER_CALL(fs_event, event, parent->inode, inode, name);
	dentry_put(parent);
}
