/*
 * The global lock order, as a tree written flat: a lock may be taken only while every lock held has a smaller rank. A debug kernel asserts it.
 * Sleeping locks first, then spinlocks. Equal ranks may nest only by address order where a comment at the lock says so.
 */
#ifndef CORE_LOCKRANK_H
#define CORE_LOCKRANK_H

enum lock_rank {
	RANK_NONE = 0, /* unranked: checked for recursion and context only */
	/* sleeping locks */
	RANK_FILE_POS = 10,   /* held around a whole read or write, whatever that needs: /proc/mounts walks the mounts */
	RANK_MOUNT_MUTEX = 20,
	RANK_RENAME_MUTEX = 22,
	RANK_LOOP = 24,       /* which file each loop device has; a new one makes names in /dev */
	RANK_PARTITIONS = 25, /* while a disk's partitions are read anew: makes names in /dev */
	RANK_EPOLL_GRAPH = 26, /* which epoll watches which */
	RANK_EPOLL_MUTEX = 27, /* of one epoll: held while its answers are copied to the user */
	RANK_INODE = 30,      /* inode->lock: directory contents, size; parent before child */
	RANK_PIPE = 34,
	RANK_ASPACE = 40,     /* aspace->lock; never taken while an inode or page lock is held and user memory touched */
	RANK_BLOCK_OPEN = 42, /* who uses one block device; its last close writes back */
	RANK_PAGE = 44,
	RANK_ORPHANS = 45,     /* of one ext4 file system: inodes to be deleted or cut after a crash */
	RANK_MAP = 46,         /* where the blocks of one inode are */
	RANK_ALLOC = 48,       /* bitmaps and counts of one file system */
	RANK_CHECKPOINT = 50,  /* of one journal */
	RANK_BLOCK_LIST = 59, /* all block devices */
	RANK_SUBSYS_MUTEX = 60,
	/* spinlocks */
	RANK_PROCESS_TREE = 100, /* pid table, parent/child, sessions, groups */
	RANK_FILES_OWNER = 101, /* which table of descriptors each thread has, for the others */
	RANK_FILES = 102,
	RANK_DENTRY = 112,
	RANK_INODE_SPIN = 118,
	RANK_FS_WATCH = 121,  /* who watches which files */
	RANK_PAGECACHE = 122,
	RANK_LIMIT = 123,     /* how much of something is in use (mm/limit.c) */
	RANK_JOURNAL = 124,   /* of one journal: its transactions, and which buffers they hold */
	RANK_BUFFERS = 125,   /* the hash of all buffers */
	RANK_PAGETABLE = 126,
	RANK_TTY_CONTROL = 128, /* of a session's terminal; not taken in interrupts */
	RANK_FUTEX_PI = 130,
	RANK_FUTEX = 131,
	RANK_SOCKET_GC = 132, /* what is under way between UNIX sockets */
	RANK_SOCKET = 133,
	RANK_IPC_TABLE = 133, /* identifiers of System V IPC */
	RANK_IPC_OBJECT = 134, /* one queue, set or segment; a POSIX message queue */
	RANK_THREADS = 136,   /* the list of all threads */
	/* The network's, which threads alone take (net/netdev.h). */
	RANK_NET_SOCKET = 133,
	RANK_NET_ACCEPT = 134,   /* connections that a listener has to hand out */
	RANK_NET_TABLE = 135,    /* who is found under which port or pair of names */
	RANK_NET_HASH = 136,     /* connections by their names */
	RANK_NET_FRAGMENT = 136,
	RANK_NET_REPORT = 136,   /* groups that routers are told of */
	RANK_NET_FILTER = 136,   /* what cards let through */
	RANK_NET_CONFIG = 137,   /* devices, addresses, routes */
	RANK_NET_NEIGHBOUR = 138,
	RANK_NET_TIMER = 139,
	/* from here on: locks that interrupt handlers take, who may have come while any of those above was held */
	RANK_FILE_OWNER = 140,   /* who gets the signals of files */
	RANK_PGROUP = 141,       /* members of process groups */
	RANK_SIGHAND = 142,
	RANK_CRED = 144,         /* the pointer to a thread's credentials */
	RANK_TTY = 146,
	RANK_TTY_DEVICE = 148,
	RANK_DEVICE = 150,       /* the queues of one device, taken by its interrupts */
	RANK_DEVICE_QUEUE = 151, /* one of many queues that several disks of one device share */
	RANK_TIMERFD = 152,
	RANK_DEVICE_LIST = 153,  /* requests that a device's thread has to deal with */
	RANK_EPOLL = 154,
	RANK_ACCOUNT = 158,      /* what users hold, counted wherever it goes away */
	RANK_WAITQUEUE = 160,
	RANK_TIMER = 170,
	RANK_RUNQUEUE = 180,
	RANK_VMALLOC = 184,
	RANK_SLAB = 188,
	RANK_BUDDY = 192,
	RANK_IRQ = 196,
	RANK_LOG = 198,
	RANK_CONSOLE = 199,
};

#endif
