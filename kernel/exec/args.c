/*
 * Arguments and environment on their way from the old image to the new one.
 *
 *   strings:  argv[0] NUL argv[1] NUL … | envp[0] NUL envp[1] NUL …
 *                                       env_offset            used      capacity
 *
 * They are copied into kernel memory first, since the memory that they come from is the one that exec throws away. Linux's limits hold: one string has
 * at most 128 KiB, and all strings with their pointers at most a quarter of the stack's limit (execve(2)), never less than 128 KiB nor more than 6 MiB.
 */
#include "exec/exec.h"

#include "lib/string.h"
#include "mm/pagetable.h"
#include "mm/slab.h"
#include "usermode/uaccess.h"

#define STRING_MAX (32 * PAGE_SIZE)
#define TOTAL_MIN (128 * 1024ul)
#define TOTAL_MAX (6ul << 20)
#define HEAP_MAX (64 * 1024ul) /* larger buffers are mapped page by page */

static size_t total_limit(void)
{
	struct process *p = current ? current->process : NULL;
	u64 limit = p ? p->rlimits[RLIM_STACK].cur / 4 : TOTAL_MAX;

	return MAX(MIN(limit, TOTAL_MAX), TOTAL_MIN);
}

void *exec_buffer_alloc(size_t bytes)
{
	return bytes > HEAP_MAX ? kmap_alloc(bytes, ALLOC_USER) : kmalloc(bytes, ALLOC_USER);
}

void exec_buffer_free(void *buf, size_t bytes)
{
	if (bytes > HEAP_MAX)
		kmap_free(buf);
	else
		kfree(buf);
}

static int grow(struct exec_args *a, size_t need)
{
	if (need <= a->capacity)
		return 0;
	size_t capacity = a->capacity ? a->capacity : 2 * PAGE_SIZE;
	while (capacity < need)
		capacity *= 2;
	char *buf = exec_buffer_alloc(capacity);
	if (!buf)
		return -ENOMEM;
	memcpy(buf, a->strings, a->used);
	exec_buffer_free(a->strings, a->capacity);
	a->strings = buf;
	a->capacity = capacity;
	return 0;
}

static int check_total(const struct exec_args *a, size_t more_bytes, size_t more_strings)
{
	size_t pointers = (size_t)(a->argc + a->envc + more_strings) * sizeof(u64);

	if (a->used + more_bytes + pointers > total_limit())
		return -E2BIG;
	/* Strings reach the new stack page by page; the first page is free. */
	struct process *p = current ? current->process : NULL;
	size_t pages = ALIGN_UP(a->used + more_bytes + sizeof(u64), PAGE_SIZE);
	return p && pages > MAX(p->rlimits[RLIM_STACK].cur, PAGE_SIZE) ? -E2BIG : 0;
}

static void count_string(struct exec_args *a, size_t bytes, bool env)
{
	a->used += bytes;
	if (env) {
		a->envc++;
	} else {
		a->argc++;
		a->env_offset = a->used;
	}
}

int exec_args_add(struct exec_args *a, const char *s, bool env)
{
	size_t n = strlen(s) + 1;
	int err = n > STRING_MAX ? -E2BIG : check_total(a, n, 1);

	if (!err)
		err = grow(a, a->used + n);
	if (err)
		return err;
	memcpy(a->strings + a->used, s, n);
	count_string(a, n, env);
	return 0;
}

int exec_args_replace_first(struct exec_args *a, const char *const *strings, u32 n)
{
	size_t old = a->argc ? strlen(a->strings) + 1 : 0, new = 0;

	for (u32 i = 0; i < n; i++)
		new += strlen(strings[i]) + 1;
	int err = check_total(a, new, n);
	if (!err)
		err = grow(a, a->used - old + new);
	if (err)
		return err;
	memmove(a->strings + new, a->strings + old, a->used - old);
	char *at = a->strings;
	for (u32 i = 0; i < n; i++) {
		size_t len = strlen(strings[i]) + 1;
		memcpy(at, strings[i], len);
		at += len;
	}
	a->used += new - old;
	a->env_offset += new - old;
	a->argc += n - (old ? 1 : 0);
	return 0;
}

static int import_string(struct exec_args *a, const char __user *s, bool env)
{
	for (;;) {
		size_t room = MIN(a->capacity - a->used, STRING_MAX);
		ssize_t n = room ? strncpy_from_user(a->strings + a->used, s, room) : -ENAMETOOLONG;
		if (n >= 0) {
			int err = check_total(a, n + 1, 1);
			if (!err)
				count_string(a, n + 1, env);
			return err;
		}
		if (n != -ENAMETOOLONG)
			return n;
		if (room == STRING_MAX || check_total(a, room, 1))
			return -E2BIG;
		int err = grow(a, a->capacity ? a->capacity * 2 : 1);
		if (err)
			return err;
	}
}

static int import_array(struct exec_args *a, char __user *const __user *array, bool env)
{
	for (u32 i = 0; array; i++) {
		u64 pointer;
		if (get_user_u64(&pointer, (const u64 __user *)array + i))
			return -EFAULT;
		if (!pointer)
			break;
		int err = import_string(a, (const char __user *)pointer, env);
		if (err)
			return err;
		if (thread_killed())
			return -EINTR;
	}
	return 0;
}

int exec_args_import(struct exec_args *a, char __user *const __user *argv, char __user *const __user *envp)
{
	memset(a, 0, sizeof(*a));
	int err = import_array(a, argv, false);
	/* A program always finds an argv[0]: an empty one if its caller gave none. */
	if (!err && !a->argc)
		err = exec_args_add(a, "", false);
	if (!err)
		err = import_array(a, envp, true);
	if (err)
		exec_args_free(a);
	return err;
}

void exec_args_free(struct exec_args *a)
{
	exec_buffer_free(a->strings, a->capacity);
	memset(a, 0, sizeof(*a));
}
