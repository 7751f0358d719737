/* Entry, exceptions and the last resort of a guest. */
#include "kernel.h"
#include "print.h"
#include "psci.h"
#include "sysreg.h"

extern char el1_vectors[];
static struct cpu boot_cpu;

u64 hypercall(u64 function, u64 a, u64 b)
{
  register u64 x0 asm("x0") = function;
  register u64 x1 asm("x1") = a;
  register u64 x2 asm("x2") = b;
  asm volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2) : : "x3", "memory");
  return x0;
}

/* start.S comes here at the virtual address. */
void kernel_entry(void)
{
  this_cpu = &boot_cpu;
  write_sysreg(VBAR_EL1, el1_vectors);
  isb();
  memory_init();
  interrupts_init();
  guest_main();
  power_off();
}

_Noreturn void kernel_panic(const char *why, const struct exception_frame *frame)
{
  asm volatile("msr daifset, #0xf" : : : "memory");
  print("\nkernel panic: %s\n", why);
  if (frame) {
    print("  ESR %08lx  FAR %016lx  ELR %016lx  LR %016lx\n", frame->esr, frame->far, frame->elr, frame->x[30]);
  }
  stop_timer();
  for (;;)
    wfi();
}

/* start.S calls this for every exception to EL1. */
void kernel_exception(unsigned entry, struct exception_frame *frame)
{
  if (entry == (VECTOR_CURRENT_SPX | VECTOR_IRQ)) {
    take_interrupt();
    return;
  }
  if (entry != (VECTOR_CURRENT_SPX | VECTOR_SYNC))
    kernel_panic("unexpected vector", frame);
  bool translation_fault = (frame->esr & 0x3c) == 0x04;
  if (ESR_EC(frame->esr) == 0x25 && translation_fault && take_page_fault(frame->far))
    return;
  kernel_panic(ESR_EC(frame->esr) == 0x25 ? "data abort" : ESR_EC(frame->esr) == 0x21 ? "instruction abort" : "exception",
               frame);
}
