/* The end: for the kernel's own bugs alone. */
#ifndef CORE_PANIC_H
#define CORE_PANIC_H

#include "core/compiler.h"

struct trapframe;

/* Stops the other CPUs, prints cause, registers and symbolised back-trace on console and verdict channel, then isa-debug-exit, then what `panic=` says. */
void __noreturn panic(const char *fmt, ...) __printf_like(1, 2);
void __noreturn panic_frame(const struct trapframe *frame, const char *fmt, ...) __printf_like(2, 3);

/* The same; after the first lines of the report it calls detail(arg), which may print with panic_note. */
void __noreturn panic_with(void (*detail)(const void *arg), const void *arg, const char *fmt, ...) __printf_like(3, 4);
/* To where panics go: verdict channel, serial port, screens. %s %c %d %u %x %lu %ld %lx without widths. */
/* A line of a report: prefix, address, function and, in a checking kernel, file and line. `back` is 1 for a return address. */
void panic_note_address(const char *prefix, u64 rip, u64 back);
void panic_note(const char *fmt, ...) __printf_like(1, 2);

/* A frame's place and back-trace, to where panics go. */
void panic_trace(const struct trapframe *frame);
extern void (*panic_others_hook)(void); /* shows what the other CPUs were doing; NULL: nothing */

/* Stops the other CPUs for good, by stage 03's hook; returns after a short time whether they answered or not. */
void panic_stop_others(void);
extern void (*panic_stop_hook)(void);
extern void (*panic_note_hook)(void); /* a line of each report, right after its head */
/* Restarts the machine (`panic=N`), by stage 03's hook; NULL before: the kernel halts. */
extern void (*panic_restart_hook)(void);
extern u32 panicking; /* 1 + id of the CPU that panics, else 0: locks of the output are no longer waited for */
/* Values for isa-debug-exit: QEMU's exit status is 2v + 1. */
enum { PANIC_EXIT_OK = 0, PANIC_EXIT_TODO = 0x10, PANIC_EXIT_PANIC = 0x11 };

#define ASSERT(cond) do { if (unlikely(!(cond))) panic("assertion failed: %s (%s:%d)", #cond, __FILE__, __LINE__); } while (0)
#define BUG() panic("unreachable code reached (%s:%d)", __FILE__, __LINE__)
/* Prints once with a back-trace and goes on; its value is the condition. */
bool warn_once(bool *done, const char *what, const char *file, int line);
#define WARN_ON(cond) ({ static bool done_; bool c_ = (cond); unlikely(c_) ? warn_once(&done_, #cond, __FILE__, __LINE__) : false; })

/* Prints the chain of frame pointers from rbp, symbolised; to console (verdict=false) or to the verdict channel as well. */
void backtrace(u64 rbp, u64 rip);
void backtrace_here(void);
/* Where the entry code goes on behind its call of the dispatcher; irq sets it. A back-trace finds the interrupted function by it. */
extern u64 backtrace_trap_return;

#endif
