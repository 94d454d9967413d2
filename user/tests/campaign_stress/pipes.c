/* Pipes: one of the storms of campaign_stress.c. */
#include "storm.h"
#include <poll.h>

/* A ring of pipes: a byte goes round. */
void storm_pipes(int me)
{
	while (going(me)) {
		int to[2], from[2], status;
		pid_t pid;

		if (pipe(to) < 0 || pipe(from) < 0)
			return;
		pid = fork();
		if (pid == 0) {
			static char buffer[70000];
			ssize_t n;

			close(to[1]);
			close(from[0]);
			while ((n = read(to[0], buffer, 1 + below(sizeof(buffer)))) > 0)
				for (ssize_t k = 0; k < n;) {
					ssize_t w = write(from[1], buffer + k, (size_t)(n - k));

					if (w <= 0)
						_exit(1);
					k += w;
				}
			_exit(0);
		}
		close(to[0]);
		close(from[1]);
		if (pid > 0) {
			static unsigned char out[70000], in[70000];

			for (int round = 0; round < 20; round++) {
				size_t want = 1 + below(round & 1 ? 60000 : 100), got = 0;

				for (size_t i = 0; i < want; i++)
					out[i] = (unsigned char)(i * 7 + (size_t)round);
				if (write(to[1], out, want) != (ssize_t)want)
					mistake("pipe: write");
				while (got < want) {
					struct pollfd p = { from[0], POLLIN, 0 };
					ssize_t n;

					if (poll(&p, 1, 20000) <= 0) {
						mistake("pipe: no answer in 20 s");
						break;
					}
					n = read(from[0], in + got, want - got);
					if (n <= 0)
						break;
					got += (size_t)n;
				}
				if (memcmp(in, out, want) != 0)
					mistake("pipe: contents");
				going(me);
			}
		}
		close(to[1]);
		close(from[0]);
		if (pid > 0)
			waitpid(pid, &status, 0);
	}
}
