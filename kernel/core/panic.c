/*
 * The end, for the kernel's own bugs alone.
 *
 * The first CPU that comes here takes `panicking`; others that follow halt. The report goes to the verdict channel and to the serial port by formatters of
 * their own, and, since a person may sit before the screen, to the enabled consoles too, whose locks are no longer waited for.
 * A panic inside of a panic says no more than that, and ends the machine as the first would have.
 */
#include "core/panic.h"
#include "core/atomic.h"
#include "core/boot_clock.h"
#include "core/cmdline.h"
#include "core/cpu.h"
#include "core/ksyms.h"
#include "core/percpu.h"
#include "core/printk.h"
#include "core/trapframe.h"
#include "core/verdict.h"
#include "lib/string.h"
#include "panic_priv.h"

u32 panicking;
void (*panic_stop_hook)(void);
void (*panic_note_hook)(void);
void (*panic_restart_hook)(void);
void (*panic_others_hook)(void);
CMDLINE_PARAM(panic, "panic");

void panic_stop_others(void)
{
	if (panic_stop_hook)
		panic_stop_hook();
}

/* Frames must lie in the kernel half, aligned, and go upwards. */
static bool frame_plausible(u64 rbp, u64 previous)
{
	return rbp >= 0xffff800000000000ul && rbp <= ~15ul && !(rbp & 7) && rbp > previous && (!previous || rbp - previous < 65536);
}

/*
 * The first place in a student's file on a back-trace: it is said again at its end, with the chapter. Not if much of the given kernel lies between: below every
 * thread there is a lab's entry, which has nothing to do with it.
 */
static struct {
	const char *function, *file, *lab; /* lab: in file, from `NN-name` on */
	u32 line, given;                   /* given: frames of given files before */
} lab_place;
#define GIVEN_MOST 2

/* A lab's files lie below a folder NN-name: the last such. */
static const char *lab_of(const char *file)
{
	const char *lab = NULL;

	for (const char *p = file; *p; p++)
		if ((p == file || p[-1] == '/') && p[0] >= '0' && p[0] <= '9' && p[1] >= '0' && p[1] <= '9' && p[2] == '-' && strchr(p, '/'))
			lab = p;
	return lab;
}

void panic_note_address(const char *prefix, u64 rip, u64 back)
{
	u64 offset = 0;
	u32 line;
	const char *name = ksym_lookup(rip - back, &offset), *file;

	panic_printf("%s%lx %s+0x%lx", prefix, rip, name ? name : "?", name ? offset + back : 0);
	if (kline_lookup(rip - back, &file, &line))
		panic_printf(" (%s:%u)", file, line);
	panic_printf("\n");
}

static void note_lab_place(u64 rip)
{
	u64 offset;
	u32 line;
	const char *file, *lab;

	if (lab_place.lab || lab_place.given > GIVEN_MOST || !kline_lookup(rip, &file, &line))
		return;
	lab = lab_of(file);
	if (!lab || (lab_place.given && file[strlen(file) - 1] == 'S')) {
		/* core/ are the checkers. */
		lab_place.given += !str_starts(file, "kernel/core/");
		return;
	}
	lab_place.function = ksym_lookup(rip, &offset);
	lab_place.file = file;
	lab_place.lab = lab;
	lab_place.line = line;
}

static void tell_chapter(void)
{
	int n = 0;

	if (!lab_place.lab)
		return;
	while (lab_place.lab[n] != '/')
		n++;
	char chapter[32];
	n = MIN(n, (int)sizeof(chapter) - 1);
	memcpy(chapter, lab_place.lab, (size_t)n);
	chapter[n] = '\0';
	panic_printf("The nearest line of a lab is %s:%u, in %s(). The chapter is %s.\n", lab_place.file, lab_place.line, lab_place.function ? lab_place.function : "?",
		     chapter);
}

/* `back` is 1 for a return address: it may be the first of the next function, when the call was the last thing in its own. */
static void print_address(bool to_log, u64 rip, u64 back)
{
	u64 offset = 0;
	const char *name;

	if (!to_log) {
		panic_note_address("TRACE ", rip, back);
		note_lab_place(rip - back);
		return;
	}
	name = ksym_lookup(rip - back, &offset);
	printk_level(LOG_ERR, "  %lx %s+0x%lx\n", rip, name ? name : "?", name ? offset + back : 0);
}

/*
 * A function that calls nothing has no frame of its own: then the return address is still on top of the stack. Not after a double fault: most often
 * the stack has run over, and its top is not mapped.
 */
static void print_leaf_caller(const struct trapframe *f)
{
	u64 word, offset;

	if (trapframe_from_user(f) || f->vector == 8 || !frame_plausible(f->rsp, 0) || !ksym_lookup(f->rip, &offset))
		return;
	word = *(const u64 *)f->rsp;
	if (ksym_lookup(word - 1, &offset))
		print_address(false, word, 1);
}

u64 backtrace_trap_return;

static void walk(bool to_log, u64 rbp)
{
	u64 previous = 0;

	for (int depth = 0; depth < 32 && frame_plausible(rbp, previous); depth++) {
		u64 *frame = (u64 *)rbp;
		if (!frame[1])
			break;
		print_address(to_log, frame[1], 1);
		if (frame[1] == backtrace_trap_return) {
			/* The entry code left a trapframe above its call: only there stands who was interrupted. */
			const struct trapframe *f = (const struct trapframe *)(frame + 2);
			if (trapframe_from_user(f))
				break;
			print_address(to_log, f->rip, 0);
		}
		previous = rbp;
		rbp = frame[0];
	}
}

void backtrace(u64 rbp, u64 rip)
{
	if (rip)
		print_address(true, rip, 0);
	walk(true, rbp);
}

void backtrace_here(void)
{
	walk(true, (u64)__builtin_frame_address(0));
}

bool warn_once(bool *done, const char *what, const char *file, int line)
{
	if (!atomic_xchg(done, true)) {
		pr_err("warning: %s (%s:%d)\n", what, file, line);
		backtrace_here();
	}
	return true;
}

static void print_registers(const struct trapframe *f)
{
	panic_printf("rip %lx  cs %lx  rflags %lx  rsp %lx  ss %lx\n", f->rip, f->cs, f->rflags, f->rsp, f->ss);
	panic_printf("rax %lx  rbx %lx  rcx %lx  rdx %lx\n", f->rax, f->rbx, f->rcx, f->rdx);
	panic_printf("rsi %lx  rdi %lx  rbp %lx  r8 %lx\n", f->rsi, f->rdi, f->rbp, f->r8);
	panic_printf("r9 %lx  r10 %lx  r11 %lx  r12 %lx\n", f->r9, f->r10, f->r11, f->r12);
	panic_printf("r13 %lx  r14 %lx  r15 %lx\n", f->r13, f->r14, f->r15);
	panic_printf("cr0 %lx  cr2 %lx  cr3 %lx  cr4 %lx  vector %lx  error %lx\n", read_cr0(), read_cr2(), read_cr3(), read_cr4(), f->vector, f->error);
}

void panic_trace(const struct trapframe *f)
{
	print_address(false, f->rip, 0);
	if (trapframe_from_user(f))
		return;
	print_leaf_caller(f);
	walk(false, f->rbp);
}

/* Takes the right to panic. False: another CPU panics already. */
static bool panic_begin(void)
{
	u32 me = 1 + cpu_id();
	u32 before;

	irq_disable();
	before = __sync_val_compare_and_swap(&panicking, 0, me);
	return before == 0;
}

static void __noreturn panic_end(void)
{
	char value[16];

	verdict_exit(PANIC_EXIT_PANIC);
	if (cmdline_get("panic", value, sizeof(value)) == 0 && value[0] != '0' && panic_restart_hook) {
		u64 seconds = cmdline_u64("panic", 0);
		u64 end = boot_clock_ns() + (value[0] == '-' ? 0 : seconds * 1000000000);
		while (boot_clock_ns() < end)
			cpu_relax();
		panic_restart_hook();
	}
	for (;;)
		__asm__ volatile("cli; hlt");
}

static void __noreturn report(const struct trapframe *f, void (*detail)(const void *arg), const void *arg, const char *fmt, va_list ap)
{
	static char text[512];

	if (!panic_begin()) {
		static bool again;

		if (panicking == 1 + cpu_id()) {
			if (!again) {
				again = true;
				panic_printf("\nPANIC inside of a panic\n");
			}
			panic_end();
		}
		for (;;)
			__asm__ volatile("cli; hlt");
	}
	panic_stop_others();
	panic_vformat(text, sizeof(text), fmt, ap);
	panic_printf("\nPANIC %s\n", text);
	panic_printf("cpu %u, %lu ms after the start, %s\n", cpu_id(), boot_clock_ns() / 1000000, in_irq() ? "in an interrupt" : "not in an interrupt");
	if (panic_note_hook)
		panic_note_hook();
	if (detail)
		detail(arg);
	if (f) {
		print_registers(f);
		panic_trace(f);
	} else {
		walk(false, (u64)__builtin_frame_address(0));
	}
	tell_chapter();
	if (panic_others_hook)
		panic_others_hook();
	panic_printf("END\n");
	panic_end();
}

void panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report(NULL, NULL, NULL, fmt, ap);
}

void panic_frame(const struct trapframe *frame, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report(frame, NULL, NULL, fmt, ap);
}

void panic_with(void (*detail)(const void *arg), const void *arg, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report(NULL, detail, arg, fmt, ap);
}
