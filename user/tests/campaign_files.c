/* stage: 12; libc: musl; run: campaign
 * Files for execve that nobody would write: programs with changed headers, with changed bytes anywhere, cut short; #! lines of
 * every shape, in chains; interpreters that are mutants themselves. What starts runs as nobody in particular. */
#include "campaign_pen.h"
#include "elf_mutants.h"

static struct { unsigned char bytes[1 << 20]; size_t size; } real[2];

static void take(size_t k, const char *path)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, real[k].bytes, sizeof(real[k].bytes));

	real[k].size = n > 0 ? (size_t)n : 0;
	close(fd);
}

/* A program that is really one, with some bytes changed: mostly near its start, where the headers are. */
static void real_mutant(const char *path)
{
	size_t k = below(2), size = real[k].size;
	unsigned char saved[16], *bytes = real[k].bytes;
	size_t places[16], n = 1 + below(COUNT(places));

	for (size_t i = 0; i < n; i++) {
		places[i] = below(below(4) ? 512 : size);
		saved[i] = bytes[places[i]];
		bytes[places[i]] = below(2) ? saved[i] ^ (unsigned char)(1u << below(8)) : (unsigned char)rnd();
	}
	put_file(path, bytes, below(8) ? size : below(size));
	while (n-- > 0)
		bytes[places[n]] = saved[n];
}

/* A little program; a movable one may ask for an interpreter, which is the other file. */
static void little_mutant(const char *path, const char *interpreter)
{
	size_t size;

	build((int)below(2));
	if (below(3) == 0) {
		Elf64_Phdr *p = (Elf64_Phdr *)(image + sizeof(Elf64_Ehdr)) + 3;

		p->p_type = PT_INTERP;
		p->p_filesz = p->p_memsz = strlen(interpreter) + 1;
		strcpy((char *)image + 0x300, interpreter);
		if (below(4) == 0)
			p->p_filesz = below(300);
	}
	size = mutate();
	put_file(path, mutant, size);
}

static void script(const char *path, const char *next)
{
	static const char *const parts[] = { " ", "\t", "  ", "/", "./", "m", "i", "s", "/proc/self/exe", "\n", "\r\n", "#!", "-x", "a b", "", "..", "\x7f", "\xff" };
	char line[600];
	size_t n = 2;

	memcpy(line, "#!", 2);
	if (below(2)) {
		n += (size_t)snprintf(line + n, sizeof(line) - n, "%s%s", below(2) ? " " : "", next);
		if (below(2))
			n += (size_t)snprintf(line + n, sizeof(line) - n, " %s", parts[below(COUNT(parts))]);
	}
	for (uint64_t k = below(6); k > 0; k--) {
		const char *part = parts[below(COUNT(parts))];

		memcpy(line + n, part, strlen(part));
		n += strlen(part);
	}
	if (below(6) == 0)
		while (n < 250 + below(12))
			line[n++] = below(40) ? 'x' : ' ';
	if (below(8) == 0)
		line[below(n)] = '\0';
	if (below(4))
		line[n++] = '\n';
	put_file(path, line, below(16) ? n : below(n));
}

static void file(const char *path, const char *next)
{
	switch (below(8)) {
	case 0: real_mutant(path); break;
	case 1: case 2: script(path, next); break;
	default: little_mutant(path, next);
	}
	chmod(path, below(16) ? 0755 : (mode_t)below(010000));
}

static void child(int worker, uint64_t round, volatile uint64_t *calls)
{
	static char *argv[] = { "m", "one", "", NULL }, *none[] = { NULL };

	(void)round;
	pen_limits();
	unlink("m");
	unlink("i");
	unlink("s");
	file("m", below(4) ? "i" : "/i");
	file("i", below(2) ? "s" : "m");
	if (below(2))
		script("s", below(2) ? "m" : "s");
	else
		file("s", "/i");
	++*calls;
	pen_become_nobody(worker);
	execve("m", below(8) ? argv : none, none);
	_exit(0);
}

int main(void)
{
	take(0, "/proc/self/exe");
	take(1, "/bin/busybox");
	if (!real[1].size)
		real[1] = real[0];
	NEED(real[0].size);
	return pen_campaign("mutated programs and scripts", "files", child);
}
