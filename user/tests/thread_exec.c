/* stage: 12; libc: musl; run: host+guest
 * exec in a process of several threads: the others are gone, the number stays, whichever thread called. */
#include "t.h"
#include <pthread.h>
#include <dirent.h>

static char self[256];
static pid_t first;

static void *sleeper(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return NULL;
}

static void *caller(void *arg)
{
	char number[16];

	(void)arg;
	snprintf(number, sizeof(number), "%d", (int)first);
	execl(self, self, "again", number, (char *)NULL);
	say("exec: %s\n", errname(errno));
	_exit(1);
}

int main(int argc, char **argv)
{
	pthread_t t;
	int count = 0;

	if (argc > 2) {
		DIR *dir = opendir("/proc/self/task");

		T(getpid() == atoi(argv[2]));
		T(gettid() == getpid());
		for (struct dirent *e; dir && (e = readdir(dir)) != NULL;)
			count += e->d_name[0] != '.';
		V(count);
		return 0;
	}
	NEED(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	IN_CHILD("exec by the first thread") {
		first = getpid();
		for (int i = 0; i < 3; i++)
			pthread_create(&t, NULL, sleeper, NULL);
		caller(NULL);
	}
	IN_CHILD("exec by another") {
		first = getpid();
		for (int i = 0; i < 3; i++)
			pthread_create(&t, NULL, sleeper, NULL);
		pthread_create(&t, NULL, caller, NULL);
		for (;;)
			pause();
	}
	IN_CHILD("exec by another, the first has left") {
		first = getpid();
		pthread_create(&t, NULL, sleeper, NULL);
		pthread_create(&t, NULL, caller, NULL);
		pthread_exit(NULL);
	}
	return 0;
}
