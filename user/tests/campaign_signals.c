/* stage: 12; libc: musl; run: campaign
 * Signals that hit a program on its way into the kernel and out of it. A child crosses the border in every way there is, with
 * known contents in all registers, while signals rain: from its timers, from a thread of its own, from the process beside it.
 *
 *	rain   kill, sigqueue, tgkill, setitimer (real, virtual, profiling), stop and continue
 *	  │
 *	  ▼
 *	child  load all registers ─► SYSCALL | INT 0x80 | page fault | UD2 | INT3 | spin | sleep ─► are they the same?
 *
 * A handler finds its stack aligned and the direction flag clear, spoils every register it may and the FPU's, nests, and makes
 * calls of its own. Queued signals come in order, none lost, none twice. A call that was interrupted says so or goes on. */
#include "campaign_pen.h"
#include <poll.h>
#include <pthread.h>
#include <ucontext.h>

enum { GENERAL = 14 };
enum way { BY_SYSCALL, BY_INT80, BY_FAULT, BY_UD2, BY_INT3, BY_SPIN, WAYS };

/* rax rbx rcx rdx rsi rdi rbp r8 … r14, flags, then sixteen XMM registers; reached by RIP, so that no register is lost on it. */
struct contents { uint64_t r[GENERAL], flags, pad; unsigned char xmm[16][16]; } __attribute__((aligned(16)));
struct contents cross_in, cross_out;
uint64_t cross_way, cross_sp;
unsigned char *cross_page;

/* void cross(void): loads cross_in, goes into the kernel and back by cross_way, leaves what came back in cross_out. r15 is the way. */
void cross(void);
__asm__(".text\n.globl cross\ncross:\n"
	"push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n"
	"mov cross_way(%rip), %r15\n"
	".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n movdqa cross_in+128+16*\\n(%rip), %xmm\\n\n .endr\n"
	"mov cross_in(%rip), %rax\n mov cross_in+8(%rip), %rbx\n mov cross_in+16(%rip), %rcx\n mov cross_in+24(%rip), %rdx\n"
	"mov cross_in+32(%rip), %rsi\n mov cross_in+40(%rip), %rdi\n mov cross_in+48(%rip), %rbp\n mov cross_in+56(%rip), %r8\n"
	"mov cross_in+64(%rip), %r9\n mov cross_in+72(%rip), %r10\n mov cross_in+80(%rip), %r11\n mov cross_in+88(%rip), %r12\n"
	"mov cross_in+96(%rip), %r13\n mov cross_in+104(%rip), %r14\n"
	"mov %rsp, cross_sp(%rip)\n"
	"push cross_in+112(%rip)\n popfq\n"
	"jmp *way_table(,%r15,8)\n"
	"way_syscall: syscall\n jmp cross_back\n"
	"way_int80: int $0x80\n jmp cross_back\n"
	"way_fault: mov %rax, (%rdi)\n push (%rdi)\n lea 8(%rsp), %rsp\n jmp cross_back\n"
	"way_ud2: ud2\n jmp cross_back\n"
	"way_int3: int3\n jmp cross_back\n"
	"way_spin: pushfq\n push %rcx\n mov $3000, %ecx\n 1: dec %ecx\n jnz 1b\n pop %rcx\n popfq\n"
	"cross_back:\n"
	"pushfq\n pop cross_out+112(%rip)\n cld\n"
	"mov %rax, cross_out(%rip)\n mov %rbx, cross_out+8(%rip)\n mov %rcx, cross_out+16(%rip)\n mov %rdx, cross_out+24(%rip)\n"
	"mov %rsi, cross_out+32(%rip)\n mov %rdi, cross_out+40(%rip)\n mov %rbp, cross_out+48(%rip)\n mov %r8, cross_out+56(%rip)\n"
	"mov %r9, cross_out+64(%rip)\n mov %r10, cross_out+72(%rip)\n mov %r11, cross_out+80(%rip)\n mov %r12, cross_out+88(%rip)\n"
	"mov %r13, cross_out+96(%rip)\n mov %r14, cross_out+104(%rip)\n"
	".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n movdqa %xmm\\n, cross_out+128+16*\\n(%rip)\n .endr\n"
	"mov %rsp, %rax\n sub cross_sp(%rip), %rax\n mov %rax, cross_sp(%rip)\n"
	"pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n ret\n"
	".data\n.balign 8\nway_table: .quad way_syscall, way_int80, way_fault, way_ud2, way_int3, way_spin\n.text\n");

static volatile long handled, expected_value = 1;
static volatile sig_atomic_t leave;
static volatile int depth;

/* DF clear, the stack aligned as the ABI has it at a function's entry. */
void check_entry(uint64_t flags, uint64_t sp)
{
	if (flags & 0x400)
		pen_mistake("a handler starts with the direction flag set");
	if (sp % 16 != 8)
		pen_mistake("a handler's stack is at %#lx", (unsigned long)sp);
}

static void spoil(void)
{
	static const unsigned int rounding = 0x9f80;

	__asm__ volatile("pcmpeqb %%xmm0, %%xmm0\n movdqa %%xmm0, %%xmm1\n movdqa %%xmm0, %%xmm7\n movdqa %%xmm0, %%xmm8\n"
			 "movdqa %%xmm0, %%xmm15\n fninit\n fldpi\n fldpi\n"
			 "ldmxcsr %0\n" :: "m"(rounding) : "xmm0", "xmm1", "xmm7", "xmm8", "xmm15", "memory");
}

void handler_body(int sig, siginfo_t *info, void *context)
{
	greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;
	int saved = errno;

	handled++;
	depth++;
	spoil();
	if (sig == SIGILL) {
		r[REG_RIP] += 2;
	} else if (sig == SIGRTMIN + 2) {
		if (info->si_value.sival_int != expected_value)
			pen_mistake("queued signal %d came, %ld was next", info->si_value.sival_int, expected_value);
		expected_value++;
	} else if (sig == SIGRTMIN + 3) {
		if (info->si_value.sival_int != expected_value)
			pen_mistake("of %d queued signals came %ld", info->si_value.sival_int - 1, expected_value - 1);
		leave = 1;
	}
	switch (handled % 5) {
	case 0: SYS(getpid); break;
	case 1: sched_yield(); break;
	case 2: madvise(cross_page, 4096, MADV_DONTNEED); break;
	case 3:
		if (depth < 3)
			kill(getpid(), SIGUSR2);
		break;
	}
	depth--;
	errno = saved;
}

/* The signal's entry looks at flags and stack before the compiler's code touches them. */
void handler(int sig, siginfo_t *info, void *context);
__asm__(".text\n.globl handler\nhandler:\n"
	"mov %rsp, %r9\n pushfq\n pop %r8\n push %rdi\n push %rsi\n push %rdx\n"
	"cld\n mov %r8, %rdi\n mov %r9, %rsi\n call check_entry\n"
	"pop %rdx\n pop %rsi\n pop %rdi\n jmp handler_body\n");

static const char *const register_names[] = { "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "r8", "r9", "r10", "r11", "r12", "r13", "r14" };

static void try_way(enum way way)
{
	static const uint64_t numbers[WAYS] = { [BY_SYSCALL] = SYS_getppid, [BY_INT80] = SYS_sched_yield };
	const uint64_t arithmetic = 0xcd5;	/* CF PF AF ZF SF DF OF */
	uint64_t random_flags;

	for (int i = 0; i < GENERAL; i++)
		cross_in.r[i] = rnd();
	for (int i = 0; i < 16; i++)
		for (int k = 0; k < 16; k += 8)
			*(uint64_t *)&cross_in.xmm[i][k] = rnd();
	random_flags = 0x202 | (rnd() & arithmetic);
	cross_in.flags = random_flags;
	cross_way = way;
	if (way == BY_SYSCALL || way == BY_INT80)
		cross_in.r[0] = numbers[way];
	if (way == BY_FAULT) {
		cross_in.r[5] = (uint64_t)cross_page;
		if (below(2))
			madvise(cross_page, 4096, MADV_DONTNEED);
	}
	cross();
	if (cross_sp)
		pen_mistake("way %d: the stack moved by %ld", way, (long)cross_sp);
	for (int i = 0; i < GENERAL; i++) {
		bool lost = (way == BY_SYSCALL && (i == 0 || i == 2 || i == 10)) || (way == BY_INT80 && i == 0);

		if (!lost && cross_out.r[i] != cross_in.r[i])
			pen_mistake("way %d: %s was %#lx, is %#lx", way, register_names[i], (unsigned long)cross_in.r[i], (unsigned long)cross_out.r[i]);
	}
	if (memcmp(cross_in.xmm, cross_out.xmm, sizeof(cross_in.xmm)) != 0)
		pen_mistake("way %d: an XMM register changed", way);
	if ((cross_out.flags & arithmetic) != (random_flags & arithmetic))
		pen_mistake("way %d: flags were %#lx, are %#lx", way, (unsigned long)random_flags, (unsigned long)cross_out.flags);
}

static void sleep_a_little(int pipe_end)
{
	struct timespec moment = { 0, (long)below(300000) };
	struct pollfd p = { pipe_end, POLLIN, 0 };
	static int word;
	sigset_t none;
	char c;
	long got = 0;

	sigemptyset(&none);
	errno = 0;
	switch (below(5)) {
	case 0: got = nanosleep(&moment, NULL); break;
	case 1: got = ppoll(&p, 1, &moment, &none); break;
	case 2:
		got = SYS(futex, &word, 0, 0, &moment, NULL, 0);
		if (got < 0 && errno == ETIMEDOUT)
			got = 0;
		break;
	case 3: got = read(pipe_end, &c, 1); break;	/* empty and O_NONBLOCK */
	default:
		got = waitpid(-1, NULL, 0);		/* nobody is there */
		if (got < 0 && errno == ECHILD)
			got = 0;
	}
	if (got < 0 && errno != EINTR && errno != EAGAIN)
		pen_mistake("a call that was interrupted says %s", errname(errno));
}

static void *beside(void *arg)
{
	pid_t me = getpid();

	for (int i = 0; !leave; i++) {
		if (i & 1)
			SYS(tgkill, me, me, SIGUSR1);
		else
			mprotect(arg, 4096, PROT_READ | (i & 2 ? PROT_WRITE : 0));
		nap(1);
	}
	return NULL;
}

static void receive(void)
{
	static char other_stack[131072];
	static const int caught[] = { SIGHUP, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGCHLD, SIGWINCH, SIGURG, SIGILL, SIGTRAP, SIGCONT };
	struct itimerval often = { { 0, 300 + (long)below(2000) }, { 0, 1 } }, once = { { 0, 0 }, { 0, 1 } };
	stack_t stack = { .ss_sp = other_stack, .ss_size = sizeof(other_stack) };
	struct sigaction act = { .sa_sigaction = handler };
	int fds[2];
	pthread_t thread;
	sigset_t set;

	cross_page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (cross_page == MAP_FAILED || pipe2(fds, O_NONBLOCK) < 0)
		pen_mistake("setup: %s", errname(errno));
	sigaltstack(&stack, NULL);
	sigfillset(&act.sa_mask);
	for (size_t i = 0; i < COUNT(caught); i++) {
		act.sa_flags = SA_SIGINFO | (below(2) ? SA_RESTART : 0) | (below(2) ? SA_ONSTACK : 0) | (below(3) ? 0 : SA_NODEFER);
		if (below(2))
			sigemptyset(&act.sa_mask);
		sigaddset(&act.sa_mask, SIGRTMIN + 2);
		sigaddset(&act.sa_mask, SIGRTMIN + 3);	/* or it would overtake */
		sigaction(caught[i], &act, NULL);
	}
	sigfillset(&act.sa_mask);
	act.sa_flags = SA_SIGINFO | SA_ONSTACK;
	sigaction(SIGRTMIN + 2, &act, NULL);
	sigaction(SIGRTMIN + 3, &act, NULL);
	sigfillset(&set);
	pthread_sigmask(SIG_SETMASK, &set, NULL);
	if (pthread_create(&thread, NULL, beside, cross_page + 4096) != 0)
		pen_mistake("no thread");
	setitimer(ITIMER_VIRTUAL, &often, NULL);
	setitimer(ITIMER_PROF, &often, NULL);
	sigemptyset(&set);
	pthread_sigmask(SIG_SETMASK, &set, NULL);
	while (!leave) {
		for (int i = 0; i < 20; i++) {
			/* Not by an interval: on a slow machine a handler may take longer than that, and nothing else would go on. */
			if (i % 4 == 0) {
				once.it_value.tv_usec = 1 + (long)below(300);
				setitimer(ITIMER_REAL, &once, NULL);
			}
			try_way((enum way)below(WAYS));
		}
		sleep_a_little(fds[0]);
	}
	setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL);
	pthread_join(thread, NULL);
}

static void child(int worker, uint64_t round, volatile uint64_t *calls)
{
	static const int rain[] = { SIGHUP, SIGUSR1, SIGUSR2, SIGALRM, SIGCHLD, SIGWINCH, SIGURG };
	sigset_t set;
	int status;
	long sent = 1;
	pid_t pid;

	(void)worker;
	(void)round;
	sigfillset(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	pid = fork();
	if (pid == 0) {
		receive();
		_exit(0);
	}
	if (pid < 0)
		pen_mistake("fork: %s", errname(errno));
	/* It has all signals blocked until its handlers stand. */
	for (int i = 0; i < 1500; i++) {
		uint64_t what = below(12);

		if (what < 6) {
			if (kill(pid, rain[below(COUNT(rain))]) == 0)
				++*calls;
		} else if (what < 10) {
			union sigval v = { .sival_int = (int)sent };

			if (sigqueue(pid, SIGRTMIN + 2, v) == 0) {
				sent++;
				++*calls;
			}
		} else if (what == 10) {
			kill(pid, SIGSTOP);
			sched_yield();
			kill(pid, SIGCONT);
		} else {
			sched_yield();
		}
		if (i % 100 == 0)
			nap(5);
	}
	while (sigqueue(pid, SIGRTMIN + 3, (union sigval){ .sival_int = (int)sent }) < 0 && errno == EAGAIN)
		nap(1);
	kill(pid, SIGCONT);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(status))
		pen_mistake("signal %s ended the receiver", signame(WTERMSIG(status)));
	_exit(WEXITSTATUS(status));
}

int main(void)
{
	pen_patience = 30000;
	pen_judges = true;
	return pen_campaign("signal storms across the entry path", "signals", child);
}
