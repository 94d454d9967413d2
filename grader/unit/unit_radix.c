/* sources: lib/radix.c lib/string.c */
#include "abi/errno.h"
#include "lib/radix.h"

static long nodes;

static void *node_alloc(size_t size)
{
	nodes++;
	u8 *p = malloc(size);
	for (size_t i = 0; i < size; i++)
		p[i] = 0;
	return p;
}

static void node_free(void *p, size_t size)
{
	(void)size;
	nodes--;
	free(p);
}

static void *no_memory(size_t size)
{
	(void)size;
	return NULL;
}

enum { N = 300 };
static u64 index_of[N];
static bool in[N];
static char items[N];

int main(void)
{
	struct radix r = RADIX_INIT;
	unsigned count = 0;

	radix_node_alloc = node_alloc;
	radix_node_free = node_free;
	for (unsigned i = 0; i < N; i++)
		index_of[i] = i < 100 ? i : unit_random() >> (unit_random() % 64);
	for (unsigned i = 0; i < N; i++)
		for (unsigned j = 0; j < i; j++)
			if (index_of[i] == index_of[j]) {
				index_of[i] = unit_random();
				j = 0;
			}
	for (unsigned step = 0; step < 20000; step++) {
		unsigned i = unit_random() % N;
		CHECK(radix_lookup(&r, index_of[i]) == (in[i] ? &items[i] : NULL));
		if (in[i]) {
			CHECK_EQ(radix_insert(&r, index_of[i], &items[0]), -EEXIST);
			CHECK(radix_remove(&r, index_of[i]) == &items[i]);
			count--;
		} else {
			CHECK(radix_remove(&r, index_of[i]) == NULL);
			CHECK_EQ(radix_insert(&r, index_of[i], &items[i]), 0);
			count++;
		}
		in[i] = !in[i];
		CHECK_EQ(r.count, count);
		if (step % 500 == 0) {
			u64 at = 0, last = 0;
			unsigned seen = 0;
			void *item;
			while ((item = radix_next(&r, &at))) {
				CHECK(!seen || at > last);
				CHECK_EQ(index_of[(char *)item - items], at);
				last = at;
				seen++;
				if (at++ == UINT64_MAX)
					break;
			}
			CHECK_EQ(seen, count);
		}
	}
	for (unsigned i = 0; i < N; i++)
		if (in[i])
			CHECK(radix_remove(&r, index_of[i]) == &items[i]);
	CHECK_EQ(nodes, 0);
	CHECK(r.root == NULL);
	radix_node_alloc = no_memory;
	CHECK_EQ(radix_insert(&r, UINT64_MAX, &items[0]), -ENOMEM);
	CHECK(radix_lookup(&r, UINT64_MAX) == NULL);
	return unit_failures != 0;
}
