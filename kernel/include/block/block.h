/*
 * Block devices: disks, their partitions, and the way of a request to a driver.
 *
 *   block_submit(io) --> pending list of the disk, merged with its neighbours --> driver's start() --> device
 *        io->done()  <-------------- disk_complete(), in interrupt context <---------------------------'
 *
 * An io is its submitter's memory until done() was called. Ios that were merged go to the driver as one request: the first of them leads, the others
 * hang on its `merged` list.
 *
 * Locks: disk->lock (spin, taken by interrupts) guards the pending list and the driver's state. Disks are added and never removed. The partitions of one are read anew
 * (BLKRRPART) while nobody uses them; a device that is gone by that stays in memory until there is one of its number again, so that who found it may look at it.
 */
#ifndef BLOCK_BLOCK_H
#define BLOCK_BLOCK_H

#include "lib/list.h"
#include "vfs/vfs.h"

#define SECTOR_SIZE 512ul
#define SECTOR_SHIFT 9
#define BLOCK_EXT_MAJOR 259u

struct block_device;
struct disk;

enum block_op { BLOCK_READ, BLOCK_WRITE, BLOCK_FLUSH, BLOCK_DISCARD, BLOCK_ZERO /* written as zeroes, which are not sent */ };
enum { BLOCK_OPS = BLOCK_ZERO + 1 };

struct block_segment {
	u64 address; /* physical */
	u32 length;  /* a multiple of the logical block size */
};

struct block_io {
	struct block_device *device;
	enum block_op op;
	u32 sectors;
	u64 sector;                      /* on the device, in units of 512 bytes */
	bool fua;                        /* a write that is on the medium when it ends; disk->can_fua */
	u32 segment_count;
	struct block_segment *segments;  /* none for others than BLOCK_READ and BLOCK_WRITE */
	void (*done)(struct block_io *io, int err); /* interrupt context, or that of the submitter */
	void *private;
	/* The block layer's. */
	struct list link;                /* pending list, plug, or leader's `merged` */
	struct list merged;              /* of the leader */
	u64 disk_sector;
	u32 all_sectors, all_segments;   /* of the leader: the whole request */
	bool alone;                      /* not to be merged: was part of a request that failed */
	u64 started_ns;
	u32 tries;                       /* the driver's, 0 at first: how often it sent it */
};

struct block_ops {
	/* Hands a request (io and what is merged with it) to the device: 0, or -EBUSY: as many are under way as can be; disk_complete makes room. disk->lock held. */
	int (*start)(struct disk *d, struct block_io *io);
	/* Tells the device of what was started; disk->lock held. */
	void (*kick)(struct disk *d);
	/* Commands that only this kind of disk has: -ENOTTY for others. May sleep. NULL: there are none. */
	long (*ioctl)(struct block_device *dev, struct file *f, u32 cmd, u64 arg);
	/* Nobody has it open or mounted any more. May sleep. May be NULL. */
	void (*unused)(struct disk *d);
};

/* What a disk hangs on, if that is known: /sys/class/CLASS/NAME. */
struct disk_controller {
	const char *class, *name;        /* "nvme", "nvme0" */
	char model[41], serial[21], firmware[9];
};

struct disk {
	char name[16];                   /* "vda" */
	u32 major, first_minor, minors;  /* it and its partitions have `minors` numbers of the major; further ones, and all with major 0, get those of BLOCK_EXT_MAJOR one by one */
	u64 sequence;                    /* of all disks: BLKGETDISKSEQ */
	u64 sectors;
	u32 logical_size, physical_size; /* bytes */
	u32 max_segments, max_sectors;   /* of one request */
	u32 max_discard;                 /* sectors; 0: cannot */
	u32 max_zero;                    /* sectors of one BLOCK_ZERO; 0: cannot */
	bool read_only, can_flush, can_fua;
	bool no_partitions;              /* none are looked for */
	bool whole_pages;                /* of the segments of a request, only the first may begin inside a page, and only the last end in one */
	u32 namespace_id;                /* of its controller's; 0: it has none */
	const struct disk_controller *controller; /* NULL */
	const struct block_ops *ops;
	void *private;
	struct spinlock lock;
	struct list pending;             /* lock */
	u32 in_flight;                   /* lock */
	u64 ios[BLOCK_OPS], merges[BLOCK_OPS], sectors_done[BLOCK_OPS], ns[BLOCK_OPS]; /* lock: by enum block_op */
	struct block_device *whole;
	struct list parts;               /* of struct block_device by part_link, those that are gone too: partition.c's mutex */
	struct list link;
};

struct block_device {
	char name[24];                   /* "vda1" */
	u64 dev;                         /* device number */
	struct disk *disk;
	u32 number;                      /* 0: the whole disk */
	u64 start, sectors;              /* on the disk */
	char uuid[40], label[40];        /* PARTUUID and name of the partition; "" if there is none */
	struct inode *inode;             /* its page cache */
	bool gone;                       /* atomic; set under open_mutex: a partition that the table does not have now */
	bool told_read_only;             /* atomic; BLKROSET: neither written through /dev nor mounted to be written */
	struct mutex open_mutex;         /* guards the three below */
	u32 openers;
	const void *holder;              /* who has it for himself (a mounted file system) */
	u32 block_size;                  /* of the buffer cache: what BLKBSZSET sets */
	struct list link, part_link;     /* all devices; disk->parts */
};

/* Reads the partition table, makes the device nodes. disk->lock is initialised and disk->ops work already. 0 or -errno. May sleep. */
int disk_add(struct disk *d);
/* The disk has become larger or smaller: nothing is under way past its end. */
void disk_set_sectors(struct disk *d, u64 sectors);
/* Drivers: a request has ended; calls the done functions and starts what waits. Interrupt context or not, disk->lock not held. */
void disk_complete(struct disk *d, struct block_io *io, int err);
/* Drivers: a request that start() turned away may be tried again, though none of this disk's has ended. As disk_complete. */
void disk_resume(struct disk *d);
void disk_for_each(void (*fn)(struct disk *d, void *arg), void *arg);

/* Any context in which the io's memory stays. Past the end of the device, and writes to a read-only one, end at once with an error. */
void block_submit(struct block_io *io);
/* Gathers ios, so that neighbours become one request and the device is told once. */
struct block_plug {
	struct list ios;
};
static inline void block_plug_init(struct block_plug *p) { list_init(&p->ios); }
void block_submit_plugged(struct block_plug *p, struct block_io *io);
void block_unplug(struct block_plug *p);

/* Submits and waits: 0 or -errno. */
int block_submit_wait(struct block_io *io);
/* Reads or writes `length` bytes (whole logical blocks) of kernel memory in the direct map: 0 or -errno. */
int block_rw(struct block_device *dev, enum block_op op, u64 sector, void *buf, u32 length);
/* As block_rw for a write that is on the medium when this returns 0; what was written before need not be. */
int block_write_through(struct block_device *dev, u64 sector, void *buf, u32 length);
/* What was written before is on the medium when this returns 0. */
int block_flush(struct block_device *dev);
/* What lies there is not wanted any more: 0, -EOPNOTSUPP, -EIO. */
int block_discard(struct block_device *dev, u64 sector, u64 sectors);
/* Zeroes, written by the device itself if it can: 0 or -errno. Whole logical blocks. */
int block_zero(struct block_device *dev, u64 sector, u64 sectors);

/* Is it, or its disk, not to be written? */
static inline bool block_device_read_only(const struct block_device *dev)
{
	return dev->disk->read_only || atomic_load(&dev->told_read_only) || atomic_load(&dev->disk->whole->told_read_only);
}
/* Called with a partition that has come or gone. May sleep. NULL: nobody listens. */
extern void (*block_device_changed)(struct block_device *dev);
struct block_device *block_device_find(u64 dev);               /* by number; NULL */
struct block_device *block_device_by_name(const char *name);   /* "vda1", "/dev/vda1", "PARTUUID=…", "LABEL"s are the file systems' affair; NULL */
/* The device that a node in the tree leads to, or one by name where there is no such node (root=): ERR_PTR(-ENOTBLK, -ENXIO, -ENOENT …). */
struct block_device *block_device_of_path(const char *path);
/* Takes the device for `holder` alone (other opens still work, other holders do not): 0, -EBUSY, -EROFS, -ENXIO: it is gone. release writes everything back. */
int block_device_claim(struct block_device *dev, const void *holder, bool write);
void block_device_release(struct block_device *dev, const void *holder);
/* Is it mounted, or open more than `opens` times? */
bool block_device_in_use(struct block_device *dev, u32 opens);
/* Writes back what programs wrote through /dev, and forgets all of its pages. */
int block_device_flush_cache(struct block_device *dev);

/* When dirty pages are written back and when their writers wait (writeback.c). Administrators set them; bytes, where not 0, in place of the percent. */
extern struct writeback_settings {
	u64 background_percent, background_bytes; /* above it they are written without regard to age */
	u64 limit_percent, limit_bytes;           /* above it writers wait */
	u64 period_cs, old_cs;                    /* in hundredths of a second: how often one looks (0: never), and what is old */
} writeback_settings;

#endif
