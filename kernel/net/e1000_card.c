/* The 8254x itself (e1000.c): its address, its reset, its registers before it works, and the groups that it hears. */
#include "e1000_priv.h"

#include "core/atomic.h"
#include "core/random.h"
#include "lib/string.h"
#include "mm/frame.h"
#include "time/time.h"

#define THROTTLE 195u /* 13.4.18: units of 256 ns between interrupts: 20,000 of them a second */

/* --- its state -------------------------------------------------------------------------------------------------------- */

/* Sections 14.4 and 14.5. */
void e1000_start(struct e1000 *e)
{
	u64 rx = virt_to_phys((void *)e->rx), tx = virt_to_phys((void *)e->tx);
	const u8 *a = e->dev.address;

	for (u32 i = 0; i < E1000_RING; i++) {
		e->rx[i].address = virt_to_phys(e->rx_packets[i]->data);
		e->rx[i].status = 0;
	}
	e->rx_next = e->tx_done = e->tx_next = 0;
	e->rx_skip = false;
	e->context = 0;
	barrier();
	e1000_write(e, E1000_CTRL, (e1000_read(e, E1000_CTRL) & ~(u32)(CTRL_LRST | CTRL_ILOS)) | CTRL_SLU | CTRL_ASDE);
	for (u32 at = E1000_FCAL; at <= E1000_FCT; at += 4)
		e1000_write(e, at, 0); /* no flow control */
	e1000_write(e, E1000_FCTTV, 0);
	e1000_write(e, E1000_RAL, (u32)a[0] | (u32)a[1] << 8 | (u32)a[2] << 16 | (u32)a[3] << 24);
	e1000_write(e, E1000_RAH, a[4] | (u32)a[5] << 8 | RAH_AV);
	e1000_write(e, E1000_RDBAL, (u32)rx);
	e1000_write(e, E1000_RDBAH, (u32)(rx >> 32));
	e1000_write(e, E1000_RDLEN, E1000_RING * (u32)sizeof(struct e1000_rx_desc));
	e1000_write(e, E1000_RDH, 0);
	e1000_write(e, E1000_RDT, E1000_RING - 1);
	e1000_write(e, E1000_RDTR, 0);
	e1000_write(e, E1000_RADV, 0);
	e1000_write(e, E1000_RXCSUM, RXCSUM_IPOFL | RXCSUM_TUOFL);
	e1000_write(e, E1000_TDBAL, (u32)tx);
	e1000_write(e, E1000_TDBAH, (u32)(tx >> 32));
	e1000_write(e, E1000_TDLEN, E1000_RING * (u32)sizeof(union e1000_tx_desc));
	e1000_write(e, E1000_TDH, 0);
	e1000_write(e, E1000_TDT, 0);
	e1000_write(e, E1000_TIDV, 0);
	e1000_write(e, E1000_TADV, 0);
	e1000_write(e, E1000_TIPG, TIPG_COPPER);
	e1000_write(e, E1000_ITR, THROTTLE);
	e1000_write(e, E1000_RCTL, RCTL_EN | RCTL_BAM | RCTL_SECRC);
	e1000_write(e, E1000_TCTL, TCTL_EN | TCTL_PSP | TCTL_CT_16 | TCTL_COLD_FULL);
}

/* 13.4.1: it is back after a microsecond, and has read its EEPROM after a few milliseconds more. */
void e1000_reset(struct e1000 *e)
{
	e1000_write(e, E1000_IMC, ~0u);
	e1000_write(e, E1000_RCTL, 0);
	e1000_write(e, E1000_TCTL, 0);
	e1000_write(e, E1000_CTRL, e1000_read(e, E1000_CTRL) | CTRL_RST);
	time_delay_us(5000);
	e1000_write(e, E1000_IMC, ~0u);
	e1000_read(e, E1000_ICR);
}

/* --- what it hears ---------------------------------------------------------------------------------------------------- */

/* 13.5.1: with RCTL.MO 0 bits 47 to 36 of a group's address, as they go over the wire last, say which bit of the table lets it through. */
static void hear(void *arg, const u8 *address)
{
	u32 *table = arg, hash = ((u32)address[4] >> 4 | (u32)address[5] << 4) & 0xfff;

	table[hash / 32] |= 1u << hash % 32;
}

void e1000_filter(struct netdev *dev)
{
	struct e1000 *e = dev->driver;
	u32 table[E1000_MTA_WORDS] = { 0 }, rctl = RCTL_EN | RCTL_BAM | RCTL_SECRC;

	netdev_each_group(dev, hear, table);
	rctl |= netdev_hears_all(dev) ? RCTL_UPE | RCTL_MPE : netdev_hears_groups(dev) ? RCTL_MPE : 0;
	u64 irq = spin_lock_irqsave(&e->lock);
	for (u32 i = 0; i < E1000_MTA_WORDS; i++)
		e1000_write(e, E1000_MTA + 4 * i, table[i]);
	e1000_write(e, E1000_RCTL, rctl);
	spin_unlock_irqrestore(&e->lock, irq);
}

/* --- its address ------------------------------------------------------------------------------------------------------ */

/* 5.3.1: a word of the EEPROM; -1: none. */
static int eeprom_word(struct e1000 *e, u32 at)
{
	e1000_write(e, E1000_EERD, EERD_START | at << 8);
	for (u32 tries = 0; tries < 1000; tries++) {
		u32 v = e1000_read(e, E1000_EERD);
		if (v & EERD_DONE)
			return (int)(v >> 16);
		time_delay_us(5);
	}
	return -1;
}

static bool is_host(const u8 *a)
{
	static const u8 none[ETHER_ADDRESS];

	return !(a[0] & 1) && memcmp(a, none, ETHER_ADDRESS) != 0;
}

/* The first three words of the EEPROM (5.6.1); the receive address that the firmware left; or a made-up one. */
void e1000_find_address(struct e1000 *e)
{
	u8 *a = e->dev.address;
	u32 low = e1000_read(e, E1000_RAL), high = e1000_read(e, E1000_RAH);

	for (u32 i = 0; i < 3; i++) {
		int word = eeprom_word(e, i);
		a[2 * i] = word < 0 ? 0 : (u8)word;
		a[2 * i + 1] = word < 0 ? 0 : (u8)(word >> 8);
	}
	if (!is_host(a) && high & RAH_AV) {
		memcpy(a, &low, 4);
		memcpy(a + 4, &high, 2);
	}
	if (!is_host(a)) {
		random_bytes(a, ETHER_ADDRESS);
		a[0] = (u8)((a[0] & 0xfe) | 2); /* one host, locally administered */
	}
	memset(e->dev.broadcast, 0xff, ETHER_ADDRESS);
}
