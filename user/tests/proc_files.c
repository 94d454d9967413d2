/* stage: 12; libc: musl; run: host+guest
 * What programs read in /proc: the shape of it, not its numbers. */
#include "t.h"
#include <dirent.h>

static char text[65536];

static int slurp(const char *path)
{
	int fd = open(path, O_RDONLY), used = 0, n;

	if (fd < 0) {
		say("%s: %s\n", path, errname(errno));
		text[0] = '\0';
		return -1;
	}
	while ((n = (int)read(fd, text + used, sizeof(text) - 1 - (size_t)used)) > 0)
		used += n;
	close(fd);
	text[used] = '\0';
	return used;
}

static const char *field(const char *name)
{
	static char value[128];
	char *at = text;
	size_t n = strlen(name);

	for (; at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (!strncmp(at, name, n) && at[n] == ':') {
			at += n + 1;
			at += strspn(at, " \t");
			snprintf(value, sizeof(value), "%.*s", (int)strcspn(at, "\n"), at);
			return value;
		}
	}
	return "(missing)";
}

static void link_of(const char *path)
{
	char buf[256] = "";

	if (readlink(path, buf, sizeof(buf) - 1) < 0)
		say("%s: %s\n", path, errname(errno));
	else
		say("%s -> %s\n", path, buf);
}

int main(void)
{
	static const char *const lines[] = { "Name", "State", "Tgid", "Pid", "PPid", "Uid", "Gid", "VmSize", "VmRSS", "Threads",
					     "SigPnd", "SigBlk", "SigIgn", "SigCgt" };
	static const char *const files[] = { "/proc/meminfo", "/proc/stat", "/proc/uptime", "/proc/loadavg", "/proc/version",
					     "/proc/cpuinfo", "/proc/mounts", "/proc/self/mounts", "/proc/filesystems",
					     "/proc/self/statm", "/proc/self/maps", "/proc/self/environ", "/proc/self/limits",
					     "/proc/self/mountinfo", "/proc/cmdline", "/proc/devices", "/proc/sys/kernel/hostname",
					     "/proc/sys/kernel/ostype", "/proc/sys/kernel/pid_max", 
					     "/proc/self/io", "/proc/self/wchan", "/proc/self/oom_score_adj", 
					     "/proc/swaps", "/proc/interrupts", "/proc/self/auxv", "/proc/self/smaps" };
	char path[64];
	const char *name;
	DIR *dir;
	struct stat st;
	int fd, count, number, fields;
	char state, *p;
	pid_t pid;

	name = t_dir();
	for (size_t i = 0; i < COUNT(files); i++) {
		number = slurp(files[i]);
		if (number >= 0)
			say("%s: %s\n", files[i], number > 0 ? "has text" : "empty");
	}
	slurp("/proc/self/status");
	for (size_t i = 0; i < COUNT(lines); i++)
		say("%s: %s\n", lines[i], !strcmp(field(lines[i]), "(missing)") ? "missing" : "there");
	T(atoi(field("Pid")) == getpid());
	T(atoi(field("PPid")) == getppid());
	S(field("Name"));
	S(field("Threads"));
	S(field("State"));
	catch(SIGUSR1, (void (*)(int))(uintptr_t)getpid, 0);
	signal(SIGHUP, SIG_IGN);
	slurp("/proc/self/status");
	X(strtoul(field("SigCgt"), NULL, 16) & 0x200);
	X(strtoul(field("SigIgn"), NULL, 16) & 1);

	slurp("/proc/self/stat");
	p = strrchr(text, ')');
	fields = 2;
	for (char *t = strtok(p + 1, " \n"); t; t = strtok(NULL, " \n"))
		fields++;
	V(fields);
	slurp("/proc/self/stat");
	T(sscanf(text, "%d (proc_files) %c %d", &number, &state, &count) == 3 && number == getpid() && count == getppid());
	slurp("/proc/self/cmdline");
	T(strstr(text, "proc_files") != NULL);
	slurp("/proc/self/comm");
	say("comm %s", text);
	slurp("/proc/meminfo");
	T(strtoul(field("MemTotal"), NULL, 10) > 1000);
	T(strtoul(field("MemFree"), NULL, 10) > 100);
	T(strtoul(field("MemAvailable"), NULL, 10) > 100);
	slurp("/proc/stat");
	T(!strncmp(text, "cpu  ", 5) && strstr(text, "\nbtime ") && strstr(text, "\nprocesses "));
	slurp("/proc/mounts");
	T(strstr(text, " /proc proc ") != NULL);
	slurp("/proc/sys/kernel/ostype");
	say("ostype %s", text);

	/* Links. */
	fd = open("file", O_RDWR | O_CREAT, 0644);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	{
		char buf[256] = "";

		readlink(path, buf, sizeof(buf) - 1);
		T(!strncmp(buf, name, strlen(name)) && !strcmp(buf + strlen(name), "/file"));
		readlink("/proc/self/cwd", buf, sizeof(buf) - 1);
		T(!strncmp(buf, name, strlen(name)));
		memset(buf, 0, sizeof(buf));
		readlink("/proc/self", buf, sizeof(buf) - 1);
		T(atoi(buf) == getpid());
		memset(buf, 0, sizeof(buf));
		readlink("/proc/self/exe", buf, sizeof(buf) - 1);
		T(strstr(buf, "/proc_files") != NULL);
	}
	link_of("/proc/self/root");
	link_of("/proc/self/fd/77");
	write(fd, "through the link", 16);
	number = open(path, O_RDONLY);
	R(read(number, text, 7));
	say("%.7s\n", text);
	unlink("file");
	{
		char buf[256] = "";

		readlink(path, buf, sizeof(buf) - 1);
		T(strstr(buf, "/file (deleted)") != NULL);
	}
	close(number);
	{
		int fds[2];
		char buf[64] = "";

		pipe(fds);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fds[0]);
		readlink(path, buf, sizeof(buf) - 1);
		T(!strncmp(buf, "pipe:[", 6));
		close(fds[0]);
		close(fds[1]);
	}
	dir = opendir("/proc/self/fd");
	count = 0;
	for (struct dirent *e; (e = readdir(dir)) != NULL;)
		count += e->d_name[0] != '.';
	closedir(dir);
	T(count >= 5);
	R(stat("/proc/self/fd", &st));
	R(stat("/proc/1", &st));
	T(S_ISDIR(st.st_mode));
	R(stat("/proc/999999999", &st));
	R(open("/proc/none", O_RDONLY));
	R(open("/proc/self/none", O_RDONLY));
	R(mkdir("/proc/x", 0755));
	R(unlink("/proc/self/stat"));
	R(open("/proc/version", O_WRONLY | O_TRUNC));

	/* Another process: alive, a zombie, gone. */
	pid = fork();
	if (pid == 0)
		for (;;)
			pause();
	nap(30);
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	slurp(path);
	S(field("State"));
	kill(pid, SIGSTOP);
	waitpid(pid, NULL, WUNTRACED);
	slurp(path);
	S(field("State"));
	kill(pid, SIGKILL);
	nap(30);
	slurp(path);
	S(field("State"));
	fd = open(path, O_RDONLY);
	waitpid(pid, NULL, 0);
	R(read(fd, text, 10));
	R(stat(path, &st));
	return 0;
}
