/*
 * sh: a small shell for the stages before Busybox.
 *
 *	line     = list of pipelines, parted by ; & && ||
 *	pipeline = command | command ...
 *	command  = words and redirections: < file, > file, >> file, 2> file, 2>&1
 *	word     = text, 'text', "text with $NAME", \c, $NAME, $?, $$; # begins a comment
 *
 * A list is cut into its parts, and a part into tokens when its turn comes. Builtins run in the shell itself unless they stand in
 * a pipeline. What an early kernel lacks (pipes before stage 09, files before 08) shows as that call's
 * error, and the shell goes on.
 */
#include "common/line.h"
#include "switchback.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_TOKENS = 256, TEXT_SIZE = 4096 };

extern char **environ;

struct token {
	char *text;		/* a word, or an operator when is_operator */
	int is_operator;
};

struct parsed {
	struct token tokens[MAX_TOKENS];
	int count;
	char text[TEXT_SIZE];
	size_t used;
};

static int last_status;
static int interactive;

static int run_line(const char *line);

/* ---- from text to tokens ---- */

static int add_char(struct parsed *p, char c)
{
	if (p->used + 1 >= TEXT_SIZE)
		return -1;
	p->text[p->used++] = c;
	return 0;
}

/* At a $: append its value. Returns the place behind the name. */
static const char *add_variable(struct parsed *p, const char *s)
{
	char name[64], number[16];
	const char *value = NULL;
	size_t n = 0;

	s++;
	if (*s == '?' || *s == '$') {
		snprintf(number, sizeof(number), "%d", *s == '?' ? last_status : (int)getpid());
		value = number;
		s++;
	} else {
		int braces = *s == '{';

		s += braces;
		while ((*s == '_' || (*s >= '0' && *s <= '9') || (*s >= 'A' && *s <= 'Z') || (*s >= 'a' && *s <= 'z')) &&
		       n + 1 < sizeof(name))
			name[n++] = *s++;
		name[n] = '\0';
		if (braces && *s == '}')
			s++;
		if (!n)
			add_char(p, '$');
		else
			value = getenv(name);
	}
	while (value && *value)
		add_char(p, *value++);
	return s;
}

static const char *const operators[] = { "&&", "||", "2>&1", "2>", ">>", ">", "<", "|", ";", "&" };

static const char *operator_at(const char *s)
{
	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++)
		if (!strncmp(s, operators[i], strlen(operators[i])))
			return operators[i];
	return NULL;
}

/* One word, quotes and variables done. Returns the place behind it, or NULL for an open quote. */
static const char *add_word(struct parsed *p, const char *s)
{
	char quote = 0;

	for (; *s; ) {
		if (!quote && (*s == ' ' || *s == '\t' || (operator_at(s) && *s != '2')))
			break;
		if (*s == '\\' && quote != '\'' && s[1]) {
			add_char(p, s[1]);
			s += 2;
		} else if (*s == '$' && quote != '\'') {
			s = add_variable(p, s);
		} else if (quote ? *s == quote : *s == '\'' || *s == '"') {
			quote = quote ? 0 : *s;
			s++;
		} else {
			add_char(p, *s++);
		}
	}
	return quote ? NULL : s;
}

static int parse(struct parsed *p, const char *s)
{
	p->count = 0;
	p->used = 0;
	for (;;) {
		const char *operator;

		while (*s == ' ' || *s == '\t')
			s++;
		if (!*s || *s == '#')
			return 0;
		if (p->count == MAX_TOKENS - 1) {
			fprintf(stderr, "sh: line too long\n");
			return -1;
		}
		operator = operator_at(s);
		if (operator) {
			p->tokens[p->count++] = (struct token){ (char *)operator, 1 };
			s += strlen(operator);
			continue;
		}
		p->tokens[p->count++] = (struct token){ p->text + p->used, 0 };
		s = add_word(p, s);
		if (!s) {
			fprintf(stderr, "sh: a quote is open\n");
			return -1;
		}
		if (add_char(p, '\0') < 0) {
			fprintf(stderr, "sh: line too long\n");
			return -1;
		}
	}
}

static int is(const struct token *t, const char *operator)
{
	return t->is_operator && !strcmp(t->text, operator);
}

/* ---- one command ---- */

static int complain(const char *what)
{
	fprintf(stderr, "sh: %s: %s\n", what, strerror(errno));
	return -1;
}

static int redirect_to(const char *path, int flags, int fd)
{
	int from = open(path, flags, 0666);

	if (from < 0)
		return complain(path);
	if (from != fd) {
		if (dup2(from, fd) < 0)
			complain("dup2");
		close(from);
	}
	return 0;
}

/* Split tokens [from, to) into argv, and carry out the redirections. Returns argc, or -1. */
static int prepare(struct token *t, int from, int to, char **argv)
{
	int argc = 0;

	for (int i = from; i < to; i++) {
		if (!t[i].is_operator) {
			argv[argc++] = t[i].text;
			continue;
		}
		if (is(&t[i], "2>&1")) {
			dup2(1, 2);
			continue;
		}
		if (i + 1 >= to || t[i + 1].is_operator) {
			fprintf(stderr, "sh: %s wants a file\n", t[i].text);
			return -1;
		}
		if (is(&t[i], "<") ? redirect_to(t[i + 1].text, O_RDONLY, 0) :
		    redirect_to(t[i + 1].text, O_WRONLY | O_CREAT | (is(&t[i], ">>") ? O_APPEND : O_TRUNC), is(&t[i], "2>") ? 2 : 1))
			return -1;
		i++;
	}
	argv[argc] = NULL;
	return argc;
}

static void execute(char **argv)
{
	const char *path = getenv("PATH");
	char full[512];

	if (strchr(argv[0], '/')) {
		execve(argv[0], argv, environ);
	} else {
		for (path = path ? path : "/bin"; *path; path += *path == ':') {
			size_t n = strcspn(path, ":");

			snprintf(full, sizeof(full), "%.*s/%s", (int)n, path, argv[0]);
			path += n;
			execve(full, argv, environ);
			if (errno != ENOENT && errno != ENOTDIR)
				break;
		}
	}
	fprintf(stderr, "sh: %s: %s\n", argv[0], errno == ENOENT ? "not found" : strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

/* ---- builtins ---- */

static int do_cd(int argc, char **argv)
{
	const char *to = argc > 1 ? argv[1] : getenv("HOME");

	return chdir(to ? to : "/") < 0 ? complain(to) : 0;
}

static int do_pwd(int argc, char **argv)
{
	char buf[1024];

	(void)argc;
	(void)argv;
	return getcwd(buf, sizeof(buf)) ? (puts(buf), 0) : complain("getcwd");
}

static int do_exit(int argc, char **argv)
{
	exit(argc > 1 ? atoi(argv[1]) : last_status);
}

static int do_export(int argc, char **argv)
{
	if (argc == 1)
		for (char **e = environ; *e; e++)
			puts(*e);
	for (int i = 1; i < argc; i++) {
		char *equals = strchr(argv[i], '=');

		if (equals) {
			*equals = '\0';
			setenv(argv[i], equals + 1, 1);
			*equals = '=';
		}
	}
	return 0;
}

static int do_history(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	for (int i = 0; line_history(i); i++)
		printf("%4d  %s\n", i + 1, line_history(i));
	return 0;
}

static int do_wait(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	while (wait(NULL) > 0)
		;
	return 0;
}

static int do_exec(int argc, char **argv)
{
	if (argc > 1)
		execute(argv + 1);
	return 0;
}

static int run_file(const char *path)
{
	char line[LINE_MAX_LENGTH];
	FILE *file = fopen(path, "r");

	if (!file)
		return complain(path), 127;
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		run_line(line);
	}
	fclose(file);
	return last_status;
}

static int do_source(int argc, char **argv)
{
	return argc > 1 ? run_file(argv[1]) : 1;
}

static int do_help(int argc, char **argv);

static const struct builtin {
	const char *name;
	int (*run)(int argc, char **argv);
} builtins[] = {
	{ "cd", do_cd }, { "pwd", do_pwd }, { "exit", do_exit }, { "export", do_export }, { "history", do_history },
	{ "wait", do_wait }, { "exec", do_exec }, { ".", do_source }, { "help", do_help },
};
#define BUILTINS (sizeof(builtins) / sizeof(builtins[0]))

static int do_help(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	printf("Builtins:");
	for (size_t i = 0; i < BUILTINS; i++)
		printf(" %s", builtins[i].name);
	printf("\nOperators: | < > >> 2> 2>&1 ; & && ||   Programs are in /bin.\n");
	return 0;
}

static const struct builtin *find_builtin(const char *name)
{
	for (size_t i = 0; i < BUILTINS; i++)
		if (!strcmp(builtins[i].name, name))
			return &builtins[i];
	return NULL;
}

/* ---- pipelines ---- */

static int wait_for(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return 1;
	if (WIFSIGNALED(status)) {
		if (WTERMSIG(status) != SIGINT && WTERMSIG(status) != SIGPIPE)
			fprintf(stderr, "sh: killed by signal %d\n", WTERMSIG(status));
		return 128 + WTERMSIG(status);
	}
	return WEXITSTATUS(status);
}

static void child(struct token *t, int from, int to)
{
	char *argv[MAX_TOKENS];
	int argc;

	signal(SIGINT, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);
	argc = prepare(t, from, to, argv);
	if (argc > 0 && find_builtin(argv[0])) {
		int status = find_builtin(argv[0])->run(argc, argv);

		fflush(stdout);
		_exit(status ? 1 : 0);
	}
	if (argc > 0)
		execute(argv);
	_exit(argc < 0);
}

/* A lone builtin runs here, with its redirections undone afterwards. Returns -1 if it is none. */
static int run_builtin(struct token *t, int from, int to)
{
	char *argv[MAX_TOKENS];
	int saved[3] = { -1, -1, -1 }, redirects = 0, argc, status;

	if (t[from].is_operator || !find_builtin(t[from].text))
		return -1;
	for (int i = from; i < to; i++)
		redirects |= t[i].is_operator;
	fflush(stdout);
	for (int fd = 0; redirects && fd < 3; fd++)
		saved[fd] = fcntl(fd, F_DUPFD, 10);
	argc = prepare(t, from, to, argv);
	status = argc < 0 || find_builtin(argv[0])->run(argc, argv) != 0;
	fflush(stdout);
	for (int fd = 0; fd < 3; fd++)
		if (saved[fd] >= 0) {
			dup2(saved[fd], fd);
			close(saved[fd]);
		}
	return status;
}

static int run_pipeline(struct token *t, int from, int to, int background)
{
	pid_t pids[32];
	int count = 0, input = -1, status = 0, start = from;

	for (int i = from; i <= to && count < 32; i++) {
		int fds[2] = { -1, -1 }, piped;

		if (i < to && !is(&t[i], "|"))
			continue;
		piped = i < to;
		if (start == i) {
			fprintf(stderr, "sh: a command is missing\n");
			status = 2;
			break;
		}
		if (!piped && !count && !background) {
			status = run_builtin(t, start, i);
			if (status >= 0)
				return status;
			status = 0;
		}
		if (piped && pipe(fds) < 0) {
			complain("pipe");
			status = 1;
			break;
		}
		fflush(stdout);
		pids[count] = fork();
		if (pids[count] == 0) {
			if (input >= 0) {
				dup2(input, 0);
				close(input);
			} else if (background) {
				redirect_to("/dev/null", O_RDONLY, 0);
			}
			if (piped) {
				close(fds[0]);
				dup2(fds[1], 1);
				close(fds[1]);
			}
			child(t, start, i);
		}
		if (input >= 0)
			close(input);
		if (piped)
			close(fds[1]);
		input = fds[0];
		if (pids[count] < 0) {
			complain("fork");
			status = 1;
			break;
		}
		count++;
		start = i + 1;
	}
	if (input >= 0)
		close(input);
	if (background) {
		if (count && interactive)
			printf("[%d]\n", (int)pids[count - 1]);
		return 0;
	}
	for (int i = 0; i < count; i++) {
		int ended = wait_for(pids[i]);

		if (i == count - 1 && !status)
			status = ended;
	}
	return status;
}

/* The first ; & && or || outside quotes, or the end. *operator says which; NULL at the end. */
static const char *find_list_operator(const char *s, const char **operator)
{
	char quote = 0, before = ' ';

	for (*operator = NULL; *s; before = *s++) {
		if (*s == '\\' && quote != '\'' && s[1]) {
			s++;
		} else if (quote ? *s == quote : *s == '\'' || *s == '"') {
			quote = quote ? 0 : *s;
		} else if (!quote && *s == '#' && (before == ' ' || before == '\t')) {
			return s + strlen(s);
		} else if (!quote) {
			*operator = operator_at(s);
			if (*operator && (**operator == ';' || **operator == '&' || !strcmp(*operator, "||")))
				return s;
			if (*operator)
				s += strlen(*operator) - 1;	/* 2>&1 holds an & of its own */
			*operator = NULL;
		}
	}
	return s;
}

/* Each part of a list is parsed when its turn comes, so that $? is what the part before it left. */
static int run_line(const char *line)
{
	struct parsed *p = malloc(sizeof(*p));
	const char *operator, *end;
	char part[LINE_MAX_LENGTH];
	int skip = 0;

	for (; p && *line; line = end + (operator ? strlen(operator) : 0)) {
		end = find_list_operator(line, &operator);
		snprintf(part, sizeof(part), "%.*s", (int)(end - line), line);
		if (parse(p, part) < 0) {
			last_status = 2;
			break;
		}
		if (p->count && !skip)
			last_status = run_pipeline(p->tokens, 0, p->count, operator && !strcmp(operator, "&"));
		skip = operator && ((!strcmp(operator, "&&") && last_status) || (!strcmp(operator, "||") && !last_status));
	}
	free(p);
	/* What ran in the background and has ended. */
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	return last_status;
}

int main(int argc, char **argv)
{
	char line[LINE_MAX_LENGTH], prompt[256], cwd[200];

	if (!getenv("PATH"))
		setenv("PATH", "/bin:/sbin:/usr/bin", 1);
	if (argc > 2 && !strcmp(argv[1], "-c"))
		return run_line(argv[2]);
	if (argc > 1 && argv[1][0] != '-')
		return run_file(argv[1]);
	interactive = 1;
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	for (;;) {
		snprintf(prompt, sizeof(prompt), "%s%c ", getcwd(cwd, sizeof(cwd)) ? cwd : "", getuid() ? '$' : '#');
		if (line_read(prompt, line, sizeof(line)) < 0)
			return last_status;
		run_line(line);
		fflush(stdout);
	}
}
