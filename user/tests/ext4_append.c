/* stage: 13; libc: musl; run: guest+golden; disk: ext4
 * A file grows while it is written back: every byte that write(2) took is there when the cache has been dropped. */
#include "ext4.h"
#include <pthread.h>
#include <stdatomic.h>

enum { FILE_SIZE = 24 << 20 };

static atomic_int done;
static unsigned char chunk[1 << 20] __attribute__((aligned(8))), got[1 << 20] __attribute__((aligned(8)));

/* Writes back what is dirty, again and again. */
static void *write_back(void *arg)
{
	int fd = *(int *)arg;

	while (!done)
		sync_file_range(fd, 0, 0, 2);
	return NULL;
}

/* How many bytes of `got` are not those of `chunk`; by words, of which next to none differ. */
static long differ(long n)
{
	const unsigned long *a = (const unsigned long *)got, *b = (const unsigned long *)chunk;
	long wrong = 0;

	for (long word = 0; word < n / 8; word++)
		for (long k = word * 8; a[word] != b[word] && k < word * 8 + 8; k++)
			wrong += got[k] != chunk[k];
	for (long k = n / 8 * 8; k < n; k++)
		wrong += got[k] != chunk[k];
	return wrong;
}

static void drop_caches(void)
{
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY);

	NEED(fd >= 0 && write(fd, "3\n", 2) == 2);
	close(fd);
}

/* In pieces of `piece` bytes: bytes that are wrong afterwards. */
static long grow(const char *name, int piece)
{
	int fd = open(name, O_RDWR | O_CREAT, 0644);
	long wrong = 0, at = 0, n;
	pthread_t thread;

	NEED(fd >= 0);
	done = 0;
	NEED(pthread_create(&thread, NULL, write_back, &fd) == 0);
	for (; at + piece <= FILE_SIZE; at += piece)
		NEED(write(fd, chunk, (size_t)piece) == piece);
	done = 1;
	pthread_join(thread, NULL);
	NEED(fsync(fd) == 0);
	drop_caches();
	NEED(lseek(fd, 0, SEEK_SET) == 0);
	while ((n = read(fd, got, (size_t)piece)) == piece)
		wrong += differ(piece);
	NEED(n == 0 && lseek(fd, 0, SEEK_CUR) == at);
	close(fd);
	NEED(unlink(name) == 0);
	return wrong;
}

int main(void)
{
	disk_enter();
	for (unsigned k = 0; k < sizeof(chunk); k++)
		chunk[k] = (unsigned char)(k * 7 % 255 + 1);
	V(grow("large", 1 << 20));
	V(grow("middle", 65536));
	V(grow("odd", 10000));
	V(grow("again", 1 << 20));
	V(grow("more", 300000));
	disk_leave();
	return 0;
}
