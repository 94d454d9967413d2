/* stage: 09; libc: musl; run: guest
 * IPC when memory is short. In a checking kernel every allocation and copy of each call is made to fail in turn (/proc/self/fail-nth): the call says so, leaves
 * nothing behind, and works when it is made again. In any other kernel each is made once. */
#include "t.h"
#include "linux_futex.h"
#include <mqueue.h>
#include <pthread.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

static int fail = -1; /* /proc/self/fail-nth, or -1 */
static int id;
static char buf[12000];
static unsigned word;
static int wrong;

/* Arms the fault: false if there are none. */
static int arm(int n)
{
	char text[16];

	return fail >= 0 && pwrite(fail, text, snprintf(text, sizeof(text), "%d", n), 0) > 0;
}

/* Did the fault come? It is off afterwards. */
static int fired(void)
{
	char text[16] = "";

	if (fail < 0)
		return 0;
	pread(fail, text, sizeof(text) - 1, 0);
	int left = atoi(text);
	arm(0);
	return left == 0;
}

struct call {
	const char *name;
	long (*make)(void);
	void (*undo)(void);
};

static long make_queue(void) { return id = msgget(IPC_PRIVATE, 0600); }
static void drop_queue(void) { msgctl(id, IPC_RMID, NULL); }
static long make_set(void) { return id = semget(IPC_PRIVATE, 300, 0600); }
static void drop_set(void) { semctl(id, 0, IPC_RMID); }
static long make_segment(void) { return id = shmget(IPC_PRIVATE, 9000, 0600); }
static void drop_segment(void) { shmctl(id, IPC_RMID, NULL); }

static long send(void)
{
	*(long *)buf = 1;
	return msgsnd(id, buf, 8192, IPC_NOWAIT);
}
static void receive(void) { msgrcv(id, buf, 8192, 0, IPC_NOWAIT); }

static long undo_op(void)
{
	struct sembuf ops[20] = { { 0, 1, SEM_UNDO }, { 7, 1, 0 } };
	for (int i = 2; i < 20; i++)
		ops[i].sem_num = 9;
	return semop(id, ops, 20);
}
static void undo_undo(void)
{
	struct sembuf ops[2] = { { 0, -1, SEM_UNDO }, { 7, -1, 0 } };
	semop(id, ops, 2);
}
static long read_all(void) { return SYS(semctl, id, 0, GETALL, buf); }
static void nothing(void) {}

static char *at;
static long attach(void)
{
	at = shmat(id, NULL, 0);
	return at == (void *)-1 ? -1 : 0;
}
static void detach(void) { shmdt(at); }

static mqd_t q;
static long open_queue(void) { return q = mq_open("/fault", O_CREAT | O_RDWR | O_NONBLOCK, 0600, NULL); }
static void close_queue(void)
{
	mq_close(q);
	mq_unlink("/fault");
}
static long post(void) { return mq_send(q, buf, 8192, 3); }
static void take(void) { mq_receive(q, buf, 8192, NULL); }

static long lock_pi(void) { return SYS(futex, &word, FUTEX_LOCK_PI, 0, NULL); }
static void unlock_pi(void) { SYS(futex, &word, FUTEX_UNLOCK_PI); }

/* Every step fails once; then it works. */
static void each(const struct call *c)
{
	int n, right = 1;

	for (n = 1; n < 500; n++) {
		memset(buf, 1, sizeof(buf));
		arm(n);
		errno = 0;
		long r = c->make();
		int error = errno, came = fired();

		if (r >= 0) {
			c->undo();
			if (!came)
				break;
			continue; /* what failed was only asked for, not needed */
		}
		if (error != ENOMEM && error != EFAULT && error != ENFILE && error != EAGAIN) {
			say("%s, step %d: %s\n", c->name, n, errname(error));
			right = 0;
		}
		if (!came)
			break;
	}
	right = right && n < 500 && (fail < 0 || n > 1);
	wrong |= !right;
	say("%s: %s\n", c->name, right ? "ok" : "wrong");
}

/* What all caches hold, but those of names and inodes: each CPU frees them in batches. */
static long objects(void)
{
	static char text[30000];
	long sum = 0;
	int fd = open("/proc/slabinfo", O_RDONLY), n = 0, got;

	while (fd >= 0 && n < (int)sizeof(text) - 1 && (got = read(fd, text + n, sizeof(text) - 1 - n)) > 0)
		n += got;
	close(fd);
	text[n] = 0;
	for (char *line = text; (line = strchr(line, '\n')); ) {
		long active;
		char name[64];
		if (sscanf(++line, "%63s %ld", name, &active) == 2 && strcmp(name, "dentry") != 0 && !strstr(name, "inode"))
			sum += active;
	}
	return sum;
}

static void round_of_all(void)
{
	static const struct call queue = { "msgget", make_queue, drop_queue }, sending = { "msgsnd", send, receive };
	static const struct call set = { "semget", make_set, drop_set }, undoing = { "semop", undo_op, undo_undo }, reading = { "semctl", read_all, nothing };
	static const struct call segment = { "shmget", make_segment, drop_segment }, attaching = { "shmat", attach, detach };
	static const struct call named = { "mq_open", open_queue, close_queue }, posting = { "mq_send", post, take };
	static const struct call locking = { "lock_pi", lock_pi, unlock_pi };

	each(&queue);
	make_queue();
	each(&sending);
	drop_queue();
	each(&set);
	make_set();
	each(&undoing);
	each(&reading);
	drop_set();
	each(&segment);
	make_segment();
	each(&attaching);
	drop_segment();
	each(&named);
	open_queue();
	each(&posting);
	close_queue();
	/* In a fresh process: of this one the kernel keeps since its first SEM_UNDO what it would have to make now. */
	pid_t pid = fork();
	NEED(pid >= 0);
	if (!pid) {
		if (fail >= 0) {
			NEED(mlockall(MCL_CURRENT) == 0);
			fail = open("/proc/self/fail-nth", O_RDWR);
		}
		wrong = 0;
		each(&locking);
		_exit(wrong);
	}
	int status;
	NEED(waitpid(pid, &status, 0) == pid);
	wrong |= status != 0;
}

int main(void)
{
	NEED(mlockall(MCL_CURRENT) == 0); /* a fault that hits a page of this program would kill it */
	fail = open("/proc/self/fail-nth", O_RDWR);
	round_of_all();
	/* And nothing is left. */
	int null = open("/dev/null", O_WRONLY), out = dup(1);
	dup2(null, 1);
	round_of_all();
	long before = objects();
	for (int i = 0; i < 80; i++)
		round_of_all();
	long after = objects();
	dup2(out, 1);
	struct msginfo info;
	int left = msgctl(0, MSG_INFO, (void *)&info) < 0 || info.msgpool;
	if (after - before > 60 || left)
		say("objects: %ld, then %ld; queues: %d\n", before, after, info.msgpool);
	return wrong || after - before > 60 || left;
}
