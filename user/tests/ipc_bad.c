/* stage: 09; libc: musl; run: guest+golden
 * Each call between processes with what is wrong about it: an object of somebody else, one that goes while it is waited for, a wait that a signal ends or whose
 * time is over, a peer that is gone, a descriptor of another kind, limits. */
#include "t.h"

#include <mqueue.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>

static struct { long type; char text[100]; } message = { 1, "text" };
static int queue, set, segment;
static mqd_t full_mq, empty_mq;
static int empty_pipe[2], full_pipe[2], pair[2], event, timer, sig_fd, watch, ep, listener;

static void nothing(int sig)
{
	(void)sig;
}

/* A child waits in `what`; as soon as it sleeps, `then` is done to it: what it was answered. */
static void while_waiting(const char *name, long (*what)(void), void (*then)(pid_t pid))
{
	int report[2], status;
	struct { long r; int error; } answer = { 0, 0 };
	char path[64], text[256], state = 0;
	pid_t pid;

	NEED(pipe(report) == 0);
	pid = fork();
	if (pid == 0) {
		struct sigaction a = { .sa_handler = nothing, .sa_flags = SA_RESTART };
		sigaction(SIGUSR1, &a, NULL);
		a.sa_flags = 0;
		sigaction(SIGUSR2, &a, NULL);
		errno = 0;
		answer.r = what();
		answer.error = answer.r < 0 ? errno : 0;
		write(report[1], &answer, sizeof(answer));
		_exit(0);
	}
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	for (int tries = 0; tries < 20000 && state != 'S' && state != 'Z'; tries++) {
		int fd = open(path, O_RDONLY);
		ssize_t n = read(fd, text, sizeof(text) - 1);
		close(fd);
		text[n > 0 ? n : 0] = 0;
		char *end = strrchr(text, ')');
		state = end ? end[2] : 0;
		sched_yield();
	}
	then(pid);
	read(report[0], &answer, sizeof(answer));
	say("%s: %s\n", name, answer.r < 0 ? errname(answer.error) : answer.r == 0 ? "0" : "+");
	waitpid(pid, &status, 0);
	close(report[0]);
	close(report[1]);
}

static void interrupt(pid_t pid) { kill(pid, SIGUSR2); }
static void remove_queue(pid_t pid) { (void)pid; msgctl(queue, IPC_RMID, NULL); }
static void remove_set(pid_t pid) { (void)pid; semctl(set, 0, IPC_RMID); }

static long do_msgrcv(void) { return msgrcv(queue, &message, sizeof(message.text), 99, 0); }
static long do_msgsnd(void) { return msgsnd(queue, &message, sizeof(message.text), 0); }
static long do_semop(void) { struct sembuf b = { 0, -1, 0 }; return semop(set, &b, 1); }
static long do_semzero(void) { struct sembuf b = { 1, 0, 0 }; return semop(set, &b, 1); }
static long do_mq_receive(void) { char c[64]; return mq_receive(empty_mq, c, sizeof(c), NULL); }
static long do_mq_send(void) { return mq_send(full_mq, "x", 1, 0); }
static long do_read(void) { char c; return read(empty_pipe[0], &c, 1); }
static long do_write(void) { return write(full_pipe[1], "x", 1); }
static long do_splice(void) { return splice(empty_pipe[0], NULL, full_pipe[1], NULL, 1, 0); }
static long do_tee(void) { return tee(empty_pipe[0], full_pipe[1], 1, 0); }
static long do_fifo(void) { return open("fifo", O_RDONLY); }
static long do_recv(void) { char c; return recv(pair[0], &c, 1, 0); }
static long do_recvmsg(void) { char c; struct iovec v = { &c, 1 }; struct msghdr h = { .msg_iov = &v, .msg_iovlen = 1 }; return recvmsg(pair[0], &h, 0); }
static long do_accept(void) { return accept(listener, NULL, NULL); }
static long do_event(void) { uint64_t v; return read(event, &v, 8); }
static long do_timer(void) { uint64_t v; return read(timer, &v, 8); }
static long do_signal(void) { struct signalfd_siginfo i; return read(sig_fd, &i, sizeof(i)); }
static long do_watch(void) { char c[512]; return read(watch, c, sizeof(c)); }
static long do_poll(void) { struct pollfd p = { empty_pipe[0], POLLIN, 0 }; return poll(&p, 1, -1); }
static long do_select(void) { fd_set s; FD_ZERO(&s); FD_SET(empty_pipe[0], &s); return select(empty_pipe[0] + 1, &s, NULL, NULL, NULL); }
static long do_epoll(void) { struct epoll_event e; return epoll_wait(ep, &e, 1, -1); }
static long do_wait(void) { pid_t p = fork(); if (p == 0) { sleep(100); _exit(0); } long r = waitid(P_PID, (id_t)p, NULL, WEXITED); int e = errno; kill(p, SIGKILL); errno = e; return r; }
static long do_futex(void) { uint32_t w = 0; return syscall(SYS_futex, &w, 0, 0, NULL, NULL, 0); }
static long do_sigwait(void) { sigset_t s; sigemptyset(&s); sigaddset(&s, SIGHUP); return syscall(SYS_rt_sigtimedwait, &s, NULL, NULL, 8); }

static void waits(void)
{
	static const struct { const char *name; long (*what)(void); } all[] = {
		{ "msgrcv", do_msgrcv }, { "msgsnd", do_msgsnd }, { "semop", do_semop }, { "semop for zero", do_semzero }, { "mq_receive", do_mq_receive }, { "mq_send", do_mq_send },
		{ "pipe read", do_read }, { "pipe write", do_write }, { "splice", do_splice }, { "tee", do_tee }, { "fifo open", do_fifo }, { "recv", do_recv }, { "recvmsg", do_recvmsg },
		{ "accept", do_accept }, { "eventfd", do_event }, { "timerfd", do_timer }, { "signalfd", do_signal }, { "inotify", do_watch }, { "poll", do_poll }, { "select", do_select },
		{ "epoll_wait", do_epoll }, { "waitid", do_wait }, { "futex", do_futex }, { "sigtimedwait", do_sigwait },
	};

	say("--- a signal ends the wait\n");
	for (size_t i = 0; i < COUNT(all); i++)
		while_waiting(all[i].name, all[i].what, interrupt);
	say("--- the object goes\n");
	while_waiting("msgrcv", do_msgrcv, remove_queue);
	while_waiting("semop", do_semop, remove_set);
	R(msgsnd(queue, &message, 1, IPC_NOWAIT));
	R(msgrcv(queue, &message, 1, 0, IPC_NOWAIT));
	R(msgctl(queue, IPC_RMID, NULL));
	R(semctl(set, 0, GETVAL));
	R(semctl(set, 0, IPC_RMID));
}

/* What another user may do with objects of ours that are closed to it. */
static void strangers(void)
{
	union { int val; struct semid_ds *buf; unsigned short *array; } arg;
	struct sembuf up = { 0, 1, 0 }, zero = { 0, 0, 0 };
	struct msqid_ds md;
	struct semid_ds sd;
	struct shmid_ds hd;
	key_t key = 0x51ab;
	int status;
	int q = msgget(key, IPC_CREAT | 0600), s = semget(key, 2, IPC_CREAT | 0600), m = shmget(key, 4096, IPC_CREAT | 0600);

	say("--- of somebody else\n");
	NEED(q >= 0 && s >= 0 && m >= 0);
	if (fork() == 0) {
		NEED(setresgid(1000, 1000, 1000) == 0 && setresuid(1000, 1000, 1000) == 0);
		R(msgget(key, 0600));
		OK(msgget(key, 0));
		R(msgget(key, IPC_CREAT | IPC_EXCL | 0600));
		R(msgsnd(q, &message, 1, 0));
		R(msgrcv(q, &message, 1, 0, IPC_NOWAIT));
		R(msgctl(q, IPC_STAT, &md));
		R(msgctl(q, IPC_SET, &md));
		R(msgctl(q, IPC_RMID, NULL));
		R(semget(key, 2, 0600));
		R(semget(key, 3, 0));
		R(semop(s, &up, 1));
		R(semop(s, &zero, 1));
		arg.buf = &sd;
		R(semctl(s, 0, IPC_STAT, arg));
		R(semctl(s, 0, IPC_SET, arg));
		R(semctl(s, 0, IPC_RMID));
		R(semctl(s, 0, GETVAL));
		R(semctl(s, 0, GETNCNT));
		arg.val = 1;
		R(semctl(s, 0, SETVAL, arg));
		R(semctl(s, 5, SETVAL, arg));
		R(shmget(key, 4096, 0600));
		R(shmget(key, 8192, 0));
		R((long)shmat(m, NULL, 0));
		R((long)shmat(m, NULL, SHM_RDONLY));
		R(shmctl(m, IPC_STAT, &hd));
		R(shmctl(m, IPC_SET, &hd));
		R(shmctl(m, IPC_RMID, NULL));
		R(mq_open("/bad_full", O_RDWR));
		R(mq_open("/bad_full", O_RDONLY));
		R(mq_unlink("/bad_full"));
		R(syscall(SYS_get_robust_list, 1, &status, &status));
		R(syscall(SYS_pidfd_send_signal, syscall(SYS_pidfd_open, 1, 0), 0, NULL, 0));
		R(kill(1, 0));
		_exit(0);
	}
	wait(&status);
	msgctl(q, IPC_RMID, NULL);
	semctl(s, 0, IPC_RMID);
	shmctl(m, IPC_RMID, NULL);
}

static void kinds(void)
{
	struct itimerspec t = { { 0, 0 }, { 0, 0 } };
	struct epoll_event e = { .events = EPOLLIN };
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "socket" }, none = { .sun_family = AF_UNIX, .sun_path = "none" };
	struct signalfd_siginfo info;
	sigset_t sigs;
	char byte[8];

	say("--- of another kind, and used twice\n");
	sigemptyset(&sigs);
	R(timerfd_settime(event, 0, &t, NULL));
	R(timerfd_settime(99, 0, &t, NULL));
	R(timerfd_gettime(empty_pipe[0], &t));
	R(syscall(SYS_signalfd4, event, &sigs, 8, 0));
	R(syscall(SYS_signalfd4, 99, &sigs, 8, 0));
	R(syscall(SYS_signalfd4, -1, &sigs, 4, 0));
	R(inotify_add_watch(event, ".", IN_CREATE));
	R(inotify_rm_watch(watch, 77));
	R(epoll_ctl(event, EPOLL_CTL_ADD, empty_pipe[0], &e));
	R(epoll_ctl(ep, EPOLL_CTL_ADD, empty_pipe[0], &e));
	R(epoll_ctl(ep, EPOLL_CTL_DEL, full_pipe[1], &e));
	R(epoll_ctl(ep, EPOLL_CTL_MOD, full_pipe[1], &e));
	R(epoll_ctl(ep, EPOLL_CTL_ADD, 99, &e));
	R(epoll_ctl(99, EPOLL_CTL_ADD, full_pipe[1], &e));
	R(epoll_ctl(ep, EPOLL_CTL_ADD, ep, &e));
	R(epoll_ctl(ep, 7, full_pipe[1], &e));
	R(epoll_wait(event, &e, 1, 0));
	R(epoll_wait(ep, &e, 0, 0));
	R(epoll_wait(ep, &e, -1, 0));
	R(read(event, byte, 7));
	R(write(event, "\xff\xff\xff\xff\xff\xff\xff\xff", 8));
	R(read(timer, byte, 7));
	R(read(sig_fd, &info, sizeof(info) - 1));
	R(write(timer, byte, 8));
	R(write(sig_fd, byte, 8));
	R(read(ep, byte, 8));
	R(mq_receive(event, byte, 8, NULL));
	R(mq_send(event, byte, 8, 0));
	R(mq_receive(empty_mq, byte, 8, NULL));
	R(mq_send(empty_mq, byte, 8, 32768));
	R(accept(event, NULL, NULL));
	R(accept(pair[0], NULL, NULL));
	R(listen(pair[0], 1));
	R(bind(listener, (struct sockaddr *)&a, sizeof(a)));
	R(connect(pair[0], (struct sockaddr *)&a, sizeof(a)));
	int s = socket(AF_UNIX, SOCK_STREAM, 0), d = socket(AF_UNIX, SOCK_DGRAM, 0);
	R(connect(s, (struct sockaddr *)&none, sizeof(none)));
	R(connect(d, (struct sockaddr *)&a, sizeof(a)));
	R(bind(s, (struct sockaddr *)&a, sizeof(a)));
	R(send(s, "x", 1, MSG_NOSIGNAL));
	R(recv(s, byte, 1, 0));
	R(shutdown(s, SHUT_RD));
	R(shutdown(pair[0], 3));
	R(splice(empty_pipe[0], NULL, empty_pipe[1], NULL, 1, SPLICE_F_NONBLOCK));
	R(tee(empty_pipe[0], empty_pipe[1], 1, SPLICE_F_NONBLOCK));
	R(tee(empty_pipe[1], full_pipe[1], 1, SPLICE_F_NONBLOCK));
	R(fcntl(empty_pipe[0], F_SETPIPE_SZ, -1));
	R(fcntl(event, F_GETPIPE_SZ));
	close(s);
	close(d);
}

static void gone(void)
{
	struct timespec past = { 0, 0 };
	struct timespec soon = { 0, 1000000 };
	struct sembuf down = { 0, -1, 0 };
	char byte[64];
	int fd[2], s = semget(IPC_PRIVATE, 1, 0600);

	say("--- the peer is gone, the time is over\n");
	signal(SIGPIPE, SIG_IGN);
	NEED(pipe(fd) == 0);
	close(fd[0]);
	R(write(fd[1], "x", 1));
	R(splice(open("plain", O_RDONLY), NULL, fd[1], NULL, 1, 0));
	struct iovec v = { byte, 1 };
	R(vmsplice(fd[1], &v, 1, 0));
	close(fd[1]);
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
	close(fd[0]);
	R(send(fd[1], "x", 1, MSG_NOSIGNAL));
	R(recv(fd[1], byte, 1, 0));
	close(fd[1]);
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
	R(write(fd[1], "unread", 6));
	close(fd[0]);
	R(recv(fd[1], byte, 1, 0));
	R(recv(fd[1], byte, 1, 0));
	close(fd[1]);
	NEED(socketpair(AF_UNIX, SOCK_DGRAM, 0, fd) == 0);
	close(fd[0]);
	R(send(fd[1], "x", 1, 0));
	R(send(fd[1], "x", 1, 0));
	close(fd[1]);
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
	struct timeval limit = { 0, 1000 };
	NEED(setsockopt(fd[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0);
	R(recv(fd[0], byte, 1, 0));
	R(mq_timedreceive(empty_mq, byte, sizeof(byte), NULL, &past));
	R(mq_timedsend(full_mq, "x", 1, 0, &past));
	R(semtimedop(s, &down, 1, &soon));
	R(semctl(s, 0, IPC_RMID));
	R(epoll_wait(ep, &(struct epoll_event){ 0 }, 1, 1));
	R(poll(&(struct pollfd){ empty_pipe[0], POLLIN, 0 }, 1, 1));
	close(fd[0]);
	close(fd[1]);
}

int main(void)
{
	struct mq_attr attr = { .mq_maxmsg = 1, .mq_msgsize = 64 };
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "socket" };
	struct epoll_event e = { .events = EPOLLIN };
	struct msqid_ds md;
	sigset_t sigs;

	t_dir();
	chmod(".", 0777);
	NEED((queue = msgget(IPC_PRIVATE, 0600)) >= 0 && msgctl(queue, IPC_STAT, &md) == 0);
	md.msg_qbytes = 50;
	NEED(msgctl(queue, IPC_SET, &md) == 0 && msgsnd(queue, &message, 50, 0) == 0);
	NEED((set = semget(IPC_PRIVATE, 2, 0600)) >= 0 && semctl(set, 1, SETVAL, 1) == 0);
	NEED((segment = shmget(IPC_PRIVATE, 4096, 0600)) >= 0);
	mq_unlink("/bad_full");
	mq_unlink("/bad_empty");
	NEED((full_mq = mq_open("/bad_full", O_CREAT | O_RDWR, 0600, &attr)) >= 0 && mq_send(full_mq, "x", 1, 0) == 0);
	NEED((empty_mq = mq_open("/bad_empty", O_CREAT | O_RDWR, 0600, &attr)) >= 0);
	NEED(pipe(empty_pipe) == 0 && pipe(full_pipe) == 0 && fcntl(full_pipe[1], F_SETPIPE_SZ, 4096) == 4096);
	NEED(write(full_pipe[1], (char[4096]){ 0 }, 4096) == 4096);
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	NEED((event = eventfd(0, 0)) >= 0 && (timer = timerfd_create(CLOCK_MONOTONIC, 0)) >= 0);
	sigemptyset(&sigs);
	sigaddset(&sigs, SIGHUP);
	NEED((sig_fd = signalfd(-1, &sigs, 0)) >= 0 && (watch = inotify_init()) >= 0);
	NEED((ep = epoll_create1(0)) >= 0 && epoll_ctl(ep, EPOLL_CTL_ADD, empty_pipe[0], &e) == 0);
	NEED((listener = socket(AF_UNIX, SOCK_STREAM, 0)) >= 0 && bind(listener, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(listener, 1) == 0);
	NEED(mkfifo("fifo", 0600) == 0);
	close(open("plain", O_CREAT | O_RDWR, 0644));
	waits();
	strangers();
	kinds();
	gone();
	shmctl(segment, IPC_RMID, NULL);
	mq_unlink("/bad_full");
	mq_unlink("/bad_empty");
	return 0;
}
