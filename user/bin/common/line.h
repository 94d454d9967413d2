/* Reading one line from a person: editing and history. */
#ifndef USER_LINE_H
#define USER_LINE_H

#include <stddef.h>

enum { LINE_MAX_LENGTH = 1024, LINE_HISTORY = 64 };

/*
 * Print the prompt and read a line from descriptor 0 into buf (size bytes, terminated, no newline).
 * Keys: arrows, Home, End, Delete, Backspace, ^A ^E ^B ^F ^P ^N ^U ^K ^W ^L ^C.
 * On what is neither a terminal nor a raw console the line is read as it comes, without editing.
 * Returns its length, or -1 at the end of input.
 */
int line_read(const char *prompt, char *buf, size_t size);

/* The n-th line of the history, 0 the oldest; NULL behind the last. */
const char *line_history(int n);

#endif
