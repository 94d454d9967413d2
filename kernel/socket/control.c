/*
 * Control messages: open files (SCM_RIGHTS) and who sends (SCM_CREDENTIALS) of UNIX sockets, and those that only a family knows, which pass through as they are.
 *
 * A buffer is a row of [struct abi_cmsghdr][data], each at a multiple of 8. What goes out is checked as a whole before anything is sent. What comes in is
 * stored as far as there is room: of the files, those that fit and can be given a descriptor are opened, the others are closed.
 */
#include "socket_priv.h"

#include "lib/string.h"
#include "mm/slab.h"
#include "proc/cred.h"
#include "proc/proc.h"
#include "syscalls_gen.h"
#include "usermode/uaccess.h"

#define CONTROL_MAX 20480u /* Linux's optmem_max */

struct abi_ucred ucred_current(void)
{
	const struct cred *c = cred_current();

	return (struct abi_ucred){ current->process->pid, c->euid, c->egid };
}

void control_release(struct socket_control *c)
{
	for (u32 i = 0; i < c->file_count; i++)
		file_put(c->files[i]);
	kfree(c->files);
	*c = (struct socket_control){ 0 };
}

/* --- out ----------------------------------------------------------------------------------------------------------- */

/* One may only claim to be who one is, or what one has the right to become; and nobody may be a process that is not there. */
static int check_ucred(const struct abi_ucred *u)
{
	const struct cred *c = cred_current();

	if (u->uid == -1u || u->gid == -1u)
		return -EINVAL;
	if (u->pid != current->process->pid && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (u->uid != c->uid && u->uid != c->euid && u->uid != c->suid && !capable(CAP_SETUID))
		return -EPERM;
	if (u->gid != c->gid && u->gid != c->egid && u->gid != c->sgid && !capable(CAP_SETGID))
		return -EPERM;
	return process_number_used(u->pid) ? 0 : -ESRCH;
}

static int import_files(struct socket_control *c, const int *fds, u32 count)
{
	struct file **files;

	if (count > SCM_MAX_FD || c->file_count + count > SCM_MAX_FD)
		return -EINVAL;
	if (!count)
		return 0;
	files = krealloc(c->files, (c->file_count + count) * sizeof(*files), 0);
	if (!files)
		return -ENOMEM;
	c->files = files;
	for (u32 i = 0; i < count; i++) {
		struct file *f = fd_get(fds[i]);
		if (!f)
			return -EBADF;
		c->files[c->file_count++] = f; /* one that only names a place (O_PATH) may be passed on too */
	}
	return 0;
}

static int import_one(struct socket_msg *m, const struct abi_cmsghdr *h, const void *data, size_t len)
{
	struct socket_control *c = &m->control;
	struct abi_ucred cred;
	int err;

	if (h->level != SOL_SOCKET) {
		struct socket_extra *e = &m->extra[m->extra_count];
		if (m->extra_count == SOCKET_EXTRA_MAX || len > sizeof(e->data))
			return 0;
		*e = (struct socket_extra){ .level = h->level, .type = h->type, .len = (u32)len };
		memcpy(e->data, data, len);
		m->extra_count++;
		return 0;
	}
	switch (h->type) {
	case SCM_RIGHTS:
		return import_files(c, data, (u32)(len / sizeof(int)));
	case SCM_CREDENTIALS:
		if (len != sizeof(cred))
			return -EINVAL;
		memcpy(&cred, data, sizeof(cred));
		err = check_ucred(&cred);
		if (!err) {
			c->cred = cred;
			c->has_cred = true;
		}
		return err;
	}
	return -EINVAL;
}

int control_import(struct socket_msg *m, const void __user *control, size_t len)
{
	int err = 0;
	u8 *buf;

	if (len > CONTROL_MAX)
		return -ENOBUFS;
	buf = kmalloc(len, 0);
	if (!buf)
		return -ENOMEM;
	if (copy_from_user(buf, control, len))
		err = -EFAULT;
	for (size_t at = 0; !err && at + sizeof(struct abi_cmsghdr) <= len;) {
		struct abi_cmsghdr h;
		memcpy(&h, buf + at, sizeof(h));
		if (h.len < sizeof(h) || h.len > len - at)
			err = -EINVAL;
		else
			err = import_one(m, &h, buf + at + sizeof(h), h.len - sizeof(h));
		at += CMSG_ALIGN(h.len);
	}
	kfree(buf);
	if (err)
		control_release(&m->control);
	return err;
}

/* --- in ------------------------------------------------------------------------------------------------------------ */

struct control_out {
	char __user *at;
	size_t left;
	bool truncated;
};

/* As much of the data as has room; a header that has none is left out. */
static void put_message(struct control_out *o, int level, int type, const void *data, size_t len)
{
	struct abi_cmsghdr h = { sizeof(h) + len, level, type };
	size_t space;

	if (o->left < sizeof(h)) {
		o->truncated = true;
		return;
	}
	if (h.len > o->left) {
		o->truncated = true;
		h.len = o->left;
	}
	if (copy_to_user(o->at, &h, sizeof(h)) || copy_to_user(o->at + sizeof(h), data, h.len - sizeof(h)))
		return;
	space = MIN(CMSG_ALIGN(h.len), o->left);
	o->at += space;
	o->left -= space;
}

/* Opens files into the user's buffer one by one, and stops at the first that cannot be. */
static void put_files(struct control_out *o, struct socket_control *c, bool cloexec)
{
	struct abi_cmsghdr h = { 0, SOL_SOCKET, SCM_RIGHTS };
	u32 room = o->left > sizeof(h) ? (u32)((o->left - sizeof(h)) / sizeof(int)) : 0, opened = 0;
	int __user *to = (int __user *)(o->at + sizeof(h));

	while (opened < MIN(c->file_count, room)) {
		int fd = fd_reserve(0);
		if (fd < 0)
			break;
		if (put_user_u32((u32)fd, (u32 __user *)(to + opened))) {
			fd_release(fd);
			break;
		}
		file_get(c->files[opened]);
		fd_install(fd, c->files[opened++], cloexec);
	}
	if (opened < c->file_count)
		o->truncated = true;
	if (!opened)
		return;
	h.len = sizeof(h) + opened * sizeof(int);
	if (copy_to_user(o->at, &h, sizeof(h)))
		return;
	size_t space = MIN(CMSG_ALIGN(h.len), o->left);
	o->at += space;
	o->left -= space;
}

bool control_export(struct socket_msg *m, bool want_cred, void __user *control, u64 *len, bool cloexec)
{
	struct socket_control *c = &m->control;
	struct control_out o = { .at = control, .left = control ? *len : 0 };

	for (u32 i = 0; i < m->extra_count; i++)
		put_message(&o, m->extra[i].level, m->extra[i].type, m->extra[i].data, m->extra[i].len);
	if (want_cred) {
		struct abi_ucred nobody = { 0, 65534, 65534 };
		put_message(&o, SOL_SOCKET, SCM_CREDENTIALS, c->has_cred ? &c->cred : &nobody, sizeof(c->cred));
	}
	if (c->file_count)
		put_files(&o, c, cloexec);
	*len = control ? (u64)(o.at - (char __user *)control) : 0;
	return o.truncated;
}
