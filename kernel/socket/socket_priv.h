/* Between the files of socket/. */
#ifndef SOCKET_PRIV_H
#define SOCKET_PRIV_H

#include "socket/socket.h"

/* An empty socket of a family's type: NULL if memory is short. */
struct socket *socket_alloc(int family, int type);
/* Makes an empty one complete: 0 or -errno. */
int socket_create(struct socket *s, int protocol);
void socket_free(struct socket *s); /* one that has no file; its proto is released */
/* A descriptor for s, which belongs to its file from then on; -errno: s is still the caller's. */
struct file *socket_file(struct socket *s, u32 flags);

/* --- control.c --- */
/* Reads control messages of sendmsg: 0 or -errno. Undone by control_release. */
int control_import(struct socket_msg *m, const void __user *control, size_t len);
void control_release(struct socket_control *c);
/* Writes what came into the user's buffer of *len bytes; *len becomes what was used. Descriptors are opened here. True if not all had room. */
bool control_export(struct socket_msg *m, bool want_cred, void __user *control, u64 *len, bool cloexec);
struct abi_ucred ucred_current(void);

/* --- options.c --- */
void socket_options_init(struct socket_options *o);

#endif
