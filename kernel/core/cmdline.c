/* The command line: words separated by blanks; double quotes keep blanks together and are not part of the word. */
#include "core/cmdline.h"
#include "core/err.h"
#include "lib/string.h"

const char *boot_cmdline = "";
LINKER_SET_DECLARE(cmdline_params, const struct cmdline_param);

size_t cmdline_next(const char **pos, const char **word)
{
	const char *p = *pos;
	bool quoted = false;

	while (*p == ' ' || *p == '\t' || *p == '\n')
		p++;
	*word = p;
	while (*p && (quoted || (*p != ' ' && *p != '\t' && *p != '\n')))
		if (*p++ == '"')
			quoted = !quoted;
	*pos = p;
	return (size_t)(p - *word);
}

int cmdline_get(const char *key, char *buf, size_t size)
{
	const char *pos = boot_cmdline, *word, *found = NULL;
	size_t len, found_len = 0, key_len = strlen(key), out = 0;

	while ((len = cmdline_next(&pos, &word)) > 0) {
		/* A word may be quoted whole ("init=/bin/a b"), or its value alone. */
		if (*word == '"') {
			word++;
			len--;
		}
		if (len > key_len && strncmp(word, key, key_len) == 0 && word[key_len] == '=') {
			found = word + key_len + 1;
			found_len = len - key_len - 1;
		}
	}
	if (!found)
		return -ENOENT;
	for (size_t i = 0; i < found_len && out + 1 < size; i++)
		if (found[i] != '"')
			buf[out++] = found[i];
	if (size)
		buf[out] = '\0';
	return 0;
}

bool cmdline_has(const char *wanted)
{
	const char *pos = boot_cmdline, *word;
	size_t len;

	while ((len = cmdline_next(&pos, &word)) > 0)
		if (len == strlen(wanted) && strncmp(word, wanted, len) == 0)
			return true;
	return false;
}

u64 cmdline_u64(const char *key, u64 def)
{
	char text[32];
	const char *end;
	u64 v;

	if (cmdline_get(key, text, sizeof(text)) < 0)
		return def;
	v = parse_u64(text, &end, 0);
	if (end == text)
		return def;
	switch (*end | 0x20) {
	case 'g':
		v <<= 10;
		/* fall through */
	case 'm':
		v <<= 10;
		/* fall through */
	case 'k':
		v <<= 10;
		end++;
	}
	return *end ? def : v;
}

bool cmdline_is_known(const char *word, size_t len)
{
	LINKER_SET_FOREACH(cmdline_params, it) {
		size_t n = strlen((*it)->key);
		if (len >= n && strncmp(word, (*it)->key, n) == 0 && (len == n || word[n] == '='))
			return true;
	}
	return false;
}

CMDLINE_PARAM(console, "console");
CMDLINE_PARAM(quiet, "quiet");
CMDLINE_PARAM(loglevel, "loglevel");
CMDLINE_PARAM(nokaslr, "nokaslr");
CMDLINE_PARAM(boot_image, "BOOT_IMAGE");
CMDLINE_PARAM(earlyprintk, "earlyprintk");
CMDLINE_PARAM(mitigations, "mitigations");
