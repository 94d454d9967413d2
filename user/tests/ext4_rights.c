/* stage: 13; libc: musl; run: guest+golden; disk: ext4
 * Names, rights, owners and times on a disk, in the manner of pjdfstest: lines of a small language, each a call by a user, each answered by what it did.
 *
 *	u:g[,g2] call arguments		the call as that user and group (and one more group)
 *	s path				what stat says: kind, mode, owner, links, size
 *	t path				which of its times have changed since the last `t path` of the same name
 *
 * Users: 0; a = 1000, b = 1001, c = 1002, groups of the same numbers.
 */
#include "ext4.h"
#include <sys/sysmacros.h>

static const char script[] =
	/* kinds of files in places that are not what they should be */
	"0:0 mkdir d 755\n0:0 create d/f 644\n0:0 symlink f d/l\n0:0 symlink nowhere d/x\n0:0 symlink loop d/loop\n0:0 mkfifo d/p 644\n0:0 mknod d/c c 644\n0:0 mknod d/b b 644\n"
	"0:0 mkdir d/f/a 755\n0:0 mkdir d/none/a 755\n0:0 mkdir d/f 755\n0:0 mkdir d/l 755\n0:0 mkdir d/x 755\n0:0 mkdir d/. 755\n0:0 mkdir d/.. 755\n0:0 mkdir d/loop/a 755\n"
	"0:0 create d/f/a 644\n0:0 create d/l/a 644\n0:0 create d/x/ 644\n0:0 create d/x 644\n0:0 unlink nowhere\n0:0 unlink d/nowhere\n0:0 open d w\n0:0 open d r\n0:0 open d/loop r\n0:0 open d/f/ r\n"
	"0:0 unlink d\n0:0 unlink d/none\n0:0 unlink d/f/a\n0:0 unlink d/f/\n0:0 unlink d/l/\n0:0 rmdir d\n0:0 rmdir d/f\n0:0 rmdir d/none\n0:0 rmdir d/.\n0:0 rmdir d/..\n0:0 rmdir d/l\n"
	"0:0 link d/f d/f2\n0:0 link d/f d/f2\n0:0 link d d2\n0:0 link d/none d/n\n0:0 link d/f d/none/f\n0:0 link d/f d/f/a\n0:0 link d/l d/l2\n0:0 link d/p d/p2\n0:0 link d/f d/f3/\ns d/f\ns d/l2\ns d/p2\n"
	"0:0 symlink x d/f\n0:0 symlink x d/none/a\n0:0 symlink x d/f/a\n0:0 readlink d/l\n0:0 readlink d/f\n0:0 readlink d\n0:0 readlink d/none\n"
	"0:0 mknod d/f c 644\n0:0 mkfifo d/f 644\n0:0 mkfifo d/none/p 644\n0:0 truncate d/f 100\n0:0 truncate d 100\n0:0 truncate d/none 1\n0:0 truncate d/f -1\n0:0 truncate d/p 1\n0:0 truncate d/loop 1\n0:0 truncate d/l 50\ns d/f\n"
	"0:0 chmod d/none 644\n0:0 chmod d/loop 644\n0:0 chmod d/f/a 644\n0:0 chown d/none 1 1\n0:0 chown d/loop 1 1\n0:0 lchown d/loop 7 8\ns d/loop\n"
	/* rename: every kind over every kind */
	"0:0 mkdir r 755\n0:0 mkdir r/d1 755\n0:0 mkdir r/d2 755\n0:0 mkdir r/full 755\n0:0 create r/full/f 644\n0:0 create r/f1 644\n0:0 create r/f2 600\n0:0 symlink f1 r/l1\n0:0 mkfifo r/p1 644\n"
	"0:0 rename r/f1 r/d1\n0:0 rename r/d1 r/f1\n0:0 rename r/d1 r/full\n0:0 rename r/full r/d2/sub\n0:0 rename r/d2 r/d2/sub/x\n0:0 rename r/d2 r/d2\n0:0 rename r/f1 r/f1\n0:0 rename r/f1 r/none/f\n0:0 rename r/none r/f1\n"
	"0:0 rename r/d1 r/d1/x\n0:0 rename r r/d1/x\n0:0 rename r/f1/ r/x\n0:0 rename r/d1 r/x/\n0:0 rename r/f2 r/y/\n0:0 rename r/x/. r/y\n0:0 rename r/x r/.\n0:0 rename r/x r/..\n0:0 rename . r/y\n"
	"0:0 link r/f1 r/f3\n0:0 rename r/f1 r/f3\ns r/f1\n0:0 rename r/l1 r/f3\ns r/f3\n0:0 rename r/p1 r/f1\ns r/f1\n0:0 rename r/x r/d2\n0:0 rename r/d2/sub r/x\ns r\ns r/d2\n0:0 rename r/d2 r/x\n0:0 rename r/x r/d2\ns r\n"
	"0:0 renamex r/f2 r/f1 1\n0:0 renamex r/f2 r/new 1\ns r/new\n0:0 renamex r/new r/f1 2\ns r/f1\ns r/new\n0:0 renamex r/f1 r/none 2\n0:0 renamex r/f1 r/new 3\n0:0 renamex r/f1 r/new 8\n0:0 renamex r/d2 r/f1 2\ns r/f1\ns r/d2\n0:0 renamex r/f1 r/d2 2\n"
	"0:0 mkdir r/in 755\n0:0 mkdir r/in/in2 755\n0:0 renamex r/in r/in/in2 2\n0:0 renamex r/in/in2 r/in 2\n0:0 renamex r/in/in2 r/d2 2\ns r/in\ns r/d2\n"
	/* sticky and other directories: who may remove, rename, link */
	"0:0 mkdir st 1777\n0:0 chmod st 1777\n1000:1000 create st/a 644\n1001:1001 create st/b 666\n1000:1000 mkdir st/da 777\n1001:1001 unlink st/a\n1001:1001 rename st/a st/z\n1001:1001 rename st/b st/a\n1001:1001 rmdir st/da\n1001:1001 rename st/da st/db\n"
	"1000:1000 rename st/a st/b\n1000:1000 rename st/a st/z\n0:0 chown st 1001 1001\n1001:1001 unlink st/z\n1001:1001 rmdir st/da\n0:0 unlink st/b\n1000:1000 mkdir st/da 755\n1001:1001 mkdir st/db 755\n1001:1001 rename st/da st/dc\n1000:1000 rename st/dc st/dd\n"
	"0:0 mkdir w 755\n0:0 chown w 1000 1000\n1000:1000 mkdir w/s 755\n0:0 mkdir w/root 755\n1000:1000 rename w/s w/t\n1000:1000 rename w/root w/r2\n0:0 mkdir w2 777\n0:0 chmod w2 777\n1000:1000 rename w/r2 w2/r2\n1000:1000 rename w/t w2/t\n1001:1001 rename w2/t w/t\n1001:1001 rename w2/t w2/u\n1000:1000 rmdir w/r2\n"
	"1001:1001 unlink w/none\n1001:1001 mkdir w/none 755\n1001:1001 create w/none 644\n1001:1001 symlink x w/none\n1001:1001 link w2/u w/none\n1001:1001 mkfifo w/none 644\n1001:1001 rmdir w/none\n"
	/* search and write rights along the way */
	"1000:1000 mkdir w/h 700\n1000:1000 create w/h/f 666\n1001:1001 open w/h/f r\n1001:1001 stat w/h/f\n1001:1001 stat w/h\n1001:1001 unlink w/h/f\n1001:1001 chmod w/h/f 644\n1001:1001 rename w/h/f w2/f\n1001:1001 link w/h/f w2/f\n1001:1001 truncate w/h/f 0\n"
	"1000:1000 chmod w/h 100\n1000:1000 open w/h/f r\n1000:1000 readdir w/h\n1000:1000 unlink w/h/f\n1000:1000 chmod w/h 200\n1000:1000 unlink w/h/f\n1000:1000 chmod w/h 300\n1000:1000 rename w/h/f w/h/g\n1000:1000 chmod w/h 400\n1000:1000 readdir w/h\n1000:1000 open w/h/g r\n0:0 open w/h/g r\n1000:1000 chmod w/h 700\n"
	"1000:1000 chmod w/h/g 0\n1000:1000 open w/h/g r\n1000:1000 open w/h/g w\n1000:1000 chmod w/h/g 40\n1000:1000 open w/h/g r\n1001:1000 open w/h/g r\n0:0 chmod w/h 755\n1001:1000 open w/h/g r\n1001:1001,1000 open w/h/g r\n1001:1001 open w/h/g r\n0:0 open w/h/g w\n0:0 chmod w/h/g 4\n1000:1000 open w/h/g r\n1002:1000 open w/h/g r\n1002:1002 open w/h/g r\n"
	"1000:1000 access w/h/g 4\n1002:1002 access w/h/g 4\n1002:1002 access w/h/g 2\n0:0 access w/h/g 7\n0:0 access w/h/g 1\n0:0 access w/h 1\n1000:1000 truncate w/h/g 5\n1000:1000 chmod w/h/g 200\n1000:1000 truncate w/h/g 5\n"
	/* chmod and chown: who, and the bits that go */
	"0:0 create f 4755\n0:0 chmod f 6755\n0:0 chown f 1000 1000\ns f\n0:0 chmod f 6755\ns f\n1001:1001 chmod f 644\n1000:1000 chmod f 6711\ns f\n1000:1001 chmod f 2711\ns f\n1000:1001,1000 chmod f 2711\ns f\n1000:1000 chown f 1001 -1\n1000:1000 chown f -1 1001\n1000:1000 chown f 1000 1000\ns f\n"
	"1000:1000,1001 chmod f 6755\n1000:1000,1001 chown f -1 1001\ns f\n1000:1000 chmod f 6755\n1000:1000,1001 chmod f 6755\ns f\n1000:1000 chown f -1 -1\ns f\n0:0 chmod f 6755\n1001:1001 chown f -1 -1\ns f\n0:0 chown f -1 -1\ns f\n0:0 chmod f 2745\n0:0 chown f 1000 1000\ns f\n"
	"0:0 chmod f 6777\n1001:1001 write f\ns f\n0:0 chmod f 6777\n0:0 write f\ns f\n0:0 chmod f 6767\n1001:1001 truncate f 3\ns f\n0:0 chmod f 6777\n1001:1001 open f t\ns f\n0:0 mkdir sg 2777\n0:0 chmod sg 2777\n0:0 chown sg 1000 1002\ns sg\n0:0 chmod sg 2777\n1000:1000 create sg/f 2755\ns sg/f\n"
	"1000:1000 create sg/g 2745\ns sg/g\n1000:1000 mkdir sg/d 755\ns sg/d\n1000:1000 chmod sg/f 2755\ns sg/f\n0:0 create sg/r 2755\ns sg/r\n1000:1000 mkfifo sg/p 2755\ns sg/p\n1002:1002 create sg/own 2755\ns sg/own\n0:0 chmod f 1777\n1000:1000 chmod f 1777\ns f\n1000:1000 chmod sg 1777\ns sg\n"
	"1000:1000 mknod st/null c 644\n1000:1000 mknod st/reg f 644\n1000:1000 mknod st/so s 644\n1000:1000 mknod st/fi p 644\n0:0 mknod st/bad d 644\n"
	/* links that only owners may make are the VFS's affair; counts are the disk's */
	"s st\n0:0 create n1 644\n0:0 link n1 n2\n0:0 link n2 n3\ns n1\n0:0 unlink n1\ns n3\n0:0 rename n2 n3\ns n2\n0:0 unlink n2\ns n3\n"
	/* times */
	"0:0 mkdir tm 755\n0:0 create tm/f 644\nt tm\nt tm/f\n0:0 write tm/f\nt tm/f\nt tm\n0:0 read tm/f\nt tm/f\n0:0 chmod tm/f 600\nt tm/f\nt tm\n0:0 chown tm/f 5 5\nt tm/f\n0:0 chown tm/f -1 -1\nt tm/f\n0:0 link tm/f tm/g\nt tm/f\nt tm\n0:0 rename tm/g tm/h\nt tm/f\nt tm\n"
	"0:0 truncate tm/f 4\nt tm/f\n0:0 truncate tm/f 4\nt tm/f\n0:0 truncate tm/f 100\nt tm/f\n0:0 open tm/f t\nt tm/f\n0:0 open tm/f t\nt tm/f\n0:0 unlink tm/h\nt tm/f\nt tm\n0:0 mkdir tm/d 755\nt tm\n0:0 rmdir tm/d\nt tm\n0:0 symlink x tm/l\nt tm\n0:0 open tm/f r\nt tm/f\n0:0 create tm/f 644\nt tm/f\nt tm\n"
	"0:0 mkdir tm/d2 755\n0:0 mkdir tm/d3 755\nt tm/d2\nt tm/d3\n0:0 rename tm/f tm/d2/f\nt tm/d2\n0:0 rename tm/d2/f tm/d3/f\nt tm/d2\nt tm/d3\n0:0 chmod tm/none 1\n0:0 rename tm/d2 tm/d3/d2\nt tm/d3\nt tm/d3/d2\n"
	"0:0 create tm/u 666\n0:0 chmod tm/u 666\n0:0 chown tm/u 1000 1000\n1001:1001 utimes tm/u now\n1001:1001 utimes tm/u set\n1000:1000 utimes tm/u set\n0:0 chmod tm/u 644\n1001:1001 utimes tm/u now\n1001:1001 utimes tm/u omit\n1000:1000 utimes tm/u now\n"
	/* long names and paths */
	"0:0 create @255 644\n0:0 create @256 644\n0:0 mkdir @256 755\n0:0 rename @255 @256\n0:0 unlink @255\n0:0 symlink @4095 sl\n0:0 symlink @4096 sl2\n0:0 open sl r\n0:0 symlink @59 s59\n0:0 symlink @60 s60\n0:0 readlink s59\n0:0 readlink s60\ns s60\n";

static char *words[8];
static int count;

static int cut(char *line)
{
	count = 0;
	for (char *w = strtok(line, " "); w && count < 8; w = strtok(NULL, " "))
		words[count++] = w;
	return count;
}

/* @N is a name of N letters. */
static const char *path_of(const char *word)
{
	static char names[2][5000];
	static int turn;
	int n = word[0] == '@' ? atoi(word + 1) : 0;
	char *name = names[turn ^= 1];

	if (!n)
		return word;
	memset(name, 'n', (size_t)n);
	name[n] = '\0';
	return name;
}

static long number(const char *word, int base)
{
	return strtol(word, NULL, base);
}

static long with_file(const char *path, int flags, int what)
{
	static char byte[8] = "data";
	int fd = open(path, flags);
	long n = 0;

	if (fd < 0)
		return -1;
	if (what == 'w')
		n = write(fd, byte, 4);
	if (what == 'r')
		n = read(fd, byte, 4);
	close(fd);
	return n < 0 ? -1 : 0;
}

static long do_call(void)
{
	const char *call = words[1], *a = path_of(words[2]), *b = count > 3 ? path_of(words[3]) : NULL;
	struct timespec set[2] = { { 1000, 5 }, { 2000, 6 } };
	struct stat st;
	char text[5000];

	if (!strcmp(call, "mkdir"))
		return mkdir(a, (mode_t)number(b, 8));
	if (!strcmp(call, "create")) {
		int fd = open(a, O_WRONLY | O_CREAT, (mode_t)number(b, 8));

		return fd < 0 ? -1 : close(fd);
	}
	if (!strcmp(call, "symlink"))
		return symlink(a, b);
	if (!strcmp(call, "link"))
		return linkat(AT_FDCWD, a, AT_FDCWD, b, 0);
	if (!strcmp(call, "unlink"))
		return unlink(a);
	if (!strcmp(call, "rmdir"))
		return rmdir(a);
	if (!strcmp(call, "rename"))
		return rename(a, b);
	if (!strcmp(call, "renamex"))
		return SYS(renameat2, AT_FDCWD, a, AT_FDCWD, b, number(words[4], 10));
	if (!strcmp(call, "mkfifo"))
		return mkfifo(a, (mode_t)number(b, 8));
	if (!strcmp(call, "mknod")) {
		mode_t kind = *b == 'c' ? S_IFCHR : *b == 'b' ? S_IFBLK : *b == 'f' ? S_IFREG : *b == 's' ? S_IFSOCK : *b == 'p' ? S_IFIFO : S_IFDIR;

		return mknod(a, kind | (mode_t)number(words[4], 8), makedev(1, 3));
	}
	if (!strcmp(call, "open"))
		return with_file(a, (*b == 'r' ? O_RDONLY : *b == 't' ? O_WRONLY | O_TRUNC : O_WRONLY) | O_NONBLOCK, 0);
	if (!strcmp(call, "write") || !strcmp(call, "read"))
		return with_file(a, *call == 'w' ? O_WRONLY : O_RDONLY, *call);
	if (!strcmp(call, "truncate"))
		return truncate(a, number(b, 10));
	if (!strcmp(call, "chmod"))
		return chmod(a, (mode_t)number(b, 8));
	if (!strcmp(call, "chown"))
		return chown(a, (uid_t)number(b, 10), (gid_t)number(words[4], 10));
	if (!strcmp(call, "lchown"))
		return lchown(a, (uid_t)number(b, 10), (gid_t)number(words[4], 10));
	if (!strcmp(call, "readlink"))
		return readlink(a, text, sizeof(text));
	if (!strcmp(call, "stat"))
		return stat(a, &st);
	if (!strcmp(call, "readdir"))
		return with_file(a, O_RDONLY | O_DIRECTORY, 0);
	if (!strcmp(call, "access"))
		return SYS(faccessat, AT_FDCWD, a, number(b, 10));
	if (!strcmp(call, "utimes")) {
		if (!strcmp(b, "omit"))
			set[0].tv_nsec = set[1].tv_nsec = UTIME_OMIT;
		return utimensat(AT_FDCWD, a, strcmp(b, "now") ? set : NULL, 0);
	}
	errno = ENOSYS;
	return -1;
}

/* One child a call: credentials are not given back. What it came to, through its exit status. */
static int as_user(void)
{
	gid_t groups[2];
	char *at = words[0];
	uid_t user = (uid_t)strtol(at, &at, 10);
	int status = 0, n = 0;
	pid_t pid;

	groups[n++] = (gid_t)strtol(at + 1, &at, 10);
	if (*at == ',')
		groups[n++] = (gid_t)strtol(at + 1, &at, 10);
	if (!user)
		return do_call() < 0 ? errno : 0;
	pid = fork();
	if (!pid) {
		NEED(SYS(setgroups, n - 1, groups + 1) == 0 && SYS(setresgid, groups[0], groups[0], groups[0]) == 0 && SYS(setresuid, user, user, user) == 0);
		_exit(do_call() < 0 ? errno : 0);
	}
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

static void say_stat(const char *path)
{
	static const char kinds[] = "?pc?d?b?-?l?s?";
	struct stat st;

	if (lstat(path, &st))
		say("%s\n", errname(errno));
	else
		say("%c%04o %u:%u links %lu size %ld\n", kinds[st.st_mode >> 12], st.st_mode & 07777, st.st_uid, st.st_gid, (unsigned long)st.st_nlink, S_ISDIR(st.st_mode) ? 0 : (long)st.st_size);
}

static void say_times(const char *path)
{
	static struct {
		char path[32];
		struct timespec a, m, c;
	} known[32];
	struct stat st;
	size_t k = 0;

#define CHANGED(x, y) ((x).tv_sec != (y).tv_sec || (x).tv_nsec != (y).tv_nsec)
	if (lstat(path, &st)) {
		say("%s\n", errname(errno));
		return;
	}
	while (known[k].path[0] && strcmp(known[k].path, path))
		k++;
	if (known[k].path[0])
		say("%s%s%s\n", CHANGED(st.st_atim, known[k].a) ? "a" : "-", CHANGED(st.st_mtim, known[k].m) ? "m" : "-", CHANGED(st.st_ctim, known[k].c) ? "c" : "-");
	else
		say("noted\n");
	strncpy(known[k].path, path, sizeof(known[k].path) - 1);
	known[k].a = st.st_atim;
	known[k].m = st.st_mtim;
	known[k].c = st.st_ctim;
	nap(12); /* the next change has another time */
}

int main(void)
{
	char *all = strdup(script), *next;

	disk_enter();
	umask(0);
	for (char *line = all; line && *line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		say("%s: ", line);
		cut(line);
		if (!strcmp(words[0], "s"))
			say_stat(words[1]);
		else if (!strcmp(words[0], "t"))
			say_times(words[1]);
		else
			say("%s\n", ({ int e_ = as_user(); e_ ? errname(e_) : "done"; }));
	}
	return 0;
}
