/* sources: vfs/namei.c lib/string.c; path names in a small tree of folders and links; the oracle is the host's own path walk in the same tree */
#include "abi/errno.h"
#include "core/err.h"
#include "lib/string.h"
#include "vfs/vfs.h"
#include "mm/slab.h"

/*
 * The tree, in memory and in a folder of the host. A path is made of its names, so that walks go far; each reference that the walk
 * takes is counted, and all must be back.
 */
enum { CHAIN = 45 };
static struct node { const char *path; const char *link; bool folder; } tree[32 + CHAIN] = {
	{ "", NULL, true }, { "a", NULL, true }, { "a/b", NULL, true }, { "a/b/c", NULL, true }, { "d", NULL, true }, { "f", NULL, false },
	{ "a/f", NULL, false }, { "a/b/f", NULL, false }, { "l", "f", false }, { "la", "a", false }, { "lb", "a/b/", false }, { "a/up", "..", false },
	{ "a/b/up", "../..", false }, { "abs", "/a", false }, { "loop", "loop", false }, { "p", "q", false }, { "q", "p", false },
	{ "dangling", "nothing", false }, { "far", "a/b/../../la/b/up/lb/c", false }, { "fs", "f/", false }, { "d/rel", "../a/b/c", false },
	{ "top", "/", false }, { "dot", ".", false }, { "d/much", "../../../../../a", false },
};
enum { PLAIN = 24 };
static struct dentry dentries[ARRAY_SIZE(tree)], missing;
static struct inode inodes[ARRAY_SIZE(tree)];
static u64 host_ino[ARRAY_SIZE(tree)];
static struct mount mount;
static unsigned count;
static long held;
static int host_root = -1;

extern int mkdir(const char *path, u32 mode);
extern int symlink(const char *target, const char *path);
extern int open(const char *path, int flags, ...);
extern int close(int fd);
extern char *mkdtemp(char *pattern);
extern long syscall(long number, ...);
extern int *__errno_location(void);
extern int atexit(void (*fn)(void));
extern int system(const char *command);

static char host_dir[] = "/tmp/fuzz-path-XXXXXX";

static void clean_up(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", host_dir);
	if (system(command))
		fprintf(stderr, "%s is left\n", host_dir);
}

/* st_ino is the second word of struct stat. */
static u64 inode_number(int fd)
{
	u64 st[18];

	return syscall(5 /* fstat */, fd, st) ? 0 : st[1];
}

/* openat2(2): EAGAIN while somebody on this machine renames or mounts, and `..` could not be proved to stay inside: to be asked again. */
static long host_open(const char *path, u32 flags)
{
	struct { u64 flags, mode, resolve; } how = { 010000000 | 02000000 | (flags & LOOKUP_FOLLOW ? 0 : 0400000) | (flags & LOOKUP_DIRECTORY ? 0200000 : 0), 0,
						     0x10 /* RESOLVE_IN_ROOT */ };
	long fd;

	do {
		fd = syscall(437 /* openat2 */, host_root, path, &how, sizeof(how));
	} while (fd < 0 && *__errno_location() == EAGAIN);
	return fd < 0 ? -*__errno_location() : fd;
}

static struct dentry *find(const char *path, size_t len)
{
	for (unsigned i = 0; i < count; i++)
		if (strlen(tree[i].path) == len && !memcmp(tree[i].path, path, len))
			return &dentries[i];
	return NULL;
}

static void plant(void)
{
	static char names[CHAIN][2][16];
	char path[128];

	for (count = 0; count < PLAIN; count++)
		;
	for (int i = 0; i < CHAIN; i++, count++) {
		snprintf(names[i][0], 16, "c%d", i);
		snprintf(names[i][1], 16, i == CHAIN - 1 ? "a" : "c%d", i + 1);
		tree[count] = (struct node){ names[i][0], names[i][1], false };
	}
	WANT(mkdtemp(host_dir));
	atexit(clean_up);
	host_root = open(host_dir, 0200000 /* O_DIRECTORY */);
	for (unsigned i = 0; i < count; i++) {
		const char *slash = strrchr(tree[i].path, '/');
		inodes[i].mode = tree[i].link ? S_IFLNK | 0777 : tree[i].folder ? S_IFDIR | 0755 : S_IFREG | 0644;
		inodes[i].private = (void *)tree[i].link;
		dentries[i].inode = &inodes[i];
		dentries[i].parent = find(tree[i].path, slash ? (size_t)(slash - tree[i].path) : 0);
		snprintf(path, sizeof(path), "%s/%s", host_dir, tree[i].path);
		if (tree[i].link)
			WANT(!symlink(tree[i].link, path));
		else if (tree[i].folder)
			WANT(!i || !mkdir(path, 0755));
		else
			close(open(path, 0101, 0644));
		int fd = (int)host_open(i ? tree[i].path : ".", 0);
		WANT(fd >= 0);
		host_ino[i] = inode_number(fd);
		close(fd);
	}
}

/* --- what the walk stands on -------------------------------------------------------------------------------------------- */

void path_get(const struct path *p) { held += 2; WANT(p->mount == &mount && p->dentry); }
void path_put(const struct path *p) { held -= p->mount ? 2 : 0; WANT(held >= 0); }
void mount_get(struct mount *m) { held++; WANT(m == &mount); }
void mount_follow_down(struct path *p __unused) {}

void fs_root(struct path *out)
{
	*out = (struct path){ &mount, &dentries[0] };
	path_get(out);
}

int dirfd_path(int dirfd __unused, struct path *out)
{
	fs_root(out);
	return 0;
}

int inode_permission(struct inode *i, u32 mask)
{
	WANT(i && S_ISDIR(i->mode) && mask == MAY_EXEC);
	return 0;
}

void path_parent(struct path *p, const struct path *root)
{
	if (p->dentry != root->dentry)
		p->dentry = p->dentry->parent;
}

struct dentry *dir_lookup(struct dentry *dir, const char *name, u32 len)
{
	char path[600];
	size_t n = 0;

	WANT(dir->inode && S_ISDIR(dir->inode->mode) && len > 0 && !memchr(name, '/', len));
	if (len > NAME_MAX)
		return ERR_PTR(-ENAMETOOLONG);
	if (dir != &dentries[0])
		n = (size_t)snprintf(path, sizeof(path), "%s/", tree[dir - dentries].path);
	memcpy(path + n, name, len);
	held++;
	struct dentry *d = find(path, n + len);
	return d ? d : &missing;
}

static const struct inode_ops link_ops;

int may_follow_link(const struct inode *dir __unused, const struct inode *link __unused)
{
	return 0;
}

const char *link_read(const struct path *p, char **to_free)
{
	const char *text = p->dentry->inode->private;

	*to_free = malloc(strlen(text) + 1);
	memcpy(*to_free, text, strlen(text) + 1);
	return *to_free;
}

/* --- the part ------------------------------------------------------------------------------------------------------------ */

static size_t invent(struct input *in, char *path)
{
	static const char *const names[] = { "/", "/", "/", ".", "..", "a", "b", "c", "d", "f", "l", "la", "lb", "up", "abs", "loop", "p", "q", "dangling", "far",
					     "fs", "rel", "top", "dot", "much", "c0", "c4", "c5", "c6", "c10", "c44", "nothing", "//", "/./", "/../" };
	size_t n = 0;

	while (more(in) && n < 3000) {
		u32 b = byte(in);
		if (b == 255) {
			memset(path + n, 'n', 250);
			n += 250;
		} else if (b >= 240) {
			path[n++] = (char)(b - 240 + 'a');
		} else {
			n += strlcpy(path + n, names[b % ARRAY_SIZE(names)], 32);
			if (b & 128)
				path[n++] = '/';
		}
	}
	path[n] = '\0';
	return n;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static char path[4096];
	struct input in = { data, data + size };
	struct lookup_result r;

	if (!count) {
		for (unsigned i = 0; i < ARRAY_SIZE(inodes); i++)
			inodes[i].ops = &link_ops;
		plant();
	}
	u32 flags = byte(&in) & (LOOKUP_FOLLOW | LOOKUP_DIRECTORY | LOOKUP_PARENT);
	const size_t len = invent(&in, path);
	held = 0;
	int err = path_lookup(AT_FDCWD, path, flags, &r);
	if (flags & LOOKUP_PARENT) {
		if (!err) {
			WANT(r.last >= path && r.last + r.last_len <= path + len && r.path.dentry->inode && !memchr(r.last, '/', r.last_len));
			path_put(&r.path);
		}
	} else {
		long theirs = host_open(path, flags);
		if (!err) {
			WANT(r.path.dentry->inode);
			path_put(&r.path);
		}
		if (err ? err != theirs : theirs < 0 || inode_number((int)theirs) != host_ino[r.path.dentry - dentries]) {
			fprintf(stderr, "\"%s\", flags %u: %d (%s), the host: %ld\n", path, flags, err, err ? "" : tree[r.path.dentry - dentries].path, theirs);
			abort();
		}
		if (theirs >= 0)
			close((int)theirs);
	}
	WANT(held == 0);
	return 0;
}
