#include "gic.h"
#include "hypervisor.h"
#include "print.h"
#include "sysreg.h"

static void print_state(const struct exception_frame *frame)
{
  print("  guest %u  ESR %08lx  ELR %016lx  SPSR %08lx\n", current ? current->id : 0, frame->esr, frame->elr, frame->spsr);
  print("  FAR %016lx  HPFAR %016lx  VTTBR %016lx\n", frame->far, read_sysreg(HPFAR_EL2), read_sysreg(VTTBR_EL2));
  for (unsigned n = 0; n < 31; n++)
    print("  x%02u %016lx%s", n, frame->x[n], n % 3 == 2 ? "\n" : "");
  print("\n");
}

/* The end of the road: say what is known, and stop for good. With the timers off, nothing ends the WFI. */
_Noreturn void panic(const char *why, const struct exception_frame *frame)
{
  print("\nhypervisor panic: %s\n", why);
  if (frame)
    print_state(frame);
  write_sysreg(CNTHP_CTL_EL2, 0);
  write_sysreg(CNTV_CTL_EL0, 0);
  for (;;)
    wfi();
}
