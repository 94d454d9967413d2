/* stage: 13; libc: musl; run: guest+golden
 * What only root may do with pipes, queues, semaphores, shared memory, sockets and timers, asked for by somebody else: first as root, then without rights. */
#include "t.h"
#include <fcntl.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#define KEY 0x51db0000

static int owned[3]; /* root's, mode 0600: queue, semaphores, memory */

struct kernel_mq_attr {
	long flags, maxmsg, msgsize, curmsgs, reserved[4];
};

static void option(const char *name, int fd, int level, int what, int value)
{
	int r = setsockopt(fd, level, what, &value, sizeof(value));

	say("%s: %s\n", name, r ? errname(errno) : "0");
}

static void pipes(void)
{
	int p[2], r;

	NEED(pipe(p) == 0);
	R(fcntl(p[1], F_SETPIPE_SZ, 1 << 20));
	r = fcntl(p[1], F_SETPIPE_SZ, 2 << 20);
	say("more than the limit: %s\n", r < 0 ? errname(errno) : "granted");
	close(p[0]), close(p[1]);
}

static void queues(void)
{
	struct msqid_ds ds;
	struct { long type; char text[8]; } m = { 1, "x" };
	int id = msgget(IPC_PRIVATE, 0600);

	NEED(id >= 0);
	R(msgctl(id, IPC_STAT, &ds));
	ds.msg_qbytes = 20000;
	R(msgctl(id, IPC_SET, &ds));
	ds.msg_qbytes = 100;
	R(msgctl(id, IPC_SET, &ds));
	R(msgctl(id, IPC_RMID, NULL));
	R(msgctl(owned[0], IPC_STAT, &ds));
	R(msgsnd(owned[0], &m, 1, IPC_NOWAIT));
	R((int)msgrcv(owned[0], &m, 8, 0, IPC_NOWAIT));
	R(msgctl(owned[0], IPC_SET, &ds));
	R(msgget(KEY, 0) < 0 ? -1 : 0);
	R(msgget(KEY, 0600) < 0 ? -1 : 0);
	R(msgget(KEY, 0666 | IPC_CREAT) < 0 ? -1 : 0);
	R(msgget(KEY, IPC_CREAT | IPC_EXCL));
}

static void semaphores(void)
{
	struct semid_ds ds;
	union { int val; struct semid_ds *buf; unsigned short *array; } a;
	struct sembuf up = { 0, 1, IPC_NOWAIT }, zero = { 0, 0, IPC_NOWAIT };
	unsigned short values[2];

	a.val = 1;
	R(semctl(owned[1], 0, GETVAL));
	R(semctl(owned[1], 0, SETVAL, a));
	R(semctl(owned[1], 0, GETNCNT));
	R(semctl(owned[1], 0, GETPID) < 0 ? -1 : 0);
	a.array = values;
	R(semctl(owned[1], 0, GETALL, a));
	R(semop(owned[1], &up, 1));
	R(semop(owned[1], &zero, 1));
	a.buf = &ds;
	R(semctl(owned[1], 0, IPC_STAT, a));
	R(semctl(owned[1], 0, IPC_SET, a));
}

static void memory(void)
{
	struct shmid_ds ds;
	int id = shmget(IPC_PRIVATE, 1 << 20, 0600);
	void *at;

	NEED(id >= 0);
	R(shmctl(id, SHM_LOCK, NULL));
	R(shmctl(id, SHM_UNLOCK, NULL));
	R(shmctl(id, IPC_RMID, NULL));
	at = shmat(owned[2], NULL, SHM_RDONLY);
	say("attach: %s\n", at == (void *)-1 ? errname(errno) : "0");
	if (at != (void *)-1)
		shmdt(at);
	R(shmctl(owned[2], IPC_STAT, &ds));
	R(shmctl(owned[2], SHM_LOCK, NULL));
	R(shmctl(owned[2], SHM_UNLOCK, NULL));
	R(shmctl(owned[2], IPC_SET, &ds));
	id = shmget(IPC_PRIVATE, 2 << 20, 0600 | 04000);
	say("huge: %s\n", id < 0 ? errname(errno) : "0");
	if (id >= 0)
		shmctl(id, IPC_RMID, NULL);
}

static void messages(void)
{
	struct kernel_mq_attr many = { .maxmsg = 11, .msgsize = 8 }, long_ones = { .maxmsg = 2, .msgsize = 8193 }, huge = { .maxmsg = 65537, .msgsize = 8 };
	int fd = (int)syscall(SYS_mq_open, "many", O_CREAT | O_RDWR, 0600, &many);

	say("eleven messages: %s\n", fd < 0 ? errname(errno) : "0");
	close(fd);
	syscall(SYS_mq_unlink, "many");
	fd = (int)syscall(SYS_mq_open, "long", O_CREAT | O_RDWR, 0600, &long_ones);
	say("long messages: %s\n", fd < 0 ? errname(errno) : "0");
	close(fd);
	syscall(SYS_mq_unlink, "long");
	fd = (int)syscall(SYS_mq_open, "huge", O_CREAT | O_RDWR, 0600, &huge);
	say("too many: %s\n", fd < 0 ? errname(errno) : "0");
	close(fd);
	syscall(SYS_mq_unlink, "huge");
	fd = (int)syscall(SYS_mq_open, "roots", O_RDWR, 0, NULL);
	say("root's queue: %s\n", fd < 0 ? errname(errno) : "0");
	close(fd);
	R(SYS(mq_unlink, "roots"));
}

static void sockets(void)
{
	struct sockaddr_in low = { .sin_family = AF_INET, .sin_port = htons(80), .sin_addr.s_addr = htonl(INADDR_ANY) };
	struct ucred me = { getpid(), getuid(), getgid() }, spoof[] = { { 1, getuid(), getgid() }, { getpid(), 77, getgid() }, { getpid(), getuid(), 77 } };
	int fd = socket(AF_INET, SOCK_STREAM, 0), pair[2];

	option("SO_RCVBUFFORCE", fd, SOL_SOCKET, SO_RCVBUFFORCE, 10000);
	option("SO_SNDBUFFORCE", fd, SOL_SOCKET, SO_SNDBUFFORCE, 10000);
	option("SO_PRIORITY 6", fd, SOL_SOCKET, SO_PRIORITY, 6);
	option("SO_PRIORITY 7", fd, SOL_SOCKET, SO_PRIORITY, 7);
	option("SO_MARK", fd, SOL_SOCKET, SO_MARK, 7);
	option("debugging", fd, SOL_SOCKET, SO_DEBUG, 1);
	option("IP_TRANSPARENT", fd, IPPROTO_IP, IP_TRANSPARENT, 1);
	R(bind(fd, (void *)&low, sizeof(low)));
	close(fd);
	fd = socket(AF_INET, SOCK_RAW, 1);
	say("raw: %s\n", fd < 0 ? errname(errno) : "0");
	close(fd);
	fd = socket(AF_PACKET, SOCK_RAW, 0);
	say("packet: %s\n", fd < 0 ? errname(errno) : "0");
	close(fd);
	NEED(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0);
	for (int i = -1; i < 3; i++) {
		union { struct cmsghdr h; char room[CMSG_SPACE(sizeof(me))]; } c = { .h = { .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_CREDENTIALS, .cmsg_len = CMSG_LEN(sizeof(me)) } };
		struct iovec v = { "x", 1 };
		struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c) };

		memcpy(CMSG_DATA(&c.h), i < 0 ? &me : &spoof[i], sizeof(me));
		say("credentials %d: %s\n", i, sendmsg(pair[0], &m, MSG_DONTWAIT) < 0 ? errname(errno) : "0");
	}
	close(pair[0]), close(pair[1]);
}

static void others(void)
{
	struct rlimit l;
	struct sched_param prio = { .sched_priority = 1 };

	NEED(getrlimit(RLIMIT_NOFILE, &l) == 0);
	l.rlim_max += 1;
	R(setrlimit(RLIMIT_NOFILE, &l));
	l.rlim_max -= 1;
	R(setrlimit(RLIMIT_NOFILE, &l));
	R(SYS(sched_setscheduler, 0, 1, &prio));
	prio.sched_priority = 0;
	R(SYS(sched_setscheduler, 0, 0, &prio));
	R(setpriority(PRIO_PROCESS, 0, -1));
	R(setpriority(PRIO_PROCESS, 0, 0));
	R(SYS(ioprio_set, 1, 0, (1 << 13) | 4));
	R(SYS(ioprio_set, 1, 0, (2 << 13) | 4));
	R(mlock(NULL, 0));
	R(SYS(sethostname, "x", 300));
	R(SYS(chroot, "/tmp/none"));
	R(SYS(reboot, 0, 0, 0, 0));
	R(SYS(syslog, 3, NULL, 0));
	R(SYS(syslog, 10, NULL, 0));
	R(SYS(vhangup));
	R(SYS(settimeofday, NULL, NULL));
	R(SYS(unshare, 0));
	R(SYS(mknod, "device", 0020600, 0x103));
	R(SYS(unlink, "device"));
	R(SYS(mknod, "fifo", 0010600, 0));
	R(SYS(unlink, "fifo"));
}

static void all(void)
{
	pipes();
	queues();
	semaphores();
	memory();
	messages();
	sockets();
	others();
}

int main(void)
{
	struct kernel_mq_attr few = { .maxmsg = 2, .msgsize = 8 };
	int fd, status;
	pid_t pid;

	t_dir();
	NEED(chmod(".", 0777) == 0);
	owned[0] = msgget(KEY, IPC_CREAT | 0600);
	owned[1] = semget(KEY, 2, IPC_CREAT | 0600);
	owned[2] = shmget(KEY, 4096, IPC_CREAT | 0600);
	NEED(owned[0] >= 0 && owned[1] >= 0 && owned[2] >= 0);
	fd = (int)syscall(SYS_mq_open, "roots", O_CREAT | O_RDWR, 0600, &few);
	NEED(fd >= 0);
	close(fd);
	all();
	say("--- without rights\n");
	fd = (int)syscall(SYS_mq_open, "roots", O_CREAT | O_RDWR, 0600, &few);
	close(fd);
	pid = fork();
	NEED(pid >= 0);
	if (!pid) {
		NEED(setgid(1000) == 0 && setuid(1000) == 0);
		all();
		R(msgctl(owned[0], IPC_RMID, NULL));
		R(semctl(owned[1], 0, IPC_RMID));
		R(shmctl(owned[2], IPC_RMID, NULL));
		return 0;
	}
	NEED(waitpid(pid, &status, 0) == pid && status == 0);
	R(msgctl(owned[0], IPC_RMID, NULL));
	R(semctl(owned[1], 0, IPC_RMID));
	R(shmctl(owned[2], IPC_RMID, NULL));
	R(SYS(mq_unlink, "roots"));
	return 0;
}
