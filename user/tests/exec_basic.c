/* stage: 12; libc: musl; run: host+guest
 * execve: arguments and environment, what is kept and what goes, every errno, scripts. The test is its own
 * target: with arguments it plays the program that was started. */
#include "t.h"

static char self[256];

static int target(int argc, char **argv, char **envp)
{
	const char *mode = argv[1];
	sigset_t set;
	struct sigaction act;

	if (!strcmp(mode, "args")) {
		say("argc %d", argc);
		for (int i = 2; i < argc; i++)
			say(" [%s]", argv[i]);
		for (int i = 0; envp[i]; i++)
			say(" {%s}", envp[i]);
		say("\n");
	} else if (!strcmp(mode, "state")) {
		sigprocmask(SIG_BLOCK, NULL, &set);
		T(sigismember(&set, SIGUSR1));
		sigpending(&set);
		T(sigismember(&set, SIGUSR1));
		sigaction(SIGUSR2, NULL, &act);
		T(act.sa_handler == SIG_IGN);
		sigaction(SIGTERM, NULL, &act);
		T(act.sa_handler == SIG_DFL);
		R(fcntl(7, F_GETFD));
		R(fcntl(8, F_GETFD));
		say("umask %o\n", umask(0));
	} else if (!strcmp(mode, "count")) {
		long total = 0;

		for (int i = 2; i < argc; i++)
			total += (long)strlen(argv[i]);
		say("argc %d, bytes %ld\n", argc, total);
	}
	return 0;
}

static void nothing(int sig)
{
	(void)sig;
}

static void try(const char *what, const char *path)
{
	char *argv[] = { (char *)path, "args", "x", NULL }, *envp[] = { "E=1", NULL };
	pid_t pid = fork();

	if (pid == 0) {
		execve(path, argv, envp);
		say("%s: %s\n", what, errname(errno));
		_exit(0);
	}
	reap(what, pid);
}

int main(int argc, char **argv, char **envp)
{
	char script[512], text[9000];
	char *list[] = { "name", "args", "one", "", "three four", NULL }, *env[] = { "A=b", "EMPTY=", NULL };
	int fd;

	if (argc > 1)
		return target(argc, argv, envp);
	NEED(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	t_dir();

	IN_CHILD("arguments")
		execve(self, list, env);
	IN_CHILD("state") {
		sigset_t set;

		sigemptyset(&set);
		sigaddset(&set, SIGUSR1);
		sigprocmask(SIG_BLOCK, &set, NULL);
		raise(SIGUSR1);
		signal(SIGUSR2, SIG_IGN);
		signal(SIGTERM, nothing);
		fd = open("/dev/null", O_RDONLY);
		dup2(fd, 7);
		dup3(fd, 8, O_CLOEXEC);
		umask(027);
		execl(self, "x", "state", (char *)NULL);
	}

	put_text("plain", "just text\n");
	put_text("empty", "");
	mkdir("dir", 0755);
	symlink("loop", "loop");
	try("missing", "none");
	try("not executable", "plain");
	try("a folder", "dir");
	try("file as folder", "plain/x");
	try("loop", "loop");
	try("empty name", "");
	chmod("plain", 0755);
	chmod("empty", 0755);
	try("neither ELF nor script", "plain");
	try("empty file", "empty");
	memset(text, 'n', 300);
	text[300] = '\0';
	try("long name", text);
	memset(text, 'p', 5000);
	text[5000] = '\0';
	try("long path", text);
	R(execve((char *)8, list, env));
	R(execve(self, (char **)8, env));
	R(execve(self, list, (char **)8));
	{
		char *bad[] = { "x", (char *)8, NULL };

		R(execve(self, bad, env));
	}

	/* Scripts. */
	snprintf(script, sizeof(script), "#!%s args\nrest is not read\n", self);
	put_text("s1", script);
	chmod("s1", 0755);
	try("script", "./s1");
	snprintf(script, sizeof(script), "#! \t %s   args  with   spaces  \n", self);
	put_text("s2", script);
	chmod("s2", 0755);
	try("script with blanks", "./s2");
	put_text("s3", "#!/none/at/all\n");
	chmod("s3", 0755);
	try("interpreter missing", "./s3");
	put_text("s4", "#!\n");
	chmod("s4", 0755);
	try("no interpreter", "./s4");
	put_text("s5", "#!   \n");
	chmod("s5", 0755);
	try("blank interpreter", "./s5");
	snprintf(script, sizeof(script), "#!%s", self);
	put_text("s6", script);
	chmod("s6", 0755);
	try("no newline", "./s6");
	put_text("n1", "#!./n2 first\n");
	snprintf(script, sizeof(script), "#!%s args\n", self);
	put_text("n2", script);
	chmod("n1", 0755);
	chmod("n2", 0755);
	try("nested", "./n1");
	for (int i = 0; i < 8; i++) {
		char name[16];

		snprintf(name, sizeof(name), "d%d", i);
		if (i == 7)
			snprintf(script, sizeof(script), "#!%s args\n", self);
		else
			snprintf(script, sizeof(script), "#!./d%d\n", i + 1);
		put_text(name, script);
		chmod(name, 0755);
	}
	try("nested too deep", "./d0");
	try("nested just so", "./d4");
	put_text("s7", "#!./s7\n");
	chmod("s7", 0755);
	try("its own interpreter", "./s7");
	put_text("s8", "#!./dir\n");
	chmod("s8", 0755);
	try("a folder as interpreter", "./s8");
	memset(text, 'a', sizeof(text));
	memcpy(text, "#!/", 3);
	text[400] = '\0';
	put_text("s9", text);
	chmod("s9", 0755);
	try("first line too long", "./s9");

	/* Much to hand over, and too much. */
	{
		static char *many[20002];
		static char big[140000];

		many[0] = "x";
		many[1] = "count";
		for (int i = 2; i < 20000; i++)
			many[i] = "0123456789";
		IN_CHILD("20,000 arguments")
			execve(self, many, env);
		memset(big, 'b', sizeof(big));
		big[131071] = '\0';
		many[2] = big;
		many[3] = NULL;
		IN_CHILD("the longest string")
			execve(self, many, env);
		big[131071] = 'b';
		big[131072] = '\0';
		R(execve(self, many, env));
		big[100000] = '\0';
		for (int i = 2; i < 40; i++)
			many[i] = big;
		many[40] = NULL;
		R(execve(self, many, env));
	}
	/* A running program's file cannot be written, and a file that is being written cannot be run. */
	{
		char *data = malloc(1 << 20);
		ssize_t n;

		fd = open(self, O_RDONLY);
		n = read(fd, data, 1 << 20);
		close(fd);
		put_file("copy", data, (size_t)n);
		chmod("copy", 0755);
		fd = open("copy", O_WRONLY | O_APPEND);
		try("while open for writing", "./copy");
		close(fd);
		try("after", "./copy");
	}
	chmod("copy", 04755);
	try("set-uid of my own", "./copy");
	return 0;
}
