/* Inodes: life, ownership, permission, attributes, times. */
#include "vfs_priv.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "time/time.h"

#define ATIME_STALE_SEC (24 * 3600) /* relatime: older access times are renewed once a day */

static struct slab_cache inode_cache;

struct timespec time_now_coarse(void)
{
	u64 ns = time_realtime_coarse_ns();

	return (struct timespec){ .sec = ns / NSEC_PER_SEC, .nsec = ns % NSEC_PER_SEC };
}

const struct cred *file_cred(void)
{
	static const struct cred kernel_cred = { .ref = REFCOUNT_INIT(1), .cap_effective = ~0ul, .cap_permitted = ~0ul, .cap_bounding = ~0ul };

	return current->cred ? current->cred : &kernel_cred;
}

bool file_capable(int cap)
{
	return cred_has_cap(file_cred(), cap);
}

/* --- life ------------------------------------------------------------------------------------------------------------ */

struct inode *inode_alloc(struct superblock *sb)
{
	struct inode *i = slab_alloc(&inode_cache, 0);

	if (!i)
		return NULL;
	memset(i, 0, sizeof(*i));
	refcount_set(&i->ref, 1);
	i->sb = sb;
	i->blksize = PAGE_SIZE;
	i->nlink = 1;
	i->atime = i->mtime = i->ctime = i->btime = time_now_coarse();
	rwlock_init(&i->lock, "inode", RANK_INODE);
	spin_init(&i->spin, "inode spin", RANK_INODE_SPIN);
	list_init(&i->dentries);
	pagecache_init(&i->cache, i, NULL);
	i->ino = atomic_add_return(&sb->next_ino, 1ul);
	return i;
}

void inode_get(struct inode *i)
{
	refcount_get(&i->ref);
}

static void free_memory(struct grace *g)
{
	slab_free(&inode_cache, container_of(g, struct inode, grace));
}

void inode_put(struct inode *i)
{
	if (!refcount_put(&i->ref))
		return;
	if (i->sb->ops && i->sb->ops->evict)
		i->sb->ops->evict(i);
	pagecache_destroy(&i->cache);
	memory_xattrs_free(i);
	/* A walk without references may still look at its mode and owner (shortcut.c). */
	grace_free(&i->grace, free_memory);
}

/* A program that would run as the directory's group, made by someone who is not in it. */
static bool borrows_group(const struct inode *dir, u32 mode)
{
	return dir->mode & S_ISGID && !S_ISDIR(mode) && (mode & (S_ISGID | 0010)) == (S_ISGID | 0010) && !cred_in_group(file_cred(), dir->gid) && !file_capable(CAP_FSETID);
}

u32 new_file_mode(const struct inode *dir, u32 mode)
{
	/* As it was asked for: a mask that takes the group's right to run it does not bring set-group-id back. */
	if (borrows_group(dir, mode))
		mode &= ~S_ISGID;
	return mode & ~current_umask();
}

void inode_init_owner(struct inode *i, const struct inode *dir, u32 mode)
{
	const struct cred *cred = file_cred();

	i->uid = cred->fsuid;
	i->gid = cred->fsgid;
	if (dir && dir->mode & S_ISGID) {
		i->gid = dir->gid;
		if (S_ISDIR(mode))
			mode |= S_ISGID;
		else if (borrows_group(dir, mode))
			mode &= ~S_ISGID;
	}
	i->mode = mode;
	i->flags |= INODE_NO_CAPS; /* it is new */
	if (dir)
		i->flags |= dir->flags & (INODE_NODUMP | INODE_NOATIME);
}

/* --- permission ------------------------------------------------------------------------------------------------------ */

static int generic_permission(struct inode *i, u32 mask)
{
	const struct cred *cred;
	u32 mode = READ_ONCE(i->mode), want = mask & (MAY_READ | MAY_WRITE | MAY_EXEC);

	/* What everybody may needs no look at who asks: the common case of a path walk. */
	if ((mode >> 6 & mode >> 3 & mode & want) == want)
		return 0;
	cred = file_cred();
	if (cred->fsuid == i->uid)
		mode >>= 6;
	else if (cred_in_group(cred, i->gid))
		mode >>= 3;
	if ((mode & want) == want)
		return 0;
	if (S_ISDIR(i->mode)) {
		if (!(want & MAY_WRITE) && cred_has_cap(cred, CAP_DAC_READ_SEARCH))
			return 0;
		return cred_has_cap(cred, CAP_DAC_OVERRIDE) ? 0 : -EACCES;
	}
	if (want == MAY_READ && cred_has_cap(cred, CAP_DAC_READ_SEARCH))
		return 0;
	if ((!(want & MAY_EXEC) || i->mode & 0111) && cred_has_cap(cred, CAP_DAC_OVERRIDE))
		return 0;
	return -EACCES;
}

int inode_permission(struct inode *i, u32 mask)
{
	if (mask & MAY_WRITE && i->sb->flags & MS_RDONLY && (S_ISREG(i->mode) || S_ISDIR(i->mode) || S_ISLNK(i->mode)))
		return -EROFS;
	if (mask & MAY_WRITE && unlikely(i->flags & INODE_IMMUTABLE))
		return -EPERM;
	return i->ops && i->ops->permission ? i->ops->permission(i, mask) : generic_permission(i, mask);
}

/* --- attributes ------------------------------------------------------------------------------------------------------ */

int inode_getattr(struct inode *i, struct kstat *st)
{
	*st = (struct kstat){
		.dev = i->sb->dev, .ino = i->ino, .rdev = i->rdev, .size = READ_ONCE(i->size), .blksize = i->blksize,
		.mode = i->mode, .nlink = i->nlink, .uid = i->uid, .gid = i->gid,
	};
	spin_lock(&i->spin);
	st->atime = i->atime;
	st->mtime = i->mtime;
	st->ctime = i->ctime;
	st->btime = i->btime;
	spin_unlock(&i->spin);
	if (i->flags & INODE_MEMORY) {
		st->attributes_mask = STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND | STATX_ATTR_NODUMP;
		st->attributes = (i->flags & INODE_IMMUTABLE ? STATX_ATTR_IMMUTABLE : 0) | (i->flags & INODE_APPEND ? STATX_ATTR_APPEND : 0) |
			(i->flags & INODE_NODUMP ? STATX_ATTR_NODUMP : 0);
	}
	st->blocks = i->flags & INODE_MEMORY ? READ_ONCE(i->cache.pages.count) * (PAGE_SIZE / 512) : i->blocks;
	return 0;
}

/* Lock held for writing; rights are checked. */
int inode_setattr(struct inode *i, const struct iattr *a)
{
	struct timespec now = time_now_coarse();
	bool resized = a->valid & ATTR_SIZE && a->size != i->size;

	if (resized) {
		u64 old = i->size;
		WRITE_ONCE(i->size, a->size);
		if (a->size < old)
			pagecache_truncate(&i->cache, a->size);
	}
	if (a->valid & ATTR_UID)
		i->uid = a->uid;
	if (a->valid & ATTR_GID)
		i->gid = a->gid;
	if (a->valid & ATTR_MODE)
		i->mode = (i->mode & S_IFMT) | (a->mode & 07777);
	spin_lock(&i->spin);
	if (a->valid & ATTR_ATIME)
		i->atime = a->valid & ATTR_ATIME_SET ? a->atime : now;
	if (a->valid & ATTR_MTIME)
		i->mtime = a->valid & ATTR_MTIME_SET ? a->mtime : now;
	if (resized)
		i->mtime = now;
	if (resized || a->valid & ATTR_CTIME)
		i->ctime = now;
	spin_unlock(&i->spin);
	return 0;
}

u32 inode_suid_to_kill(const struct inode *i)
{
	u32 kill = i->mode & S_ISUID;

	if (!S_ISREG(i->mode))
		return 0;
	if (i->mode & S_ISGID && (i->mode & 0010 || !cred_in_group(file_cred(), i->gid)))
		kill |= S_ISGID;
	return kill && !file_capable(CAP_FSETID) ? kill : 0;
}

bool inode_kill_suid(struct inode *i)
{
	u32 kill = inode_suid_to_kill(i);

	i->mode &= ~kill;
	return kill;
}

void inode_changed(struct inode *i)
{
	if (i->sb->ops && i->sb->ops->touched)
		i->sb->ops->touched(i);
}

static bool time_same(struct timespec a, struct timespec b)
{
	return a.nsec == b.nsec && a.sec == b.sec;
}

void inode_touch(struct inode *i, u32 what)
{
	struct timespec now = time_now_coarse();
	bool same;

	if (i->flags & INODE_NOCMTIME)
		return;
	spin_lock(&i->spin);
	same = !(what & ATTR_ATIME && !time_same(i->atime, now)) && !(what & ATTR_MTIME && !time_same(i->mtime, now)) &&
		!(what & ATTR_CTIME && !time_same(i->ctime, now));
	if (what & ATTR_ATIME)
		i->atime = now;
	if (what & ATTR_MTIME)
		i->mtime = now;
	if (what & ATTR_CTIME)
		i->ctime = now;
	spin_unlock(&i->spin);
	/* Within one step of the clock a second write has nothing to tell the disk: its fsync need not commit anything but the data. */
	if (!same)
		inode_changed(i);
}

static bool time_after(struct timespec a, struct timespec b)
{
	return a.sec != b.sec ? a.sec > b.sec : a.nsec > b.nsec;
}

/* Whether an access now is to be noted: relatime is what a mount does unless told otherwise. */
void path_accessed(const struct path *p)
{
	struct inode *i = p->dentry->inode;
	u32 flags = p->mount ? p->mount->flags | i->sb->flags : MS_NOATIME;

	if (flags & (MS_NOATIME | MS_RDONLY) || i->flags & INODE_NOATIME || (flags & MS_NODIRATIME && S_ISDIR(i->mode)))
		return;
	if (flags & MS_RELATIME && time_after(i->atime, i->mtime) && time_after(i->atime, i->ctime) &&
	    (s64)(time_realtime_ns() / NSEC_PER_SEC) - i->atime.sec < ATIME_STALE_SEC)
		return;
	inode_touch(i, ATTR_ATIME);
}

void file_accessed(struct file *f)
{
	struct path p = { f->mount, f->dentry };

	if (!(f->flags & O_NOATIME) && f->dentry)
		path_accessed(&p);
}

/* --- who writes, who executes ----------------------------------------------------------------------------------------- */

int inode_write_get(struct inode *i)
{
	int err = 0;

	spin_lock(&i->spin);
	if (i->writers < 0)
		err = -ETXTBSY;
	else
		i->writers++;
	spin_unlock(&i->spin);
	return err;
}

void inode_write_put(struct inode *i)
{
	spin_lock(&i->spin);
	i->writers--;
	spin_unlock(&i->spin);
}

int inode_write_deny(struct inode *i)
{
	int err = 0;

	spin_lock(&i->spin);
	if (i->writers > 0)
		err = -ETXTBSY;
	else
		i->writers--;
	spin_unlock(&i->spin);
	return err;
}

void inode_write_allow(struct inode *i)
{
	spin_lock(&i->spin);
	i->writers++;
	spin_unlock(&i->spin);
}

int inode_cache_init(void)
{
	slab_cache_init(&inode_cache, "inode", sizeof(struct inode), 64);
	return 0;
}
