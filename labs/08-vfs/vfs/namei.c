/*
 * The path walk: from a name like "/usr/../bin/sh" to a place in the tree.
 *
 *        "/usr//lib/x"      start: root for a leading slash, else the directory of dirfd
 *          ^^^  ^^^  ^      one component after the other:
 *                             .          stays
 *                             ..         one up, across mounts, never above root   (path_parent)
 *                             a name     look it up; cross what is mounted there   (dir_lookup, mount_follow_down)
 *                             a link     its text takes the place of the component, and the walk goes on with
 *                                        text + rest, from the link's directory or from root
 *
 * What must hold in each step: the place is a directory (ENOTDIR), one may search it (EACCES), the name is at most
 * NAME_MAX long, it exists (ENOENT), and no more than SYMLINKS_MAX links were followed in all (ELOOP). A name that ends in a
 * slash must be a directory, and a link there is always followed.
 */
#include "vfs/vfs.h"
#include "core/todo.h"
#include "lib/string.h"
#include "mm/slab.h"

/* Walks `name` from *start (mount NULL: from current's root). Flags and errors: vfs.h. Helpers: the block above path_lookup there. */
int path_lookup_from(const struct path *start, const char *name, u32 flags, struct lookup_result *out)
{
	TODO("08-vfs");
}

/* The same from dirfd; a name with a leading slash does not look at dirfd. */
int path_lookup(int dirfd, const char *name, u32 flags, struct lookup_result *out)
{
	TODO("08-vfs");
}
