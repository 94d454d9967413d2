/*
 * Page replacement: which pages of files leave memory when it is short. Only clean ones can, and only those that nobody but the cache counts.
 *
 *   frames   . . C C . D C . C M C . .       C: clean page of a cache    D: dirty    M: mapped by programs
 *                  ^ hand -->
 *
 * A hand goes round over all frames of the machine, and takes what can be taken; it goes on where it stopped. So the pages that it meets next have been in
 * memory for the longest, more or less, whether somebody uses them or not: see the challenge.
 */
#include "block_priv.h"

#include "mm/frame.h"

static pfn_t hand; /* races only make two callers look at the same frames */

static bool take_frame(struct frame *f, bool unmap)
{
	bool gone;

	if ((atomic_load_relaxed(&f->flags) & (FRAME_CACHE | FRAME_DIRTY | FRAME_LOCKED | FRAME_FREE)) != FRAME_CACHE || (f->mapcount && !unmap))
		return false;
	/* It may be freed and given out anew while we look: counted, it is what it is, and what it is is asked again under its lock. */
	if (!refcount_get_unless_zero(&f->ref))
		return false;
	gone = pagecache_evict(f, unmap);
	frame_put(f);
	return gone;
}

size_t replace_pages(size_t want, bool unmap)
{
	pfn_t end = frame_end();
	size_t freed = 0;

	for (pfn_t n = 0; n < end && freed < want; n++) {
		pfn_t at = READ_ONCE(hand) + 1;

		if (at >= end)
			at = 0;
		WRITE_ONCE(hand, at);
		if (pfn_valid(at) && take_frame(pfn_to_frame(at), unmap))
			freed++;
	}
	return freed;
}
