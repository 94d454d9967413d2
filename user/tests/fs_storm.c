/* stage: 13; libc: musl; run: guest+golden; disk: ext4
 * Random calls on names, rights, owners, times and attributes, by many identities, on tmpfs and on a disk; Linux's answers are the expectation.
 *
 * A line is a hash of a hundred answers, and of the whole tree after them. To see them in words, and more of them (on the kernel's command line):
 *
 *	SEED=first[-last]	the seeds of chance
 *	TIME=n			operations of each
 *	ONLY=tmpfs, ext4, words	on that alone; each call, and the tree
 */
#include "fs_storm/storm.h"
#include <sys/mount.h>

#define EVERY 100

uint64_t chance_state, account;
bool wordy, user_attributes;

uint64_t chance(void)
{
	uint64_t z = chance_state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

uint64_t hash_bytes(uint64_t hash, const void *data, size_t size)
{
	for (size_t k = 0; k < size; k++)
		hash = (hash ^ ((const unsigned char *)data)[k]) * 0x100000001b3ull;
	return hash;
}

void note(const char *format, ...)
{
	char line[1024];
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	account = hash_bytes(account, line, (size_t)length < sizeof(line) ? (size_t)length : sizeof(line) - 1);
	if (wordy)
		say("%s", line);
}

static void set_protection(const char *name, unsigned value)
{
	char path[64], text[8];
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/fs/protected_%s", name);
	snprintf(text, sizeof(text), "%u\n", value);
	NEED((fd = open(path, O_WRONLY)) >= 0 && write(fd, text, strlen(text)) > 0);
	close(fd);
}

/* The process is in a tree of its own, and cannot leave it. */
static void storm(const char *kind, unsigned seed, unsigned operations)
{
	chance_state = seed;
	account = HASH_START;
	user_attributes = strcmp(kind, "tmpfs") != 0;
	set_protection("hardlinks", below(4) > 0);
	set_protection("symlinks", below(4) > 0);
	set_protection("fifos", below(3));
	set_protection("regular", below(3));
	NEED(chroot(".") == 0 && chdir("/") == 0);
	umask(0);
	tree_forget();
	ops_start();
	tree_tell();
	for (unsigned n = 1; n <= operations; n++) {
		operation(n);
		if (n % EVERY)
			continue;
		tree_tell();
		say("%s %u %u: %016lx\n", kind, seed, n, (unsigned long)account);
	}
	ops_end();
}

static void one(const char *kind, const char *top, unsigned seed, unsigned operations)
{
	char place[160];
	pid_t pid;
	int status;

	snprintf(place, sizeof(place), "%s/storm-%u", top, seed);
	NEED(mkdir(place, 0777) == 0 && chmod(place, 0777) == 0);
	pid = fork();
	if (pid == 0) {
		NEED(chdir(place) == 0);
		storm(kind, seed, operations);
		_exit(0);
	}
	NEED(waitpid(pid, &status, 0) == pid);
	if (status)
		say_status(kind, status);
}

int main(void)
{
	static const struct { const char *name, *source; unsigned long flags; } kinds[] = { { "tmpfs", "none", 0 }, { "ext4", "/dev/vda", 0 } };
	const char *seeds = getenv("SEED"), *operations = getenv("TIME"), *only = getenv("ONLY");
	unsigned first = 1, last = 8;
	char top[160];

	if (seeds) {
		char *end;

		first = last = (unsigned)strtoul(seeds, &end, 10);
		if (*end == '-')
			last = (unsigned)strtoul(end + 1, NULL, 10);
	}
	wordy = only && strstr(only, "words");
	signal(SIGPIPE, SIG_IGN);
	for (size_t k = 0; k < COUNT(kinds); k++) {
		if (only && (strstr(only, "tmpfs") || strstr(only, "ext4")) && !strstr(only, kinds[k].name))
			continue;
		snprintf(top, sizeof(top), "%s/top", t_dir());
		/* Each access is to count: what relatime leaves out depends on the clock's steps. */
		NEED(mkdir(top, 0755) == 0 && mount(kinds[k].source, top, kinds[k].name, MS_STRICTATIME, "") == 0);
		for (unsigned seed = first; seed <= last; seed++)
			one(kinds[k].name, top, seed, operations ? (unsigned)atoi(operations) : 1000);
		NEED(umount(top) == 0);
	}
	return 0;
}
