/* stage: 13; libc: glibc; run: guest+golden
 * Secure bits: what a lock forbids, KEEP_CAPS that is one of them, capabilities that a change of user keeps, ambient ones. As root; a later Linux knows more bits. */
#include "t.h"
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>

static void capabilities(const char *when)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];

	NEED(SYS(capget, &head, data) == 0);
	say("%s: effective %s, permitted %s, bits %#x, kept %d\n", when, data[0].effective ? "some" : "none", data[0].permitted ? "some" : "none",
	    prctl(PR_GET_SECUREBITS), prctl(PR_GET_KEEPCAPS));
}

int main(void)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];

	IN_CHILD("locks") {
		for (int bit = 0; bit < 8; bit += 2) {
			R(prctl(PR_SET_SECUREBITS, 1 << bit));
			R(prctl(PR_SET_SECUREBITS, 0));
		}
		R(prctl(PR_SET_SECUREBITS, 0x100));
		R(prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED));
		R(prctl(PR_SET_SECUREBITS, SECBIT_NOROOT_LOCKED));
		R(prctl(PR_SET_SECUREBITS, SECBIT_NOROOT));
		R(prctl(PR_SET_SECUREBITS, 0));
		R(prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP_LOCKED));
		R(prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_NO_SETUID_FIXUP));
		X(prctl(PR_GET_SECUREBITS));
	}
	IN_CHILD("kept") {
		R(prctl(PR_SET_KEEPCAPS, 1));
		X(prctl(PR_GET_SECUREBITS));
		R(prctl(PR_SET_KEEPCAPS, 2));
		R(prctl(PR_SET_KEEPCAPS, 0));
		R(prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS | SECBIT_KEEP_CAPS_LOCKED));
		R(prctl(PR_SET_KEEPCAPS, 0));
		R(prctl(PR_SET_KEEPCAPS, 1));
		NEED(setuid(1000) == 0);
		capabilities("another user, capabilities kept");
	}
	IN_CHILD("not kept") {
		NEED(setuid(1000) == 0);
		capabilities("another user");
		R(prctl(PR_SET_SECUREBITS, SECBIT_NOROOT));
		R(prctl(PR_SET_KEEPCAPS, 1));
		X(prctl(PR_GET_SECUREBITS));
	}
	IN_CHILD("no fix-up") {
		R(prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP));
		NEED(setuid(1000) == 0);
		capabilities("another user, no fix-up");
	}
	IN_CHILD("ambient") {
		NEED(SYS(capget, &head, data) == 0);
		data[0].inheritable |= 1 << CAP_CHOWN;
		NEED(SYS(capset, &head, data) == 0);
		R(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0));
		R(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, CAP_CHOWN, 0, 0));
		R(prctl(PR_SET_SECUREBITS, SECBIT_NO_CAP_AMBIENT_RAISE));
		R(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0));
	}
	return 0;
}
