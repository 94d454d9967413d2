/* Terminals: one of the storms of campaign_stress.c. */
#include "storm.h"
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>

/* Terminals: both ends write, read, change modes, and one end goes away in the middle. */
void storm_ptys(int me)
{
	while (going(me)) {
		char name[64], buffer[512];
		int master = open("/dev/ptmx", O_RDWR | O_NOCTTY), zero = 0, n;
		pid_t pid;

		if (master < 0 || ioctl(master, TIOCSPTLCK, &zero) < 0 || ioctl(master, TIOCGPTN, &n) < 0) {
			mistake("ptmx");
			nap(10);
			continue;
		}
		snprintf(name, sizeof(name), "/dev/pts/%d", n);
		pid = fork();
		if (pid == 0) {
			int slave;
			struct termios t;

			signal(SIGTTOU, SIG_IGN);
			setsid();
			slave = open(name, O_RDWR);
			close(master);
			for (int i = 0; i < 50 && slave >= 0; i++) {
				switch (below(5)) {
				case 0: write(slave, "some text\n", 10); break;
				case 1: tcgetattr(slave, &t); t.c_lflag ^= ICANON; tcsetattr(slave, (int)below(3), &t); break;
				case 2: {
					struct pollfd p = { slave, POLLIN, 0 };

					if (poll(&p, 1, 5) > 0)
						read(slave, buffer, sizeof(buffer));
					break;
				}
				case 3: tcflush(slave, (int)below(3)); break;
				default: sched_yield();
				}
			}
			_exit(0);
		}
		fcntl(master, F_SETFL, O_NONBLOCK);
		for (int i = 0, rounds = (int)below(60); i < rounds; i++) {
			write(master, "typed\n\3\4\32", below(9) + 1);
			read(master, buffer, sizeof(buffer));
			sched_yield();
		}
		close(master);
		kill(pid, SIGCONT);
		if (pid > 0)
			wait_or_kill(pid, 5000);
	}
}
