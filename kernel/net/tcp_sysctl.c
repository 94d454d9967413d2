/* What /proc/sys/net/ipv4 lets a program read and set of TCP, and the counters of /proc/net/netstat. */
#include "core/node.h"
#include "lib/string.h"
#include "setting_priv.h"
#include "tcp_priv.h"

struct tcp_settings tcp_settings = {
	.sack = 1,
	.timestamps = 1,
	.window_scaling = 1,
	.syncookies = 1,
	.max_syn_backlog = 512,
	.syn_retries = 6,
	.synack_retries = 5,
	.retries = 15,
	.keep_idle = 7200,
	.keep_interval = 75,
	.keep_count = 9,
	.fin_timeout = 60,
	.rmem = { 4096, 131072, 6u << 20 },
	.wmem = { 4096, 16384, 4u << 20 },
};
struct tcp_ext tcp_ext;

/* --- numbers --------------------------------------------------------------------------------------------------------- */

/* One field of tcp_settings, a word or an array of them. */
#define SETTING(file, field, low, high) NET_SETTING(field, "ipv4/" file, (u32 *)&tcp_settings.field, sizeof(tcp_settings.field) / sizeof(u32), low, high)
SETTING("tcp_sack", sack, 0, 1);
SETTING("tcp_timestamps", timestamps, 0, 2);
SETTING("tcp_window_scaling", window_scaling, 0, 1);
SETTING("tcp_syncookies", syncookies, 0, 2);
SETTING("tcp_max_syn_backlog", max_syn_backlog, 1, 65535);
SETTING("tcp_syn_retries", syn_retries, 1, 127);
SETTING("tcp_synack_retries", synack_retries, 0, 255);
SETTING("tcp_retries2", retries, 1, 255);
SETTING("tcp_keepalive_time", keep_idle, 1, 32767);
SETTING("tcp_keepalive_intvl", keep_interval, 1, 32767);
SETTING("tcp_keepalive_probes", keep_count, 1, 127);
SETTING("tcp_fin_timeout", fin_timeout, 1, 3600);
SETTING("tcp_rmem", rmem, 4096, 64u << 20);
SETTING("tcp_wmem", wmem, 4096, 64u << 20);

/* --- congestion control ---------------------------------------------------------------------------------------------- */

static int show_congestion(struct seq *s)
{
	seq_printf(s, "%s\n", READ_ONCE(tcp_congestion_default)->name);
	return 0;
}

static ssize_t store_congestion(const char *text, size_t len)
{
	char name[16];
	size_t n = strlen(text);

	while (n && (text[n - 1] == '\n' || text[n - 1] == ' '))
		n--;
	if (n >= sizeof(name))
		return -ENOENT;
	memcpy(name, text, n);
	name[n] = '\0';
	const struct tcp_congestion *c = tcp_congestion_find(name);
	if (!c)
		return -ENOENT;
	WRITE_ONCE(tcp_congestion_default, c);
	return (ssize_t)len;
}
NODE(congestion, .path = "sys/net/ipv4/tcp_congestion_control", .mode = 0644, .show = show_congestion, .store = store_congestion);

static int show_congestions(struct seq *s)
{
	for (u32 i = 0; tcp_congestions[i]; i++)
		seq_printf(s, "%s%s", i ? " " : "", tcp_congestions[i]->name);
	seq_puts(s, "\n");
	return 0;
}
NODE(congestions, .path = "sys/net/ipv4/tcp_available_congestion_control", .show = show_congestions);
NODE(congestions_allowed, .path = "sys/net/ipv4/tcp_allowed_congestion_control", .show = show_congestions);

/* --- counters -------------------------------------------------------------------------------------------------------- */

#define NAME(name) " " #name
#define VALUE(name) seq_printf(s, " %lu", atomic_load_relaxed(&tcp_ext.name));
static int show_netstat(struct seq *s)
{
	seq_puts(s, "TcpExt:" TCP_EXT_FIELDS(NAME) "\nTcpExt:");
	TCP_EXT_FIELDS(VALUE)
	seq_puts(s, "\n");
	return 0;
}
NODE(net_netstat, .path = "net/netstat", .show = show_netstat);
