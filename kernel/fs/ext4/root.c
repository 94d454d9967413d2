/* root=: the file system on a disk that is mounted over the first root, as the command line says. */
#include "ext4_priv.h"

#include "core/cmdline.h"
#include "core/registry.h"
#include "time/time.h"

#define ROOT_WAIT (10 * NSEC_PER_SEC)

static struct block_device *find_root(const char *name)
{
	struct block_device *dev = block_device_by_name(name);
	const char *end;
	u64 number;

	if (dev)
		return dev;
	/* MAJOR:MINOR, or both in one hexadecimal number. */
	number = parse_u64(name, &end, 10);
	if (*end == ':') {
		u64 minor = parse_u64(end + 1, &end, 10);
		return *end ? NULL : block_device_find(abi_makedev((u32)number, (u32)minor));
	}
	number = parse_u64(name, &end, 16);
	return *end || !*name ? NULL : block_device_find(abi_makedev((u32)number >> 8, (u32)number & 255));
}

static int root_mount(const char *device, const char *type, const char *options, bool read_only)
{
	static const char *const types[] = { "ext4", "ext3", "ext2" };
	struct block_device *dev = find_root(device);
	char source[40] = "/dev/";
	int err = -ENODEV;

	if (!dev)
		return -ENODEV;
	strlcat(source, dev->name, sizeof(source));
	vfs_mkdir(AT_FDCWD, "/root", 0700);
	if (*type)
		err = vfs_mount(source, "/root", type, read_only ? MS_RDONLY : 0, options);
	for (size_t k = 0; !*type && k < ARRAY_SIZE(types) && err; k++)
		err = vfs_mount(source, "/root", types[k], read_only ? MS_RDONLY : 0, options);
	if (err)
		return err;
	/* The kernel stands in the new root from now on, and so does the first program. */
	vfs_mount("devtmpfs", "/root/dev", "devtmpfs", 0, "");
	return vfs_enter_root("/root");
}

static int root_init(void)
{
	root_mount_hook = root_mount;
	return 0;
}
SUBSYSTEM(ext4_root, .needs = "ext4", .init = root_init, .stage = "10-disk");
