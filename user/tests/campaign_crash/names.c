/* Changes of names of campaign_crash: files that go, move and get a second name, links, folders. A name is settled by fsync of the folder that it is in. */
#include "crash.h"

#define BURST 40

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

void name_remove(struct name *n)
{
	may(n, "-");
	tell_now();
	MUST(unlink(n->path), n->path);
	n->left = n->node;
	n->node = NULL;
	settle_names(n, NULL);
}

void name_rename_over(struct name *n, struct name *to)
{
	if (to->node == n->node)
		return;
	may(to, n->settled ? n->allowed : ANY);
	may(n, "-");
	tell_now();
	MUST(rename(n->path, to->path), n->path);
	to->left = to->node;
	n->left = n->node;
	to->node = n->node;
	to->moved = true;
	n->node = NULL;
	settle_names(n, to);
}

void name_link(struct name *n, struct name *to)
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
void name_replace(struct name *n)
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

void folder_links(int worker, int turn)
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

/* Until the next call. */
static const char *burst_path(const char *folder, int turn, int i)
{
	static char path[120];

	snprintf(path, sizeof(path), "%s/a_name_that_is_long_enough_to_fill_blocks_%d_%d", folder, turn, i);
	return path;
}

/* A directory grows and shrinks: its index splits, its blocks come and go. */
void folder_bursts(int worker, int turn)
{
	char folder[40];

	snprintf(folder, sizeof(folder), "/m/w%d/b%d", worker, turn % 3);
	if (mkdir(folder, 0755) < 0 && errno != EEXIST)
		die("mkdir", folder);
	for (int i = 0; i < BURST; i++) {
		const char *path = burst_path(folder, turn, i);
		int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);

		MUST(fd, path);
		close(fd);
	}
	sync_folder(burst_path(folder, turn, 0));
	sync_folder(folder);
	tell(folder, "/");
	for (int i = 0; i < BURST; i++)
		tell(burst_path(folder, turn, i), "=0:00000000");
	tell_now();
	for (int i = 0; i < BURST; i++)
		if (i % 3)
			tell(burst_path(folder, turn, i), "- =0:00000000");
	tell_now();
	for (int i = 0; i < BURST; i++)
		if (i % 3)
			MUST(unlink(burst_path(folder, turn, i)), folder);
	if (below(2))
		sync();
	else
		sync_folder(burst_path(folder, turn, 0));
	for (int i = 0; i < BURST; i++)
		if (i % 3)
			tell(burst_path(folder, turn, i), "-");
	tell_now();
}

void folder_comes_and_goes(int worker, int turn)
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
