/* stage: 09; libc: musl; run: guest+golden
 * inotify: which event comes for what, in which order, and what a watch may ask for. */
#include "t.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/xattr.h>

#ifndef IN_MASK_CREATE
#define IN_MASK_CREATE 0x10000000
#endif

static const struct {
	uint32_t bit;
	const char *name;
} names[] = {
	{ IN_ACCESS, "ACCESS" }, { IN_MODIFY, "MODIFY" }, { IN_ATTRIB, "ATTRIB" }, { IN_CLOSE_WRITE, "CLOSE_WRITE" }, { IN_CLOSE_NOWRITE, "CLOSE_NOWRITE" },
	{ IN_OPEN, "OPEN" }, { IN_MOVED_FROM, "MOVED_FROM" }, { IN_MOVED_TO, "MOVED_TO" }, { IN_CREATE, "CREATE" }, { IN_DELETE, "DELETE" },
	{ IN_DELETE_SELF, "DELETE_SELF" }, { IN_MOVE_SELF, "MOVE_SELF" }, { IN_UNMOUNT, "UNMOUNT" }, { IN_Q_OVERFLOW, "Q_OVERFLOW" },
	{ IN_IGNORED, "IGNORED" }, { IN_ISDIR, "ISDIR" },
};

/* Cookies differ from run to run: they are numbered as they are met. */
static uint32_t cookies[16];

static int cookie_number(uint32_t cookie)
{
	int i;

	if (!cookie)
		return 0;
	for (i = 0; i < 15 && cookies[i] && cookies[i] != cookie; i++)
		;
	cookies[i] = cookie;
	return i + 1;
}

static void show(const char *at, const char *end)
{
	while (at < end) {
		const struct inotify_event *e = (const void *)at;
		char text[200] = "";

		for (size_t i = 0; i < COUNT(names); i++)
			if (e->mask & names[i].bit)
				sprintf(text + strlen(text), " %s", names[i].name);
		if (e->cookie)
			sprintf(text + strlen(text), " cookie %d", cookie_number(e->cookie));
		say("\twatch %d:%s%s%s\n", e->wd, text, e->len ? " " : "", e->len ? e->name : "");
		if (e->len % 16 || (e->len && e->name[e->len - 1]))
			say("\tlength %u\n", e->len);
		at += sizeof(*e) + e->len;
	}
}

static int in;

static void events(void)
{
	static char buf[65536] __attribute__((aligned(8)));
	ssize_t n;

	while ((n = read(in, buf, sizeof(buf))) > 0)
		show(buf, buf + n);
	if (n != -1 || errno != EAGAIN)
		say("\tread = %ld, %s\n", (long)n, errname(errno));
}
#define E(call) do { R(call); events(); } while (0)
/* What the call gives is of no interest. */
#define DO(call) do { NEED((long)(call) != -1); say("%s\n", #call); events(); } while (0)

static void start(void)
{
	in = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	NEED(in >= 0);
}

static void bad_calls(void)
{
	int null = open("/dev/null", O_RDWR);

	say("--- errors\n");
	R(SYS(inotify_init1, 1));
	R(inotify_add_watch(in, ".", 0));
	R(inotify_add_watch(in, ".", 0x10000));
	R(inotify_add_watch(in, ".", IN_MASK_ADD | IN_MASK_CREATE | IN_OPEN));
	R(inotify_add_watch(-1, ".", IN_OPEN));
	R(inotify_add_watch(-1, ".", 0));
	R(inotify_add_watch(null, ".", IN_OPEN));
	R(inotify_add_watch(in, "nothing", IN_OPEN));
	R(SYS(inotify_add_watch, in, (char *)8, IN_OPEN));
	R(inotify_add_watch(in, "", IN_OPEN));
	put_text("plain", "x");
	R(inotify_add_watch(in, "plain", IN_OPEN | IN_ONLYDIR));
	R(inotify_rm_watch(in, 1));
	R(inotify_rm_watch(in, -1));
	R(inotify_rm_watch(null, 1));
	R(inotify_rm_watch(-1, 1));
	R(write(in, "x", 1));
	R(lseek(in, 10, SEEK_SET));
	R(ioctl(in, TCGETS, &null));
	R(ioctl(in, FIONREAD, 8));
	R(mmap(NULL, 4096, PROT_READ, MAP_SHARED, in, 0) == MAP_FAILED ? -1 : 0);
	R(fcntl(in, F_GETFL) & (O_ACCMODE | O_NONBLOCK));
	R(fcntl(in, F_GETFD));
	NEED(chmod("plain", 0600) == 0);
	IN_CHILD("who may not read it") {
		NEED(setuid(1000) == 0);
		R(inotify_add_watch(in, "plain", IN_OPEN));
	}
	unlink("plain");
	close(null);
}

static void files(void)
{
	char buf[100];
	struct iovec v = { buf, sizeof(buf) }, one = { "q", 1 };
	struct timespec times[2] = { { 5, 0 }, { 0, UTIME_OMIT } };
	int fd, fd2, out, pair[2];

	say("--- files in a watched directory\n");
	R(inotify_add_watch(in, ".", IN_ALL_EVENTS));
	DO(fd = open("a", O_RDWR | O_CREAT, 0644));
	E(write(fd, "hello", 5));
	E(write(fd, "world", 5));
	E(write(fd, "", 0));
	E(read(fd, buf, 10));
	E(pread(fd, buf, 3, 0));
	E(pread(fd, buf, 0, 0));
	E(readv(fd, &v, 1));
	E(preadv(fd, &v, 1, 2));
	E(writev(fd, &one, 1));
	E(ftruncate(fd, 3));
	E(fallocate(fd, 0, 0, 100));
	E(fchmod(fd, 0600));
	E(fchown(fd, 0, 0));
	E(fchown(fd, -1, -1));
	E(futimens(fd, NULL));
	E(futimens(fd, times));
	times[1] = (struct timespec){ 7, 0 };
	times[0].tv_nsec = UTIME_OMIT;
	E(futimens(fd, times));
	E(fsetxattr(fd, "trusted.t", "v", 1, 0));
	E(fgetxattr(fd, "trusted.t", buf, 100));
	E(fremovexattr(fd, "trusted.t"));
	E(fsync(fd));
	DO(fd2 = dup(fd));
	E(close(fd));
	E(close(fd2));
	DO(fd = open("a", O_RDONLY));
	E(access("a", R_OK));
	E(stat("a", &(struct stat){ 0 }));
	DO(out = open("b", O_WRONLY | O_CREAT | O_EXCL, 0644));
	E(sendfile(out, fd, NULL, 50));
	NEED(pipe(pair) == 0);
	E(splice(fd, &(loff_t){ 0 }, pair[1], NULL, 20, 0));
	E(splice(pair[0], NULL, out, NULL, 20, 0));
	E(SYS(copy_file_range, fd, NULL, out, NULL, 50, 0));
	E(close(out));
	E(close(fd));
	DO(fd = open("a", O_WRONLY | O_TRUNC));
	E(close(fd));
	E(truncate("a", 50));
	E(open("a", O_CREAT | O_EXCL, 0644));
	E(open("a", O_DIRECTORY));
	DO(fd = open("a", O_PATH));
	E(close(fd));
	E(mkdir("d", 0755));
	E(chmod("d", 0700));
	E(symlink("a", "s"));
	E(mkfifo("f", 0644));
	E(link("a", "hard"));
	E(rename("a", "c"));
	E(rename("c", "b"));
	E(rename("nothing", "b"));
	E(rename("b", "hard"));
	E(rename("d", "e"));
	E(syscall(SYS_renameat2, AT_FDCWD, "e", AT_FDCWD, "s", 2));
	E(unlink("hard"));
	E(unlink("f"));
	E(unlink("e"));
	E(rmdir("s"));
	E(unlink("nothing"));
	DO(fd = open(".", O_RDONLY | O_DIRECTORY));
	E(SYS(getdents64, fd, buf, sizeof(buf)) >= 0);
	E(close(fd));
	E(chmod(".", 0755));
	R(inotify_rm_watch(in, 1));
	events();
}

static void sockets(void)
{
	struct sockaddr_un name = { AF_UNIX, "socket" };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), keep;

	say("--- other things with names\n");
	R(inotify_add_watch(in, ".", IN_ALL_EVENTS));
	E(bind(fd, (void *)&name, sizeof(name)));
	E(close(fd));
	E(unlink("socket"));
	NEED(mkfifo("pipe", 0644) == 0);
	events();
	DO(keep = open("pipe", O_RDWR));
	DO(fd = open("pipe", O_WRONLY));
	E(write(fd, "abc", 3));
	E(read(keep, (char[10]){ 0 }, 10));
	E(inotify_add_watch(in, "pipe", IN_ALL_EVENTS));
	E(write(fd, "abc", 3));
	E(read(keep, (char[10]){ 0 }, 10));
	E(close(fd));
	E(close(keep));
	E(unlink("pipe"));
	R(inotify_rm_watch(in, 2));
	events();
}

/* The file's own watch beside its directory's. */
static void both(void)
{
	int fd;

	say("--- a file and its directory\n");
	put_text("x", "data");
	R(inotify_add_watch(in, "x", IN_ALL_EVENTS));
	R(inotify_add_watch(in, ".", IN_ALL_EVENTS));
	DO(fd = open("x", O_RDWR));
	E(write(fd, "1", 1));
	E(fchmod(fd, 0600));
	E(close(fd));
	E(link("x", "y"));
	E(rename("x", "z"));
	E(unlink("y"));
	E(unlink("z"));
	say("--- removed while it is open\n");
	put_text("x", "data");
	events();
	R(inotify_add_watch(in, "x", IN_ALL_EVENTS));
	DO(fd = open("x", O_RDWR));
	E(unlink("x"));
	E(write(fd, "1", 1));
	E(fchmod(fd, 0600));
	E(close(fd));
	say("--- replaced by a rename\n");
	put_text("from", "data");
	put_text("to", "data");
	events();
	R(inotify_add_watch(in, "from", IN_ALL_EVENTS));
	R(inotify_add_watch(in, "to", IN_ALL_EVENTS));
	E(rename("from", "to"));
	E(unlink("to"));
	say("--- a directory that goes\n");
	NEED(mkdir("dir", 0755) == 0);
	events();
	R(inotify_add_watch(in, "dir", IN_ALL_EVENTS));
	E(rename("dir", "dir2"));
	E(chmod("dir2", 0700));
	DO(fd = open("dir2/n", O_CREAT | O_WRONLY, 0600));
	E(close(fd));
	E(rename("dir2/n", "n"));
	E(unlink("n"));
	E(rmdir("dir2"));
	NEED(mkdir("dir", 0755) == 0 && mkdir("over", 0755) == 0);
	events();
	R(inotify_add_watch(in, "over", IN_ALL_EVENTS));
	E(rename("dir", "over"));
	E(rmdir("over"));
	R(inotify_rm_watch(in, 5));
	events();
}

static void flags(void)
{
	int fd;

	say("--- what a watch asks for\n");
	put_text("x", "data");
	int w = inotify_add_watch(in, "x", IN_OPEN);
	R(inotify_add_watch(in, "x", IN_CLOSE) == w);
	DO(fd = open("x", O_RDONLY));
	E(close(fd));
	R(inotify_add_watch(in, "x", IN_OPEN | IN_MASK_ADD) == w);
	DO(fd = open("x", O_RDONLY));
	E(close(fd));
	R(inotify_add_watch(in, "x", IN_OPEN | IN_MASK_CREATE));
	R(inotify_add_watch(in, "x", IN_ONESHOT | IN_MODIFY) == w);
	DO(fd = open("x", O_RDWR));
	E(write(fd, "1", 1));
	E(write(fd, "1", 1));
	E(close(fd));
	R(inotify_rm_watch(in, w));
	E(inotify_add_watch(in, "x", IN_OPEN | IN_MASK_CREATE) == w + 1);
	E(inotify_rm_watch(in, w + 1));
	say("without names that are gone\n");
	w = inotify_add_watch(in, ".", IN_ALL_EVENTS | IN_EXCL_UNLINK);
	DO(fd = open("x", O_RDWR));
	E(write(fd, "1", 1));
	E(unlink("x"));
	E(write(fd, "1", 1));
	E(fchmod(fd, 0640));
	E(close(fd));
	E(inotify_rm_watch(in, w));
	say("links\n");
	put_text("x", "data");
	NEED(symlink("x", "l") == 0);
	w = inotify_add_watch(in, "l", IN_ALL_EVENTS | IN_DONT_FOLLOW);
	DO(fd = open("l", O_RDONLY));
	E(close(fd));
	E(unlink("l"));
	R(inotify_rm_watch(in, w));
	unlink("x");
}

static void queue(void)
{
	struct pollfd p = { in, POLLIN | POLLOUT, 0 };
	int fd, n, ep = epoll_create1(0), own = in;
	struct epoll_event e = { EPOLLIN | EPOLLET, { 0 } };
	char small[20];

	say("--- the queue\n");
	put_text("x", "data");
	NEED(inotify_add_watch(in, ".", IN_ALL_EVENTS) > 0);
	R(ioctl(in, FIONREAD, &n));
	V(n);
	R(poll(&p, 1, 0));
	fd = open("x", O_RDONLY);
	R(poll(&p, 1, 0));
	X(p.revents);
	R(ioctl(in, FIONREAD, &n));
	V(n);
	close(fd);
	R(ioctl(in, FIONREAD, &n));
	V(n);
	R(read(in, small, 0));
	R(read(in, small, sizeof(small)));
	R(SYS(read, in, 8, 32));
	events();
	R(epoll_ctl(ep, EPOLL_CTL_ADD, in, &e));
	R(epoll_wait(ep, &e, 1, 0));
	NEED(mkdir("a-name-of-sixteen", 0700) == 0 && mkdir("a-name-of-15-ch", 0700) == 0);
	R(epoll_wait(ep, &e, 1, 0));
	R(epoll_wait(ep, &e, 1, 0));
	NEED(rmdir("a-name-of-sixteen") == 0 && rmdir("a-name-of-15-ch") == 0);
	R(epoll_wait(ep, &e, 1, 0));
	R(ioctl(in, FIONREAD, &n));
	V(n);
	events();
	say("equal neighbours are one\n");
	fd = open("x", O_RDWR);
	for (int i = 0; i < 5; i++)
		NEED(write(fd, "abcdefgh", 8) == 8);
	NEED(pread(fd, small, 1, 0) == 1);
	NEED(write(fd, "1", 1) == 1);
	close(fd);
	events();
	close(ep);
	say("a reader that sleeps\n");
	in = inotify_init();
	NEED(in >= 0 && inotify_add_watch(in, ".", IN_CREATE) == 1);
	IN_CHILD("the reader") {
		char buf[100] __attribute__((aligned(8)));
		ssize_t got = read(in, buf, sizeof(buf));
		T(got == 32);
		show(buf, buf + got);
		put_text("done", "");
	} else {
		NEED(mkdir("woken", 0755) == 0);
	}
	close(in);
	in = own;
	unlink("done");
	rmdir("woken");
	unlink("x");
}

static void program(void)
{
	int fd, out = open("run", O_WRONLY | O_CREAT | O_TRUNC, 0755);
	char buf[4096];
	ssize_t n;

	say("--- a program\n");
	fd = open("/proc/self/exe", O_RDONLY);
	if (fd < 0)
		fd = open("/tests/ipc_inotify", O_RDONLY);
	NEED(fd >= 0 && out >= 0);
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		NEED(write(out, buf, n) == n);
	close(fd);
	close(out);
	start();
	R(inotify_add_watch(in, "run", IN_ALL_EVENTS));
	fflush(NULL);
	IN_CHILD("the program")
		execl("./run", "run", "nothing", NULL);
	events();
	close(in);
	unlink("run");
}

static void unmount(void)
{
	say("--- unmount\n");
	NEED(mkdir("m", 0755) == 0);
	NEED(mount("t", "m", "tmpfs", 0, "") == 0);
	put_text("m/x", "data");
	start();
	R(inotify_add_watch(in, "m/x", IN_OPEN));
	E(umount("m"));
	NEED(mount("t", "m", "tmpfs", 0, "") == 0);
	R(inotify_add_watch(in, "m", IN_OPEN));
	E(umount("m"));
	close(in);
	rmdir("m");
}

static void kept(void)
{
	int fd;

	say("--- a watch that outlives its inotify's use\n");
	start();
	put_text("x", "data");
	R(inotify_add_watch(in, "x", IN_ALL_EVENTS));
	fd = open("x", O_RDWR);
	R(close(in));
	R(write(fd, "1", 1));
	R(close(fd));
	R(unlink("x"));
	start();
	R(inotify_add_watch(in, ".", IN_CREATE));
	put_text("y", "");
	R(close(in));
	unlink("y");
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "nothing"))
		return 0;
	t_dir();
	start();
	bad_calls();
	close(in);
	start();
	files();
	sockets();
	both();
	flags();
	queue();
	close(in);
	program();
	unmount();
	kept();
	return 0;
}
