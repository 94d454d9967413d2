/* stage: 10; libc: musl; run: scenario
 * A disk without a file system: four at a time read all of it, then write its second half, some past the page cache and some through it. */
#include "disk.h"

#define BLOCK 4096
#define HANDS 4

static uint32_t crc(const unsigned char *p, size_t n)
{
	uint32_t c = ~0u;

	while (n--) {
		c ^= *p++;
		for (int k = 0; k < 8; k++)
			c = c >> 1 ^ (c & 1 ? 0xedb88320u : 0);
	}
	return ~c;
}

static void pattern(uint32_t *words, unsigned block)
{
	for (unsigned i = 0; i < BLOCK / 4; i++)
		words[i] = seed() * 2654435761u + block * 1000003u + i;
}

/* Blocks hand, hand + 4 … of [from, to). */
static void work(int hand, unsigned from, unsigned to, int writing, uint32_t *sum)
{
	static uint32_t buf[BLOCK / 4] __attribute__((aligned(BLOCK)));
	int fd = open("/dev/vda", (writing ? O_RDWR : O_RDONLY) | (hand % 2 ? O_DIRECT : 0));

	must(fd >= 0, "open");
	for (unsigned b = from + (unsigned)hand; b < to; b += HANDS) {
		if (writing) {
			pattern(buf, b);
			must(pwrite(fd, buf, BLOCK, (off_t)b * BLOCK) == BLOCK, "write");
		} else {
			must(pread(fd, buf, BLOCK, (off_t)b * BLOCK) == BLOCK, "read");
			*sum += crc((unsigned char *)buf, BLOCK) * (b + 1);
		}
	}
	must(!writing || fsync(fd) == 0, "fsync");
	close(fd);
}

static void all_hands(unsigned from, unsigned to, int writing, uint32_t *sums)
{
	for (int hand = 0; hand < HANDS; hand++)
		if (!fork()) {
			work(hand, from, to, writing, &sums[hand]);
			_exit(0);
		}
	for (int hand = 0, status; hand < HANDS; hand++)
		must(wait(&status) > 0 && status == 0, "a hand");
}

int main(void)
{
	uint32_t *sums = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), wanted[BLOCK / 4];
	int fd = open("/dev/vda", O_RDONLY);
	unsigned blocks;

	must(fd >= 0, "open");
	blocks = (unsigned)(lseek(fd, 0, SEEK_END) / BLOCK);
	say("blocks %u\n", blocks);
	all_hands(0, blocks, 0, sums);
	say("sum %08x\n", sums[0] + sums[1] + sums[2] + sums[3]);
	all_hands(blocks / 2, blocks, 1, sums);
	for (unsigned b = blocks / 2; b < blocks; b++) {
		static uint32_t buf[BLOCK / 4];

		pattern(wanted, b);
		must(pread(fd, buf, BLOCK, (off_t)b * BLOCK) == BLOCK, "read");
		errno = EIO;
		must(!memcmp(buf, wanted, BLOCK), "what was written is not read");
	}
	say("written\n");
	return 0;
}
