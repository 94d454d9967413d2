/*
 * The initramfs, before there is a VFS: archives are walked, and their members opened by name.
 *
 * The boot loader may give several modules, each of them several archives in a row, each plain cpio or gzip; EMBED= links one more into the image, which
 * comes first. Linux pads between them with zeroes. Other compressions are refused by name.
 */
#include "exec/exec.h"

#include "abi/stat.h"
#include "boot/bootinfo.h"
#include "core/printk.h"
#include "exec_priv.h"
#include "lib/cpio.h"
#include "lib/inflate.h"
#include "lib/string.h"
#include "mm/pagetable.h"
#include "mm/slab.h"

extern const u8 embedded_initramfs_start[], embedded_initramfs_end[];

typedef int entry_fn(void *arg, const struct cpio_entry *e);

static const struct {
	const char *name;
	u8 bytes;
	u8 magic[6];
} refused[] = {
	{ "xz", 6, { 0xfd, '7', 'z', 'X', 'Z', 0 } }, { "zstd", 4, { 0x28, 0xb5, 0x2f, 0xfd } }, { "bzip2", 3, { 'B', 'Z', 'h' } },
	{ "lz4", 4, { 0x02, 0x21, 0x4c, 0x18 } },     { "lz4", 4, { 0x04, 0x22, 0x4d, 0x18 } },  { "lzma", 3, { 0x5d, 0, 0 } },
	{ "lzo", 4, { 0x89, 'L', 'Z', 'O' } },        { "ASCII cpio (odc)", 6, { '0', '7', '0', '7', '0', '7' } },
};

/* --- unpacking ----------------------------------------------------------------------------------------------------- */

struct sink {
	u8 *buf;
	size_t used, size;
};

static int sink_emit(void *arg, const void *data, size_t n)
{
	struct sink *s = arg;

	if (s->used + n > s->size) {
		size_t size = MAX(s->size * 2, 1ul << 20);
		u8 *buf = kmap_alloc(size, 0);
		if (!buf)
			return -ENOMEM;
		memcpy(buf, s->buf, s->used);
		if (s->buf)
			kmap_free(s->buf);
		s->buf = buf;
		s->size = size;
	}
	memcpy(s->buf + s->used, data, n);
	s->used += n;
	return 0;
}

static int walk_plain(const u8 *data, size_t size, size_t *used, entry_fn *fn, void *arg)
{
	struct cpio_entry e;
	int r;

	while ((r = cpio_next(data, size, used, &e)) > 0) {
		r = fn(arg, &e);
		if (r)
			return r;
	}
	return r;
}

static int walk_gzip(const u8 *data, size_t size, size_t *used, entry_fn *fn, void *arg)
{
	struct sink sink = { NULL, 0, 0 };
	size_t pos = 0;
	void *scratch = kmap_alloc(INFLATE_SCRATCH, 0);

	if (!scratch)
		return -ENOMEM;
	long n = gunzip(data, size, scratch, sink_emit, &sink);
	kmap_free(scratch);
	int err = n < 0 ? (int)n : 0;
	if (!err) {
		*used = n;
		err = walk_plain(sink.buf, sink.used, &pos, fn, arg);
	}
	if (sink.buf && err)
		kmap_free(sink.buf);
	return err;
}

static const char *refused_name(const u8 *data, size_t size)
{
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		if (size >= refused[i].bytes && !memcmp(data, refused[i].magic, refused[i].bytes))
			return refused[i].name;
	return NULL;
}

/* One module: archives in a row. */
static int walk_module(const u8 *data, size_t size, entry_fn *fn, void *arg)
{
	size_t pos = 0;
	int err = 0;

	while (!err && pos < size) {
		size_t used = 0;
		if (!data[pos]) {
			pos++;
		} else if (size - pos >= 2 && data[pos] == 0x1f && data[pos + 1] == 0x8b) {
			err = walk_gzip(data + pos, size - pos, &used, fn, arg);
			pos += used;
		} else if (size - pos >= 6 && (!memcmp(data + pos, "070701", 6) || !memcmp(data + pos, "070702", 6))) {
			err = walk_plain(data + pos, size - pos, &used, fn, arg);
			if (!used)
				err = err ? err : -EINVAL;
			pos += used;
		} else {
			const char *name = refused_name(data + pos, size - pos);
			if (name)
				pr_err("initramfs: %s is not supported; use cpio (newc), plain or gzip\n", name);
			err = -EINVAL;
		}
	}
	return err;
}

/* Calls fn for each entry of each archive, in order; what it is shown stays in memory. 0, fn's error, or -errno. */
static int initramfs_walk(entry_fn *fn, void *arg)
{
	int err = walk_module(embedded_initramfs_start, embedded_initramfs_end - embedded_initramfs_start, fn, arg);

	for (u32 i = 0; i < bootinfo.module_count && !err; i++) {
		size_t size = bootinfo.modules[i].length;
		/* Not by the direct map: a loader may use memory that the firmware calls its own. */
		void *image = size ? kmap_device(bootinfo.modules[i].base, size) : NULL;

		if (size)
			err = image ? walk_module(image, size, fn, arg) : -ENOMEM;
	}
	if (err == -EINVAL || err == -EILSEQ)
		pr_err("initramfs: not a cpio archive, or damaged (error %d)\n", err);
	return err;
}

/* --- members by name ----------------------------------------------------------------------------------------------- */

struct member {
	struct list link;
	struct cpio_entry e;
};
static struct list members = LIST_INIT(members); /* written once, by the first that asks */
static bool members_read;

static int member_add(void *arg __unused, const struct cpio_entry *e)
{
	struct member *m = kmalloc(sizeof(*m), 0);

	if (!m)
		return -ENOMEM;
	m->e = *e;
	list_add(&members, &m->link); /* a later one of the same name wins */
	return 0;
}

static const struct cpio_entry *member_find(const char *path)
{
	struct member *m;

	if (!members_read) {
		members_read = true;
		initramfs_walk(member_add, NULL);
	}
	while (*path == '/' || (path[0] == '.' && path[1] == '/'))
		path++;
	list_for_each(m, &members, link)
		if (!strcmp(m->e.name, path))
			return &m->e;
	return NULL;
}

/* Through symbolic links, which name a place in the archive (from its root, or beside the link). */
static const struct cpio_entry *member_resolve(const char *path)
{
	char name[256], target[256];
	const struct cpio_entry *e;

	strlcpy(name, path, sizeof(name));
	for (int links = 0; links < 8; links++) {
		e = member_find(name);
		if (!e || (e->mode & S_IFMT) != S_IFLNK)
			return e;
		if (e->size >= sizeof(target))
			return NULL;
		memcpy(target, e->data, e->size);
		target[e->size] = '\0';
		char *slash = strrchr(name, '/');
		if (target[0] == '/' || !slash)
			name[0] = '\0';
		else
			slash[1] = '\0';
		if (strlcat(name, target, sizeof(name)) >= sizeof(name))
			return NULL;
	}
	return NULL;
}

static ssize_t archive_read_at(struct exec_source *s, void *buf, size_t n, u64 off)
{
	if (off >= s->size)
		return 0;
	n = MIN(n, s->size - off);
	memcpy(buf, (const u8 *)s->data + off, n);
	return n;
}

int archive_open(const char *path, struct exec_source *s)
{
	const struct cpio_entry *e = member_resolve(path);

	if (!e)
		return -ENOENT;
	if ((e->mode & S_IFMT) != S_IFREG || !(e->mode & 0111))
		return -EACCES;
	memset(s, 0, sizeof(*s));
	s->read_at = archive_read_at;
	s->size = e->size;
	s->data = e->data;
	s->uid = e->uid;
	s->gid = e->gid;
	s->mode = e->mode;
	return 0;
}

const char *archive_text(const char *path, size_t *size)
{
	const struct cpio_entry *e = member_resolve(path);

	if (!e || (e->mode & S_IFMT) != S_IFREG)
		return NULL;
	*size = e->size;
	return e->data;
}
