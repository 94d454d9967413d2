#include "setting_priv.h"

#include "core/err.h"
#include "lib/string.h"

int net_setting_show(struct seq *s)
{
	const struct net_setting *n = s->arg;

	for (u32 i = 0; i < n->count; i++)
		seq_printf(s, "%s%u", i ? "\t" : "", READ_ONCE(n->words[i]));
	seq_puts(s, "\n");
	return 0;
}

ssize_t net_setting_store(void *arg, const char *text, size_t len)
{
	const struct net_setting *n = arg;
	u32 given[3], count = 0;

	for (const char *at = text;;) {
		const char *end;
		while (*at == ' ' || *at == '\t' || *at == '\n')
			at++;
		if (!*at)
			break;
		u64 v = parse_u64(at, &end, 10);
		if (end == at || count == n->count || v < n->least || v > n->most)
			return -EINVAL;
		given[count++] = (u32)v;
		at = end;
	}
	if (!count)
		return -EINVAL;
	for (u32 i = 0; i < count; i++)
		WRITE_ONCE(n->words[i], given[i]);
	return (ssize_t)len;
}
