/*
 * Random numbers: ChaCha20 under a key that every use replaces ("fast key erasure"): of each batch of blocks the first 32 bytes become the next key, the rest
 * is given out piece by piece and wiped at once, so that what was given out cannot be found again from the state that is left.
 *
 * The first key comes from RDRAND and RDSEED where there are such, from the jitter of the TSC, and from the time; samples of events are stirred in as they come.
 */
#include "core/random.h"
#include "core/boot_clock.h"
#include "core/cpu.h"
#include "core/spinlock.h"
#include "lib/chacha.h"
#include "lib/string.h"

static struct spinlock random_lock = SPINLOCK_INIT("random", RANK_NONE);
static u32 key[8];          /* random_lock */
static u64 counter, pool;   /* random_lock */
#define BATCH 5
static u8 batch[BATCH * 64]; /* random_lock: the last `left` bytes may be given out, the others are wiped */
static size_t left;          /* random_lock */
static bool seeded;

static u64 hardware_random(void)
{
	u64 v = 0;
	u8 ok;

	if (!cpu_has(CPU_RDRAND))
		return 0;
	for (int tries = 0; tries < 10; tries++) {
		__asm__ volatile("rdrand %0; setc %1" : "=r"(v), "=qm"(ok)::"cc");
		if (ok)
			return v;
	}
	return 0;
}

/* How long a port read takes varies in its lowest bits. */
static u64 jitter(void)
{
	u64 v = 0;

	for (int i = 0; i < 64; i++) {
		inb(0x80);
		v = (v << 1 | v >> 63) ^ rdtsc();
	}
	return v;
}

/* A new batch, from a key that is then gone. */
static void refill(void)
{
	u32 nonce[4] = { 0, (u32)counter, (u32)pool, (u32)(pool >> 32) };

	counter++;
	for (; nonce[0] < BATCH; nonce[0]++)
		chacha20_block(key, nonce, batch + nonce[0] * 64);
	memcpy(key, batch, 32);
	memset(batch, 0, 32);
	left = sizeof(batch) - 32;
}

static void seed(void)
{
	for (int i = 0; i < 4; i++) {
		u64 v = hardware_random() ^ (i & 1 ? boot_clock_tsc_start + (u64)i : jitter());
		key[2 * i] ^= (u32)v;
		key[2 * i + 1] ^= (u32)(v >> 32);
	}
	refill();
	seeded = true;
}

void random_bytes(void *buf, size_t n)
{
	char *out = buf;

	while (n > 0) {
		u64 flags = spin_lock_irqsave(&random_lock);
		if (!seeded)
			seed();
		if (!left)
			refill();
		size_t take = MIN(n, left);
		u8 *from = batch + sizeof(batch) - left;
		memcpy(out, from, take);
		memset(from, 0, take);
		left -= take;
		spin_unlock_irqrestore(&random_lock, flags);
		out += take;
		n -= take;
	}
}

u64 random_u64(void)
{
	u64 v;

	random_bytes(&v, sizeof(v));
	return v;
}

void random_stir(u64 sample)
{
	u64 flags = spin_lock_irqsave(&random_lock);

	pool = (pool << 7 | pool >> 57) ^ sample ^ rdtsc();
	spin_unlock_irqrestore(&random_lock, flags);
}
