/* The PL011 UART of the virt board. QEMU's and Hindsight's need no set-up; neither does a trapped one. */
#ifndef PL011_H
#define PL011_H

#define PL011_BASE 0x09000000ul
#define PL011_UARTDR 0x000
#define PL011_UARTFR 0x018
#define PL011_UARTIMSC 0x038
#define PL011_UARTFR_TXFF (1u << 5)
#define PL011_UARTFR_TXFE (1u << 7)
#define PL011_UARTFR_RXFE (1u << 4)

void pl011_put(char c);

#endif
