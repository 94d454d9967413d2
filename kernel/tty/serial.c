/*
 * ttyS0: the 16550 (core/uart.h) as a terminal, by interrupts.
 *
 *   in:  interrupt --> rx ring --> worker --> tty_feed.   A full ring switches the receive interrupt off: the chip's FIFO
 *        fills, the other side waits, and nothing is lost. The reader's throttle(false) sets the worker going again.
 *   out: straight to the chip while it takes bytes; what it does not take goes into the tx ring, which the transmitter's
 *        interrupt empties. Kernel messages use the chip as well, a byte at a time and only when it is empty, so a burst of
 *        BURST bytes leaves room for theirs.
 *
 * port_lock (spin, interrupts off) guards both rings and the interrupt enable register; it ranks below tty->lock.
 */
#include "core/cmdline.h"
#include "core/cpu.h"
#include "core/uart.h"
#include "irq/irq.h"
#include "lib/string.h"
#include "abi/stat.h"
#include "tty/tty_priv.h"

#define PORT_DATA (UART_PORT + 0)
#define PORT_IER (UART_PORT + 1)
#define PORT_IIR (UART_PORT + 2)
#define PORT_LSR (UART_PORT + 5)
#define PORT_MSR (UART_PORT + 6)
#define PORT_MCR (UART_PORT + 4)
#define IER_RX 1
#define IER_TX 2
#define IIR_NOTHING 1
#define LSR_READY 0x01
#define LSR_TX_EMPTY 0x20
#define BURST 14
#define RING 4096u

static struct spinlock port_lock = SPINLOCK_INIT("serial port", RANK_TTY_DEVICE);
static struct tty serial;
static char rx[RING], tx[RING];
static u32 rx_head, rx_tail, tx_head, tx_tail; /* count up for ever; port_lock */
static u8 ier;                                  /* port_lock */
static bool tx_stopped;                         /* ^S; port_lock */
static struct work rx_work;

static void set_ier(u8 bits)
{
	if (bits != ier)
		outb(PORT_IER, ier = bits);
}

/* Sends what the chip takes; interrupts go on by themselves while there is more. port_lock held. */
static void push_tx(void)
{
	while (tx_tail != tx_head && !tx_stopped && (inb(PORT_LSR) & LSR_TX_EMPTY))
		for (unsigned i = 0; i < BURST && tx_tail != tx_head; i++)
			outb(PORT_DATA, (u8)tx[tx_tail++ % RING]);
	set_ier(tx_tail != tx_head && !tx_stopped ? ier | IER_TX : ier & ~IER_TX);
}

static void pull_rx(void)
{
	while (inb(PORT_LSR) & LSR_READY) {
		if (rx_head - rx_tail == RING) {
			set_ier(ier & ~IER_RX);
			return;
		}
		rx[rx_head++ % RING] = (char)inb(PORT_DATA);
	}
}

static void serial_interrupt(void *arg __unused)
{
	u64 flags = spin_lock_irqsave(&port_lock);
	u32 before = tx_head - tx_tail;
	/* The line is edge-triggered: whatever comes up while another cause keeps it high makes no edge. So look until the chip asks for nothing. */
	for (unsigned i = 0; i < 64; i++) {
		pull_rx();
		push_tx();
		if (inb(PORT_IIR) & IIR_NOTHING)
			break;
	}
	bool input = rx_head != rx_tail, drained = before && tx_head - tx_tail < RING / 2;
	spin_unlock_irqrestore(&port_lock, flags);
	if (input)
		work_queue(&rx_work);
	if (drained)
		tty_wake_writers(&serial);
}

static void feed(struct work *w __unused)
{
	char chunk[128];
	for (;;) {
		size_t n = 0;
		u64 flags = spin_lock_irqsave(&port_lock);
		for (; n < sizeof(chunk) && rx_tail + n != rx_head; n++)
			chunk[n] = rx[(rx_tail + n) % RING];
		spin_unlock_irqrestore(&port_lock, flags);
		if (n == 0)
			return;
		size_t done = tty_feed(&serial, chunk, n);
		flags = spin_lock_irqsave(&port_lock);
		rx_tail += done;
		if (done && !(ier & IER_RX)) {
			set_ier(ier | IER_RX);
			pull_rx();
		}
		spin_unlock_irqrestore(&port_lock, flags);
		if (done < n)
			return;
	}
}

static size_t serial_write(struct tty *t __unused, const char *buf, size_t n)
{
	u64 flags = spin_lock_irqsave(&port_lock);
	size_t room = RING - (tx_head - tx_tail), take = MIN(n, room);
	for (size_t i = 0; i < take; i++)
		tx[tx_head++ % RING] = buf[i];
	push_tx();
	spin_unlock_irqrestore(&port_lock, flags);
	return take;
}

static size_t serial_write_room(struct tty *t __unused) { return RING - (READ_ONCE(tx_head) - READ_ONCE(tx_tail)); }
static size_t serial_pending(struct tty *t __unused) { return READ_ONCE(tx_head) - READ_ONCE(tx_tail); }

static void serial_throttle(struct tty *t __unused, bool on)
{
	if (!on)
		work_queue(&rx_work);
}

static void serial_flush_output(struct tty *t __unused)
{
	u64 flags = spin_lock_irqsave(&port_lock);
	tx_tail = tx_head;
	spin_unlock_irqrestore(&port_lock, flags);
}

static void serial_flow(struct tty *t __unused, bool stop)
{
	u64 flags = spin_lock_irqsave(&port_lock);
	tx_stopped = stop;
	push_tx();
	spin_unlock_irqrestore(&port_lock, flags);
}

/* TIOCM_* from the chip's modem lines: DTR 2, RTS 4 (ours), CTS 0x20, CD 0x40, RI 0x80, DSR 0x100 (theirs). */
static int serial_modem(struct tty *t __unused, u32 set, u32 clear, u32 *state)
{
	u64 flags = spin_lock_irqsave(&port_lock);
	u8 mcr = inb(PORT_MCR), msr = inb(PORT_MSR);
	if (set || clear) {
		mcr = (u8)((mcr & ~((clear & 2 ? 1 : 0) | (clear & 4 ? 2 : 0))) | (set & 2 ? 1 : 0) | (set & 4 ? 2 : 0));
		outb(PORT_MCR, mcr);
	}
	spin_unlock_irqrestore(&port_lock, flags);
	*state = (mcr & 1 ? 2 : 0) | (mcr & 2 ? 4 : 0) | (msr & 0x10 ? 0x20 : 0) | (msr & 0x80 ? 0x40 : 0) | (msr & 0x40 ? 0x80 : 0) |
		 (msr & 0x20 ? 0x100 : 0);
	return 0;
}

static const struct tty_ops serial_ops = {
	.write = serial_write,
	.write_room = serial_write_room,
	.pending = serial_pending,
	.throttle = serial_throttle,
	.flush_output = serial_flush_output,
	.flow = serial_flow,
	.modem = serial_modem,
};

/* The speed that `console=ttyS0,N` names; 9600 without, as ever. (The line itself is as fast as its emulation.) */
static u32 console_speed(void)
{
	char text[32];
	if (cmdline_get("console", text, sizeof(text)) || !str_starts(text, "ttyS0,"))
		return B9600;
	return tty_speed_code((u32)parse_u64(text + 6, NULL, 10));
}

struct tty *serial_tty(void)
{
	static bool ready;
	if (ready)
		return &serial;
	if (!uart_present())
		return NULL;
	work_init(&rx_work, feed);
	tty_init(&serial, "ttyS0", abi_makedev(4, 64), &serial_ops, NULL);
	serial.termios.cflag = console_speed() | CS8 | CREAD | HUPCL | CLOCAL;
	if (irq_request_isa(UART_IRQ, serial_interrupt, NULL, "ttyS0"))
		return NULL;
	ready = true;
	u64 flags = spin_lock_irqsave(&port_lock);
	outb(PORT_IER, ier = IER_RX);
	pull_rx(); /* what was typed during boot */
	spin_unlock_irqrestore(&port_lock, flags);
	work_queue(&rx_work);
	return &serial;
}
