/* getsockopt and setsockopt at SOL_SOCKET: a table of plain values, and the few options that want more. Other levels are the family's. */
#include "socket_priv.h"

#include "abi/inet.h"
#include "abi/time.h"
#include "lib/string.h"
#include "proc/cred.h"
#include "syscalls_gen.h"
#include "time/time.h"
#include "usermode/uaccess.h"

void socket_options_init(struct socket_options *o)
{
	*o = (struct socket_options){
		.send_buffer = SOCKET_BUFFER_DEFAULT, .receive_buffer = SOCKET_BUFFER_DEFAULT,
		.send_timeout = TIME_NEVER, .receive_timeout = TIME_NEVER, .receive_low = 1,
	};
}

/* Switches, by option. */
static bool *flag_of(struct socket_options *o, int option)
{
	switch (option) {
	case SO_DEBUG: return &o->debug;
	case SO_REUSEADDR: return &o->reuse_address;
	case SO_REUSEPORT: return &o->reuse_port;
	case SO_DONTROUTE: return &o->dont_route;
	case SO_BROADCAST: return &o->broadcast;
	case SO_KEEPALIVE: return &o->keep_alive;
	case SO_OOBINLINE: return &o->oob_inline;
	case SO_NO_CHECK: return &o->no_check;
	case SO_PASSCRED: return &o->pass_cred;
	case SO_PASSSEC: return &o->pass_security; /* there are no labels to pass */
	case SO_TIMESTAMP_OLD: return &o->timestamp;
	case SO_TIMESTAMPNS_OLD: return &o->timestamp_ns;
	}
	return NULL;
}

static bool is_timeout(int option)
{
	return option == SO_RCVTIMEO_OLD || option == SO_RCVTIMEO_NEW || option == SO_SNDTIMEO_OLD || option == SO_SNDTIMEO_NEW;
}

static u64 *timeout_of(struct socket_options *o, int option)
{
	return option == SO_RCVTIMEO_OLD || option == SO_RCVTIMEO_NEW ? &o->receive_timeout : &o->send_timeout;
}

static int set_timeout(struct socket_options *o, int option, const void __user *value, u32 len)
{
	struct abi_timeval tv;
	u64 *timeout = timeout_of(o, option);

	if (len < sizeof(tv))
		return -EINVAL;
	if (copy_from_user(&tv, value, sizeof(tv)))
		return -EFAULT;
	if (tv.usec < 0 || tv.usec >= 1000000)
		return -EDOM;
	if (tv.sec < 0)
		*timeout = 0;
	else if ((!tv.sec && !tv.usec) || (u64)tv.sec >= TIME_NEVER / NSEC_PER_SEC - 1)
		*timeout = TIME_NEVER;
	else
		*timeout = (u64)tv.sec * NSEC_PER_SEC + (u64)tv.usec * 1000;
	return 0;
}

/* Twice what was asked for, since bookkeeping counts too; at most twice the limit, unless forced. */
static u32 buffer_size(int value, u32 least, bool force)
{
	u32 want = force ? (value < 0 ? 0 : MIN((u32)value, (u32)INT32_MAX / 2)) : MIN((u32)value, SOCKET_BUFFER_MAX);

	return MAX(want * 2, least);
}

static int set_option(struct socket *s, int option, int value)
{
	struct socket_options *o = &s->options;

	switch (option) {
	case SO_SNDBUFFORCE:
	case SO_RCVBUFFORCE:
		if (!capable(CAP_NET_ADMIN))
			return -EPERM;
		/* fall through */
	case SO_SNDBUF:
	case SO_RCVBUF: {
		bool send = option == SO_SNDBUF || option == SO_SNDBUFFORCE, force = option == SO_SNDBUFFORCE || option == SO_RCVBUFFORCE;
		*(send ? &o->send_buffer : &o->receive_buffer) = buffer_size(value, send ? SOCKET_SEND_MIN : SOCKET_RECEIVE_MIN, force);
		*(send ? &o->send_buffer_set : &o->receive_buffer_set) = true;
		return 0;
	}
	case SO_PRIORITY:
		if ((value < 0 || value > 6) && !capable(CAP_NET_RAW) && !capable(CAP_NET_ADMIN))
			return -EPERM;
		o->priority = (u32)value;
		return 0;
	case SO_MARK:
		if (!capable(CAP_NET_RAW) && !capable(CAP_NET_ADMIN))
			return -EPERM;
		o->mark = (u32)value;
		return 0;
	case SO_RCVLOWAT:
		o->receive_low = value < 0 ? INT32_MAX : value ? value : 1;
		return 0;
	case SO_BSDCOMPAT: /* of old, and without effect since Linux 2.6 */
		return 0;
	case SO_TIMESTAMP_OLD:
	case SO_TIMESTAMPNS_OLD:
		/* One or the other. */
		o->timestamp = value && option == SO_TIMESTAMP_OLD;
		o->timestamp_ns = value && option == SO_TIMESTAMPNS_OLD;
		return 0;
	case SO_REUSEPORT:
		if (value && s->family != AF_INET && s->family != AF_INET6)
			return -EOPNOTSUPP;
		break;
	case SO_DEBUG:
		if (value && !capable(CAP_NET_ADMIN))
			return -EACCES;
		break;
	}
	bool *flag = flag_of(o, option);
	if (!flag)
		return -ENOPROTOOPT;
	*flag = value != 0;
	return 0;
}

/*
 * Devices belong to the families that have them; the number of one is a later option, which others do not know. Filters are for what comes in packets: not for
 * streams.
 */
static bool is_family(const struct socket *s, int level, int option)
{
	bool inet = s->family == AF_INET || s->family == AF_INET6, filtered = s->family == AF_PACKET || (inet && s->type != SOCK_STREAM);

	if (option == SO_ATTACH_FILTER || option == SO_DETACH_FILTER || option == SO_LOCK_FILTER)
		return level != SOL_SOCKET || filtered;
	return level != SOL_SOCKET || option == SO_BINDTODEVICE || (option == SO_BINDTOIFINDEX && inet);
}

/* SO_PEERNAME: as getpeername(2), but more room than the name needs is EINVAL. */
static long peer_name(struct socket *s, void __user *value, u32 *len)
{
	struct abi_sockaddr name;
	int n = s->ops->name ? s->ops->name(s, &name, true) : -ENOTCONN;

	if (n < 0)
		return -ENOTCONN;
	if ((u32)n < *len)
		return -EINVAL;
	return copy_to_user(value, &name, *len) ? -EFAULT : 0;
}

long sys_setsockopt(int fd, int level, int option, const void __user *value, int len)
{
	int number;

	if (len < 0)
		return -EINVAL;
	struct fdref r = fdref_get(fd, false);
	struct socket *s = r.file ? socket_of(r.file) : NULL;
	long err = r.file ? -ENOTSOCK : -EBADF;
	if (!s)
		goto out;
	if (is_family(s, level, option)) {
		err = s->ops->set_option ? s->ops->set_option(s, level, option, value, (u32)len) : -EOPNOTSUPP;
		goto out;
	}
	err = -EINVAL;
	if ((u32)len < sizeof(number))
		goto out;
	err = -EFAULT;
	if (copy_from_user(&number, value, sizeof(number)))
		goto out;
	if (is_timeout(option)) {
		err = set_timeout(&s->options, option, value, (u32)len);
	} else if (option == SO_LINGER) {
		struct abi_linger linger;
		err = (u32)len < sizeof(linger) ? -EINVAL : copy_from_user(&linger, value, sizeof(linger)) ? -EFAULT : 0;
		if (!err)
			s->options.linger = (struct abi_linger){ linger.onoff != 0, linger.onoff ? linger.linger : s->options.linger.linger };
	} else {
		err = set_option(s, option, number);
	}
	if (!err && s->ops->option_changed)
		s->ops->option_changed(s, option);
out:
	fdref_put(r);
	return err;
}

/* A value of up to 16 bytes into out: its size, or -errno. */
static int get_option(struct socket *s, int option, void *out)
{
	struct socket_options *o = &s->options;
	bool *flag = flag_of(o, option);
	int value;

	if (is_timeout(option)) {
		u64 ns = *timeout_of(o, option);
		struct abi_timeval tv = { 0, 0 };
		if (ns != TIME_NEVER)
			tv = (struct abi_timeval){ (s64)(ns / NSEC_PER_SEC), (s64)(ns % NSEC_PER_SEC / 1000) };
		memcpy(out, &tv, sizeof(tv));
		return sizeof(tv);
	}
	switch (option) {
	case SO_LINGER:
		memcpy(out, &o->linger, sizeof(o->linger));
		return sizeof(o->linger);
	case SO_PEERCRED: {
		struct abi_ucred cred = { 0, -1u, -1u };
		if (s->ops->peer_cred)
			s->ops->peer_cred(s, &cred);
		memcpy(out, &cred, sizeof(cred));
		return sizeof(cred);
	}
	case SO_TYPE: value = s->type; break;
	case SO_DOMAIN: value = s->family; break;
	case SO_PROTOCOL: value = s->protocol; break;
	case SO_ERROR: value = s->ops->error ? s->ops->error(s) : 0; break;
	case SO_ACCEPTCONN: value = s->ops->listening && s->ops->listening(s); break;
	case SO_SNDBUF: value = (int)o->send_buffer; break;
	case SO_RCVBUF: value = (int)o->receive_buffer; break;
	case SO_PRIORITY: value = (int)o->priority; break;
	case SO_MARK: value = (int)o->mark; break;
	case SO_RCVLOWAT: value = o->receive_low; break;
	case SO_COOKIE: {
		u64 cookie = socket_cookie(s->cookie ? s->cookie : &s->own_cookie);
		memcpy(out, &cookie, sizeof(cookie));
		return sizeof(cookie);
	}
	case SO_SNDLOWAT: value = 1; break;
	case SO_BSDCOMPAT: value = 0; break;
	default:
		if (!flag)
			return -ENOPROTOOPT;
		value = *flag;
	}
	memcpy(out, &value, sizeof(value));
	return sizeof(value);
}

long sys_getsockopt(int fd, int level, int option, void __user *value, void __user *len_ptr)
{
	struct fdref r = fdref_get(fd, false);
	struct socket *s = r.file ? socket_of(r.file) : NULL;
	u8 out[16];
	u32 len;
	long err = r.file ? -ENOTSOCK : -EBADF;

	if (!s)
		goto out;
	err = -EFAULT;
	bool family = is_family(s, level, option);
	if (family && !s->ops->get_option) {
		err = -EOPNOTSUPP;
		goto out;
	}
	if (get_user_u32(&len, len_ptr))
		goto out;
	err = -EINVAL;
	if ((s32)len < 0)
		goto out;
	if (family) {
		err = s->ops->get_option(s, level, option, value, &len);
	} else if (option == SO_PEERNAME) {
		err = peer_name(s, value, &len);
	} else {
		err = option == SO_COOKIE && len < sizeof(u64) ? -EINVAL : get_option(s, option, out);
		if (err >= 0) {
			len = MIN(len, (u32)err);
			err = copy_to_user(value, out, len) ? -EFAULT : 0;
		}
	}
	if (!err && put_user_u32(len, len_ptr))
		err = -EFAULT;
out:
	fdref_put(r);
	return err;
}
