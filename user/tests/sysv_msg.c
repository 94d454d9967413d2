/* stage: 12; libc: musl; run: guest+golden
 * System V message queues: types, limits, rights, waiting, interruption, removal under a waiter, bad input. */
#include "t.h"
#include <sys/ipc.h>
#include <sys/msg.h>

#ifndef MSG_COPY
#define MSG_COPY 040000
#endif

struct message {
	long type;
	char text[9000];
};
static struct message out, in;
static int q;

static int put(long type, const char *text)
{
	out.type = type;
	strcpy(out.text, text);
	return msgsnd(q, &out, strlen(text) + 1, IPC_NOWAIT);
}

static void get(long type, int flags)
{
	memset(&in, 0, sizeof(in));
	ssize_t n = msgrcv(q, &in, sizeof(in.text), type, flags | IPC_NOWAIT);

	if (n < 0)
		say("get(%ld, %#o) = %s\n", type, flags, errname(errno));
	else
		say("get(%ld, %#o) = %ld: %ld \"%s\"\n", type, flags, (long)n, in.type, in.text);
}

static void show(const char *when)
{
	struct msqid_ds ds;

	NEED(msgctl(q, IPC_STAT, &ds) == 0);
	say("%s: mode %o, %lu messages, %lu bytes of %lu; sent %d, received %d, spid %d, rpid %d\n", when, ds.msg_perm.mode, (unsigned long)ds.msg_qnum,
	    (unsigned long)ds.msg_cbytes, (unsigned long)ds.msg_qbytes, ds.msg_stime != 0, ds.msg_rtime != 0, ds.msg_lspid != 0, ds.msg_lrpid == getpid());
}

static void on_signal(int sig) { (void)sig; }

static void kinds(void)
{
	put(3, "three");
	put(1, "one");
	put(2, "two");
	put(5, "five");
	put(2, "two again");
	show("five");
	get(2, 0);
	get(-2, 0);
	get(-2, 0);
	get(-2, 0);
	get(3, MSG_EXCEPT);
	get(3, MSG_EXCEPT);
	get(0, MSG_COPY);
	get(1, MSG_COPY);
	get(0, MSG_COPY | MSG_EXCEPT);
	R(msgrcv(q, &in, 100, 0, MSG_COPY));
	R(msgrcv(q, &in, 3, 0, MSG_COPY | IPC_NOWAIT));
	get(0, 0);
	get(0, 0);
	put(LONG_MAX, "last");
	get(LONG_MIN, 0);
	/* Too long for the receiver. */
	put(1, "much too long");
	R(msgrcv(q, &in, 4, 0, IPC_NOWAIT));
	memset(&in, 'x', 32);
	R(msgrcv(q, &in, 4, 0, IPC_NOWAIT | MSG_NOERROR));
	say("%.4s%c\n", in.text, in.text[4]);
	out.type = 9;
	R(msgsnd(q, &out, 0, 0));
	R(msgrcv(q, &in, 0, 0, 0));
	V(in.type);
}

static void bad(void)
{
	struct msqid_ds ds;

	out.type = 0;
	R(msgsnd(q, &out, 1, IPC_NOWAIT));
	out.type = -1;
	R(msgsnd(q, &out, 1, IPC_NOWAIT));
	out.type = 1;
	R(msgsnd(q, &out, 8193, IPC_NOWAIT));
	R(msgsnd(q, &out, -1, IPC_NOWAIT));
	R(msgsnd(-1, &out, 1, IPC_NOWAIT));
	R(msgsnd(q + 12345, &out, 1, IPC_NOWAIT));
	R(msgsnd(q + 32768, &out, 1, IPC_NOWAIT));
	R(SYS(msgsnd, q, 8L, 1L, IPC_NOWAIT));
	R(SYS(msgsnd, q, 0xffffffff80000000L, 1L, IPC_NOWAIT));
	R(SYS(msgsnd, -1, 8L, 1L, IPC_NOWAIT));
	R(msgrcv(q, &in, -1, 0, IPC_NOWAIT));
	R(msgrcv(-1, &in, 1, 0, IPC_NOWAIT));
	R(msgrcv(q + 12345, &in, 1, 0, IPC_NOWAIT));
	/* What a copy goes to is looked at first. */
	R(SYS(msgrcv, q, 8L, 100L, 0L, MSG_COPY | IPC_NOWAIT));
	/* The message is gone when the pointer turns out to be bad. */
	put(1, "lost");
	R(SYS(msgrcv, q, 8L, 100L, 0L, IPC_NOWAIT));
	show("after a bad pointer");
	R(msgctl(q, 99, &ds));
	R(msgctl(-1, IPC_STAT, &ds));
	R(msgctl(q, -1, &ds));
	R(SYS(msgctl, q, IPC_STAT, 8L));
	R(SYS(msgctl, q, IPC_SET, 8L));
	R(SYS(msgctl, q, IPC_INFO, 8L));
	R(msgctl(q + 32768, IPC_RMID, NULL));
	R(msgctl(31000, MSG_STAT, &ds));
}

static void keys(void)
{
	int a, b;

	R(msgget(0x5157, 0600));
	a = OK(msgget(0x5157, IPC_CREAT | 0640));
	R(msgget(0x5157, IPC_CREAT | IPC_EXCL | 0600));
	b = msgget(0x5157, 0);
	T(a == b);
	T(msgget(0x5157, IPC_CREAT) == a);
	b = msgget(IPC_PRIVATE, 0600);
	T(a != b && b >= 0);
	R(msgctl(a, IPC_RMID, NULL));
	R(msgctl(a, IPC_RMID, NULL));
	R(msgget(0x5157, 0));
	R(msgctl(b, IPC_RMID, NULL));
}

static void full(void)
{
	struct msqid_ds ds;
	int n = 0;

	out.type = 1;
	while (msgsnd(q, &out, 1000, IPC_NOWAIT) == 0)
		n++;
	say("%d of 1000 bytes, then %s\n", n, errname(errno));
	show("full");
	NEED(msgctl(q, IPC_STAT, &ds) == 0);
	ds.msg_qbytes = 17000;
	R(msgctl(q, IPC_SET, &ds));
	R(msgsnd(q, &out, 1000, IPC_NOWAIT));
	R(msgsnd(q, &out, 1, IPC_NOWAIT));
	ds.msg_qbytes = 3;
	R(msgctl(q, IPC_SET, &ds));
	while (msgrcv(q, &in, sizeof(in.text), 0, IPC_NOWAIT) >= 0)
		;
	/* As many messages as bytes, even empty ones. */
	for (n = 0; msgsnd(q, &out, 0, IPC_NOWAIT) == 0; n++)
		;
	V(n);
	while (msgrcv(q, &in, sizeof(in.text), 0, IPC_NOWAIT) >= 0)
		;
	ds.msg_qbytes = 16384;
	R(msgctl(q, IPC_SET, &ds));
	/* A sender waits for room, and gets it. */
	for (n = 0; n < 16; n++)
		msgsnd(q, &out, 1024, 0);
	pid_t pid = fork();
	if (pid == 0) {
		out.type = 77;
		_exit(msgsnd(q, &out, 1024, 0) ? errno : 0);
	}
	nap(80);
	R(waitpid(pid, NULL, WNOHANG));
	R(msgrcv(q, &in, sizeof(in.text), 1, 0));
	reap("sender", pid);
	R(msgrcv(q, &in, sizeof(in.text), 77, 0));
	while (msgrcv(q, &in, sizeof(in.text), 0, IPC_NOWAIT) >= 0)
		;
}

static void waiting(void)
{
	pid_t pid[3];

	/* Each receiver gets what it asked for. */
	for (int i = 0; i < 3; i++)
		if ((pid[i] = fork()) == 0) {
			ssize_t n = msgrcv(q, &in, i == 2 ? 3 : 100, i + 1, 0);
			_exit(n < 0 ? errno : n);
		}
	nap(100);
	put(2, "12345");
	put(3, "too long");
	put(1, "12");
	reap("type 1", pid[0]);
	reap("type 2", pid[1]);
	reap("type 3, short", pid[2]);
	get(0, 0);
	get(0, 0);

	/* Interrupted: never begun again by itself. */
	if ((pid[0] = fork()) == 0) {
		catch(SIGALRM, on_signal, SA_RESTART);
		ualarm(50000, 0);
		_exit(msgrcv(q, &in, 100, 0, 0) < 0 ? errno : 0);
	}
	reap("interrupted receiver", pid[0]);
	for (int i = 0; i < 16; i++)
		msgsnd(q, &out, 1024, 0);
	if ((pid[0] = fork()) == 0) {
		catch(SIGALRM, on_signal, SA_RESTART);
		ualarm(50000, 0);
		_exit(msgsnd(q, &out, 1024, 0) < 0 ? errno : 0);
	}
	reap("interrupted sender", pid[0]);
	/* Removed under both. */
	for (int i = 0; i < 2; i++)
		if ((pid[i] = fork()) == 0) {
			out.type = 1;
			_exit((i ? msgrcv(q, &in, 100, 99, 0) : msgsnd(q, &out, 1024, 0)) < 0 ? errno : 0);
		}
	nap(80);
	R(msgctl(q, IPC_RMID, NULL));
	V(EIDRM);
	reap("sender", pid[0]);
	reap("receiver", pid[1]);
	R(msgrcv(q, &in, 100, 0, IPC_NOWAIT));
}

static void rights(void)
{
	struct msqid_ds ds;

	q = msgget(IPC_PRIVATE, 0640);
	put(1, "secret");
	IN_CHILD("another user") {
		NEED(setgid(1234) == 0 && setuid(1234) == 0);
		get(0, 0);
		R(put(1, "x"));
		R(msgctl(q, IPC_STAT, &ds));
		R(msgctl(q, IPC_RMID, NULL));
		T(msgctl(q & 32767, 13, &ds) == q);
		R(msgctl(q & 32767, MSG_STAT, &ds));
	}
	NEED(msgctl(q, IPC_STAT, &ds) == 0);
	ds.msg_perm.gid = 1234;
	ds.msg_perm.mode = 07604;
	R(msgctl(q, IPC_SET, &ds));
	msgctl(q, IPC_STAT, &ds);
	say("%u:%u %u:%u %o\n", ds.msg_perm.uid, ds.msg_perm.gid, ds.msg_perm.cuid, ds.msg_perm.cgid, ds.msg_perm.mode);
	IN_CHILD("the group has no rights") {
		NEED(setgid(1234) == 0 && setuid(1235) == 0);
		get(0, 0);
	}
	IN_CHILD("the others may read") {
		NEED(setgid(4321) == 0 && setuid(1235) == 0);
		get(0, 0);
		R(put(1, "x"));
	}
	ds.msg_perm.uid = 1234;
	R(msgctl(q, IPC_SET, &ds));
	IN_CHILD("the owner") {
		NEED(setgid(4321) == 0 && setuid(1234) == 0);
		R(put(1, "x"));
		ds.msg_qbytes = 20000;
		R(msgctl(q, IPC_SET, &ds));
		ds.msg_qbytes = 100;
		R(msgctl(q, IPC_SET, &ds));
		ds.msg_perm.uid = -1;
		R(msgctl(q, IPC_SET, &ds));
		R(msgctl(q, IPC_RMID, NULL));
	}
}

static void information(void)
{
	struct msginfo info;
	struct msqid_ds ds;
	char line[300];
	int id = msgget(0x1ee7, IPC_CREAT | 0604), index;

	q = id;
	put(1, "ten bytes");
	index = msgctl(0, IPC_INFO, (void *)&info);
	T(index >= (id & 32767));
	say("%d %d %d %d %d %d %d %u\n", info.msgpool, info.msgmap, info.msgmax, info.msgmnb, info.msgmni, info.msgssz, info.msgtql, info.msgseg);
	T(msgctl(0, MSG_INFO, (void *)&info) == index);
	T(info.msgpool >= 1 && info.msgmap >= 1 && info.msgtql >= 10);
	T(msgctl(id & 32767, MSG_STAT, &ds) == id);
	V(ds.msg_qnum);
	X(ds.msg_perm.__ipc_perm_key);
	FILE *f = fopen("/proc/sysvipc/msg", "r");
	NEED(f && fgets(line, sizeof(line), f));
	say("%s", line);
	while (fgets(line, sizeof(line), f)) {
		int key, got;
		char rest[200];
		if (sscanf(line, "%d %d", &key, &got) == 2 && got == id) {
			snprintf(rest, sizeof(rest), "%s", line + 21);
			rest[30] = 0; /* up to the process ids */
			say("%10d          I%s\n", key, rest);
			V(strlen(line));
		}
	}
	fclose(f);
	R(msgctl(id, IPC_RMID, NULL));
}

int main(void)
{
	q = msgget(IPC_PRIVATE, 0600);
	NEED(q >= 0);
	show("new");
	kinds();
	bad();
	keys();
	full();
	waiting();
	rights();
	information();
	return 0;
}
