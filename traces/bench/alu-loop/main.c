/* Arithmetic in registers: no memory, one loop. */
#include "bench.h"

#define REPETITIONS 60000000

int main(void)
{
  u64 a = 0x9e3779b97f4a7c15, b = 1, c = 0;
  enable_mmu();
  for (u32 n = 0; n < REPETITIONS; n++) {
    a ^= a << 13;
    a ^= a >> 7;
    a ^= a << 17;
    b = b * 6364136223846793005 + a;
    c += (b >> 33) ^ (a & n);
    c = c << 5 | c >> 59;
  }
  print("alu-loop: %016lx\n", a ^ b ^ c);
  return 0;
}
