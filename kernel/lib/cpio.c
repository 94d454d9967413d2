/*
 * newc: a header of 110 ASCII bytes, the name with its NUL, padding to 4, the data, padding to 4. An archive ends with the name TRAILER!!!; zeros may follow,
 * then another archive.
 *
 *   magic 6 | ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check, 8 hex digits each
 */
#include "lib/cpio.h"
#include "lib/string.h"
#include "abi/errno.h"

#define HEADER 110
#define NAME_MAX_ 4096
enum { F_INO, F_MODE, F_UID, F_GID, F_NLINK, F_MTIME, F_SIZE, F_DEVMAJOR, F_DEVMINOR, F_RDEVMAJOR, F_RDEVMINOR, F_NAMESIZE, F_CHECK, F_COUNT };

static bool hex8(const char *s, u32 *out)
{
	u32 v = 0;

	for (int i = 0; i < 8; i++) {
		char c = s[i];
		u32 d;
		if (c >= '0' && c <= '9')
			d = (u32)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			d = (u32)((c | 0x20) - 'a' + 10);
		else
			return false;
		v = v << 4 | d;
	}
	*out = v;
	return true;
}

static const char *plain_name(const char *name)
{
	for (;;) {
		if (name[0] == '/')
			name++;
		else if (name[0] == '.' && name[1] == '/')
			name += 2;
		else
			return *name ? name : ".";
	}
}

int cpio_next(const void *archive, size_t size, size_t *pos, struct cpio_entry *e)
{
	const char *base = archive;
	u32 f[F_COUNT];

	for (;;) {
		size_t at = *pos, data, end;
		while (at < size && !base[at])
			at++;
		if (at >= size) {
			*pos = size;
			return 0;
		}
		/* Another archive may begin anywhere behind the zeros. */
		if (size - at < HEADER || (memcmp(base + at, "070701", 6) != 0 && memcmp(base + at, "070702", 6) != 0))
			return -EINVAL;
		for (int i = 0; i < F_COUNT; i++)
			if (!hex8(base + at + 6 + 8 * i, &f[i]))
				return -EINVAL;
		if (f[F_NAMESIZE] == 0 || f[F_NAMESIZE] > NAME_MAX_ || f[F_NAMESIZE] > size - at - HEADER)
			return -EINVAL;
		const char *name = base + at + HEADER;
		if (name[f[F_NAMESIZE] - 1] != '\0')
			return -EINVAL;
		/* The padding counts from the start of the header. */
		data = at + ALIGN_UP((size_t)HEADER + f[F_NAMESIZE], (size_t)4);
		if (data > size || f[F_SIZE] > size - data)
			return -EINVAL;
		end = at + ALIGN_UP(data - at + f[F_SIZE], (size_t)4);
		*pos = MIN(end, size);
		if (strcmp(name, "TRAILER!!!") == 0)
			continue;
		*e = (struct cpio_entry){
			.name = plain_name(name), .mode = f[F_MODE], .uid = f[F_UID], .gid = f[F_GID], .nlink = f[F_NLINK], .mtime = f[F_MTIME],
			.ino = f[F_INO], .dev_major = f[F_DEVMAJOR], .dev_minor = f[F_DEVMINOR], .rdev_major = f[F_RDEVMAJOR],
			.rdev_minor = f[F_RDEVMINOR], .data = base + data, .size = f[F_SIZE],
		};
		return 1;
	}
}
