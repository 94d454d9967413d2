/* The limits of IPC: one place that says what they are, and shows and takes them in /proc/sys. */
#include "sysv_priv.h"

#include "lib/string.h"

int ipc_limit_show(struct seq *s)
{
	const struct ipc_limit *l = s->arg;
	seq_printf(s, "%lu\n", READ_ONCE(l->value));
	return 0;
}

/* A number at *text, blanks before it skipped, which moves past it: false if there is none, or it is out of range. */
static bool take_number(const char **text, u64 least, u64 most, u64 *value)
{
	const char *at = *text, *end;

	while (*at == ' ' || *at == '\t')
		at++;
	*value = parse_u64(at, &end, 10);
	if (end == at || (*end && *end != '\n' && *end != ' ' && *end != '\t') || *value < least || *value > most)
		return false;
	*text = end;
	return true;
}

ssize_t ipc_limit_store(void *limit, const char *text, size_t len)
{
	struct ipc_limit *l = limit;
	u64 value;

	if (!take_number(&text, l->least, l->most, &value))
		return -EINVAL;
	WRITE_ONCE(l->value, value);
	return (ssize_t)len;
}

IPC_LIMIT(limit_msgmax, "kernel/msgmax", 8192, 0, INT32_MAX);   /* bytes of a message */
IPC_LIMIT(limit_msgmnb, "kernel/msgmnb", 16384, 0, INT32_MAX);  /* bytes in a queue */
IPC_LIMIT(limit_msgmni, "kernel/msgmni", 32000, 0, IPC_INDEX_MAX);
IPC_LIMIT(limit_shmmax, "kernel/shmmax", UINT64_MAX - (1ul << 24), 0, UINT64_MAX);
IPC_LIMIT(limit_shmall, "kernel/shmall", UINT64_MAX - (1ul << 24), 0, UINT64_MAX); /* pages */
IPC_LIMIT(limit_shmmni, "kernel/shmmni", 4096, 0, IPC_INDEX_MAX);

struct sem_limits sem_limits = { .msl = 32000, .mns = 1024000000, .opm = 500, .mni = 32000 };
struct ipc_limit limit_semmni = { 32000, 0, IPC_INDEX_MAX };

static int show_sem(struct seq *s)
{
	const struct sem_limits *l = &sem_limits;
	seq_printf(s, "%d\t%d\t%d\t%d\n", l->msl, l->mns, l->opm, l->mni);
	return 0;
}

/* Up to four numbers; those that are not given stay. */
static ssize_t store_sem(const char *text, size_t len)
{
	int *fields[4] = { &sem_limits.msl, &sem_limits.mns, &sem_limits.opm, &sem_limits.mni };
	u64 values[4];
	unsigned n = 0;

	while (n < 4 && *text && *text != '\n') {
		if (!take_number(&text, 0, INT32_MAX, &values[n]))
			return -EINVAL;
		n++;
	}
	/* Too many sets are refused when the others are stored already, as on Linux. */
	bool too_many = n == 4 && values[3] > IPC_INDEX_MAX;
	for (unsigned i = 0; i < n - too_many; i++)
		WRITE_ONCE(*fields[i], (int)values[i]);
	limit_semmni.value = sem_limits.mni;
	return too_many ? -ERANGE : (ssize_t)len;
}
NODE(limit_sem, .path = "sys/kernel/sem", .mode = 0644, .show = show_sem, .store = store_sem);
