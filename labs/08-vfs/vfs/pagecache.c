/*
 * The page cache: file contents in memory, page by page.
 *
 *     pagecache.pages:  index ──► frame        a frame in it: FRAME_CACHE, owner = the cache, index = page number in the file
 *
 * A page is looked up; one that is missing is made, put in, and filled. While that goes on it is locked, and FRAME_UPTODATE
 * says when its contents may be used: who finds it without that flag waits for the lock and looks again.
 *
 * Reading copies straight from the frames to the reader, with no lock held: the count keeps the frame.
 *
 * Writing must not fault on user memory, for the caller holds the inode's lock, and the page that faults could need it. So
 * the caller has the user's pages brought in beforehand; here page faults are off, and a copy that meets a page that has
 * gone again stops short. The caller brings it in and comes back.
 */
#include "vfs/vfs.h"
#include "core/todo.h"
#include "lib/string.h"
#include "usermode/uaccess.h"

struct frame *pagecache_get(struct pagecache *pc, u64 index, bool create)
{
	TODO("08-vfs");
}

ssize_t pagecache_read(struct pagecache *pc, struct uio *to, s64 *pos, u64 size)
{
	TODO("08-vfs");
}

ssize_t pagecache_write(struct pagecache *pc, struct uio *from, s64 *pos)
{
	TODO("08-vfs");
}
