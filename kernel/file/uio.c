/* A cursor over a scatter list of user or kernel memory. */
#include "file/file.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "usermode/uaccess.h"

#define IOV_MAX 1024

static void uio_init(struct uio *u, struct uio_vec *vec, void *buf, size_t n, bool kernel)
{
	vec->base = buf;
	vec->len = n;
	*u = (struct uio){ .vec = vec, .vec_count = 1, .left = n, .kernel = kernel };
}

void uio_init_user(struct uio *u, struct uio_vec *vec, void __user *buf, size_t n)
{
	uio_init(u, vec, buf, n, false);
}

void uio_init_kernel(struct uio *u, struct uio_vec *vec, void *buf, size_t n)
{
	uio_init(u, vec, buf, n, true);
}

/* The piece of the current element that holds the next n bytes, at most; 0 at the end. Passes over empty elements. */
static size_t uio_piece(struct uio *u, size_t n, char **addr)
{
	while (u->vec_count && u->offset >= u->vec->len) {
		u->vec++;
		u->vec_count--;
		u->offset = 0;
	}
	if (!u->vec_count)
		return 0;
	*addr = (char *)u->vec->base + u->offset;
	return MIN(MIN(n, u->left), u->vec->len - u->offset);
}

static void uio_advance(struct uio *u, size_t n)
{
	u->offset += n;
	u->left -= n;
}

size_t uio_write(struct uio *u, const void *src, size_t n)
{
	size_t done = 0, piece;
	char *to;

	while ((piece = uio_piece(u, n - done, &to))) {
		size_t failed = 0;
		if (u->kernel)
			memcpy(to, (const char *)src + done, piece);
		else
			failed = copy_to_user(to, (const char *)src + done, piece);
		uio_advance(u, piece - failed);
		done += piece - failed;
		if (failed)
			break;
	}
	return done;
}

size_t uio_read(struct uio *u, void *dst, size_t n)
{
	size_t done = 0, piece;
	char *from;

	while ((piece = uio_piece(u, n - done, &from))) {
		size_t failed = 0;
		if (u->kernel)
			memcpy((char *)dst + done, from, piece);
		else
			failed = copy_from_user((char *)dst + done, from, piece);
		uio_advance(u, piece - failed);
		done += piece - failed;
		if (failed)
			break;
	}
	return done;
}

size_t uio_zero(struct uio *u, size_t n)
{
	size_t done = 0, piece;
	char *to;

	while ((piece = uio_piece(u, n - done, &to))) {
		size_t failed = 0;
		if (u->kernel)
			memset(to, 0, piece);
		else
			failed = clear_user(to, piece);
		uio_advance(u, piece - failed);
		done += piece - failed;
		if (failed)
			break;
	}
	return done;
}

void uio_skip(struct uio *u, size_t n)
{
	size_t piece;
	char *at;

	while (n && (piece = uio_piece(u, n, &at))) {
		uio_advance(u, piece);
		n -= piece;
	}
}

/* -EFAULT only when not even the first page is there: the copy then goes as far as it can. */
int uio_fault_in(struct uio *u, size_t n, bool for_write)
{
	struct uio at = *u;
	size_t done = 0, piece;
	char *addr;

	if (u->kernel)
		return 0;
	while ((piece = uio_piece(&at, n - done, &addr))) {
		piece = MIN(piece, PAGE_SIZE - ((vaddr_t)addr & (PAGE_SIZE - 1)));
		if (for_write ? fault_in_writable(addr, piece) : fault_in_readable(addr, piece))
			return done ? 0 : -EFAULT;
		uio_advance(&at, piece);
		done += piece;
	}
	return 0;
}

int uio_import(struct uio *u, const void __user *iov, int count, struct uio_vec *fast, size_t fast_count, struct uio_vec **vec)
{
	struct uio_vec *v = fast;
	size_t total = 0;
	int err = -EFAULT;

	if ((u32)count > IOV_MAX)
		return -EINVAL;
	if ((size_t)count > fast_count) {
		v = kmalloc(count * sizeof(*v), 0);
		if (!v)
			return -ENOMEM;
	}
	/* struct iovec is what struct uio_vec is: address, length. */
	if (count && copy_from_user(v, iov, count * sizeof(*v)))
		goto free_vec;
	for (int i = 0; i < count; i++) {
		err = -EINVAL;
		if ((ssize_t)v[i].len < 0)
			goto free_vec;
		err = -EFAULT;
		if (!user_range_ok(v[i].base, v[i].len))
			goto free_vec;
		if (v[i].len > MAX_RW_COUNT - total)
			v[i].len = MAX_RW_COUNT - total;
		total += v[i].len;
	}
	*u = (struct uio){ .vec = v, .vec_count = count, .left = total };
	*vec = v;
	return 0;

free_vec:
	if (v != fast)
		kfree(v);
	return err;
}
