/*
 * The 16550 UART: a serial line behind eight ports (National PC16550D data sheet, section 8).
 *
 *   +0  data (DLAB 0), divisor low (DLAB 1)      +3  line control: word length, DLAB
 *   +1  interrupt enable, divisor high (DLAB 1)   +4  modem control: DTR, RTS, OUT2 (lets interrupts out), loop
 *   +2  FIFO control (write)                      +5  line status: input ready, output empty
 *
 * The clock of the PC's part gives 115200 bit/s at divisor 1.
 */
#include "core/atomic.h"
#include "core/cpu.h"
#include "core/err.h"
#include "core/uart.h"

enum { DATA = UART_PORT, IER = UART_PORT + 1, FCR = UART_PORT + 2, LCR = UART_PORT + 3, MCR = UART_PORT + 4, LSR = UART_PORT + 5 };
#define LCR_8N1 0x03
#define LCR_DLAB 0x80
#define LSR_INPUT 0x01
#define LSR_OUTPUT_EMPTY 0x20
#define IER_INPUT 0x01

#include "core/todo.h"

/* Set 115200 bit/s, 8 bits, no parity, one stop bit; FIFOs on; interrupts off; DTR, RTS and OUT2 on. Find out by loop-back whether a chip is there. */
int uart_init(void)
{
	TODO("01-boot");
}

/* Wait until the transmitter is empty, then send c. */
void uart_putc(char c)
{
	TODO("01-boot");
}

/* Send len bytes; a terminal wants \r\n where we say \n. */
void uart_write(const char *buf, size_t len)
{
	TODO("01-boot");
}

/* A byte that has come in, or -1 at once. */
int uart_getc(void)
{
	TODO("01-boot");
}

/* Let the chip interrupt on input, or stop it. */
void uart_rx_interrupt(bool on)
{
	TODO("01-boot");
}
