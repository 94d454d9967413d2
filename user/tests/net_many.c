/* stage: 11; libc: musl; run: guest
 * So many TCP connections over loopback at once (argument), each with a byte sent there and back; then the time of such a round on ten of them in turn, and
 * the memory that all hold. It is always ten, far apart, so that what differs is how many are open: one that has just begun acknowledges more often, and its
 * timers are not queued yet. Under -icount the time is a count of instructions. */
#include "net.h"
#include <sys/resource.h>
#include <time.h>

#define ROUNDS 4000
#define ACTIVE 10

static int there[20000], here[20000];

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static long free_kib(void)
{
	char line[128];
	long kib = -1;
	FILE *f = fopen("/proc/meminfo", "r");

	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "MemFree: %ld", &kib);
	if (f)
		fclose(f);
	return kib;
}

static void there_and_back(int i)
{
	char c = (char)i;

	NEED(send(there[i], &c, 1, 0) == 1);
	c = 0;
	NEED(recv(here[i], &c, 1, 0) == 1 && c == (char)i);
	NEED(send(here[i], &c, 1, 0) == 1);
	NEED(recv(there[i], &c, 1, 0) == 1);
}

int main(int argc, char **argv)
{
	int count = argc > 1 ? atoi(argv[1]) : 100, l = socket(AF_INET, SOCK_STREAM, 0);
	struct rlimit r = { 2 * 20000 + 100, 2 * 20000 + 100 };

	NEED(count >= ACTIVE && count <= 20000 && setrlimit(RLIMIT_NOFILE, &r) == 0);
	lo_up();
	NEED(bind_at(l, "127.0.0.1", 5000) == 0 && listen(l, 128) == 0);
	long before = free_kib();
	for (int i = 0; i < count; i++) {
		there[i] = socket(AF_INET, SOCK_STREAM, 0);
		NEED(there[i] >= 0 && connect_at(there[i], "127.0.0.1", 5000) == 0);
		here[i] = accept(l, NULL, NULL);
		NEED(here[i] >= 0);
		set(there[i], IPPROTO_TCP, TCP_NODELAY, 1);
		set(here[i], IPPROTO_TCP, TCP_NODELAY, 1);
	}
	for (int i = 0; i < count; i++)
		there_and_back(i);
	long after = free_kib();
	long long start = now();
	for (int k = 0; k < ROUNDS; k++)
		there_and_back(k % ACTIVE * (count / ACTIVE));
	long long each = (now() - start) / ROUNDS;
	printf("%d connections: %lld ns a round, %ld KiB held\n", count, each, before - after);
	return 0;
}
