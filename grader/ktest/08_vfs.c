/* Stage 08: names, and the path walk. */
#include "08_files.h"
#include "core/ktest.h"

#include "core/err.h"
#include "lib/format.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "sched/thread.h"
#include "vfs/vfs.h"
#include "vm/aspace.h"

#define LONG_NAME "a-name-for-which-there-is-no-room-in-the-dentry-itself"

static int walk(const char *name, u32 flags)
{
	return walk_from(AT_FDCWD, name, flags);
}

static u64 ino_of(const char *name, u32 flags)
{
	struct lookup_result r;
	u64 ino;

	if (path_lookup(AT_FDCWD, name, flags, &r))
		return 0;
	ino = r.path.dentry->inode->ino;
	path_put(&r.path);
	return ino;
}

/* Makes the times of a name old, and tells whether something has changed them since. */
static bool times_changed(const char *name, bool mtime_too)
{
	struct kstat st = stat_of(name);
	return st.ctime.sec != 1 && (!mtime_too || st.mtime.sec != 1);
}

static void make_old(const char *name)
{
	struct lookup_result r;

	if (path_lookup(AT_FDCWD, name, 0, &r))
		return;
	r.path.dentry->inode->mtime.sec = r.path.dentry->inode->ctime.sec = 1;
	path_put(&r.path);
}

/* --- the path walk -------------------------------------------------------------------------------------------------- */

KTEST(08, a_path_leads_where_its_names_say)
{
	KREQUIRE(files_begin(""));
	KEXPECT_EQ(vfs_mkdir(AT_FDCWD, TOP "/a", 0755), 0);
	KEXPECT_EQ(vfs_mkdir(AT_FDCWD, TOP "/a/b", 0755), 0);
	KEXPECT_EQ(make_file(TOP "/a/b/f", "x"), 0);
	u64 f = ino_of(TOP "/a/b/f", 0), a = ino_of(TOP "/a", 0), top = ino_of(TOP, 0);

	KEXPECT(f != 0 && a != 0 && f != a);
	KEXPECT_EQ(ino_of("/" TOP "//a/./b/.//f", 0), f);
	KEXPECT_EQ(ino_of(TOP "/a/b/../b/f", 0), f);
	KEXPECT_EQ(ino_of(TOP "/a/b/..", 0), a);
	KEXPECT_EQ(ino_of(TOP "/a/", 0), a);
	KEXPECT_EQ(ino_of(TOP "/a/b/../../../" TOP, 0), top);
	KEXPECT_EQ(ino_of("/../../" TOP "/a", 0), a); /* never above the root */
	KEXPECT_EQ(walk(TOP "/none", 0), -ENOENT);
	KEXPECT_EQ(walk(TOP "/none/..", 0), -ENOENT);
	static const char *const dots[] = { TOP "/a/...", TOP "/a/..x", TOP "/a/.x", TOP "/a/x.." }; /* names like any other */
	for (size_t i = 0; i < ARRAY_SIZE(dots); i++) {
		KEXPECT_EQ(walk(dots[i], 0), -ENOENT);
		KEXPECT_EQ(make_file(dots[i], "x"), 0);
		KEXPECT(S_ISREG(stat_of(dots[i]).mode));
	}
	KEXPECT_EQ(walk(TOP "/a/b/f/g", 0), -ENOTDIR);
	KEXPECT_EQ(walk(TOP "/a/b/f/..", 0), -ENOTDIR);
	KEXPECT_EQ(walk(TOP "/a/b/f/", 0), -ENOTDIR);
	KEXPECT_EQ(walk(TOP "/a/b/f", LOOKUP_DIRECTORY), -ENOTDIR);
	KEXPECT_EQ(walk("", 0), -ENOENT);
	struct lookup_result start, r;
	KREQUIRE(path_lookup(AT_FDCWD, TOP "/a/b/f", 0, &start) == 0);
	KEXPECT_EQ(path_lookup_from(&start.path, "", LOOKUP_EMPTY | LOOKUP_DIRECTORY, &r), -ENOTDIR); /* the start is the end */
	path_put(&start.path);
	files_end();
}

KTEST(08, names_have_a_greatest_length)
{
	char name[300];

	KREQUIRE(files_begin(""));
	strlcpy(name, TOP "/", sizeof(name));
	size_t at = strlen(name);
	memset(name + at, 'n', NAME_MAX);
	name[at + NAME_MAX] = 0;
	KEXPECT_EQ(walk(name, 0), -ENOENT);
	KEXPECT_EQ(make_file(name, ""), 0);
	KEXPECT_EQ(walk(name, 0), 0);
	name[at + NAME_MAX] = 'n';
	name[at + NAME_MAX + 1] = 0;
	KEXPECT_EQ(walk(name, 0), -ENAMETOOLONG);
	files_end();
}

KTEST(08, links_are_followed_in_the_middle_and_at_the_end)
{
	KREQUIRE(files_begin(""));
	vfs_mkdir(AT_FDCWD, TOP "/d", 0755);
	vfs_mkdir(AT_FDCWD, TOP "/d/e", 0755);
	KEXPECT_EQ(make_file(TOP "/d/f", "x"), 0);
	KEXPECT_EQ(vfs_symlink("d", AT_FDCWD, TOP "/rel"), 0);
	KEXPECT_EQ(vfs_symlink(TOP "/d", AT_FDCWD, TOP "/abs"), 0);
	KEXPECT_EQ(vfs_symlink("../d/f", AT_FDCWD, TOP "/d/up"), 0);
	KEXPECT_EQ(vfs_symlink("none", AT_FDCWD, TOP "/dangling"), 0);
	KEXPECT_EQ(vfs_symlink("d/e/", AT_FDCWD, TOP "/slash"), 0);
	KEXPECT_EQ(vfs_symlink("/", AT_FDCWD, TOP "/root"), 0);
	u64 f = ino_of(TOP "/d/f", 0), d = ino_of(TOP "/d", 0);

	KEXPECT_EQ(ino_of(TOP "/rel/f", 0), f);
	KEXPECT_EQ(ino_of(TOP "/abs/f", 0), f);
	KEXPECT_EQ(ino_of(TOP "/rel/up", LOOKUP_FOLLOW), f);
	KEXPECT_EQ(ino_of(TOP "/slash/../f", 0), f); /* `..` is that of the place, not of the link */
	KEXPECT_EQ(ino_of(TOP "/root" TOP "/d/f", 0), f);
	KEXPECT_EQ(ino_of(TOP "/rel", LOOKUP_FOLLOW), d);
	KEXPECT(ino_of(TOP "/rel", 0) != d);
	/* From link to link: what stands behind the second one is in the text of the first. */
	KEXPECT_EQ(vfs_symlink("rel", AT_FDCWD, TOP "/a"), 0);
	KEXPECT_EQ(vfs_symlink("a", AT_FDCWD, TOP "/b"), 0);
	KEXPECT_EQ(ino_of(TOP "/b/f", 0), f);
	KEXPECT_EQ(ino_of(TOP "/b/e/../f", 0), f);
	KEXPECT_EQ(ino_of(TOP "/rel/", 0), d); /* a slash at the end: always */
	KEXPECT_EQ(walk(TOP "/dangling", 0), 0);
	KEXPECT_EQ(walk(TOP "/dangling", LOOKUP_FOLLOW), -ENOENT);
	KEXPECT_EQ(walk(TOP "/d/up/x", 0), -ENOTDIR);
	/* Where a walk starts from a place, a slash still means the root: so open makes the file that a link names. */
	KEXPECT_EQ(vfs_symlink(TOP "/d/new", AT_FDCWD, TOP "/d/e/far"), 0);
	KEXPECT_EQ(make_file(TOP "/d/e/far", "x"), 0);
	KEXPECT(ino_of(TOP "/d/new", 0) != 0);
	files_end();
}

KTEST(08, a_chain_of_links_ends_after_forty)
{
	char name[32], target[32];

	KREQUIRE(files_begin(""));
	KEXPECT_EQ(make_file(TOP "/0", "x"), 0);
	for (int i = 1; i <= SYMLINKS_MAX + 1; i++) {
		ksnprintf(name, sizeof(name), TOP "/%d", i);
		ksnprintf(target, sizeof(target), "%d", i - 1);
		KEXPECT_EQ(vfs_symlink(target, AT_FDCWD, name), 0);
	}
	KEXPECT_EQ(ino_of(TOP "/40", LOOKUP_FOLLOW), ino_of(TOP "/0", 0));
	KEXPECT_EQ(walk(TOP "/41", LOOKUP_FOLLOW), -ELOOP);
	KEXPECT_EQ(vfs_symlink("loop", AT_FDCWD, TOP "/loop"), 0);
	KEXPECT_EQ(walk(TOP "/loop", LOOKUP_FOLLOW), -ELOOP);
	KEXPECT_EQ(walk(TOP "/loop/x", 0), -ELOOP);
	KEXPECT_EQ(walk(TOP "/loop", 0), 0);
	/* All of a walk count, also where it comes through real places between them. */
	char far[sizeof(TOP "/d") + (SYMLINKS_MAX + 1) * 2] = TOP "/d";
	vfs_mkdir(AT_FDCWD, TOP "/d", 0755);
	KEXPECT_EQ(vfs_symlink("../d", AT_FDCWD, TOP "/d/l"), 0);
	for (int i = 0; i < SYMLINKS_MAX; i++)
		strlcpy(far + strlen(far), "/l", 3);
	KEXPECT_EQ(walk(far, LOOKUP_FOLLOW), 0);
	strlcpy(far + strlen(far), "/l", 3);
	KEXPECT_EQ(walk(far, LOOKUP_FOLLOW), -ELOOP);
	files_end();
}

/* Leads to one place without a text, as the links of /proc/PID/fd do. */
static struct path jump_to;
static int jump(struct inode *inode __unused, struct path *out)
{
	*out = jump_to;
	path_get(out);
	return 0;
}

KTEST(08, links_that_jump_and_links_that_are_not_followed)
{
	static const struct inode_ops jumping = { .jump_link = jump };
	const struct inode_ops *saved;
	struct lookup_result r, link;

	KREQUIRE(files_begin(""));
	vfs_mkdir(AT_FDCWD, TOP "/d", 0755);
	make_file(TOP "/d/f", "x");
	u64 d = ino_of(TOP "/d", 0), f = ino_of(TOP "/d/f", 0);

	vfs_symlink("none", AT_FDCWD, TOP "/jump");
	KREQUIRE(path_lookup(AT_FDCWD, TOP "/d", 0, &r) == 0 && path_lookup(AT_FDCWD, TOP "/jump", 0, &link) == 0);
	jump_to = r.path;
	saved = link.path.dentry->inode->ops;
	link.path.dentry->inode->ops = &jumping;
	KEXPECT_EQ(ino_of(TOP "/jump", LOOKUP_FOLLOW), d);
	KEXPECT_EQ(ino_of(TOP "/jump/f", 0), f);
	KEXPECT(ino_of(TOP "/jump", 0) != d);
	link.path.dentry->inode->ops = saved;
	path_put(&link.path);
	/* They are links: they count, and there are mounts where they are not followed. */
	vfs_symlink("none", AT_FDCWD, TOP "/d/j");
	KREQUIRE(path_lookup(AT_FDCWD, TOP "/d/j", 0, &link) == 0);
	link.path.dentry->inode->ops = &jumping;
	char name[sizeof(TOP "/d") + 2 * SYMLINKS_MAX + 4] = TOP "/d";
	for (u32 i = 0; i < SYMLINKS_MAX; i++)
		strlcpy(name + sizeof(TOP "/d") - 1 + 2 * i, "/j", 3);
	KEXPECT_EQ(ino_of(name, LOOKUP_FOLLOW), d);
	strlcpy(name + sizeof(TOP "/d") - 1 + 2 * SYMLINKS_MAX, "/j", 3);
	KEXPECT_EQ(walk(name, LOOKUP_FOLLOW), -ELOOP);
	link.path.mount->flags |= MS_NOSYMFOLLOW;
	KEXPECT_EQ(walk(TOP "/d/j", LOOKUP_FOLLOW), -ELOOP);
	KEXPECT_EQ(walk(TOP "/d/j/f", 0), -ELOOP);
	link.path.mount->flags &= ~MS_NOSYMFOLLOW;
	link.path.dentry->inode->ops = saved;
	path_put(&link.path);
	path_put(&r.path);

	/* A stranger's link in a directory like /tmp may be a trap. */
	vfs_mkdir(AT_FDCWD, TOP "/tmp", 0755);
	vfs_symlink("../d", AT_FDCWD, TOP "/tmp/l");
	KREQUIRE(path_lookup(AT_FDCWD, TOP "/tmp", 0, &r) == 0 && path_lookup(AT_FDCWD, TOP "/tmp/l", 0, &link) == 0);
	r.path.dentry->inode->mode |= 01777;
	link.path.dentry->inode->uid = 1000;
	KEXPECT_EQ(walk(TOP "/tmp/l", LOOKUP_FOLLOW), -EACCES);
	KEXPECT_EQ(walk(TOP "/tmp/l/", 0), -EACCES);
	KEXPECT_EQ(walk(TOP "/tmp/l", 0), 0);
	KEXPECT_EQ(ino_of(TOP "/tmp/l/f", 0), f); /* in the middle nobody asks */
	path_put(&link.path);
	path_put(&r.path);

	vfs_mkdir(AT_FDCWD, TOP "/m", 0755);
	KEXPECT_EQ(vfs_mount("in", TOP "/m", "tmpfs", MS_NOSYMFOLLOW, ""), 0);
	KEXPECT_EQ(vfs_symlink("..", AT_FDCWD, TOP "/m/l"), 0);
	KEXPECT_EQ(walk(TOP "/m/l", LOOKUP_FOLLOW), -ELOOP);
	KEXPECT_EQ(walk(TOP "/m/l/d", 0), -ELOOP);
	KEXPECT_EQ(walk(TOP "/m/l", 0), 0);
	KEXPECT_EQ(vfs_umount(TOP "/m", 0), 0);
	files_end();
}

KTEST(08, the_parent_of_a_name_is_found)
{
	static const struct {
		const char *name, *last;
		int type;
		bool slash;
	} cases[] = {
		{ TOP "/d/new", "new", LAST_NORMAL, false }, { TOP "/d/new//", "new", LAST_NORMAL, true },
		{ TOP "/l/new", "new", LAST_NORMAL, false }, { TOP "/d/.", ".", LAST_DOT, false }, { TOP "/d/..", "..", LAST_DOTDOT, false },
		{ TOP "/d/.x", ".x", LAST_NORMAL, false }, { TOP "/d/x.", "x.", LAST_NORMAL, false }, { TOP "/d/...", "...", LAST_NORMAL, false },
	};
	struct lookup_result r;

	KREQUIRE(files_begin(""));
	vfs_mkdir(AT_FDCWD, TOP "/d", 0755);
	vfs_symlink(TOP "/d/", AT_FDCWD, TOP "/l");
	u64 d = ino_of(TOP "/d", 0);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (!KEXPECT_EQ(path_lookup(AT_FDCWD, cases[i].name, LOOKUP_PARENT, &r), 0))
			continue;
		KEXPECT_EQ(r.path.dentry->inode->ino, d);
		KEXPECT_EQ(r.last_type, cases[i].type);
		KEXPECT_EQ(r.last_len, strlen(cases[i].last));
		KEXPECT_EQ(r.trailing_slash, cases[i].slash);
		KEXPECT(r.last >= cases[i].name && r.last < cases[i].name + strlen(cases[i].name));
		KEXPECT(!memcmp(r.last, cases[i].last, r.last_len));
		path_put(&r.path);
	}
	KEXPECT_EQ(walk(TOP "/none/new", LOOKUP_PARENT), -ENOENT);
	for (size_t i = 1; i <= 3; i++) { /* the root has no name */
		KREQUIRE(path_lookup(AT_FDCWD, &"///"[3 - i], LOOKUP_PARENT, &r) == 0);
		KEXPECT_EQ(r.last_type, LAST_ROOT);
		KEXPECT_EQ(r.last_len, 0);
		path_put(&r.path);
	}
	files_end();
}

KTEST(08, mounts_are_crossed_both_ways)
{
	KREQUIRE(files_begin(""));
	vfs_mkdir(AT_FDCWD, TOP "/m", 0755);
	make_file(TOP "/m/hidden", "x");
	u64 top = ino_of(TOP, 0);
	KEXPECT_EQ(vfs_mount("in", TOP "/m", "tmpfs", 0, ""), 0);
	KEXPECT_EQ(walk(TOP "/m/hidden", 0), -ENOENT);
	KEXPECT_EQ(make_file(TOP "/m/seen", "x"), 0);
	KEXPECT_EQ(ino_of(TOP "/m/..", 0), top);
	KEXPECT_EQ(ino_of(TOP "/m/../m/seen", 0), ino_of(TOP "/m/seen", 0));
	KEXPECT_EQ(vfs_umount(TOP, 0), -EBUSY);
	KEXPECT_EQ(vfs_umount(TOP "/m", 0), 0);
	KEXPECT_EQ(walk(TOP "/m/hidden", 0), 0);
	files_end();
}

/* --- names ------------------------------------------------------------------------------------------------------------ */

/*
 * Operations at random on six names in three directories, next to a model that knows which name leads where. After each one
 * every count, every size and every time has to be what the model says.
 */
enum { SLOTS = 6, HOMES = 3, OPERATIONS = 400 };
static const char *const homes[HOMES] = { TOP, TOP "/x", TOP "/y" };
static const char *const slots[SLOTS] = { TOP "/a", TOP "/b", TOP "/x/a", TOP "/x/b", TOP "/y/a", TOP "/y/b" };
static struct { u64 ino; bool dir; } model[SLOTS]; /* ino 0: nothing */

enum { DO_MKDIR, DO_MKNOD, DO_LINK, DO_UNLINK, DO_RMDIR, DO_RENAME, DO_EXCHANGE, DO_COUNT };

static int operate(u32 op, const char *from, const char *to)
{
	switch (op) {
	case DO_MKDIR: return vfs_mkdir(AT_FDCWD, to, 0755);
	case DO_MKNOD: return vfs_mknod(AT_FDCWD, to, S_IFREG | 0644, 0);
	case DO_LINK: return vfs_link(AT_FDCWD, from, AT_FDCWD, to, 0);
	case DO_UNLINK: return vfs_unlink(AT_FDCWD, to);
	case DO_RMDIR: return vfs_rmdir(AT_FDCWD, to);
	default: return vfs_rename(AT_FDCWD, from, AT_FDCWD, to, op == DO_EXCHANGE ? RENAME_EXCHANGE : 0);
	}
}

static bool should_work(u32 op, u32 from, u32 to)
{
	bool there = model[to].ino, source = model[from].ino;

	switch (op) {
	case DO_MKDIR:
	case DO_MKNOD: return !there;
	case DO_LINK: return source && !model[from].dir && !there;
	case DO_UNLINK: return there && !model[to].dir;
	case DO_RMDIR: return there && model[to].dir;
	case DO_RENAME: return source && (!there || model[from].dir == model[to].dir);
	default: return source && there;
	}
}

/* Carries a success out in the model. touched: bits of the slots' homes whose names changed; *old: an inode that lost a name. */
static u32 follow_in_model(u32 op, u32 from, u32 to, u64 *old)
{
	u32 touched = 1u << to / 2;
	bool two = op == DO_RENAME || op == DO_EXCHANGE;

	*old = 0;
	if (two && model[from].ino == model[to].ino)
		return 0; /* two names of one file: nothing is done */
	if (two)
		touched |= 1u << from / 2;
	if (op != DO_EXCHANGE)
		*old = model[to].ino;
	if (op == DO_UNLINK || op == DO_RMDIR) {
		model[to].ino = 0;
	} else if (op == DO_MKDIR || op == DO_MKNOD) {
		model[to].ino = ino_of(slots[to], 0);
		model[to].dir = op == DO_MKDIR;
	} else {
		typeof(model[0]) moved = model[to];
		model[to] = model[from];
		if (op == DO_EXCHANGE)
			model[from] = moved;
		else if (op == DO_RENAME)
			model[from].ino = 0;
	}
	return touched;
}

static bool as_in_model(u32 touched, u64 old, u64 first, u64 second)
{
	bool good = true;

	for (u32 h = 0; h < HOMES; h++) {
		struct kstat st = stat_of(homes[h]);
		u32 names = h ? 0 : 2, dirs = names; /* x and y */
		for (u32 i = 2 * h; i < 2 * h + 2; i++) {
			names += model[i].ino != 0;
			dirs += model[i].ino && model[i].dir;
		}
		good &= KEXPECT_EQ(st.nlink, 2 + dirs);
		good &= KEXPECT_EQ(st.size, 20 * (2 + names));
		good &= KEXPECT_EQ(st.mtime.sec != 1, touched >> h & 1);
		good &= KEXPECT_EQ(st.ctime.sec != 1, touched >> h & 1);
	}
	for (u32 i = 0; i < SLOTS; i++) {
		struct kstat st = stat_of(slots[i]);
		u32 names = 0;
		for (u32 k = 0; k < SLOTS; k++)
			names += model[k].ino == model[i].ino;
		good &= KEXPECT_EQ(st.ino, model[i].ino);
		if (!model[i].ino)
			continue;
		good &= KEXPECT_EQ(st.nlink, model[i].dir ? 2 : names);
		good &= KEXPECT_EQ(S_ISDIR(st.mode), model[i].dir);
		good &= KEXPECT_EQ(st.ctime.sec != 1, st.ino == old || st.ino == first || st.ino == second);
	}
	return good;
}

static void counts_follow_a_model(void)
{
	u32 seed = 8;

	vfs_mkdir(AT_FDCWD, homes[1], 0755);
	vfs_mkdir(AT_FDCWD, homes[2], 0755);
	memset(model, 0, sizeof(model));
	for (u32 n = 0; n < OPERATIONS; n++) {
		seed = seed * 1664525 + 1013904223;
		u32 op = (seed >> 8) % DO_COUNT, from = (seed >> 14) % SLOTS, to = (seed >> 21) % SLOTS, touched = 0;
		bool works = should_work(op, from, to);
		u64 old = 0, first = 0, second = 0;
		for (u32 i = 0; i < HOMES; i++)
			make_old(homes[i]);
		for (u32 i = 0; i < SLOTS; i++)
			make_old(slots[i]);
		int err = operate(op, slots[from], slots[to]);
		bool good = KEXPECT_EQ(err == 0, works);
		if (works && !err)
			touched = follow_in_model(op, from, to, &old);
		if (touched) {
			first = model[to].ino;
			second = op == DO_EXCHANGE ? model[from].ino : 0;
		}
		if (!good || !as_in_model(touched, old, first, second)) {
			ktest_note("the operation's number", n);
			ktest_note("what it was", op);
			break;
		}
	}
	for (u32 i = 0; i < SLOTS; i++)
		if (model[i].ino)
			operate(model[i].dir ? DO_RMDIR : DO_UNLINK, NULL, slots[i]);
	vfs_rmdir(AT_FDCWD, homes[1]);
	vfs_rmdir(AT_FDCWD, homes[2]);
}

KTEST(08, link_counts_tell_how_many_names_there_are)
{
	KREQUIRE(files_begin(""));
	u32 top = stat_of(TOP).nlink;
	KEXPECT_EQ(top, 2);
	vfs_mkdir(AT_FDCWD, TOP "/d", 0755);
	KEXPECT_EQ(stat_of(TOP "/d").nlink, 2);
	KEXPECT_EQ(stat_of(TOP).nlink, 3);
	vfs_mkdir(AT_FDCWD, TOP "/d/e", 0755);
	KEXPECT_EQ(stat_of(TOP "/d").nlink, 3);
	make_file(TOP "/f", "x");
	KEXPECT_EQ(stat_of(TOP "/f").nlink, 1);
	make_old(TOP "/f");
	make_old(TOP "/d");
	KEXPECT_EQ(vfs_link(AT_FDCWD, TOP "/f", AT_FDCWD, TOP "/d/g", 0), 0);
	KEXPECT(times_changed(TOP "/f", false) && times_changed(TOP "/d", true));
	KEXPECT_EQ(stat_of(TOP "/f").nlink, 2);
	make_old(TOP "/f");
	make_old(TOP);
	KEXPECT_EQ(stat_of(TOP "/d/g").ino, stat_of(TOP "/f").ino);
	KEXPECT_EQ(vfs_unlink(AT_FDCWD, TOP "/f"), 0);
	KEXPECT_EQ(stat_of(TOP "/d/g").nlink, 1);
	KEXPECT(times_changed(TOP "/d/g", false) && times_changed(TOP, true));
	KEXPECT_EQ(vfs_rmdir(AT_FDCWD, TOP "/d"), -ENOTEMPTY);
	KEXPECT_EQ(vfs_unlink(AT_FDCWD, TOP "/d/g"), 0);
	KEXPECT_EQ(vfs_rmdir(AT_FDCWD, TOP "/d"), -ENOTEMPTY);
	KEXPECT_EQ(vfs_rmdir(AT_FDCWD, TOP "/d/e"), 0);
	KEXPECT_EQ(stat_of(TOP "/d").nlink, 2);
	KEXPECT_EQ(vfs_rmdir(AT_FDCWD, TOP "/d"), 0);
	KEXPECT_EQ(stat_of(TOP).nlink, 2);
	KEXPECT_EQ(stat_of(TOP).size, 40);
	counts_follow_a_model();
	files_end();
}

KTEST(08, rename_moves_replaces_and_exchanges)
{
	KREQUIRE(files_begin(""));
	vfs_mkdir(AT_FDCWD, TOP "/a", 0755);
	vfs_mkdir(AT_FDCWD, TOP "/b", 0755);
	vfs_mkdir(AT_FDCWD, TOP "/a/d", 0755);
	make_file(TOP "/a/f", "f");
	make_file(TOP "/b/g", "g");
	u64 f = ino_of(TOP "/a/f", 0), g = ino_of(TOP "/b/g", 0), d = ino_of(TOP "/a/d", 0);

	KEXPECT_EQ(vfs_rename(AT_FDCWD, TOP "/a/f", AT_FDCWD, TOP "/b/g", RENAME_EXCHANGE), 0);
	KEXPECT_EQ(ino_of(TOP "/a/f", 0), g);
	KEXPECT_EQ(ino_of(TOP "/b/g", 0), f);
	KEXPECT_EQ(vfs_rename(AT_FDCWD, TOP "/a/f", AT_FDCWD, TOP "/b/g", RENAME_NOREPLACE), -EEXIST);
	KEXPECT_EQ(vfs_rename(AT_FDCWD, TOP "/a/f", AT_FDCWD, TOP "/b/g", 0), 0);
	KEXPECT_EQ(ino_of(TOP "/b/g", 0), g);
	KEXPECT_EQ(walk(TOP "/a/f", 0), -ENOENT);
	KEXPECT_EQ(vfs_rename(AT_FDCWD, TOP "/b/g", AT_FDCWD, TOP "/" LONG_NAME, 0), 0);
	KEXPECT_EQ(ino_of(TOP "/" LONG_NAME, 0), g);
	KEXPECT_EQ(vfs_rename(AT_FDCWD, TOP "/" LONG_NAME, AT_FDCWD, TOP "/b/g", 0), 0);
	KEXPECT_EQ(ino_of(TOP "/b/g", 0), g);
	make_old(TOP "/a");
	make_old(TOP "/b");
	make_old(TOP "/a/d");
	KEXPECT_EQ(vfs_rename(AT_FDCWD, TOP "/a/d", AT_FDCWD, TOP "/b/e", 0), 0);
	KEXPECT(times_changed(TOP "/a", true) && times_changed(TOP "/b", true) && times_changed(TOP "/b/e", false));
	KEXPECT_EQ(ino_of(TOP "/b/e", 0), d);
	KEXPECT_EQ(ino_of(TOP "/b/e/..", 0), ino_of(TOP "/b", 0));
	KEXPECT_EQ(stat_of(TOP "/a").nlink, 2);
	KEXPECT_EQ(stat_of(TOP "/b").nlink, 3);
	KEXPECT_EQ(stat_of(TOP "/a").size, 40);
	KEXPECT_EQ(stat_of(TOP "/b").size, 80);
	KEXPECT_EQ(vfs_rename(AT_FDCWD, TOP "/b", AT_FDCWD, TOP "/b/e/x", 0), -EINVAL);
	KEXPECT_EQ(vfs_rename(AT_FDCWD, TOP "/a", AT_FDCWD, TOP "/b", 0), -ENOTEMPTY);
	KEXPECT_EQ(vfs_rename(AT_FDCWD, TOP "/a", AT_FDCWD, TOP "/b/e", 0), 0); /* an empty directory is replaced */
	KEXPECT_EQ(stat_of(TOP).nlink, 3);
	KEXPECT_EQ(vfs_rename(AT_FDCWD, TOP "/b/g", AT_FDCWD, TOP "/b/e", 0), -EISDIR);
	files_end();
}

KTEST(08, a_file_lives_as_long_as_it_is_open)
{
	char back[8];
	struct file *f;
	s64 pos = 0;

	KREQUIRE(files_begin(""));
	KEXPECT_EQ(make_file(TOP "/f", "still"), 0);
	f = file_open(AT_FDCWD, TOP "/f", O_RDONLY, 0);
	KREQUIRE(!IS_ERR(f));
	KEXPECT_EQ(vfs_unlink(AT_FDCWD, TOP "/f"), 0);
	KEXPECT_EQ(walk(TOP "/f", 0), -ENOENT);
	KEXPECT_EQ(make_file(TOP "/f", "other"), 0);
	KEXPECT_EQ(file_read_kernel(f, back, 8, &pos), 5);
	KEXPECT(!memcmp(back, "still", 5));
	KEXPECT_EQ(f->inode->nlink, 0);
	KEXPECT_EQ(vfs_umount(TOP, 0), -EBUSY);
	file_put(f);
	files_end();
}

struct names {
	struct dir_context context;
	u32 count, room;
	char last[32];
};
static bool take_name(struct dir_context *c, const char *name, size_t len, u64 ino __unused, u8 type __unused, u64 next __unused)
{
	struct names *n = container_of(c, struct names, context);

	if (n->count == n->room)
		return false;
	n->count++;
	memcpy(n->last, name, MIN(len, sizeof(n->last) - 1));
	n->last[MIN(len, sizeof(n->last) - 1)] = 0;
	return true;
}

KTEST(08, a_directory_is_read_to_its_end_while_names_go)
{
	const u32 total = 500;
	char name[40];
	struct file *f;
	u32 seen = 0;

	KREQUIRE(files_begin(""));
	vfs_mkdir(AT_FDCWD, TOP "/d", 0755);
	for (u32 i = 0; i < total; i++) {
		ksnprintf(name, sizeof(name), TOP "/d/%u", i);
		KEXPECT_EQ(make_file(name, ""), 0);
	}
	KEXPECT_EQ(stat_of(TOP "/d").size, 40 + 20 * total);
	f = file_open(AT_FDCWD, TOP "/d", O_RDONLY | O_DIRECTORY, 0);
	KREQUIRE(!IS_ERR(f));
	for (;;) {
		struct names n = { .context.emit = take_name, .room = 1 };
		KEXPECT_EQ(f->ops->readdir(f, &n.context), 0);
		if (!n.count)
			break;
		if (n.last[0] == '.')
			continue;
		seen++;
		ksnprintf(name, sizeof(name), TOP "/d/%s", n.last);
		KEXPECT_EQ(vfs_unlink(AT_FDCWD, name), 0);
	}
	KEXPECT_EQ(seen, total);
	file_put(f);
	KEXPECT_EQ(vfs_rmdir(AT_FDCWD, TOP "/d"), 0);
	files_end();
}
