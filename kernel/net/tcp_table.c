/*
 * Connections by their names, listeners by their ports, and the numbers that a connection starts with.
 *
 * Locks: hash_lock guards both tables; tcp_ports.lock comes before it.
 */
#include "core/random.h"
#include "lib/chacha.h"
#include "lib/hash.h"
#include "tcp_priv.h"
#include "time/time.h"

#define CONNECTION_BUCKETS 8192
#define LISTENER_BUCKETS 256

struct port_table tcp_ports;
u32 tcp_time_wait_count; /* atomic */
static struct spinlock hash_lock = SPINLOCK_INIT("TCP connections", RANK_NET_HASH);
static struct list connections[CONNECTION_BUCKETS], listeners[LISTENER_BUCKETS]; /* hash_lock */
static u64 hash_secret;
static u32 number_key[8];

/* a asks, b is there. tcp_ports.lock held. */
static bool may_share(const struct inet_sock *a, const struct inet_sock *b)
{
	const struct tcp_sock *other = (const struct tcp_sock *)b;

	if (a->options->reuse_port && b->options->reuse_port && a->uid == b->uid)
		return true;
	return a->options->reuse_address && b->options->reuse_address && READ_ONCE(other->state) != TCP_LISTEN;
}

void tcp_table_init(void)
{
	port_table_init(&tcp_ports, "TCP ports", may_share);
	for (unsigned i = 0; i < CONNECTION_BUCKETS; i++)
		list_init(&connections[i]);
	for (unsigned i = 0; i < LISTENER_BUCKETS; i++)
		list_init(&listeners[i]);
	hash_secret = random_u64();
	random_bytes(number_key, sizeof(number_key));
}

static struct list *bucket(struct address local, u16 local_port, struct address remote, u16 remote_port)
{
	u64 h = hash_u64(((u64)address_hash(local) << 32 | address_hash(remote)) ^ hash_secret);

	h = hash_u64(h ^ ((u64)local_port << 16 | remote_port));
	return &connections[h % CONNECTION_BUCKETS];
}

static bool is_named(const struct inet_sock *sk, struct address local, u16 local_port, struct address remote, u16 remote_port)
{
	return sk->remote_port == remote_port && sk->local_port == local_port && address_equal(sk->remote, remote) && address_equal(sk->local, local);
}

/* hash_lock held. */
static struct tcp_sock *find(struct address local, u16 local_port, struct address remote, u16 remote_port)
{
	struct tcp_sock *t;

	list_for_each(t, bucket(local, local_port, remote, remote_port), hash_link)
		if (is_named(&t->sk, local, local_port, remote, remote_port))
			return t;
	return NULL;
}

static void insert(struct list *to, struct tcp_sock *t)
{
	inet_get(&t->sk);
	t->hashed = true;
	list_add(to, &t->hash_link);
}

void tcp_hash(struct tcp_sock *t)
{
	const struct inet_sock *sk = &t->sk;

	spin_lock(&hash_lock);
	if (!t->hashed)
		insert(t->state == TCP_LISTEN ? &listeners[sk->local_port % LISTENER_BUCKETS] : bucket(sk->local, sk->local_port, sk->remote, sk->remote_port), t);
	spin_unlock(&hash_lock);
}

void tcp_unhash(struct tcp_sock *t)
{
	spin_lock(&hash_lock);
	bool was = t->hashed;
	if (was) {
		list_del(&t->hash_link);
		t->hashed = false;
	}
	spin_unlock(&hash_lock);
	if (was)
		inet_put(&t->sk);
}

/* --- who a segment is for ------------------------------------------------------------------------------------------- */

static int score(const struct inet_sock *sk, struct address local, const struct netdev *dev)
{
	if (!inet_takes(sk, local) || (sk->device && dev && sk->device != dev->index))
		return -1;
	/* "Any" of the segment's own family is nearer than "any" of both. */
	return (!address_is_any(sk->local) ? 4 : 0) + (sk->device ? 2 : 0) + (address_is_v4(local) == (sk->family == AF_INET) ? 1 : 0);
}

struct tcp_sock *tcp_find_listener(struct address local, u16 local_port, u32 source_hint, const struct netdev *dev)
{
	struct tcp_sock *t, *best = NULL;
	int best_score = -1;
	u32 equals = 0, chance = source_hint * 2654435761u;

	spin_lock(&hash_lock);
	list_for_each(t, &listeners[local_port % LISTENER_BUCKETS], hash_link) {
		if (t->sk.local_port != local_port)
			continue;
		int n = score(&t->sk, local, dev);
		if (n < 0 || n < best_score)
			continue;
		/* Of several that share a port by SO_REUSEPORT the client's name decides. */
		if (n > best_score)
			equals = 1;
		else if ((chance >> 8) % ++equals)
			continue;
		best = t;
		best_score = n;
	}
	if (best)
		inet_get(&best->sk);
	spin_unlock(&hash_lock);
	return best;
}

struct tcp_sock *tcp_find(struct address local, u16 local_port, struct address remote, u16 remote_port, const struct netdev *dev)
{
	spin_lock(&hash_lock);
	struct tcp_sock *t = find(local, local_port, remote, remote_port);
	if (t)
		inet_get(&t->sk);
	spin_unlock(&hash_lock);
	return t ? t : tcp_find_listener(local, local_port, address_hash(remote) ^ remote_port, dev);
}

/* --- ports ---------------------------------------------------------------------------------------------------------- */

bool tcp_port_conflicts(struct tcp_sock *t)
{
	struct inet_sock *other, *sk = &t->sk;
	bool bad = false;

	spin_lock(&tcp_ports.lock);
	list_for_each(other, port_bucket(&tcp_ports, sk->local_port), port_link) {
		if (other == sk || other->local_port != sk->local_port || !inet_names_overlap(sk, sk->local, other, other->local))
			continue;
		bad |= !may_share(sk, other);
	}
	spin_unlock(&tcp_ports.lock);
	return bad;
}

/* A port that was asked for by bind is nobody else's; those of connections may be shared as long as the whole name differs. tcp_ports.lock held. */
static bool port_taken(u16 port)
{
	struct inet_sock *other;

	list_for_each(other, port_bucket(&tcp_ports, port), port_link)
		if (other->local_port == port && (other->user_port || READ_ONCE(tcp_of(other)->state) == TCP_LISTEN || READ_ONCE(tcp_of(other)->state) == TCP_CLOSED))
			return true;
	return false;
}

/* hash_lock taken inside. True: the name was free, and is t's now. */
static bool claim(struct tcp_sock *t, u16 port)
{
	struct inet_sock *sk = &t->sk;

	spin_lock(&hash_lock);
	struct tcp_sock *other = find(sk->local, port, sk->remote, sk->remote_port);
	/* RFC 9293 section 3.6.1, RFC 6191: a connection that only waits may give up its name if our numbers start behind its own. */
	bool is_free = !other || (READ_ONCE(other->state) == TCP_TIME_WAIT && other->ts_ok && time_ns() - other->ts_recent_ns > NSEC_PER_SEC);
	if (is_free) {
		sk->local_port = port;
		insert(bucket(sk->local, port, sk->remote, sk->remote_port), t);
	}
	spin_unlock(&hash_lock);
	return is_free;
}

int tcp_hash_connect(struct tcp_sock *t)
{
	struct inet_sock *sk = &t->sk;

	if (sk->ports)
		return claim(t, sk->local_port) ? 0 : -EADDRNOTAVAIL;
	u32 count = port_range[1] - port_range[0] + 1u, start = (u32)(random_u64() % count);
	int err = -EADDRNOTAVAIL;
	spin_lock(&tcp_ports.lock);
	for (u32 i = 0; err && i < count; i++) {
		u16 port = (u16)(port_range[0] + (start + i) % count);
		if (port_taken(port) || !claim(t, port))
			continue;
		sk->ports = &tcp_ports;
		inet_get(sk);
		list_add(port_bucket(&tcp_ports, port), &sk->port_link);
		err = 0;
	}
	spin_unlock(&tcp_ports.lock);
	return err;
}

/* --- numbers -------------------------------------------------------------------------------------------------------- */

/* Of the name, different for every salt and every boot. */
static void hash_name(const struct tcp_sock *t, u32 salt, u32 out[16])
{
	const struct inet_sock *sk = &t->sk;
	u32 ports = (u32)sk->local_port << 16 | sk->remote_port;

	if (address_is_v4(sk->local)) {
		u32 name[4] = { address_to_v4(sk->local), address_to_v4(sk->remote), ports, salt };
		chacha20_block(number_key, name, (u8 *)out);
		return;
	}
	/* Each block is the next one's key. */
	u32 by_local[16], by_both[16], rest[4] = { ports, salt, 0, 0 };
	chacha20_block(number_key, sk->local.words, (u8 *)by_local);
	chacha20_block(by_local, sk->remote.words, (u8 *)by_both);
	chacha20_block(by_both, rest, (u8 *)out);
}

u32 tcp_name_hash(const struct tcp_sock *t, u32 salt)
{
	u32 out[16];

	hash_name(t, salt, out);
	return out[0];
}

/* RFC 6528 section 3: a clock of four microseconds, and a secret function of the name. The same for timestamps (RFC 7323 section 5.4). */
void tcp_first_numbers(struct tcp_sock *t)
{
	u32 out[16];

	hash_name(t, 0, out);
	t->iss = out[0] + (u32)(time_ns() / 4000);
	t->ts_offset = out[1];
	t->snd_una = t->snd_nxt = t->snd_max = t->write_seq = t->snd_up = t->snd_small = t->recover = t->iss;
}
