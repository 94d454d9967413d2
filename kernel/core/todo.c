#include "core/todo.h"
#include "core/cpu.h"
#include "core/emergency.h"
#include "core/panic.h"
#include "core/verdict.h"

void todo_stop(const char *chapter, const char *file, int line, const char *func)
{
	irq_disable();
	panic_stop_others();
	verdict("TODO %s %s %s:%d\n", chapter, func, file, line);
	emergency_printf("\nStopped at %s() in %s, line %d: yours to write. The chapter is %s.\n", func, file, line, chapter);
	verdict_exit(PANIC_EXIT_TODO);
	for (;;)
		__asm__ volatile("cli; hlt");
}
