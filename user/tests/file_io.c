/* stage: 08; libc: musl; run: host+guest
 * read, write, lseek, pread, pwrite, readv, writev, truncate, holes, O_APPEND, limits of sizes. */
#include "t.h"
#include <sys/uio.h>

int main(void)
{
	char buf[64], one[4], two[8];
	struct iovec vec[4];
	struct stat st;
	int fd, app;
	long sum = 0;
	char *big;

	t_dir();
	fd = open("f", O_RDWR | O_CREAT, 0644);
	R(write(fd, "0123456789", 10));
	R(lseek(fd, 0, SEEK_CUR));
	R(read(fd, buf, 10));
	R(lseek(fd, 3, SEEK_SET));
	R(lseek(fd, -1, SEEK_CUR));
	R(lseek(fd, -10, SEEK_CUR));
	R(lseek(fd, 0, SEEK_CUR));
	R(lseek(fd, 5, SEEK_END));
	R(lseek(fd, 0, 99));
	R(lseek(fd, -1, SEEK_SET));
	R(lseek(99, 0, SEEK_SET));
	R(lseek(fd, 0, SEEK_SET));
	R(read(fd, buf, 0));
	R(read(fd, (void *)8, 4));
	R(lseek(fd, 0, SEEK_CUR));
	R(write(fd, (void *)8, 4));
	R(read(fd, buf, -1));
	R(pread(fd, buf, 4, 6));
	say("%.4s\n", buf);
	R(pread(fd, buf, 10, 8));
	R(pread(fd, buf, 10, 10));
	R(pread(fd, buf, 10, 100));
	R(pread(fd, buf, 1, -1));
	R(pwrite(fd, "ab", 2, 4));
	R(pwrite(fd, "z", 1, -1));
	R(lseek(fd, 0, SEEK_CUR));

	/* Vectors. */
	vec[0] = (struct iovec){ one, 3 };
	vec[1] = (struct iovec){ NULL, 0 };
	vec[2] = (struct iovec){ two, 4 };
	R(readv(fd, vec, 3));
	say("%.3s %.4s\n", one, two);
	R(lseek(fd, 0, SEEK_CUR));
	R(readv(fd, vec, 0));
	R(readv(fd, vec, -1));
	R(readv(fd, vec, 1025));
	R(readv(fd, (struct iovec *)8, 1));
	vec[1].iov_len = (size_t)-1;
	R(readv(fd, vec, 3));
	vec[1] = (struct iovec){ (void *)8, 2 };
	R(lseek(fd, 0, SEEK_SET));
	R(readv(fd, vec, 3));
	R(lseek(fd, 0, SEEK_END));
	vec[0] = (struct iovec){ "AAA", 3 };
	vec[1] = (struct iovec){ "BB", 2 };
	R(writev(fd, vec, 2));
	R(preadv(fd, (struct iovec[]){ { buf, 5 } }, 1, 10));
	say("%.5s\n", buf);
	R(pwritev(fd, vec, 2, 0));
	R(preadv(fd, (struct iovec[]){ { buf, 5 } }, 1, 0));
	say("%.5s\n", buf);

	/* Append: always the end, wherever the offset is; pwrite goes there, too (Linux). */
	app = open("f", O_RDWR | O_APPEND);
	R(lseek(app, 0, SEEK_SET));
	R(write(app, "E", 1));
	R(lseek(app, 0, SEEK_CUR));
	R(pwrite(app, "F", 1, 0));
	R(fstat(app, &st));
	V(st.st_size);
	R(pread(app, buf, 2, 15));
	say("%.2s\n", buf);

	/* Sizes and holes. */
	R(ftruncate(fd, 100000));
	R(fstat(fd, &st));
	V(st.st_size);
	big = malloc(100000);
	R(pread(fd, big, 100000, 17));
	for (int i = 0; i < 99983; i++)
		sum |= big[i];
	V(sum);
	R(ftruncate(fd, 5));
	R(ftruncate(fd, 20));
	R(pread(fd, buf, 20, 0));
	V(buf[5] | buf[19]);
	R(ftruncate(fd, -1));
	R(truncate("f", 3));
	R(truncate("none", 3));
	R(truncate(".", 3));
	R(truncate("f", -1));
	R(fstat(fd, &st));
	V(st.st_size);
	fd = open("hole", O_RDWR | O_CREAT, 0644);
	R(pwrite(fd, "end", 3, 1 << 20));
	R(fstat(fd, &st));
	V(st.st_size);
	T(st.st_blocks < 1024);
	R(lseek(fd, 0, SEEK_DATA));
	R(lseek(fd, 0, SEEK_HOLE));
	R(lseek(fd, 1 << 20, SEEK_HOLE));
	R(lseek(fd, (1 << 20) + 3, SEEK_DATA));
	R(lseek(fd, (1 << 20) + 3, SEEK_HOLE));
	R(pread(fd, buf, 4, 5000));
	V(buf[0] | buf[3]);

	/* Large blocks across many pages, in odd steps. */
	fd = open("big", O_RDWR | O_CREAT, 0644);
	for (int i = 0; i < 100000; i++)
		big[i] = (char)(i * 7 + i / 256);
	for (int done = 0, step = 1; done < 100000; step = step * 3 % 9973 + 1) {
		int n = step < 100000 - done ? step : 100000 - done;

		NEED(write(fd, big + done, (size_t)n) == n);
		done += n;
	}
	lseek(fd, 0, SEEK_SET);
	sum = 0;
	for (int got, at = 0; (got = (int)read(fd, buf, 37)) > 0; at += got)
		sum += memcmp(buf, big + at, (size_t)got) != 0;
	V(sum);
	R(fsync(fd));
	R(fdatasync(fd));
	R(fsync(99));
	R(posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL));
	R(fallocate(fd, 0, 200000, 100));
	R(fstat(fd, &st));
	V(st.st_size);
	R(fallocate(fd, FALLOC_FL_KEEP_SIZE, 300000, 100));
	R(fstat(fd, &st));
	V(st.st_size);
	R(fallocate(fd, 0, -1, 100));
	R(fallocate(fd, 0, 0, 0));

	/* A child shares the offset, a second open does not. */
	fd = open("shared", O_RDWR | O_CREAT, 0644);
	app = open("shared", O_RDWR);
	write(fd, "abcdef", 6);
	lseek(fd, 0, SEEK_SET);
	IN_CHILD("reader") {
		read(fd, buf, 4);
		read(app, buf, 2);
	}
	R(lseek(fd, 0, SEEK_CUR));
	R(lseek(app, 0, SEEK_CUR));
	return 0;
}
