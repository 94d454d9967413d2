/* Path MTUs, learned from ICMP (RFC 1191, RFC 8201): a small table, in which a newer destination takes the place of an older one. */
#include "inet_priv.h"
#include "time/time.h"

#define MTU_SLOTS 64
#define MTU_KEPT (600 * NSEC_PER_SEC) /* RFC 1191 section 6.3: after ten minutes it may have grown */

static struct spinlock mtu_lock = SPINLOCK_INIT("path MTUs", RANK_NET_NEIGHBOUR);
static struct {
	struct address destination;
	u32 mtu;
	u64 until;
} mtus[MTU_SLOTS]; /* mtu_lock */
static bool mtu_any;

void path_mtu_learn(struct address destination, u32 mtu)
{
	/* Less is not believed: it would be an attack. */
	u32 least = address_is_v4(destination) ? 552 : 1280;
	unsigned i = address_hash(destination) % MTU_SLOTS;

	spin_lock(&mtu_lock);
	mtus[i].destination = destination;
	mtus[i].mtu = MAX(mtu, least);
	mtus[i].until = time_ns() + MTU_KEPT;
	WRITE_ONCE(mtu_any, true);
	spin_unlock(&mtu_lock);
}

u32 path_mtu_known(struct address destination, u32 device_mtu)
{
	unsigned i = address_hash(destination) % MTU_SLOTS;
	u32 mtu = device_mtu;

	if (!READ_ONCE(mtu_any))
		return mtu;
	spin_lock(&mtu_lock);
	if (address_equal(mtus[i].destination, destination) && mtus[i].until > time_ns())
		mtu = MIN(mtu, mtus[i].mtu);
	spin_unlock(&mtu_lock);
	return mtu;
}
