/*
 * What is not done with a stranger's things in a directory where anybody may put names (sticky and writable for all, as /tmp is): following his link,
 * opening his file or FIFO in the belief to have made it. And linking what one may not write. proc(5): fs.protected_*.
 */
#include "vfs_priv.h"

u64 protected_hardlinks = 1, protected_symlinks = 1, protected_fifos, protected_regular;

bool inode_is_owner(const struct inode *i)
{
	return file_cred()->fsuid == i->uid || file_capable(CAP_FOWNER);
}

static bool open_to_all(const struct inode *dir)
{
	return (dir->mode & (S_ISVTX | 0002)) == (S_ISVTX | 0002);
}

int may_follow_link(const struct inode *dir, const struct inode *link)
{
	if (!protected_symlinks || likely(!open_to_all(dir)) || link->uid == file_cred()->fsuid || link->uid == dir->uid)
		return 0;
	return -EACCES;
}

int may_open_for_create(const struct inode *dir, const struct inode *i)
{
	u64 level = S_ISFIFO(i->mode) ? protected_fifos : S_ISREG(i->mode) ? protected_regular : 1;

	if (!level || !(dir->mode & S_ISVTX) || i->uid == dir->uid || i->uid == file_cred()->fsuid)
		return 0;
	return dir->mode & 0002 || (dir->mode & 0020 && level >= 2 && (S_ISFIFO(i->mode) || S_ISREG(i->mode))) ? -EACCES : 0;
}

int may_link(struct inode *i)
{
	if (!protected_hardlinks || inode_is_owner(i))
		return 0;
	if (!S_ISREG(i->mode) || i->mode & S_ISUID || (i->mode & (S_ISGID | 0010)) == (S_ISGID | 0010))
		return -EPERM;
	return inode_permission(i, MAY_READ | MAY_WRITE) ? -EPERM : 0;
}
