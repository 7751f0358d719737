/* Floating point and Advanced SIMD, whose registers are not trapped. */
#include "bench.h"
#include "kernel.h"
#include "sysreg.h"

#define STEPS 300000
#define PRODUCTS 500
#define CPTR_RES1 0x33fful

int main(void)
{
  enable_mmu();
  write_sysreg(CPTR_EL2, CPTR_RES1);
  isb();
  u64 bodies = bodies_after(STEPS);
  print("float-simd: bodies %016lx, matrices %016lx\n", bodies, matrices_after(PRODUCTS));
  return 0;
}
