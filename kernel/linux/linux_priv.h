/* Inside linux/. */
#ifndef LINUX_LINUX_PRIV_H
#define LINUX_LINUX_PRIV_H

#include "linux/linux.h"

/* A set of names for values or for bits of a word. */
struct decode_name {
	u64 value;
	const char *name;
};
/* names.c; each table ends with a NULL name. */
extern const struct decode_name names_open[], names_prot[], names_map[], names_clone[], names_at[], names_wait[], names_access[], names_whence[], names_fcntl[],
	names_ioctl[], names_futex[], names_sigmask[], names_family[], names_socket[], names_clock[], names_madvise[], names_mount[], names_poll[], names_sigaction[],
	names_rlimit[], names_umount[], names_prctl[], names_itimer[], names_lock[], names_random[], names_epoll[], names_arch[];
extern const char *const signal_names[32]; /* without SIG */

void decode_bits(struct seq *s, u64 v, const struct decode_name *names);
void decode_value(struct seq *s, u64 v, const struct decode_name *names);
#define STRING_SHOWN 32
void decode_string_up_to(struct seq *s, u64 address, size_t limit);
void decode_quoted(struct seq *s, const char *text, size_t n, bool cut);

void trace_init(void);

/* The short way through a system call (fast_entry.S). */
void fast_call_init(void);          /* once, when the table is there; CPUs that come up later take it over by themselves */
void fast_call_switch(bool on);     /* off: every call goes the plain way, by the dispatcher and the router */

#endif
