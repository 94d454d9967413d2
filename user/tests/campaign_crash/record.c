/*
 * Records of campaign_crash: what may be there under each name, told to the disk's log before a change begins and after a sync has returned.
 *
 * What a name allows grows by an alternative with each change that begins, and shrinks to what is there when a sync returns that covers it. One that has
 * been changed twice since may be anything: that is coarse, and never wrong. What changes under one name changes under the one that it was moved from, too,
 * if a cut takes the move back.
 */
#include "crash.h"

struct node nodes[NAMES];
struct name names[NAMES];

static const char *nonce;
static int marks_fd;
static off_t marks_first, marks_size, marks_at; /* this worker's part of the device */
static char *record; /* 64 bytes of head, then lines */
static size_t record_length;
static uint32_t crc_table[256];

uint32_t crc32_of(const void *data, size_t n)
{
	const unsigned char *p = data;
	uint32_t c = ~0u;

	while (n--)
		c = crc_table[(c ^ *p++) & 255] ^ c >> 8;
	return ~c;
}

static void crc_init(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;
		for (int k = 0; k < 8; k++)
			c = c & 1 ? c >> 1 ^ 0xedb88320 : c >> 1;
		crc_table[i] = c;
	}
}

void records_open(const char *device, long workers)
{
	crc_init();
	nonce = getenv("nonce") ? getenv("nonce") : "none";
	marks_fd = open(device, O_WRONLY | O_DIRECT);
	MUST(marks_fd, device);
	marks_size = lseek(marks_fd, 0, SEEK_END) / workers / 4096 * 4096;
	record = aligned_alloc(4096, 65536);
}

void records_of(int worker)
{
	marks_first = worker * marks_size;
}

void tell(const char *path, const char *allowed)
{
	record_length += (size_t)sprintf(record + 64 + record_length, "%s %s\n", path, allowed);
}

void tell_now(void)
{
	size_t bytes = (64 + record_length + 511) / 512 * 512;
	char head[65];

	if (!record_length)
		return;
	if (marks_at + (off_t)bytes > marks_size)
		marks_at = 0;
	snprintf(head, sizeof(head), "CRASH %s %zu", nonce, record_length);
	memset(record, ' ', 64);
	memcpy(record, head, strlen(head));
	memset(record + 64 + record_length, 0, bytes - 64 - record_length);
	if (pwrite(marks_fd, record, bytes, marks_first + marks_at) != (ssize_t)bytes)
		die("mark", "/dev/vda2");
	marks_at += (off_t)bytes;
	record_length = 0;
}

const char *state_of(const struct node *x)
{
	static char text[4][48];
	static int turn;
	char *t = text[turn++ % 4];

	if (!x)
		return "-";
	sprintf(t, "=%u:%08x", x->size, crc32_of(x->data, x->size));
	return t;
}

void settle(struct name *n)
{
	n->settled = !n->node || n->node->clean;
	n->moved = false;
	n->left = NULL;
	strcpy(n->allowed, n->settled ? state_of(n->node) : ANY);
	tell(n->path, n->allowed);
}

void settle_node(struct node *x)
{
	x->clean = true;
	for (int i = 0; i < NAMES; i++)
		if (names[i].node == x)
			settle(&names[i]);
}

void may(struct name *n, const char *more)
{
	if (!n->settled || strlen(n->allowed) + strlen(more) + 2 > sizeof(n->allowed)) {
		strcpy(n->allowed, ANY);
	} else {
		strcat(n->allowed, " ");
		strcat(n->allowed, more);
	}
	n->settled = false;
	tell(n->path, n->allowed);
}

void may_content(struct node *x, const char *more)
{
	x->clean = false;
	for (int i = 0; i < NAMES; i++) {
		struct name *n = &names[i];

		if (n->node != x && n->left != x)
			continue;
		if (!more || !n->settled) {
			strcpy(n->allowed, ANY);
			n->settled = false;
			tell(n->path, n->allowed);
		} else if (strcmp(more, "<") == 0) {
			n->allowed[0] = '<';
			n->settled = false;
			tell(n->path, n->allowed);
		} else {
			may(n, more);
		}
	}
	tell_now();
}
