/* stage: 12; libc: musl; run: host+guest
 * mq_notify by a thread: the C library's, and the cookie in a netlink socket under it; errors. */
#include "t.h"
#include <mqueue.h>
#include <poll.h>
#include <semaphore.h>
#include <sys/socket.h>

struct sockaddr_nl {
	unsigned short nl_family, nl_pad;
	unsigned nl_pid, nl_groups;
};

static sem_t told;
static int value;

static void on_message(union sigval v)
{
	value = v.sival_int;
	sem_post(&told);
}

static int notify(mqd_t q, int how, int fd, void *cookie)
{
	struct sigevent e = { .sigev_notify = how, .sigev_signo = fd, .sigev_value.sival_ptr = cookie };

	return SYS(mq_notify, q, &e);
}

static void take(int s)
{
	unsigned char data[64] = "";
	ssize_t n = recv(s, data, sizeof(data), MSG_DONTWAIT);

	if (n < 0)
		say("cookie: %s\n", errname(errno));
	else
		say("cookie: %ld bytes, %.5s, last %d\n", (long)n, data, data[31]);
}

int main(void)
{
	struct mq_attr a = { .mq_maxmsg = 4, .mq_msgsize = 16 };
	struct sigevent e = { .sigev_notify = SIGEV_THREAD, .sigev_notify_function = on_message, .sigev_value.sival_int = 4711 };
	char cookie[32] = "hello", buf[16];
	int pair[2], s, other;

	mq_unlink("/thread-test");
	mqd_t q = mq_open("/thread-test", O_RDWR | O_CREAT | O_NONBLOCK, 0600, &a), q2 = mq_open("/thread-test", O_RDWR);
	NEED(q >= 0 && q2 >= 0 && sem_init(&told, 0, 0) == 0);
	say("--- the library's\n");
	for (int i = 0; i < 3; i++) {
		e.sigev_value.sival_int++;
		R(mq_notify(q, &e));
		R(mq_notify(q, &e));
		R(mq_send(q, "x", 1, 0));
		NEED(sem_wait(&told) == 0);
		V(value);
		R(mq_receive(q, buf, sizeof(buf), NULL));
	}
	say("--- the kernel's\n");
	s = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);
	other = socket(AF_UNIX, SOCK_STREAM, 0);
	NEED(s >= 0 && other >= 0 && pipe(pair) == 0);
	R(notify(q, SIGEV_THREAD, s, (void *)8));
	R(notify(q, SIGEV_THREAD, -1, cookie));
	R(notify(q, SIGEV_THREAD, pair[0], cookie));
	R(notify(q, SIGEV_THREAD, other, cookie));
	R(notify(s, SIGEV_THREAD, s, cookie));
	R(notify(q, SIGEV_THREAD, s, cookie));
	R(notify(q, SIGEV_THREAD, s, cookie));
	take(s);
	R(mq_send(q, "x", 1, 0));
	struct pollfd p = { s, POLLIN, 0 };
	R(poll(&p, 1, -1));
	take(s);
	take(s);
	say("not for a queue that was not empty\n");
	R(notify(q, SIGEV_THREAD, s, cookie));
	R(mq_send(q, "x", 1, 0));
	take(s);
	say("taken back\n");
	R(SYS(mq_notify, q, NULL));
	take(s);
	R(mq_receive(q, buf, sizeof(buf), NULL));
	R(mq_receive(q, buf, sizeof(buf), NULL));
	say("closed\n");
	R(notify(q, SIGEV_THREAD, s, cookie));
	R(mq_close(q2));
	take(s);
	say("the socket is closed\n");
	R(notify(q, SIGEV_THREAD, s, cookie));
	close(s);
	R(mq_send(q, "x", 1, 0));
	R(mq_receive(q, buf, sizeof(buf), NULL));
	say("by the end of a process\n");
	s = socket(AF_NETLINK, SOCK_DGRAM, 0);
	IN_CHILD("child")
		R(notify(q, SIGEV_THREAD, s, cookie));
	take(s);
	say("--- the socket\n");
	R(socket(AF_NETLINK, SOCK_STREAM, 0));
	R(socket(AF_NETLINK, SOCK_RAW, 1000));
	struct sockaddr_nl me = { .nl_family = AF_NETLINK };
	socklen_t len = sizeof(me);
	R(getsockname(s, (void *)&me, &len));
	T(len == sizeof(me) && me.nl_family == AF_NETLINK && me.nl_pid == 0);
	R(bind(s, (void *)&me, 4));
	R(bind(s, (void *)&me, sizeof(me)));
	R(getsockname(s, (void *)&me, &len));
	T(me.nl_pid == (unsigned)getpid());
	int s2 = socket(AF_NETLINK, SOCK_RAW, 0);
	R(bind(s2, (void *)&me, sizeof(me)));
	me.nl_pid = 0;
	R(bind(s2, (void *)&me, sizeof(me)));
	R(getsockname(s2, (void *)&me, &len));
	T(me.nl_pid != (unsigned)getpid() && me.nl_pid != 0);
	R(listen(s, 1));
	R(recv(s, buf, 1, MSG_OOB));
	R(mq_unlink("/thread-test"));
	return 0;
}
