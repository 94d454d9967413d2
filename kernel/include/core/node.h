/*
 * Information nodes: NODE("meminfo", show) makes a text file of kernel state. procfs (stage 12) and sysfs walk the set; any lower stage may add to it.
 */
#ifndef CORE_NODE_H
#define CORE_NODE_H

#include "core/compiler.h"

/* A growing text buffer that a show function prints into. */
struct seq {
	char *buf;   /* NULL while only counting is possible */
	size_t size; /* capacity */
	size_t len;  /* bytes wanted; len > size means: grow and show again */
	void *arg;   /* what the node is about (a struct process * under /proc/PID; info_node.arg) */
};
void seq_printf(struct seq *s, const char *fmt, ...) __printf_like(2, 3);
void seq_write(struct seq *s, const void *data, size_t len);
void seq_puts(struct seq *s, const char *str);

struct info_node {
	const char *path; /* below /proc, or "sys:class/…" for sysfs */
	u16 mode;         /* permissions; 0 means 0444 */
	int (*show)(struct seq *s);
	ssize_t (*store)(const char *text, size_t len); /* NULL: read-only. Text is NUL-terminated; returns bytes taken or -errno */
	/* For nodes that share their functions: what they are about. */
	void *arg;
	ssize_t (*store_arg)(void *arg, const char *text, size_t len); /* instead of store */
};
#define NODE(ident, ...) \
	static const struct info_node info_node_##ident = { __VA_ARGS__ }; \
	LINKER_SET(info_nodes, info_node_##ident)
LINKER_SET_DECLARE(info_nodes, const struct info_node);

#endif
