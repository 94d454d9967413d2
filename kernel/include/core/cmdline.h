/* The kernel's command line. */
#ifndef CORE_CMDLINE_H
#define CORE_CMDLINE_H

#include "core/compiler.h"

extern const char *boot_cmdline; /* whole, NUL-terminated, lives for ever */

/* Value of the last `key=value` (copied, quotes removed, cut at size): 0, or -ENOENT. */
int cmdline_get(const char *key, char *buf, size_t size);
bool cmdline_has(const char *word); /* `word` alone, as `quiet`, `ro` */
/* Number with Linux's suffixes k, m, g; `def` when absent or not a number. */
u64 cmdline_u64(const char *key, u64 def);
/* Iterates over words; returns length of the word at *pos (start stored in *word), 0 at the end. Quotes keep blanks. */
size_t cmdline_next(const char **pos, const char **word);

/* A parameter that the kernel knows: what none knows goes to init, as Linux does (`key=value` to the environment, words to argv). */
struct cmdline_param {
	const char *key;
};
#define CMDLINE_PARAM(ident, k) \
	static const struct cmdline_param cmdline_param_##ident = { .key = (k) }; \
	LINKER_SET(cmdline_params, cmdline_param_##ident)
bool cmdline_is_known(const char *word, size_t len);

#endif
