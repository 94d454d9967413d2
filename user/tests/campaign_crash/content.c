/* Changes of one file of campaign_crash: what is in it, and how long it is. Each tells first what may come of it, and settles that if it syncs. */
#include "crash.h"

#include <sys/uio.h>

void random_bytes(unsigned char *at, size_t n)
{
	for (size_t i = 0; i < n; i++)
		at[i] = (unsigned char)(i % 8 ? at[i - 1] * 7 + i : rnd());
}

static int open_name(struct name *n, int flags)
{
	int fd = open(n->path, O_RDWR | flags, 0644);

	MUST(fd, n->path);
	return fd;
}

void write_all(int fd, const struct node *x, size_t from, size_t n, const char *path)
{
	if (pwrite(fd, x->data + from, n, (off_t)from) != (ssize_t)n)
		die("write", path);
}

static bool has_moved(const struct node *x)
{
	bool moved = false;

	for (int i = 0; i < NAMES; i++)
		moved |= names[i].node == x && names[i].moved;
	return moved;
}

static void sync_file(int fd, struct name *n)
{
	if (below(10) < 3)
		return;
	if (has_moved(n->node) || below(2))
		MUST(fsync(fd), n->path);
	else
		MUST(fdatasync(fd), n->path);
	settle_node(n->node);
	tell_now();
}

/* The write has returned of a file that was opened with O_SYNC or O_DSYNC, or msync has: that covers the range alone, so what was not safe before is not now. */
static void was_synchronous(int fd, struct name *n, bool clean_before)
{
	if (!clean_before)
		return;
	if (has_moved(n->node))
		MUST(fsync(fd), n->path);
	settle_node(n->node);
	tell_now();
}

void file_create(struct name *n)
{
	struct node *x = NULL;
	int fd;

	for (int i = 0; i < NAMES && !x; i++) {
		x = &nodes[i];
		for (int k = 0; k < NAMES; k++)
			if (names[k].node == &nodes[i])
				x = NULL;
	}
	may(n, ANY);
	tell_now();
	fd = open_name(n, O_CREAT | O_EXCL);
	memset(x->data, 0, MOST);
	x->size = (uint32_t)(below(8) ? below(4) ? below(9000) : below(MOST) : 0);
	random_bytes(x->data, x->size);
	if (x->size)
		write_all(fd, x, 0, x->size, n->path);
	n->node = x;
	x->clean = false;
	sync_file(fd, n);
	close(fd);
}

void file_overwrite(struct name *n)
{
	struct node *x = n->node;
	int how = (int)below(5), fd = open_name(n, how == 0 ? O_SYNC : how == 1 ? O_DSYNC : 0);
	uint32_t from = (uint32_t)below(MOST - 1), length = (uint32_t)(1 + below(below(3) ? 5000 : MOST - from));

	if (below(2) && x->size)
		from = (uint32_t)below(x->size);
	length = length > MOST - from ? MOST - from : length;
	bool before = x->clean;
	may_content(x, NULL);
	random_bytes(x->data + from, length);
	x->size = from + length > x->size ? from + length : x->size;
	write_all(fd, x, from, length, n->path);
	if (how > 1)
		sync_file(fd, n);
	else
		was_synchronous(fd, n, before);
	close(fd);
}

/* As a log is written: what stands there stays, whatever happens. */
void file_append(struct name *n)
{
	struct node *x = n->node;
	int how = (int)below(4), fd = open_name(n, O_APPEND | (how == 0 ? O_SYNC : how == 1 ? O_DSYNC : 0));

	for (int turn = (int)below(4); turn >= 0 && x->size < MOST - 4096; turn--) {
		uint32_t length = (uint32_t)(1 + below(4096)), half = length / 2;
		struct iovec v[2] = { { x->data + x->size, half }, { x->data + x->size + half, length - half } };

		bool before = x->clean;
		may_content(x, "<");
		random_bytes(x->data + x->size, length);
		if (writev(fd, v, 2) != (ssize_t)length)
			die("append", n->path);
		x->size += length;
		if (how > 1)
			sync_file(fd, n);
		else
			was_synchronous(fd, n, before);
	}
	close(fd);
}

void file_cut(struct name *n)
{
	struct node *x = n->node;
	struct node *after = malloc(sizeof(*after));
	int fd = open_name(n, 0);
	uint32_t size = (uint32_t)below(below(2) ? x->size + 1 : MOST);
	char state[48];

	*after = *x;
	if (size < x->size)
		memset(after->data + size, 0, x->size - size);
	after->size = size;
	strcpy(state, state_of(after));
	/* What is cut off may be gone from the last block before the new size is there. */
	if (size < x->size)
		state[0] = '<';
	may_content(x, state);
	*x = *after;
	x->clean = false;
	MUST(ftruncate(fd, size), n->path);
	sync_file(fd, n);
	close(fd);
	free(after);
}

void file_reserve(struct name *n)
{
	struct node *x = n->node;
	int fd = open_name(n, 0), how = (int)below(3);
	uint32_t from = (uint32_t)below(MOST - 1), length = (uint32_t)(1 + below(MOST - from));

	if (how == 0) {
		/* Room past the end: nobody sees it. */
		MUST(fallocate(fd, 1 /* KEEP_SIZE */, from, length), n->path);
		if (below(2) && n->settled)
			MUST(fsync(fd), n->path);
	} else if (how == 1) {
		struct node *after = malloc(sizeof(*after));

		*after = *x;
		after->size = from + length > x->size ? from + length : x->size;
		may_content(x, state_of(after));
		x->size = after->size;
		free(after);
		MUST(fallocate(fd, 0, from, length), n->path);
		sync_file(fd, n);
	} else {
		may_content(x, NULL);
		MUST(fallocate(fd, 3 /* PUNCH_HOLE | KEEP_SIZE */, from, length), n->path);
		if (from < x->size)
			memset(x->data + from, 0, from + length > x->size ? x->size - from : length);
		sync_file(fd, n);
	}
	close(fd);
}

void file_map_and_write(struct name *n)
{
	struct node *x = n->node;
	int fd = open_name(n, 0);
	unsigned char *at = x->size ? mmap(NULL, x->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : NULL;

	if (!at) {
		close(fd);
		return;
	}
	if (at == MAP_FAILED)
		die("mmap", n->path);
	may_content(x, NULL);
	for (int k = 0; k < 6; k++) {
		uint32_t from = (uint32_t)below(x->size), length = (uint32_t)(1 + below(700));

		length = length > x->size - from ? x->size - from : length;
		random_bytes(x->data + from, length);
		memcpy(at + from, x->data + from, length);
	}
	MUST(msync(at, x->size, MS_SYNC), n->path);
	was_synchronous(fd, n, true); /* all of the file was mapped */
	munmap(at, x->size);
	close(fd);
}
