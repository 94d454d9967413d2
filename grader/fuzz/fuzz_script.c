/* sources: exec/script.c lib/string.c; the first line of a #! script */
#include "exec_priv.h"
#include "lib/string.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	char *line = calloc(1, SCRIPT_LINE + 1), *interpreter = NULL, *argument = NULL;
	int err;

	memcpy(line, "#!", 2);
	memcpy(line + 2, data, MIN(size, SCRIPT_LINE - 2ul));
	err = exec_parse_script(line, &interpreter, &argument);
	WANT(err == 0 || err == -ENOEXEC || err == -EACCES);
	if (!err) {
		WANT(interpreter >= line + 2 && *interpreter && !strchr(interpreter, ' ') && !strchr(interpreter, '\t') && !strchr(interpreter, '\n'));
		WANT(interpreter + strlen(interpreter) <= line + SCRIPT_LINE);
		if (argument)
			WANT(argument > interpreter + strlen(interpreter) && *argument && *argument != ' ' && *argument != '\t' && !strchr(argument, '\n') &&
			     argument + strlen(argument) <= line + SCRIPT_LINE);
	}
	free(line);
	return 0;
}
