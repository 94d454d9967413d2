/* The system calls of sockets: they decode, call the family's operation, and encode what it found. */
#include "socket_priv.h"

#include "abi/time.h"
#include "core/err.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "syscalls_gen.h"
#include "time/time.h"
#include "usermode/uaccess.h"

#define FAST_VECTORS 8
#define MAX_BATCH 1024

/* --- making sockets ------------------------------------------------------------------------------------------------ */

/* An empty socket, or ERR_PTR: the checks in Linux's order. */
static struct socket *new_socket(int family, int type, int protocol)
{
	struct socket *s;
	int err;

	if (family < 0 || family >= AF_MAX)
		return ERR_PTR(-EAFNOSUPPORT);
	if ((type & SOCK_TYPE_MASK) >= SOCK_MAX)
		return ERR_PTR(-EINVAL);
	s = socket_alloc(family, type & SOCK_TYPE_MASK);
	if (!s)
		return ERR_PTR(-ENOMEM);
	err = socket_create(s, protocol);
	if (err) {
		socket_free(s);
		return ERR_PTR(err);
	}
	return s;
}

long sys_socket(int family, int type, int protocol)
{
	struct socket *s;
	struct file *f;
	int fd;

	if (type & ~SOCK_TYPE_MASK & ~(O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	s = new_socket(family, type, protocol);
	if (IS_ERR(s))
		return PTR_ERR(s);
	f = socket_file(s, (u32)type);
	if (IS_ERR(f)) {
		socket_free(s);
		return PTR_ERR(f);
	}
	fd = fd_open(f, type & O_CLOEXEC);
	if (fd < 0)
		file_put(f);
	return fd;
}

long sys_socketpair(int family, int type, int protocol, void __user *fds)
{
	struct socket *s[2] = { NULL, NULL };
	struct file *f[2] = { NULL, NULL };
	int fd[2] = { -1, -1 };
	long err;

	if (type & ~SOCK_TYPE_MASK & ~(O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	for (int i = 0; i < 2; i++) {
		err = fd[i] = fd_reserve(0);
		if (err < 0)
			goto undo;
	}
	/* Linux stores the two numbers before it makes the sockets. */
	err = -EFAULT;
	if (copy_to_user(fds, fd, sizeof(fd)))
		goto undo;
	for (int i = 0; i < 2; i++) {
		s[i] = new_socket(family, type, protocol);
		if (IS_ERR(s[i])) {
			err = PTR_ERR(s[i]);
			s[i] = NULL;
			goto undo;
		}
	}
	err = s[0]->ops->pair ? s[0]->ops->pair(s[0], s[1]) : -EOPNOTSUPP;
	if (err)
		goto undo;
	for (int i = 0; i < 2; i++) {
		f[i] = socket_file(s[i], (u32)type);
		if (IS_ERR(f[i])) {
			err = PTR_ERR(f[i]);
			f[i] = NULL;
			goto undo;
		}
		s[i] = NULL; /* the file's */
	}
	for (int i = 0; i < 2; i++)
		fd_install(fd[i], f[i], type & O_CLOEXEC);
	return 0;

undo:
	for (int i = 0; i < 2; i++) {
		if (f[i])
			file_put(f[i]);
		if (s[i])
			socket_free(s[i]);
		if (fd[i] >= 0)
			fd_release(fd[i]);
	}
	return err;
}

/* --- names --------------------------------------------------------------------------------------------------------- */

/* The socket at a descriptor. NULL: *err is -EBADF or -ENOTSOCK; fdref_put in any case. */
static struct socket *socket_get(int fd, struct fdref *r, long *err)
{
	*r = fdref_get(fd, false);
	if (!r->file) {
		*err = -EBADF;
		return NULL;
	}
	struct socket *s = socket_of(r->file);
	*err = s ? 0 : -ENOTSOCK;
	return s;
}

static long name_import(struct abi_sockaddr *name, const void __user *addr, int len)
{
	if (len < 0 || (u32)len > sizeof(*name))
		return -EINVAL;
	memset(name, 0, sizeof(*name));
	return copy_from_user(name, addr, (u32)len) ? -EFAULT : 0;
}

/* Stores as much of the name as there is room for, and its true length. */
static long name_export(const struct abi_sockaddr *name, u32 name_len, void __user *addr, u32 __user *len_ptr)
{
	u32 room;

	if (get_user_u32(&room, len_ptr))
		return -EFAULT;
	if ((s32)room < 0)
		return -EINVAL;
	room = MIN(room, name_len);
	if (room && copy_to_user(addr, name, room))
		return -EFAULT;
	return put_user_u32(name_len, len_ptr);
}

long sys_bind(int fd, const void __user *addr, int len)
{
	struct abi_sockaddr name;
	struct fdref r;
	long err;
	struct socket *s = socket_get(fd, &r, &err);

	if (s)
		err = name_import(&name, addr, len);
	if (s && !err)
		err = s->ops->bind ? s->ops->bind(s, &name, (u32)len) : -EOPNOTSUPP;
	fdref_put(r);
	return err;
}

long sys_connect(int fd, const void __user *addr, int len)
{
	struct abi_sockaddr name;
	struct fdref r;
	long err;
	struct socket *s = socket_get(fd, &r, &err);

	/* Linux looks at the name of any file before it asks whether that is a socket. */
	if (r.file) {
		long bad = name_import(&name, addr, len);
		err = bad ? bad : err;
	}
	if (s && !err)
		err = s->ops->connect ? s->ops->connect(s, &name, (u32)len, r.file->flags & O_NONBLOCK) : -EOPNOTSUPP;
	fdref_put(r);
	return err;
}

u64 socket_backlog_max = 4096;

long sys_listen(int fd, int backlog)
{
	struct fdref r;
	long err;
	struct socket *s = socket_get(fd, &r, &err);

	if (s)
		err = s->ops->listen ? s->ops->listen(s, (int)MIN((u64)(u32)backlog, READ_ONCE(socket_backlog_max))) : -EOPNOTSUPP;
	fdref_put(r);
	return err;
}

/* The new connection as a file that has no descriptor yet; ERR_PTR. */
static struct file *accept_file(struct socket *s, bool nonblock, u32 flags, struct abi_sockaddr *name, int *name_len)
{
	struct socket *fresh;
	struct file *f;
	int err;

	if (!s->ops->accept)
		return ERR_PTR(-EOPNOTSUPP);
	fresh = socket_alloc(s->family, s->type);
	if (!fresh)
		return ERR_PTR(-ENOMEM);
	fresh->ops = s->ops;
	fresh->protocol = s->protocol;
	/* The file first: a connection that is out of the queue and finds no memory for it would be lost. */
	f = socket_file(fresh, flags);
	if (IS_ERR(f)) {
		socket_free(fresh);
		return f;
	}
	err = s->ops->accept(s, fresh, nonblock);
	if (!err && name) {
		*name_len = s->ops->name(fresh, name, true);
		err = *name_len < 0 ? -ECONNABORTED : 0;
	}
	if (err)
		file_put(f);
	return err ? ERR_PTR(err) : f;
}

long sys_accept4(int fd, void __user *addr, void __user *len_ptr, int flags)
{
	struct abi_sockaddr name;
	int name_len = 0, new_fd;
	struct file *f;
	struct fdref r;
	long err;

	if (flags & ~(O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	struct socket *s = socket_get(fd, &r, &err);
	if (!s)
		goto out;
	err = new_fd = fd_reserve(0);
	if (new_fd < 0)
		goto out;
	f = accept_file(s, r.file->flags & O_NONBLOCK, (u32)flags, addr ? &name : NULL, &name_len);
	err = IS_ERR(f) ? PTR_ERR(f) : 0;
	if (!err && addr) {
		err = name_export(&name, (u32)name_len, addr, len_ptr);
		if (err)
			file_put(f);
	}
	if (err)
		fd_release(new_fd);
	else
		fd_install(new_fd, f, flags & O_CLOEXEC);
	if (!err)
		err = new_fd;
out:
	fdref_put(r);
	return err;
}

long sys_accept(int fd, void __user *addr, void __user *len_ptr)
{
	return sys_accept4(fd, addr, len_ptr, 0);
}

static long get_name(int fd, void __user *addr, void __user *len_ptr, bool peer)
{
	struct abi_sockaddr name;
	struct fdref r;
	long err;
	struct socket *s = socket_get(fd, &r, &err);

	if (s) {
		err = s->ops->name(s, &name, peer);
		if (err >= 0)
			err = name_export(&name, (u32)err, addr, len_ptr);
	}
	fdref_put(r);
	return err;
}

long sys_getsockname(int fd, void __user *addr, void __user *len_ptr)
{
	return get_name(fd, addr, len_ptr, false);
}

long sys_getpeername(int fd, void __user *addr, void __user *len_ptr)
{
	return get_name(fd, addr, len_ptr, true);
}

long sys_shutdown(int fd, int how)
{
	struct fdref r;
	long err;
	struct socket *s = socket_get(fd, &r, &err);

	if (s)
		err = s->ops->shutdown ? s->ops->shutdown(s, how) : -EOPNOTSUPP;
	fdref_put(r);
	return err;
}

/* --- data ---------------------------------------------------------------------------------------------------------- */

static ssize_t do_send(struct socket *s, struct file *f, struct socket_msg *m)
{
	if (f->flags & O_NONBLOCK)
		m->flags |= MSG_DONTWAIT;
	return s->ops->send ? s->ops->send(s, m) : -EOPNOTSUPP;
}

static ssize_t do_receive(struct socket *s, struct file *f, struct socket_msg *m)
{
	if (f->flags & O_NONBLOCK)
		m->flags |= MSG_DONTWAIT;
	return s->ops->receive ? s->ops->receive(s, m) : -EOPNOTSUPP;
}

long sys_sendto(int fd, const void __user *buf, size_t size, unsigned flags, const void __user *addr, int len)
{
	struct socket_msg m = { .flags = flags };
	struct uio_vec vec;
	struct fdref r;
	long err;

	if (!user_range_ok(buf, MIN(size, MAX_RW_COUNT)))
		return -EFAULT;
	uio_init_user(&m.data, &vec, (void __user *)buf, MIN(size, MAX_RW_COUNT));
	struct socket *s = socket_get(fd, &r, &err);
	if (s && addr) {
		err = name_import(&m.name, addr, len);
		m.name_len = (u32)len;
	}
	if (s && !err)
		err = do_send(s, r.file, &m);
	fdref_put(r);
	return err;
}

long sys_recvfrom(int fd, void __user *buf, size_t size, unsigned flags, void __user *addr, void __user *len_ptr)
{
	struct socket_msg m = { .flags = flags };
	struct uio_vec vec;
	struct fdref r;
	long n;

	if (!user_range_ok(buf, MIN(size, MAX_RW_COUNT)))
		return -EFAULT;
	uio_init_user(&m.data, &vec, buf, MIN(size, MAX_RW_COUNT));
	struct socket *s = socket_get(fd, &r, &n);
	if (s)
		n = do_receive(s, r.file, &m);
	if (s && n >= 0) {
		control_release(&m.control);
		long err = addr ? name_export(&m.name, m.name_len, addr, len_ptr) : 0;
		n = err ? err : n;
	}
	fdref_put(r);
	return n;
}

/* A user's struct msghdr with its vectors: 0, or -errno; vectors_free. */
struct vectors {
	struct uio_vec fast[FAST_VECTORS], *vec;
};

static long header_import(struct abi_msghdr *h, const void __user *user, struct uio *data, struct vectors *v)
{
	if (copy_from_user(h, user, sizeof(*h)))
		return -EFAULT;
	if (h->name && h->name_len < 0)
		return -EINVAL;
	if (!h->name)
		h->name_len = 0;
	h->name_len = MIN(h->name_len, (s32)sizeof(struct abi_sockaddr));
	if (h->iov_len > 1024)
		return -EMSGSIZE;
	return uio_import(data, (const void __user *)h->iov, (int)h->iov_len, v->fast, FAST_VECTORS, &v->vec);
}

static void vectors_free(struct vectors *v)
{
	if (v->vec != v->fast)
		kfree(v->vec);
}

static ssize_t send_one(struct socket *s, struct file *f, const void __user *user, unsigned flags)
{
	struct socket_msg m = { .flags = flags };
	struct abi_msghdr h;
	struct vectors v;
	ssize_t n = header_import(&h, user, &m.data, &v);

	if (n)
		return n;
	if (h.name_len) {
		n = name_import(&m.name, (const void __user *)h.name, h.name_len);
		m.name_len = (u32)h.name_len;
	}
	if (!n && h.control_len > INT32_MAX)
		n = -ENOBUFS;
	if (!n && h.control && h.control_len)
		n = control_import(&m, (const void __user *)h.control, h.control_len);
	if (!n)
		n = do_send(s, f, &m);
	control_release(&m.control);
	vectors_free(&v);
	return n;
}

static ssize_t receive_one(struct socket *s, struct file *f, void __user *user, unsigned flags)
{
	struct abi_msghdr __user *to = user;
	struct socket_msg m = { .flags = flags & ~MSG_CMSG_CLOEXEC };
	struct abi_msghdr h;
	struct vectors v;
	ssize_t n = header_import(&h, user, &m.data, &v);

	if (n)
		return n;
	n = do_receive(s, f, &m);
	vectors_free(&v);
	if (n < 0)
		return n;
	if (h.name && (m.name_len > (u32)h.name_len ? copy_to_user((void __user *)h.name, &m.name, (u32)h.name_len) :
		       copy_to_user((void __user *)h.name, &m.name, m.name_len)))
		n = -EFAULT;
	u64 control_len = h.control_len;
	if (n >= 0 && control_export(&m, s->options.pass_cred, (void __user *)h.control, &control_len, flags & MSG_CMSG_CLOEXEC))
		m.out_flags |= MSG_CTRUNC;
	control_release(&m.control);
	u32 name_len = h.name ? m.name_len : (u32)h.name_len;
	if (n >= 0 && (put_user_u32(name_len, (u32 __user *)&to->name_len) || put_user_u32(m.out_flags | (flags & MSG_CMSG_CLOEXEC), &to->flags) ||
		       put_user_u64(control_len, &to->control_len)))
		n = -EFAULT;
	return n;
}

long sys_sendmsg(int fd, const void __user *msg, unsigned flags)
{
	struct fdref r;
	long n;
	if (flags & MSG_CMSG_COMPAT)
		return -EINVAL;
	struct socket *s = socket_get(fd, &r, &n);

	if (s)
		n = send_one(s, r.file, msg, flags);
	fdref_put(r);
	return n;
}

long sys_recvmsg(int fd, void __user *msg, unsigned flags)
{
	struct fdref r;
	long n;
	if (flags & MSG_CMSG_COMPAT)
		return -EINVAL;
	struct socket *s = socket_get(fd, &r, &n);

	if (s)
		n = receive_one(s, r.file, msg, flags);
	fdref_put(r);
	return n;
}

long sys_sendmmsg(int fd, void __user *vec, unsigned count, unsigned flags)
{
	struct abi_mmsghdr __user *m = vec;
	struct fdref r;
	u32 done = 0;
	long n;
	if (flags & MSG_CMSG_COMPAT)
		return -EINVAL;
	struct socket *s = socket_get(fd, &r, &n);

	if (s)
		for (n = 0; done < MIN(count, (unsigned)MAX_BATCH); done++) {
			n = send_one(s, r.file, &m[done].header, flags);
			if (n >= 0 && put_user_u32((u32)n, &m[done].len))
				n = -EFAULT;
			if (n < 0)
				break;
		}
	fdref_put(r);
	return done ? (long)done : n < 0 ? n : 0;
}

/* 0, or -errno; *deadline in time_ns units, TIME_NEVER without a time limit. */
static long deadline_import(u64 *deadline, const void __user *timeout)
{
	struct abi_timespec ts;

	*deadline = TIME_NEVER;
	if (!timeout)
		return 0;
	if (copy_from_user(&ts, timeout, sizeof(ts)))
		return -EFAULT;
	if (ts.sec < 0 || ts.nsec < 0 || ts.nsec >= (s64)NSEC_PER_SEC)
		return -EINVAL;
	if ((u64)ts.sec < TIME_NEVER / NSEC_PER_SEC / 2)
		*deadline = time_ns() + (u64)ts.sec * NSEC_PER_SEC + (u64)ts.nsec;
	return 0;
}

long sys_recvmmsg(int fd, void __user *vec, unsigned count, unsigned flags, void __user *timeout)
{
	struct abi_mmsghdr __user *m = vec;
	struct fdref r;
	u32 done = 0;
	u64 deadline;
	long n = deadline_import(&deadline, timeout);

	if (n)
		return n;
	if (flags & MSG_CMSG_COMPAT)
		return -EINVAL;
	struct socket *s = socket_get(fd, &r, &n);
	if (s)
		for (n = 0; done < MIN(count, (unsigned)MAX_BATCH); done++) {
			n = receive_one(s, r.file, &m[done].header, flags & ~MSG_WAITFORONE);
			if (n >= 0 && put_user_u32((u32)n, &m[done].len))
				n = -EFAULT;
			if (n < 0)
				break;
			if (flags & MSG_WAITFORONE)
				flags |= MSG_DONTWAIT;
			if (time_ns() >= deadline) {
				done++;
				break;
			}
		}
	fdref_put(r);
	return done ? (long)done : n < 0 ? n : 0;
}
