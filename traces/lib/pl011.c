#include "pl011.h"
#include "sysreg.h"

void pl011_put(char c)
{
  while (mmio_read32(PL011_BASE + PL011_UARTFR) & PL011_UARTFR_TXFF) {
  }
  mmio_write32(PL011_BASE + PL011_UARTDR, (u8)c);
}
