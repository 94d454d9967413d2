/* kill [-SIGNAL] PID ...: SIGNAL is a name or one of the kernel's numbers; TERM when it is missing. */
#include "common/util.h"

#include <signal.h>

static const struct {
	const char *name;
	int number, linux;
} signals[] = {
	{ "HUP", SIGHUP, 1 }, { "INT", SIGINT, 2 }, { "QUIT", SIGQUIT, 3 }, { "KILL", SIGKILL, 9 }, { "USR1", SIGUSR1, 10 },
	{ "SEGV", SIGSEGV, 11 }, { "USR2", SIGUSR2, 12 }, { "PIPE", SIGPIPE, 13 }, { "ALRM", SIGALRM, 14 },
	{ "TERM", SIGTERM, 15 }, { "CHLD", SIGCHLD, 17 }, { "CONT", SIGCONT, 18 }, { "STOP", SIGSTOP, 19 },
	{ "TSTP", SIGTSTP, 20 },
};

static int lookup(const char *text)
{
	int number = atoi(text);

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (!strcmp(text, signals[i].name) || (number && number == signals[i].linux))
			return signals[i].number;
	return -1;
}

int main(int argc, char **argv)
{
	int sig = SIGTERM, status = 0, first = 1;

	if (argc > 2 && argv[1][0] == '-') {
		sig = lookup(argv[1] + 1);
		first = 2;
	}
	if (first >= argc || sig < 0) {
		fprintf(stderr, "usage: kill [-SIGNAL] PID ...\n");
		return 2;
	}
	for (; first < argc; first++)
		if (kill((pid_t)atoi(argv[first]), sig) < 0)
			status = fail("kill", argv[first]);
	return status;
}
