/* What the files of campaign_crash share: the names that a worker changes, and the records of what may be there. campaign_crash.c says what it is for. */
#ifndef SWITCHBACK_TESTS_CRASH_H
#define SWITCHBACK_TESTS_CRASH_H

#include "../campaign.h"

#define NAMES 26
#define MOST 98304u /* bytes of a file */
#define ANY "*"

/* What the files of this worker should hold. Names that are links of each other share one. */
struct node {
	unsigned char data[MOST];
	uint32_t size;
	bool clean; /* a sync has returned since its content changed last */
};
struct name {
	char path[48], allowed[200];
	struct node *node;
	struct node *left; /* what a rename or a removal took from it, to which it leads again after a cut as long as no sync has covered that; or NULL */
	bool settled; /* `allowed` is what is there, and safe */
	bool moved;   /* a rename or link made it, and no sync has returned since: fdatasync does not promise that one */
};
extern struct node nodes[NAMES];
extern struct name names[NAMES];

/* PID 1's word, and its end: what cannot go wrong on a sound disk went wrong. */
void die(const char *what, const char *path);
#define MUST(call, path) do { if ((call) < 0) die(#call, path); } while (0)

/* record.c */
void records_open(const char *device, long workers); /* once, before the workers come; `nonce` is in the environment */
void records_of(int worker); /* its part of the device, from now on */
uint32_t crc32_of(const void *data, size_t n);
const char *state_of(const struct node *x); /* as a record says it; good for three more calls */
void tell(const char *path, const char *allowed);
void tell_now(void); /* what was told since the last time stands on the disk's log when this returns */
void settle(struct name *n); /* a sync has returned that covers this name */
void settle_node(struct node *x); /* and one that covers all names of this content */
void may(struct name *n, const char *more); /* a change of the name begins: `more` will be possible as well as what is now */
/* A change of the content begins. NULL: in the middle of it there may be anything. Else what will be possible besides; "<" alone: what is there stays as the beginning. */
void may_content(struct node *x, const char *more);

/* content.c: changes of one file. */
void random_bytes(unsigned char *at, size_t n);
void write_all(int fd, const struct node *x, size_t from, size_t n, const char *path);
void file_create(struct name *n);
void file_overwrite(struct name *n);
void file_append(struct name *n);
void file_cut(struct name *n);
void file_reserve(struct name *n);
void file_map_and_write(struct name *n);

/* names.c: changes of names. */
void name_remove(struct name *n);
void name_rename_over(struct name *n, struct name *to);
void name_link(struct name *n, struct name *to);
void name_replace(struct name *n);
void folder_links(int worker, int turn);
void folder_bursts(int worker, int turn);
void folder_comes_and_goes(int worker, int turn);

/* look.c: every disk: mounted, read, tried, unmounted, and a line for it. */
void look_all(void);

/* promises.c: a new file system on /dev/vda1 is mounted, changed a step at a time with a record behind each, and unmounted. */
void promises_all(void);

#endif
