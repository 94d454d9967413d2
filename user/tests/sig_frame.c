/* stage: 07; libc: musl; run: host+guest
 * The saved context is the program's to change: registers, instruction pointer, mask; and what is
 * dangerous in it is refused or sanitised when sigreturn takes it back. */
#include "t.h"

static volatile int seen;

static void skip_ud2(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)sig;
	T(info->si_addr == (void *)uc->uc_mcontext.gregs[REG_RIP]);
	uc->uc_mcontext.gregs[REG_RIP] += 2;
	uc->uc_mcontext.gregs[REG_RBX] = 0x7777;
}

static void change_mask(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)sig;
	(void)info;
	sigaddset(&uc->uc_sigmask, SIGUSR2);
	sigaddset(&uc->uc_sigmask, SIGKILL);
}

static void flags(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)sig;
	(void)info;
	/* IOPL 3, NT, IF off, VIP: none of them is a program's to set. */
	uc->uc_mcontext.gregs[REG_EFL] = (uc->uc_mcontext.gregs[REG_EFL] | 0x3000 | 0x4000 | 0x100000) & ~0x200;
	seen++;
}

static int how;

static void evil(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)sig;
	(void)info;
	switch (how) {
	case 0:
		uc->uc_mcontext.gregs[REG_RIP] = 0x800000000000;
		break;
	case 1:
		uc->uc_mcontext.gregs[REG_RIP] = (long long)0xffffffff80000000;
		break;
	case 2:
		uc->uc_mcontext.gregs[REG_RIP] = (long long)0x8000000000000000;
		break;
	case 3:
		uc->uc_mcontext.gregs[REG_CSGSFS] = 0x10;	/* the kernel's code segment, perhaps */
		break;
	case 4:
		uc->uc_mcontext.gregs[REG_CSGSFS] = 0;
		break;
	case 5:
		uc->uc_mcontext.fpregs = (void *)0xffffffff80000000;
		break;
	case 6:
		uc->uc_mcontext.fpregs = (void *)8;
		break;
	}
}

int main(void)
{
	unsigned long rbx = 0, rflags;
	sigset_t set;

	catch_info(SIGILL, skip_ud2, 0);
	__asm__ volatile("ud2\n movq %%rbx, %0" : "=r"(rbx) : : "rbx");
	X(rbx);

	catch_info(SIGUSR1, change_mask, 0);
	raise(SIGUSR1);
	sigprocmask(SIG_BLOCK, NULL, &set);
	T(sigismember(&set, SIGUSR2));
	T(sigismember(&set, SIGKILL));

	catch_info(SIGUSR1, flags, 0);
	__asm__ volatile("syscall\n pushfq\n popq %0" : "=r"(rflags)
			 : "a"((long)SYS_kill), "D"((long)getpid()), "S"((long)SIGUSR1) : "rcx", "r11", "memory");
	V(seen);
	X(rflags & 0x107200);

	for (how = 0; how < 7; how++) {
		pid_t pid = fork();

		if (pid == 0) {
			catch_info(SIGUSR1, evil, 0);
			raise(SIGUSR1);
			_exit(0);
		}
		reap("evil frame", pid);
	}
	IN_CHILD("sigreturn out of the blue")
		SYS(rt_sigreturn);
	IN_CHILD("sigreturn with the stack at nowhere")
		__asm__ volatile("movq $4096, %%rsp\n movl $15, %%eax\n syscall\n hlt" ::: "memory");
	IN_CHILD("a handler at nowhere") {
		signal(SIGUSR1, (void (*)(int))8);
		raise(SIGUSR1);
	}
	IN_CHILD("a handler in the kernel") {
		signal(SIGUSR1, (void (*)(int))0xffffffff80000000);
		raise(SIGUSR1);
	}
	IN_CHILD("a handler at no address at all") {
		signal(SIGUSR1, (void (*)(int))0x8000000000000000);
		raise(SIGUSR1);
	}
	IN_CHILD("no room for the frame") {
		catch_info(SIGUSR1, flags, 0);
		__asm__ volatile("movq $4096, %%rsp\n syscall\n hlt" : : "a"((long)SYS_kill), "D"((long)getpid()), "S"((long)SIGUSR1)
				 : "rcx", "r11", "memory");
	}
	IN_CHILD("single step") {
		signal(SIGTRAP, SIG_DFL);
		__asm__ volatile("pushfq\n orq $0x100, (%%rsp)\n popfq\n nop\n nop" ::: "memory", "cc");
	}
	return 0;
}
