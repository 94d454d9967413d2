/* sources: vfs/initramfs.c lib/inflate.c lib/format.c lib/string.c; what the boot loader brought, unpacked onto a file system that forgets */
#include "boot/bootinfo.h"
#include "core/layout.h"
#include "core/printk.h"
#include "lib/string.h"
#include "vfs_priv.h"

struct bootinfo bootinfo;
struct fs_context init_fs;

/* A copy, so that ASan sees its end; kmap_free (host.c) frees it. */
void *kmap_device(paddr_t pa, size_t bytes)
{
	void *copy = bytes ? malloc(bytes) : NULL;

	return copy ? memcpy(copy, (const void *)(pa + DIRECT_BASE), bytes) : NULL;
}
void boot_modules_release(void) {}
void printk_level(enum log_level level __unused, const char *fmt __unused, ...) {}

static u32 mood;

/* Now and then something cannot be made. */
static int made(const char *path)
{
	WANT(path[0] == '/' && strlen(path) <= PATH_MAX);
	mood = mood * 69069 + 1;
	return mood >> 28 ? 0 : mood & 0x100000 ? -ENOSPC : -EEXIST;
}

struct file *file_open(int dirfd __unused, const char *name, u32 flags __unused, u32 mode __unused)
{
	int err = made(name);

	return err ? ERR_PTR(err) : malloc(1);
}

void file_put(struct file *f) { free(f); }

ssize_t file_write_kernel(struct file *f __unused, const void *buf, size_t n, s64 *pos __unused)
{
	u8 sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += ((const volatile u8 *)buf)[i];
	mood += sum;
	return (ssize_t)n - (mood % 97 == 0 && n);
}

int path_lookup(int dirfd __unused, const char *name, u32 flags __unused, struct lookup_result *out)
{
	static struct inode inode;
	static struct dentry dentry = { .inode = &inode };

	inode.mode = mood & 1 ? S_IFDIR : S_IFREG;
	memset(out, 0, sizeof(*out));
	out->path.dentry = &dentry;
	return made(name) ? -ENOENT : 0;
}

void path_put(const struct path *p __unused) {}
int vfs_mkdir(int dirfd __unused, const char *name, u32 mode __unused) { return made(name); }
int vfs_mknod(int dirfd __unused, const char *name, u32 mode __unused, u64 rdev __unused) { return made(name); }
int vfs_unlink(int dirfd __unused, const char *name) { return made(name); }
int vfs_rmdir(int dirfd __unused, const char *name) { return made(name); }
int vfs_link(int a __unused, const char *old, int b __unused, const char *name, u32 flags __unused) { return made(old) ? -ENOENT : made(name); }
int vfs_setattr(const struct path *p __unused, struct iattr *a __unused) { return 0; }

int vfs_symlink(const char *target, int dirfd __unused, const char *name)
{
	WANT(strlen(target) <= PATH_MAX);
	return made(name);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	mood = (u32)size;
	bootinfo.module_count = 1;
	bootinfo.modules[0].base = (paddr_t)data - DIRECT_BASE;
	bootinfo.modules[0].length = size;
	initramfs_unpack();
	return 0;
}
