/* stage: 13; libc: musl; run: guest+golden
 * The largest file that there can be: every call whose position or length would pass 2^63 - 1. */
#include "t.h"
#include <sys/mman.h>
#include <sys/sendfile.h>

int main(void)
{
	const off_t most = 0x7fffffffffffffff;
	char two[2] = "";
	off_t at = most - 2;
	int other = open("other", O_RDWR | O_CREAT, 0644);

	int fd = open("most", O_RDWR | O_CREAT, 0644);
	R(lseek(fd, most, SEEK_SET));
	R(lseek(fd, 1, SEEK_CUR));
	R(read(fd, two, 1));
	R(write(fd, "x", 1));
	R(pwrite(fd, "x", 1, most - 1));
	R(pread(fd, two, 1, most - 1));
	V(two[0]);
	R(lseek(fd, most - 1, SEEK_SET) == most - 1);
	two[0] = 0;
	R(read(fd, two, 1));
	V(two[0]);
	R(lseek(fd, 0, SEEK_CUR) == most);
	R(pwrite(fd, "xy", 2, most - 1));
	R(pwrite(fd, "xy", 2, most));
	R(lseek(fd, 0, SEEK_END) == most);
	R(lseek(fd, 1, SEEK_END));
	R(pread(fd, two, 2, most - 1));
	V(two[0]);
	R(lseek(fd, most, SEEK_HOLE));
	R(sendfile(other, fd, &at, 100));
	R(at == most);
	at = most - 3;
	R(SYS(copy_file_range, fd, &at, other, NULL, 100, 0));
	R(at == most);
	R(SYS(copy_file_range, other, NULL, fd, &at, 100, 0));
	R(posix_fadvise(fd, most - 1, 100, POSIX_FADV_WILLNEED));
	R(SYS(readahead, fd, most - 4096, 100));
	R(SYS(sync_file_range, fd, most - 1, 1, 0));
	R(SYS(sync_file_range, fd, most, 1, 0));
	R(fallocate(fd, 0, most - 1, 1));
	R(fallocate(fd, 0, most, 1));
	R(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, most - 1, 1));
	R(pread(fd, two, 2, most - 1));
	V(two[0]);
	R(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, most - 8192, 8192));
	T(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, most & ~4095l) == MAP_FAILED && errno == EOVERFLOW);
	T(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, (most & ~4095l) - 4096) != MAP_FAILED);
	R(ftruncate(fd, most - 5000));
	R(ftruncate(fd, most));
	R(ftruncate(fd, 1));
	R(truncate("most", most));
	R(fcntl(fd, F_SETLK, &(struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_END, .l_start = 0, .l_len = 1 }));
	R(fcntl(fd, F_SETLK, &(struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_END, .l_start = 1, .l_len = 1 }));
	close(fd);
	fd = open("most", O_WRONLY | O_APPEND);
	R(write(fd, "x", 1));
	close(fd);
	close(other);
	R(unlink("most"));
	R(unlink("other"));
	return 0;
}
