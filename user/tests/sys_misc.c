/* stage: 12; libc: musl; run: host+guest
 * Odds and ends: uname, sysinfo, getrandom, sethostname, personality, times, statfs, devices, sendfile, copying. */
#include "t.h"
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/random.h>
#include <sys/sendfile.h>
#include <sys/statfs.h>
#include <sys/sysinfo.h>
#include <sys/sysmacros.h>
#include <sys/times.h>
#include <sys/utsname.h>

static void device(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		say("%s: %s\n", path, errname(errno));
	else
		say("%s: %s %u:%u\n", path, S_ISCHR(st.st_mode) ? "character" : "other", major(st.st_rdev), minor(st.st_rdev));
}

int main(void)
{
	unsigned char a[64], b[64];
	struct utsname name;
	struct sysinfo info;
	struct statfs fs;
	struct tms tms;
	off_t at;
	int fd, out, n;

	t_dir();
	R(uname(&name));
	S(name.sysname);
	S(name.machine);
	T(name.release[0] >= '3' && name.release[0] <= '9');
	R(sysinfo(&info));
	T(info.totalram > 0 && info.freeram > 0 && info.freeram <= info.totalram && info.procs > 0 && info.mem_unit > 0);
	T(times(&tms) != -1);
	R(personality(0xffffffff));

	R(getrandom(a, 64, 0));
	R(getrandom(b, 64, GRND_NONBLOCK));
	T(memcmp(a, b, 64) != 0);
	R(getrandom(a, 64, 0x100));
	R(getrandom(a, 0, 0));

	device("/dev/null");
	device("/dev/zero");
	device("/dev/full");
	device("/dev/random");
	device("/dev/urandom");
	device("/dev/tty");
	device("/dev/console");
	device("/dev/kmsg");
	device("/dev/ptmx");
	fd = open("/dev/null", O_RDWR);
	R(read(fd, a, 10));
	R(write(fd, a, 10));
	R(lseek(fd, 5, SEEK_SET));
	R(ftruncate(fd, 0));
	R(ioctl(fd, TCGETS, a));
	R(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0));
	fd = open("/dev/zero", O_RDWR);
	memset(a, 7, sizeof(a));
	R(read(fd, a, 10));
	V(a[0] + a[9] + a[10]);
	R(write(fd, a, 10));
	{
		char *z = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

		T(z != MAP_FAILED && z[4096] == 0);
		z[4096] = 1;
	}
	fd = open("/dev/full", O_RDWR);
	R(read(fd, a, 10));
	R(write(fd, a, 10));
	fd = open("/dev/urandom", O_RDONLY);
	R(read(fd, a, 64));
	R(pread(fd, b, 64, 0));
	T(memcmp(a, b, 64) != 0);
	mknod("null", S_IFCHR | 0666, makedev(1, 3));
	fd = open("null", O_WRONLY);
	R(write(fd, "x", 1));
	mknod("nodev", S_IFCHR | 0666, makedev(240, 77));
	R(open("nodev", O_RDONLY));

	R(statfs("/proc", &fs));
	X(fs.f_type);
	R(statfs("/tmp", &fs));
	T(fs.f_bsize > 0);
	V(fs.f_namelen);
	R(statfs("none", &fs));
	R(fstatfs(99, &fs));

	/* sendfile and its errnos. */
	put_text("from", "0123456789abcdef");
	fd = open("from", O_RDWR);
	out = open("to", O_RDWR | O_CREAT, 0644);
	R(sendfile(out, fd, NULL, 5));
	R(lseek(fd, 0, SEEK_CUR));
	at = 10;
	R(sendfile(out, fd, &at, 100));
	V(at);
	R(lseek(fd, 0, SEEK_CUR));
	R(sendfile(out, fd, &at, 100));
	at = -1;
	R(sendfile(out, fd, &at, 1));
	R(sendfile(99, fd, NULL, 1));
	R(sendfile(out, 99, NULL, 1));
	R(sendfile(open("to", O_RDONLY), fd, NULL, 1));
	memset(a, 0, sizeof(a));
	R(pread(out, a, 60, 0));
	S((char *)a);
	R(copy_file_range(fd, NULL, out, NULL, 4, 0));
	R(copy_file_range(fd, NULL, out, NULL, 4, 1));

	/* Names of the machine. */
	IN_CHILD("no right to") {
		NEED(SYS(setuid, 1000) == 0);
		R(sethostname("x", 1));
		R(SYS(reboot, 0xfee1dead, 672274793, 0, 0));
		R(SYS(mount, "tmpfs", "/tmp", "tmpfs", 0, NULL));
		R(SYS(umount2, "/proc", 0));
		R(SYS(settimeofday, &(struct timeval){ 0, 0 }, NULL));
	}
	R(SYS(reboot, 1, 2, 3, 4));
	R(sethostname("x", 100));
	R(SYS(syslog, 10, NULL, 0) >= 0);
	R(SYS(syslog, 99, NULL, 0));
	R(SYS(getcpu, &n, NULL, NULL));
	T(n >= 0 && n < 1024);
	R(SYS(getcpu, (void *)8, NULL, NULL));
	return 0;
}
