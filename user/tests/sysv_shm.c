/* stage: 12; libc: musl; run: host+guest
 * System V shared memory: attach, detach, fork, exec, exit, removal while attached, addresses, rights, bad input. */
#include "t.h"
#include <sys/ipc.h>
#include <sys/shm.h>

#ifndef SHM_EXEC
#define SHM_EXEC 0100000
#endif
static int id;

static void show(const char *when)
{
	struct shmid_ds ds;

	if (shmctl(id, IPC_STAT, &ds)) {
		say("%s: %s\n", when, errname(errno));
		return;
	}
	say("%s: mode %o, %lu bytes, %lu attached; attached ever %d, detached ever %d, last is me %d\n", when, ds.shm_perm.mode, (unsigned long)ds.shm_segsz,
	    (unsigned long)ds.shm_nattch, ds.shm_atime != 0, ds.shm_dtime != 0, ds.shm_lpid == getpid());
}

static void life(void)
{
	char *a, *b;

	show("new");
	a = shmat(id, NULL, 0);
	NEED(a != (void *)-1);
	show("attached");
	T(((long)a & 4095) == 0);
	T(a[0] == 0 && a[9999] == 0);
	strcpy(a, "hello");
	b = shmat(id, NULL, SHM_RDONLY);
	NEED(b != (void *)-1 && b != a);
	S(b);
	strcpy(a + 8000, "far");
	S(b + 8000);
	show("twice");
	IN_CHILD("inherits") {
		show("in the child");
		strcpy(a, "from the child");
		R(shmdt(a));
		show("let go");
	}
	S(b);
	show("after it");
	IN_CHILD("writes to what it may only read") {
		b[0] = 1;
	}
	R(mprotect(b, 4096, PROT_READ | PROT_WRITE));
	R(mprotect(a, 4096, PROT_READ));
	IN_CHILD("other program") {
		char *args[] = { "/proc/self/exe", "show", NULL, NULL }, number[20];
		snprintf(number, sizeof(number), "%d", id);
		args[2] = number;
		execv(args[0], args);
	}
	/* The rest of the last page is there; nothing is behind it. */
	IN_CHILD("the last page") {
		b[12287] = b[12287];
	}
	T(b[12287] == 0);
	R(shmdt(a + 4096));
	R(shmdt(a + 1));
	R(shmdt(a));
	R(shmdt(a));
	R(shmdt(b));
	show("alone");
	a = shmat(id, NULL, 0);
	S(a);
	/* A part unmapped by hand: the rest is still attached. */
	R(munmap(a + 4096, 4096));
	show("a hole");
	R(shmdt(a));
	show("detached");
}

static void places(void)
{
	char *base = mmap(NULL, 1 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *at;

	NEED(base != MAP_FAILED);
	R(shmat(id, base, 0));
	R(shmat(id, base + 1, 0));
	R(shmat(id, base + 1, SHM_RND));
	R(shmat(id, NULL, SHM_REMAP));
	R(shmat(id, (void *)1, SHM_RND | SHM_REMAP));
	at = shmat(id, base + 8192 + 5, SHM_RND | SHM_REMAP);
	T(at == base + 8192);
	S(at);
	T(shmat(id, at + 4096, SHM_REMAP) == at + 4096);
	show("over itself");
	R(shmdt(at));
	show("one left");
	R(shmdt(at + 4096));
	NEED(munmap(base, 1 << 20) == 0);
	at = shmat(id, base, 0);
	T(at == base);
	R(shmdt(at));
	R(shmat(id, (void *)0x7ffffffff000, 0));
	R(shmat(id, (void *)0xfffffffffffff000, 0));
	at = shmat(id, NULL, SHM_EXEC);
	T(at != (void *)-1);
	at[0] = (char)0xc3;
	((void (*)(void))(uintptr_t)at)();
	R(shmdt(at));
	R(shmdt(NULL));
	/* The stack is no attachment. */
	R(shmdt((void *)((long)&at & ~4095L)));
}

static void removal(void)
{
	struct shmid_ds ds;
	int other;
	char *a;

	id = shmget(0x5a5a, 100, IPC_CREAT | 0600);
	a = shmat(id, NULL, 0);
	strcpy(a, "still here");
	R(shmctl(id, IPC_RMID, NULL));
	show("removed while attached");
	NEED(shmctl(id, IPC_STAT, &ds) == 0);
	X(ds.shm_perm.__ipc_perm_key);
	S(a);
	R(shmget(0x5a5a, 100, 0));
	other = shmget(0x5a5a, 100, IPC_CREAT | IPC_EXCL | 0600);
	T(other >= 0 && other != id);
	/* It may still be attached by number. */
	IN_CHILD("attaches it") {
		char *b = shmat(id, NULL, 0);
		S(b);
	}
	show("still");
	R(shmctl(id, IPC_RMID, NULL));
	R(shmdt(a));
	show("gone");
	R(shmat(id, NULL, 0));
	id = other;
	R(shmctl(other, IPC_RMID, NULL));
	show("gone at once");
	id = shmget(IPC_PRIVATE, 5000, 0600);
	IN_CHILD("the last one ends") {
		shmat(id, NULL, 0);
		shmat(id, NULL, 0);
		shmctl(id, IPC_RMID, NULL);
		show("in it");
	}
	show("after its end");
}

static void bad(void)
{
	struct shmid_ds ds;

	id = shmget(IPC_PRIVATE, 4096, 0600);
	R(shmget(IPC_PRIVATE, 0, 0600));
	R(shmget(IPC_PRIVATE, -1, 0600));
	R(shmget(IPC_PRIVATE, 1UL << 62, 0600));
	R(shmget(IPC_PRIVATE, 1UL << 63, 0600));
	R(shmget(IPC_PRIVATE, -4096UL, 0600));
	R(shmat(-1, NULL, 0));
	R(shmat(id + 32768, NULL, 0));
	R(shmat(id + 555, NULL, 0));
	R(shmctl(-1, IPC_STAT, &ds));
	R(shmctl(id, -1, &ds));
	R(shmctl(id, 99, &ds));
	R(shmctl(id + 32768, IPC_STAT, &ds));
	R(SYS(shmctl, id, IPC_STAT, 8L));
	R(SYS(shmctl, id, IPC_SET, 8L));
	R(SYS(shmctl, id, IPC_INFO, 8L));
	R(shmctl(31000, SHM_STAT, &ds));
	R(shmctl(id, SHM_LOCK, NULL));
	show("locked");
	R(shmctl(id, SHM_UNLOCK, NULL));
	show("unlocked");
	R(shmget(0x7b7b, 100, 0600));
	int key = shmget(0x7b7b, 100, IPC_CREAT | 0600);
	R(shmget(0x7b7b, 101, 0600));
	T(shmget(0x7b7b, 0, 0) == key);
	T(shmget(0x7b7b, 99, IPC_CREAT) == key);
	R(shmget(0x7b7b, 100, IPC_CREAT | IPC_EXCL));
	R(shmctl(key, IPC_RMID, NULL));
}

static void rights(void)
{
	struct shmid_ds ds;
	char *a;

	IN_CHILD("a low address") {
		/* Rounded down to nothing, it is still an address, and one that is not for everybody. */
		int own;
		NEED(setuid(1234) == 0 && (own = shmget(IPC_PRIVATE, 1, 0600)) >= 0);
		R(shmat(own, (void *)1, SHM_RND));
		R(shmctl(own, IPC_RMID, NULL));
	}
	IN_CHILD("another user") {
		NEED(setgid(99) == 0 && setuid(99) == 0);
		R(shmat(id, NULL, 0));
		R(shmat(id, NULL, SHM_RDONLY));
		R(shmctl(id, IPC_STAT, &ds));
		R(shmctl(id, IPC_RMID, NULL));
		R(shmctl(id, SHM_LOCK, NULL));
		R(shmctl(id, SHM_UNLOCK, NULL));
	}
	NEED(shmctl(id, IPC_STAT, &ds) == 0);
	ds.shm_perm.mode = 0644;
	R(shmctl(id, IPC_SET, &ds));
	IN_CHILD("may read") {
		NEED(setgid(99) == 0 && setuid(99) == 0);
		R(shmat(id, NULL, 0));
		a = shmat(id, NULL, SHM_RDONLY);
		T(a != (void *)-1);
		R(shmat(id, NULL, SHM_RDONLY | SHM_EXEC));
		R(mprotect(a, 4096, PROT_WRITE));
		R(shmctl(id, IPC_SET, &ds));
	}
	ds.shm_perm.uid = 99;
	R(shmctl(id, IPC_SET, &ds));
	IN_CHILD("the owner") {
		NEED(setgid(99) == 0 && setuid(99) == 0);
		a = shmat(id, NULL, 0);
		T(a != (void *)-1);
		R(shmctl(id, SHM_UNLOCK, NULL));
		R(shmctl(id, IPC_RMID, NULL));
	}
	show("removed by its owner");
}

static void information(void)
{
	struct shminfo limits;
	struct shm_info info;
	struct shmid_ds ds;
	char line[400], *a;
	int index;

	id = shmget(0x11, 9000, IPC_CREAT | 0640);
	a = shmat(id, NULL, 0);
	a[0] = a[4096] = 1;
	index = shmctl(0, IPC_INFO, (void *)&limits);
	T(index >= (id & 32767));
	say("%lu %lu %lu %lu %lu\n", limits.shmmax, limits.shmmin, limits.shmmni, limits.shmseg, limits.shmall);
	T(shmctl(0, SHM_INFO, (void *)&info) == index);
	T(info.used_ids >= 1 && info.shm_tot >= 3 && info.shm_rss >= 2);
	V(info.shm_swp);
	T(shmctl(id & 32767, SHM_STAT, &ds) == id);
	V(ds.shm_nattch);
	T(ds.shm_cpid == getpid());
	FILE *f = fopen("/proc/sysvipc/shm", "r");
	NEED(f && fgets(line, sizeof(line), f));
	say("%s", line);
	while (fgets(line, sizeof(line), f)) {
		int key, got;
		if (sscanf(line, "%d %d", &key, &got) == 2 && got == id) {
			V(strlen(line));
			S(line + strlen(line) - 45);
			line[50] = 0;
			say("%d          I%s\n", key, line + 21);
		}
	}
	fclose(f);
	f = fopen("/proc/self/maps", "r");
	NEED(f);
	while (fgets(line, sizeof(line), f))
		if (strstr(line, "SYSV")) {
			unsigned long from, to, offset, inode;
			char rights_[8], name[100];
			unsigned major_, minor_;
			sscanf(line, "%lx-%lx %7s %lx %x:%x %lu %99[^\n]", &from, &to, rights_, &offset, &major_, &minor_, &inode, name);
			say("%s %ld %s, inode is id: %d\n", rights_, (long)(to - from), name + strspn(name, " "), inode == (unsigned long)id);
		}
	fclose(f);
	R(shmctl(id, IPC_RMID, NULL));
	R(shmdt(a));
}

int main(int argc, char **argv)
{
	if (argc > 2) {
		id = atoi(argv[2]);
		show("in the other program");
		return 0;
	}
	id = shmget(IPC_PRIVATE, 10000, 0600);
	NEED(id >= 0);
	life();
	places();
	R(shmctl(id, IPC_RMID, NULL));
	removal();
	bad();
	rights();
	information();
	return 0;
}
