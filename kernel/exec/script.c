/* The first line of a script. */
#include "exec_priv.h"

#include "lib/string.h"

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

/*
 * Takes "#!  interpreter  [argument]" apart, in place. The argument is all that follows, blanks inside included. A line that is longer than what counts is
 * fine when the interpreter's name ends before: then the argument is cut.
 */
int exec_parse_script(char line[SCRIPT_LINE + 1], char **interpreter, char **argument)
{
	char *end = memchr(line, '\n', SCRIPT_LINE);
	char *s = line + 2;
	bool whole = end != NULL;
	bool cut = !whole && strnlen(line, SCRIPT_LINE) == SCRIPT_LINE;

	if (!whole)
		end = line + strnlen(line, SCRIPT_LINE);
	while (end > s && is_blank(end[-1]) && !cut)
		end--;
	*end = '\0';
	while (is_blank(*s))
		s++;
	if (!*s)
		return cut || (whole && s == end) ? -ENOEXEC : -EACCES; /* Linux opens the empty name: a directory */
	*interpreter = s;
	while (*s && !is_blank(*s))
		s++;
	if (cut && !*s)
		return -ENOEXEC; /* who knows what it is called */
	if (*s)
		*s++ = '\0';
	while (is_blank(*s))
		s++;
	*argument = *s ? s : NULL;
	return 0;
}
