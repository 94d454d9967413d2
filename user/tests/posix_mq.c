/* stage: 12; libc: musl; run: guest+golden
 * POSIX message queues: priorities, waiting, deadlines, notification, poll, limits, rights, the file system, bad input. */
#include "t.h"
#include <mqueue.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/vfs.h>

static mqd_t q;
static char buf[8192];

static void show(const char *when)
{
	struct mq_attr a;

	NEED(mq_getattr(q, &a) == 0);
	say("%s: %ld of %ld messages of %ld bytes, flags %#lo\n", when, a.mq_curmsgs, a.mq_maxmsg, a.mq_msgsize, a.mq_flags);
}

static void get(void)
{
	unsigned priority = 99;
	ssize_t n = mq_receive(q, buf, sizeof(buf), &priority);

	if (n < 0)
		say("receive = %s\n", errname(errno));
	else
		say("receive = %ld, priority %u: %.*s\n", (long)n, priority, (int)n, buf);
}

static void put(const char *text, unsigned priority)
{
	if (mq_send(q, text, strlen(text), priority))
		say("send = %s\n", errname(errno));
}

static struct timespec in_ms(long ms)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_nsec += ms * 1000000;
	ts.tv_sec += ts.tv_nsec / 1000000000;
	ts.tv_nsec %= 1000000000;
	return ts;
}

static void on_signal(int sig) { (void)sig; }

static void opening(void)
{
	struct mq_attr a = { .mq_maxmsg = 3, .mq_msgsize = 100 };
	char name[300];

	R(mq_open("/none", O_RDWR));
	q = mq_open("/a", O_CREAT | O_RDWR, 0600, NULL);
	NEED(q >= 0);
	show("defaults");
	X(fcntl(q, F_GETFD));
	X(fcntl(q, F_GETFL) & ~O_LARGEFILE);
	R(mq_open("/a", O_CREAT | O_EXCL | O_RDWR, 0600, NULL));
	R(mq_close(q));
	R(mq_close(q));
	q = mq_open("/a", O_CREAT | O_RDONLY | O_NONBLOCK, 0600, &a);
	show("what is there stays");
	R(mq_send(q, "x", 1, 0));
	get();
	mq_close(q);
	q = mq_open("/a", O_WRONLY);
	get();
	put("kept", 1);
	mq_close(q);
	q = mq_open("/a", O_RDONLY);
	get();
	R(mq_unlink("/a"));
	R(mq_unlink("/a"));
	R(mq_open("/a", O_RDONLY));
	show("without a name");
	mq_close(q);
	R(mq_open("/", O_CREAT | O_RDWR, 0600, NULL));
	R(mq_open("/a/b", O_CREAT | O_RDWR, 0600, NULL));
	R(mq_open("/.", O_CREAT | O_RDWR, 0600, NULL));
	R(mq_open("/..", O_RDONLY));
	memset(name, 'x', sizeof(name));
	name[0] = '/';
	name[257] = 0;
	R(mq_open(name, O_CREAT | O_RDWR, 0600, NULL));
	R(mq_unlink(name));
	R(mq_unlink("/a/b"));
	R(mq_unlink("/.."));
	R(SYS(mq_open, 8L, O_RDONLY, 0L, 0L));
	R(SYS(mq_open, "/slash", O_RDONLY, 0L, 0L));
	R(SYS(mq_open, "a", O_CREAT | O_RDWR, 0600L, 8L));
	R(SYS(mq_open, "", O_CREAT | O_RDWR, 0600L, 0L));
	R(SYS(mq_unlink, 8L));
	a.mq_maxmsg = 0;
	R(mq_open("/b", O_CREAT | O_RDWR, 0600, &a));
	a.mq_maxmsg = -1;
	R(mq_open("/b", O_CREAT | O_RDWR, 0600, &a));
	a.mq_maxmsg = 65537;
	R(mq_open("/b", O_CREAT | O_RDWR, 0600, &a));
	a.mq_maxmsg = 10;
	a.mq_msgsize = 0;
	R(mq_open("/b", O_CREAT | O_RDWR, 0600, &a));
	a.mq_msgsize = (16 << 20) + 1;
	R(mq_open("/b", O_CREAT | O_RDWR, 0600, &a));
	a.mq_msgsize = 16 << 20;
	R(mq_open("/b", O_CREAT | O_RDWR, 0600, &a));
	a.mq_msgsize = 81000;
	R(mq_open("/b", O_CREAT | O_RDWR, 0600, &a));
	R(mq_open("/c", O_CREAT | O_RDWR, 0600, NULL));
	R(mq_unlink("/b"));
	R(close(3));
	a.mq_msgsize = 8192;
	q = mq_open("/b", O_CREAT | O_RDWR, 0000, &a);
	show("no rights");
	mq_unlink("/b");
	mq_close(q);
}

static void order(void)
{
	struct mq_attr a = { .mq_maxmsg = 6, .mq_msgsize = 8000 }, old;

	q = mq_open("/o", O_CREAT | O_RDWR | O_NONBLOCK, 0600, &a);
	put("one", 1);
	put("five", 5);
	put("one more", 1);
	put("highest", 32767);
	put("zero", 0);
	put("", 5);
	put("too many", 1);
	R(mq_send(q, "x", 1, 32768));
	for (int i = 0; i < 7; i++)
		get();
	memset(buf, 'y', sizeof(buf));
	R(mq_send(q, buf, 8001, 0));
	R(mq_send(q, buf, 8000, 0));
	R(mq_receive(q, buf, 7999, NULL));
	memset(buf, 0, sizeof(buf));
	R(mq_receive(q, buf, 8000, NULL));
	T(buf[0] == 'y' && buf[4096] == 'y' && buf[7999] == 'y');
	a.mq_flags = 0;
	R(mq_setattr(q, &a, &old));
	X(old.mq_flags);
	show("waits");
	a.mq_flags = O_NONBLOCK | O_APPEND;
	R(mq_setattr(q, &a, NULL));
	R(SYS(mq_getsetattr, q, 8L, 0L));
	R(SYS(mq_getsetattr, q, 0L, 8L));
	R(SYS(mq_getsetattr, 1, 0L, 0L));
	R(SYS(mq_getsetattr, -1, 0L, 0L));
	R(SYS(mq_timedsend, q, 8L, 10L, 0L, 0L));
	show("nothing came");
	put("lost", 3);
	R(SYS(mq_timedreceive, q, 8L, 8000L, 0L, 0L));
	show("gone");
	put("lost too", 3);
	R(SYS(mq_timedreceive, q, buf, 8000L, 8L, 0L));
	show("gone as well");
	R(SYS(mq_timedsend, 1, "x", 1L, 0L, 0L));
	R(SYS(mq_timedsend, -1, "x", 1L, 0L, 0L));
	R(SYS(mq_timedsend, -1, "x", 1L, 32768L, 8L));
	R(SYS(mq_timedreceive, 1, buf, 8000L, 0L, 0L));
	R(write(q, "x", 1));
	R(mq_unlink("/o"));
	mq_close(q);
}

static void waiting(void)
{
	struct mq_attr a = { .mq_maxmsg = 1, .mq_msgsize = 100 };
	struct timespec ts;
	pid_t pid[2];

	q = mq_open("/w", O_CREAT | O_RDWR, 0600, &a);
	ts = in_ms(40);
	R(mq_timedreceive(q, buf, 100, NULL, &ts));
	ts = in_ms(0);
	ts.tv_sec--;
	R(mq_timedreceive(q, buf, 100, NULL, &ts));
	ts.tv_nsec = 1000000000;
	R(mq_timedreceive(q, buf, 100, NULL, &ts));
	ts = (struct timespec){ -1, 0 };
	R(mq_timedreceive(q, buf, 100, NULL, &ts));
	R(mq_timedsend(q, "first", 5, 0, &ts));
	put("first", 0);
	ts = in_ms(40);
	R(mq_timedsend(q, "second", 6, 0, &ts));
	/* Senders are served in their turn, and their priorities count in the queue. */
	for (int i = 0; i < 2; i++) {
		if ((pid[i] = fork()) == 0)
			_exit(mq_send(q, i ? "late" : "early", 5 - i, i) ? errno : 0);
		nap(60);
	}
	get();
	reap("early", pid[0]);
	R(waitpid(pid[1], NULL, WNOHANG));
	get();
	reap("late", pid[1]);
	get();
	/* Receivers too. */
	for (int i = 0; i < 2; i++) {
		if ((pid[i] = fork()) == 0)
			_exit(mq_receive(q, buf, 100, NULL));
		nap(60);
	}
	put("four", 0);
	put("sixsix", 9);
	reap("first receiver", pid[0]);
	reap("second receiver", pid[1]);
	show("empty");
	/* Interrupted. */
	if ((pid[0] = fork()) == 0) {
		catch(SIGALRM, on_signal, 0);
		ualarm(50000, 0);
		_exit(mq_receive(q, buf, 100, NULL) < 0 ? errno : 0);
	}
	reap("interrupted", pid[0]);
	if ((pid[0] = fork()) == 0) {
		catch(SIGALRM, on_signal, SA_RESTART);
		ualarm(30000, 0);
		_exit(mq_receive(q, buf, 100, NULL) < 0 ? errno : 0);
	}
	nap(100);
	put("go", 0);
	reap("restarted", pid[0]);
	/* The name goes while somebody waits: nothing happens to him. */
	if ((pid[0] = fork()) == 0)
		_exit(mq_receive(q, buf, 100, NULL) < 0 ? errno : 7);
	nap(50);
	R(mq_unlink("/w"));
	put("still", 0);
	reap("unlinked", pid[0]);
	pid[0] = fork();
	if (pid[0] == 0) {
		mq_receive(q, buf, 100, NULL);
		_exit(1);
	}
	nap(40);
	kill(pid[0], SIGKILL);
	reap("killed", pid[0]);
	put("whole", 0);
	get();
	mq_close(q);
}

static volatile int told, told_code, told_value;

static void on_told(int sig, siginfo_t *info, void *context)
{
	(void)context;
	told = sig;
	told_code = info->si_code;
	told_value = info->si_value.sival_int;
	T(info->si_pid == getpid());
}

static void telling(void)
{
	struct sigevent e = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 4711 };
	char text[100];

	q = mq_open("/n", O_CREAT | O_RDWR | O_NONBLOCK, 0600, NULL);
	catch_info(SIGUSR1, on_told, 0);
	R(mq_notify(q, &e));
	R(mq_notify(q, &e));
	IN_CHILD("another process") {
		R(mq_notify(q, &e));
		R(mq_notify(q, NULL));
	}
	put("hello", 1);
	say("%s %d %d\n", signame(told), told_code, told_value);
	told = 0;
	put("again", 1);
	V(told);
	R(mq_notify(q, &e));
	put("not empty", 1);
	V(told);
	get();
	get();
	get();
	put("empty before", 1);
	say("%s\n", signame(told));
	get();
	/* One that waits is served first: nobody is told. */
	told = 0;
	R(mq_notify(q, &e));
	pid_t pid = fork();
	if (pid == 0) {
		struct mq_attr a = { 0 };
		mqd_t mine = mq_open("/n", O_RDWR);
		mq_setattr(mine, &a, NULL);
		_exit(mq_receive(mine, buf, sizeof(buf), NULL));
	}
	nap(60);
	put("for him", 0);
	reap("receiver", pid);
	V(told);
	ssize_t n = read(q, text, sizeof(text));
	V(n);
	text[n < 40 ? n : 40] = 0;
	say("%s\n", text);
	R(mq_notify(q, NULL));
	R(mq_notify(q, NULL));
	put("nobody", 0);
	V(told);
	memset(text, 0, sizeof(text));
	R(pread(q, text, 18, 0));
	S(text);
	R(lseek(q, 0, SEEK_SET));
	get();
	/* Closing any descriptor of it takes the wish back. */
	int other = dup(q);
	R(mq_notify(q, &e));
	close(other);
	put("closed", 0);
	V(told);
	get();
	e.sigev_signo = 65;
	R(mq_notify(q, &e));
	e.sigev_signo = -1;
	R(mq_notify(q, &e));
	e.sigev_notify = 77;
	R(mq_notify(q, &e));
	e.sigev_notify = SIGEV_NONE;
	R(mq_notify(q, &e));
	put("none", 0);
	R(mq_notify(q, &e));
	R(mq_notify(1, &e));
	R(mq_notify(-1, NULL));
	R(SYS(mq_notify, q, 8L));
	mq_close(q);
	mq_unlink("/n");
}

static void polling(void)
{
	struct mq_attr a = { .mq_maxmsg = 1, .mq_msgsize = 10 };
	struct pollfd p;

	q = mq_open("/p", O_CREAT | O_RDWR, 0600, &a);
	p = (struct pollfd){ q, POLLIN | POLLOUT, 0 };
	R(poll(&p, 1, 0));
	X(p.revents);
	put("x", 0);
	R(poll(&p, 1, 0));
	X(p.revents);
	p.events = POLLOUT;
	R(poll(&p, 1, 20));
	pid_t pid = fork();
	if (pid == 0) {
		nap(50);
		mq_receive(q, buf, 10, NULL);
		_exit(0);
	}
	R(poll(&p, 1, 5000));
	reap("made room", pid);
	p.events = POLLIN;
	if ((pid = fork()) == 0) {
		nap(50);
		put("x", 0);
		_exit(0);
	}
	R(poll(&p, 1, 5000));
	reap("sent", pid);
	mq_close(q);
	mq_unlink("/p");
}

static void rights(void)
{
	struct mq_attr a = { .mq_maxmsg = 10, .mq_msgsize = 8192 };
	struct rlimit limit = { 200000, 200000 };

	umask(0);
	q = mq_open("/r", O_CREAT | O_RDWR, 0640, NULL);
	IN_CHILD("another user") {
		NEED(setgid(77) == 0 && setuid(77) == 0);
		R(mq_open("/r", O_RDONLY));
		R(mq_open("/r", O_RDWR | O_CREAT, 0666, NULL));
		R(mq_unlink("/r"));
		mqd_t mine = OK(mq_open("/mine", O_RDWR | O_CREAT, 0000, NULL));
		R(mq_send(mine, "x", 1, 0));
		R(mq_open("/mine", O_RDONLY));
		R(mq_unlink("/mine"));
		a.mq_maxmsg = 11;
		R(mq_open("/many", O_RDWR | O_CREAT, 0600, &a));
		a.mq_maxmsg = 10;
		a.mq_msgsize = 8193;
		R(mq_open("/many", O_RDWR | O_CREAT, 0600, &a));
		a.mq_msgsize = 8192;
		NEED(setrlimit(RLIMIT_MSGQUEUE, &limit) == 0);
		close(mine);
		OK(mq_open("/l1", O_RDWR | O_CREAT, 0600, &a));
		OK(mq_open("/l2", O_RDWR | O_CREAT, 0600, &a));
		R(mq_open("/l3", O_RDWR | O_CREAT, 0600, &a));
		R(mq_unlink("/l1"));
		R(mq_unlink("/l2"));
	}
	umask(022);
	mq_unlink("/r");
	mq_close(q);
}

static void limit(const char *name)
{
	char path[100], text[40] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/fs/mqueue/%s", name);
	fd = open(path, O_RDONLY);
	if (read(fd, text, sizeof(text) - 1) > 0)
		say("%s %s", name, text);
	close(fd);
}

static void file_system(void)
{
	struct stat st;
	struct statfs fs;

	limit("queues_max");
	limit("msg_max");
	limit("msgsize_max");
	limit("msg_default");
	limit("msgsize_default");
	t_dir();
	R(mkdir("m", 0755));
	R(mount("none", "m", "mqueue", 0, NULL));
	q = mq_open("/seen", O_CREAT | O_RDWR, 0640, NULL);
	put("12345", 0);
	R(stat("m/seen", &st));
	say("%o %ld %u\n", st.st_mode, (long)st.st_size, (unsigned)st.st_nlink);
	R(stat("m", &st));
	say("%o %ld %u\n", st.st_mode, (long)st.st_size, (unsigned)st.st_nlink);
	R(statfs("m", &fs));
	X(fs.f_type);
	int fd = open("m/seen", O_RDONLY);
	memset(buf, 0, 200);
	R(read(fd, buf, 200));
	S(buf);
	close(fd);
	R(rename("m/seen", "m/other"));
	R(link("m/seen", "m/other"));
	R(mkdir("m/d", 0755));
	R(symlink("x", "m/s"));
	fd = OK(open("m/new", O_CREAT | O_RDWR, 0600));
	close(fd);
	fd = OK(mq_open("/new", O_RDWR));
	close(fd);
	R(unlink("m/new"));
	R(unlink("m/seen"));
	R(mq_open("/seen", O_RDWR));
	R(umount("m"));
	get();
	mq_close(q);
}

int main(void)
{
	opening();
	order();
	waiting();
	telling();
	polling();
	rights();
	file_system();
	return 0;
}
