#include "arguments.h"

static const char *const plain[] = { "a", "b", "c", "d", "e", "f", "g", "h" };

static void add_name(char *to)
{
	char *end = to + strlen(to);
	size_t length = below(60) ? 0 : 254 + below(3);

	if (!length) {
		strcpy(end, PICK(plain));
		return;
	}
	memset(end, 'n', length);
	end[length] = '\0';
}

static void some_path(char *to)
{
	static const char *const odd[] = { ".", "..", "/", "", "./a", "../b", "a/..", "a/../b", "//", "/.", "/..", "a/./b", "a//b", "..//c" };
	unsigned kind = below(100);

	*to = '\0';
	if (kind < 50 && path_count) {
		strcpy(to, paths[below((unsigned)path_count)]);
	} else if (kind < 75 && path_count) {
		strcpy(to, paths[below((unsigned)path_count)]);
		strcat(to, "/");
		add_name(to);
	} else if (kind < 85) {
		strcpy(to, "/");
		add_name(to);
	} else if (kind < 95) {
		add_name(to);
		if (!below(3)) {
			strcat(to, "/");
			add_name(to);
		}
	} else {
		strcpy(to, PICK(odd));
		if (!below(20)) {
			/* As long as a path may be, or just longer. */
			memset(to, '/', 4096);
			strcpy(to + 4093 + below(3), "a");
		}
	}
	if (!below(8)) {
		static const char *const behind[] = { "/", "/", "/", "/.", "/..", "//", "/./", "/../a" };

		strcat(to, PICK(behind));
	}
	if (*to == '/' && to[1] && !below(8))
		memmove(to, to + 1, strlen(to));
}

void path_words(const char *path, char *to, size_t size)
{
	size_t used = 0;

	while (*path && used + 24 < size) {
		size_t run = 1;

		while (path[run] == *path)
			run++;
		if (run > 8) {
			used += (size_t)snprintf(to + used, size - used, "{%c*%zu}", *path, run);
		} else {
			memset(to + used, *path, run);
			used += run;
		}
		path += run;
	}
	to[used] = '\0';
}

int slot_some(void)
{
	int slot = (int)below(FDS);

	for (int n = 0; n < FDS && fds[slot] < 0; n++)
		slot = (slot + 1) % FDS;
	return slot;
}

void place_some(struct place *p)
{
	unsigned kind = below(100);
	size_t used = 0;

	some_path(p->path);
	p->at = AT_FDCWD;
	*p->words = '\0';
	if (kind >= 70 && kind < 97) {
		int slot = slot_some();

		p->at = fds[slot];
		used = (size_t)snprintf(p->words, sizeof(p->words), "fd %d:", slot);
	} else if (kind >= 97) {
		p->at = 999;
		used = (size_t)snprintf(p->words, sizeof(p->words), "none:");
	}
	path_words(p->path, p->words + used, sizeof(p->words) - used);
}

void target_some(char *to)
{
	unsigned kind = below(30);

	if (kind < 24) {
		some_path(to);
	} else if (kind < 28) {
		static const char *const loops[] = { "a", "b", "../a", "./a/b", "/a/a", ".." };

		strcpy(to, PICK(loops));
	} else {
		size_t length = 50 + below(20) + (below(2) ? 4030 : 0);

		memset(to, 'x', length);
		to[length] = '\0';
	}
}

mode_t mode_some(void)
{
	static const mode_t modes[] = { 0777, 0777, 0755, 0750, 0700, 0711, 0770, 0444, 0222, 0111, 0644, 0666, 0600, 0640, 0060, 0006, 0000 };
	static const mode_t extra[] = { 0, 0, 0, 0, S_ISVTX, S_ISVTX, S_ISGID, S_ISGID, S_ISUID, S_ISUID | S_ISGID, S_ISVTX | S_ISGID, 07000 };

	return PICK(modes) | PICK(extra);
}

uid_t id_some(void)
{
	static const uid_t ids[] = { 0, 1000, 1000, 1001, 1001, 2000, (uid_t)-1, (uid_t)-1 };

	return PICK(ids);
}

long size_some(void)
{
	static const long sizes[] = { 0, 0, 1, 100, 4095, 4096, 5000, 70000, -1, LONG_MAX };

	return PICK(sizes);
}

const char *answer(long result)
{
	static char words[4][24];
	static unsigned turn;
	char *to = words[turn++ % 4];

	if (result < 0)
		return errname((int)-result);
	snprintf(to, sizeof(words[0]), "%ld", result);
	return to;
}
