/* stage: 13; libc: musl; run: host+guest
 * What an attacker would like to know: where things lie in a program (another place in each run), and where they lie in the kernel (told to nobody). */
#include "t.h"
#include <dirent.h>
#include <elf.h>
#include <sys/auxv.h>
#include <sys/klog.h>

enum { RUNS = 12, PLACES = 6 };
static const char *const names[PLACES] = { "stack", "mmap", "brk", "vDSO", "canary's bytes", "a movable program" };

/* A program that may lie anywhere: it writes to its output where it lies. lea 0(%rip), %rax; push %rax; write(1, %rsp, 8); exit(0) */
static const unsigned char code[] = {
	0x48, 0x8d, 0x05, 0, 0, 0, 0, 0x50, 0xbf, 1, 0, 0, 0, 0x48, 0x89, 0xe6, 0xba, 8, 0, 0, 0, 0xb8, 1, 0, 0, 0, 0x0f, 0x05, 0x31, 0xff, 0xb8, 60, 0, 0, 0, 0x0f, 0x05,
};

static void write_movable(const char *path)
{
	struct { Elf64_Ehdr e; Elf64_Phdr p[2]; unsigned char code[64]; } image;

	memset(&image, 0, sizeof(image));
	memcpy(image.e.e_ident, "\177ELF\2\1\1", 7);
	image.e.e_type = ET_DYN;
	image.e.e_machine = EM_X86_64;
	image.e.e_version = 1;
	image.e.e_entry = offsetof(__typeof__(image), code);
	image.e.e_phoff = sizeof(image.e);
	image.e.e_ehsize = sizeof(image.e);
	image.e.e_phentsize = sizeof(image.p[0]);
	image.e.e_phnum = 2;
	image.p[0] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_filesz = sizeof(image), .p_memsz = sizeof(image), .p_align = 4096 };
	image.p[1] = (Elf64_Phdr){ .p_type = PT_GNU_STACK, .p_flags = PF_R | PF_W };
	memcpy(image.code, code, sizeof(code));
	put_file(path, &image, sizeof(image));
	NEED(chmod(path, 0755) == 0);
}

static void report(void)
{
	uint64_t place[PLACES] = { 0 };
	int local;

	place[0] = (uint64_t)&local;
	place[1] = (uint64_t)mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	place[2] = (uint64_t)SYS(brk, 0);
	place[3] = getauxval(AT_SYSINFO_EHDR);
	memcpy(&place[4], (void *)getauxval(AT_RANDOM), 8);
	write(1, place, sizeof(place));
	_exit(0);
}

static void ask(const char *path, const char *arg, void *answer, size_t size)
{
	int fds[2], status;
	pid_t pid;

	NEED(pipe(fds) == 0);
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], 1);
		execl(path, path, arg, (char *)NULL);
		_exit(1);
	}
	close(fds[1]);
	NEED(read(fds[0], answer, size) == (ssize_t)size);
	close(fds[0]);
	waitpid(pid, &status, 0);
}

/* How many different values there are. A few pairs are chance: of twelve break starts, which lie in one of 8,192 pages on older Linux
 * and of 262,144 here and on newer, two are the same in one round of 124 or of 4,000. Four pairs are not. */
static int different(uint64_t place[RUNS][PLACES], int which)
{
	int n = 0;

	for (int i = 0; i < RUNS; i++) {
		int again = 0;

		for (int k = 0; k < i; k++)
			again |= place[k][which] == place[i][which];
		n += !again;
	}
	return n;
}

static uint64_t differing_bits(uint64_t place[RUNS][PLACES], int which)
{
	uint64_t bits = 0;

	for (int i = 1; i < RUNS; i++)
		bits |= place[i][which] ^ place[0][which];
	return bits;
}

/* An address of the kernel half in a text: ffff8..., ffffc..., ffffffff8...; the page of old system calls is every program's. */
static int kernel_address(const char *text)
{
	for (const char *p = text; (p = strstr(p, "ffff")) != NULL; p++) {
		const char *line = p;
		size_t digits = strspn(p, "0123456789abcdefABCDEF");

		if ((p > text && strchr("0123456789abcdefABCDEF", p[-1]) && p[-1] != 'x') || digits != 16 || strspn(p, "f") == 16)
			continue;
		/* A set of signals in /proc/PID/status: a library blocks nearly all for a moment. */
		while (line > text && line[-1] != '\n')
			line--;
		if (strncmp(line, "Sig", 3) == 0 || strncmp(line, "ShdPnd", 6) == 0)
			continue;
		if (strncmp(p, "ffffffffff60", 12) == 0 || strncmp(p, "ffffffffffff", 12) == 0)
			continue;
		return 1;
	}
	return 0;
}

static int found, looked_at;
static void look_into(const char *folder, int depth)
{
	static char text[65536];
	struct dirent *e;
	DIR *d = opendir(folder);

	while (d && (e = readdir(d))) {
		char path[512];
		struct stat st;
		int fd;
		ssize_t n;

		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		if (e->d_name[0] == '.' || lstat(path, &st) < 0)
			continue;
		if (S_ISDIR(st.st_mode) && depth > 0 && (e->d_name[0] < '0' || e->d_name[0] > '9' || atoi(e->d_name) == getpid() || atoi(e->d_name) == 1))
			look_into(path, depth - 1);
		if (!S_ISREG(st.st_mode) || strcmp(e->d_name, "kmsg") == 0 || strstr(path, "pagemap") || strstr(path, "/mem"))
			continue;
		fd = open(path, O_RDONLY | O_NONBLOCK);
		n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
		if (fd >= 0)
			close(fd);
		if (n <= 0)
			continue;
		text[n] = '\0';
		looked_at++;
		if (kernel_address(text)) {
			found++;
			say("a kernel address in %s\n", path);
		}
	}
	if (d)
		closedir(d);
}

static uint64_t stat_field(int number)
{
	char text[1024] = "", *at;
	int fd = open("/proc/1/stat", O_RDONLY);

	NEED(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	at = strrchr(text, ')') + 2;
	for (int i = 3; i < number; i++)
		at = strchr(at, ' ') + 1;
	return strtoull(at, NULL, 10);
}

int main(int argc, char **argv)
{
	static uint64_t place[RUNS][PLACES];
	char text[4096];

	if (argc > 1 && strcmp(argv[1], "report") == 0)
		report();
	(void)argv;
	t_dir();
	NEED(chmod(".", 0777) == 0);
	write_movable("movable");
	for (int i = 0; i < RUNS; i++) {
		ask("/proc/self/exe", "report", place[i], sizeof(place[i]) - 8);
		ask("./movable", NULL, &place[i][5], 8);
	}
	for (int i = 0; i < PLACES; i++) {
		uint64_t bits = differing_bits(place, i);

		say("%s: another place in nearly each run: %s, many bits: %s\n", names[i], different(place, i) >= RUNS - 3 ? "yes" : "no",
		    __builtin_popcountll(bits) >= 9 ? "yes" : "no");
		if (i != 0 && i != 4)
			T((bits & 0xfff) == 0 || i == 2);
	}
	/* A child has what its parent had: fork moves nothing. */
	IN_CHILD("nobody") {
		struct stat st;

		NEED(SYS(setresgid, 65534, 65534, 65534) == 0 && SYS(setresuid, 65534, 65534, 65534) == 0);
		NEED(chdir("/") == 0);
		look_into("/proc", 3);
		look_into("/sys", 2);
		T(found == 0);
		T(looked_at > 40);
		R(klogctl(3, text, sizeof(text)));
		R(open("/proc/kmsg", O_RDONLY));
		R(open("/dev/kmsg", O_RDONLY));
		T(open("/dev/mem", O_RDONLY) < 0);
		T(open("/proc/kcore", O_RDONLY) < 0);
		T(open("/proc/1/maps", O_RDONLY) < 0);
		T(open("/proc/1/syscall", O_RDONLY) < 0);
		T(open("/proc/1/stack", O_RDONLY) < 0);
		T(stat("/proc/1/wchan", &st) == 0);
		/* kstkesp, kstkeip, and where its code and stack begin, of somebody else */
		T(stat_field(26) <= 1 && stat_field(27) <= 1);
		T(stat_field(28) == 0 && stat_field(29) == 0 && stat_field(30) == 0);
		T(stat_field(35) <= 1);
	}
	return 0;
}
