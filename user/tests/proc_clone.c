/* stage: 09; libc: musl; run: host+guest
 * clone and clone3 by hand: what is shared with each flag, the tid words, bad combinations; vfork. */
#include "t.h"

struct clone_args {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};

static char stack_area[65536] __attribute__((aligned(16)));
static volatile int shared_word;
static int fd_shared;

static int child_memory(void *arg)
{
	shared_word = (int)(intptr_t)arg;
	return 21;
}

static int child_files(void *arg)
{
	(void)arg;
	close(fd_shared);
	return 0;
}

static int child_fs(void *arg)
{
	(void)arg;
	chdir("/proc");
	umask(0);
	return 0;
}

static int child_wait(void *arg)
{
	(void)arg;
	nap(50);
	shared_word = 77;
	return 0;
}

static void run(const char *what, int (*fn)(void *), int flags, void *arg)
{
	int status = 0;
	pid_t pid = clone(fn, stack_area + sizeof(stack_area), flags, arg);

	if (pid < 0) {
		say("%s: %s\n", what, errname(errno));
		return;
	}
	if (waitpid(pid, &status, __WALL) != pid)
		say("%s: wait %s\n", what, errname(errno));
	else
		say_status(what, status);
}

int main(void)
{
	pid_t parent_tid = 0, child_tid = 0, pid;
	char cwd[64];
	int status;

	shared_word = 1;
	run("memory copied", child_memory, SIGCHLD, (void *)5);
	V(shared_word);
	run("memory shared", child_memory, CLONE_VM | SIGCHLD, (void *)6);
	V(shared_word);
	run("vfork's flags", child_wait, CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);
	V(shared_word);

	fd_shared = open("/proc", O_RDONLY);
	run("files copied", child_files, SIGCHLD, NULL);
	R(fcntl(fd_shared, F_GETFD));
	run("files shared", child_files, CLONE_FILES | SIGCHLD, NULL);
	R(fcntl(fd_shared, F_GETFD));
	NEED(chdir("/") == 0);
	umask(022);
	run("fs copied", child_fs, SIGCHLD, NULL);
	say("cwd %s\n", getcwd(cwd, sizeof(cwd)));
	run("fs shared", child_fs, CLONE_FS | SIGCHLD, NULL);
	say("cwd %s umask %o\n", getcwd(cwd, sizeof(cwd)), umask(022));
	NEED(chdir("/") == 0);

	/* No signal at exit: only __WALL or __WCLONE see it. */
	pid = clone(child_memory, stack_area + sizeof(stack_area), 0, NULL);
	nap(20);
	R(waitpid(pid, &status, WNOHANG));
	NEED(waitpid(pid, &status, __WCLONE) == pid);
	say_status("no exit signal", status);

	/* The words of the thread's number. */
	pid = (pid_t)SYS(clone, CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | SIGCHLD, 0, &parent_tid, &child_tid, 0);
	if (pid == 0)
		_exit(child_tid == getpid() ? 0 : 1);
	T(parent_tid == pid);
	T(child_tid == 0);
	reap("settid", pid);
	shared_word = 0;

	/* Combinations that make no sense. */
	R(clone(child_memory, stack_area + sizeof(stack_area), CLONE_THREAD | SIGCHLD, NULL));
	R(clone(child_memory, stack_area + sizeof(stack_area), CLONE_THREAD | CLONE_SIGHAND | SIGCHLD, NULL));
	R(clone(child_memory, stack_area + sizeof(stack_area), CLONE_SIGHAND | SIGCHLD, NULL));
	R(clone(child_memory, stack_area + sizeof(stack_area), CLONE_FS | CLONE_NEWNS | SIGCHLD, NULL));

	/* clone3. */
	{
		struct clone_args args;

		memset(&args, 0, sizeof(args));
		args.exit_signal = SIGCHLD;
		pid = (pid_t)SYS(clone3, &args, sizeof(args));
		if (pid == 0)
			_exit(12);
		reap("clone3", pid);
		args.stack = (uintptr_t)stack_area;
		R(SYS(clone3, &args, sizeof(args)));
		args.stack = 0;
		args.stack_size = 4096;
		R(SYS(clone3, &args, sizeof(args)));
		args.stack_size = 0;
		args.exit_signal = 100;
		R(SYS(clone3, &args, sizeof(args)));
		args.exit_signal = SIGCHLD;
		args.flags = CLONE_DETACHED;
		R(SYS(clone3, &args, sizeof(args)));
		args.flags = 0;
		R(SYS(clone3, &args, 8));
		R(SYS(clone3, &args, 100000));
		R(SYS(clone3, (void *)8, sizeof(args)));
	}
	/* vfork: the parent sleeps until the child has let go of the memory. */
	shared_word = 0;
	pid = vfork();
	if (pid == 0) {
		nap(50);
		shared_word = 5;
		_exit(3);
	}
	V(shared_word);
	reap("vfork", pid);
	R(SYS(set_tid_address, NULL) == getpid());
	R(gettid() == getpid());
	return 0;
}
