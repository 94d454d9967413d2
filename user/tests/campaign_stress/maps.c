/* Memory maps: one of the storms of campaign_stress.c. */
#include "storm.h"
#include <pthread.h>

/* Threads of one process map, fault, change and unmap next to each other, while others fork. */
static void *map_thread(void *arg)
{
	int me = (int)(long)arg;

	while (going(me)) {
		size_t size = (1 + below(32)) * 4096;
		char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, (below(2) ? MAP_PRIVATE : MAP_SHARED) | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED)
			continue;
		for (size_t i = 0; i < size; i += 4096)
			*(int *)(p + i) = me + (int)i;
		if (below(3) == 0)
			mprotect(p, size / 2, PROT_READ);
		if (below(8) == 0) {
			pid_t pid = fork();

			if (pid == 0) {
				for (size_t i = 0; i < size; i += 4096)
					if (*(int *)(p + i) != me + (int)i)
						_exit(1);
				_exit(0);
			}
			int status = 0;

			if (pid > 0 && waitpid(pid, &status, 0) == pid && status)
				mistake("memory of a child");
		}
		if (below(4) == 0) {
			char *moved = mremap(p, size, size + 8192, MREMAP_MAYMOVE);

			if (moved != MAP_FAILED) {
				p = moved;
				munmap(p + size, 8192);
			}
		}
		if (below(4) == 0)
			madvise(p, size, MADV_DONTNEED);
		else
			for (size_t i = 0; i < size; i += 4096)
				if (*(int *)(p + i) != me + (int)i)
					mistake("memory");
		munmap(p, size);
	}
	return NULL;
}

void storm_maps(int me)
{
	pthread_t thread[3];

	for (int i = 0; i < 3; i++)
		pthread_create(&thread[i], NULL, map_thread, (void *)(long)me);
	map_thread((void *)(long)me);
	for (int i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
}
