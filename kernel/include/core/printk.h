/* Kernel messages: to the log buffer and, by level, to the consoles. Any context, interrupt handlers included. */
#ifndef CORE_PRINTK_H
#define CORE_PRINTK_H

#include "core/compiler.h"

enum log_level { LOG_EMERG, LOG_ALERT, LOG_CRIT, LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG };

void printk_level(enum log_level level, const char *fmt, ...) __printf_like(2, 3);
#define printk(fmt, ...) printk_level(LOG_INFO, fmt, ##__VA_ARGS__)
#define pr_err(fmt, ...) printk_level(LOG_ERR, fmt, ##__VA_ARGS__)
#define pr_warn(fmt, ...) printk_level(LOG_WARNING, fmt, ##__VA_ARGS__)
#define pr_debug(fmt, ...) printk_level(LOG_DEBUG, fmt, ##__VA_ARGS__)

/* The log as /dev/kmsg and syslog(2) see it: records numbered from 0. Returns bytes stored in buf ("<level>[seconds.micros] text\n"), 0 when there is no record `*seq` yet;
 * moves *seq to the next record (and past records that were overwritten). */
size_t klog_read(u64 *seq, char *buf, size_t size);
extern bool klog_restricted; /* reading the log is for root alone (kernel.dmesg_restrict) */
u64 klog_first_seq(void);
u64 klog_next_seq(void);
extern int console_loglevel; /* messages with a level below this reach the consoles: 7, or 4 with `quiet`, or `loglevel=N` */

/* A console takes bytes, any context; `\n` is turned into `\r\n` by the device's own write. */
struct console {
	const char *name; /* "ttyS0", "tty1": what `console=` names */
	void (*write)(struct console *con, const char *buf, size_t len);
	struct console *next;
	bool enabled; /* gets kernel messages */
	bool screen;  /* not the serial line: panics, which write to that directly, come here too */
};
void console_register(struct console *con);
/* Writes to every enabled console, without level or log. */
void console_write(const char *buf, size_t len);
/* As console_write, to screens only and without waiting for a lock: for panics. */
void console_write_screens(const char *buf, size_t len);
/* The device behind /dev/console: the last `console=` of the command line, default ttyS0; NULL before any is registered. */
struct console *console_preferred(void);

#endif
