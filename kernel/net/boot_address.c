/*
 * `ip=` on the kernel's command line: ip=ADDRESS/BITS, or Linux's ip=ADDRESS:SERVER:GATEWAY:MASK:NAME:DEVICE, in which parts may be empty.
 * Others (ip=dhcp, ip=off) are left to user space, which reads /proc/cmdline.
 */
#include "core/cmdline.h"
#include "core/printk.h"
#include "core/registry.h"
#include "inet_priv.h"
#include "lib/string.h"

CMDLINE_PARAM(ip, "ip");

/* a.b.c.d at *at, which moves behind it; false: there is none. */
static bool take_address(const char **at, u32 *out)
{
	u8 bytes[4];

	for (int i = 0; i < 4; i++) {
		const char *end;
		if (**at < '0' || **at > '9')
			return false;
		u64 n = parse_u64(*at, &end, 10);
		if (n > 255 || (i < 3 && *end != '.'))
			return false;
		bytes[i] = (u8)n;
		*at = i < 3 ? end + 1 : end;
	}
	memcpy(out, bytes, 4);
	return true;
}

/* The part number n of a row with colons between. */
static const char *part(const char *text, int n)
{
	for (; n; n--) {
		text = strchr(text, ':');
		if (!text)
			return "";
		text++;
	}
	return text;
}

static int boot_address_init(void)
{
	char text[160], name[IFNAMSIZ];
	struct ip_address a = { 0 };
	u32 gateway = 0;

	if (cmdline_get("ip", text, sizeof(text)))
		return 0;
	const char *at = text;
	if (!take_address(&at, &a.address))
		return 0;
	if (*at == '/')
		a.mask = be32((u32)(~0ul << (32 - MIN(parse_u64(at + 1, &at, 10), 32ul))));
	const char *where = part(text, 2);
	take_address(&where, &gateway);
	where = part(text, 3);
	take_address(&where, &a.mask);
	if (!a.mask)
		a.mask = 0x00ffffff;
	strlcpy(name, part(text, 5), sizeof(name));
	char *colon = strchr(name, ':');
	if (colon)
		*colon = 0;
	struct netdev *d = netdev_by_name(name[0] ? name : "eth0");
	if (!d) {
		pr_warn("ip=: there is no such device\n");
		return 0;
	}
	if (d->flags & IFF_BROADCAST)
		a.broadcast = a.address | ~a.mask;
	int err = netdev_set_flags(loopback, loopback->flags | IFF_UP);
	if (!err)
		err = netdev_set_flags(d, d->flags | IFF_UP);
	if (!err)
		err = netdev_set_address(d, 0, &a);
	if (!err && gateway) {
		struct route r = { .gateway = gateway, .dev = d, .flags = RTF_GATEWAY, .protocol = 4 };
		err = route_add(&r);
	}
	return err;
}
SUBSYSTEM(boot_address, .needs = "net virtio_net e1000", .init = boot_address_init, .stage = "11-net");
