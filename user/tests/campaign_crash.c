/* stage: 12; libc: musl; run: campaign
 * The guest's side of grader/crash, as PID 1. It is told crash=work|promises|look, seed=, ops=, workers=, nonce= in the environment.
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
 * promises: one after the other, calls that promise something.
 *
 * look: mounts each /dev/vd?, reads all of it, makes and removes something, unmounts; "@@ vda ok", or what is wrong.
 *
 * Here is who does what when; the records, the changes and the look are in files of the folder campaign_crash. */
#include "campaign_crash/crash.h"
#include <sys/mount.h>
#include <sys/reboot.h>

void die(const char *what, const char *path)
{
	printf("@@ WRONG %s %s: %s\n", what, path, strerror(errno));
	fflush(stdout);
	reboot(RB_POWER_OFF);
	_exit(1);
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
			file_create(n);
			continue;
		}
		switch (below(32)) {
		case 0 ... 4: file_overwrite(n); break;
		case 5 ... 9: file_append(n); break;
		case 10 ... 13: file_cut(n); break;
		case 14 ... 16: file_reserve(n); break;
		case 17: case 18: file_map_and_write(n); break;
		case 19 ... 21: name_remove(n); break;
		case 22 ... 24: name_rename_over(n, other); break;
		case 25: case 26: name_link(n, other); break;
		case 27: case 28: name_replace(n); break;
		case 29: below(3) ? folder_comes_and_goes(worker, turn) : folder_links(worker, turn); break;
		case 30: if (below(2)) folder_bursts(worker, turn); break;
		default: sync_all(); break;
		}
	}
}

static void work_all(void)
{
	long workers = told("workers", 2), ops = told("ops", 300), seed = told("seed", 1);
	int status;

	MUST(mount("/dev/vda1", "/m", "ext4", 0, ""), "/dev/vda1");
	MUST(mkdir("/m/all", 0755), "/m/all");
	sync();
	records_open("/dev/vda2", workers);
	for (int w = 0; w < workers; w++)
		if (fork() == 0) {
			random_state = (uint64_t)seed * 1000 + (uint64_t)w;
			records_of(w);
			work(w, ops);
			_exit(0);
		}
	while (wait(&status) > 0)
		if (status)
			die("worker", "ended");
	MUST(umount("/m"), "/m");
	printf("@@ done\n");
}

int main(void)
{
	const char *what = getenv("crash");

	setvbuf(stdout, NULL, _IOLBF, 0);
	mkdir("/dev", 0755);
	mkdir("/m", 0755);
	mount("dev", "/dev", "devtmpfs", 0, "");
	if (what && !strcmp(what, "look"))
		look_all();
	else if (what && !strcmp(what, "promises"))
		promises_all();
	else
		work_all();
	fflush(stdout);
	reboot(RB_POWER_OFF);
	return 0;
}
