#include "psci.h"
#include "types.h"

_Noreturn void power_off(void)
{
  register u64 function asm("x0") = PSCI_SYSTEM_OFF;
  asm volatile("smc #0" : "+r"(function) : : "x1", "x2", "x3", "memory");
  for (;;) {
  }
}
