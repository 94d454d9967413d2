/* File systems: kinds, superblocks, and the options of a mount. */
#include "vfs_priv.h"
#include "lib/string.h"
#include "mm/slab.h"

static struct mutex supers_mutex; /* guards the list */
static struct list supers = LIST_INIT(supers); /* by their numbers */
static struct list *packed = &supers; /* supers_mutex: up to this one no number is free */

const struct fs_type *fs_type_find(const char *name)
{
	LINKER_SET_FOREACH(fs_types, t)
		if (!strcmp((*t)->name, name))
			return *t;
	return NULL;
}

static u32 number_of(const struct list *at)
{
	return at == &supers ? 0 : container_of(at, struct superblock, link)->number;
}

/* Into the list, by the lowest number that nobody has: the minor number of what lies on no device, from 1 on. */
static void number(struct superblock *sb)
{
	mutex_lock(&supers_mutex);
	sb->number = number_of(packed) + 1;
	list_add(packed, &sb->link);
	for (packed = &sb->link; packed->next != &supers && number_of(packed->next) == number_of(packed) + 1;)
		packed = packed->next;
	mutex_unlock(&supers_mutex);
}

static void give_number_back(struct superblock *sb)
{
	mutex_lock(&supers_mutex);
	if (sb->number <= number_of(packed))
		packed = sb->link.prev;
	list_del(&sb->link);
	mutex_unlock(&supers_mutex);
}

struct superblock *superblock_alloc(const struct fs_type *t)
{
	struct superblock *sb = kzalloc(sizeof(*sb), 0);

	if (!sb)
		return NULL;
	if (write_gate_init(&sb->gate)) {
		kfree(sb);
		return NULL;
	}
	refcount_set(&sb->ref, 1);
	sb->type = t;
	sb->max_file_size = INT64_MAX;
	mutex_init(&sb->rename_mutex, "rename", RANK_RENAME_MUTEX);
	list_init(&sb->link);
	list_init(&sb->watches);
	number(sb);
	sb->dev = abi_makedev(0, sb->number);
	return sb;
}

void superblock_get(struct superblock *sb)
{
	refcount_get(&sb->ref);
}

void superblock_put(struct superblock *sb)
{
	if (!refcount_put(&sb->ref))
		return;
	give_number_back(sb);
	fs_notify_unmount(sb);
	if (sb->ops && sb->ops->sync)
		sb->ops->sync(sb, true);
	if (sb->root)
		dentry_kill_tree(sb->root);
	if (sb->ops && sb->ops->put)
		sb->ops->put(sb);
	write_gate_destroy(&sb->gate);
	kfree(sb);
}

/* Each in turn, without the list's lock: a superblock that is counted stays in the list. */
int superblocks_sync(bool wait)
{
	struct superblock *sb = NULL, *last = NULL;
	int err = 0;

	do {
		mutex_lock(&supers_mutex);
		sb = last ? list_next(last, link) : list_first(&supers, struct superblock, link);
		while (&sb->link != &supers && (!sb->ops || !sb->ops->sync || !refcount_get_unless_zero(&sb->ref)))
			sb = list_next(sb, link);
		if (&sb->link == &supers)
			sb = NULL;
		mutex_unlock(&supers_mutex);
		if (last)
			superblock_put(last);
		if (sb) {
			int e = sb->ops->sync(sb, wait);
			err = err ? err : e;
		}
		last = sb;
	} while (sb);
	return err;
}

int sync_all(void)
{
	return superblocks_sync(true);
}

struct superblock *superblock_find(const struct fs_type *t, u64 dev)
{
	struct superblock *sb, *found = NULL;

	mutex_lock(&supers_mutex);
	list_for_each(sb, &supers, link)
		if (sb->type == t && sb->dev == dev && sb->root && atomic_load(&sb->mount_count))
			found = sb;
	mutex_unlock(&supers_mutex);
	return found;
}

bool option_next(char **options, char **key, char **value)
{
	char *at = *options;

	while (at && *at == ',')
		at++;
	if (!at || !*at)
		return false;
	*key = at;
	while (*at && *at != ',')
		at++;
	if (*at)
		*at++ = 0;
	*options = at;
	*value = strchr(*key, '=');
	if (*value)
		*(*value)++ = 0;
	return true;
}

int option_size(const char *value, u64 *bytes)
{
	static const struct {
		char letter;
		u8 shift;
	} units[] = { { 'k', 10 }, { 'm', 20 }, { 'g', 30 }, { 't', 40 } };
	struct mem_stats mem;
	const char *end;
	u64 n = parse_u64(value, &end, 0);

	if (end == value)
		return -EINVAL;
	if (*end == '%') {
		mem_stats(&mem);
		n = n > 10000 ? mem.total * PAGE_SIZE : mem.total * PAGE_SIZE / 100 * n;
		end++;
	}
	for (size_t i = 0; *end && i < ARRAY_SIZE(units); i++)
		if ((*end | 32) == units[i].letter) {
			n = n > UINT64_MAX >> units[i].shift ? UINT64_MAX : n << units[i].shift;
			end++;
			break;
		}
	*bytes = n;
	return *end ? -EINVAL : 0;
}

int super_init(void)
{
	mutex_init(&supers_mutex, "superblocks", RANK_SUBSYS_MUTEX);
	return 0;
}
