/* stage: 08; libc: musl; run: guest+golden
 * Corners of open files: copy_file_range, sealed memory, allocation, vectors with flags, owners, truncation under a mapping. */
#include "t.h"
#include <sys/ioctl.h>
#include <sys/uio.h>

static void on_bus(int sig)
{
	(void)sig;
	say("SIGBUS\n");
	_exit(3);
}

int main(void)
{
	static char page[8192];
	struct stat st;
	struct iovec iov[2] = { { page, 3 }, { page + 3, 4 } };
	off_t from, to;
	char *map, c;
	int fd, in, out, n;

	t_dir();
	for (n = 0; n < 8192; n++)
		page[n] = 'a' + n % 26;
	put_file("in", page, 5000);
	in = open("in", O_RDONLY);
	out = open("out", O_RDWR | O_CREAT | O_TRUNC, 0644);
	from = 100, to = 10;
	R(copy_file_range(in, &from, out, &to, 4000, 0));
	V(from);
	V(to);
	NEED(fstat(out, &st) == 0);
	V(st.st_size);
	R(copy_file_range(in, &from, out, &to, 4000, 0));
	R(copy_file_range(in, &from, out, &to, 4000, 0));
	R(copy_file_range(in, NULL, out, NULL, 10, 0));
	R(lseek(in, 0, SEEK_CUR));
	R(lseek(out, 0, SEEK_CUR));
	R(copy_file_range(in, NULL, out, NULL, 10, 1));
	R(copy_file_range(out, NULL, in, NULL, 10, 0));
	from = 0, to = 5;
	R(copy_file_range(out, &from, out, &to, 10, 0));
	from = -1;
	R(copy_file_range(in, &from, out, NULL, 10, 0));
	R(copy_file_range(in, NULL, 99, NULL, 10, 0));
	fd = open(".", O_RDONLY);
	R(copy_file_range(fd, NULL, out, NULL, 10, 0));
	R(read(fd, page, 10));
	R(write(fd, page, 10));
	R(lseek(fd, 0, SEEK_END) >= 0 || errno == EINVAL);
	R(ftruncate(fd, 0));
	R(fsync(fd));
	close(fd);

	/* Sealed memory. */
	R(SYS(memfd_create, "name", 0x100));
	fd = SYS(memfd_create, "name", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	R(fcntl(fd, F_GETFD));
	X(fcntl(fd, F_GETFL));
	R(fcntl(fd, F_GET_SEALS));
	R(ftruncate(fd, 5000));
	R(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
	R(ftruncate(fd, 6000));
	R(ftruncate(fd, 4000));
	R(pwrite(fd, "x", 1, 3999));
	R(pwrite(fd, "xyz", 3, 3999));
	R(pwrite(fd, "xyz", 3, 4000));
	R(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
	R(ftruncate(fd, 3000));
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	T(map != MAP_FAILED);
	R(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	R(munmap(map, 4096));
	R(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	R(pwrite(fd, "x", 1, 0));
	R((long)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	T(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0) != MAP_FAILED);
	map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	T(map != MAP_FAILED);
	R(mprotect(map, 4096, PROT_READ | PROT_WRITE));
	R(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096));
	R(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL));
	R(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
	R(fcntl(fd, F_GET_SEALS));
	R(fcntl(fd, F_ADD_SEALS, 64));
	NEED(fstat(fd, &st) == 0);
	X(st.st_mode);
	V(st.st_nlink);
	close(fd);
	R(fcntl(in, F_GET_SEALS));
	R(fcntl(in, F_GETPIPE_SZ));
	R(fcntl(in, 9999));

	/* Allocation. */
	fd = open("alloc", O_RDWR | O_CREAT, 0644);
	R(fallocate(fd, 0, 0, 10000));
	NEED(fstat(fd, &st) == 0);
	V(st.st_size);
	V(st.st_blocks);
	R(fallocate(fd, FALLOC_FL_KEEP_SIZE, 10000, 10000));
	NEED(fstat(fd, &st) == 0);
	V(st.st_size);
	R(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 4096));
	R(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 4096));
	NEED(fstat(fd, &st) == 0);
	V(st.st_blocks);
	R(fallocate(fd, 16, 0, 4096));
	R(fallocate(fd, 0, -1, 4096));
	R(fallocate(fd, 0, 0, 0));
	R(fallocate(fd, 128, 0, 1));
	R(fallocate(in, 0, 0, 1));
	R(fallocate(1, 0, 0, 1) < 0);
	R(readahead(in, 0, 100));
	R(readahead(out, 0, 100));
	R(SYS(sync_file_range, fd, 0, 0, 0));
	R(SYS(sync_file_range, fd, 0, 0, 8));
	R(SYS(sync_file_range, fd, -1, 0, 0));
	R(SYS(fadvise64, fd, 0, 0, 9));
	R(syncfs(fd));
	R(syncfs(99));

	/* Vectors with flags. */
	R(SYS(pwritev2, out, iov, 2, 0, 0, 0));
	R(SYS(pwritev2, out, iov, 2, -1, 0, 16));
	NEED(fstat(out, &st) == 0);
	V(st.st_size);
	R(SYS(pwritev2, out, iov, 2, 0, 0, 0x1000));
	R(SYS(preadv2, out, iov, 2, -2, 0, 0));
	R(SYS(preadv2, out, iov, 1025, 0, 0, 0));
	R(SYS(preadv2, out, iov, -1, 0, 0, 0));
	R(SYS(preadv2, out, iov, 0, 0, 0, 0));
	iov[1].iov_len = -1;
	R(readv(out, iov, 2));
	iov[1].iov_len = 4;
	iov[1].iov_base = (void *)-4096l;
	R(readv(out, iov, 2));
	R(pread(out, page, 10, -1));
	R(pread(out, page, -1, 0));
	R(pwrite(out, page, 1, 0x7fffffffffffffffl));
	R(lseek(out, -1, SEEK_SET));
	R(lseek(out, 0x7fffffffffffffffl, SEEK_SET) != 12);
	R(lseek(out, 1, SEEK_CUR) != 12);
	R(lseek(out, 0, 7));
	R(lseek(out, 0, SEEK_SET));

	/* Owner of signals. */
	R(fcntl(fd, F_GETOWN));
	R(fcntl(fd, F_SETOWN, getpid()));
	T(fcntl(fd, F_GETOWN) == getpid());
	R(fcntl(fd, F_SETOWN, 30000));
	R(fcntl(fd, F_SETOWN, -getpgrp()));
	T(SYS(fcntl, fd, F_GETOWN, 0) == -getpgrp() || errno == getpgrp());
	R(fcntl(fd, F_SETSIG, 99));
	R(fcntl(fd, F_SETSIG, SIGUSR1));
	T(fcntl(fd, F_GETSIG) == SIGUSR1);
	n = 1;
	R(ioctl(fd, FIONBIO, &n));
	X(fcntl(fd, F_GETFL));
	R(ioctl(fd, FIOASYNC, &n));
	R(ioctl(fd, FIOCLEX));
	R(fcntl(fd, F_GETFD));
	R(ioctl(fd, FIONCLEX));
	R(fcntl(fd, F_GETFD));
	R(lseek(fd, 9000, SEEK_SET));
	R(ioctl(fd, FIONREAD, &n));
	V(n);
	R(ioctl(fd, 0x1234));
	R(fcntl(fd, F_SETFL, O_DIRECT));
	R(fcntl(fd, F_SETFL, O_APPEND | O_RDWR | O_TRUNC));
	X(fcntl(fd, F_GETFL));
	R(open("alloc", O_RDWR | O_DIRECT));

	/* A file that is cut under its mapping. */
	R(ftruncate(fd, 8192));
	map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	map[0] = 'A', map[4096] = 'B', map[4095] = 'C';
	R(ftruncate(fd, 100));
	c = map[4095];
	V(c);
	IN_CHILD("past the end") {
		catch(SIGBUS, on_bus, 0);
		c = map[4096];
		V(c);
	}
	R(ftruncate(fd, 8192));
	V(map[0]);
	V(map[4096]);
	map[5000] = 'D';
	R(pread(fd, &c, 1, 5000));
	V(c);
	R(msync(map, 8192, MS_SYNC));
	R(msync(map + 1, 8192, MS_SYNC));
	R(msync(map, 8192, MS_SYNC | MS_ASYNC));
	R(munmap(map + 4096, 4096));
	R(msync(map, 8192, MS_ASYNC));
	R(write(fd, map, 1));
	R(pwrite(fd, "E", 1, 0));
	V(map[0]);
	return 0;
}
