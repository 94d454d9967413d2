/*
 * The kernel's error numbers to newlib's. 1 to 34 are the same ones in both (they come from V7 Unix);
 * above that every system went its own way, so the rest is a table.
 */
#include "linux.h"

#include <errno.h>

#define LAST_COMMON	34
#define LAST_ERROR	4095

static const unsigned char newlib_errno[] = {
	[35] = EDEADLK, [36] = ENAMETOOLONG, [37] = ENOLCK, [38] = ENOSYS, [39] = ENOTEMPTY, [40] = ELOOP,
	[42] = ENOMSG, [43] = EIDRM, [61] = ENODATA, [62] = ETIME, [71] = EPROTO, [74] = EBADMSG,
	[75] = EOVERFLOW, [84] = EILSEQ, [88] = ENOTSOCK, [89] = EDESTADDRREQ, [90] = EMSGSIZE,
	[91] = EPROTOTYPE, [92] = ENOPROTOOPT, [93] = EPROTONOSUPPORT, [95] = EOPNOTSUPP,
	[96] = EPFNOSUPPORT, [97] = EAFNOSUPPORT, [98] = EADDRINUSE, [99] = EADDRNOTAVAIL, [100] = ENETDOWN,
	[101] = ENETUNREACH, [102] = ENETRESET, [103] = ECONNABORTED, [104] = ECONNRESET, [105] = ENOBUFS,
	[106] = EISCONN, [107] = ENOTCONN, [110] = ETIMEDOUT, [111] = ECONNREFUSED, [112] = EHOSTDOWN,
	[113] = EHOSTUNREACH, [114] = EALREADY, [115] = EINPROGRESS, [116] = ESTALE, [122] = EDQUOT,
	[125] = ECANCELED, [130] = EOWNERDEAD, [131] = ENOTRECOVERABLE,
};

long linux_result(long result)
{
	long error = -result;

	if (result >= 0 || error > LAST_ERROR)
		return result;
	if (error > LAST_COMMON)
		error = (size_t)error < sizeof(newlib_errno) && newlib_errno[error] ? newlib_errno[error] : EIO;
	errno = (int)error;
	return -1;
}
