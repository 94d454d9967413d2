/* stage: 13; libc: musl; run: debug; disk: ext4
 * Calls on an ext4 while each thing in them that can fail does, in turn (fault.h): memory, copies, and what the disk is told to read and to write. Where that
 * last was of the journal, the file system may go read-only, and is as good as new when it is mounted again; where memory was short, it must not. */
#define FAULT_DEVICE "/dev/vda"
#define FAULT_TYPE "ext4"
#define _GNU_SOURCE
#include "fault.h"
#include "ext4.h"
#include <dirent.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>

enum { BIG = 40 * 4096 };
static int data = -1, folder = -1, made = -1, short_of_memory;
static char big[BIG] __attribute__((aligned(4096)));
static void *mapped;

static void open_all(void)
{
	NEED((data = open("data", O_RDWR | O_CREAT, 0600)) >= 0 && (folder = open("d", O_RDONLY | O_DIRECTORY)) >= 0);
}
static void forget(void) { NEED(posix_fadvise(data, 0, 0, POSIX_FADV_DONTNEED) == 0); }
static void close_made(long fd) { shut(fd); unlink("made"); }

static long do_create(void) { return SYS(open, "made", O_RDWR | O_CREAT | O_EXCL, 0600); }
static long do_tmpfile(void) { return SYS(open, ".", O_RDWR | O_TMPFILE, 0600); }
static long do_mkdir(void) { return SYS(mkdir, "d/new", 0700); }
static void undo_mkdir(long r) { (void)r; rmdir("d/new"); }
static void make_dir(void) { mkdir("d/new", 0700); }
static long do_rmdir(void) { return SYS(rmdir, "d/new"); }
static long do_rename(void) { return SYS(rename, "f", "d/g"); }
static void undo_rename(long r) { (void)r; rename("d/g", "f"); }
static long do_symlink(void) { return SYS(symlink, "a target of more than sixty bytes, so that it has a block of its own and is not kept in the inode", "s"); }
static void undo_symlink(long r) { (void)r; unlink("s"); }
static long do_link(void) { return SYS(link, "f", "d/hard"); }
static void undo_link(long r) { (void)r; unlink("d/hard"); }
static void make_link(void) { if (link("f", "d/hard") < 0) NEED(errno == EEXIST); }
static long do_unlink(void) { return SYS(unlink, "d/hard"); }
/* What cannot be deleted at once is deleted by the next mount: nobody is told. */
static void a_last_name(void)
{
	int fd = open("gone", O_RDWR | O_CREAT, 0600);

	NEED(fd >= 0 && write(fd, big, BIG) == BIG && pwrite(fd, big, 5000, 1 << 20) == 5000 && fsetxattr(fd, "user.name", big, 3000, 0) == 0 && fsync(fd) == 0);
	close(fd);
}
static long do_unlink_last(void) { return SYS(unlink, "gone"); }
static long do_mknod(void) { return SYS(mknod, "fifo", S_IFIFO | 0600, 0); }
static void undo_mknod(long r) { (void)r; unlink("fifo"); }
static long do_getdents(void) { lseek(folder, 0, SEEK_SET); return SYS(getdents64, folder, buffer, sizeof(buffer)); }
static long do_chmod(void) { static int mode; return SYS(fchmod, data, 0600 | (mode ^= 040)); }
static long do_setxattr(void) { return SYS(setxattr, "f", "user.name", big, 3000, 0); }
static void undo_setxattr(long r) { (void)r; removexattr("f", "user.name"); }
static long do_getxattr(void) { return SYS(getxattr, "x", "user.kept", buffer, 4000); }
static long do_pread(void) { return SYS(pread64, data, big, BIG, 0); }
static long do_pwrite(void) { return SYS(pwrite64, data, big, BIG, 100); }
static long do_append(void) { return SYS(pwrite64, data, big, 20000, BIG); }
static void undo_append(long r) { (void)r; ftruncate(data, BIG); }
static void something_new(void) { NEED(pwrite(data, big, BIG, 0) == BIG); }
static long do_fsync(void) { return SYS(fsync, data); }
static void undo_fsync(long r) { (void)r; }
static long do_sync_file(void) { return SYS(sync_file_range, data, 0, BIG, 7); }
static void a_direct(void) { NEED((made = open("data", O_RDWR | O_DIRECT)) >= 0); }
static void no_direct(long r) { (void)r; close(made); }
static long do_read_direct(void) { return SYS(pread64, made, big, 8192, 4096); }
static long do_write_direct(void) { return SYS(pwrite64, made, big, 8192, 4096); }
static long do_fallocate(void) { return SYS(fallocate, data, 0, BIG, 1 << 20); }
static long do_punch(void) { return SYS(fallocate, data, FA_PUNCH_HOLE | FA_KEEP_SIZE, 8192, 8192); }
static void fill_again(long r) { (void)r; NEED(pwrite(data, big, BIG, 0) == BIG && fsync(data) == 0); }
static long do_truncate(void) { return SYS(ftruncate, data, 5000); }
static long do_fiemap(void) { static struct map_request r; r = (struct map_request){ .length = BIG }; return SYS(ioctl, data, IOC_FIEMAP, &r); }
static long do_seek(void) { return SYS(lseek, data, 0, SEEK_HOLE); }
static long do_map(void)
{
	mapped = (void *)SYS(mmap, 0, BIG, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, data, 0);
	return mapped == MAP_FAILED ? -1 : 0;
}
static void unmap(long r) { (void)r; munmap(mapped, BIG); }
static void a_map(void)
{
	NEED(do_map() == 0);
	for (int i = 0; i < BIG; i += 4096)
		((volatile char *)mapped)[i] = 'm';
}
static long do_msync(void) { return SYS(msync, mapped, BIG, MS_SYNC); }
static long do_copy_range(void) { loff_t from = 0, to = BIG; return SYS(copy_file_range, data, &from, data, &to, 8192, 0); }
static long do_statfs(void) { return SYS(statfs, ".", buffer); }
static long do_stat(void) { return SYS(stat, "d/../f", buffer); }

/* The whole of it: mounted a second time below, it is the same file system; so it is taken away first. */
static void leave(void)
{
	close(data);
	close(folder);
	NEED(chdir("/") == 0 && umount2("/tmp/fault", 0) == 0);
}
static long do_mount(void) { return SYS(mount, FAULT_DEVICE, "/tmp/fault", FAULT_TYPE, 0, NULL); }
static void come_back(long r) { (void)r; NEED(chdir("/tmp/fault") == 0); open_all(); }
static void away(void) { close(data); close(folder); NEED(chdir("/") == 0); }
static long do_umount(void) { return SYS(umount2, "/tmp/fault", 0); }
static void mount_again(long r) { (void)r; NEED(do_mount() == 0); come_back(0); }

static const struct one cases[] = {
	{ "open O_CREAT", nothing, do_create, close_made, 0 }, { "open O_TMPFILE", nothing, do_tmpfile, shut, 0 }, { "mkdir", nothing, do_mkdir, undo_mkdir, 0 },
	{ "rmdir", make_dir, do_rmdir, none, 0 }, { "rename", nothing, do_rename, undo_rename, 0 }, { "symlink", nothing, do_symlink, undo_symlink, 0 },
	{ "link", nothing, do_link, undo_link, 0 }, { "unlink", make_link, do_unlink, none, 0 }, { "unlink of the last name", a_last_name, do_unlink_last, none, 0 }, { "mknod", nothing, do_mknod, undo_mknod, 0 },
	{ "getdents", nothing, do_getdents, none, 0 }, { "fchmod", nothing, do_chmod, none, 0 }, { "setxattr", nothing, do_setxattr, undo_setxattr, 0 },
	{ "getxattr", nothing, do_getxattr, none, 0 }, { "pread", forget, do_pread, none, 0 }, { "pwrite", forget, do_pwrite, undo_append, 0 },
	{ "pwrite behind the end", nothing, do_append, undo_append, 0 }, { "fsync", something_new, do_fsync, undo_fsync, 0 },
	{ "sync_file_range", something_new, do_sync_file, none, 0 }, { "pread O_DIRECT", a_direct, do_read_direct, no_direct, 0 },
	{ "pwrite O_DIRECT", a_direct, do_write_direct, no_direct, 0 }, { "fallocate", nothing, do_fallocate, undo_append, 0 },
	{ "punching a hole", nothing, do_punch, fill_again, 0 }, { "ftruncate", nothing, do_truncate, fill_again, 0 }, { "FIEMAP", nothing, do_fiemap, none, 0 },
	{ "SEEK_HOLE", nothing, do_seek, none, 0 }, { "mmap", forget, do_map, unmap, 0 }, { "msync", a_map, do_msync, unmap, 0 },
	{ "copy_file_range", nothing, do_copy_range, undo_append, 0 }, { "statfs", nothing, do_statfs, none, 0 }, { "stat", nothing, do_stat, none, 0 },
	{ "mount", leave, do_mount, come_back, 0 }, { "umount", away, do_umount, mount_again, 0 },
};

static void prepare(void)
{
	memset(buffer, 'x', sizeof(buffer));
	memset(big, 'y', sizeof(big));
	mkdir("d", 0700);
	put_text("f", "0123456789");
	put_text("x", "attributes");
	NEED(setxattr("x", "user.kept", big, 3000, 0) == 0);
	open_all();
	fill_again(0);
}

static void mend(void)
{
	struct statvfs now;

	if (statvfs("/tmp/fault", &now) < 0 || !(now.f_flag & ST_RDONLY))
		return;
	if (short_of_memory)
		say("WRONG: read-only for want of memory\n");
	leave();
	mount_again(0);
}

static int allowed(const struct one *c, int error)
{
	(void)c;
	short_of_memory = error == ENOMEM || error == EFAULT;
	return short_of_memory || error == EIO || error == EROFS;
}

int main(void)
{
	return try_all(cases, COUNT(cases));
}
