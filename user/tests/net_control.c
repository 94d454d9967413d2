/* stage: 12; libc: musl; run: guest+golden
 * What a program may choose of TCP: congestion control by name, keep-alive and window by /proc/sys, selective ACKs; SYN cookies on request; SIGURG. */
#include "net.h"
#include <fcntl.h>
#include <signal.h>

static volatile sig_atomic_t urgent;
static char text[65536], back[65536];

static void on_urgent(int sig)
{
	(void)sig;
	urgent++;
}

static void show_file(const char *name)
{
	char path[128], line[256] = "";

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/%s", name);
	int fd = open(path, O_RDONLY);
	if (fd >= 0) {
		ssize_t n = read(fd, line, sizeof(line) - 1);
		line[n > 0 ? n : 0] = 0;
		close(fd);
	}
	say("%s: %s%s", name, fd < 0 ? errname(errno) : line, fd < 0 ? "\n" : "");
}

static void write_file(const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/%s", name);
	int fd = open(path, O_WRONLY);
	NEED(fd >= 0);
	ssize_t n = write(fd, value, strlen(value));
	say("%s <- \"%s\": %s\n", name, value, n < 0 ? errname(errno) : "taken");
	close(fd);
}

static void show_choice(int fd)
{
	char name[16] = "";
	socklen_t len = sizeof(name);

	if (getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &len) < 0)
		say("congestion: %s\n", errname(errno));
	else
		say("congestion: %s, length %d\n", name, (int)len);
}

static int options_of(int fd)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	NEED(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0);
	return info.tcpi_options & (TCPI_OPT_TIMESTAMPS | TCPI_OPT_SACK | TCPI_OPT_WSCALE);
}

static void congestion(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), pair[2];

	say("--- congestion control\n");
	show_file("tcp_congestion_control");
	show_choice(fd);
	R(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4));
	show_choice(fd);
	R(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "nonesuch", 8));
	R(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "", 0));
	R(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "cubic\0xyz", 9));
	show_choice(fd);
	close(fd);
	write_file("tcp_congestion_control", "reno\n");
	show_file("tcp_congestion_control");
	write_file("tcp_congestion_control", "nonesuch");
	tcp_pair(pair, NULL);
	show_choice(pair[0]);
	show_choice(pair[1]);
	/* While it runs. */
	R(setsockopt(pair[0], IPPROTO_TCP, TCP_CONGESTION, "cubic", 5));
	show_choice(pair[0]);
	for (int i = 0; i < 20; i++) {
		NEED(send(pair[0], text, sizeof(text), 0) == sizeof(text));
		NEED(recv(pair[1], back, sizeof(back), MSG_WAITALL) == sizeof(back));
	}
	close(pair[0]);
	close(pair[1]);
	write_file("tcp_congestion_control", "cubic");
}

static void settings(void)
{
	static const char *const files[] = { "tcp_sack", "tcp_timestamps", "tcp_window_scaling", "tcp_syncookies", "tcp_keepalive_time", "tcp_keepalive_intvl",
					     "tcp_keepalive_probes", "tcp_fin_timeout", "tcp_syn_retries", "tcp_synack_retries", "tcp_retries2" };
	int pair[2];

	say("--- settings\n");
	for (unsigned i = 0; i < sizeof(files) / sizeof(*files); i++)
		show_file(files[i]);
	tcp_pair(pair, NULL);
	V(options_of(pair[0]));
	V(options_of(pair[1]));
	close(pair[0]);
	close(pair[1]);
	write_file("tcp_sack", "0");
	write_file("tcp_window_scaling", "0\n");
	tcp_pair(pair, NULL);
	V(options_of(pair[0]));
	V(options_of(pair[1]));
	close(pair[0]);
	close(pair[1]);
	write_file("tcp_sack", "1");
	write_file("tcp_window_scaling", "1");
	write_file("tcp_sack", "x");
	write_file("tcp_keepalive_time", "77");
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	V(option(fd, IPPROTO_TCP, TCP_KEEPIDLE));
	close(fd);
	write_file("tcp_keepalive_time", "7200");
}

/* With 2 every connection is made from what its third segment brings. */
static void cookies(void)
{
	int pair[2];

	say("--- SYN cookies\n");
	write_file("tcp_syncookies", "2");
	for (int i = 0; i < 3; i++) {
		tcp_pair(pair, NULL);
		V(options_of(pair[1]));
		V(state_of(pair[1]));
		for (int k = 0; k < 4; k++) {
			memset(text, 'a' + k, sizeof(text));
			NEED(send(pair[k & 1], text, sizeof(text), 0) == sizeof(text));
			NEED(recv(pair[!(k & 1)], back, sizeof(back), MSG_WAITALL) == sizeof(back));
			T(!memcmp(text, back, sizeof(text)));
		}
		close(pair[0]);
		close(pair[1]);
	}
	write_file("tcp_syncookies", "1");
}

static void signals(void)
{
	struct sigaction act = { .sa_handler = on_urgent };
	int pair[2];

	say("--- SIGURG\n");
	sigaction(SIGURG, &act, NULL);
	tcp_pair(pair, NULL);
	NEED(send(pair[0], "!", 1, MSG_OOB) == 1);
	wait_for(pair[1], POLLPRI);
	V(urgent);
	R(recv(pair[1], back, 1, MSG_OOB));
	R(fcntl(pair[1], F_SETOWN, getpid()));
	NEED(send(pair[0], "?", 1, MSG_OOB) == 1);
	wait_for(pair[1], POLLPRI);
	for (int i = 0; i < 1000 && !urgent; i++)
		usleep(1000);
	V(urgent);
	R(recv(pair[1], back, 1, MSG_OOB));
	close(pair[0]);
	close(pair[1]);
}

int main(void)
{
	lo_up();
	congestion();
	settings();
	cookies();
	signals();
	return 0;
}
