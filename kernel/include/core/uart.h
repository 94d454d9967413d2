/* The first serial port (16550, COM1). */
#ifndef CORE_UART_H
#define CORE_UART_H

#include "core/printk.h"

#define UART_IRQ 4
#define UART_PORT 0x3f8

/* Student's (core/uart16550.c, lab 01). */
int uart_init(void);                          /* 115200 8N1, FIFOs on, no interrupts; 0, or -ENODEV if no port answers */
void uart_putc(char c);                       /* waits for room, then sends c as it is */
void uart_write(const char *buf, size_t len); /* sends \n as \r\n */
int uart_getc(void);                          /* a byte that has come in, or -1 */
void uart_rx_interrupt(bool on);              /* line UART_IRQ on input, or not */

/* Given: the console "ttyS0" over it. Registers it if uart_init finds the port. */
void uart_console_init(void);
bool uart_present(void);

#endif
