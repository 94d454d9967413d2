/* stage: 10; libc: musl; run: scenario
 * What is rare on a disk, and legal: full disks in the middle of everything, files of holes, many at one inode. SEED= says which; a grader looks at the image afterwards. */
#include "disk.h"
#include <pthread.h>
#include <sys/statfs.h>
#include <sys/xattr.h>

enum { FA_KEEP_SIZE = 1, FA_PUNCH_HOLE = 2, FA_COLLAPSE_RANGE = 8, FA_ZERO_RANGE = 16, FA_INSERT_RANGE = 32 };

static char buf[1 << 18];
static long unit; /* a block */

static void again(void)
{
	must(chdir("/") == 0 && umount("/m") == 0, "umount");
	mount_it();
	must(chdir("/m") == 0, "chdir");
}

static long space(void)
{
	struct statfs st;

	must(statfs("/m", &st) == 0, "statfs");
	return (long)st.f_bfree;
}

/* A file takes all blocks but `left`. */
static void fill_disk(const char *path, long left)
{
	int fd = open(path, O_RDWR | O_CREAT, 0644);

	must(fd >= 0, path);
	memset(buf, 'f', sizeof(buf));
	sync();
	for (;;) {
		while (space() > left)
			if (write(fd, buf, (size_t)(space() > left + 200 ? 64 : 1) * (size_t)unit) <= 0)
				break;
		/* Linux gives blocks to pages when they are written. */
		fsync(fd);
		if (space() <= left || write(fd, buf, (size_t)unit) != unit)
			break;
	}
	fsync(fd);
	close(fd);
}

static void put_block(int fd, long block, int what)
{
	memset(buf, what, (size_t)unit);
	must(pwrite(fd, buf, (size_t)unit, block * unit) == unit, "pwrite");
}

static int block_is(int fd, long block, int what)
{
	must(pread(fd, buf, (size_t)unit, block * unit) == unit, "pread");
	for (long k = 0; k < unit; k++)
		if (buf[k] != (char)what)
			return 0;
	return 1;
}

/* Data behind a hole is found by whoever looks over the hole: at each border of a table of a map. */
static void holes(void)
{
	long per = unit / 4, borders[] = { 12, 12 + per, 12 + per + per * per, 12 + per + per * per + 2 * per * per };

	for (unsigned k = 0; k < sizeof(borders) / sizeof(borders[0]); k++)
		for (long before = 1; before < per; before += per / 2 - 2) {
			int fd = open("f", O_RDWR | O_CREAT | O_TRUNC, 0644);
			long at = borders[k], from = at > before ? at - before : 0;

			if ((unsigned long)at * (unsigned long)unit > 1ul << 33)
				continue;
			put_block(fd, at, 'x');
			put_block(fd, at + 2 * per, 'y');
			fsync(fd);
			say("border %u, %ld before: ", k, before);
			say("data at %+ld", (long)lseek(fd, from * unit, SEEK_DATA) / unit - at);
			say(", then %+ld\n", (long)lseek(fd, (at + 1) * unit, SEEK_DATA) / unit - at);
			close(fd);
		}
}

/* Names in a folder until the disk is full, with each of some numbers of free blocks to begin with: all that were made are there afterwards. */
static void full_dir(void)
{
	for (int left = 0; left < 7; left++) {
		char name[256];
		int made = 0, found = 0;
		long max = unit / 4;

		must(mkdir("d", 0755) == 0, "mkdir");
		/* A name as long as may be, which is a block's for few of them. */
		for (made = 0; made < 3; made++) {
			snprintf(name, sizeof(name), "d/%0*d", 200, made);
			must(link("/m/one", name) == 0, "link");
		}
		fill_disk("big", left);
		for (; made < max; made++) {
			snprintf(name, sizeof(name), "d/%0*d", 200, made);
			if (link("/m/one", name) < 0)
				break;
		}
		if (made < max)
			must(errno == ENOSPC, "link on a full disk");
		again();
		for (int k = 0; k < made; k++) {
			snprintf(name, sizeof(name), "d/%0*d", 200, k);
			found += access(name, F_OK) == 0;
		}
		T(found == made);
		if (found != made)
			say("of %d names with %d blocks left %d are there\n", made, left, found);
		for (int k = 0; k < made; k++) {
			snprintf(name, sizeof(name), "d/%0*d", 200, k);
			unlink(name);
		}
		R(rmdir("d"));
		R(unlink("big"));
		sync();
	}
}

/* A file whose blocks all lie apart is made by writing every second one. */
static int pieces(const char *path, long count)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);

	for (long k = 0; k < count; k++)
		put_block(fd, 4 * k + 3, 'p');
	must(ftruncate(fd, (4 * count + 4) * unit) == 0, "ftruncate");
	return fd;
}

/* On a full disk: what is to become of a block may be refused, and takes nothing else with it. */
static void full_map(void)
{
	static const long counts[] = { 0, 3, 60, 330 };

	for (int left = 0; left < 2; left++)
		for (int how = 0; how < 4; how++)
			for (unsigned c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
				long count = counts[c];
				int fd = pieces("f", count), refused = 0;
				long base = 4 * count + 4, blocks = 40;

				memset(buf, 'w', (size_t)unit);
				if (how == 1)
					must(fallocate(fd, 0, base * unit, blocks * unit) == 0, "fallocate");
				else
					for (long k = 0; k < blocks; k++)
						put_block(fd, base + k, 'a' + (int)k % 26);
				fsync(fd);
				fill_disk("big", left);
				for (long k = 1; k < blocks - 1; k += 2) {
					int err;

					if (how == 1) {
						memset(buf, 'n', (size_t)unit);
						err = pwrite(fd, buf, (size_t)unit, (base + k) * unit) == unit ? 0 : -1;
					} else {
						err = fallocate(fd, how == 0 ? FA_PUNCH_HOLE | FA_KEEP_SIZE : how == 2 ? FA_ZERO_RANGE : FA_INSERT_RANGE, (base + k + (how == 3 ? (k - 1) / 2 : 0)) * unit, unit);
					}
					if (err < 0) {
						/* Only to put something in may be refused. */
						must(errno == ENOSPC && how == 3, "fallocate or pwrite");
						refused = (int)k;
						break;
					}
				}
				for (int twice = 0; twice < 2; twice++) {
					long end = refused ? refused : blocks - 1;

					for (long k = 0; k < blocks; k++) {
						int done = k < end && k % 2, want = how == 1 ? (done ? 'n' : 0) : done ? 0 : 'a' + (int)k % 26;

						if (how == 3) {
							long last = k < end ? k : end - 1;

							want = 'a' + (int)k % 26;
							if (!block_is(fd, base + k + (last + 1) / 2, want))
								say("left %d, how %d, %ld pieces, refused at %d: block %ld is wrong\n", left, how, count, refused, k);
							continue;
						}
						if (!block_is(fd, base + k, want)) {
							say("left %d, how %d, %ld pieces, refused at %d: block %ld is wrong, %02x\n", left, how, count, refused, k, (unsigned char)buf[0]);
							break;
						}
					}
					for (long k = 0; k < count; k++)
						if (!block_is(fd, 4 * k + 3, 'p')) {
							say("left %d, how %d, %ld pieces: piece %ld is wrong\n", left, how, count, k);
							break;
						}
					close(fd);
					again();
					fd = open("f", O_RDWR);
				}
				close(fd);
				must(unlink("f") == 0 && unlink("big") == 0, "unlink");
				sync();
			}
	say("done\n");
}

/* --- names of one hash ---------------------------------------------------------------------------------------------------------------- */

/* All have the same hash of the oldest kind, which has no minor part: a block of 1024 bytes that is full of them, and of a few others, is split between two of them. */
static const char same[][8] = {
	"njBcaLA", "o7FcaVc", "4rteafz", "f3teaUP", "bN8fauD", "niDfaFl", "5tQha6F", "Fqgoa79", "MSBoawp", "LJMpas1", "oUfqa2y", "KBKqaJ7", "PPSqa7z", "3dEra13",
	"xrCvaRW", "YgiwaBx", "dfjyavJ", "Xht0aMt", "l154a4a", "4fr5a91", "lYr6al7", "pjR6ao6", "iNS6aa6", "aEV8aQv", "g2B9aIE", "svqBaCc", "4DFCa7w", "LKwKac9",
	"1QxRafV", "RayRab7", "15iWa0Z", "PpqebAq", "y8MgboV", "ld5pbSY", "PAErbGf", "UgPrbxB", "t8dvbHW", "d1ZvbGE", "q1W2bfa", "kED3bFa", "SiP5b8X", "wQy7buT",
	"zYI9bXL", "I4IJb0m", "Y7YLbIY", "n1aMbMr", "Gg8Mbpi", "vHBMbne", "Q4XMbUW", "r3oTbFd", "4qsTbfv", "GT0ZbjQ", "Kcmbcnv",
};
enum { SAME = sizeof(same) / sizeof(same[0]) };

struct entry {
	unsigned long ino, off;
	unsigned short reclen;
	unsigned char type;
	char name[];
};

/* Reads one name a call, or a few; how: 1: others are made meanwhile, 2: and what was told is removed. */
static void read_same(size_t size, int how)
{
	int fd = open("d", O_RDONLY | O_DIRECTORY), seen[SAME] = { 0 }, twice = 0, missing = 0, other = 0;
	char name[64];
	long got;

	for (int call = 0; (got = syscall(SYS_getdents64, fd, buf, size)) > 0; call++)
		for (long at = 0; at < got; at += ((struct entry *)(buf + at))->reclen) {
			const struct entry *e = (struct entry *)(buf + at);
			int k = 0;

			while (k < SAME && strcmp(e->name, same[k]))
				k++;
			if (k < SAME)
				twice += seen[k]++;
			other += k == SAME;
			snprintf(name, sizeof(name), "d/%s", e->name);
			if (how == 2 && k < SAME)
				must(unlink(name) == 0, "unlink");
			snprintf(name, sizeof(name), "d/other %d %zu %d %ld", how, size, call, at);
			if (how && call < 200)
				must(link("/m/one", name) == 0, "link");
		}
	must(got == 0, "getdents");
	for (int k = 0; k < SAME; k++)
		missing += !seen[k];
	say("of one hash, %zu bytes, %d: %d are missing, %d came twice\n", size, how, missing, twice);
	close(fd);
}

/* Names of one hash in two leaves: each is told once, in whatever pieces, and though others come and go. (Linux begins with them again after a change.) */
static void one_hash(void)
{
	char name[64];

	must(mkdir("d", 0755) == 0, "mkdir");
	for (int k = 0; k < SAME; k++) {
		snprintf(name, sizeof(name), "d/%s", same[k]);
		must(link("/m/one", name) == 0, "link");
	}
	for (int k = 0; k < 200; k++) {
		snprintf(name, sizeof(name), "d/before %d", k);
		must(link("/m/one", name) == 0, "link");
	}
	again();
	for (size_t size = 32; size <= 8192; size *= 4)
		read_same(size, 0);
	for (size_t size = 48; size <= 4096; size *= 3)
		read_same(size, 1);
	read_same(48, 2);
}

/* --- many at one inode --------------------------------------------------------------------------------------------------------------- */

enum { RACE_TIME = 10 };
static int stop, shared;

static void *writes_on(void *arg)
{
	char *name = arg;
	int fd = open(name, O_RDWR | O_APPEND);

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		must(write(fd, "0123456789abcdef", 16) == 16, "append");
	close(fd);
	return NULL;
}

static void *renames(void *arg)
{
	(void)arg;
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		must(rename("a", "b") == 0, "rename");
		must(rename("b", "a") == 0, "rename back");
		must(link("/m/one", "c") == 0 && rename("a", "c") == 0 && rename("c", "a") == 0, "rename over");
	}
	return NULL;
}

static void *syncs(void *arg)
{
	(void)arg;
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		char c;
		must(pread(shared, &c, 1, 0) == 1, "pread");
		sync();
	}
	return NULL;
}

static void race(void)
{
	pthread_t t[4];

	shared = open("a", O_RDWR | O_CREAT, 0644);
	must(write(shared, "x", 1) == 1, "write");
	pthread_create(&t[0], NULL, writes_on, "a");
	pthread_create(&t[1], NULL, renames, NULL);
	pthread_create(&t[2], NULL, syncs, NULL);
	pthread_create(&t[3], NULL, syncs, NULL);
	sleep(RACE_TIME);
	stop = 1;
	for (int k = 0; k < 4; k++)
		pthread_join(t[k], NULL);
	say("size is one of whole lines: %d\n", lseek(shared, 0, SEEK_END) % 16 == 1);
	close(shared);
}

int main(void)
{
	static void (*const cases[])(void) = { holes, full_dir, full_map, race, one_hash };
	struct statfs st;
	int fd;

	mount_it();
	must(chdir("/m") == 0 && statfs("/m", &st) == 0, "chdir");
	unit = st.f_bsize;
	fd = open("one", O_RDWR | O_CREAT, 0644);
	close(fd);
	must(seed() < sizeof(cases) / sizeof(cases[0]), "SEED=");
	cases[seed()]();
	must(chdir("/") == 0 && umount("/m") == 0, "umount");
	return 0;
}
