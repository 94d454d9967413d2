/* stage: 12; libc: musl; run: guest+golden
 * Edges of UNIX sockets: ids that nobody can have, sent as one's own; and what counts as unread when an end goes. */
#include "t.h"
#include <poll.h>
#include <sys/socket.h>

static void claim(const char *name, pid_t pid, uid_t uid, gid_t gid)
{
	int v[2];
	struct ucred u = { pid, uid, gid };
	union { struct cmsghdr head; char room[CMSG_SPACE(sizeof(struct ucred))]; } c = { .head = { .cmsg_len = CMSG_LEN(sizeof(u)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_CREDENTIALS } };
	struct iovec text = { "x", 1 };
	struct msghdr m = { .msg_iov = &text, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c) };

	NEED(socketpair(AF_UNIX, SOCK_DGRAM, 0, v) == 0);
	memcpy(CMSG_DATA(&c.head), &u, sizeof(u));
	say("%s: %s\n", name, sendmsg(v[0], &m, 0) < 0 ? errname(errno) : "sent");
	close(v[0]), close(v[1]);
}

static void claims(void)
{
	claim("own", getpid(), getuid(), getgid());
	claim("no user", getpid(), -1, getgid());
	claim("no group", getpid(), getuid(), -1);
	claim("neither, of no process", 99999, -1, -1);
	claim("another user", getpid(), 77, getgid());
	claim("no process", 99999, getuid(), getgid());
}

static void left_behind(int type, const char *name, const char *const *texts, int count, int taken)
{
	int v[2];
	char byte[8];
	struct pollfd p = { .events = POLLIN | POLLOUT | POLLRDHUP };

	NEED(socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, v) == 0);
	for (int i = 0; i < count; i++)
		NEED(send(v[0], texts[i], strlen(texts[i]), 0) >= 0);
	for (int i = 0; i < taken; i++)
		NEED(recv(v[1], byte, sizeof(byte), 0) >= 0);
	close(v[1]);
	p.fd = v[0];
	poll(&p, 1, 0);
	say("%s, %d sent, %d taken: poll %#x, read ", name, count, taken, p.revents);
	say("%s\n", recv(v[0], byte, sizeof(byte), 0) < 0 ? errname(errno) : "0");
	close(v[0]);
}

int main(void)
{
	static const char *const empty[] = { "", "", "" }, *const late[] = { "", "x" }, *const early[] = { "x", "" };
	static const int types[] = { SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM };

	claims();
	IN_CHILD("without rights") {
		NEED(setgid(7) == 0 && setuid(7) == 0);
		claims();
	}
	for (size_t i = 0; i < COUNT(types); i++) {
		say("-- type %d\n", types[i]);
		left_behind(types[i], "empty", empty, 0, 0);
		left_behind(types[i], "empty", empty, 1, 0);
		left_behind(types[i], "empty", empty, 2, 0);
		left_behind(types[i], "empty, then full", late, 2, 0);
		left_behind(types[i], "full, then empty", early, 2, 0);
		left_behind(types[i], "full, then empty", early, 2, 1);
	}
	return 0;
}
