/* stage: 09; libc: musl; run: guest+golden
 * POSIX shared memory and named semaphores: files of /dev/shm, as the C library makes them; between processes. */
#include "t.h"
#include <semaphore.h>

static void on_signal(int sig) { (void)sig; }

static void memory(void)
{
	struct stat st;
	char *a, *b;
	int fd;

	R(shm_open("/none", O_RDWR, 0));
	fd = OK(shm_open("/mem", O_CREAT | O_EXCL | O_RDWR, 0640));
	R(shm_open("/mem", O_CREAT | O_EXCL | O_RDWR, 0640));
	X(fcntl(fd, F_GETFD));
	R(ftruncate(fd, 10000));
	R(fstat(fd, &st));
	say("%o %ld\n", st.st_mode, (long)st.st_size);
	R(stat("/dev/shm/mem", &st));
	a = mmap(NULL, 10000, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	NEED(a != MAP_FAILED);
	close(fd);
	strcpy(a + 5000, "from the parent");
	IN_CHILD("another mapping") {
		int other = shm_open("/mem", O_RDWR, 0);
		b = mmap(NULL, 10000, PROT_READ | PROT_WRITE, MAP_SHARED, other, 0);
		S(b + 5000);
		strcpy(b + 5000, "from the child");
	}
	S(a + 5000);
	R(shm_unlink("/mem"));
	R(shm_unlink("/mem"));
	R(shm_open("/mem", O_RDWR, 0));
	S(a + 5000);
	R(munmap(a, 10000));
	R(shm_open("/a/b", O_CREAT | O_RDWR, 0600));
	R(shm_open("/..", O_CREAT | O_RDWR, 0600));
}

static void semaphores(void)
{
	sem_t *s, *again;
	struct timespec ts;
	int value;
	pid_t pid;

	T(sem_open("/none", 0) == SEM_FAILED);
	say("%s\n", errname(errno));
	s = sem_open("/sem", O_CREAT | O_EXCL, 0600, 1);
	NEED(s != SEM_FAILED);
	T(sem_open("/sem", O_CREAT | O_EXCL, 0600, 1) == SEM_FAILED);
	again = sem_open("/sem", 0);
	T(again == s);
	R(sem_wait(s));
	R(sem_trywait(s));
	pid = fork();
	if (pid == 0) {
		sem_t *mine = sem_open("/sem", 0);
		nap(60);
		sem_post(mine);
		_exit(0);
	}
	R(sem_wait(s));
	reap("posts", pid);
	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_sec--;
	R(sem_timedwait(s, &ts));
	pid = fork();
	if (pid == 0) {
		catch(SIGALRM, on_signal, 0);
		ualarm(50000, 0);
		R(sem_wait(s));
		_exit(0);
	}
	reap("interrupted", pid);
	/* One byte of memory, eight processes. */
	int *counter = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	sem_post(s);
	for (int i = 0; i < 8; i++)
		if (fork() == 0) {
			for (int k = 0; k < 500; k++) {
				sem_wait(s);
				++*counter;
				sem_post(s);
			}
			_exit(0);
		}
	while (wait(NULL) > 0)
		;
	V(*counter);
	R(sem_getvalue(s, &value));
	V(value);
	R(sem_unlink("/sem"));
	R(sem_unlink("/sem"));
	T(sem_open("/sem", 0) == SEM_FAILED);
	R(sem_close(again));
	R(sem_close(s));
}

int main(void)
{
	memory();
	semaphores();
	return 0;
}
