/*
 * The demand fault: memory that a program asked for is given when it is touched.
 *
 *                      is there an area at va?  ---- no ---> SIGSEGV, MAPERR
 *                                | yes
 *                      does it allow the access? -- no ---> SIGSEGV, ACCERR
 *                                | yes
 *                           the entry of va
 *           not there /          |            \ there, but not for writing
 *                    /     there and enough    \
 *      file, or anonymous    (another thread    zero page: a fresh page
 *      memory?                was faster)       shared:    tell the file, allow the write
 *                                               private:   copy-on-write (lab 07)
 *
 * Anonymous memory that is read first gets the one page of zeroes, read-only; a private file page is the cache's own page, read-only, until
 * it is written.
 *
 * Two threads may fault on the same page at the same time: both hold as->lock for reading. So nothing is decided for good on what was read without
 * page_lock: vm_set_pte changes an entry only if it is still what it was, else -EAGAIN, and we look again.
 */
#include "vm/aspace.h"

#include "abi/signal.h"
#include "core/err.h"
#include "core/todo.h"
#include "lib/string.h"

/*
 * Useful: vm_lock_area, vm_leaf_bits, vm_read_pte, vm_set_pte, vm_anon_frame, zero_frame, vm_map_around, vm_hold_shared_page, vm_write_protect_hook (vm/aspace.h tells
 * what each promises), and the area's ops. Give as->lock back on every way out.
 */
int vm_fault(struct aspace *as, vaddr_t va, u32 access, int *si_code)
{
	TODO("06-elf");
}
