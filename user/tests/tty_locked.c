/* stage: 12; libc: musl; run: host
 * Modes of a terminal that are locked: no program changes them until they are let go. */
#include "t.h"
#include <sys/ioctl.h>
#include <termios.h>

#define GET_LOCKED 0x5456
#define SET_LOCKED 0x5457
struct modes {
	unsigned iflag, oflag, cflag, lflag;
	unsigned char line, cc[19];
};

static void show(int fd)
{
	struct modes m;

	NEED(ioctl(fd, TCGETS, &m) == 0);
	say("echo %d, canonical %d, cr to nl %d, post %d, interrupt %d, kill %d\n", !!(m.lflag & ECHO), !!(m.lflag & ICANON), !!(m.iflag & ICRNL), !!(m.oflag & OPOST), m.cc[VINTR], m.cc[VKILL]);
}

int main(void)
{
	struct modes locked = { 0 }, m;
	int master = posix_openpt(O_RDWR | O_NOCTTY), slave;

	NEED(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
	NEED((slave = open(ptsname(master), O_RDWR | O_NOCTTY)) >= 0);
	memset(&m, 0xff, sizeof(m));
	R(ioctl(slave, GET_LOCKED, &m));
	T(memcmp(&m, &locked, sizeof(m)) == 0);
	locked.lflag = ECHO;
	locked.iflag = ICRNL;
	locked.cc[VINTR] = 1;
	R(ioctl(slave, SET_LOCKED, &locked));
	R(ioctl(master, GET_LOCKED, &m));
	T(memcmp(&m, &locked, sizeof(m)) == 0);
	show(slave);
	memset(&m, 0, sizeof(m));
	m.cflag = CS8 | CREAD | B38400;
	m.cc[VINTR] = 9;
	m.cc[VKILL] = 8;
	R(ioctl(slave, TCSETS, &m));
	show(slave);
	locked.lflag = locked.iflag = 0;
	locked.cc[VINTR] = 0;
	R(ioctl(master, SET_LOCKED, &locked));
	R(ioctl(slave, TCSETSF, &m));
	show(slave);
	R(ioctl(slave, GET_LOCKED, NULL));
	R(ioctl(slave, SET_LOCKED, (void *)8));
	IN_CHILD("a user") {
		NEED(setuid(1000) == 0);
		R(ioctl(slave, GET_LOCKED, &m));
		R(ioctl(slave, SET_LOCKED, &m));
		R(ioctl(slave, SET_LOCKED, NULL));
	}
	return 0;
}
