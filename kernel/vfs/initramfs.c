/*
 * The initramfs: archives that the boot loader brought (or that are linked into the image) become the root file system.
 *
 *   module ──► segments in a row: newc cpio, or gzip of it, with zero bytes between ──► cpio stream ──► files
 *
 * The cpio stream is taken as it comes out of the decompressor, in pieces of any length, by a machine with four states, so that
 * a large archive never stands unpacked in memory beside its files:
 *
 *        HEADER (110 bytes) ──► NAME (padded to 4) ──► DATA (file bytes, or a link's target) ──► PAD to 4 ──┐
 *          ▲────────────────────────────────────────────────────────────────────────────────────────────────┘
 *
 * As on Linux, what cannot be made is passed over and the rest goes on; garbage ends the archive with one line.
 * Sources: newc, as cpio(5) has it; Linux's initramfs buffer format.
 */
#include "vfs_priv.h"
#include "boot/bootinfo.h"
#include "core/printk.h"
#include "lib/format.h"
#include "lib/inflate.h"
#include "lib/string.h"
#include "mm/pagetable.h"
#include "mm/slab.h"

#define HEADER_SIZE 110
#define LINK_BUCKETS 64

enum state { STATE_HEADER, STATE_NAME, STATE_DATA, STATE_PAD };

/* A name that more names may follow for: (device, inode) -> path. */
struct hard_link {
	struct hard_link *next;
	u32 ino, major, minor, type;
	char path[];
};
/* Directories get their times at the end, since each new name in them changes these. */
struct dir_time {
	struct dir_time *next;
	u32 mtime;
	char path[];
};

struct unpack {
	enum state state;
	u32 need, have;        /* of the header, or the name with its padding; padding left */
	u64 left;              /* data bytes to come */
	char head[HEADER_SIZE];
	char path[PATH_MAX + 8]; /* '/' and the name */
	u32 ino, mode, uid, gid, nlink, mtime, major, minor, rmajor, rminor, name_size;
	u64 offset;            /* in the archive: names and data are aligned to it */
	struct file *file;     /* takes the data */
	char *target;          /* of a link */
	struct hard_link *links[LINK_BUCKETS];
	struct dir_time *dirs;
	u32 files, failed;
	int error;
	bool ended;            /* the last thing was a trailer */
};

extern const char embedded_initramfs_start[] __weak, embedded_initramfs_end[] __weak;

/* --- making files -------------------------------------------------------------------------------------------------------------------- */

static int set_attributes(struct unpack *u, const char *name, bool times)
{
	struct iattr a = { .valid = ATTR_UID | ATTR_GID | ATTR_CTIME, .uid = u->uid, .gid = u->gid };
	struct lookup_result r;
	int err = path_lookup(AT_FDCWD, name, 0, &r);

	if (err)
		return err;
	if (!S_ISLNK(u->mode)) {
		a.valid |= ATTR_MODE;
		a.mode = u->mode & 07777;
	}
	if (times) {
		a.valid |= ATTR_ATIME | ATTR_MTIME | ATTR_ATIME_SET | ATTR_MTIME_SET;
		a.atime.sec = a.mtime.sec = u->mtime;
	}
	err = vfs_setattr(&r.path, &a);
	path_put(&r.path);
	return err;
}

/* What stands in the way and is of another type goes. */
static void clear_path(struct unpack *u)
{
	struct lookup_result r;
	u32 mode;

	if (path_lookup(AT_FDCWD, u->path, 0, &r))
		return;
	mode = r.path.dentry->inode->mode;
	path_put(&r.path);
	if ((mode ^ u->mode) & S_IFMT) {
		if (S_ISDIR(mode))
			vfs_rmdir(AT_FDCWD, u->path);
		else
			vfs_unlink(AT_FDCWD, u->path);
	}
}

/* An archive has ended: inode numbers of the next one are its own. */
static void forget_links(struct unpack *u)
{
	for (int i = 0; i < LINK_BUCKETS; i++)
		while (u->links[i]) {
			struct hard_link *l = u->links[i];
			u->links[i] = l->next;
			kfree(l);
		}
}

/* 1: this name is now a further link of an earlier file; 0: it is the first; or -errno. */
static int link_earlier(struct unpack *u)
{
	struct hard_link **bucket = &u->links[(u->ino ^ u->major ^ u->minor) % LINK_BUCKETS], *l;

	if (u->nlink < 2 || S_ISDIR(u->mode))
		return 0;
	for (l = *bucket; l; l = l->next)
		if (l->ino == u->ino && l->major == u->major && l->minor == u->minor && l->type == (u->mode & S_IFMT)) {
			int err;
			clear_path(u);
			err = vfs_link(AT_FDCWD, l->path, AT_FDCWD, u->path, 0);
			if (err == -EEXIST) {
				vfs_unlink(AT_FDCWD, u->path);
				err = vfs_link(AT_FDCWD, l->path, AT_FDCWD, u->path, 0);
			}
			return err ? err : 1;
		}
	l = kmalloc(sizeof(*l) + strlen(u->path) + 1, 0);
	if (!l)
		return -ENOMEM;
	*l = (struct hard_link){ .next = *bucket, .ino = u->ino, .major = u->major, .minor = u->minor, .type = u->mode & S_IFMT };
	strlcpy(l->path, u->path, strlen(u->path) + 1);
	*bucket = l;
	return 0;
}

static int begin_file(struct unpack *u)
{
	int linked = link_earlier(u);

	if (linked < 0)
		return linked;
	if (!linked)
		clear_path(u);
	if (linked && !u->left)
		return 0;
	u->file = file_open(AT_FDCWD, u->path, O_WRONLY | O_CREAT | (linked ? 0 : O_TRUNC), 0600);
	if (IS_ERR(u->file)) {
		int err = PTR_ERR(u->file);
		u->file = NULL;
		return err;
	}
	return 0;
}

static int make_dir(struct unpack *u)
{
	struct dir_time *d;
	int err;

	clear_path(u);
	err = vfs_mkdir(AT_FDCWD, u->path, 0700);
	if (err && err != -EEXIST)
		return err;
	set_attributes(u, u->path, false);
	d = kmalloc(sizeof(*d) + strlen(u->path) + 1, 0);
	if (!d)
		return 0;
	d->next = u->dirs;
	d->mtime = u->mtime;
	strlcpy(d->path, u->path, strlen(u->path) + 1);
	u->dirs = d;
	return 0;
}

static int make_node(struct unpack *u)
{
	int linked = link_earlier(u), err;

	if (linked)
		return linked < 0 ? linked : 0;
	clear_path(u);
	err = vfs_mknod(AT_FDCWD, u->path, u->mode, abi_makedev(u->rmajor, u->rminor));
	if (err == -EEXIST)
		err = 0;
	return err ? err : set_attributes(u, u->path, true);
}

/* The header and the name are there. */
static void begin_entry(struct unpack *u)
{
	int err = 0;

	u->ended = !strcmp(u->path + 1, "TRAILER!!!");
	if (u->ended) {
		forget_links(u);
		return;
	}
	switch (u->mode & S_IFMT) {
	case S_IFREG:
		err = begin_file(u);
		break;
	case S_IFDIR:
		err = make_dir(u);
		break;
	case S_IFLNK:
		if (u->left <= PATH_MAX) {
			u->target = kzalloc(u->left + 1, 0);
			u->have = 0;
		}
		err = u->target ? 0 : -ENOMEM;
		break;
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK:
		err = make_node(u);
		break;
	}
	if (err && err != -EEXIST) {
		u->failed++;
		if (!u->error)
			u->error = err;
	} else {
		u->files++;
	}
}

static void take_data(struct unpack *u, const char *data, size_t n)
{
	if (u->target) {
		memcpy(u->target + u->have, data, n);
		u->have += n;
	} else if (u->file) {
		ssize_t done = file_write_kernel(u->file, data, n, NULL);
		if (done != (ssize_t)n) {
			u->failed++;
			u->error = done < 0 ? done : -ENOSPC;
			file_put(u->file);
			u->file = NULL;
		}
	}
}

static void end_entry(struct unpack *u)
{
	if (u->file) {
		file_put(u->file);
		u->file = NULL;
		set_attributes(u, u->path, true);
	} else if (u->target) {
		int linked = link_earlier(u);
		if (!linked) {
			clear_path(u);
			vfs_unlink(AT_FDCWD, u->path);
			linked = vfs_symlink(u->target, AT_FDCWD, u->path);
			if (!linked)
				set_attributes(u, u->path, true);
		}
		if (linked < 0)
			u->failed++;
		kfree(u->target);
		u->target = NULL;
	}
}

/* --- the stream ------------------------------------------------------------------------------------------------------------------------- */

static bool hex_fields(struct unpack *u)
{
	u32 *const fields[] = { &u->ino, &u->mode, &u->uid, &u->gid, &u->nlink, &u->mtime, NULL, &u->major, &u->minor, &u->rmajor, &u->rminor, &u->name_size };

	if (memcmp(u->head, "070701", 6) && memcmp(u->head, "070702", 6))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		u32 v = 0;
		for (int k = 0; k < 8; k++) {
			char c = u->head[6 + 8 * i + k];
			int digit = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
			if (digit < 0)
				return false;
			v = v << 4 | digit;
		}
		if (fields[i])
			*fields[i] = v;
		else
			u->left = v;
	}
	return u->name_size > 0 && u->name_size <= PATH_MAX;
}

static void expect_header(struct unpack *u)
{
	u->state = STATE_HEADER;
	u->need = HEADER_SIZE;
	u->have = 0;
}

/* Removes leading "/" and "./" of the name at path + 1; path itself begins with '/'. */
static void clean_name(struct unpack *u)
{
	char *name = u->path + 1;
	size_t skip = 0;

	for (;;) {
		if (name[skip] == '/')
			skip++;
		else if (name[skip] == '.' && name[skip + 1] == '/')
			skip += 2;
		else
			break;
	}
	memmove(name, name + skip, strlen(name + skip) + 1);
}

/* Takes n bytes of the stream: 0, or -EINVAL where it is not cpio. */
static int unpack_bytes(void *arg, const void *data, size_t n)
{
	struct unpack *u = arg;
	const char *at = data, *end = at + n;

	while (at < end) {
		size_t take = end - at;

		switch (u->state) {
		case STATE_HEADER:
			/* Zero bytes stand between archives, and after the last. */
			if (!u->have && !*at) {
				at++;
				u->offset++;
				continue;
			}
			if (!u->have)
				u->offset = ALIGN_UP(u->offset, 4);
			take = MIN(take, (size_t)(u->need - u->have));
			memcpy(u->head + u->have, at, take);
			u->have += take;
			if (u->have < u->need)
				break;
			if (!hex_fields(u))
				return -EINVAL;
			u->state = STATE_NAME;
			u->have = 0;
			u->need = ALIGN_UP(HEADER_SIZE + u->name_size, 4) - HEADER_SIZE;
			u->path[0] = '/';
			break;
		case STATE_NAME:
			take = MIN(take, (size_t)(u->need - u->have));
			memcpy(u->path + 1 + u->have, at, take);
			u->have += take;
			if (u->have < u->need)
				break;
			if (u->path[u->name_size])
				return -EINVAL;
			clean_name(u);
			begin_entry(u);
			u->state = STATE_DATA;
			u->need = -u->left & 3;
			break;
		case STATE_DATA:
			take = MIN(take, u->left);
			take_data(u, at, take);
			u->left -= take;
			break;
		case STATE_PAD:
			take = MIN(take, (size_t)u->need);
			u->need -= take;
			break;
		}
		at += take;
		u->offset += take;
		if (u->state == STATE_DATA && !u->left) {
			end_entry(u);
			u->state = STATE_PAD;
		}
		if (u->state == STATE_PAD && !u->need)
			expect_header(u);
	}
	return 0;
}

/* Between two segments: what hung in the air is let go; true if an entry had begun. */
static bool unpack_settle(struct unpack *u)
{
	bool cut = u->state != STATE_HEADER || u->have;

	if (u->file)
		file_put(u->file);
	u->file = NULL;
	kfree(u->target);
	u->target = NULL;
	expect_header(u);
	return cut;
}

static void unpack_finish(struct unpack *u)
{
	forget_links(u);
	while (u->dirs) {
		struct dir_time *d = u->dirs;
		struct iattr a = { .valid = ATTR_ATIME | ATTR_MTIME | ATTR_ATIME_SET | ATTR_MTIME_SET, .atime.sec = d->mtime, .mtime.sec = d->mtime };
		struct lookup_result r;
		if (!path_lookup(AT_FDCWD, d->path, 0, &r)) {
			vfs_setattr(&r.path, &a);
			path_put(&r.path);
		}
		u->dirs = d->next;
		kfree(d);
	}
}

/* --- segments ------------------------------------------------------------------------------------------------------------------------------ */

static const struct {
	const char *magic;
	u8 len;
	const char *name;
} formats[] = {
	{ "BZh", 3, "bzip2" }, { "\xfd" "7zXZ", 5, "xz" }, { "\x5d\0\0", 3, "lzma" }, { "\x89LZO", 4, "lzo" },
	{ "\x02\x21\x4c\x18", 4, "lz4" }, { "\x28\xb5\x2f\xfd", 4, "zstd" }, { "070707", 6, "old cpio" },
};

static const char *format_name(const u8 *at, size_t n)
{
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		if (n >= formats[i].len && !memcmp(at, formats[i].magic, formats[i].len))
			return formats[i].name;
	return NULL;
}

/* Length of the plain cpio that starts at `at`: up to a byte that begins no header, once an archive has ended. */
static long plain_segment(struct unpack *u, const u8 *at, size_t n)
{
	size_t done = 0;

	while (done < n) {
		size_t piece = 1;
		int err;
		if (u->state == STATE_HEADER && !u->have) {
			/* After a trailer something else may come. */
			if (u->ended && at[done] && at[done] != '0')
				break;
			piece = at[done] ? MIN(n - done, (size_t)HEADER_SIZE) : 1;
		} else {
			piece = MIN(n - done, u->state == STATE_DATA ? MAX(u->left, 1ul) : (u64)(u->need - (u->state == STATE_PAD ? 0 : u->have)));
		}
		err = unpack_bytes(u, at + done, piece);
		if (err)
			return err;
		done += piece;
	}
	return done;
}

/* One run of archives; `what` names it in messages. */
static void unpack_image(struct unpack *u, const u8 *data, size_t size, const char *what, void *scratch)
{
	size_t at = 0;

	while (at < size) {
		const u8 *p = data + at;
		const char *name = format_name(p, size - at);
		long used;

		if (!*p) {
			at++;
			continue;
		}
		u->offset = 0;
		u->ended = false;
		if (size - at >= 2 && p[0] == 0x1f && p[1] == 0x8b) {
			used = gunzip(p, size - at, scratch, unpack_bytes, u);
		} else if (name) {
			pr_err("initramfs: %s: compressed or packed by %s, which this kernel does not know; use gzip or none\n", what, name);
			return;
		} else if (*p == '0') {
			used = plain_segment(u, p, size - at);
		} else {
			pr_err("initramfs: %s: junk at byte %lu, neither cpio nor gzip\n", what, at);
			return;
		}
		if (used <= 0) {
			unpack_settle(u);
			pr_err("initramfs: %s: broken archive at byte %lu (%s)\n", what, at, used == -EILSEQ ? "wrong checksum" : "malformed or cut off");
			return;
		}
		if (unpack_settle(u))
			pr_err("initramfs: %s: the archive is cut off\n", what);
		at += used;
	}
}

void initramfs_unpack(void)
{
	struct unpack *u = kzalloc(sizeof(*u), 0);
	void *scratch = kmap_alloc(INFLATE_SCRATCH, 0);
	size_t embedded = embedded_initramfs_end - embedded_initramfs_start;
	u64 bytes = embedded;
	u32 umask = atomic_xchg(&init_fs.umask, 0u);

	if (!u || !scratch) {
		pr_err("initramfs: no memory to unpack it\n");
		goto out;
	}
	expect_header(u);
	if (embedded)
		unpack_image(u, (const u8 *)embedded_initramfs_start, embedded, "built-in", scratch);
	for (u32 m = 0; m < bootinfo.module_count; m++) {
		char what[16];
		/* A loader may have put it into memory that the firmware calls its own: that is not in the direct map. */
		void *image = kmap_device(bootinfo.modules[m].base, bootinfo.modules[m].length);

		ksnprintf(what, sizeof(what), "module %u", m);
		if (image)
			unpack_image(u, image, bootinfo.modules[m].length, what, scratch);
		kmap_free(image);
		bytes += bootinfo.modules[m].length;
	}
	unpack_finish(u);
	boot_modules_release();
	if (u->failed)
		pr_err("initramfs: %u entries could not be unpacked (error %d: %s)\n", u->failed, u->error,
			u->error == -ENOSPC || u->error == -ENOMEM ? "memory is too small for it" : "bad entry");
	if (bytes)
		printk("initramfs: %lu KiB, %u entries\n", bytes / 1024, u->files);
	else
		printk("initramfs: none\n");
out:
	atomic_store(&init_fs.umask, umask);
	if (scratch)
		kmap_free(scratch);
	kfree(u);
}
