/*
 * Notifiers: what an upper layer hangs into a lower one's path. A chain is a linker set of functions, fixed at link time, so walking it needs no lock.
 *
 *   lower header:   NOTIFIER_DECLARE(oom, void (*)(void));
 *   upper source:   NOTIFIER(oom, my_function);
 *   lower source:   NOTIFIER_CALL(oom, args…);
 */
#ifndef CORE_NOTIFIER_H
#define CORE_NOTIFIER_H

#include "core/compiler.h"

#define NOTIFIER_DECLARE(chain, ...) \
	typedef void notifier_##chain##_fn(__VA_ARGS__); \
	extern notifier_##chain##_fn *const __start_set_notify_##chain[] __weak; \
	extern notifier_##chain##_fn *const __stop_set_notify_##chain[] __weak
#define NOTIFIER(chain, fn) \
	static notifier_##chain##_fn *const CONCAT(notify_##chain##_, __COUNTER__) __used __section("set_notify_" #chain) = (fn)
#define NOTIFIER_CALL(chain, ...) \
	do { \
		for (notifier_##chain##_fn *const *n_ = __start_set_notify_##chain; n_ < __stop_set_notify_##chain; n_++) \
			(*n_)(__VA_ARGS__); \
	} while (0)

#endif
