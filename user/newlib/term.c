/* Terminals: the ioctls behind termios. */
#include "linux.h"
#include "switchback.h"

#include <termios.h>
#include <unistd.h>

#define TCGETS		0x5401
#define TCSETS		0x5402		/* TCSADRAIN and TCSAFLUSH follow it in this order */
#define TIOCSCTTY	0x540e
#define TIOCGPGRP	0x540f
#define TIOCSPGRP	0x5410
#define TIOCGWINSZ	0x5413

int tcgetattr(int fd, struct termios *mode)
{
	return (int)LINUX3(ioctl, fd, TCGETS, mode);
}

int tcsetattr(int fd, int when, const struct termios *mode)
{
	return (int)LINUX3(ioctl, fd, TCSETS + when, mode);
}

int isatty(int fd)
{
	struct termios mode;

	return tcgetattr(fd, &mode) == 0;
}

int tcgetwinsize(int fd, struct winsize *size)
{
	return (int)LINUX3(ioctl, fd, TIOCGWINSZ, size);
}

int tcsetpgrp(int fd, pid_t group)
{
	int id = group;

	return (int)LINUX3(ioctl, fd, TIOCSPGRP, &id);
}

int tcsetctty(int fd)
{
	return (int)LINUX3(ioctl, fd, TIOCSCTTY, 0);
}
