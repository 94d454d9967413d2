/*
 * Between path_lookup, which a student wrote, and who calls it: the way through the cache that needs no counting (vfs/shortcut.c) is tried first. Only where
 * a distribution is to run, so that in the labs before every path goes through their own walk. The linker leads the calls here (--wrap).
 */
#include "distro_priv.h"
#include "vfs/vfs.h"

int __real_path_lookup(int dirfd, const char *name, u32 flags, struct lookup_result *out);
int __wrap_path_lookup(int dirfd, const char *name, u32 flags, struct lookup_result *out);

int __wrap_path_lookup(int dirfd, const char *name, u32 flags, struct lookup_result *out)
{
	int err = path_shortcut(dirfd, name, flags, out);

	return err == PATH_NOT_TAKEN ? __real_path_lookup(dirfd, name, flags, out) : err;
}
