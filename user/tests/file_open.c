/* stage: 12; libc: musl; run: host+guest
 * open: every flag, the errnos, who wins when several apply; modes and umask; O_PATH, O_TMPFILE. */
#include "t.h"

static void mode_of(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		say("%s: %s\n", path, errname(errno));
	else
		say("%s: mode %06o size %ld links %ld\n", path, st.st_mode, (long)st.st_size, (long)st.st_nlink);
}

#define TRY(call) do { int f_; errno = 0; f_ = (call); \
	say("%s: %s\n", #call, f_ < 0 ? errname(errno) : "opened"); if (f_ >= 0) close(f_); } while (0)

int main(void)
{
	char name[512], buf[64];
	struct stat st;
	int fd, path_fd;

	t_dir();
	put_text("f", "content");
	mkdir("d", 0755);
	symlink("f", "link");
	symlink("none", "dangling");
	symlink("d", "dlink");
	mkfifo("fifo", 0644);

	TRY(open("f", O_RDONLY));
	TRY(open("none", O_RDONLY));
	TRY(open("none", O_RDWR));
	TRY(open("f/x", O_RDONLY));
	TRY(open("none/x", O_RDONLY));
	TRY(open("", O_RDONLY));
	TRY(open((char *)8, O_RDONLY));
	TRY(open("d", O_RDONLY));
	TRY(open("d", O_WRONLY));
	TRY(open("d", O_RDWR));
	TRY(open("d", O_RDONLY | O_CREAT, 0644));
	TRY(open("d", O_RDONLY | O_TRUNC));
	TRY(open("f", O_DIRECTORY));
	TRY(open("d", O_DIRECTORY));
	TRY(open("f/", O_RDONLY));
	TRY(open("d/", O_RDONLY));
	TRY(open("none/", O_CREAT | O_WRONLY, 0644));
	TRY(open("d/none/", O_CREAT | O_WRONLY, 0644));
	TRY(open("link", O_RDONLY));
	TRY(open("link", O_NOFOLLOW));
	TRY(open("dlink", O_NOFOLLOW));
	TRY(open("dlink", O_NOFOLLOW | O_DIRECTORY));
	TRY(open("dlink/", O_NOFOLLOW));
	TRY(open("dangling", O_RDONLY));
	TRY(open("dangling", O_CREAT | O_EXCL | O_WRONLY, 0644));
	TRY(open("f", O_CREAT | O_EXCL | O_WRONLY, 0644));
	TRY(open("link", O_CREAT | O_EXCL | O_WRONLY, 0644));
	TRY(open("dangling", O_CREAT | O_WRONLY, 0640));
	mode_of("none");
	TRY(open("new", O_CREAT | O_EXCL | O_WRONLY, 0666));
	mode_of("new");
	umask(077);
	TRY(open("new2", O_CREAT | O_WRONLY, 0777));
	mode_of("new2");
	umask(0);
	TRY(open("new3", O_CREAT | O_WRONLY, 07777));
	mode_of("new3");
	TRY(open("new4", O_CREAT | O_RDWR, 0));
	mode_of("new4");
	umask(022);
	TRY(open("f", O_WRONLY | O_TRUNC));
	mode_of("f");
	put_text("f", "content");
	TRY(open("f", O_RDONLY | O_TRUNC));
	mode_of("f");
	put_text("f", "content");
	TRY(open("f", O_CREAT | O_TRUNC | O_WRONLY, 0600));
	mode_of("f");
	put_text("f", "content");
	TRY(open("fifo", O_WRONLY | O_NONBLOCK));
	TRY(open("fifo", O_RDONLY | O_NONBLOCK));
	TRY(open("fifo", O_RDWR));
	TRY(openat(-1, "f", O_RDONLY));
	TRY(openat(AT_FDCWD, "f", O_RDONLY));
	TRY(openat(1, "f", O_RDONLY));
	TRY(openat(-1, "/", O_RDONLY));
	memset(name, 'n', 256);
	name[256] = '\0';
	TRY(open(name, O_RDONLY));
	TRY(open(name, O_RDWR | O_CREAT, 0644));
	name[255] = '\0';
	TRY(open(name, O_RDWR | O_CREAT, 0644));
	R(unlink(name));

	/* Flags that are read back, and a descriptor's rights. */
	fd = open("f", O_WRONLY | O_APPEND | O_NONBLOCK | O_CLOEXEC);
	X(fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK | O_CREAT | O_CLOEXEC));
	V(fcntl(fd, F_GETFD));
	R(read(fd, buf, 1));
	R(lseek(fd, 2, SEEK_SET));
	R(write(fd, "XY", 2));
	R(lseek(fd, 0, SEEK_CUR));
	close(fd);
	fd = open("f", O_RDONLY);
	R(write(fd, "x", 1));
	R(ftruncate(fd, 0));
	memset(buf, 0, sizeof(buf));
	R(read(fd, buf, sizeof(buf)));
	S(buf);
	R(read(fd, buf, sizeof(buf)));
	R(fcntl(fd, F_SETFL, O_WRONLY | O_APPEND));
	X(fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND));
	close(fd);
	fd = open("f", 3);
	say("access mode 3: %s\n", fd >= 0 ? "opened" : errname(errno));
	R(read(fd, buf, 1));
	R(write(fd, buf, 1));
	close(fd);

	/* A folder's descriptor. */
	fd = open("d", O_RDONLY | O_DIRECTORY);
	R(read(fd, buf, 1));
	R(write(fd, buf, 1));
	R(ftruncate(fd, 1));
	TRY(openat(fd, "../f", O_RDONLY));
	TRY(openat(fd, "inner", O_CREAT | O_WRONLY, 0644));
	mode_of("d/inner");
	close(fd);

	/* O_PATH: a place, not a file. */
	path_fd = open("f", O_PATH);
	R(read(path_fd, buf, 1));
	R(write(path_fd, buf, 1));
	R(fstat(path_fd, &st));
	V(st.st_size);
	R(lseek(path_fd, 0, SEEK_SET));
	R(fchmod(path_fd, 0600));
	R(ftruncate(path_fd, 0));
	R(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, path_fd, 0));
	X(fcntl(path_fd, F_GETFL));
	R(fcntl(path_fd, F_SETFL, 0));
	R(dup(path_fd) > path_fd);
	TRY(open("fifo", O_PATH | O_RDWR));
	close(path_fd);
	path_fd = open("link", O_PATH | O_NOFOLLOW);
	R(fstat(path_fd, &st));
	T(S_ISLNK(st.st_mode));
	memset(buf, 0, sizeof(buf));
	R(readlinkat(path_fd, "", buf, sizeof(buf)));
	S(buf);
	close(path_fd);
	path_fd = open("d", O_PATH);
	TRY(openat(path_fd, "inner", O_RDONLY));
	R(fchdir(path_fd));
	R(chdir(".."));
	close(path_fd);

	/* O_TMPFILE: a file without a name, which may get one. */
	TRY(open("d", O_TMPFILE | O_RDONLY, 0600));
	TRY(open("f", O_TMPFILE | O_RDWR, 0600));
	TRY(open("none2", O_TMPFILE | O_RDWR, 0600));
	fd = open("d", O_TMPFILE | O_RDWR, 0640);
	T(fd >= 0);
	R(write(fd, "nameless", 8));
	R(fstat(fd, &st));
	V(st.st_nlink);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	R(linkat(AT_FDCWD, name, AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
	mode_of("named");
	close(fd);
	fd = open("d", O_TMPFILE | O_RDWR | O_EXCL, 0640);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	R(linkat(AT_FDCWD, name, AT_FDCWD, "named2", AT_SYMLINK_FOLLOW));
	close(fd);

	/* creat, and an unlinked file that lives on. */
	fd = creat("c", 0600);
	T(fd >= 0);
	R(write(fd, "abc", 3));
	R(unlink("c"));
	R(fstat(fd, &st));
	say("links %ld size %ld\n", (long)st.st_nlink, (long)st.st_size);
	R(write(fd, "def", 3));
	R(lseek(fd, 0, SEEK_END));
	close(fd);
	R(close(fd));
	R(close(-1));
	/* Flags are looked at before the name. */
	R(open((char *)8, O_TMPFILE | O_RDONLY));
	R(open((char *)8, (O_TMPFILE & ~O_DIRECTORY) | O_RDWR));
	R(open((char *)8, O_TMPFILE | O_RDWR | O_CREAT));
	R(open((char *)8, O_TMPFILE | O_RDWR));
	R(open((char *)8, O_PATH | O_TMPFILE));
	R(open((char *)8, O_RDWR));
	return 0;
}
