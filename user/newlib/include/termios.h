/* Terminal modes in the kernel's layout and numbers: only what a line editor needs. */
#ifndef SWITCHBACK_TERMIOS_H
#define SWITCHBACK_TERMIOS_H

#include <stdint.h>

#define NCCS	19

struct termios {
	uint32_t c_iflag, c_oflag, c_cflag, c_lflag;
	uint8_t c_line;
	uint8_t c_cc[NCCS];
};

enum { ICRNL = 0000400, IXON = 0002000, OPOST = 0000001, ISIG = 0000001, ICANON = 0000002, ECHO = 0000010,
       IEXTEN = 0100000 };
enum { VTIME = 5, VMIN = 6 };
enum { TCSANOW = 0, TCSADRAIN = 1, TCSAFLUSH = 2 };

int tcgetattr(int fd, struct termios *mode);
int tcsetattr(int fd, int when, const struct termios *mode);

#endif
