/* stage: 13; libc: musl; run: guest+golden; disk: ext4
 * Options of mount: which are taken, what /proc/mounts says of them, what stays after a remount that is refused, and what some of them do. */
#include "ext4.h"
#include <sys/klog.h>

static const char *const options[] = {
	"", "auto_da_alloc", "auto_da_alloc=0", "noauto_da_alloc", "data=ordered", "data=writeback", "data=foo", "data", "nobarrier", "barrier", "barrier=0", "barrier=1",
	"barrier=x", "journal_checksum", "nojournal_checksum", "journal_async_commit", "commit=5", "commit=0", "commit=7", "commit=-1", "commit=x", "commit", "commit=99999999999",
	"errors=remount-ro", "errors=continue", "errors=x", "user_xattr", "user_xattr=1", "acl", "noacl", "nouser_xattr", "resuid=7", "resgid=5", "resgid=x",
	"stripe=16", "stripe", "init_itable", "init_itable=10", "noinit_itable", "noquota", "prjquota", "usrjquota=", "max_batch_time=100", "min_batch_time=3",
	"inode_readahead_blks=16", "inode_readahead_blks=15", "inode_readahead_blks=0", "journal_ioprio=3", "journal_ioprio=8", "block_validity", "noblock_validity",
	"delalloc", "nodelalloc", "minixdf", "bsddf", "grpid", "bsdgroups", "nogrpid", "sysvgroups", "grpid,nogrpid", "sb=1", "journal_path=/nowhere", "i_version", "noi_version",
	"oldalloc", "orlov", "orlov=1", "bh", "nobh", "nombcache", "no_mbcache", "mblk_io_submit", "nomblk_io_submit", "no_prefetch_block_bitmaps", "reservation", "noreservation",
	"dioread_nolock", "dioread_lock", "check=none", "nocheck", "data_err=ignore", "data_err=x", "norecovery", "noload", "foo", "foo=bar", "noatime", "jqfmt=x", "dax=x",
	"errors=remount-ro,commit=7,stripe=8,nobarrier,data=writeback,journal_checksum,minixdf,resuid=3",
};

static void show(const char *what)
{
	char line[512], *at, *end;
	FILE *f = fopen("/proc/mounts", "r");

	while (f && fgets(line, sizeof(line), f)) {
		if (!strstr(line, disk_top) || !(at = strstr(line, " ext4 ")) || !(end = strstr(at, " 0 0")))
			continue;
		*end = 0;
		say("%s: %s\n", what, at + 6);
	}
	fclose(f);
}

static void try(const char *text)
{
	char what[200];

	if (mount(DISK, disk_top, "ext4", 0, text) < 0) {
		say("%s: %s\n", text, errname(errno));
		return;
	}
	snprintf(what, sizeof(what), "\"%s\"", text);
	show(what);
	NEED(umount(disk_top) == 0);
}

static void remount(const char *text)
{
	say("remount %s: ", text);
	R(mount(NULL, disk_top, NULL, MS_REMOUNT, text));
	show("then");
}

/* Who the group of what is new is. */
static void groups(void)
{
	struct stat st;
	int fd;

	umask(0);
	NEED(mkdir("d", 0777) == 0 && chown("d", 0, 77) == 0 && chmod("d", 0777) == 0);
	NEED((fd = open("d/f", O_CREAT | O_RDWR, 02755)) >= 0 && stat("d/f", &st) == 0);
	close(fd);
	say("file: group %d mode %o\n", (int)st.st_gid, st.st_mode);
	NEED(mkdir("d/e", 0755) == 0 && stat("d/e", &st) == 0);
	say("folder: group %d mode %o\n", (int)st.st_gid, st.st_mode);
	NEED(unlink("d/f") == 0 && rmdir("d/e") == 0 && rmdir("d") == 0);
}

int main(void)
{
	struct statfs a, b;

	klogctl(6, NULL, 0); /* the console is for what this prints */
	disk_enter();
	groups();
	NEED(statfs(".", &a) == 0);
	remount("minixdf,grpid");
	NEED(statfs(".", &b) == 0);
	T(b.f_blocks > a.f_blocks && b.f_blocks == 24576);
	groups();
	remount("bsddf,sysvgroups");
	groups();
	remount("commit=9,errors=remount-ro");
	remount("commit=3,foo,stripe=9");
	remount("data=writeback");
	remount("data=ordered");
	remount("nobarrier,noload,commit=5");
	remount("barrier,errors=continue");
	disk_leave();
	for (unsigned k = 0; k < sizeof(options) / sizeof(*options); k++)
		try(options[k]);
	klogctl(7, NULL, 0);
	return 0;
}
