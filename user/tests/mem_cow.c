/* stage: 09; libc: musl; run: host+guest
 * After fork each side has its own memory, private mappings included, and shared ones are shared. */
#include "t.h"

enum { PAGES = 64, SIZE = PAGES * 4096 };
static char data[SIZE];

static unsigned long sum(const char *p)
{
	unsigned long s = 0;

	for (int i = 0; i < SIZE; i += 64)
		s = s * 31 + (unsigned char)p[i];
	return s;
}

int main(void)
{
	char *heap = malloc(SIZE);
	char *private = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *shared = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char local[8192];
	unsigned long before;

	NEED(heap && private != MAP_FAILED && shared != MAP_FAILED);
	memset(data, 1, SIZE);
	memset(heap, 2, SIZE);
	memset(private, 3, SIZE);
	memset(shared, 4, SIZE);
	memset(local, 5, sizeof(local));
	before = sum(data) + sum(heap) + sum(private);

	IN_CHILD("child") {
		T(sum(data) + sum(heap) + sum(private) == before);
		memset(data, 11, SIZE);
		memset(heap, 12, SIZE);
		memset(private, 13, SIZE);
		memset(shared, 14, SIZE);
		memset(local, 15, sizeof(local));
		V(data[5] + heap[5] + private[5] + shared[5] + local[5]);
	}
	T(sum(data) + sum(heap) + sum(private) == before);
	V(shared[0]);
	V(local[100]);

	/* Grandchildren, each with its own. */
	for (int i = 0; i < 4; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			pid_t inner;

			data[0] = (char)(20 + i);
			inner = fork();
			if (inner == 0) {
				data[0] = (char)(data[0] + 1);
				shared[i] = data[0];
				_exit(data[0]);
			}
			waitpid(inner, NULL, 0);
			_exit(data[0]);
		}
		reap("generation", pid);
	}
	V(shared[0] + shared[1] + shared[2] + shared[3]);
	V(data[0]);

	/* The parent writes while the child lives: the child keeps what it had. */
	{
		volatile int *flag = (volatile int *)(shared + 4096);
		pid_t pid;

		*flag = 0;
		memset(private, 9, SIZE);
		pid = fork();
		if (pid == 0) {
			while (!*flag)
				sched_yield();
			_exit(private[4096] + private[SIZE - 1]);
		}
		memset(private, 50, SIZE);
		*flag = 1;
		reap("late reader", pid);
	}
	/* What a child unmaps or protects is its own affair. */
	IN_CHILD("unmapper") {
		R(munmap(private, SIZE));
		R(mprotect(shared, SIZE, PROT_NONE));
	}
	V(private[1] + shared[1] * 0);
	/* The kernel writing into a shared page breaks the sharing, too. */
	{
		int fds[2];
		pid_t pid;

		if (pipe(fds) == 0) {
			pid = fork();
			if (pid == 0) {
				write(fds[1], "kernel", 6);
				_exit(read(fds[0], private, 6) == 6 && private[0] == 'k' ? 0 : 1);
			}
			reap("read into a copied page", pid);
			V(private[0]);
		}
	}
	return 0;
}
