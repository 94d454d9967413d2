/* stage: 12; libc: musl; run: host+guest
 * System V semaphores: sets of operations, waiting in order, undo, limits, rights, interruption, removal under a waiter, bad input. */
#include "t.h"
#include <pthread.h>
#include <sys/ipc.h>
#include <sys/sem.h>

union semun {
	int val;
	struct semid_ds *buf;
	unsigned short *array;
	struct seminfo *info;
};
static int set;

static int op(int n, ...)
{
	struct sembuf ops[8];
	va_list args;

	va_start(args, n);
	for (int i = 0; i < n; i++) {
		ops[i].sem_num = va_arg(args, int);
		ops[i].sem_op = va_arg(args, int);
		ops[i].sem_flg = va_arg(args, int);
	}
	va_end(args);
	return semop(set, ops, n);
}

static int val(int n) { return semctl(set, n, GETVAL); }

static void setval(int n, int v)
{
	NEED(semctl(set, n, SETVAL, (union semun){ .val = v }) == 0);
}

static void all(const char *when)
{
	unsigned short v[4] = { 0 };

	NEED(semctl(set, 0, GETALL, (union semun){ .array = v }) == 0);
	say("%s: %u %u %u %u\n", when, v[0], v[1], v[2], v[3]);
}

static pid_t waiter(int n, int o, int code)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(op(1, n, o, 0) ? 100 + errno : code);
	return pid;
}

static void on_signal(int sig) { (void)sig; }

static void sets(void)
{
	all("new");
	R(op(1, 0, 3, 0));
	R(op(2, 0, -1, 0, 1, 2, 0));
	all("both");
	R(op(2, 1, -1, 0, 0, -5, IPC_NOWAIT));
	all("neither");
	R(op(3, 2, 4, 0, 2, -4, 0, 2, 0, 0));
	R(op(2, 2, 1, 0, 2, 0, IPC_NOWAIT));
	all("a value between");
	R(op(1, 3, 32767, 0));
	R(op(1, 3, 1, IPC_NOWAIT));
	R(op(2, 0, -1, 0, 3, 1, 0));
	all("too large");
	R(op(1, 3, -32767, 0));
	R(op(1, 3, 0, IPC_NOWAIT));
	R(op(1, 0, 0, IPC_NOWAIT));
	T(semctl(set, 0, GETPID) == getpid());
	T(semctl(set, 2, GETPID) == getpid());
	/* A failed one leaves no name. */
	IN_CHILD("fails") {
		R(op(2, 3, 1, 0, 0, -99, IPC_NOWAIT));
	}
	T(semctl(set, 3, GETPID) == getpid());
	IN_CHILD("only looks") {
		R(op(1, 3, 0, 0));
	}
	T(semctl(set, 3, GETPID) == getpid());
	unsigned short v[4] = { 5, 0, 7, 1 };
	R(semctl(set, 0, SETALL, (union semun){ .array = v }));
	all("set");
	v[2] = 32768;
	v[0] = 9;
	R(semctl(set, 0, SETALL, (union semun){ .array = v }));
	all("out of range");
	R(semctl(set, 1, SETVAL, (union semun){ .val = 32768 }));
	R(semctl(set, 1, SETVAL, (union semun){ .val = -1 }));
	R(semctl(set, 4, SETVAL, (union semun){ .val = 1 }));
	R(semctl(set, -1, SETVAL, (union semun){ .val = 1 }));
	memset(v, 0, sizeof(v));
	R(semctl(set, 0, SETALL, (union semun){ .array = v }));
}

static void order(void)
{
	pid_t pid[4];
	struct sembuf two[2] = { { 0, 0, 0 }, { 0, 1, 0 } };

	/* Who came first goes first; one that wants more lets smaller ones pass. */
	pid[0] = waiter(0, -3, 1);
	nap(30);
	pid[1] = waiter(0, -1, 2);
	nap(30);
	pid[2] = waiter(0, -1, 3);
	nap(30);
	R(semctl(set, 0, GETNCNT));
	R(semctl(set, 0, GETZCNT));
	R(semctl(set, 1, GETNCNT));
	R(op(1, 0, 1, 0));
	reap("second", pid[1]);
	R(semctl(set, 0, GETNCNT));
	R(op(1, 0, 2, 0));
	reap("third", pid[2]);
	V(val(0));
	R(op(1, 0, 2, 0));
	reap("first", pid[0]);
	V(val(0));
	/* Waiting for zero. */
	setval(0, 2);
	pid[0] = waiter(0, 0, 4);
	nap(30);
	R(semctl(set, 0, GETZCNT));
	R(op(1, 0, -1, 0));
	R(waitpid(pid[0], NULL, WNOHANG));
	R(op(1, 0, -1, 0));
	reap("zero", pid[0]);
	/* Who only looks goes before who changes, though it came later. */
	setval(0, 1);
	if ((pid[0] = fork()) == 0)
		_exit(semop(set, two, 2) ? errno : 5);
	nap(30);
	pid[1] = waiter(0, 0, 6);
	nap(30);
	R(semctl(set, 0, GETZCNT));
	R(op(1, 0, -1, 0));
	reap("looks", pid[1]);
	reap("changes", pid[0]);
	V(val(0));
	setval(0, 0);
	/* One wakes the next. */
	for (int i = 0; i < 3; i++) {
		struct sembuf pass[2] = { { i, -1, 0 }, { i + 1, 1, 0 } };
		if ((pid[i] = fork()) == 0)
			_exit(semop(set, pass, 2) ? errno : 7 + i);
	}
	nap(80);
	R(op(1, 0, 1, 0));
	for (int i = 0; i < 3; i++)
		reap("passed on", pid[i]);
	all("passed on");
	setval(3, 0);
	/* What a waiter waits for is what it is blocked on: only the first that cannot go counts. */
	struct sembuf blocked[2] = { { 1, -1, 0 }, { 2, -1, 0 } };
	if ((pid[0] = fork()) == 0)
		_exit(semop(set, blocked, 2) ? errno : 0);
	nap(40);
	say("%d %d\n", semctl(set, 1, GETNCNT), semctl(set, 2, GETNCNT));
	R(op(1, 1, 1, 0));
	say("%d %d\n", semctl(set, 1, GETNCNT), semctl(set, 2, GETNCNT));
	R(op(1, 2, 1, 0));
	reap("blocked", pid[0]);
	/* SETVAL and SETALL wake as well; one that fails hears of it. */
	pid[0] = waiter(1, -2, 8);
	nap(40);
	setval(1, 2);
	reap("set", pid[0]);
	struct sembuf over[2] = { { 0, -1, 0 }, { 1, 1, 0 } };
	setval(1, 32767);
	if ((pid[0] = fork()) == 0)
		_exit(semop(set, over, 2) ? errno : 0);
	nap(40);
	setval(0, 1);
	V(ERANGE);
	reap("out of range", pid[0]);
	V(val(0));
	setval(0, 0);
	setval(1, 0);
}

static void undo(void)
{
	setval(0, 5);
	IN_CHILD("ends") {
		R(op(1, 0, -2, SEM_UNDO));
		R(op(1, 0, -1, SEM_UNDO));
		R(op(1, 1, 4, SEM_UNDO));
		R(op(2, 0, -1, SEM_UNDO, 0, -9, SEM_UNDO | IPC_NOWAIT));
		all("in it");
	}
	all("given back");
	IN_CHILD("killed") {
		op(1, 0, -5, SEM_UNDO);
		kill(getpid(), SIGKILL);
	}
	all("given back");
	IN_CHILD("SETVAL forgets") {
		op(1, 0, -2, SEM_UNDO);
		op(1, 1, 2, SEM_UNDO);
		setval(0, 4);
	}
	all("one forgotten");
	IN_CHILD("others took it") {
		op(1, 1, 3, SEM_UNDO);
		setval(2, 0);
		IN_CHILD("another") {
			R(op(1, 1, -2, 0));
		}
	}
	all("not below zero");
	IN_CHILD("limits") {
		setval(3, 0);
		R(op(1, 3, 32767, SEM_UNDO));
		R(op(1, 3, -1, 0));
		R(op(1, 3, 1, SEM_UNDO));
		R(op(1, 3, 1, SEM_UNDO | IPC_NOWAIT));
		R(op(1, 3, -32767, 0));
		R(op(1, 3, 1, SEM_UNDO));
	}
	setval(3, 0);
	/* Not inherited by fork, kept by exec. */
	setval(0, 5);
	IN_CHILD("parent") {
		op(1, 0, -1, SEM_UNDO);
		IN_CHILD("child") {
			op(1, 0, -1, SEM_UNDO);
		}
		V(val(0));
		IN_CHILD("other program") {
			op(1, 0, -2, SEM_UNDO);
			char number[20], *args[] = { "/proc/self/exe", number, NULL };
			snprintf(number, sizeof(number), "%d", set);
			execv(args[0], args);
		}
		V(val(0));
	}
	V(val(0));
	/* What is given back wakes. */
	setval(0, 0);
	IN_CHILD("releases by its end") {
		setval(0, 1);
		op(1, 0, -1, SEM_UNDO);
		if (fork() == 0) {
			struct sembuf one = { 0, -1, 0 };
			NEED(semop(set, &one, 1) == 0);
			setval(2, 9);
			_exit(0);
		}
		nap(50);
	}
	for (int i = 0; i < 100 && val(2) != 9; i++)
		nap(10);
	V(val(2));
	setval(2, 0);
}

static void *thread_takes(void *arg)
{
	(void)arg;
	op(1, 0, -1, SEM_UNDO);
	return NULL;
}

static void threads(void)
{
	pthread_t t;

	/* Threads share what they give back: it comes with the end of the process. */
	setval(0, 2);
	IN_CHILD("threads") {
		pthread_create(&t, NULL, thread_takes, NULL);
		pthread_join(t, NULL);
		V(val(0));
		op(1, 0, -1, SEM_UNDO);
		V(val(0));
	}
	V(val(0));
	setval(0, 0);
}

static void waits_end(void)
{
	struct sembuf one = { 0, -1, 0 };
	struct timespec ts = { 0, 30000000 };
	pid_t pid;

	R(semtimedop(set, &one, 1, &ts));
	ts = (struct timespec){ 0, 0 };
	R(semtimedop(set, &one, 1, &ts));
	ts = (struct timespec){ -1, 0 };
	R(semtimedop(set, &one, 1, &ts));
	ts = (struct timespec){ 0, 1000000000 };
	R(semtimedop(set, &one, 1, &ts));
	R(SYS(semtimedop, set, &one, 1L, 8L));
	setval(0, 1);
	ts = (struct timespec){ 1, 0 };
	R(semtimedop(set, &one, 1, &ts));
	if ((pid = fork()) == 0) {
		catch(SIGALRM, on_signal, SA_RESTART);
		ualarm(40000, 0);
		_exit(semop(set, &one, 1) ? errno : 0);
	}
	reap("interrupted", pid);
	R(semctl(set, 0, GETNCNT));
	pid = waiter(0, -1, 0);
	nap(40);
	kill(pid, SIGKILL);
	reap("killed", pid);
	R(semctl(set, 0, GETNCNT));
}

static void bad(void)
{
	struct sembuf ops[600] = { { 0, 0, IPC_NOWAIT } };
	struct semid_ds ds;

	setval(0, 0);
	R(semop(set, ops, 0));
	R(semop(set, ops, 500));
	R(semop(set, ops, 501));
	R(semop(-1, ops, 1));
	R(semop(set + 32768, ops, 1));
	R(semop(set + 777, ops, 1));
	R(SYS(semop, set, 8L, 1L));
	R(SYS(semop, -1, 8L, 501L));
	R(SYS(semop, set, 8L, 501L));
	R(op(1, 4, 1, 0));
	R(op(1, 65535, 0, 0));
	R(op(1, 4, 0, SEM_UNDO));
	R(semget(IPC_PRIVATE, 0, 0600));
	R(semget(IPC_PRIVATE, -1, 0600));
	R(semget(IPC_PRIVATE, 32001, 0600));
	R(semctl(set, 4, GETVAL));
	R(semctl(set, -1, GETVAL));
	R(semctl(set, 0, 99));
	R(semctl(-1, 0, GETVAL));
	R(SYS(semctl, set, 0, GETALL, 8L));
	R(SYS(semctl, set, 0, SETALL, 8L));
	R(SYS(semctl, set, 0, IPC_STAT, 8L));
	R(SYS(semctl, set, 0, IPC_SET, 8L));
	R(SYS(semctl, 0, 0, IPC_INFO, 8L));
	R(semctl(31000, 0, SEM_STAT, (union semun){ .buf = &ds }));
	setval(0, 0);
}

static void keys(void)
{
	int a;

	R(semget(0x5e5e, 2, 0600));
	a = OK(semget(0x5e5e, 2, IPC_CREAT | 0600));
	R(semget(0x5e5e, 2, IPC_CREAT | IPC_EXCL | 0600));
	T(semget(0x5e5e, 0, 0) == a);
	T(semget(0x5e5e, 2, 0600) == a);
	R(semget(0x5e5e, 3, 0));
	R(semctl(a, 0, IPC_RMID));
	R(semctl(a, 0, IPC_RMID));
	R(semget(0x5e5e, 0, 0));
	R(semget(0x5e5e, 0, IPC_CREAT | 0600));
}

static void rights(void)
{
	struct semid_ds ds;

	R(semctl(set, 0, IPC_STAT, (union semun){ .buf = &ds }));
	say("%o, %lu semaphores, used %d\n", ds.sem_perm.mode, (unsigned long)ds.sem_nsems, ds.sem_otime != 0);
	IN_CHILD("another user") {
		NEED(setgid(99) == 0 && setuid(99) == 0);
		R(op(1, 0, 0, 0));
		R(op(1, 0, 1, 0));
		R(semctl(set, 0, GETVAL));
		R(semctl(set, 9, GETVAL));
		R(semctl(set, 0, SETVAL, (union semun){ .val = 1 }));
		R(semctl(set, 0, IPC_RMID));
		R(semctl(set, 0, IPC_SET, (union semun){ .buf = &ds }));
	}
	ds.sem_perm.mode = 0644;
	R(semctl(set, 0, IPC_SET, (union semun){ .buf = &ds }));
	IN_CHILD("may look") {
		NEED(setgid(99) == 0 && setuid(99) == 0);
		R(op(1, 0, 0, 0));
		R(op(1, 0, 1, 0));
		R(semctl(set, 0, GETVAL));
		R(semctl(set, 0, SETVAL, (union semun){ .val = 1 }));
		T(semctl(set & 32767, 0, SEM_STAT, (union semun){ .buf = &ds }) == set);
	}
}

static void information(void)
{
	struct seminfo i;
	struct semid_ds ds;
	char line[300];
	int index = semctl(0, 0, IPC_INFO, (union semun){ .info = &i });

	T(index >= (set & 32767));
	say("%d %d %d %d %d %d %d %d %d %d\n", i.semmap, i.semmni, i.semmns, i.semmnu, i.semmsl, i.semopm, i.semume, i.semusz, i.semvmx, i.semaem);
	T(semctl(0, 0, SEM_INFO, (union semun){ .info = &i }) == index);
	T(i.semusz >= 1 && i.semaem >= 4);
	T(semctl(set & 32767, 0, SEM_STAT, (union semun){ .buf = &ds }) == set);
	T(semctl(set & 32767, 0, 20, (union semun){ .buf = &ds }) == set);
	FILE *f = fopen("/proc/sysvipc/sem", "r");
	NEED(f && fgets(line, sizeof(line), f));
	say("%s", line);
	while (fgets(line, sizeof(line), f)) {
		int key, got;
		if (sscanf(line, "%d %d", &key, &got) == 2 && got == set) {
			V(strlen(line));
			line[62] = 0;
			say("%d          I%s\n", key, line + 21);
		}
	}
	fclose(f);
	f = fopen("/proc/sys/kernel/sem", "r");
	NEED(f && fgets(line, sizeof(line), f));
	say("%s", line);
	fclose(f);
}

static void removed(void)
{
	pid_t pid[3];

	setval(0, 0);
	for (int i = 0; i < 3; i++)
		pid[i] = waiter(i, i == 1 ? 0 : -1, 1);
	nap(20);
	pid[1] = (reap("already zero", pid[1]), waiter(0, -1, 1));
	nap(60);
	R(semctl(set, 0, IPC_RMID));
	V(EIDRM);
	for (int i = 0; i < 3; i++)
		reap("removed", pid[i]);
	R(op(1, 0, 1, 0));
	/* Undo of a set that is gone does no harm. */
	set = semget(IPC_PRIVATE, 1, 0600);
	IN_CHILD("undo without a set") {
		R(op(1, 0, 1, SEM_UNDO));
		R(semctl(set, 0, IPC_RMID));
		set = semget(IPC_PRIVATE, 3, 0600);
		R(op(1, 2, 1, SEM_UNDO));
		R(semctl(set, 0, IPC_RMID));
	}
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		set = atoi(argv[1]);
		V(val(0));
		return 0;
	}
	set = semget(IPC_PRIVATE, 4, 0600);
	NEED(set >= 0);
	sets();
	order();
	undo();
	threads();
	waits_end();
	bad();
	keys();
	rights();
	information();
	removed();
	return 0;
}
