/* stage: 08; libc: musl; run: host+guest
 * mremap, madvise, mincore, msync, mlock: results and errnos. */
#include "t.h"

#define PAGE 4096ul
#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

int main(void)
{
	unsigned char vec[8];
	char *p, *q;
	int fd;

	t_dir();
	p = mmap(NULL, 4 * PAGE, RW, ANON, -1, 0);
	for (int i = 0; i < 4; i++)
		p[i * PAGE] = (char)(i + 1);

	/* Shrink, grow, move. */
	T(mremap(p, 4 * PAGE, 2 * PAGE, 0) == p);
	T(mremap(p, 2 * PAGE, 2 * PAGE, 0) == p);
	q = mmap(p + 2 * PAGE, PAGE, RW, ANON | MAP_FIXED, -1, 0);
	T(q == p + 2 * PAGE);
	R(mprotect(q, PAGE, PROT_READ));
	R(mremap(p, 2 * PAGE, 8 * PAGE, 0));
	q = mremap(p, 2 * PAGE, 8 * PAGE, MREMAP_MAYMOVE);
	T(q != MAP_FAILED && q != p);
	V(q[0] + q[PAGE] + q[2 * PAGE] + q[7 * PAGE]);
	q[7 * PAGE] = 9;
	IN_CHILD("the old place")
		(void)*(volatile char *)p;
	p = mmap(NULL, 4 * PAGE, RW, ANON, -1, 0);
	T(mremap(q, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p) == p);
	V(p[0] + p[PAGE]);
	R(mremap(p, PAGE, PAGE, MREMAP_FIXED, p + PAGE));
	R(mremap(p, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + PAGE));
	R(mremap(p, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + 1));
	R(mremap(p + 1, PAGE, PAGE, MREMAP_MAYMOVE));
	R(mremap(p, PAGE, 0, MREMAP_MAYMOVE));
	R(mremap(p, 0, PAGE, MREMAP_MAYMOVE));
	R(mremap(p, PAGE, PAGE, 64));
	R(mremap((void *)0x10000, PAGE, 2 * PAGE, MREMAP_MAYMOVE));

	/* An old length that leads out of user space, or around. */
	p = mmap(NULL, 8 * PAGE, RW, ANON, -1, 0);
	p[4 * PAGE] = 5;
	R(mremap(p + 4 * PAGE, 1ul << 47, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p));
	R(mremap(p + 4 * PAGE, -8 * PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p));
	R(mremap(p + 4 * PAGE, 1ul << 47, PAGE, 0));
	V(p[4 * PAGE]);

	/* madvise. */
	p = mmap(NULL, 4 * PAGE, RW, ANON, -1, 0);
	memset(p, 7, 4 * PAGE);
	R(madvise(p, 4 * PAGE, MADV_NORMAL));
	R(madvise(p, 4 * PAGE, MADV_WILLNEED));
	R(madvise(p + PAGE, PAGE, MADV_DONTNEED));
	V(p[0] + p[PAGE] + p[2 * PAGE]);
	R(madvise(p + 1, PAGE, MADV_DONTNEED));
	R(madvise(p, 0, MADV_DONTNEED));
	R(madvise(p, PAGE, 12345));
	R(madvise((void *)0x10000, PAGE, MADV_DONTNEED));
	R(munmap(p + 2 * PAGE, PAGE));
	R(madvise(p, 4 * PAGE, MADV_DONTNEED));
	V(p[0] + p[3 * PAGE]);

	/* mincore: what is there and what is not mapped. */
	p = mmap(NULL, 4 * PAGE, RW, ANON, -1, 0);
	p[0] = p[2 * PAGE] = 1;
	R(mincore(p, 4 * PAGE, vec));
	say("resident %d %d %d %d\n", vec[0] & 1, vec[1] & 1, vec[2] & 1, vec[3] & 1);
	R(mincore(p + 1, PAGE, vec));
	R(mincore(p, PAGE, (void *)8));
	R(munmap(p + PAGE, PAGE));
	R(mincore(p, 4 * PAGE, vec));
	R(mincore((void *)0x800000000000, PAGE, vec));

	/* msync. */
	put_text("f", "0123456789");
	fd = open("f", O_RDWR);
	q = mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0);
	q[0] = 'X';
	R(msync(q, PAGE, MS_SYNC));
	R(msync(q, PAGE, MS_ASYNC));
	R(msync(q, PAGE, MS_SYNC | MS_ASYNC));
	R(msync(q + 1, PAGE, MS_SYNC));
	R(msync(q, PAGE, 64));
	R(msync((void *)0x10000, PAGE, MS_SYNC));
	R(msync(p, 4 * PAGE, MS_ASYNC));
	R(pread(fd, vec, 4, 0));
	say("%.4s\n", (char *)vec);

	R(mlock(p, PAGE));
	R(munlock(p, PAGE));
	return 0;
}
