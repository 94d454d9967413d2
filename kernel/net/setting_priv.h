/* Numbers that a program may read and set in /proc/sys/net (setting.c). */
#ifndef NET_SETTING_PRIV_H
#define NET_SETTING_PRIV_H

#include "core/node.h"
#include "core/types.h"

/* `count` words in a file, at most three; each is read and written whole, without a lock. */
struct net_setting {
	u32 *words;
	u32 count, least, most;
};

int net_setting_show(struct seq *s);
/* All words or fewer, from the first on: what is there is checked before any is changed. */
ssize_t net_setting_store(void *arg, const char *text, size_t len);

#define NET_SETTING(name, file, first, how_many, low, high) \
	static struct net_setting setting_##name = { .words = first, .count = how_many, .least = low, .most = high }; \
	NODE(setting_##name, .path = "sys/net/" file, .mode = 0644, .show = net_setting_show, .store_arg = net_setting_store, .arg = &setting_##name)

#endif
