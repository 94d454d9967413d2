/* stage: 08; libc: musl; run: host+guest
 * Files made from two sound programs (one at a fixed place, one movable with an interpreter field) by random changes of
 * their headers: every byte of them is changed at some time, with values from the edges. Each is executed; what came of
 * it is told: an exit, a signal, or "refused", which is an errno, or SIGSEGV (Linux finds many a fault when the old image
 * is gone already, and a kernel may be kinder). Left
 * out is where this kernel is stricter on purpose: class and byte order, contents that lie behind the end of the file, and
 * a segment's bytes behind its p_filesz, which are zero. SEED= and TIME= (files) choose others. */
#include "elf_mutants.h"
#include <sys/personality.h>
#include <sys/resource.h>

/* Do all segments lie in the file? */
static int inside(size_t size)
{
	const Elf64_Ehdr *e = (const Elf64_Ehdr *)mutant;

	for (size_t i = 0; i < 4 && e->e_phoff == sizeof(*e) && size > 0x130; i++) {
		const Elf64_Phdr *p = (const Elf64_Phdr *)(e + 1) + i;

		if (p->p_type == PT_LOAD && (p->p_offset > size || p->p_filesz > size - p->p_offset))
			return 0;
	}
	return 1;
}

int main(void)
{
	char *argv[] = { "m", NULL };
	long count = told("TIME", 300);
	int *failed = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	t_dir();
	random_state = (uint64_t)told("SEED", 2024);
	for (long i = 0; i < count; i++) {
		size_t size;
		int status;
		pid_t pid;

		build((int)(i & 1));
		do
			size = mutate();
		while (!inside(size));
		put_file("m", mutant, size);
		chmod("m", 0755);
		*failed = 0;
		pid = fork();
		if (pid == 0) {
			struct rlimit limit = { 1ul << 32, 1ul << 32 };

			personality(ADDR_NO_RANDOMIZE);
			setrlimit(RLIMIT_AS, &limit);
			execve("m", argv, argv + 1);
			*failed = errno;
			_exit(0);
		}
		status = wait_or_kill(pid, 3000);
		unlink("m");
		if (status == -1)
			say("%ld%s: slow\n", i, story);
		else if (*failed || (WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV))
			say("%ld%s: refused\n", i, story);
		else if (WIFSIGNALED(status))
			say("%ld%s: %s\n", i, story, signame(WTERMSIG(status)));
		else
			say("%ld%s: %d\n", i, story, WEXITSTATUS(status));
	}
	return 0;
}
