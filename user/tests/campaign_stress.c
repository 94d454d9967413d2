/* stage: 12; libc: musl; run: campaign
 * Storms of legal work on all CPUs, one kind after the other (ONLY= names some): what is looked for is a panic, work that
 * stops going on (a lost wake-up), wrong contents, and memory that does not come back. Each kind is a file in campaign_stress/. */
#include "campaign_stress/storm.h"
#include <dirent.h>

struct shared *shared;
long end;

bool going(int me)
{
	atomic_fetch_add(&shared->done[me], 1);
	return now_ms() < end && !atomic_load(&shared->stop);
}

void mistake(const char *what)
{
	if (atomic_fetch_add(&shared->wrong, 1) < 10)
		say("WRONG: %s (%s)\n", what, errname(errno));
}

static const struct { const char *name; void (*run)(int me); } kinds[] = {
	{ "forks", storm_forks }, { "maps", storm_maps }, { "pipes", storm_pipes }, { "futexes", storm_futexes }, { "threads", storm_threads }, { "names", storm_names },
	{ "signals", storm_signals }, { "ptys", storm_ptys }, { "procs", storm_procs }, { "mounts", storm_mounts }, { "files", storm_files }, { "hogs", storm_hogs },
};

static void run(size_t kind, int workers, long seconds, uint64_t seed)
{
	unsigned long after, last = 0;
	long free_before = meminfo("MemFree:"), start = now_ms();
	struct patience still, late = { 0, 0 };
	pid_t pid[64];

	memset(shared, 0, sizeof(*shared));
	end = now_ms() + seconds * 1000;
	for (int i = 0; i < workers; i++) {
		pid[i] = fork();
		if (pid[i] == 0) {
			random_state = seed * 1000 + (uint64_t)i + kind * 77;
			setpgid(0, 0);
			kinds[kind].run(i);
			_exit(0);
		}
	}
	still = patience_start();
	for (int left = workers; left > 0;) {
		nap(200);
		while (left > 0 && waitpid(-1, NULL, WNOHANG) > 0)
			left--;
		after = 0;
		for (int i = 0; i < workers; i++)
			after += atomic_load(&shared->done[i]);
		if (after != last) {
			last = after;
			still = patience_start();
		} else if (patience_spent(&still) > 20000) {
			say("STUCK: %s: nothing went on for 20 s\n", kinds[kind].name);
			still = patience_start();
		}
		if (now_ms() < end)
			late = patience_start();
		else if (patience_spent(&late) > 40000) {
			say("STUCK: %s: %d workers do not end\n", kinds[kind].name, left);
			for (int i = 0; i < workers; i++) {
				char path[64], text[256];
				int fd;
				ssize_t n;

				snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid[i]);
				fd = open(path, O_RDONLY);
				n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
				text[n > 0 ? n : 0] = '\0';
				close(fd);
				say("  %s", text);
				kill(-pid[i], SIGKILL);
				kill(pid[i], SIGKILL);
			}
			nap(2000);
			while (waitpid(-1, NULL, WNOHANG) > 0)
				;
			break;
		}
	}
	for (int i = 0; i < workers; i++)
		if (pid[i] > 0)
			kill(-pid[i], SIGKILL);
	nap(300);
	say("%s: %ld s, %lu rounds, %lu wrong, free KiB %ld before, %ld after\n", kinds[kind].name, (now_ms() - start) / 1000, last,
	    (unsigned long)atomic_load(&shared->wrong), free_before, meminfo("MemFree:"));
}

static int remove_tree(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	char name[512];

	while (d && (e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		if (unlink(name) < 0)
			remove_tree(name);
	}
	if (d)
		closedir(d);
	return rmdir(path);
}

int main(int argc, char **argv)
{
	long seconds = told("TIME", 60), workers = told("WORKERS", 6), each;
	uint64_t seed = (uint64_t)told("SEED", 1);
	const char *only = getenv("ONLY");
	int count = 0;

	(void)argv;
	if (argc > 1)
		return 0;
	for (size_t i = 0; i < COUNT(kinds); i++)
		count += !only || strstr(only, kinds[i].name);
	each = seconds / (count ? count : 1) + 1;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	NEED(shared != MAP_FAILED && workers <= 64);
	say("storms: seed %lu, %ld seconds each, %ld workers\n", (unsigned long)seed, each, workers);
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (!only || strstr(only, kinds[i].name)) {
			run(i, (int)workers, each, seed);
			remove_tree("/tmp/n");
		}
	return 0;
}
