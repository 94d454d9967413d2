/* stage: 12; libc: musl; run: campaign
 * The guest's side of grader/crash, as PID 1. It is told crash=work|look, seed=, ops=, workers=, nonce= in the environment.
 *
 * work: changes files on /dev/vda1 and says, by records on /dev/vda2, what a power cut may leave of each. A record is written before the change that it
 * speaks of begins, and again when a sync has returned; it goes past the page cache and without a flush, so it stands between the file system's own writes
 * in the disk's log, exactly where that was known. A record's sector begins with "CRASH nonce length", then a line for each name:
 *
 *	path alternative ...		what may be there from now on: any one of these
 *	-				nothing
 *	=size:crc			a file of this size and content (crc32)
 *	<size:crc			a file of at least this size that begins with this content
 *	@size:crc			a symbolic link to this
 *	/				a directory
 *	*				anything
 *
 * look: mounts each /dev/vd?, reads all of it, makes and removes something, unmounts; "@@ vda ok", or what is wrong. */
#include "campaign.h"
#include "campaign_crash/look.h"
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/uio.h>

#define NAMES 26
#define MOST 98304u /* bytes of a file */
#define BURST 40
#define ANY "*"

/* What the files of this worker should hold. Names that are links of each other share one. */
struct node {
	unsigned char data[MOST];
	uint32_t size;
	bool clean; /* a sync has returned since its content changed last */
};
struct name {
	char path[48], allowed[200];
	struct node *node;
	bool settled; /* `allowed` is what is there, and safe */
	bool moved;   /* a rename or link made it, and no sync has returned since: fdatasync does not promise that one */
};

static struct node nodes[NAMES];
static struct name names[NAMES];
static const char *nonce;
static int marks_fd;
static off_t marks_first, marks_size, marks_at;
static char *record;
static size_t record_length;
static uint32_t crc_table[256];

static uint32_t crc32_of(const void *data, size_t n)
{
	const unsigned char *p = data;
	uint32_t c = ~0u;

	while (n--)
		c = crc_table[(c ^ *p++) & 255] ^ c >> 8;
	return ~c;
}

static void crc_init(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;
		for (int k = 0; k < 8; k++)
			c = c & 1 ? c >> 1 ^ 0xedb88320 : c >> 1;
		crc_table[i] = c;
	}
}

/* PID 1's word, and its end: what cannot go wrong on a sound disk went wrong. */
static void die(const char *what, const char *path)
{
	printf("@@ WRONG %s %s: %s\n", what, path, strerror(errno));
	fflush(stdout);
	reboot(RB_POWER_OFF);
	_exit(1);
}

#define MUST(call, path) do { if ((call) < 0) die(#call, path); } while (0)

/* --- records ------------------------------------------------------------------------------------------------------------ */

static void tell(const char *path, const char *allowed)
{
	record_length += (size_t)sprintf(record + 64 + record_length, "%s %s\n", path, allowed);
}

/* What was told since the last time stands on the disk's log when this returns. */
static void tell_now(void)
{
	size_t bytes = (64 + record_length + 511) / 512 * 512;
	char head[65];

	if (!record_length)
		return;
	if (marks_at + (off_t)bytes > marks_size)
		marks_at = 0;
	snprintf(head, sizeof(head), "CRASH %s %zu", nonce, record_length);
	memset(record, ' ', 64);
	memcpy(record, head, strlen(head));
	memset(record + 64 + record_length, 0, bytes - 64 - record_length);
	if (pwrite(marks_fd, record, bytes, marks_first + marks_at) != (ssize_t)bytes)
		die("mark", "/dev/vda2");
	marks_at += (off_t)bytes;
	record_length = 0;
}

static const char *state_of(const struct node *x)
{
	static char text[4][48];
	static int turn;
	char *t = text[turn++ % 4];

	if (!x)
		return "-";
	sprintf(t, "=%u:%08x", x->size, crc32_of(x->data, x->size));
	return t;
}

/* A sync has returned that covers this name. */
static void settle(struct name *n)
{
	n->settled = !n->node || n->node->clean;
	n->moved = false;
	strcpy(n->allowed, n->settled ? state_of(n->node) : ANY);
	tell(n->path, n->allowed);
}

static void settle_node(struct node *x)
{
	x->clean = true;
	for (int i = 0; i < NAMES; i++)
		if (names[i].node == x)
			settle(&names[i]);
}

/* A change of the name begins: `more` will be possible as well as what is now. */
static void may(struct name *n, const char *more)
{
	if (!n->settled || strlen(n->allowed) + strlen(more) + 2 > sizeof(n->allowed)) {
		strcpy(n->allowed, ANY);
	} else {
		strcat(n->allowed, " ");
		strcat(n->allowed, more);
	}
	n->settled = false;
	tell(n->path, n->allowed);
}

/* A change of the content begins. NULL: in the middle of it there may be anything. Else what will be possible besides; "<" alone: what is there stays as the beginning. */
static void may_content(struct node *x, const char *more)
{
	x->clean = false;
	for (int i = 0; i < NAMES; i++) {
		struct name *n = &names[i];

		if (n->node != x)
			continue;
		if (!more || !n->settled) {
			strcpy(n->allowed, ANY);
			n->settled = false;
			tell(n->path, n->allowed);
		} else if (strcmp(more, "<") == 0) {
			n->allowed[0] = '<';
			n->settled = false;
			tell(n->path, n->allowed);
		} else {
			may(n, more);
		}
	}
	tell_now();
}

/* --- changes of one file ---------------------------------------------------------------------------------------------------- */

static void random_bytes(unsigned char *at, size_t n)
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

static void write_all(int fd, const struct node *x, size_t from, size_t n, const char *path)
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

static void sync_folder(const char *path)
{
	char folder[64];
	int fd;

	strcpy(folder, path);
	*strrchr(folder, '/') = '\0';
	fd = open(folder, O_RDONLY | O_DIRECTORY);
	MUST(fd, folder);
	MUST(fsync(fd), folder);
	close(fd);
}

static void create(struct name *n)
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

static void overwrite(struct name *n)
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
static void append(struct name *n)
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

static void cut(struct name *n)
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

static void reserve(struct name *n)
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

static void map_and_write(struct name *n)
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

/* --- changes of names ------------------------------------------------------------------------------------------------------- */

static void settle_names(struct name *a, struct name *b)
{
	if (below(10) < 3)
		return;
	sync_folder(a->path);
	if (b)
		sync_folder(b->path);
	settle(a);
	if (b)
		settle(b);
	tell_now();
}

static void remove_name(struct name *n)
{
	may(n, "-");
	tell_now();
	MUST(unlink(n->path), n->path);
	n->node = NULL;
	settle_names(n, NULL);
}

static void rename_over(struct name *n, struct name *to)
{
	if (to->node == n->node)
		return;
	may(to, n->settled ? n->allowed : ANY);
	may(n, "-");
	tell_now();
	MUST(rename(n->path, to->path), n->path);
	to->node = n->node;
	to->moved = true;
	n->node = NULL;
	settle_names(n, to);
}

static void link_name(struct name *n, struct name *to)
{
	if (to->node)
		return;
	may(to, n->settled ? n->allowed : ANY);
	tell_now();
	MUST(link(n->path, to->path), to->path);
	to->node = n->node;
	to->moved = true;
	settle_names(to, NULL);
}

/* A new file takes the place of an old one, as editors and package managers do it. */
static void replace(struct name *n)
{
	struct node *x = n->node;
	struct node *after = malloc(sizeof(*after));
	char fresh[64];
	int fd;

	for (int i = 0; i < NAMES; i++)
		if (&names[i] != n && names[i].node == x) {
			free(after);
			return;
		}
	snprintf(fresh, sizeof(fresh), "%s.new", n->path);
	memset(after, 0, sizeof(*after));
	after->size = (uint32_t)below(below(4) ? 12000 : MOST);
	random_bytes(after->data, after->size);
	fd = open(fresh, O_RDWR | O_CREAT | O_TRUNC, 0600);
	MUST(fd, fresh);
	write_all(fd, after, 0, after->size, fresh);
	MUST(fsync(fd), fresh);
	close(fd);
	may(n, state_of(after));
	tell_now();
	MUST(rename(fresh, n->path), fresh);
	*x = *after;
	x->clean = true;
	n->moved = true;
	free(after);
	settle_names(n, NULL);
}

static void symbolic(int worker, int turn)
{
	char path[48], target[200], state[40];
	size_t length = 1 + below(180);

	snprintf(path, sizeof(path), "/m/all/l%d_%d", worker, turn);
	memset(target, 'a' + turn % 26, length);
	target[length] = '\0';
	snprintf(state, sizeof(state), "@%zu:%08x", length, crc32_of(target, length));
	MUST(symlink(target, path), path);
	sync_folder(path);
	tell(path, state);
	tell_now();
}

/* A directory grows and shrinks: its index splits, its blocks come and go. */
static void burst(int worker, int turn)
{
	char folder[40], path[120];

	snprintf(folder, sizeof(folder), "/m/w%d/b%d", worker, turn % 3);
	if (mkdir(folder, 0755) < 0 && errno != EEXIST)
		die("mkdir", folder);
	for (int i = 0; i < BURST; i++) {
		int fd;

		snprintf(path, sizeof(path), "%s/a_name_that_is_long_enough_to_fill_blocks_%d_%d", folder, turn, i);
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
		MUST(fd, path);
		close(fd);
	}
	sync_folder(path);
	sync_folder(folder);
	tell(folder, "/");
	for (int i = 0; i < BURST; i++) {
		snprintf(path, sizeof(path), "%s/a_name_that_is_long_enough_to_fill_blocks_%d_%d", folder, turn, i);
		tell(path, "=0:00000000");
	}
	tell_now();
	for (int i = 0; i < BURST; i++) {
		snprintf(path, sizeof(path), "%s/a_name_that_is_long_enough_to_fill_blocks_%d_%d", folder, turn, i);
		if (i % 3)
			tell(path, "- =0:00000000");
	}
	tell_now();
	for (int i = 0; i < BURST; i++) {
		snprintf(path, sizeof(path), "%s/a_name_that_is_long_enough_to_fill_blocks_%d_%d", folder, turn, i);
		if (i % 3)
			MUST(unlink(path), path);
	}
	if (below(2))
		sync();
	else
		sync_folder(path);
	for (int i = 0; i < BURST; i++) {
		snprintf(path, sizeof(path), "%s/a_name_that_is_long_enough_to_fill_blocks_%d_%d", folder, turn, i);
		if (i % 3)
			tell(path, "-");
	}
	tell_now();
}

static void folder_comes_and_goes(int worker, int turn)
{
	char path[48], other[48];

	snprintf(path, sizeof(path), "/m/w%d/d%d", worker, turn);
	snprintf(other, sizeof(other), "/m/all/d%d_%d", worker, turn);
	MUST(mkdir(path, 0700), path);
	sync_folder(path);
	tell(path, "/");
	tell(other, "-");
	tell_now();
	tell(path, "/ -");
	tell(other, "/ -");
	tell_now();
	MUST(rename(path, other), path);
	sync_folder(other);
	sync_folder(path);
	tell(path, "-");
	tell(other, "/");
	tell_now();
	if (below(2))
		return;
	tell(other, "/ -");
	tell_now();
	MUST(rmdir(other), other);
	sync_folder(other);
	tell(other, "-");
	tell_now();
}

static void sync_all(void)
{
	int fd = open("/m", O_RDONLY);

	if (below(2))
		sync();
	else
		MUST(syncfs(fd), "/m");
	close(fd);
	for (int i = 0; i < NAMES; i++)
		if (names[i].node)
			names[i].node->clean = true;
	for (int i = 0; i < NAMES; i++)
		settle(&names[i]);
	tell_now();
}

/* --- work ---------------------------------------------------------------------------------------------------------------------- */

static void work(int worker, long ops)
{
	char folder[40];

	snprintf(folder, sizeof(folder), "/m/w%d", worker);
	MUST(mkdir(folder, 0755), folder);
	for (int i = 0; i < NAMES; i++) {
		snprintf(names[i].path, sizeof(names[i].path), i % 3 ? "/m/w%d/f%d" : "/m/all/f%d_%d", worker, i);
		strcpy(names[i].allowed, "-");
		names[i].settled = true;
	}
	for (int turn = 0; turn < ops; turn++) {
		struct name *n = &names[below(NAMES)], *other = &names[below(NAMES)];

		if (!n->node) {
			create(n);
			continue;
		}
		switch (below(32)) {
		case 0 ... 4: overwrite(n); break;
		case 5 ... 9: append(n); break;
		case 10 ... 13: cut(n); break;
		case 14 ... 16: reserve(n); break;
		case 17: case 18: map_and_write(n); break;
		case 19 ... 21: remove_name(n); break;
		case 22 ... 24: rename_over(n, other); break;
		case 25: case 26: link_name(n, other); break;
		case 27: case 28: replace(n); break;
		case 29: below(3) ? folder_comes_and_goes(worker, turn) : symbolic(worker, turn); break;
		case 30: if (below(2)) burst(worker, turn); break;
		default: sync_all(); break;
		}
	}
}

static void work_all(void)
{
	long workers = told("workers", 2), ops = told("ops", 300), seed = told("seed", 1);
	int status;

	nonce = getenv("nonce") ? getenv("nonce") : "none";
	MUST(mount("/dev/vda1", "/m", "ext4", 0, ""), "/dev/vda1");
	MUST(mkdir("/m/all", 0755), "/m/all");
	sync();
	marks_fd = open("/dev/vda2", O_WRONLY | O_DIRECT);
	MUST(marks_fd, "/dev/vda2");
	marks_size = lseek(marks_fd, 0, SEEK_END) / workers / 4096 * 4096;
	record = aligned_alloc(4096, 65536);
	for (int w = 0; w < workers; w++)
		if (fork() == 0) {
			random_state = (uint64_t)seed * 1000 + (uint64_t)w;
			marks_first = w * marks_size;
			work(w, ops);
			_exit(0);
		}
	while (wait(&status) > 0)
		if (status)
			die("worker", "ended");
	MUST(umount("/m"), "/m");
	printf("@@ done\n");
}

/* --- start ----------------------------------------------------------------------------------------------------------------------- */

int main(void)
{
	const char *what = getenv("crash");

	setvbuf(stdout, NULL, _IOLBF, 0);
	crc_init();
	mkdir("/dev", 0755);
	mkdir("/m", 0755);
	mount("dev", "/dev", "devtmpfs", 0, "");
	if (what && !strcmp(what, "look"))
		look_all();
	else
		work_all();
	fflush(stdout);
	reboot(RB_POWER_OFF);
	return 0;
}
