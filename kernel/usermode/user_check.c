/*
 * A checking kernel's door between user and kernel: the linker puts these functions before the real ones (--wrap). What a copy touches in the kernel is looked
 * up in the shadow, nothing may be held on the way to ring 3, and a copy that may wait for a page is not made where nobody may wait.
 */
#include "usermode/uaccess.h"

#include "core/kasan.h"
#include "core/lock_check.h"

#if DEBUG
#include "core/fault_inject.h"
#include "core/cpu.h"
#include "core/panic.h"
#include "usermode/usermode.h"

size_t __real_raw_copy_user(void *dst, const void *src, size_t n);
size_t __wrap_raw_copy_user(void *dst, const void *src, size_t n);
size_t __real_raw_clear_user(void *dst, size_t n);
size_t __wrap_raw_clear_user(void *dst, size_t n);
void __real_syscall_dispatch(struct trapframe *f);
void __wrap_syscall_dispatch(struct trapframe *f);

static void check_context(const void *caller)
{
	if (!current->pagefault_off)
		might_sleep_at("a copy to or from user memory", caller);
}

size_t __wrap_raw_copy_user(void *dst, const void *src, size_t n)
{
	check_context(__builtin_return_address(0));
	if ((u64)src >= DIRECT_BASE)
		kasan_check(src, n, false, __builtin_return_address(0));
	if ((u64)dst >= DIRECT_BASE)
		kasan_check(dst, n, true, __builtin_return_address(0));
	return fault_inject(FAULT_COPYUSER) ? n : __real_raw_copy_user(dst, src, n);
}

size_t __wrap_raw_clear_user(void *dst, size_t n)
{
	check_context(__builtin_return_address(0));
	return fault_inject(FAULT_COPYUSER) ? n : __real_raw_clear_user(dst, n);
}

void __wrap_syscall_dispatch(struct trapframe *f)
{
	current->kernel_since = current->runtime_ns;
	__real_syscall_dispatch(f);
	if (!irq_enabled())
		panic_with(lock_check_print_all, NULL, "lock check: return to user mode: system call %ld left interrupts off", (s64)f->rax);
	lock_check_user_return();
}
#endif
